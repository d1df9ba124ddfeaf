"""How large the sensitivities are from layer to layer, and how that changes in training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.drawings.figures import DASHES, MARKERS, PALETTE, draw_in, log_upright
from chainrule.inspection.drawings.symbols import symbol
from chainrule.inspection.drawings.watched import draw_over_time
from chainrule.inspection.notation import Notation
from chainrule.inspection.quantities import Backprop

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sensitivities_by_layer", "sensitivities_over_time"]


def sensitivities_by_layer(seen: Backprop | Mapping[str, Backprop], *, ax: "Axes | None" = None) -> "Figure":
    """Draw the size of the sensitivities of each layer, and of their two factors.

    Parameters
    ----------
    seen : Backprop, or mapping of str to Backprop
        One pass, of which both factors are drawn too: what comes back to the activations, and the activation's slope.
        Or several, such as networks with other activations, of which the sensitivities are compared. Layers are
        counted as in the notation of the first, in whose symbols and scale they are shown.
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
    notation = _all_passes(list(passes.values()))
    figure, ax = draw_in(ax)
    for k, (name, one) in enumerate(passes.items()):
        label = _labelled("sensitivities", notation) if one is seen else str(name)
        _line(ax, k, label, [layer.sensitivities for layer in one.layers], notation, notation.factor(one.loss))
    if len(passes) == 1:
        (one,) = passes.values()
        back, slope = (f"factor: {_labelled(name, notation)}" for name in ("back", "slope"))
        _line(ax, 1, back, [layer.back for layer in one.layers], notation, notation.factor(one.loss))
        _line(ax, 2, slope, [_diagonal(layer.slope) for layer in one.layers], notation, 1.0)
        first, last = (_size(one.layers[k].sensitivities) for k in (0, -1))
        ratio = f"the first is {first / last:.2g} times the last" if last and len(one.layers) > 1 else ""
    else:
        ratio = ""
    log_upright(ax)
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
    notation = _all_passes(passes)
    depths = {len(one.layers) for one in passes}
    if len(passes) < 2 or len(depths) > 1:
        raise OptionError(f"seen has to hold two or more passes of one network, found {len(passes)} of depths {depths}")
    times = np.array(list(timed), float)
    sizes = np.array(
        [[notation.factor(one.loss) * _size(layer.sensitivities) for layer in one.layers] for one in passes]
    )
    figure, ax = draw_in(ax)
    layers = [f"layer {notation.number(k + 1)}" for k in range(sizes.shape[1])]
    what = "the sensitivities" if notation.key == "chainrule" else symbol(notation, "sensitivities")
    unit = f"root mean square of {what}"
    draw_over_time(ax, times, sizes, layers, unit, logarithmic=True)
    ax.set_xlabel(across)
    ax.set_title("Sensitivities over time")
    return figure


def _all_passes(passes: Sequence[Any]) -> Notation:
    """Check what was given, and find the notation in which it is shown."""
    for one in passes:
        if not isinstance(one, Backprop):
            raise OptionError(f"seen has to hold what chainrule.backprop returns, found {type(one).__name__}")
    if not passes:
        raise OptionError("seen is empty: give at least one pass")
    found: Notation = passes[0].notation
    return found


_NAMES = {"back": "what comes back", "slope": "slope of the activation"}


def _labelled(quantity: str, notation: Notation) -> str:
    """What a quantity is called in a legend."""
    if notation.key == "chainrule":
        return _NAMES.get(quantity, quantity)
    return f"{notation.noun(quantity)} {symbol(notation, quantity)}"


def _size(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _diagonal(slope: NDArray[Any]) -> NDArray[Any]:
    """Of a matrix for each example, as softmax has it, each unit's derivative by its own signal."""
    return np.diagonal(slope, axis1=1, axis2=2) if slope.ndim == 3 else slope


def _line(ax: "Axes", k: int, name: str, arrays: Sequence[NDArray[Any]], notation: Notation, factor: float) -> None:
    sizes = factor * np.array([_size(values) for values in arrays])
    style: dict[str, Any] = {"marker": MARKERS[k % len(MARKERS)], "color": PALETTE[k % len(PALETTE)]}
    style |= {"linestyle": DASHES[k % len(DASHES)], "linewidth": 1.8, "markersize": 6}
    numbers = np.arange(1, len(sizes) + 1) + notation.input_layer
    ax.plot(numbers, np.where(sizes > 0, sizes, np.nan), label=name, **style)
