"""How far arrays may be from the right ones: what rounding does to sums in another order."""

import numpy as np

from chainrule.inspection.checking.numbers import Array, Gradients
from chainrule.inspection.layer_equations import returned
from chainrule.inspection.notations import NOTATIONS
from chainrule.inspection.quantities import Backprop
from chainrule.nn.layers import Dense

__all__ = ["bounds"]


def bounds(
    seen: Backprop, gradients: tuple[Gradients, ...], dtype: np.dtype, rtol: float | None, atol: float
) -> tuple[dict[str, float], ...]:
    """Find the largest difference that rounding explains, for each array of each layer.

    An error of `rtol` in every product, relative to the sizes of the terms of a sum and not to the sum, in which they
    may cancel, and of a few rounding errors of 1 in every derivative of an activation (as in a (1 - a) for a near 1) is
    carried back through the layers. One number an array: entries that are small beside others have no digits to lose.

    Parameters
    ----------
    seen : Backprop
        The right pass.
    gradients : tuple of Gradients
        Of the mean.
    dtype : numpy.dtype
        The less exact of the two computations.
    rtol : float or None
        None takes 256 rounding errors in float32, and 1e-8 in float64.
    atol : float
        Added to every bound.
    """
    eps = float(np.finfo(dtype).eps)
    relative = rtol if rtol is not None else max(256 * eps, 1e-8)
    floor = 64 * eps
    weights = np.ones(len(seen.losses)) if seen.weights is None else seen.weights
    shares = (weights / seen.total)[:, np.newaxis]
    found: list[dict[str, float]] = []
    error = np.zeros_like(seen.layers[-1].sensitivities)
    errors: dict[int, Array] = {}
    for k in range(len(seen.layers) - 1, -1, -1):
        one = seen.layers[k]
        delta, slope = np.abs(one.sensitivities), np.abs(one.slope)
        users = [after for after in seen.layers if one.number in (after.number - 1, after.skip)]
        size, back_error = np.abs(one.back), np.zeros_like(one.back)
        for after in users:
            own = {**after.parameters, "sensitivities": errors[after.number]}
            # A layer of somebody's own has no formula, and adds nothing.
            back_error = back_error + (returned(after, own, NOTATIONS["chainrule"]) or (None, None, 0.0))[2]
        if len(users) == 1 and isinstance(users[0].layer, Dense):
            size = np.abs(users[0].sensitivities) @ np.abs(users[0].parameters["weights"]).T
        # A loss and an activation that are one function stay finite where their product does not.
        size = np.where(np.isfinite(size), size, 1.0)
        met = _times(back_error + relative * size, slope)
        error = np.where(np.isfinite(met), met, 0.0) + relative * delta + floor * np.minimum(size, delta + 1.0)
        errors[one.number] = error
        inputs = np.abs(np.asarray(one.inputs, one.signals.dtype))
        by_bias = np.sum(shares * (error + relative * delta), axis=0)
        penalty = max((float(np.max(np.abs(p), initial=0.0)) for p in gradients[k].penalties.values()), default=0.0)
        sums = {"sensitivities": error, "bias": by_bias}
        if inputs.shape[1:] and "weights" in one.gradients:
            sums["weights"] = inputs.T @ (shares * (error + relative * delta))
        bound = {name: float(np.max(x, initial=0.0)) + relative * penalty + atol for name, x in sums.items()}
        for name, x in one.gradients.items():
            bound.setdefault(name, relative * float(np.max(np.abs(x), initial=0.0)) + atol)
        found.insert(0, bound)
    return tuple(found)


def _times(back: Array, slope: Array) -> Array:
    return back * slope if slope.ndim == 2 else np.einsum("ni,nij->nj", back, slope)
