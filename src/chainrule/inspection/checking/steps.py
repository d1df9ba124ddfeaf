"""Backpropagation in a few steps, each of which a slip may replace."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from chainrule.inspection.checking.numbers import Array, Gradients, Numbers

__all__ = ["RIGHT", "Inapplicable", "Step", "Walked", "need", "through_slope", "walk"]


class Inapplicable(Exception):
    """A slip that this layer leaves no room for, such as one whose shapes do not fit."""


Step: TypeAlias = Callable[[Numbers, int, list[Array]], Any]
"""A function of the numbers, the place k of a layer, and the list that it needs: for ``send_back``, ``hand_back`` and
``by_...`` the sensitivities of all layers, as far as they are known; for ``join`` what came back on each path; for
``meet`` a list with what came back in all."""


def need(condition: bool) -> None:
    """Raise Inapplicable where a slip has no place or its shapes do not fit."""
    if not condition:
        raise Inapplicable


def through_slope(n: Numbers, k: int, back: Array) -> Any:
    """What came back, times the activation's derivative: a number for each unit, or a matrix for each example."""
    slope = n.slopes[k]
    return back * slope if slope.ndim == 2 else np.einsum("ni,nij->nj", back, slope)


def _send_back(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Through the weights of a dense layer, the next one."""
    return deltas[k + 1] @ n.weights[k + 1].T  # type: ignore[union-attr]


def _hand_back(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Through layer k itself, which is of another kind."""
    return n.pulls[k](deltas[k])


def _join(n: Numbers, k: int, parts: list[Array]) -> Any:
    return sum(parts)


def _meet(n: Numbers, k: int, back: list[Array]) -> Array:
    # At the output the loss and the activation may be one function, which is more exact than their product.
    return n.sensitivities[k] if k == n.last else through_slope(n, k, back[0])


def _by_weights(n: Numbers, k: int, deltas: list[Array]) -> Any:
    return n.inputs[k].T @ (n.shares * deltas[k])


def _by_bias(n: Numbers, k: int, deltas: list[Array]) -> Array:
    found: Array = np.sum(n.shares * deltas[k], axis=0)
    return found


def _weight_penalty(n: Numbers, k: int, deltas: list[Array]) -> Any:
    return n.penalties[k]


def _bias_penalty(n: Numbers, k: int, deltas: list[Array]) -> Any:
    return np.zeros_like(n.bias[k])


RIGHT: dict[str, Step] = {
    "send_back": _send_back,
    "hand_back": _hand_back,
    "join": _join,
    "meet": _meet,
    "by_weights": _by_weights,
    "by_bias": _by_bias,
    "weight_penalty": _weight_penalty,
    "bias_penalty": _bias_penalty,
}
"""The steps as they should be, by name."""


class Walked(NamedTuple):
    """A way back: the sensitivities of all layers, and the gradients of the dense ones by place."""

    deltas: list[Array]
    gradients: dict[int, Gradients]


def walk(
    n: Numbers, replaced: Mapping[str, Step] | None = None, at: Collection[int] = (), right: Walked | None = None
) -> Walked:
    """Go backwards through the layers, with other steps at some of them.

    Parameters
    ----------
    n : Numbers
        The right numbers.
    replaced : mapping of str to function
        The other steps, by name.
    at : collection of int
        Places of the layers where they are taken.
    right : Walked, optional
        The way without them, which is the same down to the last of these layers.

    Returns
    -------
    Walked
        Sensitivities and gradients.

    Raises
    ------
    Inapplicable
        Where shapes leave no room for the slip.
    """
    other = replaced or {}

    def step(name: str, k: int) -> Step:
        return other[name] if name in other and k in at else RIGHT[name]

    start = n.last if right is None else max(at)
    deltas: list[Array] = list(n.sensitivities if right is None else right.deltas)
    for k in range(start, -1, -1):
        back = n.loss_by_output
        if k != n.last:
            # A dense layer is used by the layer before it alone.
            parts = [
                step("hand_back", user)(n, user, deltas)
                if n.weights[user] is None
                else step("send_back", k)(n, k, deltas)
                for user in n.users[k]
            ]
            back = step("join", k)(n, k, parts)
        if back.shape != n.signals[k].shape:
            raise Inapplicable
        deltas[k] = step("meet", k)(n, k, [back])
    found: dict[int, Gradients] = {}
    for k in n.places:
        if right is not None and k > start:
            found[k] = right.gradients[k]
            continue
        data = {"weights": step("by_weights", k)(n, k, deltas), "bias": step("by_bias", k)(n, k, deltas)}
        added = {"weights": step("weight_penalty", k)(n, k, deltas), "bias": step("bias_penalty", k)(n, k, deltas)}
        found[k] = Gradients(deltas[k], data, {name: _fitted(added[name], data[name]) for name in data})
    return Walked(deltas, found)


def _fitted(penalty: Array, gradient: Array) -> Array:
    if penalty.shape == gradient.shape:
        return penalty
    if np.any(penalty):
        raise Inapplicable
    return np.zeros_like(gradient)
