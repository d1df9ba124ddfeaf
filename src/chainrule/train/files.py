"""Model files: safetensors with the parameters as tensors and the description of the model as metadata.

A file holds the tensors ``layer1.weights``, ``layer1.bias``, ``layer2.weights`` and so on, and for the state of the
network such as ``layer2.state.mean``, all float32 or float64, and the metadata ``format`` (always ``"chainrule
model"``), ``version`` (of the format), ``description`` (JSON, see `chainrule.train.description`) and ``sha256`` (of the
description and the tensors, in hexadecimal digits). Other tools that read safetensors read the tensors. Loading one
runs no code from it.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.files import missing_file
from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Activation
from chainrule.nn.layers import Arrays
from chainrule.train.description import describe, described
from chainrule.train.model import Model

__all__ = ["FORMAT_VERSION", "check_place", "load", "save"]

FORMAT_VERSION = 2
_FORMAT = "chainrule model"
_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
# The limit that safetensors itself sets.
_LONGEST_HEADER = 100_000_000


def save(model: Model, path: str | PathLike[str]) -> None:
    """Write a model file.

    It is written under another name beside `path` and then renamed: at every moment `path` is the old file or
    the whole new one, and a failure leaves nothing behind.

    Parameters
    ----------
    model : Model
        The model.
    path : path-like
        The file; one that is there is replaced.

    Raises
    ------
    ModelFileError
        Where the file cannot be written.
    OptionError
        Where the parameters are neither float32 nor float64, a layer is of a kind of one's own, or the record of
        training holds what JSON cannot.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from chainrule.nn import Network
    >>> network = Network.of(2, hidden=(3,))
    >>> model = Model(network, network.initialize(0), network.initial_state(), "squared")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.safetensors")
    ...     save(model, path)
    ...     same = load(path)
    >>> same.network == network
    True
    """
    raw = _to_bytes(model)
    place = _place(path)
    folder, name = os.path.split(place)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def check_place(path: str | PathLike[str]) -> None:
    """Raise ModelFileError where `save` could not write: for one call before a long training.

    Parameters
    ----------
    path : path-like
        Where a model is to be saved.

    Examples
    --------
    >>> check_place("no/such/folder/model")
    Traceback (most recent call last):
        ...
    chainrule.errors.ModelFileError: no/such/folder/model: the model cannot be written (No such file or
    directory)
    """
    place = _place(path)
    temporary = f"{place}.{secrets.token_hex(8)}.part"
    try:
        with open(temporary, "xb"):
            pass
        os.unlink(temporary)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _place(path: str | PathLike[str]) -> str:
    """Follow links, so that a link stays one, and refuse what a file must not replace, such as a device."""
    place = os.path.realpath(path)
    if os.path.isdir(place):
        raise ModelFileError(f"{os.fspath(path)}: the model cannot be written (it is a folder; name a file in it)")
    if os.path.exists(place) and not os.path.isfile(place):
        raise ModelFileError(f"{os.fspath(path)}: the model cannot be written (it is not a regular file)")
    return place


def _cannot_write(path: str | PathLike[str], error: OSError) -> ModelFileError:
    return ModelFileError(f"{os.fspath(path)}: the model cannot be written ({error.strerror})")


def _to_bytes(model: Model) -> bytes:
    from safetensors.numpy import save as to_bytes

    dtype = model.dtype
    if dtype not in _DTYPES.values():
        raise OptionError(f"a model file holds parameters of float32 or float64, found {dtype}")
    try:
        description = json.dumps(describe(model), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise OptionError(f"the record of training holds what a model file cannot: {error}") from error
    tensors = {
        prefix + name: np.ascontiguousarray(values, dtype)
        for prefix, layer in _with_prefixes(model.parameters, model.state)
        for name, values in layer.items()
    }
    metadata = {
        "format": _FORMAT,
        "version": str(FORMAT_VERSION),
        "description": description,
        "sha256": _digest(description, {name: values.tobytes() for name, values in tensors.items()}),
    }
    return _ordered(to_bytes(tensors, metadata))


def _ordered(raw: bytes) -> bytes:
    """Write the entries of the header in the order of their names: safetensors writes them in a random one."""
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.dumps(json.loads(raw[8:end]), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    # Spaces, so that the tensors begin at a multiple of eight bytes.
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + raw[end:]


def _with_prefixes(
    parameters: Sequence[dict[str, Any]], state: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the layers' parameters, then their states, with what precedes their names in a file."""
    for part, layers in (("", parameters), ("state.", state)):
        for number, layer in enumerate(layers, start=1):
            yield f"layer{number}.{part}", layer


def _digest(description: str, tensors: dict[str, bytes]) -> str:
    digest = hashlib.sha256(description.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name])
    return digest.hexdigest()


def load(path: str | PathLike[str], activations: Iterable[Activation] = ()) -> Model:
    """Read a model file.

    No code from the file is run. Names, shapes and types of all tensors are compared with the description,
    and every number has to be finite.

    Parameters
    ----------
    path : path-like
        The file.
    activations : iterable of Activation
        Activations of one's own that the network uses; the file has only their names.

    Returns
    -------
    Model
        The model.

    Raises
    ------
    ModelFileError
        Where the file is missing, truncated, damaged, no model of chainrule's, or of another version of the format.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "digits.csv")
    ...     _ = path.write_text("x0,x1,label")
    ...     load(path)
    Traceback (most recent call last):
        ...
    chainrule.errors.ModelFileError: .../digits.csv: this is no model file: it does not begin like one
    """
    place = Path(path)
    raw = _contents(place)
    try:
        return _from_bytes(raw, {row.name: row for row in activations})
    except ModelFileError as error:
        raise ModelFileError(f"{place}: {error}") from None


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(9)
            # Eight bytes with the length of the header, which is JSON. A large file of another kind is not
            # read whole.
            length = int.from_bytes(start[:8], "little")
            if len(start) < 9 or start[8:] != b"{" or length > _LONGEST_HEADER:
                raise ModelFileError(f"{path}: this is no model file: it does not begin like one")
            if 8 + length > size:
                raise ModelFileError(f"{path}: the model file is truncated, copy or train it again")
            return start + file.read()
    except FileNotFoundError:
        raise ModelFileError(str(missing_file(path))) from None
    except OSError as error:
        raise ModelFileError(f"{path}: the model file cannot be read ({error.strerror})") from error


def _from_bytes(raw: bytes, activations: dict[str, Activation]) -> Model:
    from safetensors import SafetensorError, deserialize

    try:
        tensors: dict[str, Any] = dict(deserialize(raw))  # type: ignore[no-untyped-call]
        header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ModelFileError(f"the model file is truncated or damaged ({error})") from None
    description = _description(header.get("__metadata__"), tensors)
    network, loss, dtype, preparation, record = described(description, activations)
    layers: list[Arrays] = [
        {name: _array(prefix + name, tensors.pop(prefix + name, None), shape, dtype) for name, shape in shapes.items()}
        for prefix, shapes in _with_prefixes(network.shapes(), network.state_shapes())
    ]
    for name in tensors:
        raise ModelFileError(f"the tensor {name!r} belongs to no layer of the network")
    count = len(network.places)
    return Model(network, tuple(layers[:count]), tuple(layers[count:]), loss, preparation, record)


def _description(metadata: Any, tensors: dict[str, Any]) -> Any:
    if not isinstance(metadata, dict) or metadata.get("format") != _FORMAT:
        raise ModelFileError("this is a safetensors file, but no model of chainrule's")
    version = str(metadata.get("version"))
    if not version.isdecimal():
        raise ModelFileError(f"the model file is damaged: its format version is {version!r}")
    if int(version) != FORMAT_VERSION:
        advice = "use a newer chainrule" if int(version) > FORMAT_VERSION else "train the model again"
        raise ModelFileError(
            f"the model file has format version {version}, this chainrule reads {FORMAT_VERSION}: {advice}"
        )
    text = metadata.get("description")
    if not isinstance(text, str):
        raise ModelFileError("the model file is damaged: it has no description")
    if metadata.get("sha256") != _digest(text, {name: bytes(tensor["data"]) for name, tensor in tensors.items()}):
        raise ModelFileError("the model file is damaged: its contents do not match their checksum")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"the model file is damaged: its description is no JSON ({error})") from None


def _array(name: str, tensor: Any, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    if tensor is None:
        raise ModelFileError(f"the tensor {name!r} is missing")
    found = _DTYPES.get(tensor["dtype"])
    if found is None or found.name != dtype or tuple(tensor["shape"]) != shape:
        raise ModelFileError(
            f"the tensor {name!r} should be {dtype} of shape {shape}, found {tensor['dtype']} of shape "
            f"{tuple(tensor['shape'])}"
        )
    # A copy in the machine's own byte order, which can be written to.
    array: NDArray[Any] = np.frombuffer(tensor["data"], found).astype(dtype).reshape(shape)
    if not np.isfinite(array).all():
        raise ModelFileError(f"the tensor {name!r} holds NaN or infinities")
    return array
