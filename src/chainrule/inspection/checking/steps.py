"""Backpropagation in five steps, each of which a slip may replace."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

import numpy as np

from chainrule.inspection.checking.numbers import Array, Gradients, Numbers

__all__ = ["RIGHT", "Inapplicable", "Step", "through_slope", "walk"]


class Inapplicable(Exception):
    """A slip that this layer leaves no room for, such as one whose shapes do not fit."""


Step: TypeAlias = Callable[[Numbers, int, list[Array]], Any]
"""A function of the numbers, the place k of a layer, and the list that it needs: for ``send_back`` and ``by_...`` the
sensitivities of all layers, as far as they are known; for ``meet`` a list with what came back."""


def through_slope(n: Numbers, k: int, back: Array) -> Any:
    """What came back, times the activation's derivative: a number for each unit, or a matrix for each example."""
    slope = n.slopes[k]
    return back * slope if slope.ndim == 2 else np.einsum("ni,nij->nj", back, slope)


def _send_back(n: Numbers, k: int, deltas: list[Array]) -> Any:
    return deltas[k + 1] @ n.weights[k + 1].T


def _meet(n: Numbers, k: int, back: list[Array]) -> Array:
    # At the output the loss and the activation may be one function, which is more exact than their product.
    return n.sensitivities[k] if k == n.last else through_slope(n, k, back[0])


def _by_weights(n: Numbers, k: int, deltas: list[Array]) -> Any:
    return n.inputs[k].T @ (n.shares * deltas[k])


def _by_bias(n: Numbers, k: int, deltas: list[Array]) -> Array:
    found: Array = np.sum(n.shares * deltas[k], axis=0)
    return found


def _weight_penalty(n: Numbers, k: int, deltas: list[Array]) -> Array:
    return n.penalties[k]


def _bias_penalty(n: Numbers, k: int, deltas: list[Array]) -> Array:
    return np.zeros_like(n.bias[k])


RIGHT: dict[str, Step] = {
    "send_back": _send_back,
    "meet": _meet,
    "by_weights": _by_weights,
    "by_bias": _by_bias,
    "weight_penalty": _weight_penalty,
    "bias_penalty": _bias_penalty,
}
"""The steps as they should be, by name."""


def walk(n: Numbers, replaced: Mapping[str, Step], at: Collection[int]) -> tuple[Gradients, ...]:
    """Go backwards through the layers, with other steps at some of them.

    Parameters
    ----------
    n : Numbers
        The right numbers.
    replaced : mapping of str to function
        The other steps, by name.
    at : collection of int
        Places of the layers where they are taken.

    Returns
    -------
    tuple of Gradients
        One for each layer.

    Raises
    ------
    Inapplicable
        Where shapes leave no room for the slip.
    """

    def step(name: str, k: int) -> Step:
        return replaced[name] if name in replaced and k in at else RIGHT[name]

    deltas: list[Array] = list(n.sensitivities)
    for k in range(n.last, -1, -1):
        back = n.loss_by_output if k == n.last else step("send_back", k)(n, k, deltas)
        if back.shape != n.signals[k].shape:
            raise Inapplicable
        deltas[k] = step("meet", k)(n, k, [back])
    found = []
    for k in range(n.last + 1):
        data = {"weights": step("by_weights", k)(n, k, deltas), "bias": step("by_bias", k)(n, k, deltas)}
        added = {"weights": step("weight_penalty", k)(n, k, deltas), "bias": step("bias_penalty", k)(n, k, deltas)}
        found.append(Gradients(deltas[k], data, {name: _fitted(added[name], data[name]) for name in data}))
    return tuple(found)


def _fitted(penalty: Array, gradient: Array) -> Array:
    if penalty.shape == gradient.shape:
        return penalty
    if np.any(penalty):
        raise Inapplicable
    return np.zeros_like(gradient)
