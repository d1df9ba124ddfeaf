"""What a run is, as plain data: what has to be the same where a checkpoint is to go on to the same bits."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.nn.losses import LOSSES
from chainrule.optim import Transform
from chainrule.train.state import TrainState
from chainrule.train.task import Task

__all__ = ["describe_run", "describe_value", "differences"]


def describe_run(task: Task, state: TrainState) -> dict[str, Any]:
    """Describe a task: network, loss, optimiser and the rest as names and numbers, the examples by their digests.

    Parameters
    ----------
    task : Task
        The task.
    state : TrainState
        Any state of the run.

    Returns
    -------
    dict
        What JSON can hold.
    """
    held_out = task.validation
    return {
        "network": describe_value(task.network),
        "precision": np.result_type(*tree.leaves(state.parameters)).name,
        "loss": task.loss.name if LOSSES.get(task.loss.name) is task.loss else describe_value(task.loss.function),
        "regularizers": describe_value(task.regularizers),
        "reduction": task.reduction,
        "optimizer": describe_value(task.optimizer),
        "batch_size": task.batch_size,
        "inputs": describe_value(task.inputs),
        "targets": _described_array(task.targets[:, :-1] if task.loss.weighted else task.targets),
        "weights": _described_array(task.targets[:, -1]) if task.loss.weighted else None,
        "validation": None if held_out is None else [_described_array(array) for array in held_out],
    }


def describe_value(value: Any, above: tuple[int, ...] = ()) -> Any:
    """Describe a value by names and numbers: functions by their names and what they enclose.

    Parameters
    ----------
    value : object
        Such as a transform, a layer or a regulariser.
    above : tuple of int
        The ids of the values that this one is in.

    Examples
    --------
    >>> from chainrule.nn import L2
    >>> describe_value((L2(0.5), np.ones(2).dtype.type(3)))
    [{'kind': 'L2', 'strength': 0.5}, 3.0]
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, np.ndarray):
        return _described_array(value)
    if id(value) in above:
        return "itself"
    above = (*above, id(value))
    if isinstance(value, tuple | list):
        return [describe_value(part, above) for part in value]
    if isinstance(value, Transform):
        # Both functions enclose the same, and the rate is among it.
        return describe_value(value.update, above)
    return {name: describe_value(part, above) for name, part in _parts(value)}


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Name what a dict, a function or an object holds, after what it is."""
    if isinstance(value, dict):
        yield from ((str(key), part) for key, part in value.items())
    elif isinstance(value, FunctionType):
        yield "function", f"{value.__module__}.{value.__qualname__}"
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            yield name, _enclosed(cell)
        if value.__defaults__ or value.__kwdefaults__:
            yield "defaults", [value.__defaults__, value.__kwdefaults__]
    elif isinstance(value, MethodType):
        yield from (("function", value.__func__), ("self", value.__self__))
    elif isinstance(value, partial):
        yield "function", value.func
        if value.args:
            yield "arguments", value.args
        yield from value.keywords.items()
    elif is_dataclass(value) and not isinstance(value, type):
        yield "kind", type(value).__name__
        yield from ((field.name, getattr(value, field.name)) for field in fields(value))
    else:
        yield "kind", f"{type(value).__module__}.{type(value).__qualname__}"
        yield "name", getattr(value, "__name__", None)


def _enclosed(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # The function that made it has not set the name yet.
        return "not set"


def _described_array(array: NDArray[Any]) -> dict[str, Any]:
    # Objects have no bytes to compare but their addresses.
    whole = np.ascontiguousarray(array)
    digest = hashlib.sha256(repr(array.tolist()).encode() if array.dtype.hasobject else whole.data)
    return {"shape": list(array.shape), "dtype": array.dtype.str, "numbers": digest.hexdigest()}


def differences(there: Any, here: dict[str, Any]) -> list[str]:
    """Say in what two runs differ.

    Parameters
    ----------
    there : object
        A description from a file.
    here : dict
        What `describe_run` returned.

    Returns
    -------
    list of str
        One text for each entry that differs; empty where none does.

    Examples
    --------
    >>> differences({"loss": "squared", "batch_size": 4}, {"loss": "absolute", "batch_size": 4})
    ["the loss (it was 'squared', now it is 'absolute')"]
    """
    there = there if isinstance(there, dict) else {}
    return [
        f"the {name} ({_first(there.get(name), part, '')})" for name, part in here.items() if there.get(name) != part
    ]


def _first(there: Any, here: Any, path: str) -> str:
    """The first difference between two values of which some part differs."""
    if isinstance(there, dict) and isinstance(here, dict) and list(there) == list(here):
        for name in here:
            if there[name] != here[name]:
                if name == "numbers":
                    return "they have the same shape, but other numbers"
                return _first(there[name], here[name], f"{path}.{name}" if path else name)
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here) and path != "shape":
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            if one != other:
                return _first(one, other, f"{path}[{number}]")
    subject = f"{path} " if path else "it "
    return f"{subject}was {_short(there)}, now it is {_short(here)}"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("function") or value.get("kind") or "another").replace(".<locals>", "")
    if isinstance(value, list) and not all(isinstance(part, int) for part in value):
        return f"{len(value)} of them"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
