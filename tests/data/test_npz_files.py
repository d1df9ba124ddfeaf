"""NPZ files: the usual names, other names, and every refusal word for word."""

import contextlib
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.data.columns import Block, Numbers, Text
from chainrule.data.npz_files import parse_npz
from chainrule.data.reading import read
from chainrule.errors import DataError

X = np.arange(12.0).reshape(4, 3)
Y = np.array([0, 1, 1, 0])


def saved(compressed=False, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def refusal(raw, targets=()):
    with pytest.raises(DataError) as caught:
        parse_npz(raw, "f.npz", targets)
    return str(caught.value)


@pytest.mark.parametrize("compressed", [False, True])
def test_x_and_y(compressed):
    dataset = parse_npz(saved(compressed, X=X, y=Y), "f.npz")
    assert dataset.targets == ("y",)
    assert dataset.test is None
    assert dataset.table.names == ("x0", "x1", "x2", "y")
    block, target = dataset.table.columns
    assert isinstance(block, Block)
    np.testing.assert_array_equal(block.values, X)
    assert isinstance(target, Numbers)
    assert dataset.table.place(3) == "row 3"


@pytest.mark.parametrize("x", ["X", "x", "X_train", "x_train"])
@pytest.mark.parametrize("y", ["y", "y_train", "labels", "target"])
def test_usual_names_and_test_arrays(x, y):
    stem, label = x.removesuffix("_train"), y.removesuffix("_train")
    raw = saved(**{x: X, y: Y, f"{stem}_test": X[:2], f"{label}_test": Y[:2]})
    dataset = parse_npz(raw, "f.npz")
    assert dataset.targets == (label,)
    assert dataset.table.names == dataset.test.names == ("x0", "x1", "x2", label)
    assert (len(dataset.table), len(dataset.test)) == (4, 2)
    assert dataset.test.source == "f.npz (test arrays)"


def test_test_arrays_alone_are_the_table():
    dataset = parse_npz(saved(X_test=X, y_test=Y), "f.npz")
    assert dataset.test is None
    assert dataset.table.names == ("x0", "x1", "x2", "y")
    assert dataset.targets == ("y",)


def test_any_names():
    town = np.array(["Troy", "Rome", "", "Troy"])
    raw = saved(age=[1.0, 2.0, 3.0, 4.0], town=town, member=[True, False, True, True], speed=X)
    dataset = parse_npz(raw, "f.npz", ["age", "speed"])
    assert dataset.table.names == ("age", "town", "member", "speed0", "speed1", "speed2")
    assert dataset.targets == ("age", "speed0", "speed1", "speed2")
    assert dataset.table["town"].values == ["Troy", "Rome", None, "Troy"]
    assert dataset.table["member"].values == ["True", "False", "True", "True"]
    assert parse_npz(raw, "f.npz").targets == ()
    assert parse_npz(raw, "f.npz", ["speed1"]).targets == ("speed1",)


def test_bytes_text():
    dataset = parse_npz(saved(X=X, y=np.array([b"a", b"b", b"a", b"b"])), "f.npz")
    assert dataset.table["y"].values == ["a", "b", "a", "b"]


def test_one_hot_targets_are_classes():
    one_hot = np.eye(3)[[2, 0, 1, 1]]
    dataset = parse_npz(saved(X=X, y=one_hot, X_test=X, y_test=one_hot), "f.npz")
    assert dataset.targets == ("y",)
    assert dataset.table["y"].values.tolist() == [2.0, 0.0, 1.0, 1.0]
    assert dataset.test["y"].values.tolist() == [2.0, 0.0, 1.0, 1.0]


def test_several_target_columns():
    dataset = parse_npz(saved(X=X, y=X[:, :2]), "f.npz")
    assert dataset.targets == ("y0", "y1")


def test_images_and_their_grey_values():
    images = np.arange(4 * 20).reshape(4, 4, 5).astype(np.uint8)
    for array in (images, images.reshape(4, 20)):
        block = parse_npz(saved(X=array, y=Y), "f.npz").table.columns[0]
        assert block.alike
        assert block.values.dtype == np.float32
        np.testing.assert_allclose(block.values, images.reshape(4, 20) / 255, rtol=1e-6)
    assert parse_npz(saved(X=images.astype(float), y=Y), "f.npz").table.columns[0].alike
    few = parse_npz(saved(X=images[:, 0], y=Y), "f.npz").table.columns[0]
    assert not few.alike
    assert few.values.max() == 64


def test_float32_stays_and_float16_widens():
    for dtype in (np.float16, np.float32):
        assert parse_npz(saved(X=X.astype(dtype), y=Y), "f.npz").table.columns[0].values.dtype == np.float32


def test_a_column_vector_is_a_column():
    table = parse_npz(saved(X=X, y=Y[:, np.newaxis], z=np.array([["a"]] * 4)), "f.npz").table
    assert isinstance(table["y"], Numbers)
    assert isinstance(table["z"], Text)


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=3, max_side=4).filter(lambda s: s[1] > 1)))
def test_round_trip(array):
    table = parse_npz(saved(X=array, y=np.arange(len(array))), "f.npz").table
    np.testing.assert_array_equal(table.columns[0].values, array.reshape(len(array), -1))


def of_objects():
    return saved(X=X, y=np.array(["a", None, "b", "a"], dtype=object))


def zipped_csv():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train.csv", "a,b\n1,2\n")
    return file.getvalue()


def unnamed():
    file = io.BytesIO()
    np.save(file, X)
    return file.getvalue()


def of_member(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("X.npy", content)
    return file.getvalue()


def without_arrays():
    file = io.BytesIO()
    zipfile.ZipFile(file, "w").close()
    return file.getvalue()


@pytest.mark.parametrize(
    ("raw", "targets", "message"),
    [
        (b"a,b\n1,2\n", (), "f.npz: this is not an NPZ file; save one with np.savez(path, X=X, y=y)"),
        (
            unnamed(),
            (),
            "f.npz: an NPY file holds one unnamed array; save X and y with np.savez(path, X=X, y=y)",
        ),
        (
            of_objects(),
            (),
            "f.npz: the array 'y' holds Python objects, which could run code when they are read; "
            "save numbers or text, for example array.astype(float) or array.astype(str)",
        ),
        (
            zipped_csv(),
            (),
            "f.npz: 'train.csv' in this zip file is not a NumPy array; is this an NPZ file?",
        ),
        (without_arrays(), (), "f.npz: the NPZ file holds no arrays"),
        (of_member(unnamed()[:-1]), (), "f.npz: the NPZ file is damaged or truncated"),
        (of_member(unnamed().replace(b"}", b" ")), (), "f.npz: the NPZ file is damaged or truncated"),
        (
            of_member(unnamed().replace(b"(4, 3), }          ", b"(4, 999999999999), }")),
            (),
            "f.npz: an array is too large for the memory, or the NPZ file is damaged",
        ),
        (
            saved(X=X, y=Y[:3]),
            (),
            "f.npz: the arrays must have equally many rows, but 'X' has 4, 'y' has 3",
        ),
        (
            saved(X=X, y=np.float64(3)),
            (),
            "f.npz: the array 'y' is a single value; its first axis must be the rows",
        ),
        (saved(X=X[:0], y=Y[:0]), (), "f.npz: the array 'X' is empty (shape (0, 3))"),
        (
            saved(X=X + 1j, y=Y),
            (),
            "f.npz: the array 'X' has dtype complex128; numbers, booleans or text are needed",
        ),
        (
            saved(X=np.array([["a", "b"]] * 4), y=Y),
            (),
            "f.npz: the array 'X' holds text and has shape (4, 2); "
            "only one-dimensional arrays may hold text or booleans",
        ),
        (
            saved(X=X, X_train=X, y=Y),
            (),
            "f.npz: two arrays would both be the column 'X', one of them 'X_train'",
        ),
        (
            saved(X=X, y=Y),
            ("z",),
            "f.npz: there is no target column 'z'. The columns are: x0, x1, x2, y",
        ),
        (saved(x=Y, x0=Y, X=X), (), "f.npz: two columns are named 'x0'; names must be unique"),
    ],
)
def test_refusals(raw, targets, message):
    assert refusal(raw, targets) == message


def test_cut_and_changed_files_are_refused():
    whole = saved(True, X=np.random.default_rng(0).normal(size=(50, 3)), y=np.arange(50))
    for length in range(4, len(whole), 37):
        assert refusal(whole[:length]).startswith("f.npz: ")
    changed = bytearray(whole)
    changed[200] ^= 255
    assert refusal(bytes(changed)) == "f.npz: the NPZ file is damaged or truncated"


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_read_or_refused(changes):
    raw = bytearray(saved(X=X, y=np.array(["a", "b"] * 2)))
    for place, value in changes:
        raw[place % len(raw)] = value
    with contextlib.suppress(DataError):
        parse_npz(bytes(raw), "f.npz")


@given(st.binary(max_size=80))
def test_any_bytes_are_refused(raw):
    assert refusal(b"PK\x03\x04" + raw).startswith("f.npz: ")


def test_read_by_content_not_by_name(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(saved(X=X, y=Y))
    assert read(path).targets == ("y",)
    assert read(path, "x1").targets == ("x1",)


def test_arrays_that_unpack_to_more_than_there_is_memory_for(monkeypatch):
    from chainrule.data import npz_files

    raw = saved(compressed=True, X=np.zeros((1000, 10)), y=np.zeros(1000))
    monkeypatch.setattr(npz_files, "memory", lambda: 80_000)
    assert "have 88,256 bytes, more than there is memory for" in refusal(raw)
    monkeypatch.setattr(npz_files, "memory", lambda: 90_000)
    assert len(parse_npz(raw, "f.npz").table) == 1000
