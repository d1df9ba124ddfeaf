"""The bytes of a data file, unpacked where they are gzipped, and clear errors where they cannot be had."""

import difflib
import gzip
import io
import os
import sys
import zlib
from pathlib import Path

from chainrule.errors import DataError

__all__ = ["contents", "memory", "missing_file"]

_GZIP = b"\x1f\x8b"
_PART = 1 << 24


def contents(path: Path) -> bytes:
    """Read a whole file; a gzipped one is known by its first two bytes and unpacked.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        What the file holds, never empty.

    Raises
    ------
    DataError
        If the file is missing, cannot be opened, is empty, or is a damaged or truncated gzip file, or one that unpacks
        to more than there is memory for.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if raw.startswith(_GZIP):
        try:
            raw = _unpacked(raw, path)
        except EOFError as error:
            raise DataError(f"{path}: the gzip file is truncated, fetch or compress it again") from error
        except (OSError, zlib.error) as error:
            raise DataError(f"{path}: the gzip file is damaged ({error})") from error
    if not raw or raw.isspace():
        raise DataError(f"{path}: the file is empty")
    return raw


def _unpacked(raw: bytes, path: Path) -> bytes:
    parts, size = [], 0
    with gzip.open(io.BytesIO(raw)) as file:
        while part := file.read(_PART):
            size += len(part)
            if size > memory():
                raise DataError(
                    f"{path}: the gzip file unpacks to more than there is memory for: split it, or it is damaged"
                )
            parts.append(part)
    return b"".join(parts)


def memory() -> int:
    """Count the bytes of memory of this machine: a small file may announce more than that, or unpack to more."""
    if not hasattr(os, "sysconf"):
        return sys.maxsize
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def missing_file(path: Path) -> DataError:
    """Build the error for a path where nothing is, with the nearest name in the same folder."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return DataError(f"{path}: no such file, and there is no folder {path.parent}")
    near = difflib.get_close_matches(path.name, neighbours, n=1)
    hint = f"; did you mean {path.with_name(near[0])}?" if near else ""
    return DataError(f"{path}: no such file or folder{hint}")
