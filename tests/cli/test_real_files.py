"""The command on real files, where they are at hand: trained with no option but the target, and --impute if asked."""

import re
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"
TABLES = SHARED / "tables"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the real files are not here")


def table(ran, part: str) -> list[float]:
    """The numbers in a part's row of the results."""
    row = re.search(rf"^{part} +[\d,]+ +(.*)$", ran.out, re.MULTILINE)[1]
    return [float(cell) for cell in row.replace("%", "").split()]


def gradient_error(ran) -> float:
    return float(re.search(r"gradient check: passed, largest relative error (\S+) ", ran.out)[1])


@pytest.mark.parametrize(
    ("file", "target", "missing", "accuracy"),
    [
        ("penguins", "species", "bill_length_mm (2)", 97),
        ("titanic", "survived", "age (177)", 99),  # with the column that says alive
        ("titanic --drop alive", "survived", "age (177)", 76),
    ],
)
def test_classes(run, file, target, missing, accuracy):
    name, *options = file.split()
    argv = ("train", str(TABLES / f"{name}.csv"), "--target", target, *options)
    refused = run(*argv)
    assert refused.code == 2
    assert missing in refused.err
    assert "--impute" in refused.err
    ran = run(*argv, "--impute")
    assert ran.code == 0
    assert gradient_error(ran) < 1e-6
    found, baseline, _ = table(ran, "test")
    assert found >= accuracy
    assert found > baseline + 10
    assert ("column 'alive' predicts the target 'survived' perfectly" in ran.err) == (file == "titanic")


@pytest.mark.parametrize(
    ("name", "target", "options", "r2"),
    [
        ("mpg", "mpg", ("--impute",), 0.8),
        ("tips", "tip", (), 0.3),
        ("diamonds", "price", ("--epochs", "5"), 0.95),
        ("taxis", "fare", ("--impute", "--epochs", "5"), 0.95),
    ],
)
def test_numbers(run, name, target, options, r2):
    argv = ("train", str(TABLES / f"{name}.csv"), "--target", target)
    if "--impute" in options:
        assert "--impute" in run(*argv).err
    ran = run(*argv, *options)
    assert ran.code == 0
    assert gradient_error(ran) < 1e-6
    found, rmse, baseline, mae, mae_baseline = table(ran, "test")
    assert found > r2
    assert rmse < 0.85 * baseline
    assert mae < 0.85 * mae_baseline


def test_predictions_match_the_results(run, folder):
    path = str(TABLES / "penguins.csv")
    run("train", path, "--target", "species", "--impute", "-q")
    ran = run("predict", "penguins.safetensors", path)
    assert "column 'sex': 11 missing values filled with" in ran.err
    true = [line.split(",")[0] for line in Path(path).read_text().splitlines()[1:]]
    found = ran.out.splitlines()[1:]
    assert sum(a == b for a, b in zip(true, found, strict=True)) > 0.98 * len(true)


def test_usps(run):
    ran = run("train", str(SHARED / "usps" / "zip.train.digits-0-and-1.gz"), "--epochs", "3", "-o", "usps.model")
    assert ran.code == 0
    assert table(ran, "test")[0] > 98


def test_images_without_labels(run, folder):
    assert run("train", str(SHARED / "mnist"), "--epochs", "1", "--layers", "16", "-q").code == 0
    ran = run("predict", "mnist.safetensors", str(SHARED / "mnist" / "t10k-images-idx3-ubyte.gz"), "--probabilities")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "label," + ",".join(f"label={digit}" for digit in range(10))
    assert len(lines) == 10_001
    labels = run("predict", "mnist.safetensors", str(SHARED / "mnist")).out.splitlines()
    assert labels == [line.split(",")[0] for line in lines]


@pytest.mark.slow
def test_mnist(run):
    ran = run("train", str(SHARED / "mnist"))
    assert ran.code == 0
    assert "10,000 to test" in ran.out
    assert table(ran, "test")[0] >= 97.5
    assert gradient_error(ran) < 1e-6
