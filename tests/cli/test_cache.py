"""`chainrule cache`: what it shows and removes."""

import os
import re

import pytest

from chainrule.native import cache
from chainrule.native.cache import Kept, key_of, store


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder that is not there yet."""
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_nothing_is_there_yet(run, place):
    ran = run("cache", "info")
    assert (ran.code, ran.err) == (0, "")
    assert re.sub(r"\s+", " ", ran.out) == (
        f"place {place} holds 0 entries, 0 bytes limit 268,435,456 bytes (CHAINRULE_CACHE_SIZE changes it) "
    )
    assert run("cache", "clear").out == "removed 0 entries, 0 bytes\n"
    assert not place.exists()


def test_what_is_kept_is_shown_and_removed(run, place):
    for k in range(2):
        store(key_of(k), Kept(b"x" * 600))
    size = sum(path.stat().st_size for path in place.iterdir())
    assert f"2 entries, {size:,} bytes" in run("cache", "info").out
    assert run("cache", "clear").out == f"removed 2 entries, {size:,} bytes\n"
    assert os.listdir(place) == []
    store(key_of(0), Kept(b""))
    assert "1 entry," in run("cache", "info").out


def test_why_nothing_is_kept(run, place, monkeypatch):
    place.write_text("a file")
    assert "unused  it is no folder" in run("cache", "info").out
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "0")
    assert "unused  CHAINRULE_CACHE_SIZE is 0" in run("cache", "info").out


def test_what_cannot_be_removed(run, place, monkeypatch):
    store(key_of(0), Kept(b""))

    def refuse(path, missing_ok=False):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(cache.Path, "unlink", refuse)
    ran = run("cache", "clear")
    assert ran.code == 2
    assert re.fullmatch(r"chainrule: .*\.code: the entry cannot be removed \(Permission denied\)\n", ran.err)


@pytest.mark.parametrize("argv", [(), ("remove",), ("info", "now")])
def test_other_actions(run, argv):
    ran = run("cache", *argv)
    assert ran.code == 2
    assert ran.err.startswith("chainrule: ")


def test_a_size_that_is_none(run, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "much")
    ran = run("cache", "info")
    assert ran.code == 2
    assert "'much'" in ran.err
