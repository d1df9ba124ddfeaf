"""What each kind of layer has to say in the equations of backpropagation: formulas, and both sides of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from chainrule.inspection.conversion import with_ones
from chainrule.inspection.notation import Notation
from chainrule.nn import BatchNorm, Dense, Dropout, Embedding, LayerNorm, Residual
from chainrule.nn.activations import ACTIVATIONS

if TYPE_CHECKING:
    from chainrule.inspection.quantities import Backprop, LayerBackprop

__all__ = ["Sides", "gradient_sides", "is_dense", "normalised", "returned", "signal_sides", "statistics"]

Sides: TypeAlias = tuple[str, str, Any, Any, Any]
"""Name of an equation, its formula in LaTeX, its left and its right side, and the size of what the right one adds."""

Arrays: TypeAlias = dict[str, Any]


def is_dense(layer: "LayerBackprop") -> bool:
    """Whether every unit sees every input, through weights and a bias."""
    return isinstance(layer.layer, Dense)


def signal_sides(layer: "LayerBackprop", own: Arrays, notation: Notation) -> Iterator[Sides]:
    """The signals of a dense layer, in the layout of its weights."""
    if not is_dense(layer):
        return
    weights, bias = (own["weights"], 0.0) if notation.bias_row else (_upright(own["weights"], notation), own["bias"])
    inputs = with_ones(own["inputs"]) if notation.bias_row else own["inputs"]
    sizes = np.abs(inputs) @ np.abs(weights) + np.abs(bias)
    yield "signals", notation.latex_formula("signals", layer.number), own["signals"], inputs @ weights + bias, sizes


def returned(layer: "LayerBackprop", own: Arrays, notation: Notation) -> tuple[str, Any, Any] | None:
    """What a layer hands back to its inputs: formula, value, and the size of what is added.

    Parameters
    ----------
    layer : LayerBackprop
        The layer.
    own : dict of arrays
        Its numbers in the notation.
    notation : Notation
        The notation.

    Returns
    -------
    tuple or None
        None for a kind of layer whose formula is not known here.
    """
    delta, symbol = own["sensitivities"], notation.latex_symbol("sensitivities", layer.number)
    if is_dense(layer):
        weights = own["weights"][1:] if notation.bias_row else _upright(own["weights"], notation)
        latex = notation.latex_formula("back", layer.number - 1)
        return latex, delta @ weights.T, np.abs(delta) @ np.abs(weights).T
    if isinstance(layer.layer, Dropout | Residual):
        # What comes in is the signal, whose derivative is 1.
        return symbol, delta, np.abs(delta)
    if not isinstance(layer.layer, BatchNorm | LayerNorm):
        return None
    g, (_, deviation, axis) = delta * own["scale"], statistics(layer)
    if axis is None:
        value = g / deviation
        return rf"{symbol} \odot \mathrm{{scale}} / \sigma", value, np.abs(value)
    # Through the mean and the variance too (Ioffe and Szegedy, 2015, section 3).
    x = normalised(layer)
    mean, along = np.mean(g, axis=axis, keepdims=True), np.mean(g * x, axis=axis, keepdims=True)
    sizes = np.abs(g) + np.mean(np.abs(g), axis=axis, keepdims=True)
    sizes = sizes + np.abs(x) * np.mean(np.abs(g * x), axis=axis, keepdims=True)
    over = r"\mathrm{mean}_n" if axis == 0 else r"\mathrm{mean}_j"
    latex = rf"(g - {over}(g) - \hat{{x}} \odot {over}(g \odot \hat{{x}})) / \sigma"
    latex += rf", \quad g = {symbol} \odot \mathrm{{scale}}"
    return latex, (g - mean - x * along) / deviation, sizes / deviation


def gradient_sides(seen: "Backprop", layer: "LayerBackprop", own: Arrays, notation: Notation) -> Iterator[Sides]:
    """The gradients by the parameters of a layer."""
    weighted, number = seen.weights is not None, layer.number
    total = seen.total if notation.cost == "mean" else 1.0
    shares = np.ones(len(seen.losses)) if seen.weights is None else seen.weights
    shares = (shares / total).astype(layer.signals.dtype)[:, np.newaxis]
    delta = own["sensitivities"]
    symbol, sums = notation.latex_symbol("sensitivities", number), notation.latex_sum(weighted)
    for key in (name for name in own if name.startswith("gradient by ")):
        name = key.removeprefix("gradient by ")
        left, right = rf"{notation.latex_symbol(key, number)} = {sums} ", None
        if is_dense(layer) and name in ("weights", "bias"):
            left, latex = "", notation.latex_formula(key, number, weighted=weighted)
            right = _dense_gradient(name, own["inputs"], shares * delta, notation)
            sizes = _dense_gradient(name, np.abs(own["inputs"]), np.abs(shares * delta), notation)
        elif isinstance(layer.layer, BatchNorm | LayerNorm) and name in ("scale", "shift"):
            x = normalised(layer) if name == "scale" else np.ones_like(delta)
            latex = rf"{symbol} \odot \hat{{x}}" if name == "scale" else symbol
            right, sizes = np.sum(shares * delta * x, axis=0), np.sum(np.abs(shares * delta * x), axis=0)
        elif isinstance(layer.layer, Embedding):
            latex = rf"\mathrm{{rows \, of}} \, {symbol} \, \mathrm{{with \, the \, code}}"
            right, sizes = (_by_code(layer, name, x) for x in (shares * delta, np.abs(shares * delta)))
        elif name == "slope" and layer.layer.activation_row is ACTIVATIONS["prelu"]:
            signals, back = (notation.latex_symbol(q, number) for q in ("signals", "back"))
            latex = rf"{back} \odot \mathrm{{min}}({signals}, 0)"
            terms = shares * own["back"] * np.minimum(own["signals"], 0)
            right, sizes = np.sum(terms, axis=0), np.sum(np.abs(terms), axis=0)
        if right is None:
            continue
        penalty = own.get(f"penalty by {name}")
        if penalty is not None and np.any(penalty):
            right, sizes = right + penalty, sizes + np.abs(penalty)
            by = notation.latex_symbol(name, number)
            latex += f" {'-' if notation.sign < 0 else '+'} " + rf"\frac{{\partial R}}{{\partial {by}}}"
        yield key, left + latex, own[key], right, sizes


def _dense_gradient(name: str, inputs: Any, delta: Any, notation: Notation) -> Any:
    if name == "bias":
        return np.sum(delta, axis=0)
    if notation.bias_row:
        inputs = with_ones(inputs)
    return delta.T @ inputs if notation.transposed else inputs.T @ delta


def _upright(weights: Any, notation: Notation) -> Any:
    """Weights (inputs, units) of those in the layout of a notation, to be multiplied by rows of examples."""
    return weights.T if notation.transposed else weights


def statistics(layer: "LayerBackprop") -> tuple[Any, Any, int | None]:
    """Mean and deviation of a normalisation, and the axis along which they depend on the inputs; None: on none."""
    norm: Any = layer.layer
    if isinstance(norm, BatchNorm) and not layer.training:
        return layer.state["mean"], np.sqrt(layer.state["variance"] + norm.epsilon), None
    axis = 0 if isinstance(norm, BatchNorm) else 1
    mean = np.mean(layer.inputs, axis=axis, keepdims=True)
    variance = np.mean(np.square(layer.inputs - mean), axis=axis, keepdims=True)
    return mean, np.sqrt(variance + norm.epsilon), axis


def normalised(layer: "LayerBackprop") -> Any:
    """What a normalisation makes of its inputs before it scales and shifts them."""
    mean, deviation, _ = statistics(layer)
    return (layer.inputs - mean) / deviation


def _by_code(layer: "LayerBackprop", name: str, rows: Any) -> Any:
    """Add the rows of examples with the same code, in the columns of one matrix of vectors."""
    embedding: Any = layer.layer
    column = int(name.removeprefix("vectors")) - 1
    begin = sum(embedding.units[:column])
    found = np.zeros_like(layer.parameters[name])
    np.add.at(found, layer.inputs[:, column].astype(np.intp), rows[:, begin : begin + embedding.units[column]])
    return found
