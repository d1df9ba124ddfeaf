"""MNIST's files: whole folders, single files, and every refusal word for word."""

import gzip
import struct

import numpy as np
import pytest

from chainrule.data.idx_files import parse_idx
from chainrule.data.reading import read
from chainrule.errors import DataError

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (5, 3, 4), dtype=np.uint8), np.array([3, 0, 9, 3, 1], dtype=np.uint8)


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def folder_of(folder, gzipped=False, dot=False, **files):
    for name, raw in files.items():
        part, kind = name.split("_")
        middle = {"images": "images-idx3", "labels": "labels-idx1"}[kind]
        path = folder / f"{part}-{middle.replace('-', '.') if dot else middle}-ubyte{'.gz' if gzipped else ''}"
        path.write_bytes(gzip.compress(raw) if gzipped else raw)
    return folder


def refusal(folder):
    with pytest.raises(DataError) as caught:
        read(folder)
    return str(caught.value).replace(str(folder), "DIR")


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("dot", [False, True])
def test_folder(tmp_path, gzipped, dot):
    folder_of(
        tmp_path,
        gzipped,
        dot,
        train_images=idx(IMAGES),
        train_labels=idx(LABELS),
        t10k_images=idx(IMAGES[:2]),
        t10k_labels=idx(LABELS[:2]),
    )
    dataset = read(tmp_path)
    pixels, label = dataset.table.columns
    assert dataset.targets == ("label",)
    assert pixels.names == tuple(f"x{i}" for i in range(12))
    assert pixels.alike
    assert pixels.values.dtype == np.float32
    np.testing.assert_array_equal(pixels.values, IMAGES.reshape(5, 12) / np.float32(255))
    assert label.categories == ("0", "1", "3", "9")
    assert label.values == ["3", "0", "9", "3", "1"]
    assert len(dataset.test) == 2
    assert dataset.test["label"].values == ["3", "0"]
    assert dataset.table.place(4) == "image 4"


def test_folder_without_test_images(tmp_path):
    folder_of(tmp_path, train_images=idx(IMAGES), train_labels=idx(LABELS))
    assert read(tmp_path).test is None


def test_folder_of_test_images_alone(tmp_path):
    folder_of(tmp_path, t10k_images=idx(IMAGES), t10k_labels=idx(LABELS))
    dataset = read(tmp_path)
    assert len(dataset.table) == 5
    assert dataset.test is None


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_one_file_of_images(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(idx(IMAGES)) if name.endswith("gz") else idx(IMAGES))
    dataset = read(path)
    assert dataset.targets == ()
    assert len(dataset.table) == 5
    assert len(dataset.table.names) == 12


def test_a_file_of_labels_alone_is_refused(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx(LABELS))
    with pytest.raises(DataError, match="holds labels; give that of images, or the folder of both"):
        read(path)


def test_folder_refusals(tmp_path):
    assert refusal(tmp_path) == (
        "DIR: this folder holds no IDX files called train-images-idx3-ubyte, train-labels-idx1-ubyte, "
        "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, with or without .gz"
    )
    folder_of(tmp_path, train_images=idx(IMAGES))
    assert refusal(tmp_path).startswith(
        "DIR: train-labels-idx1-ubyte (or train-labels-idx1-ubyte.gz) is missing; the usual names are train-"
    )
    folder_of(tmp_path, train_labels=idx(LABELS[:4]))
    assert refusal(tmp_path) == (
        "DIR/train-images-idx3-ubyte holds 5 images, but DIR/train-labels-idx1-ubyte holds 4 labels"
    )
    folder_of(tmp_path, train_labels=idx(IMAGES))
    assert refusal(tmp_path) == ("DIR/train-labels-idx1-ubyte: labels were expected, the array has shape (5, 3, 4)")
    folder_of(tmp_path, train_images=idx(LABELS), train_labels=idx(LABELS))
    assert refusal(tmp_path) == ("DIR/train-images-idx3-ubyte: images were expected, the array has shape (5,)")
    folder_of(tmp_path, train_images=idx(IMAGES)[:-1])
    assert refusal(tmp_path) == (
        "DIR/train-images-idx3-ubyte: the IDX file is truncated, its header announces an array of shape (5, 3, 4)"
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "f: this is not an IDX file of bytes (they begin with the bytes 0, 0, 8)"),
        (b"\0\0\x08", "f: this is not an IDX file of bytes (they begin with the bytes 0, 0, 8)"),
        (
            b"\0\0\x0d\1\0\0\0\1abcd",
            "f: this is not an IDX file of bytes (they begin with the bytes 0, 0, 8)",
        ),
        (b"\0\0\x08\0", "f: this is not an IDX file of bytes (they begin with the bytes 0, 0, 8)"),
        (b"\0\0\x08\3\0\0\0\1", "f: the IDX file is truncated, it ends inside its header"),
        (
            idx(LABELS) + b"x",
            "f: the IDX file is longer than it should be, its header announces an array of shape (5,)",
        ),
        (idx(LABELS[:0]), "f: the IDX file is empty, its header announces an array of shape (0,)"),
        (
            b"\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff",
            "f: the IDX file is truncated, its header announces an array of shape (4294967295, 4294967295)",
        ),
    ],
)
def test_file_refusals(raw, message):
    with pytest.raises(DataError) as caught:
        parse_idx(raw, "f")
    assert str(caught.value) == message
