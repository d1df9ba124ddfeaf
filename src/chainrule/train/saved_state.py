"""A training state as numbers, which JSON can hold, and named arrays; and back, with every entry checked."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.errors import CheckpointError, OptionError
from chainrule.nn import Parameters, State
from chainrule.train import containers
from chainrule.train.divergence import all_finite
from chainrule.train.files import with_prefixes
from chainrule.train.state import Best, Epoch, Halving, History, TrainState

__all__ = ["restored", "saved"]

_WHOLE = ("seed", "epoch", "batch", "step")
_REAL = ("total", "seconds")
_OTHER_STATES = ("began", "good")
# The number of a step is a float64 in machine code.
_MOST_STEPS = 2**53


def saved(state: TrainState, prefix: str = "") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Split a state into numbers and arrays.

    Parameters
    ----------
    state : TrainState
        The state.
    prefix : str
        What the names of the arrays begin with.

    Returns
    -------
    numbers : dict
        What JSON can hold.
    tensors : dict of str to array
        Contiguous arrays.

    Raises
    ------
    OptionError
        Where the state of the optimiser holds something else than numbers and arrays of them.
    """
    leaves = dict(_leaves(state.parameters, state.network_state, prefix))
    leaves |= tree.leaves_with_paths(state.optimizer, f"{prefix}optimizer")
    leaves |= {f"{prefix}history.{name}": column for name, column in state.history.arrays().items()}
    best = state.best
    if best is not None:
        leaves |= _leaves(best.parameters, best.network_state, f"{prefix}best.")
    tensors = {name: _array(name, leaf) for name, leaf in leaves.items()}
    numbers: dict[str, Any] = {name: int(getattr(state, name)) for name in _WHOLE}
    numbers |= {name: float(getattr(state, name)) for name in _REAL}
    numbers["best"] = None if best is None else {"epoch": best.epoch, "validation": float(best.validation)}
    numbers["halvings"] = [asdict(halving) for halving in state.history.halvings]
    for name in _OTHER_STATES:
        other = getattr(state, name)
        numbers[name] = None
        if other is not None:
            numbers[name], more = saved(other, f"{prefix}{name}.")
            tensors |= more
    return numbers, tensors


def _leaves(parameters: Parameters, state: State, prefix: str) -> Iterator[tuple[str, Any]]:
    for place, layer in with_prefixes(parameters, state):
        yield from ((f"{prefix}{place}{name}", array) for name, array in layer.items())


def _array(name: str, leaf: Any) -> NDArray[Any]:
    array = np.asarray(leaf)
    if array.dtype not in containers.DTYPES.values():
        raise OptionError(f"a checkpoint cannot hold {name}, which is of type {type(leaf).__name__}, {array.dtype}")
    # Not ascontiguousarray, which makes one dimension of none.
    return np.asarray(array, order="C")


def restored(
    kind: containers.Kind, numbers: Any, tensors: dict[str, Any], like: TrainState, prefix: str = ""
) -> TrainState:
    """Put a state together.

    Parameters
    ----------
    kind : containers.Kind
        What the file is.
    numbers, tensors
        What `saved` gave, as it was read.
    like : TrainState
        A state of the same run; its arrays and containers tell what is expected.
    prefix : str
        What the names of the arrays begin with.

    Returns
    -------
    TrainState
        The state that was saved.

    Raises
    ------
    CheckpointError
        If an entry is missing, of another type, or makes no sense.
    """
    if not prefix:
        tensors = dict(tensors)
    seed, epoch, batch, step = (_whole(numbers, name) for name in _WHOLE)
    total, seconds = (_real(numbers, name) for name in _REAL)

    def read(name: str, leaf: Any) -> Any:
        expected = np.asarray(leaf)
        array = containers.array_of(kind, name, tensors.pop(name, None), expected.shape, expected.dtype.name)
        if isinstance(leaf, np.ndarray):
            return array
        return array[()] if isinstance(leaf, np.generic) else type(leaf)(array.item())

    def layers(part: str) -> tuple[Parameters, State]:
        found = tuple(
            {name: read(place + name, array) for name, array in layer.items()}
            for place, layer in (
                (prefix + part + place, layer) for place, layer in with_prefixes(like.parameters, like.network_state)
            )
        )
        _require(all_finite(array for layer in found for array in layer.values()), "parameters are NaN or infinite")
        return found[: len(like.parameters)], found[len(like.parameters) :]

    parameters, network_state = layers("")
    structure = tree.flatten(like.optimizer)[1]
    optimizer = structure.unflatten(
        read(name, leaf) for name, leaf in tree.leaves_with_paths(like.optimizer, f"{prefix}optimizer")
    )
    columns = {
        name: containers.array_of(
            kind,
            f"{prefix}history.{name}",
            tensors.pop(f"{prefix}history.{name}", None),
            (epoch,),
            column.dtype.name,
        )
        for name, column in History().arrays().items()
    }
    best = None
    if (entry := _get(numbers, "best")) is not None:
        best = Best(*layers("best."), _whole(entry, "epoch"), _real(entry, "validation"))
    began, good = (
        None if (other := _get(numbers, name)) is None else _other(kind, other, tensors, like, f"{prefix}{name}.")
        for name in _OTHER_STATES
    )
    if not prefix:
        _require(not tensors, f"it has tensors that belong to nothing, such as {next(iter(tensors), '')!r}")
    history = History(_rows(columns), _halvings(_get(numbers, "halvings")))
    return TrainState(
        parameters, network_state, optimizer, seed, epoch, batch, step, total, seconds, history, best, began, good
    )


def _other(kind: containers.Kind, numbers: Any, tensors: dict[str, Any], like: TrainState, prefix: str) -> TrainState:
    # A state that was kept holds no others.
    _require(prefix.count(".") == 1, "its states are nested")
    return restored(kind, numbers, tensors, like, prefix)


def _rows(columns: dict[str, NDArray[Any]]) -> tuple[Epoch, ...]:
    rows = zip(*(columns[name].tolist() for name in columns), strict=True)
    return tuple(
        Epoch(epoch, steps, objective, _or_none(validation), _or_none(rate), seconds)
        for epoch, steps, objective, validation, rate, seconds in rows
    )


def _or_none(number: float) -> float | None:
    """NaN stands for None, as in `History.arrays`."""
    return None if math.isnan(number) else number


def _halvings(entries: Any) -> tuple[Halving, ...]:
    _require(isinstance(entries, list), "'halvings' is no list")
    found = []
    for entry in entries:
        reason = _get(entry, "reason")
        _require(isinstance(reason, str), "'reason' is no text")
        found.append(Halving(_whole(entry, "epoch"), _whole(entry, "step"), _whole(entry, "back_to"), reason))
    return tuple(found)


def _get(entry: Any, key: str) -> Any:
    _require(isinstance(entry, dict), f"a table of entries is needed, not {type(entry).__name__}")
    _require(key in entry, f"{key!r} is missing")
    return entry[key]


def _whole(entry: Any, key: str) -> int:
    value = _get(entry, key)
    most = 2**63 if key == "seed" else _MOST_STEPS
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < most
    _require(fits, f"{key!r} is no whole number from 0 on that a run can have")
    return int(value)


def _real(entry: Any, key: str) -> float:
    value = _get(entry, key)
    _require(isinstance(value, float), f"{key!r} is no number")
    return float(value)


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise CheckpointError(f"the checkpoint is damaged: {problem}")
