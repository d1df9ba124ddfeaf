"""The lesson `mnist`: its files, its scores computed again, and gradients by the formulas and by other frameworks."""

import gzip

import numpy as np
import pytest
from tests.lessons.running import taught

from chainrule.data import read
from chainrule.errors import DataError
from chainrule.lessons import Options, other_frameworks, run
from chainrule.lessons.mnist import write_idx
from chainrule.lessons.other_frameworks import FRAMEWORKS
from chainrule.nn import Network

SEEDS = (0, 1, 2)
every_seed = pytest.mark.parametrize("seed", SEEDS)


@every_seed
def test_claims_hold(seed):
    lesson = taught("mnist", seed)
    assert [claim.text for claim in lesson.claims() if not claim.holds] == []


def gradients(parameters, X, T):
    """Of the mean cross-entropy, by the formulas of the lecture."""
    first, last = parameters
    s = X @ first["weights"] + first["bias"]
    a = np.maximum(s, 0)
    z = a @ last["weights"] + last["bias"]
    y = np.exp(z - z.max(axis=1, keepdims=True))
    delta2 = (y / y.sum(axis=1, keepdims=True) - T) / len(X)
    delta1 = delta2 @ last["weights"].T * (s > 0)
    return (
        {"weights": X.T @ delta1, "bias": delta1.sum(axis=0)},
        {"weights": a.T @ delta2, "bias": delta2.sum(axis=0)},
    )


@every_seed
def test_scores(seed):
    numbers = taught("mnist", seed).numbers
    first, last = numbers["run"].parameters
    for part in ("train", "test"):
        X, T = getattr(numbers["problem"], part)
        z = np.maximum(X @ first["weights"] + first["bias"], 0) @ last["weights"] + last["bias"]
        wrong = np.argmax(z, axis=1) != np.argmax(T, axis=1)
        assert numbers["wrong"][part] == np.count_nonzero(wrong)
    assert numbers["wrong"]["test"] / len(numbers["problem"].test[0]) < 0.06
    assert numbers["steps"] == 30 * 45


def test_the_bundled_files_say_so_and_their_header_is_read_aloud():
    lesson = taught("mnist")
    (table,) = lesson.sections[0].parts[1:2]
    assert [row[0] for row in table.rows] == ["00 00 08 03", "00 00 05 9e", "00 00 00 08", "00 00 00 08"]
    assert [row[2] for row in table.rows[1:]] == [0x59E, 8, 8]
    assert any("You gave no files" in part for part in lesson.sections[0].parts if isinstance(part, str))


@pytest.fixture
def folder(tmp_path):
    """Blots of three kinds in 6 x 6 pixels, in IDX files of which two are gzipped."""
    rng = np.random.default_rng(0)
    for name, count in (("train", 300), ("t10k", 90)):
        labels = rng.integers(0, 3, count).astype(np.uint8)
        images = rng.integers(0, 60, (count, 6, 6)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 2] += 180
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", images)
        raw = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + labels.tobytes()
        (tmp_path / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(raw))
    return tmp_path


def test_a_folder_of_ones_own(folder):
    lesson = run("mnist", Options(source=folder))
    assert lesson.numbers["network"].inputs == 36
    assert lesson.numbers["network"].outputs == 3
    assert lesson.numbers["wrong"]["test"] == 0
    texts = [part for part in lesson.sections[0].parts if isinstance(part, str)]
    assert not any("You gave no files" in text for text in texts)
    assert any("300 images to learn from and 90" in text for text in texts)
    # Nothing was read wrongly, so there is nothing to show of it.
    assert len(list(lesson.figures())) == 2


def test_what_is_written_is_read(tmp_path):
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", images)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.array([3, 9], np.uint8))
    table = read(tmp_path).table
    np.testing.assert_allclose(table.columns[0].values * 255, images.reshape(2, 16), rtol=1e-6)
    assert table["label"].values == ["3", "9"]


def test_files_that_are_none(tmp_path, folder):
    with pytest.raises(DataError, match="a folder of IDX files is needed"):
        run("mnist", Options(source=folder / "train-images-idx3-ubyte"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="holds no IDX files"):
        run("mnist", Options(source=empty))
    write_idx(folder / "train-images-idx3-ubyte", np.zeros((300, 6, 5), np.uint8) + np.arange(5, dtype=np.uint8))
    write_idx(folder / "t10k-images-idx3-ubyte", np.zeros((90, 6, 5), np.uint8) + np.arange(5, dtype=np.uint8))
    with pytest.raises(
        DataError, match="square images of at least three digits are needed, found 300 images of 30 pixels"
    ):
        run("mnist", Options(source=folder))


@pytest.mark.parametrize("module", FRAMEWORKS)
def test_other_frameworks_agree_with_the_formulas(module):
    pytest.importorskip(module, reason=f"{FRAMEWORKS[module][0]} is not installed")
    rng = np.random.default_rng(0)
    network = Network.of(5, (7,), 3, activation="relu", output="softmax")
    parameters, X, T = network.initialize(0), rng.normal(size=(20, 5)), np.eye(3)[rng.integers(0, 3, 20)]
    found = FRAMEWORKS[module][1](parameters, X, T)
    for one, other in zip(found, gradients(parameters, X, T), strict=True):
        assert list(one) == list(other)
        for name in one:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-10, atol=1e-14)


def test_a_framework_that_is_right_and_one_that_is_not(monkeypatch, folder):
    """As if two were installed, of which one forgets to take the mean."""
    table = {"sys": ("Right", gradients), "os": ("Sum", lambda p, X, T: gradients(p, len(X) * X, T))}
    monkeypatch.setattr(other_frameworks, "FRAMEWORKS", table)
    monkeypatch.setattr("chainrule.lessons.mnist.FRAMEWORKS", table)
    lesson = run("mnist", Options(source=folder))
    differences = lesson.numbers["differences"]
    assert differences["Right"] < 1e-10 < 0.1 < differences["Sum"]
    (claim,) = [claim for claim in lesson.sections[3].parts if hasattr(claim, "holds")]
    assert claim.text.startswith("Right and Sum compute the same gradient")
    assert not claim.holds


def test_none_is_installed(monkeypatch, folder):
    monkeypatch.setattr("chainrule.lessons.mnist.installed", list)
    lesson = run("mnist", Options(source=folder))
    (claim,) = [claim for claim in lesson.sections[3].parts if hasattr(claim, "holds")]
    assert claim.text.startswith(
        "Neither PyTorch nor JAX is installed here; central differences give the same gradient"
    )
    assert claim.holds
    (table,) = [part for part in lesson.sections[3].parts if hasattr(part, "heads")]
    assert [row[1] for row in table.rows[1:]] == ["not installed here"] * 2
