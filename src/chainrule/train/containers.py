"""Files of tensors with a description: written whole or not at all, and read without running anything from them.

A file is safetensors with the metadata ``format``, ``version`` (of the format), ``description`` (JSON) and ``sha256``
(of the description and the tensors, in hexadecimal digits). Models and checkpoints are such files.
"""

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from chainrule.data.files import missing_file
from chainrule.errors import ChainruleError

__all__ = [
    "DTYPES",
    "Kind",
    "array_of",
    "check_place",
    "clean",
    "digest",
    "format_of",
    "from_bytes",
    "loaded",
    "named",
    "read",
    "to_bytes",
    "write",
]

T = TypeVar("T")

#: What numbers a tensor can hold, by the names that safetensors has for them.
DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "U16": np.dtype("<u2"),
    "U32": np.dtype("<u4"),
    "U64": np.dtype("<u8"),
    "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
# The limit that safetensors itself sets.
_LONGEST_HEADER = 100_000_000
_FORMATS = ("chainrule model", "chainrule checkpoint", "chainrule estimator")
# What systems say where a folder cannot be opened or written to the disk, though files in it can.
_NO_WAY = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF})
# How the last part of the name of a file that is being written looks like.
_PART = ".part"


@dataclass(frozen=True)
class Kind:
    """What a file is, for its metadata and for messages.

    Attributes
    ----------
    name : str
        What is in it, such as ``"model"``.
    file : str
        The file itself, such as ``"model file"``.
    version : int
        Version of the format.
    again : str
        What to do about a file that is damaged or old, such as ``"train it again"``.
    error : type
        Error that is raised for it.
    """

    name: str
    file: str
    version: int
    again: str
    error: type[ChainruleError]

    @property
    def format(self) -> str:
        """What the metadata say of the file."""
        return f"chainrule {self.name}"


def write(kind: Kind, path: str | PathLike[str], raw: bytes) -> None:
    """Write a file whole or not at all, also where the machine fails.

    The bytes go to the disk under another name beside `path`, which is then renamed, and the folder is written, too.
    At every moment `path` is the old file or the whole new one. A failure leaves nothing behind; a process that is
    killed may leave a hidden file that `clean` removes.

    Raises
    ------
    ChainruleError
        Of the kind's error, where the file cannot be written.
    """
    place = _place(kind, path)
    folder, name = os.path.split(place)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}{_PART}")
    try:
        with open(temporary, "xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
        _sync_folder(folder)
    except OSError as error:
        raise _cannot_write(kind, path, error) from error
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def clean(path: str | PathLike[str]) -> None:
    """Remove what processes that were killed while they wrote this file have left beside it."""
    folder, name = os.path.split(os.path.realpath(path))
    if not os.access(folder, os.R_OK):
        # Files may be written here, but nobody may see which there are.
        return
    left = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}{re.escape(_PART)}")
    for found in os.listdir(folder):
        if left.fullmatch(found):
            Path(folder, found).unlink(missing_ok=True)


def _sync_folder(folder: str) -> None:
    """Write the new name to the disk, where there is a way to: on Windows and on some networks there is none."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        if error.errno not in _NO_WAY:
            raise


def check_place(kind: Kind, path: str | PathLike[str]) -> None:
    """Raise the kind's error where `write` could not write."""
    place = _place(kind, path)
    temporary = f"{place}.{secrets.token_hex(8)}{_PART}"
    try:
        with open(temporary, "xb"):
            pass
        os.unlink(temporary)
    except OSError as error:
        raise _cannot_write(kind, path, error) from error


def _place(kind: Kind, path: str | PathLike[str]) -> str:
    """Follow links, so that a link stays one, and refuse what a file must not replace, such as a device."""
    place = os.path.realpath(path)
    if os.path.isdir(place):
        raise kind.error(f"{os.fspath(path)}: the {kind.name} cannot be written (it is a folder; name a file in it)")
    if os.path.exists(place) and not os.path.isfile(place):
        raise kind.error(f"{os.fspath(path)}: the {kind.name} cannot be written (it is not a regular file)")
    return place


def _cannot_write(kind: Kind, path: str | PathLike[str], error: OSError) -> ChainruleError:
    return kind.error(f"{os.fspath(path)}: the {kind.name} cannot be written ({error.strerror})")


def to_bytes(kind: Kind, description: str, tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Make the bytes of a file; the same contents give the same bytes.

    Parameters
    ----------
    kind : Kind
        What the file is.
    description : str
        JSON.
    tensors : mapping of str to array
        Arrays of the types in `DTYPES`, contiguous.
    """
    from safetensors.numpy import save

    metadata = {
        "format": kind.format,
        "version": str(kind.version),
        "description": description,
        "sha256": digest(description, {name: values.tobytes() for name, values in tensors.items()}),
    }
    return _ordered(save(dict(tensors), metadata))


def _ordered(raw: bytes) -> bytes:
    """Write the entries of the header in the order of their names: safetensors writes them in a random one."""
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.dumps(json.loads(raw[8:end]), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    # Spaces, so that the tensors begin at a multiple of eight bytes.
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + raw[end:]


def digest(description: str, tensors: Mapping[str, bytes]) -> str:
    """The checksum of a file's contents."""
    found = hashlib.sha256(description.encode())
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name])
    return found.hexdigest()


def read(kind: Kind, path: str | PathLike[str]) -> bytes:
    """Read the bytes of a file; one of another kind is not read whole.

    Raises
    ------
    ChainruleError
        Of the kind's error, where the file is missing, truncated, or does not begin as it should.
    """
    place = Path(path)
    try:
        with place.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(9)
            # Eight bytes with the length of the header, which is JSON.
            length = int.from_bytes(start[:8], "little")
            if len(start) < 9 or start[8:] != b"{" or length > _LONGEST_HEADER:
                raise kind.error(f"{place}: this is no {kind.file}: it does not begin like one")
            if 8 + length > size:
                raise kind.error(f"{place}: the {kind.file} is truncated: copy it again, or {kind.again}")
            return start + file.read()
    except FileNotFoundError:
        raise kind.error(str(missing_file(place))) from None
    except OSError as error:
        raise kind.error(f"{place}: the {kind.file} cannot be read ({error.strerror})") from error


def format_of(path: str | PathLike[str]) -> str | None:
    """What a file says that it is, from its header alone; None where there is none, or it says nothing.

    Examples
    --------
    >>> format_of("no/such/file") is None
    True
    """
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = file.read(length) if length <= _LONGEST_HEADER else b""
        named = json.loads(header)["__metadata__"]["format"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return named if isinstance(named, str) else None


@contextmanager
def named(kind: Kind, path: str | PathLike[str]) -> Iterator[None]:
    """Put the name of a file before what the kind's errors say of it."""
    try:
        yield
    except ChainruleError as error:
        if not isinstance(error, kind.error):
            raise
        raise kind.error(f"{os.fspath(path)}: {error}") from None
    except RecursionError:
        raise kind.error(f"{os.fspath(path)}: the description of the {kind.name} is nested too deeply") from None


def loaded(kind: Kind, path: str | PathLike[str], build: Callable[[Any, dict[str, Any]], T]) -> T:
    """Read a file and make of it what it describes.

    Parameters
    ----------
    kind : Kind
        What the file is.
    path : path-like
        The file.
    build : callable
        It is given the description, and what safetensors found, for `array_of`; it raises the kind's error where they
        make no sense.

    Returns
    -------
    object
        What `build` has made.

    Raises
    ------
    ChainruleError
        Of the kind's error, with the name of the file: where it is missing, truncated, damaged, foreign or of another
        version, and where `build` raises it.
    """
    raw = read(kind, path)
    with named(kind, path):
        return build(*from_bytes(kind, raw))


def from_bytes(kind: Kind, raw: bytes) -> tuple[Any, dict[str, Any]]:
    """Take a file apart.

    Returns
    -------
    description : object
        What the JSON of the description holds.
    tensors : dict of str to dict
        What safetensors found, for `array_of`.

    Raises
    ------
    ChainruleError
        Of the kind's error, where the file is truncated, damaged, foreign or of another version.
    """
    from safetensors import SafetensorError, deserialize

    try:
        tensors: dict[str, Any] = dict(deserialize(raw))  # type: ignore[no-untyped-call]
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise kind.error(f"the {kind.file} is truncated or damaged ({error})") from None
    return _description(kind, header.get("__metadata__"), tensors), tensors


def _description(kind: Kind, metadata: Any, tensors: dict[str, Any]) -> Any:
    if not isinstance(metadata, dict) or metadata.get("format") != kind.format:
        named = metadata.get("format") if isinstance(metadata, dict) else None
        found = f" (it is a {named})" if named in _FORMATS else ""
        raise kind.error(f"this is a safetensors file, but no {kind.name} of chainrule's{found}")
    version = str(metadata.get("version"))
    if not version.isdecimal():
        raise kind.error(f"the {kind.file} is damaged: its format version is {version!r}")
    if int(version) != kind.version:
        advice = "use a newer chainrule" if int(version) > kind.version else kind.again
        raise kind.error(f"the {kind.file} has format version {version}, this chainrule reads {kind.version}: {advice}")
    text = metadata.get("description")
    if not isinstance(text, str):
        raise kind.error(f"the {kind.file} is damaged: it has no description")
    if metadata.get("sha256") != digest(text, {name: bytes(tensor["data"]) for name, tensor in tensors.items()}):
        raise kind.error(f"the {kind.file} is damaged: its contents do not match their checksum")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise kind.error(f"the {kind.file} is damaged: its description is no JSON ({error})") from None


def array_of(kind: Kind, name: str, tensor: Any, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Make an array of a tensor of a file, in memory of its own and the machine's own byte order.

    Raises
    ------
    ChainruleError
        Of the kind's error, where there is no such tensor, or one of another shape or dtype.
    """
    if tensor is None:
        raise kind.error(f"the tensor {name!r} is missing")
    found = DTYPES.get(tensor["dtype"])
    if found is None or found.name != dtype or tuple(tensor["shape"]) != shape:
        raise kind.error(
            f"the tensor {name!r} should be {dtype} of shape {shape}, found {tensor['dtype']} of shape "
            f"{tuple(tensor['shape'])}"
        )
    array: NDArray[Any] = np.frombuffer(tensor["data"], found).astype(dtype).reshape(shape)
    return array
