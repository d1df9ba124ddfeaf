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
    """A digest of the code that makes machine code, since a version number stays while that is worked on."""
    digest = blake2b()
    for name in _source_names(package, rooms):
        with open(os.path.join(package, name), "rb", buffering=0) as file:
            text = file.read()
            digest.update(f"{name} {len(text)} ".encode() + text)
            if os.fstat(file.fileno()).st_mtime > _imported:
                # This process runs what stood there before: its code is for nobody else.
                digest.update(secrets.token_bytes(16))
    return digest.digest()


def _source_names(package: str, rooms: tuple[str, ...]) -> list[str]:
    """Without `pathlib`, which would take longer than finding and loading an entry."""
    found = [f"{room}.py" for room in rooms if os.path.isfile(os.path.join(package, f"{room}.py"))]
    for room in rooms:
        for folder, _, names in os.walk(os.path.join(package, room)):
            found += [os.path.relpath(os.path.join(folder, name), package) for name in names if name.endswith(".py")]
    return sorted(found)
