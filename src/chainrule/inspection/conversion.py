"""From chainrule's layout, scale and sign to those of a notation."""

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.inspection.notation import Notation
from chainrule.nn.layers import Arrays, Dense

if TYPE_CHECKING:
    from chainrule.inspection.quantities import Backprop

__all__ = ["arrays_of", "with_ones"]


def arrays_of(seen: "Backprop", notation: Notation, *, expanded: bool = True) -> tuple[dict[str, Any], ...]:
    """The quantities of every layer as a text writes them.

    Parameters
    ----------
    seen : Backprop
        The pass.
    notation : Notation
        The text.
    expanded : bool
        Whether constant ones and the zeros of diagonal Jacobians are there; without them entries can be averaged.

    Returns
    -------
    tuple of dicts
        As `Backprop.arrays` has them.
    """
    found = []
    # The factor of a per-example derivative, and of a gradient of the whole.
    each = notation.sign * notation.factor(seen.loss)
    whole = notation.gradient_factor(seen.loss, seen.total)
    for layer, after in zip(seen.layers, (*seen.layers[1:], None), strict=True):
        inputs, activations, slope = layer.inputs, layer.activations, layer.slope
        if expanded and notation.bias_row:
            if isinstance(layer.layer, Dense):
                inputs = with_ones(inputs)
            if after is not None and isinstance(after.layer, Dense):
                activations = with_ones(activations)
        if expanded and notation.jacobians and slope.ndim == 2:
            slope = slope[:, :, np.newaxis] * np.eye(slope.shape[1], dtype=slope.dtype)
        gradients = _packed({name: whole * x for name, x in layer.gradients.items()}, notation)
        penalties = _packed({name: whole * x for name, x in layer.penalties.items()}, notation)
        quantities = {
            "number": notation.number(layer.number),
            "inputs": inputs,
            "signals": layer.signals,
            "activations": activations,
            "back": each * layer.back,
            "slope": slope,
            "sensitivities": each * layer.sensitivities,
        }
        # The slope that a unit learns is another thing than the slope of its activation.
        parameters = {
            f"learned {name}" if name in quantities else name: x
            for name, x in _packed(layer.parameters, notation).items()
        }
        found.append(
            {
                **quantities,
                **parameters,
                **{f"gradient by {name}": x for name, x in gradients.items()},
                **{f"penalty by {name}": x for name, x in penalties.items()},
            }
        )
    return tuple(found)


def with_ones(x: Any) -> Any:
    """Put a column of ones before the columns of an array, for weights whose row 0 is the bias."""
    return np.concatenate([np.ones((len(x), 1), x.dtype), x], axis=1)


def _packed(arrays: Arrays, notation: Notation) -> Arrays:
    if "weights" not in arrays or "bias" not in arrays:
        return dict(arrays)
    others = {name: x for name, x in arrays.items() if name not in ("weights", "bias")}
    return {**notation.pack(arrays["weights"], arrays["bias"]), **others}
