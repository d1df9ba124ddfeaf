"""The backward pass drawn as a network of its own, whose units are amplifiers with constant gains."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.conversion import arrays_of
from chainrule.inspection.drawings.figures import NEGATIVE, PALETTE, POSITIVE, blank
from chainrule.inspection.quantities import Backprop, LayerBackprop
from chainrule.nn import Dense

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["constant_gains"]

Array = NDArray[Any]

#: Units of a layer that are drawn: of more, the first three and the last two.
_SHOWN, _FIRST, _LAST = 6, 3, 2
_MOST_LAYERS = 6
#: Weights stand on their wires up to so many of them between two layers.
_NUMBERED = 12
#: In units of the drawing: half an amplifier, the wire on either side of it, from layer to layer, a number's height.
_HALF, _STUB, _APART, _LINE = 0.5, 1.0, 5.0, 0.3
#: Inches of a unit.
_INCH = 0.45
_WIDEST = 3.2


def constant_gains(seen: Backprop, example: int = 0) -> "Figure":
    """Draw the backward pass of one example as a network of constant gains.

    Read from right to left: the derivatives of the loss by the outputs come in, an amplifier for each unit multiplies
    by the slope of its activation, and the wires carry the weights of the forward pass the other way. The gains are
    constants, since the forward pass has fixed the signals. What leaves an amplifier is the sensitivity of its unit
    (Hung-yi Lee, Machine Learning, lecture on backpropagation).

    Parameters
    ----------
    seen : Backprop
        A pass through dense layers, as `chainrule.backprop` returns it. Symbols and numbers are those of its notation.
    example : int
        Which example, from 0.

    Returns
    -------
    matplotlib.figure.Figure
        Of a layer of more than six units the first three and the last two are drawn. Softmax, whose outputs depend on
        all of its signals, is a box for the matrix of its derivatives. Weights stand on the wires where there is room.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or the network has more than six layers or one that is not dense.
    DataError
        Where there is no such example.

    Examples
    --------
    >>> from chainrule import backprop, data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.xor()
    >>> network = nn.Network.of(2, hidden=(2,), activation="sigmoid", output="sigmoid")
    >>> seen = backprop(network, X, T, parameters=network.initialize(0), loss="squared", notation="lee")
    >>> figure = drawings.constant_gains(seen, 1)
    >>> figure.axes[0].get_title()
    'Backward pass of example 1, a network of constant gains'
    """
    if not isinstance(seen, Backprop):
        raise OptionError(f"seen has to be what chainrule.backprop returns, found {type(seen).__name__}")
    for layer in seen.layers:
        if not isinstance(layer.layer, Dense):
            raise OptionError(
                f"layer {layer.number}, {layer.layer.text}, is not dense: network_drawing(model, seen=...) draws any"
            )
    if len(seen.layers) > _MOST_LAYERS:
        raise OptionError(f"the network has {len(seen.layers)} layers, of which up to {_MOST_LAYERS} can be drawn")
    one = seen.example(example)
    numbers = arrays_of(one, seen.notation, expanded=False)
    rows = [_shown(layer.signals.shape[1]) for layer in one.layers]
    wires = [len(after) * len(before) for before, after in pairwise(rows)]
    numbered = all(count <= _NUMBERED for count in wires)
    # Between two neighbours there is room for the weights of all wires that end at one of them.
    most = max((len(after) for after in rows[1:]), default=1)
    apart = max(1.25, _LINE * (most + 1)) if numbered else 1.1
    heights = [_places(units, apart) for units in rows]
    top = max(max(y.values()) for y in heights)
    width, height = _APART * (len(rows) - 1) + 4.8, 2 * top + 5.4
    figure = blank(max(3.0, height * _INCH), max(6.4, width * _INCH))
    ax = figure.add_subplot()
    widest = max((float(np.max(np.abs(layer.parameters["weights"]))) for layer in one.layers[1:]), default=1.0) or 1.0
    for k, layer in enumerate(one.layers):
        x = _APART * k
        if k + 1 < len(one.layers):
            _wires(ax, x, one.layers[k + 1].parameters["weights"], heights[k], heights[k + 1], widest, numbered)
        _amplifiers(ax, x, layer, numbers[k], heights[k], top)
        _column_names(ax, x, seen, layer, top)
    last = _APART * (len(rows) - 1)
    for y in heights[-1].values():
        _arrow(ax, (last + _HALF + _STUB + 0.3, y), (last + _HALF, y))
    for y in heights[0].values():
        _arrow(ax, (-_HALF, y), (-_HALF - _STUB - 0.3, y))
    ax.set_xlim(-2.4, last + 2.4)
    ax.set_ylim(-top - 1.9, top + 2.3)
    ax.set_axis_off()
    ax.set_title(f"Backward pass of example {example}, a network of constant gains")
    _legend(figure)
    return figure


def _shown(units: int) -> tuple[int, ...]:
    return tuple(range(units)) if units <= _SHOWN else (*range(_FIRST), *range(units - _LAST, units))


def _places(shown: Sequence[int], apart: float) -> dict[int, float]:
    """Height of each unit, from top to bottom, with a free place where some are left out."""
    slots: list[int] = []
    for k, unit in enumerate(shown):
        slots.append(0 if k == 0 else slots[-1] + (1 if unit == shown[k - 1] + 1 else 2))
    middle = slots[-1] / 2
    return {unit: apart * (middle - slot) for unit, slot in zip(shown, slots, strict=True)}


def _amplifiers(
    ax: "Axes", x: float, layer: LayerBackprop, numbers: dict[str, Any], heights: dict[int, float], top: float
) -> None:
    from matplotlib.patches import Polygon, Rectangle

    back, slope, delta = (numbers[name][0] for name in ("back", "slope", "sensitivities"))
    # In Jacobians with zeros off the diagonal each unit has its gain too.
    matrix = layer.slope.ndim == 3
    style: dict[str, Any] = {"facecolor": "#f3efe6", "edgecolor": "0.25", "linewidth": 1.2, "zorder": 3}
    if matrix:
        low, high = min(heights.values()) - 0.45, max(heights.values()) + 0.45
        ax.add_patch(Rectangle((x - _HALF, low), 2 * _HALF, high - low, **style))
        ax.text(x, (low + high) / 2, "times\nmatrix", ha="center", va="center", size=8.5, rotation=90, zorder=4)
    for unit, y in heights.items():
        if not matrix:
            corners = [(x - _HALF, y), (x + _HALF, y + 0.5), (x + _HALF, y - 0.5)]
            ax.add_patch(Polygon(corners, closed=True, **style))
            gain = _number(slope[unit] if slope.ndim == 1 else slope[unit, unit])
            ax.text(x + 0.18, y, gain, ha="center", va="center", size=7, zorder=4)
        for side, value, colour in ((1, back[unit], PALETTE[5]), (-1, delta[unit], "black")):
            place = x + side * (_HALF + _STUB / 2)
            ax.plot([x + side * _HALF, x + side * (_HALF + _STUB)], [y, y], color="0.3", linewidth=1.1, zorder=2)
            ax.text(place, y + 0.08, _number(value), ha="center", va="bottom", size=7.5, color=colour, zorder=5)
    shown = list(heights)
    for before, after in pairwise(shown):
        if after != before + 1:
            ax.text(x, (heights[before] + heights[after]) / 2, "⋮", ha="center", va="center", size=12)


def _wires(
    ax: "Axes",
    x: float,
    weights: Array,
    before: dict[int, float],
    after: dict[int, float],
    widest: float,
    numbered: bool,
) -> None:
    """From the amplifiers of the next layer, on the right, to those of this one."""
    start, end = x + _APART - _HALF - _STUB, x + _HALF + _STUB
    # Where all wires to all units are evenly apart: at a share of 1 / (n + 1) of the way before their ends.
    share = 1 / (len(after) + 1)
    for i, to in before.items():
        for j, source in after.items():
            w = float(weights[i, j])
            colour = POSITIVE if w >= 0 else NEGATIVE
            ax.plot(
                [start, end],
                [source, to],
                color=colour,
                linewidth=max(0.4, _WIDEST * abs(w) / widest),
                alpha=0.8,
                zorder=1,
            )
            if numbered:
                room: dict[str, Any] = {"boxstyle": "square,pad=0.08", "facecolor": "white", "edgecolor": "none"}
                place = end + share * (start - end), to + share * (source - to)
                ax.text(*place, _number(w), ha="center", va="center", size=7.5, color=colour, bbox=room, zorder=2)


def _column_names(ax: "Axes", x: float, seen: Backprop, layer: LayerBackprop, top: float) -> None:
    notation = seen.notation
    away = _HALF + _STUB / 2
    names = {"sensitivities": (x - away, "black"), "slope": (x + 0.1, "black"), "back": (x + away + 0.1, PALETTE[5])}
    for name, (place, colour) in names.items():
        symbol = notation.latex_symbol(name, layer.number)
        if name == "slope" and layer.slope.ndim == 3:
            a, s = (notation.latex_symbol(q, layer.number) for q in ("activations", "signals"))
            symbol = rf"\frac{{\partial {a}}}{{\partial {s}}}"
        ax.text(
            place, top + 1.4, f"${symbol.replace('frac', 'dfrac')}$", ha="center", va="center", size=10.5, color=colour
        )
    text = f"layer {notation.number(layer.number)}\n{layer.signals.shape[1]} {layer.layer.activation_row.name}"
    ax.text(x, -top - 0.75, text, ha="center", va="top", size=9, linespacing=1.2)


def _number(value: Any) -> str:
    # Without the sign of a zero.
    value = float(value) + 0.0
    text = f"{value:.0e}".replace("e-0", "e-") if 0 < abs(value) < 1e-3 else f"{value:.2g}"
    return text.replace("-", "−")


def _arrow(ax: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>,head_length=0.35,head_width=0.18", "color": "0.3", "linewidth": 1.1}
    ax.annotate("", end, start, arrowprops={**style, "shrinkA": 0, "shrinkB": 0}, zorder=2)


def _legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    amplifier: dict[str, Any] = {"linestyle": "none", "marker": "<", "markersize": 9, "markerfacecolor": "#f3efe6"}
    handles = [
        Line2D([], [], markeredgecolor="0.25", label="amplifier: times its gain", **amplifier),
        Line2D([], [], color=POSITIVE, linewidth=2, label="wire: weight of at least 0"),
        Line2D([], [], color=NEGATIVE, linewidth=2, label="weight below 0"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
