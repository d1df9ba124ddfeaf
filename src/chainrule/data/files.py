"""The bytes of a data file, unpacked where they are gzipped, and clear errors where they cannot be had."""

import difflib
import gzip
import zlib
from pathlib import Path

from chainrule.errors import DataError

__all__ = ["contents", "missing_file"]

_GZIP = b"\x1f\x8b"


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
        If the file is missing, cannot be opened, is empty, or is a damaged or truncated gzip file.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if raw.startswith(_GZIP):
        try:
            raw = gzip.decompress(raw)
        except EOFError as error:
            raise DataError(f"{path}: the gzip file is truncated, fetch or compress it again") from error
        except (OSError, zlib.error) as error:
            raise DataError(f"{path}: the gzip file is damaged ({error})") from error
    if not raw or raw.isspace():
        raise DataError(f"{path}: the file is empty")
    return raw


def missing_file(path: Path) -> DataError:
    """Build the error for a path where nothing is, with the nearest name in the same folder."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return DataError(f"{path}: no such file, and there is no folder {path.parent}")
    near = difflib.get_close_matches(path.name, neighbours, n=1)
    hint = f"; did you mean {path.with_name(near[0])}?" if near else ""
    return DataError(f"{path}: no such file or folder{hint}")
