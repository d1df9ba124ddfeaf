"""The steps of backpropagation as they are when something slipped: one small function each."""

from typing import Any

import numpy as np

from chainrule.inspection.checking.numbers import Array, Normalised, Numbers
from chainrule.inspection.checking.steps import RIGHT, Inapplicable, Step, need, through_slope


def dense(arrays: tuple[Array | None, ...], k: int) -> Array:
    """An array that only dense layers have, of layer k."""
    found = arrays[k] if 0 <= k < len(arrays) else None
    if found is None:
        raise Inapplicable
    return found


# What comes back through the weights. `deltas[k + 1]` has the shape (examples, units of the layer above).


def untransposed(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Back through the weights as they are."""
    w = dense(n.weights, k + 1)
    need(w.shape[0] == w.shape[1])
    return deltas[k + 1] @ w


def through_weights_of(shift: int, *, transposed: bool = True) -> Step:
    """Take the weights of layer k + shift, where those of layer k + 1 belong."""

    def send_back(n: Numbers, k: int, deltas: list[Array]) -> Any:
        w = dense(n.weights, k + shift)
        w = w.T if transposed else w
        need(w.shape == dense(n.weights, k + 1).shape[::-1])
        return deltas[k + 1] @ w

    return send_back


def bias_column_kept(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Back through the bias row too, and the first entries taken."""
    whole = np.concatenate([dense(n.bias, k + 1)[np.newaxis], dense(n.weights, k + 1)])
    return (deltas[k + 1] @ whole.T)[:, :-1]


def bias_spread(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """What comes back through the bias, added to every unit."""
    return deltas[k + 1] @ dense(n.weights, k + 1).T + (deltas[k + 1] @ dense(n.bias, k + 1))[:, np.newaxis]


def own_bias_added(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The bias of the layer added."""
    return deltas[k + 1] @ dense(n.weights, k + 1).T + dense(n.bias, k)


def next_bias_added(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The bias of the next layer added."""
    need(len(dense(n.bias, k)) == len(dense(n.bias, k + 1)))
    return deltas[k + 1] @ dense(n.weights, k + 1).T + dense(n.bias, k + 1)


def slope_before_weights(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The derivative of the next layer's activation, multiplied in on the way."""
    return through_slope(n, k + 1, deltas[k + 1]) @ dense(n.weights, k + 1).T


def slope_before_layer(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The same on the way through a layer without weights."""
    return n.pulls[k](through_slope(n, k, deltas[k]))


def norm_of(n: Numbers, k: int) -> Normalised:
    """The normalisation of layer k."""
    found = n.norms[k]
    if found is None:
        raise Inapplicable
    return found


def statistics_constant(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Back through a normalisation as if mean and deviation did not depend on the inputs."""
    norm = norm_of(n, k)
    need(norm.by_example)
    return deltas[k] * norm.scale / norm.deviation


def deviation_constant(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Back through the mean, and not through the deviation."""
    norm = norm_of(n, k)
    need(norm.by_example)
    g = deltas[k] * norm.scale
    return (g - np.mean(g, axis=1, keepdims=True)) / norm.deviation


def scale_missing(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Back through a normalisation without its scale."""
    norm = norm_of(n, k)
    need(bool(np.all(norm.scale != 0)))
    return n.pulls[k](deltas[k] / norm.scale)


def deviation_missing(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Back through a normalisation, not divided by the deviation."""
    return n.pulls[k](deltas[k]) * norm_of(n, k).deviation


def norm_ignored(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Back through a normalisation as if it were not there."""
    norm_of(n, k)
    return deltas[k]


def one_path(which: int) -> Step:
    """Where two paths meet, what came back on one of them: 0 for the next layer, -1 for the sum that skips layers."""

    def join(n: Numbers, k: int, parts: list[Array]) -> Any:
        need(len(parts) > 1)
        return parts[which]

    return join


def two_paths_averaged(n: Numbers, k: int, parts: list[Array]) -> Any:
    """Where paths meet, the mean of what came back."""
    need(len(parts) > 1)
    return sum(parts) / len(parts)


# Where what came back meets the derivative of the activation.


def slope_missing(n: Numbers, k: int, back: list[Array]) -> Any:
    """What came back, as it is."""
    return back[0]


def slope_twice(n: Numbers, k: int, back: list[Array]) -> Any:
    """The derivative multiplied in twice."""
    return through_slope(n, k, through_slope(n, k, back[0]))


def slope_at_activations(n: Numbers, k: int, back: list[Array]) -> Any:
    """The derivative, taken at the activations."""
    slope = n.slopes_at_activations[k]
    if slope is None:
        raise Inapplicable
    return back[0] * slope


def slope_formula_of_signals(n: Numbers, k: int, back: list[Array]) -> Any:
    """The sigmoid's a (1 - a) or tanh's 1 - a**2, with the signals in place of the activations."""
    s = n.signals[k]
    need(n.names[k] in ("sigmoid", "tanh"))
    return back[0] * (s * (1 - s) if n.names[k] == "sigmoid" else 1 - s**2)


def slope_of_sigmoid(n: Numbers, k: int, back: list[Array]) -> Any:
    """The derivative of the sigmoid, whatever the activation is."""
    need(n.slopes[k].ndim == 2)
    return back[0] * n.activations[k] * (1 - n.activations[k])


def slope_of_tanh(n: Numbers, k: int, back: list[Array]) -> Any:
    """The derivative of tanh, whatever the activation is."""
    return back[0] * (1 - n.activations[k] ** 2)


def slope_of_layer(shift: int) -> Step:
    """The derivative of the activation of layer k + shift."""

    def meet(n: Numbers, k: int, back: list[Array]) -> Any:
        need(0 <= k + shift <= n.last)
        need(n.slopes[k + shift].shape == n.slopes[k].shape)
        return through_slope(n, k + shift, back[0])

    return meet


def softmax_elementwise(n: Numbers, k: int, back: list[Array]) -> Any:
    """The diagonal of softmax's Jacobian alone."""
    need(n.slopes[k].ndim == 3)
    return back[0] * np.diagonal(n.slopes[k], axis1=1, axis2=2)


def softmax_over_examples(n: Numbers, k: int, back: list[Array]) -> Any:
    """The sum in a * (back - sum(back * a)) taken down the columns instead of along the rows."""
    need(n.names[k] == "softmax")
    a = n.activations[k]
    return a * (back[0] - np.sum(back[0] * a, axis=0))


# The gradients. `deltas[k]` are the sensitivities of layer k.


def gradient_of_layer(shift: int) -> dict[str, Step]:
    """The arrays of layer k + shift, given as those of layer k."""

    def moved(name: str) -> Step:
        def step(n: Numbers, k: int, deltas: list[Array]) -> Any:
            need(k + shift in n.places)
            return RIGHT[name](n, k + shift, deltas)

        return step

    return {name: moved(name) for name in ("by_weights", "by_bias", "weight_penalty")}


def own_activations(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """What left the layer, in place of what entered it."""
    return n.activations[k].T @ (n.shares * deltas[k])


def inputs_of_layer_before(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """What entered the layer before."""
    need(k > 0)
    return n.inputs[k - 1].T @ (n.shares * deltas[k])


def signals_as_inputs(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The signals of the layer before, in place of its activations."""
    need(k > 0)
    return n.signals[k - 1].T @ (n.shares * deltas[k])


def by_weights_with_next(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The inputs with the sensitivities of the next layer."""
    need(k < n.last)
    return n.inputs[k].T @ (n.shares * deltas[k + 1])


def by_bias_with_next(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The sum of the sensitivities of the next layer."""
    need(k < n.last)
    return RIGHT["by_bias"](n, k + 1, deltas)


def by_weights_with_slope(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The derivative of the activation multiplied in once more."""
    return n.inputs[k].T @ (n.shares * through_slope(n, k, deltas[k]))


def by_bias_with_slope(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The derivative of the activation multiplied in once more."""
    found = np.sum(n.shares * through_slope(n, k, deltas[k]), axis=0)
    return found


def by_weights_of_last_example(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The last example's part."""
    need(len(n.shares) > 1)
    return n.inputs[k][-1:].T @ (n.shares * deltas[k])[-1:]


def by_bias_of_last_example(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The last example's part."""
    need(len(n.shares) > 1)
    return (n.shares * deltas[k])[-1]


def _even(n: Numbers) -> Any:
    return np.full_like(n.shares, 1 / len(n.shares))


def by_weights_unweighted(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """A mean in which all examples count alike."""
    return n.inputs[k].T @ (_even(n) * deltas[k])


def by_bias_unweighted(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """A mean in which all examples count alike."""
    found = np.sum(_even(n) * deltas[k], axis=0)
    return found


def stale(rows: list[int] | slice, *, inputs: bool, slopes: bool) -> dict[str, Step]:
    """Take activations of other examples: `rows` picks them, such as [-1] for those of the last one in all places."""

    def other(x: Array) -> Any:
        need(len(x) > 1)
        return np.roll(x, 1, axis=0) if isinstance(rows, slice) else np.broadcast_to(x[rows], x.shape)

    def by_weights(n: Numbers, k: int, deltas: list[Array]) -> Any:
        # What enters the first layer is the data, which is not computed.
        return (other(n.inputs[k]) if k else n.inputs[k]).T @ (n.shares * deltas[k])

    def meet(n: Numbers, k: int, back: list[Array]) -> Any:
        if k == n.last:
            return n.sensitivities[k]
        need(n.slopes[k].ndim == 2)
        return back[0] * other(n.slopes[k])

    return {**({"by_weights": by_weights} if inputs else {}), **({"meet": meet} if slopes else {})}


# Sums.


def bias_over_units(*, mean: bool) -> Step:
    """A sum or mean along the rows, over the units of an example."""

    def by_bias(n: Numbers, k: int, deltas: list[Array]) -> Any:
        found = np.sum(n.shares * deltas[k], axis=1)
        # A mean over units is divided by their number, and by that of the examples no more.
        return found * len(found) / deltas[k].shape[1] if mean else found

    return by_bias


def bias_over_all(*, mean: bool) -> Step:
    """A sum or mean over examples and units, the same for every unit."""

    def by_bias(n: Numbers, k: int, deltas: list[Array]) -> Any:
        units = deltas[k].shape[1]
        return np.full(units, np.sum(n.shares * deltas[k]) / (units if mean else 1))

    return by_bias


def bias_times_examples(power: int) -> Step:
    """The mean, times a power of the number of examples."""

    def by_bias(n: Numbers, k: int, deltas: list[Array]) -> Any:
        return RIGHT["by_bias"](n, k, deltas) * float(len(n.shares)) ** power

    return by_bias


def bias_zero(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """Zero."""
    return np.zeros_like(dense(n.bias, k))


# Regularisers.


def penalty_times(factor: float) -> Step:
    """The derivative of the regularisers, times a factor."""

    def weight_penalty(n: Numbers, k: int, deltas: list[Array]) -> Any:
        return factor * dense(n.penalties, k)

    return weight_penalty


def penalty_over_examples(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """The derivative of the regularisers, divided by the number of examples."""
    return dense(n.penalties, k) / len(n.shares)


def bias_regularised(n: Numbers, k: int, deltas: list[Array]) -> Any:
    """What the regularisers would add if the bias counted as a weight."""
    return dense(n.bias_penalties, k)
