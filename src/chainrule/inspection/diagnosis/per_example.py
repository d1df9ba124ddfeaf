"""The size of every example's own gradient, layer by layer, without holding all of these gradients at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.differentiate import grad
from chainrule.inspection.quantities import LayerBackprop
from chainrule.nn.layers import Arrays, Dense
from chainrule.transforms import vectorize

__all__ = ["noise_scale", "squared_gradients", "total_variance"]

#: Numbers of the per-example gradients that are held at once.
_AT_ONCE = 1 << 20


def squared_gradients(layer: LayerBackprop) -> NDArray[np.float64]:
    """Squared length of the gradient of each example's loss by the parameters of a layer.

    In a dense layer the gradient of an example is the outer product of its inputs a and its sensitivities delta (M.
    Nielsen, Neural Networks and Deep Learning, chapter 2, BP4), whose squared length is |a|^2 |delta|^2; other layers
    are differentiated, some examples at a time.

    Parameters
    ----------
    layer : LayerBackprop
        One layer of a backward pass whose examples do not depend on each other.

    Returns
    -------
    array, shape (examples,)
        Of float64; zeros for a layer without parameters.
    """
    names = set(layer.parameters)
    delta = _squares(layer.sensitivities)
    if not names:
        return np.zeros_like(delta)
    if isinstance(layer.layer, Dense) and names == {"weights", "bias"}:
        return (_squares(layer.inputs) + 1) * delta
    one = vectorize(grad(_contracted(layer)), (None, 0, 0, 0, 0))
    rows = max(1, _AT_ONCE // max(sum(x.size for x in layer.parameters.values()), 1))
    data = (layer.inputs, layer.signals, layer.sensitivities, layer.back)
    parts = []
    for start in range(0, len(delta), rows):
        found = one(layer.parameters, *(x[start : start + rows] for x in data))
        parts.append(sum(_squares(x.reshape(len(x), -1)) for x in found.values()))
    return np.concatenate(parts)


def _contracted(layer: LayerBackprop) -> Any:
    """A number whose derivative by the parameters is the gradient of one example's loss.

    What the parameters do to the signals meets the sensitivities; what a learned slope does to the activations meets
    what comes back to those.
    """
    row, learns = layer.layer, layer.layer.activation_row.slope is not None

    def number(parameters: Arrays, x: Any, signal: Any, delta: Any, back: Any) -> Any:
        made = row.signal(parameters, layer.state, x[np.newaxis], None, False)[0]
        value = np.sum(made[0] * delta)
        if learns:
            value = value + np.sum(row.activate(parameters, signal[np.newaxis], None, False)[0] * back)
        return value

    return number


def _squares(x: Any) -> NDArray[np.float64]:
    x = np.asarray(x, np.float64)
    found: NDArray[np.float64] = np.einsum("ni,ni->n", x, x)
    return found


def total_variance(squared: Any, squared_mean: float) -> float:
    """Sum of the variances of all entries of the examples' gradients: the trace of their covariance.

    Parameters
    ----------
    squared : array, shape (examples,)
        Squared length of each example's gradient.
    squared_mean : float
        Squared length of their mean.

    Returns
    -------
    float
        The unbiased estimate; NaN for a single example.
    """
    n = len(squared)
    return float(max(np.mean(squared) - squared_mean, 0.0) * n / (n - 1)) if n > 1 else float("nan")


def noise_scale(variance: float, squared_gradient: float, examples: int) -> float:
    """The simple noise scale: how many examples make a gradient whose noise is as large as itself.

    S. McCandlish, J. Kaplan, D. Amodei and the OpenAI Dota Team, An empirical model of large-batch training, 2018,
    equation 2.9: the trace of the covariance over the squared length of the true gradient. The squared length that a
    sample shows is too large by the variance of its mean, which is taken off (appendix A.1).

    Parameters
    ----------
    variance : float
        As `total_variance` returns it.
    squared_gradient : float
        Squared length of the sample's gradient.
    examples : int
        Size of the sample.

    Returns
    -------
    float
        Infinite where the sample is too small to tell the gradient from noise.
    """
    true = squared_gradient - variance / examples
    if np.isnan(variance) or (variance == 0 and true == 0):
        return float("nan")
    return variance / true if true > 0 else float("inf")
