"""Values that an estimator holds as JSON and named arrays, and back; no other types come from a file.

Texts, booleans, whole numbers, finite floats, None and lists are themselves in JSON; all else is a dict with a
``kind``.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Activation
from chainrule.optim import (
    Transform,
    add_decayed_weights,
    chain,
    clip_by_global_norm,
    momentum,
    scale,
    scale_by_adam,
    scale_by_rate,
    schedules,
)
from chainrule.train import containers

__all__ = ["packed", "unpacked"]

_TRANSFORMS: dict[str, Callable[..., Transform]] = {
    make.__name__: make
    for make in (add_decayed_weights, chain, clip_by_global_norm, momentum, scale, scale_by_adam, scale_by_rate)
}
_DTYPES = {dtype.name for dtype in containers.DTYPES.values()}


def packed(value: Any, name: str, tensors: dict[str, NDArray[Any]]) -> Any:
    """Turn a value into what JSON can hold; its arrays go into `tensors`.

    Parameters
    ----------
    value : object
        Numbers, texts, None, paths, arrays of numbers, texts and objects, activations, random states, optimisers and
        schedules of `chainrule.optim`, and lists, tuples and dicts of these.
    name : str
        What the value is called: in messages, and at the beginning of the names of its arrays.
    tensors : dict of str to array
        Arrays are added to it.

    Raises
    ------
    OptionError
        For any other value.

    Examples
    --------
    >>> packed({"rate": np.float64(0.5), 3: (1, float("inf"))}, "x", {})["entries"][1]
    [3, {'kind': 'tuple', 'values': [1, {'kind': 'float', 'value': 'inf'}]}]
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"kind": "float", "value": repr(value)}
    if type(value) is list:
        return [packed(part, f"{name}[{k}]", tensors) for k, part in enumerate(value)]
    if type(value) is tuple:
        return {"kind": "tuple", "values": packed(list(value), name, tensors)}
    if type(value) is dict:
        entries = [
            [packed(key, f"a key of {name}", tensors), packed(part, f"{name}.{key}", tensors)]
            for key, part in value.items()
        ]
        return {"kind": "dict", "entries": entries}
    if isinstance(value, np.ndarray):
        return _packed_array(value, name, tensors)
    if isinstance(value, np.str_):
        return {"kind": "text", "value": str(value)}
    if isinstance(value, np.generic) and value.dtype.name in _DTYPES:
        return {"kind": "scalar", "dtype": value.dtype.name, "value": packed(value.item(), name, tensors)}
    if isinstance(value, PathLike) and isinstance(fspath(value), str):
        return {"kind": "path", "value": fspath(value)}
    if isinstance(value, Activation):
        return {"kind": "activation", "name": value.name}
    if isinstance(value, Transform) and isinstance(value._made, partial):
        made = value._made
        if _TRANSFORMS.get(getattr(made.func, "__name__", "")) is made.func:
            arguments = packed([list(made.args), made.keywords], name, tensors)
            return {"kind": "transform", "name": made.func.__name__, "arguments": arguments}
    if isinstance(value, partial) and not value.args:
        for row, made_by in schedules.FORMULAS.items():
            if value.func is made_by:
                return {"kind": "schedule", "name": row, "numbers": packed(value.keywords, name, tensors)}
    if isinstance(value, np.random.RandomState):
        return {"kind": "RandomState", "state": packed(_state_of(value, name), name, tensors)}
    what = "a function" if callable(value) else f"of type {type(value).__name__}"
    raise OptionError(f"{name} is {what}, which a file without code cannot hold")


def _packed_array(array: NDArray[Any], name: str, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    shape = list(array.shape)
    if array.dtype.kind == "U":
        return {"kind": "texts", "width": array.dtype.itemsize // 4, "shape": shape, "values": array.ravel().tolist()}
    if array.dtype.kind == "O":
        return {"kind": "objects", "shape": shape, "values": packed(list(array.ravel()), name, tensors)}
    if array.dtype.name not in _DTYPES:
        raise OptionError(f"{name} is an array of {array.dtype}, which a file cannot hold")
    tensors[name] = np.asarray(array, order="C").astype(array.dtype.newbyteorder("="), copy=False)
    return {"kind": "array", "name": name, "dtype": array.dtype.name, "shape": shape}


def _state_of(random: np.random.RandomState, name: str) -> dict[str, Any]:
    state = random.get_state(legacy=False)
    if not isinstance(state, dict) or state["bit_generator"] != "MT19937":
        raise OptionError(f"{name} has another generator than MT19937, which a file cannot hold")
    return state


def unpacked(value: Any, tensors: dict[str, Any], kind: containers.Kind, activations: Mapping[str, Activation]) -> Any:
    """Turn back what `packed` made; the arrays that it names are taken out of `tensors`.

    Parameters
    ----------
    value : object
        What JSON gave.
    tensors : dict
        What safetensors found.
    kind : Kind
        What the file is.
    activations : mapping of str to Activation
        Rows by their names.

    Raises
    ------
    ModelFileError
        Where something makes no sense.
    """

    def inside(part: Any) -> Any:
        return unpacked(part, tensors, kind, activations)

    if isinstance(value, list):
        return [inside(part) for part in value]
    if not isinstance(value, dict):
        return value
    make = _KINDS.get(str(value.get("kind")))
    if make is None:
        raise ModelFileError(f"the description of the estimator is damaged: there is no value of kind {value!r:.60}")
    try:
        if value["kind"] == "array":
            found = containers.array_of(
                kind, value["name"], tensors.pop(value["name"], None), tuple(value["shape"]), value["dtype"]
            )
            return found
        if value["kind"] == "activation":
            return activations[value["name"]]
        return make(value, inside)
    except ModelFileError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError, AttributeError) as error:
        raise ModelFileError(
            f"the description of the estimator is damaged: a value of kind {value['kind']!r} makes no sense ({error})"
        ) from None


_Inside = Callable[[Any], Any]


def _float(value: dict[str, Any], inside: _Inside) -> float:
    return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[value["value"]]


def _scalar(value: dict[str, Any], inside: _Inside) -> Any:
    if value["dtype"] not in _DTYPES:
        raise ValueError(f"dtype {value['dtype']!r}")
    number = inside(value["value"])
    if not isinstance(number, bool | int | float):
        raise ValueError("no number")
    return np.dtype(value["dtype"]).type(number)


def _texts(value: dict[str, Any], inside: _Inside) -> NDArray[Any]:
    width, values = int(value["width"]), value["values"]
    if not all(isinstance(text, str) and len(text) <= width for text in values) or width > 1 << 20:
        raise ValueError("texts of another length")
    return np.array(values, f"<U{max(width, 1)}").reshape(_shape(value["shape"]))


def _objects(value: dict[str, Any], inside: _Inside) -> NDArray[Any]:
    values = inside(value["values"])
    whole = np.empty(len(values), object)
    for k, part in enumerate(values):
        whole[k] = part
    return whole.reshape(_shape(value["shape"]))


def _shape(shape: Any) -> tuple[int, ...]:
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"shape {shape!r}")
    return tuple(shape)


def _random(value: dict[str, Any], inside: _Inside) -> np.random.RandomState:
    random = np.random.RandomState()
    random.set_state(inside(value["state"]))
    return random


def _transform(value: dict[str, Any], inside: _Inside) -> Transform:
    arguments, named = inside(value["arguments"])
    return _TRANSFORMS[value["name"]](*arguments, **named)


def _schedule(value: dict[str, Any], inside: _Inside) -> schedules.Schedule:
    return schedules.SCHEDULES[value["name"]](**inside(value["numbers"]))


_KINDS: dict[str, Callable[[dict[str, Any], _Inside], Any]] = {
    "float": _float,
    "tuple": lambda value, inside: tuple(inside(list(value["values"]))),
    "dict": lambda value, inside: {inside(key): inside(part) for key, part in value["entries"]},
    "text": lambda value, inside: np.str_(value["value"]),
    "path": lambda value, inside: Path(value["value"]),
    "scalar": _scalar,
    "texts": _texts,
    "objects": _objects,
    "RandomState": _random,
    "transform": _transform,
    "schedule": _schedule,
    # These two need what is beside the description.
    "array": lambda value, inside: None,
    "activation": lambda value, inside: None,
}
