"""The network itself: units, and weights by colour and width; with a backward pass, what comes back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.drawings.deciding import parts_of
from chainrule.inspection.drawings.figures import NEGATIVE, POSITIVE, blank
from chainrule.inspection.drawings.symbols import label
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import NOTATIONS
from chainrule.inspection.quantities import Backprop
from chainrule.nn.network import Network, Parameters, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["network_drawing"]

Array = NDArray[Any]

#: Units of a layer that are drawn: of more, the first four and the last three.
_SHOWN, _FIRST, _LAST = 8, 4, 3
_MOST_LAYERS = 8
#: Columns up to which the words below them have room beside each other on two lines.
_BESIDE = 6
#: In points: area of a unit, and width of the widest line.
_SIZE, _WIDEST = 260, 4.5


@dataclass(frozen=True)
class _Column:
    """Where the units of one layer stand."""

    x: float
    units: int
    shown: tuple[int, ...]
    y: dict[int, float]


def network_drawing(
    model: Any,
    *,
    seen: Backprop | None = None,
    example: int | None = None,
    parameters: Parameters | None = None,
    state: State | None = None,
) -> "Figure":
    """Draw a network: every unit, and every weight with its sign as colour and its size as width.

    Parameters
    ----------
    model : Network, Model, estimator or Pipeline
        The network.
    seen : Backprop, optional
        A pass through it, as `chainrule.backprop` returns it. The units then have the colours of their activations, and
        below stands the way back: units in the colours of their sensitivities, lines as wide as what comes back through
        the weight, which is the weight times the sensitivity of the unit it leads to. Symbols, scale, sign and the
        numbers of layers are those of its notation.
    example : int, optional
        Which example of the pass, from 0. By default units show root mean squares over the examples, as a pass of one
        example does with its signed numbers.
    parameters, state : tuple of dicts of arrays, optional
        Of a network; `seen` brings them.

    Returns
    -------
    matplotlib.figure.Figure
        Squares with a 1 are biases; grey lines lead to layers without weights, and words below say where a residual
        connection adds an earlier layer. Of a layer of more than eight units the first four and the last three are
        drawn.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, the network has too many layers, or `seen` is a pass of another network.

    Examples
    --------
    >>> from chainrule import nn
    >>> from chainrule.inspection import drawings
    >>> network = nn.Network.of(2, hidden=(3,), output="sigmoid")
    >>> figure = drawings.network_drawing(network, parameters=network.initialize(0))
    >>> figure.axes[0].get_title()
    'Network with 13 parameters'
    """
    if isinstance(model, Network) and parameters is None and seen is not None:
        parameters = tuple(layer.parameters for layer in seen.layers)
        state = tuple(layer.state for layer in seen.layers)
    network, own, _ = parts_of(model, parameters, state)
    if len(network.places) > _MOST_LAYERS:
        raise OptionError(f"the network has {len(network.places)} layers, of which up to {_MOST_LAYERS} can be drawn")
    if seen is not None:
        _check(seen, network, example)
    columns = _columns(network)
    tallest = max(len(column.shown) for column in columns)
    sizes = [np.abs(one["weights"]) if "weights" in one else None for one in own]
    widest = f"widest line: {_widest(sizes, own):.3g}"
    height = min(1.9 + 0.42 * tallest, 4.6)
    if seen is None:
        figure = blank(height)
        ax = figure.add_subplot()
        _edges(ax, network, own, columns, sizes)
        _units(ax, columns, None, 0.0, 1.0, "viridis")
        _names(ax, network, columns, NOTATIONS["chainrule"])
        _frame(ax, network, columns, f"Network with {network.count_parameters():,} parameters")
        _legend(figure, widest)
        return figure
    one = seen.example(example) if example is not None else seen
    notation, each = seen.notation, seen.notation.sign * seen.notation.factor(seen.loss)
    alone = len(one.losses) == 1
    figure = blank(2 * height)
    top, bottom = figure.subplots(2, 1)
    _edges(top, network, own, columns, sizes)
    inputs = np.asarray(one.layers[0].inputs, float)
    forward = [_shown_of(values, alone) for values in (inputs, *(layer.activations for layer in one.layers))]
    back = [None, *(_shown_of(each * layer.sensitivities, alone) for layer in one.layers)]
    activations, deltas = (label(notation, name) for name in ("activations", "sensitivities"))
    _bar(figure, top, _units(top, columns, forward, *_range(forward, alone)), activations, alone)
    _frame(top, network, columns, f"Forward →: {activations}" + _of_what(example, one))
    _names(top, network, columns, notation)
    returned = [None if size is None else abs(each) * size for size in _returned(one, own)]
    _edges(bottom, network, own, columns, returned, towards=True)
    _bar(figure, bottom, _units(bottom, columns, back, *_range(back, alone)), deltas, alone)
    _frame(bottom, network, columns, f"← Back: {deltas}" + _of_what(example, one), biases=False)
    _names(bottom, network, columns, notation)
    delta = "sensitivity" if notation.key == "chainrule" else deltas
    _legend(figure, f"{widest}; on the way back {_widest(returned, ()):.3g}, weight × {delta}")
    return figure


def _check(seen: Any, network: Network, example: int | None) -> None:
    if not isinstance(seen, Backprop):
        raise OptionError(f"seen has to be what chainrule.backprop returns, found {type(seen).__name__}")
    theirs = [layer.signals.shape[1] for layer in seen.layers]
    ours = [place.units for place in network.places]
    if theirs != ours:
        raise OptionError(f"seen is a pass of a network with {theirs} units, but this one has {ours}")
    if example is not None and not 0 <= example < len(seen.losses):
        raise OptionError(f"example {example} is none of the {len(seen.losses)} of the pass, which are counted from 0")


def _columns(network: Network) -> list[_Column]:
    columns = []
    for k, units in enumerate((network.inputs, *(place.units for place in network.places))):
        shown = tuple(range(units)) if units <= _SHOWN else (*range(_FIRST), *range(units - _LAST, units))
        # A free place where units are left out.
        count = len(shown) + (units > _SHOWN)
        slots = [slot for slot in range(count) if not (units > _SHOWN and slot == _FIRST)]
        y = {unit: (count - 1) / 2 - slot for unit, slot in zip(shown, slots, strict=True)}
        columns.append(_Column(3.0 * k, units, shown, y))
    return columns


def _edges(
    ax: "Axes",
    network: Network,
    parameters: Parameters,
    columns: list[_Column],
    sizes: list[Array | None],
    towards: bool = False,
) -> None:
    """Lines between the columns; `sizes` says how wide, for each layer an array like its weights."""
    from matplotlib.collections import LineCollection

    widest = _widest(sizes, () if towards else parameters) or 1.0
    lines, colours, widths = [], [], []
    for k, own in enumerate(parameters):
        before, after = columns[k], columns[k + 1]
        size = sizes[k]
        if size is None or own["weights"].shape != (before.units, after.units):
            pairs = [(unit, unit) for unit in before.shown if unit in after.y and before.units == after.units]
            lines += [[(before.x, before.y[i]), (after.x, after.y[j])] for i, j in pairs]
            colours += ["0.6"] * len(pairs)
            widths += [1.0] * len(pairs)
            continue
        for i in before.shown:
            for j in after.shown:
                lines.append([(before.x, before.y[i]), (after.x, after.y[j])])
                colours.append(POSITIVE if own["weights"][i, j] >= 0 else NEGATIVE)
                widths.append(_WIDEST * float(size[i, j]) / widest)
        if "bias" in own and not towards:
            one = before.x + 0.75, max(before.y.values()) + 1.0
            for j in after.shown:
                lines.append([one, (after.x, after.y[j])])
                colours.append(POSITIVE if own["bias"][j] >= 0 else NEGATIVE)
                widths.append(_WIDEST * float(abs(own["bias"][j])) / widest)
            box: dict[str, Any] = {"boxstyle": "square,pad=0.25", "facecolor": "white", "edgecolor": "0.4"}
            ax.text(*one, "1", ha="center", va="center", size=8, color="black", bbox=box, zorder=3)
    order = np.argsort(widths)
    ax.add_collection(
        LineCollection(
            [lines[k] for k in order],
            colors=[colours[k] for k in order],
            linewidths=[max(widths[k], 0.25) for k in order],
            alpha=0.85,
            zorder=1,
        )
    )


def _units(ax: "Axes", columns: list[_Column], values: list[Any] | None, low: float, high: float, cmap: str) -> Any:
    points, numbers = [], []
    for k, column in enumerate(columns):
        for unit in column.shown:
            points.append((column.x, column.y[unit]))
            numbers.append(np.nan if values is None or values[k] is None else float(values[k][unit]))
        if len(column.shown) < column.units:
            middle = (column.y[_FIRST - 1] + column.y[column.units - _LAST]) / 2
            ax.text(column.x, middle, "⋮", ha="center", va="center", size=12)
    x, y = np.array(points).T
    if values is None:
        return ax.scatter(x, y, s=_SIZE, color="white", edgecolor="0.25", zorder=2)
    from matplotlib import colormaps

    # What has no number, such as an input on the way back, is white.
    colours = colormaps[cmap].with_extremes(bad="white")
    style: dict[str, Any] = {"cmap": colours, "vmin": low, "vmax": high, "plotnonfinite": True}
    return ax.scatter(x, y, s=_SIZE, c=np.array(numbers), edgecolor="0.25", zorder=2, **style)


def _names(ax: "Axes", network: Network, columns: list[_Column], notation: Notation) -> None:
    lowest = min(min(column.y.values()) for column in columns) - 0.75
    for k, column in enumerate(columns):
        text = f"inputs\n{column.units}"
        if k:
            place = network.places[k - 1]
            between = "\n" if len(columns) > _BESIDE else " "
            text = f"layer {notation.number(k)}\n{column.units}{between}{place.layer.activation_row.name}"
            if place.skip is not None:
                text += f"\nadds {f'layer {notation.number(place.skip)}' if place.skip else 'the inputs'}"
        ax.text(column.x, lowest, text, ha="center", va="top", size=9, linespacing=1.2)


def _frame(ax: "Axes", network: Network, columns: list[_Column], title: str, biases: bool = True) -> None:
    # Room for a third line of words, and a fourth.
    lines = (len(columns) > _BESIDE) + any(place.skip is not None for place in network.places)
    below = 1.9 + 0.6 * lines
    tallest = max(max(column.y.values()) for column in columns)
    ax.set_xlim(-1.1, columns[-1].x + 1.1)
    ax.set_ylim(-tallest - below, tallest + (1.5 if biases else 0.6))
    ax.set_axis_off()
    ax.set_title(title)


def _legend(figure: "Figure", title: str) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=POSITIVE, linewidth=_WIDEST / 2, label="weight of at least 0"),
        Line2D([], [], color=NEGATIVE, linewidth=_WIDEST / 2, label="weight below 0"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, title=title, title_fontsize=9)


def _widest(sizes: list[Array | None], parameters: Parameters) -> float:
    """What the widest line stands for."""
    biases = [np.abs(one["bias"]) for one in parameters if "bias" in one]
    return max((float(np.max(one)) for one in (*sizes, *biases) if one is not None), default=0.0)


def _shown_of(values: Any, alone: bool) -> Array:
    found: Array = np.asarray(values)[0] if alone else np.sqrt(np.mean(np.square(values), axis=0))
    return found


def _range(values: list[Any], alone: bool) -> tuple[float, float, str]:
    every = np.concatenate([np.ravel(one) for one in values if one is not None])
    most = float(np.max(np.abs(every))) or 1.0
    # Signed numbers around a white middle; root mean squares from 0.
    return (-most, most, "PuOr_r") if alone else (0.0, most, "viridis")


def _bar(figure: "Figure", ax: "Axes", drawn: Any, name: str, alone: bool) -> None:
    figure.colorbar(drawn, ax=ax, label=name if alone else f"{name}, rms", shrink=0.8)


def _of_what(example: int | None, seen: Backprop) -> str:
    if example is not None:
        return f" of example {example}"
    return "" if len(seen.losses) == 1 else f", root mean squares of {len(seen.losses):,} examples"


def _returned(seen: Backprop, parameters: Parameters) -> list[Array | None]:
    """For each weight the root mean square of what comes back through it: weight times sensitivity."""
    found: list[Array | None] = []
    for layer, own in zip(seen.layers, parameters, strict=True):
        size = np.sqrt(np.mean(np.square(layer.sensitivities), axis=0))
        found.append(np.abs(own["weights"]) * size if "weights" in own else None)
    return found
