"""What machine code follows from, as a key: what is translated, the processor, the versions, and the sources."""

import os
import secrets
import sys
import time
from functools import cache
from hashlib import blake2b

import llvmlite

from chainrule import __version__
from chainrule.native import machine

__all__ = ["key_of"]

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
#: The rooms whose code decides what machine code is made of a graph.
_ROOMS = ("evaluate", "graph", "lengths", "native", "ops", "passes", "random", "trace", "transforms")
_imported = time.time()


def key_of(*parts: str | bytes | int, rooms: tuple[str, ...] = ()) -> str:
    """Name what code follows from.

    Parameters
    ----------
    *parts : str, bytes or int
        What is translated. The processor, versions and chainrule's sources are added here.
    rooms : tuple of str
        The rooms whose sources made what is translated, where it is not a graph or a text but the name of one.

    Returns
    -------
    str
        A digest.

    Examples
    --------
    >>> from chainrule.native.cache import key_of
    >>> key_of("tile", 4) == key_of("tile", 4), key_of("tile", 4) == key_of("tile", 8)
    (True, False)
    """
    digest = blake2b(digest_size=24)
    own = (_sources_of(rooms),) if rooms else ()
    for part in (*_versions(), machine.fingerprint(), machine.vector_bytes(), *own, *parts):
        raw = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(f"{type(part).__name__} {len(raw)} ".encode() + raw)
    return digest.hexdigest()


@cache
def _versions() -> tuple[str | bytes, ...]:
    return (
        __version__,
        _sources_of(_ROOMS),
        llvmlite.__version__,
        sys.platform,
        sys.byteorder,
    )


@cache
def _sources_of(rooms: tuple[str, ...]) -> bytes:
    return _sources(_PACKAGE, rooms)


def _sources(package: str, rooms: tuple[str, ...] = _ROOMS) -> bytes:
    """A digest of which code makes machine code, since a version number stays while that is worked on.

    Of each file the name, the size and the time of its last change: to read them all would take a fifth of the time
    in which a training step is there from the disk.
    """
    digest = blake2b()
    for name, size, changed in _source_files(package, rooms):
        digest.update(f"{name} {size} {changed} ".encode())
        if changed > 1e9 * _imported:
            # This process runs what stood there before: its code is for nobody else.
            digest.update(secrets.token_bytes(16))
    return digest.digest()


def _source_files(package: str, rooms: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """Name, bytes and nanoseconds of each; without `pathlib`, which would take longer than loading an entry."""
    found = []
    folders = [("", {f"{room}.py" for room in rooms}), *((room, None) for room in rooms)]
    for folder, wanted in folders:
        try:
            with os.scandir(os.path.join(package, folder)) as entries:
                for entry in entries:
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.name.endswith(".py") and (wanted is None or entry.name in wanted):
                        status = entry.stat()
                        found.append((name, status.st_size, status.st_mtime_ns))
                    elif wanted is None and entry.name != "__pycache__" and entry.is_dir():
                        folders.append((name, None))
        except (FileNotFoundError, NotADirectoryError):
            continue  # A room is a file or a folder.
    return sorted(found)
