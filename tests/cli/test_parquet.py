"""Parquet files at the command line: trained on and predicted for like the same rows in a CSV file."""

import numpy as np
import pytest

from chainrule import train

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

QUICK = ("--epochs", "5", "--layers", "8", "-q")


@pytest.fixture
def frame(flowers, folder):
    found = pandas.read_csv(flowers)
    found["colour"] = found["colour"].astype("category")
    found.to_parquet(folder / "flowers.parquet")
    return found


def parameters(name):
    return train.load(name).parameters


def test_the_same_model_as_from_csv(run, frame):
    assert run("train", "flowers.parquet", "--target", "kind", *QUICK).code == 0
    assert run("train", "flowers.csv", "--target", "kind", "-o", "csv.safetensors", *QUICK).code == 0
    one, other = parameters("flowers.safetensors"), parameters("csv.safetensors")
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a)
    from_parquet = run("predict", "flowers.safetensors", "flowers.parquet")
    assert from_parquet.code == 0
    assert from_parquet.out == run("predict", "csv.safetensors", "flowers.csv").out


def test_gaps_are_refused_or_filled(run, frame, folder):
    frame.loc[3, "length"] = None
    frame.loc[5, "colour"] = None
    frame.to_parquet(folder / "flowers.parquet")
    refused = run("train", "flowers.parquet", "--target", "kind", *QUICK)
    assert refused.code == 2
    assert "length (1)" in refused.err
    assert "colour (1)" in refused.err
    ran = run("train", "flowers.parquet", "--target", "kind", "--impute", *QUICK)
    assert ran.code == 0
    assert "column 'colour': 1 missing value filled with " in ran.err


def test_damaged_files_are_one_line(run, frame, folder):
    raw = (folder / "flowers.parquet").read_bytes()
    for damaged in (raw[:-30], raw[: len(raw) // 2], b"PAR1", raw[:60] + b"\0" * 40 + raw[100:]):
        (folder / "flowers.parquet").write_bytes(damaged)
        ran = run("train", "flowers.parquet", "--target", "kind", *QUICK)
        if ran.code == 0:  # zeros where nobody looks
            continue
        assert ran.code == 2
        assert ran.err.startswith("chainrule: flowers.parquet: ")
        assert ran.err.count("\n") == 1
