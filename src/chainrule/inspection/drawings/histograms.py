"""How weights and gradients are spread in each layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.drawings.deciding import parts_of
from chainrule.inspection.drawings.figures import PALETTE, blank
from chainrule.inspection.drawings.symbols import symbol
from chainrule.inspection.quantities import Backprop
from chainrule.nn.network import Parameters, State

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["gradient_histograms", "weight_histograms"]

_BINS = 40


def weight_histograms(
    model: Any, *, parameters: Parameters | None = None, state: State | None = None, bins: int = _BINS
) -> "Figure":
    """Draw how the weights of each layer are spread, over one axis, so that layers can be compared.

    Parameters
    ----------
    model : Network, Model, estimator, Pipeline or Backprop
        Whose weights.
    parameters, state : tuple of dicts of arrays, optional
        Of a network.
    bins : int
        Into how many parts the axis is cut.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each layer with parameters, the first one on top.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or `model` is nothing that has weights.

    Examples
    --------
    >>> from chainrule import nn
    >>> from chainrule.inspection import drawings
    >>> network = nn.Network.of(20, hidden=(30, 30), outputs=5, output="softmax")
    >>> figure = drawings.weight_histograms(network, parameters=network.initialize(0))
    >>> figure.axes[2].get_xlabel()
    'value of the parameter'
    """
    if isinstance(model, Backprop):
        arrays: Sequence[Any] = [layer.parameters for layer in model.layers]
    else:
        arrays = parts_of(model, parameters, state)[1]
    layers = _named(arrays)
    every = np.concatenate([values for one in layers.values() for values in one.values()])
    notes = {}
    for number, one in layers.items():
        values = np.concatenate(list(one.values()))
        notes[number] = f"{len(values):,}, standard deviation {np.std(values):.3g}"
    return _stacked(layers, every, bins, "value of the parameter", "Parameters, layer by layer", notes)


def gradient_histograms(seen: Backprop, *, bins: int = _BINS) -> "Figure":
    """Draw how large the gradients of each layer are: the decimal logarithm of their sizes.

    Parameters
    ----------
    seen : Backprop
        As `chainrule.backprop` returns it. Its notation says how layers are counted, and in which scale gradients are.
    bins : int
        Into how many parts the axis is cut.

    Returns
    -------
    matplotlib.figure.Figure
        A plot for each layer, the first one on top. What is exactly 0 has no logarithm: each plot says how much of the
        layer that is.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, `seen` is something else, or every gradient is exactly 0.

    Examples
    --------
    >>> from chainrule import backprop, data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.xor()
    >>> network = nn.Network.of(2, hidden=(4,), output="sigmoid")
    >>> seen = backprop(network, X, T, parameters=network.initialize(0), loss="binary_cross_entropy")
    >>> figure = drawings.gradient_histograms(seen)
    >>> figure.axes[1].get_xlabel()
    'size of the derivative of the objective by the parameter'
    """
    if not isinstance(seen, Backprop):
        raise OptionError(f"seen has to be what chainrule.backprop returns, found {type(seen).__name__}")
    whole = abs(seen.notation.gradient_factor(seen.loss, seen.total))
    named = _named([{name: whole * g for name, g in layer.gradients.items()} for layer in seen.layers])
    layers = {seen.notation.number(k): one for k, one in named.items()}
    notes, sizes = {}, {}
    for number, one in layers.items():
        values = np.abs(np.concatenate(list(one.values())))
        zero = np.count_nonzero(values == 0) / len(values)
        notes[number] = f"{len(values):,}" + (f", {100 * zero:.3g} % exactly 0" if zero else "")
        sizes[number] = {name: np.log10(part[part != 0]) for name, part in ((n, np.abs(v)) for n, v in one.items())}
    every = np.concatenate([part for one in sizes.values() for part in one.values()])
    if not len(every):
        raise OptionError("every gradient is exactly 0, there is nothing to draw")
    objective = "the objective" if seen.notation.key == "chainrule" else symbol(seen.notation, "objective")
    what = f"size of the derivative of {objective} by the parameter"
    figure = _stacked(sizes, every, bins, what, "Gradients, layer by layer", notes)
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for ax in figure.axes:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda power, _: f"$10^{{{power:.0f}}}$"))
    return figure


def _named(arrays: Sequence[Any]) -> dict[int, dict[str, NDArray[Any]]]:
    """For each layer with parameters, by number from 1: values by name, in one dimension."""
    return {k: {name: np.ravel(values) for name, values in one.items()} for k, one in enumerate(arrays, 1) if one}


def _stacked(
    layers: dict[int, dict[str, NDArray[Any]]],
    every: NDArray[Any],
    bins: int,
    across: str,
    title: str,
    notes: dict[int, str],
) -> "Figure":
    low, high = float(every.min()), float(every.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    kinds = list(dict.fromkeys(name for one in layers.values() for name in one))
    figure = blank(1.5 + len(layers) * min(1.05, max(0.62, 6 / len(layers))))
    axes = figure.subplots(len(layers), 1, sharex=True, squeeze=False)[:, 0]
    handles: dict[str, Any] = {}
    for ax, (number, one) in zip(axes, layers.items(), strict=True):
        below = np.zeros(bins)
        for name, values in one.items():
            counts, _ = np.histogram(values, edges)
            k = kinds.index(name)
            style: dict[str, Any] = {
                "color": PALETTE[k % len(PALETTE)],
                "hatch": ("", "////", "....")[k % 3],
                "edgecolor": "white",
            }
            handles[name] = ax.stairs(below + counts, edges, baseline=below, fill=True, label=name, **style)
            below = below + counts
        ax.set_title(f"layer {number}: {notes[number]}", fontsize=9, loc="left", pad=3)
        ax.locator_params(axis="y", integer=True, nbins=3)
        ax.grid(alpha=0.3)
    axes[-1].set_xlabel(across)
    figure.supylabel("how many", fontsize=10)
    figure.suptitle(title)
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), frameon=False)
    return figure
