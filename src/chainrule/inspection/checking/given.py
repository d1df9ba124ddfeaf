"""What somebody hands in, read into one dict of arrays a layer, and the layouts that its shapes allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from chainrule.inspection.checking.numbers import Array, Gradients

__all__ = ["Layout", "Reading", "Unreadable", "fitting", "read", "shape_problem", "value_problems"]

_NAMES = {
    "gradient by weights": "weights",
    "gradient by bias": "bias",
    "weights": "weights",
    "bias": "bias",
    "sensitivities": "sensitivities",
}
_WORDS = {"weights": "gradient by the weights", "bias": "gradient by the bias", "sensitivities": "sensitivities"}


class Unreadable(Exception):
    """What was handed in has no form that is known; the message says which have."""


@dataclass(frozen=True)
class Layout:
    """How somebody's arrays lie.

    Attributes
    ----------
    transposed : bool
        Whether those of weights have the shape (units, inputs).
    bias : {"apart", "first", "last"}
        Whether the bias has an array of its own, or is the first or the last row of the weights.
    backwards : bool
        Whether the last layer comes first.
    columns : bool
        Whether the sensitivities have a column an example.
    """

    transposed: bool
    bias: str
    backwards: bool
    columns: bool

    def canonical(self, layers: Sequence[dict[str, Array]]) -> list[dict[str, Array]]:
        """The arrays in chainrule's layout, where they fit; others as they come out."""
        found = []
        for layer in reversed(layers) if self.backwards else layers:
            own = dict(layer)
            if own["weights"].ndim == 2:
                w = own["weights"].T if self.transposed else own["weights"]
                if self.bias != "apart" and len(w) > 1:
                    own["bias"] = w[0] if self.bias == "first" else w[-1]
                    w = w[1:] if self.bias == "first" else w[:-1]
                own["weights"] = w
            if "bias" in own and own["bias"].ndim == 2 and 1 in own["bias"].shape:
                own["bias"] = own["bias"].ravel()
            if "sensitivities" in own:
                delta = np.atleast_2d(own["sensitivities"])
                own["sensitivities"] = delta.T if self.columns else delta
            found.append(own)
        return found

    def place(self, name: str, where: tuple[int, ...]) -> tuple[int, ...]:
        """Index of an entry in somebody's own array, given the one in chainrule's layout."""
        if name == "sensitivities":
            return where[::-1] if self.columns else where
        if name == "bias" and self.bias != "apart":
            where = (0 if self.bias == "first" else -1, *where)
        elif name == "weights":
            where = (where[0] + (self.bias == "first"), where[1])
        return where[::-1] if self.transposed and len(where) == 2 else where

    def shape(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of somebody's own array, given the one in chainrule's layout."""
        if len(shape) != 2 or name not in ("weights", "sensitivities"):
            return shape
        if name == "sensitivities":
            return shape[::-1] if self.columns else shape
        whole = (shape[0] + (self.bias != "apart"), shape[1])
        return whole[::-1] if self.transposed else whole


Reading: TypeAlias = tuple[Layout, list[dict[str, Array]]]
"""A layout, and somebody's arrays as it reads them."""


def read(theirs: Any, count: int) -> tuple[dict[str, Array], ...]:
    """Read arrays into one dict a layer, with ``weights`` and perhaps ``bias``, ``sensitivities`` and others.

    Parameters
    ----------
    theirs : object
        As `check_backprop` takes it, but for a function.
    count : int
        Number of layers that there should be.

    Returns
    -------
    tuple of dicts
        In their own layout.

    Raises
    ------
    Unreadable
        Where it has another form, or another number of layers.
    """
    if isinstance(theirs, Mapping):
        named = {_name(name): values for name, values in theirs.items()}
        if "weights" not in named or not all(isinstance(values, list | tuple) for values in named.values()):
            raise Unreadable(
                "a dict has to have a list for each name, with an array a layer: at least 'weights', and 'bias' and "
                f"'sensitivities' where they are there; found {sorted(map(str, theirs))}"
            )
        lengths = {name: len(values) for name, values in named.items()}
        for name, length in lengths.items():
            _check_count(length, count, f" in {name!r}")
        theirs = [{name: values[k] for name, values in named.items()} for k in range(count)]
    if not isinstance(theirs, list | tuple):
        raise Unreadable(f"expected a list with an entry for each layer, found {type(theirs).__name__}")
    _check_count(len(theirs), count, "")
    return tuple(_layer(one, k + 1) for k, one in enumerate(theirs))


def _check_count(found: int, count: int, where: str) -> None:
    if found != count:
        missing = "a layer is missing" if found == count - 1 else "layers are missing"
        also = " (the inputs are no layer: they have no gradient)" if found == count + 1 else ""
        what = missing if found < count else f"that is {found - count} too many{also}"
        raise Unreadable(f"the network has {count} layers with weights, found {found} entries{where}: {what}")


def _name(name: Any) -> str:
    return _NAMES.get(name, str(name))


def _layer(one: Any, number: int) -> dict[str, Array]:
    if isinstance(one, Mapping):
        # As `Backprop.arrays` has them, where "weights" are the parameters themselves.
        whole = "gradient by weights" in one
        named = {
            _name(key): x
            for key, x in one.items()
            if not whole or str(key).startswith("gradient by ") or key == "sensitivities"
        }
        named = {key.removeprefix("gradient by "): x for key, x in named.items()}
        if "weights" not in named:
            raise Unreadable(f"entry {number}: there is no 'weights' in it, found {sorted(map(str, one))}")
    elif isinstance(one, tuple):
        if not 1 <= len(one) <= 3:
            raise Unreadable(
                f"entry {number}: expected (weights, bias) or (weights, bias, sensitivities), found {len(one)}"
            )
        named = dict(zip(("weights", "bias", "sensitivities"), one, strict=False))
    else:
        named = {"weights": one}
    return {name: _array(x, f"entry {number}, {name}") for name, x in named.items()}


def _array(x: Any, where: str) -> Array:
    if x is None:
        raise Unreadable(f"{where}: nothing is there yet (None)")
    try:
        found = np.asarray(x)
    except ValueError:
        raise Unreadable(f"{where}: the rows have different lengths") from None
    if found.dtype == object and any(entry is None for entry in found.flat):
        raise Unreadable(f"{where}: some entries are not filled in yet (None)")
    if found.dtype.kind not in "biuf":
        raise Unreadable(f"{where}: expected an array of numbers, found {type(x).__name__} of type {found.dtype}")
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def value_problems(layers: Sequence[dict[str, Array]]) -> list[str]:
    """Say where arrays have NaN or infinite entries."""
    problems = []
    for k, layer in enumerate(layers):
        for name, x in layer.items():
            for what, bad in (("NaN", np.isnan(x)), ("infinite", np.isinf(x))):
                if np.any(bad):
                    first = tuple(map(int, np.argwhere(bad)[0]))
                    problems.append(
                        f"entry {k + 1}, {_WORDS.get(name, name)}: {int(bad.sum())} of {x.size} entries are {what}, "
                        f"the first at {list(first)}"
                    )
    return problems


def fitting(
    layers: Sequence[dict[str, Array]], shapes: Sequence[tuple[int, int]], examples: int
) -> tuple[list[Reading], list[Reading]]:
    """The layouts in which the fewest arrays misfit, and the other ones, each with the arrays in chainrule's layout."""
    found = []
    for transposed, bias, backwards, columns in product(
        (False, True), ("apart", "first", "last"), (False, True), (False, True)
    ):
        if bias != "apart" and any("bias" in layer for layer in layers):
            continue
        if columns and not any("sensitivities" in layer for layer in layers):
            continue
        layout = Layout(transposed, bias, backwards, columns)
        canonical = layout.canonical(layers)
        misfits = sum(
            own[name].shape != expected
            for own, shape in zip(canonical, shapes, strict=True)
            for name, expected in _expected(shape, examples).items()
            if name in own
        )
        missing = sum("bias" not in own for own in canonical)
        found.append((misfits, missing, layout, canonical))
    least = min(row[:2] for row in found)
    best = [(layout, canonical) for misfits, missing, layout, canonical in found if (misfits, missing) == least]
    others = [(layout, canonical) for misfits, missing, layout, canonical in found if (misfits, missing) != least]
    return best, others


def _expected(shape: tuple[int, int], examples: int) -> dict[str, tuple[int, ...]]:
    inputs, units = shape
    return {"weights": (inputs, units), "bias": (units,), "sensitivities": (examples, units)}


def shape_problem(name: str, what: str, found: Array, right: Gradients, layout: Layout) -> str | None:
    """Say what is wrong with a shape, or None where it fits; `what` is what the array is called."""
    examples, units = right.sensitivities.shape
    inputs = len(right.parameters["weights"])
    expected = (examples, units) if name == "sensitivities" else right.parameters[name].shape
    if found.shape == expected:
        return None
    text = f"the {what} should have the shape {layout.shape(name, expected)}, found {layout.shape(name, found.shape)}"
    if name == "sensitivities" and found.shape == (examples, units + 1):
        text += ": one column too many; the constant 1 of the bias has no sensitivity"
    elif name == "weights" and found.shape in ((inputs + 1, units + 1), (inputs, units + 1)):
        text += ": one column too many; the constant 1 of the bias is no unit that weights lead to"
    elif name == "weights" and found.shape == (units, inputs):
        text += ": transposed, unlike those of other layers"
    elif (name, found.shape) in (("weights", (examples, inputs, units)), ("bias", (examples, units))):
        text += ": those of each example, not added up yet"
    elif name == "bias" and found.shape == (examples,):
        text += ": one number for each example; the sum is over the examples"
    return text
