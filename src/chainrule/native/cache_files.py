"""The form of an entry of the cache: a file that begins with a checksum, and is read only where it is one's own."""

import contextlib
import json
import os
import stat
import struct
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["Kept", "is_own", "read", "written"]

# A file: these bytes, the checksum of all that follows and of the key, the length of the facts, facts, code.
_MAGIC = b"chainrule-code-1"
_HEAD = struct.Struct(f"<{len(_MAGIC)}s32sQ")


@dataclass(frozen=True)
class Kept:
    """What an entry holds.

    Attributes
    ----------
    code : bytes
        An object file.
    facts : Any
        What has to be known to use it: anything that JSON can write.
    """

    code: bytes
    facts: Any = None


def written(key: str, kept: Kept) -> bytes:
    """Write an entry as the bytes of its file."""
    facts = json.dumps(kept.facts, separators=(",", ":"), allow_nan=False).encode()
    return _HEAD.pack(_MAGIC, _checksum(key, facts, kept.code), len(facts)) + facts + kept.code


def _checksum(key: str, facts: bytes, code: bytes) -> bytes:
    digest = blake2b(f"{key} {len(facts)} ".encode(), digest_size=32)
    digest.update(facts)
    digest.update(code)
    return digest.digest()


def read(path: Path, key: str) -> Kept | None:
    """Read an entry; None where the file is missing, damaged, or anybody else may have written it."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or not is_own(found):
                return None
            raw = file.read()
    except OSError:
        return None
    if len(raw) < _HEAD.size:
        return None
    magic, checksum, length = _HEAD.unpack_from(raw)
    facts, code = raw[_HEAD.size : _HEAD.size + length], raw[_HEAD.size + length :]
    if magic != _MAGIC or len(facts) != length or checksum != _checksum(key, facts, code):
        return None
    # The time of the last use, by which entries go; where it cannot be written, they go by age.
    with contextlib.suppress(OSError):
        os.utime(path)
    return Kept(code, json.loads(facts))


def is_own(found: os.stat_result) -> bool:
    """True where nobody else can have put there what would then be run."""
    return not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o022)
