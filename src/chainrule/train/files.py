"""Model files: safetensors with the parameters as tensors and the description of the model as metadata.

A file holds the tensors ``layer1.weights``, ``layer1.bias``, ``layer2.weights`` and so on, and for the state of the
network such as ``layer2.state.mean``, all float32 or float64, and the metadata ``format`` (always ``"chainrule
model"``), ``version`` (of the format), ``description`` (JSON, see `chainrule.train.description`) and ``sha256`` (of the
description and the tensors, in hexadecimal digits). Other tools that read safetensors read the tensors. Loading one
runs no code from it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Activation
from chainrule.nn.layers import Arrays
from chainrule.train import containers
from chainrule.train.description import describe, described
from chainrule.train.model import Model

__all__ = ["FORMAT_VERSION", "check_place", "load", "save", "with_prefixes"]

FORMAT_VERSION = 2
_KIND = containers.Kind("model", "model file", FORMAT_VERSION, "train the model again", ModelFileError)


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
    containers.write(_KIND, path, _to_bytes(model))


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
    containers.check_place(_KIND, path)


def _to_bytes(model: Model) -> bytes:
    dtype = model.dtype
    if dtype not in (np.float32, np.float64):
        raise OptionError(f"a model file holds parameters of float32 or float64, found {dtype}")
    try:
        description = json.dumps(describe(model), allow_nan=False, ensure_ascii=False)
    except OptionError:
        raise
    except (TypeError, ValueError) as error:
        raise OptionError(f"the record of training holds what a model file cannot: {error}") from error
    tensors = {
        prefix + name: np.ascontiguousarray(values, dtype)
        for prefix, layer in with_prefixes(model.parameters, model.state)
        for name, values in layer.items()
    }
    return containers.to_bytes(_KIND, description, tensors)


def with_prefixes(
    parameters: Sequence[dict[str, Any]], state: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the layers' parameters, then their states, with what precedes their names in a file."""
    for part, layers in (("", parameters), ("state.", state)):
        for number, layer in enumerate(layers, start=1):
            yield f"layer{number}.{part}", layer


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
    rows = {row.name: row for row in activations}
    return containers.loaded(_KIND, path, lambda description, tensors: _built(description, tensors, rows))


def _built(description: Any, tensors: dict[str, Any], activations: dict[str, Activation]) -> Model:
    network, loss, dtype, preparation, record = described(description, activations)
    layers: list[Arrays] = [
        {name: _array(prefix + name, tensors.pop(prefix + name, None), shape, dtype) for name, shape in shapes.items()}
        for prefix, shapes in with_prefixes(network.shapes(), network.state_shapes())
    ]
    for name in tensors:
        raise ModelFileError(f"the tensor {name!r} belongs to no layer of the network")
    count = len(network.places)
    return Model(network, tuple(layers[:count]), tuple(layers[count:]), loss, preparation, record)


def _array(name: str, tensor: Any, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    array = containers.array_of(_KIND, name, tensor, shape, dtype)
    if not np.isfinite(array).all():
        raise ModelFileError(f"the tensor {name!r} holds NaN or infinities")
    return array
