"""Machine code kept on disk, so that the next process need not translate it again.

An entry is a file (`chainrule.native.cache_files`) named after its key (`chainrule.native.cache_keys`). It is written
beside its place and renamed, so that several processes can share a folder. What is damaged, truncated, foreign or
somebody else's counts as missing. Where the folder cannot be read or written, only the time changes.
"""

import contextlib
import os
import re
import secrets
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.ir as ir

from chainrule.errors import OptionError
from chainrule.native import machine
from chainrule.native.cache_files import Kept, is_own, read, written
from chainrule.native.cache_keys import key_of

__all__ = [
    "FOLDER_VARIABLE",
    "SIZE_VARIABLE",
    "Kept",
    "Usage",
    "begun",
    "begun_code",
    "clear",
    "fetch",
    "keeping",
    "key_of",
    "load",
    "object_code",
    "store",
    "usage",
]

FOLDER_VARIABLE, SIZE_VARIABLE = "CHAINRULE_CACHE_DIR", "CHAINRULE_CACHE_SIZE"
_DEFAULT_SIZE = 256 << 20
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}

_ENDING, _PART = ".code", ".part"
#: Seconds after which a file that nobody finished writing is taken for left behind.
_ABANDONED = 3600.0
#: When the limit is reached, entries go until so much of it is taken, so that not every new one has to look for room.
_TRIMMED = 0.8


@dataclass(frozen=True)
class Usage:
    """What `usage` found.

    Attributes
    ----------
    place : pathlib.Path or None
        The folder.
    off : str
        Why nothing is kept; empty where it is.
    entries, bytes, limit : int
        How many entries there are, how much they take, and how much they may.
    hits, misses : int
        How often this process found code, and how often it had to make it.
    """

    place: Path | None
    off: str
    entries: int
    bytes: int
    limit: int
    hits: int
    misses: int


@dataclass
class _Process:
    """What this process knows."""

    hits: int = 0
    misses: int = 0
    #: By folder the bytes that its entries take, as far as is known.
    taken: dict[Path, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_process = _Process()
if hasattr(os, "register_at_fork"):
    # Another thread of the parent may have held the lock.
    os.register_at_fork(after_in_child=lambda: setattr(_process, "lock", threading.Lock()))


def fetch(key: str, make: Callable[[], Kept]) -> Kept:
    """Find an entry, or make it and keep it.

    Parameters
    ----------
    key : str
        From `key_of`.
    make : callable
        Makes what is missing.

    Returns
    -------
    Kept
        The same whether it was found or made.

    Raises
    ------
    OptionError
        Where CHAINRULE_CACHE_SIZE says something else than a size.
    """
    found = load(key)
    if found is None:
        found = make()
        store(key, found)
    return found


def object_code(module: ir.Module) -> bytes:
    """Translate a module to machine code, as `machine.object_code` does, where that was not done before.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Instructions; their text is the key.

    Returns
    -------
    bytes
        An object file.
    """
    text = str(module)
    return fetch(key_of("text", text), lambda: Kept(machine.object_code(text))).code


def begun_code(module: ir.Module) -> Callable[[], bytes]:
    """Begin to translate a module, as `machine.begun_code` does, where that was not done before.

    Parameters
    ----------
    module : llvmlite.ir.Module
        Instructions; their text is the key.

    Returns
    -------
    callable
        Waits for the object file, and keeps it.
    """
    text = str(module)
    return begun(key_of("text", text), lambda: machine.begun_code(text))


def begun(key: str, begin: Callable[[], Callable[[], bytes]]) -> Callable[[], bytes]:
    """A function that waits for the machine code under a key, which is begun and kept where it is not there."""
    found = load(key)
    return keeping(key, begin()) if found is None else lambda: found.code


def keeping(key: str, code: Callable[[], bytes], facts: Any = None) -> Callable[[], bytes]:
    """A function that waits for machine code and keeps it, the first time that it is called."""

    @cache
    def kept() -> bytes:
        found = code()
        store(key, Kept(found, facts))
        return found

    return kept


def load(key: str) -> Kept | None:
    """Find an entry.

    Parameters
    ----------
    key : str
        From `key_of`.

    Returns
    -------
    Kept or None
        None where there is none, or none that can be trusted.
    """
    place, _ = _place()
    found = None if place is None else read(place / f"{key}{_ENDING}", key)
    with _process.lock:
        if found is None:
            _process.misses += 1
        else:
            _process.hits += 1
    return found


def store(key: str, kept: Kept) -> None:
    """Keep an entry, where that is possible.

    Parameters
    ----------
    key : str
        From `key_of`.
    kept : Kept
        What `load` is to find.
    """
    place, _ = _place(make=True)
    limit = _limit()
    raw = written(key, kept)
    if place is None or len(raw) > limit:
        return
    part = place / f".{secrets.token_hex(12)}{_PART}"
    # A full or read-only disk: the code is at hand all the same.
    with contextlib.suppress(OSError):
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(raw)
            os.replace(part, place / f"{key}{_ENDING}")
        finally:
            part.unlink(missing_ok=True)
        with _process.lock:
            known = _process.taken.get(place)
            _process.taken[place] = limit + 1 if known is None else known + len(raw)
            if _process.taken[place] > limit:
                _process.taken[place] = _trim(place, limit)


def usage() -> Usage:
    """Look at what is kept.

    Returns
    -------
    Usage
        Place, sizes, and what this process found there.

    Examples
    --------
    >>> from chainrule.native.cache import usage
    >>> usage().bytes <= usage().limit
    True
    """
    place, off = _place()
    sizes = [] if place is None else [size for _, size, _ in _entries(place)]
    return Usage(place or _folder(), off, len(sizes), sum(sizes), _limit(), _process.hits, _process.misses)


def clear() -> tuple[int, int]:
    """Remove all entries.

    Returns
    -------
    entries, bytes : int
        What was removed.

    Raises
    ------
    OSError
        Where a file cannot be removed.
    """
    place, _ = _place()
    entries = [] if place is None else _entries(place)
    for _, _, path in entries:
        path.unlink(missing_ok=True)
    if place is not None:
        for path in place.glob(f".*{_PART}"):
            path.unlink(missing_ok=True)
        _process.taken.pop(place, None)
    return len(entries), sum(size for _, size, _ in entries)


# The folder


def _folder() -> Path | None:
    """Where entries are to be: as the platform has it, unless the environment says otherwise."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(os.path.abspath(chosen))
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "chainrule"
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "chainrule" / "cache"
        # The XDG base directory specification: a path that is not absolute is to be ignored.
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        return (base if base.is_absolute() else Path.home() / ".cache") / "chainrule"
    except RuntimeError:  # There is no home.
        return None


def _limit() -> int:
    text = os.environ.get(SIZE_VARIABLE)
    if text is None:
        return _DEFAULT_SIZE
    found = re.fullmatch(r"([0-9]+)([KMG]?)", text.strip())
    if found is None:
        raise OptionError(
            f"the environment variable {SIZE_VARIABLE} is {text!r}: expected a number of bytes, such as 500M or 2G, "
            "or 0 to keep nothing."
        )
    return int(found[1]) << _UNITS[found[2]]


def _place(*, make: bool = False) -> tuple[Path | None, str]:
    """The folder, where it is there and can be trusted; otherwise None, and why it cannot be used, if that is so."""
    if _limit() == 0:
        return None, f"{SIZE_VARIABLE} is 0"
    folder = _folder()
    if folder is None:
        return None, "this user has no home folder"
    try:
        if make and not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.stat()
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"it cannot be used ({error.strerror})"
    if not stat.S_ISDIR(found.st_mode):
        return None, "it is no folder"
    if not is_own(found):
        return None, "it belongs to another user, or others may write there"
    return folder, ""


def _entries(place: Path) -> list[tuple[int, int, Path]]:
    """When each was used last, how large it is, and where it is."""
    return list(_files(place, _ENDING))


def _files(place: Path, ending: str) -> Iterator[tuple[int, int, Path]]:
    with contextlib.suppress(OSError), os.scandir(place) as listing:
        for entry in listing:
            # Another process may remove one meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if entry.name.endswith(ending) and entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    yield found.st_mtime_ns, found.st_size, Path(entry.path)


def _trim(place: Path, limit: int) -> int:
    """Remove what was not used for longest, where the limit is passed; returns what the rest takes."""
    for when, _, path in _files(place, _PART):
        if when < (time.time() - _ABANDONED) * 1e9:
            path.unlink(missing_ok=True)
    entries = sorted(_entries(place))
    total = sum(size for _, size, _ in entries)
    goal = limit * _TRIMMED if total > limit else limit
    for _, size, path in entries:
        if total <= goal:
            break
        path.unlink(missing_ok=True)
        total -= size
    return total
