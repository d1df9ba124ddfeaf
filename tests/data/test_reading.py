"""The one way in: which reader a path gets, and paths that lead nowhere."""

import builtins
import gzip
import os
import sys

import pytest

from chainrule.data import files, read
from chainrule.errors import DataError


def test_gzip_files_that_unpack_to_more_than_there_is_memory_for(tmp_path, monkeypatch):
    path = tmp_path / "f.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000))
    monkeypatch.setattr(files, "memory", lambda: 4003)
    assert "unpacks to more than there is memory for" in refusal(path)
    monkeypatch.setattr(files, "memory", lambda: 4004)
    assert len(read(path).table) == 1000


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
        ("f.feather", "a Feather file"),
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


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    known = builtins.__import__

    def refuse(name, *arguments, **others):
        if name.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")
        return known(name, *arguments, **others)

    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)
    path = tmp_path / "f.parquet"
    path.write_bytes(b"PAR1....PAR1")
    with pytest.raises(DataError, match=r'pip install "chainrule\[parquet\]"'):
        read(path)


def test_text_that_begins_like_a_parquet_file(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("PAR1,PAR2\n1,2\n3,4\n")
    assert read(path).table.names == ("PAR1", "PAR2")
