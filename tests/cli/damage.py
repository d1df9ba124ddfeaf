"""Good files of every kind that the command reads, and what damages them."""

import gzip
import io
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from chainrule.train import containers

#: What a length, an offset or a count may be made.
HUGE = (2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
ENCODINGS = ("utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7", "cp500", "shift_jis")

_RNG = np.random.default_rng(0)
_COUNT = 40
_LENGTH = _RNG.normal(size=_COUNT)
_COLOUR = _RNG.choice(["rot", "weiß"], _COUNT)
_KIND = np.where(_LENGTH > 0, "rose", "lily")


def _csv(delimiter=",") -> bytes:
    rows = [f"{x:.3f}{delimiter}{c}{delimiter}{k}" for x, c, k in zip(_LENGTH, _COLOUR, _KIND, strict=True)]
    return "\n".join([delimiter.join(("length", "colour", "kind")), *rows, ""]).encode()


def _quoted() -> bytes:
    rows = [f'"{x:.3f}","{c} ""{c}"", or\nso",{k}' for x, c, k in zip(_LENGTH, _COLOUR, _KIND, strict=True)]
    return ("\ufefflength,colour,kind\r\n" + "\r\n".join(rows)).encode()


def _npz(save) -> bytes:
    file = io.BytesIO()
    X = _RNG.normal(size=(_COUNT, 3))
    save(file, X=X, y=_KIND, X_test=X[:5], y_test=_KIND[:5])
    return file.getvalue()


def idx(*shape: int, size: int | None = None) -> bytes:
    """An IDX file of bytes, with as many as the shape announces or another number."""
    header = b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    # The same at every call: what is drawn from a file depends on it.
    rng = np.random.default_rng(0)
    return header + rng.integers(0, 256, int(np.prod(shape)) if size is None else size, np.uint8).tobytes()


def _usps() -> bytes:
    lines = [f"{k % 10} " + " ".join(f"{x:.3f}" for x in _RNG.uniform(-1, 1, 256)) for k in range(20)]
    return "\n".join(lines).encode()


def parquet(**options: object) -> bytes | None:
    """A Parquet file; None without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        return None
    file = io.BytesIO()
    pq.write_table(pa.table({"length": _LENGTH, "colour": _COLOUR, "kind": _KIND}), file, **options)
    return file.getvalue()


def data_files() -> dict[str, bytes]:
    """A good file of every kind of data, by its name."""
    found = {
        "flowers.csv": _csv(),
        "semicolons.csv": _csv(";"),
        "quoted.csv": _quoted(),
        "flowers.csv.gz": gzip.compress(_csv(), mtime=0),
        "arrays.npz": _npz(np.savez),
        "compressed.npz": _npz(np.savez_compressed),
        "images.idx": idx(30, 4, 4),
        "digits.txt": _usps(),
        "flowers.parquet": parquet(),
        "zstd.parquet": parquet(compression="zstd", row_group_size=7, data_page_version="2.0", use_dictionary=False),
    }
    return {name: raw for name, raw in found.items() if raw is not None}


def idx_folder(path: Path) -> None:
    """A folder of IDX files, one of them gzipped."""
    path.mkdir()
    for part, count in (("train", 30), ("t10k", 10)):
        (path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(count, 4, 4), mtime=0))
        labels = bytes(k % 3 for k in range(count))
        (path / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + struct.pack(">I", count) + labels)


@st.composite
def damaged(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    """Some bytes after one to three kinds of damage, each of which may come at the begin, the end or anywhere."""
    for _ in range(draw(st.integers(1, 3))):
        raw = draw(st.sampled_from(_DAMAGES))(draw, raw, others)
    return raw


def _place(draw: st.DrawFn, raw: bytes) -> int:
    last = max(len(raw) - 1, 0)
    return draw(st.integers(0, min(40, last)) | st.integers(max(last - 60, 0), last) | st.integers(0, last))


def _truncated(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    return raw[: _place(draw, raw)]


def _flipped(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    found = bytearray(raw)
    for _ in range(draw(st.integers(1, 4))):
        if found:
            found[_place(draw, raw)] ^= 1 << draw(st.integers(0, 7))
    return bytes(found)


def _overwritten(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    place = _place(draw, raw)
    put = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0" * 8, b"\xff" * 8, b"\n", b'"', b","]))
    return raw[:place] + put + raw[place + len(put) :]


def _blown_up(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    """A huge number where there may be a length."""
    size = draw(st.sampled_from([2, 4, 8]))
    number = draw(st.sampled_from(HUGE)) % 2 ** (8 * size)
    place = _place(draw, raw) // 2 * 2
    return raw[:place] + number.to_bytes(size, draw(st.sampled_from(["little", "big"]))) + raw[place + size :]


def _longer_digits(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    """More digits in a number that is written as text, such as a shape in a header."""
    digits = [k for k in range(len(raw)) if raw[k : k + 1].isdigit()][:400]
    if not digits:
        return raw
    place = draw(st.sampled_from(digits))
    return raw[:place] + draw(st.sampled_from([b"9" * 9, b"9" * 18, b"9" * 400, b"-", b"0.", b"1e309"])) + raw[place:]


def _moved(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    """A part left out, doubled or many times over."""
    begin, end = sorted((_place(draw, raw), _place(draw, raw)))
    times = draw(st.sampled_from([0, 2, 50 if end - begin < 200 else 2]))
    return raw[:begin] + raw[begin:end] * times + raw[end:]


def _spliced(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    """The begin of one file before the rest of another."""
    other = draw(st.sampled_from(others))
    return other[: draw(st.sampled_from([4, 8, 16, 64])) or None] + raw[_place(draw, raw) :]


def _encoded(draw: st.DrawFn, raw: bytes, others: tuple[bytes, ...]) -> bytes:
    text = raw.decode("utf-8", "replace")
    return text.encode(draw(st.sampled_from(ENCODINGS)), "replace")


_DAMAGES = (_truncated, _flipped, _overwritten, _blown_up, _longer_digits, _moved, _spliced, _encoded)


class Payload:
    """What makes a folder where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.path,)


def npz_of(**members: bytes) -> bytes:
    """A zip file with these members as they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, raw in members.items():
            archive.writestr(f"{name}.npy", raw)
    return file.getvalue()


def npy_header(text: str, version: int = 1) -> bytes:
    """The begin of an NPY file with a header of one's own."""
    header = text.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header


def resealed(kind: containers.Kind, raw: bytes, description: object) -> bytes:
    """A model file or checkpoint with another description, and a checksum that fits."""
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:end])
    body = raw[end:]
    tensors = {name: body[slice(*entry["data_offsets"])] for name, entry in header.items() if name != "__metadata__"}
    text = description if isinstance(description, str) else json.dumps(description)
    header["__metadata__"] |= {"description": text, "sha256": containers.digest(text, tensors)}
    return safetensors(header, body)


def safetensors(header: object, body: bytes = b"") -> bytes:
    """A safetensors file of a header and bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body
