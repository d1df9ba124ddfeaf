"""How large the sensitivities are from layer to layer, and how that changes in training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, draw_in
from chainrule.inspection.quantities import Backprop

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sensitivities_by_layer", "sensitivities_over_time"]

#: Up to so many layers have a line each.
_LINES = 6


def sensitivities_by_layer(seen: Backprop | Mapping[str, Backprop], *, ax: "Axes | None" = None) -> "Figure":
    """Draw the size of the sensitivities of each layer, and of their two factors.

    Parameters
    ----------
    seen : Backprop, or mapping of str to Backprop
        One pass, of which both factors are drawn too: what comes back to the activations, and the activation's slope.
        Or several, such as networks with other activations, of which the sensitivities are compared.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        Root mean squares over examples and units, on a logarithmic axis. A layer where it is exactly 0 has no mark.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or `seen` is something else.

    Examples
    --------
    >>> from chainrule import backprop, data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.xor()
    >>> network = nn.Network.of(2, hidden=(4, 4, 4), activation="sigmoid", output="sigmoid")
    >>> seen = backprop(network, X, T, parameters=network.initialize(0), loss="binary_cross_entropy")
    >>> figure = drawings.sensitivities_by_layer(seen)
    >>> figure.axes[0].get_title()
    'Sensitivities by layer: the first is 0.00093 times the last'
    """
    passes = seen if isinstance(seen, Mapping) else {"sensitivities": seen}
    _all_passes(list(passes.values()))
    figure, ax = draw_in(ax)
    for k, (name, one) in enumerate(passes.items()):
        _line(ax, k, str(name), [layer.sensitivities for layer in one.layers])
    if len(passes) == 1:
        (one,) = passes.values()
        _line(ax, 1, "factor: what comes back", [layer.back for layer in one.layers])
        _line(ax, 2, "factor: slope of the activation", [_diagonal(layer.slope) for layer in one.layers])
        first, last = (_size(one.layers[k].sensitivities) for k in (0, -1))
        ratio = f"the first is {first / last:.2g} times the last" if last and len(one.layers) > 1 else ""
    else:
        ratio = ""
    ax.set_yscale("log")
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("layer")
    ax.set_ylabel("root mean square")
    ax.set_title("Sensitivities by layer" + (f": {ratio}" if ratio else ""))
    ax.grid(alpha=0.3)
    ax.legend()
    return figure


def sensitivities_over_time(
    seen: Mapping[Any, Backprop] | Sequence[Backprop], *, across: str = "epoch", ax: "Axes | None" = None
) -> "Figure":
    """Draw the size of the sensitivities of each layer as training goes on.

    Parameters
    ----------
    seen : mapping of number to Backprop, or sequence of Backprop
        Passes at several times, with the time of each; without times they are counted from 0.
    across : str
        What the times count.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        A line for each of up to six layers; of more, colours by layer and time.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or the passes are fewer than two, or of networks of different depth.

    Examples
    --------
    >>> from chainrule import backprop, data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.xor()
    >>> network = nn.Network.of(2, hidden=(4,), output="sigmoid")
    >>> passes = [
    ...     backprop(network, X, T, parameters=network.initialize(k), loss="binary_cross_entropy") for k in range(3)
    ... ]
    >>> figure = drawings.sensitivities_over_time(passes, across="seed")
    >>> len(figure.axes[0].lines), figure.axes[0].get_xlabel()
    (2, 'seed')
    """
    timed = dict(seen) if isinstance(seen, Mapping) else dict(enumerate(seen))
    passes = list(timed.values())
    _all_passes(passes)
    depths = {len(one.layers) for one in passes}
    if len(passes) < 2 or len(depths) > 1:
        raise OptionError(f"seen has to hold two or more passes of one network, found {len(passes)} of depths {depths}")
    times = np.array(list(timed), float)
    sizes = np.array([[_size(layer.sensitivities) for layer in one.layers] for one in passes])
    figure, ax = draw_in(ax)
    if sizes.shape[1] <= _LINES:
        for k in range(sizes.shape[1]):
            style: dict[str, Any] = {"marker": MARKERS[k], "markersize": 4, "color": PALETTE[k], "linestyle": DASHES[k]}
            ax.plot(times, np.where(sizes[:, k] > 0, sizes[:, k], np.nan), label=f"layer {k + 1}", **style)
        ax.set_yscale("log")
        ax.set_ylabel("root mean square of the sensitivities")
        ax.grid(alpha=0.3, which="both")
        ax.legend()
    else:
        with np.errstate(divide="ignore"):
            powers = np.log10(sizes.T)
        powers[~np.isfinite(powers)] = np.nan
        layers = np.arange(1, sizes.shape[1] + 1)
        drawn = ax.pcolormesh(times, layers, powers, cmap="viridis", shading="nearest", rasterized=True)
        figure.colorbar(drawn, ax=ax, label="log10 of the root mean square")
        ax.set_ylabel("layer")
        ax.locator_params(axis="y", integer=True)
    ax.set_xlabel(across)
    ax.set_title("Sensitivities over time")
    return figure


def _all_passes(passes: Sequence[Any]) -> None:
    for one in passes:
        if not isinstance(one, Backprop):
            raise OptionError(f"seen has to hold what chainrule.backprop returns, found {type(one).__name__}")
    if not passes:
        raise OptionError("seen is empty: give at least one pass")


def _size(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _diagonal(slope: NDArray[Any]) -> NDArray[Any]:
    """Of a matrix for each example, as softmax has it, each unit's derivative by its own signal."""
    return np.diagonal(slope, axis1=1, axis2=2) if slope.ndim == 3 else slope


def _line(ax: "Axes", k: int, name: str, arrays: Sequence[NDArray[Any]]) -> None:
    sizes = np.array([_size(values) for values in arrays])
    style: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "color": PALETTE[k % len(PALETTE)]}
    style |= {"linestyle": DASHES[k % len(DASHES)], "linewidth": 1.8, "markersize": 6}
    ax.plot(np.arange(1, len(sizes) + 1), np.where(sizes > 0, sizes, np.nan), label=name, **style)
