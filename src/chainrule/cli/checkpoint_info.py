"""`chainrule info` of a checkpoint: what run it is of, and how far that is."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.cli.output import named_lines, short
from chainrule.data.table import counted
from chainrule.errors import CheckpointError
from chainrule.train import containers
from chainrule.train.checkpoint import read_parts

__all__ = ["describe_checkpoint"]


def describe_checkpoint(path: str) -> str:
    """Write in lines what a checkpoint is of.

    Parameters
    ----------
    path : str
        The file.

    Raises
    ------
    CheckpointError
        Where it is missing, truncated, damaged, or none of chainrule's.
    """
    run, state, tensors = read_parts(path)
    try:
        lines = _of_run(run) | _of_state(state, tensors)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise CheckpointError(f"{path}: the checkpoint is damaged: its description does not fit ({error})") from None
    size = Path(path).stat().st_size
    return f"{path}: a chainrule checkpoint of {size:,} bytes\n\n{named_lines(lines)}"


def _of_run(run: dict[str, Any]) -> dict[str, str]:
    network = run["network"]
    rows, width = run["inputs"]["shape"][0], run["targets"]["shape"][-1]
    batch = "all rows a step" if run["batch_size"] is None else f"{counted(run['batch_size'], 'row')} a step"
    objective = [f"{run['reduction']} of {_call(run['loss'])}", *map(_call, run["regularizers"])]
    held_out = "" if run["validation"] is None else f", {counted(run['validation'][0]['shape'][0], 'row')} held out"
    return {
        "network": ", ".join([counted(network["inputs"], "input"), *map(_layer, network["layers"]), run["precision"]]),
        "objective": " + ".join(objective),
        "optimizer": _call(run["optimizer"]),
        "data": f"{counted(rows, 'row')}, {counted(width, 'target column')}, {batch}{held_out}",
    }


def _of_state(state: dict[str, Any], tensors: dict[str, Any]) -> dict[str, str]:
    epochs = state["epoch"]
    done = f"{counted(epochs, 'epoch')}, {counted(state['step'], 'step')}"
    lines = {"done": done + (f" ({counted(state['batch'], 'step')} into the next epoch)" if state["batch"] else "")}
    if epochs:
        kind = containers.Kind("checkpoint", "checkpoint", 1, "", CheckpointError)
        columns = {
            name: containers.array_of(kind, f"history.{name}", tensors.get(f"history.{name}"), (epochs,), "float64")
            for name in ("objective", "validation", "rate", "seconds")
        }
        last = {name: float(column[-1]) for name, column in columns.items()}
        numbers = [f"{name} {short(last[name])}" for name in ("objective", "validation", "rate") if _known(last[name])]
        lines["last"] = ", ".join(numbers)
        lines["time"] = f"{float(np.sum(columns['seconds'])):.3g} s"
    if state["best"] is not None:
        lines["best"] = f"validation {short(float(state['best']['validation']))} in epoch {state['best']['epoch']}"
    if state["halvings"]:
        lines["halved"] = f"the rate, {counted(len(state['halvings']), 'time')}"
    return lines


def _known(value: float) -> bool:
    return not math.isnan(value)


def _layer(layer: dict[str, Any]) -> str:
    """A layer in a few words."""
    if layer["kind"] == "Dense":
        return f"{layer['units']} {_call(layer['activation'])}"
    return _call(layer)


def _call(value: Any) -> str:
    """Write what `chainrule.train.identity.describe_value` made of a function or an object as a call."""
    if isinstance(value, list):
        return ", ".join(map(_call, value))
    if not isinstance(value, dict):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if "transforms" in value:
        return _call(value["transforms"])
    if "update" in value:
        return _call(value["update"])
    parts = [
        _call(part) if isinstance(part, dict) else f"{key}={_call(part)}"
        for key, part in _given(value).items()
        if part is not None
    ]
    return f"{_name(value)}({', '.join(parts)})" if parts else _name(value)


def _name(value: dict[str, Any]) -> str:
    """The name of a function without its module; chainrule's own by what makes them."""
    called = value.get("function") or value.get("kind") or ""
    if isinstance(called, dict):
        return _name(called)
    whole = str(called)
    made = whole.partition(".<locals>")[0] if whole.startswith("chainrule.") else whole
    return made.rpartition(".")[2].lstrip("_")


def _given(value: dict[str, Any]) -> dict[str, Any]:
    """What a function encloses, or a partial one was given by name."""
    given = {key: part for key, part in value.items() if key not in ("function", "kind", "arguments")}
    if "arguments" in value:
        positional, named = value["arguments"]
        given |= {f"{number}": part for number, part in enumerate(positional, start=1)} | named
    return given
