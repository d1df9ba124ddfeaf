"""The one way in: which reader a path gets, and paths that lead nowhere."""

import gzip
import os

import pytest

from chainrule.data import read
from chainrule.errors import DataError


def refusal(path, *arguments):
    with pytest.raises(DataError) as caught:
        read(path, *arguments)
    return str(caught.value).replace(str(path.parent), "DIR")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "penguins.csv"
    path.write_text("species,mass,sex\nAdelie,3750,MALE\nGentoo,5000,\n")
    return path


def test_targets(table):
    assert read(table).targets == ()
    assert read(str(table), "species").targets == ("species",)
    assert read(table, ["species", "mass"]).targets == ("species", "mass")


def test_missing_paths(table, tmp_path):
    assert refusal(tmp_path / "pengins.csv") == (
        "DIR/pengins.csv: no such file or folder; did you mean DIR/penguins.csv?"
    )
    assert refusal(tmp_path / "other") == "DIR/other: no such file or folder"
    assert refusal(tmp_path / "no" / "where.csv") == "DIR/where.csv: no such file, and there is no folder DIR"


def test_targets_that_are_not_there(table):
    assert refusal(table, "specie") == (
        "DIR/penguins.csv: there is no target column 'specie'; did you mean 'species'? "
        "The columns are: species, mass, sex"
    )
    assert "did you mean 'mass'?" in refusal(table, "MASS")
    assert refusal(table, "price") == (
        "DIR/penguins.csv: there is no target column 'price'. The columns are: species, mass, sex"
    )
    assert refusal(table, ["mass", "mass"]) == "the target column 'mass' is named twice"


def test_empty_file(tmp_path):
    path = tmp_path / "f.csv"
    for content in (b"", b"\n\n  \n", gzip.compress(b"")):
        path.write_bytes(content)
        assert refusal(path) == "DIR/f.csv: the file is empty"


def test_damaged_gzip(tmp_path):
    path = tmp_path / "f.csv.gz"
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    path.write_bytes(whole[:30])
    assert refusal(path) == "DIR/f.csv.gz: the gzip file is truncated, fetch or compress it again"
    path.write_bytes(whole[:20] + b"\xff\xff\xff\xff" + whole[24:])
    assert refusal(path).startswith("DIR/f.csv.gz: the gzip file is damaged (")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("f.xlsx", "an Excel workbook"),
        ("f.parquet", "a Parquet file"),
        ("f.JSON", "a JSON file"),
        ("f.pkl", "a pickle"),
    ],
)
def test_other_formats(tmp_path, name, kind):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04")
    assert refusal(path) == f"DIR/{name}: {kind} cannot be read; save it as CSV"
    path.unlink()
    assert refusal(path) == f"DIR/{name}: no such file or folder"


def test_a_name_promises_npz(tmp_path):
    path = tmp_path / "f.npz"
    path.write_text("a,b\n1,2\n")
    assert refusal(path) == "DIR/f.npz: this is not an NPZ file; save one with np.savez(path, X=X, y=y)"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(table):
    table.chmod(0)
    assert refusal(table) == "DIR/penguins.csv: cannot be read (Permission denied)"
