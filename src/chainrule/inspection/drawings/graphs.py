"""The computation graph of a function, with shapes and values; and of a network, beside its architecture."""

import itertools
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.evaluate import node_values
from chainrule.graph import Graph, Node, constant_text
from chainrule.inspection.drawings.figures import PALETTE, blank
from chainrule.inspection.drawings.layout import Layout, layered
from chainrule.inspection.explain import explain
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.opened import opened
from chainrule.nn.network import Parameters, State
from chainrule.nn.objective import objective
from chainrule.trace import trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["architecture", "computation_graph"]

#: Of a drawing that can still be read.
_MOST_NODES = 80
#: Arrays of so few entries are written out.
_WRITTEN_OUT = 3
#: In inches: a line of text, the edge of a box around it, between two rows, and around the whole.
_LINE, _EDGE, _BETWEEN, _MARGIN = 0.165, 0.07, 0.34, 0.15
_SIZE, _HEADER = 9.0, 0.75
#: Of parameters; others keep their names.
_LETTERS = {"weights": "W", "bias": "b"}
_SIGNS = {
    "np.add": "+",
    "np.subtract": "−",
    "np.multiply": "×",
    "np.divide": "÷",
    "np.power": "**",
    "np.matmul": "@",
}


def computation_graph(
    f: Callable[..., Any], *args: Any, derivatives: bool = False, notation: str | Notation = "chainrule"
) -> "Figure":
    r"""Draw the graph of a function at some arguments: every operation with its shape and value.

    Parameters
    ----------
    f : callable
        A function in plain NumPy; best a small one.
    *args : trees of arrays and numbers
        Its arguments.
    derivatives : bool
        Whether each box says too what the derivative of the output by its value is. The output then has to be one real
        number.
    notation : str or Notation
        A key of `chainrule.inspection.NOTATIONS`: how these derivatives are written.

    Returns
    -------
    matplotlib.figure.Figure
        Inputs with round corners, operations below what they use, the output with a thick edge. Of a larger array a box
        says the root mean square. The drawing is as large as the graph needs, for letters of one size.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or the graph has too many operations to be read.
    TraceError
        As `chainrule.trace` raises it, and `chainrule.explain` for `derivatives`.

    Examples
    --------
    >>> from chainrule.inspection import drawings
    >>> figure = drawings.computation_graph(lambda w, x: (w * x - 1.0) ** 2, 3.0, 2.0)
    >>> [text.get_text() for text in figure.axes[0].texts if "**" in text.get_text()]
    ['v3 = v2 ** 2\n25']
    """
    derived: dict[Node, str] = {}
    if derivatives:
        explained = explain(f, notation=notation)(*args)
        graph, values = explained.graph, explained.values
        _check_size(graph)
        for node, step in zip(values, explained.steps, strict=True):
            symbol = "∂" if explained.notation.key == "chainrule" else f"${explained.derivatives.latex(step.name)}$ ="
            derived[node] = f"{symbol} {_numbers(np.asarray(step.derivative))}"
    else:
        graph = trace(f)(*args)
        values = _values(graph, args)
    names = _names(values, {})
    texts = {node: _text(node, values[node], names, derived.get(node)) for node in values}
    layout = _laid_out(texts)
    title = f"Computation graph of {graph.name}"
    figure, ax, left, top = _sheet(layout, texts, title)
    _draw(ax, graph, layout, texts, left, top, dict.fromkeys(values, PALETTE[5]))
    if derivatives and notation_of(notation).key == "chainrule":
        note = "after ∂: derivative of the output by the value"
        figure.text(_MARGIN / figure.get_figwidth(), 0.09 / figure.get_figheight(), note, size=_SIZE)
    return figure


def architecture(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
) -> "Figure":
    """Draw the layers of a network, and beside them the graph of its objective in the same colours.

    Parameters
    ----------
    model, X, y, parameters, state, loss, regularizers
        As `chainrule.backprop` takes them.

    Returns
    -------
    matplotlib.figure.Figure
        Left a box for each layer, right every operation with its shape and value, in the colour of the last layer whose
        parameters it needs, or of the loss where it needs the targets. W1 and b1 are weights and bias of layer 1.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or the graph has too many operations to be read.
    DataError
        Where shapes do not fit.

    Examples
    --------
    >>> from chainrule import data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.xor()
    >>> network = nn.Network.of(2, hidden=(3,))
    >>> figure = drawings.architecture(network, X, T, parameters=network.initialize(0), loss="squared")
    >>> [ax.get_label() for ax in figure.axes]
    ['computation graph', 'architecture']
    """
    parts = opened(model, X, y, parameters=parameters, state=state, loss=loss, regularizers=regularizers)
    whole = objective(parts.network, parts.loss, parts.regularizers)

    def cost(parameters: Parameters, state: State, x: Any, targets: Any) -> Any:
        return whole(parameters, state, x, targets)[0]

    args = (parts.parameters, parts.state, parts.inputs, parts.targets)
    graph = trace(cost)(*args)
    values = _values(graph, args)
    last = len(parts.network.places) + 1
    stages = _stages(values, last)
    names = _names(values, {node: _short(node.name) for node in graph.inputs})
    texts = {node: _text(node, values[node], names, None) for node in values}
    layout = _laid_out(texts)
    boxes = [f"inputs\n{parts.network.inputs}"]
    for number, place in enumerate(parts.network.places, 1):
        sizes = [
            f"{name} {' × '.join(str(n) for n in shape)}" for name, shape in place.layer.shapes(place.inputs).items()
        ]
        boxes.append("\n".join([f"layer {number}", place.layer.text, *sizes]))
    boxes.append(f"loss\n{parts.loss.name}" + ("\nand regularisers" if parts.regularizers else ""))
    beside = max(_extent(text)[0] for text in boxes) + 2 * _MARGIN
    figure, ax, left, top = _sheet(layout, texts, "Architecture, and the computation graph of the objective", beside)
    colours = {stage: PALETTE[5] if stage == 0 else PALETTE[(stage - 1) % 5] for stage in range(last + 1)}
    colours[last] = PALETTE[6]
    _draw(ax, graph, layout, texts, left, top, {node: colours[stages[node]] for node in values})
    ax.set_label("computation graph")
    column = figure.add_axes((0, 0, 1, 1), label="architecture")
    column.set_axis_off()
    column.patch.set_alpha(0)
    column.set_xlim(0, figure.get_figwidth())
    column.set_ylim(0, figure.get_figheight())
    heights = [_extent(text)[1] for text in boxes]
    spare = (top - _MARGIN - sum(heights)) / max(len(boxes) - 1, 1)
    gap = min(max(spare, 0.1), 0.6)
    place_of, middle = top, beside / 2 + _MARGIN / 2
    for k, (text, height) in enumerate(zip(boxes, heights, strict=True)):
        _box(column, middle, place_of - height / 2, _extent(text), text, colours[k], rounded=k == 0)
        if k < len(boxes) - 1:
            _arrow(column, [(middle, place_of - height), (middle, place_of - height - gap)])
        place_of -= height + gap
    return figure


def _values(graph: Graph, args: Any) -> dict[Node, Any]:
    _check_size(graph)
    leaves = [float(leaf) if type(leaf) is int else leaf for leaf in tree.leaves(args)]
    return node_values(graph, *leaves)


def _check_size(graph: Graph) -> None:
    count = len(graph.inputs) + len(graph.nodes)
    if count > _MOST_NODES:
        raise OptionError(
            f"the graph of {graph.name} has {count} inputs and operations, of which up to {_MOST_NODES} can be read: "
            "print it, or draw a part"
        )
    if not graph.nodes:
        raise OptionError(f"{graph.name} computes nothing from its arguments, there is no graph to draw")


def _stages(values: dict[Node, Any], last: int) -> dict[Node, int]:
    """The layer that each node belongs to: the last one whose parameters it needs, or the loss."""
    stages: dict[Node, int] = {}
    for node in values:
        if node.op is None:
            number = re.match(r"(?:parameters|state)\[(\d+)\]", node.name)
            stages[node] = int(number[1]) + 1 if number else last if node.name == "targets" else 0
        else:
            stages[node] = max((stages[source] for source in node.inputs if isinstance(source, Node)), default=0)
    return stages


def _short(name: str) -> str:
    """``W1`` for the weights of layer 1, ``b1`` for its bias."""
    found = re.fullmatch(r"(?:parameters|state)\[(\d+)\]\['(\w+)'\]", name)
    if found is None:
        return name
    return f"{_LETTERS.get(found[2], found[2] + ' ')}{int(found[1]) + 1}"


def _names(values: dict[Node, Any], given: dict[Node, str]) -> dict[Node, str]:
    """What values are called: inputs by their arguments, others v1, v2 and so on, as `chainrule.explain` does."""
    count = itertools.count(1)
    return {node: given.get(node, node.name) if node.op is None else f"v{next(count)}" for node in values}


def _text(node: Node, value: Any, names: dict[Node, str], derivative: str | None) -> str:
    lines = [names[node] if node.op is None else f"{names[node]} = {_operation(node, names)}"]
    if node.group and node.group != node.name:
        lines[0] += f"  (in {node.group.rsplit('.', 1)[-1]})"
    lines += _number_lines(value)
    if derivative is not None:
        lines.append(derivative)
    return "\n".join(lines)


def _number_lines(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [f"{len(value)} outputs"]
    array = np.asarray(value)
    if array.ndim == 0:
        return [_numbers(array)]
    return [f"{array.shape}: {_numbers(array)}"]


def _numbers(array: Any) -> str:
    if array.dtype.kind not in "biuf":
        return str(array) if array.ndim == 0 else str(array.dtype)
    if array.size <= _WRITTEN_OUT:
        return " ".join(f"{x:.4g}" for x in np.ravel(array).tolist()).replace("-", "−")
    return f"rms {float(np.sqrt(np.mean(np.square(array, dtype=float)))):.3g}"


def _operation(node: Node, names: dict[Node, str]) -> str:
    """An operation with its inputs: signs as they are written, others by name."""
    inputs = [names[x] if isinstance(x, Node) else constant_text(x) for x in node.inputs]
    if node.name in _SIGNS:
        return f" {_SIGNS[node.name]} ".join(inputs)
    if node.name == "np.negative":
        return f"−{inputs[0]}"
    axis = node.params.get("axis")
    inputs += [f"axis {axis}"] if axis is not None and not isinstance(axis, Graph) else []
    return f"{node.name.rsplit('.', 1)[-1]}({', '.join(inputs)})"


@lru_cache(maxsize=1024)
def _extent(text: str) -> tuple[float, float]:
    """Width and height of a box around a text, in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    lines = text.split("\n")
    font = FontProperties(size=_SIZE)
    width = max(TextPath((0, 0), line, prop=font).get_extents().width for line in lines) / 72
    return width + 2 * _EDGE + 0.04, len(lines) * _LINE + 2 * _EDGE


def _laid_out(texts: dict[Node, str]) -> Layout:
    edges = [(source, node) for node in texts for source in node.inputs if isinstance(source, Node)]
    return layered({node: _extent(text)[0] for node, text in texts.items()}, edges)


def _sheet(
    layout: Layout, texts: dict[Node, str], title: str, beside: float = 0.0
) -> tuple["Figure", "Axes", float, float]:
    """A figure in inches, its axes, and the upper left corner of the graph."""
    heights = _row_heights(layout, texts)
    height = sum(heights) + _BETWEEN * (len(heights) - 1) + _HEADER
    needed = layout.width + beside + 2 * _MARGIN
    width = max(6.4, needed)
    figure = blank(height, width)
    figure.set_layout_engine("none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(0, height)
    figure.text(0.5, 1 - 0.12 / height, title, ha="center", va="top", size=12)
    return figure, ax, beside + _MARGIN + (width - needed) / 2, height - 0.45


def _row_heights(layout: Layout, texts: dict[Node, str]) -> list[float]:
    heights = [0.0] * (max(layout.rows.values()) + 1)
    for node, row in layout.rows.items():
        heights[row] = max(heights[row], _extent(texts[node])[1])  # type: ignore[index]
    return heights


def _draw(
    ax: "Axes", graph: Graph, layout: Layout, texts: dict[Node, str], left: float, top: float, colours: dict[Node, str]
) -> None:
    heights = _row_heights(layout, texts)
    middles = [top - sum(heights[:row]) - _BETWEEN * row - heights[row] / 2 for row in range(len(heights))]
    for (source, target), way in layout.ways.items():
        start, end = (_extent(texts[node])[1] / 2 for node in (source, target))  # type: ignore[index]
        (first, x), (last, to) = way[0], way[-1]
        # Straight down past what stands in a row; bends are between rows.
        passed = [(left + at, middles[row] + sign * heights[row] / 2) for row, at in way[1:-1] for sign in (1, -1)]
        _arrow(ax, [(left + x, middles[first] - start), *passed, (left + to, middles[last] + end)])
    for node, text in texts.items():
        place = left + layout.across[node], middles[layout.rows[node]]
        output = node in graph.outputs
        _box(ax, *place, _extent(text), text, colours[node], rounded=node.op is None, thick=output)


def _box(
    ax: "Axes",
    x: float,
    y: float,
    extent: tuple[float, float],
    text: str,
    colour: str,
    *,
    rounded: bool = False,
    thick: bool = False,
) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import FancyBboxPatch

    width, height = extent
    style = f"round,pad=0,rounding_size={min(height, width) / 2.2 if rounded else 0.04}"
    pale = tuple(1 - 0.16 * (1 - part) for part in to_rgb(colour))
    corner = (x - width / 2, y - height / 2)
    edge: dict[str, Any] = {"facecolor": pale, "edgecolor": colour, "linewidth": 2.6 if thick else 1.2}
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, zorder=2, **edge))
    ax.text(x, y, text, ha="center", va="center", size=_SIZE, color="black", linespacing=1.25, zorder=3)


def _arrow(ax: "Axes", points: Sequence[tuple[float, float]]) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    corners, codes = [points[0]], [Path.MOVETO]
    for (a, b), (c, d) in itertools.pairwise(points):
        middle = (b + d) / 2
        corners += [(a, middle), (c, middle), (c, d)]
        codes += [Path.CURVE4] * 3
    style: dict[str, Any] = {
        "arrowstyle": "-|>,head_length=4,head_width=2",
        "color": "0.45",
        "linewidth": 1.0,
        "zorder": 1,
    }
    ax.add_patch(FancyArrowPatch(path=Path(corners, codes), shrinkA=0, shrinkB=0, **style))
