"""What a model computes over two inputs: the classes with their boundary, and the output as a surface."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError
from chainrule.inspection.drawings.deciding import Decider, as_points, class_numbers, decider, outputs_of
from chainrule.inspection.drawings.figures import MARKERS, PALETTE, blank, draw_in
from chainrule.nn.network import Parameters, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["decision_boundary", "grid_over", "names_of_inputs", "output_surface", "regions", "scatter_classes"]

#: Points of a grid along each side.
_POINTS, _COARSE = 160, 60
#: Classes that a legend has room for.
_NAMED = 14


def decision_boundary(
    model: Any,
    X: Any,
    y: Any,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    threshold: float | None = None,
    names: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw what a model decides over two inputs, and the data.

    Parameters
    ----------
    model : Network, Model, classifier or Pipeline
        What decides; any fitted classifier with ``predict_proba``.
    X : array, shape (examples, 2)
        Inputs, as the model takes them: for a pipeline before its first step.
    y : array, shape (examples,) or (examples, outputs)
        Classes, or one-hot rows.
    parameters, state : tuple of dicts of arrays, optional
        Of a network.
    threshold : float, optional
        The output of a network at which the class changes, where it is not 1/2 for sigmoid or 0 for tanh and sign.
    names : sequence of str, optional
        What the inputs are called; by default as the columns of `X`, or x0 and x1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        Regions in the colours of the classes, a line between them, a marker of its own for each class; examples that
        are decided wrongly have a black ring.

    Raises
    ------
    DataError
        Where there are not two inputs, or `y` holds what is no class of the model.
    OptionError
        Where matplotlib is not installed, or the model does not decide between classes.

    Examples
    --------
    >>> from chainrule import data, nn
    >>> from chainrule.inspection import drawings
    >>> X, T = data.xor()
    >>> network = nn.Network.of(2, hidden=(4,), output="sigmoid")
    >>> figure = drawings.decision_boundary(network, X, T, parameters=network.initialize(0))
    >>> figure.axes[0].get_title()
    'Decisions: 2 of 4 examples wrong'
    """
    points = _two(X, "a boundary is drawn", y)
    rule = decider(model, parameters, state, threshold)
    numbers = class_numbers(y, rule.classes)
    wrong = np.argmax(rule.scores(X), axis=1) != numbers
    figure, ax = draw_in(ax, 4.4)
    regions(ax, rule, X, *grid_over(points))
    scatter_classes(ax, points, numbers, rule.classes, wrong)
    across, up = names_of_inputs(X, names)
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    ax.set_title(f"Decisions: {np.count_nonzero(wrong)} of {len(points)} examples wrong")
    return figure


def output_surface(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    parameters: Parameters | None = None,
    state: State | None = None,
    output: int = 0,
    kind: Literal["surface", "contours"] = "surface",
    names: Sequence[str] | None = None,
) -> "Figure":
    """Draw one output of a model over two inputs.

    Parameters
    ----------
    model : Network, Model, estimator or Pipeline
        What computes. For a classifier the output is the probability of a class: of two classes that of the second.
    X : array, shape (examples, 2)
        Inputs, as the model takes them: they say over which part of the plane to draw.
    y : array, shape (examples,) or (examples, outputs), optional
        Targets as numbers in the units of the output; they are drawn as points over the plane.
    parameters, state : tuple of dicts of arrays, optional
        Of a network.
    output : int
        Which output.
    kind : {"surface", "contours"}
        Whether it is seen at an angle, or from above with lines of equal output.
    names : sequence of str, optional
        What the inputs are called.

    Returns
    -------
    matplotlib.figure.Figure
        The output, with a bar that says which colour is which number.

    Raises
    ------
    DataError
        Where there are not two inputs, or targets have another shape.
    OptionError
        Where matplotlib is not installed, or there is no such output or kind.

    Examples
    --------
    >>> from chainrule import nn
    >>> from chainrule.inspection import drawings
    >>> network = nn.Network.of(2, output="sigmoid")
    >>> square = np.array([[-4.0, -4.0], [4.0, 4.0]])
    >>> figure = drawings.output_surface(network, square, parameters=network.initialize(0))
    >>> figure.axes[0].get_zlabel()
    'output'
    """
    points = _two(X, "a surface is drawn", y)
    if kind not in ("surface", "contours"):
        raise OptionError(f"kind has to be 'surface' or 'contours', found {kind!r}")
    compute = outputs_of(model, parameters, state)
    side = _COARSE if kind == "surface" else _POINTS
    a, b = grid_over(points, side)
    found = compute(_like(X, np.column_stack([a.ravel(), b.ravel()])))
    if not 0 <= output < found.shape[1]:
        raise OptionError(f"output {output} is none of the model's {found.shape[1]}, which are counted from 0")
    values = found[:, output].reshape(a.shape)
    targets = None if y is None else _targets(y, output, found.shape[1])
    across, up = names_of_inputs(X, names)
    what = "output" if found.shape[1] == 1 else f"output {output}"
    figure = blank(4.6)
    if kind == "surface":
        # The targets stand before the surface, so that none is hidden.
        solid: Any = figure.add_subplot(projection="3d", computed_zorder=False)
        # As thousands of polygons an SVG of it would be ten times as long.
        flat: dict[str, Any] = {"linewidth": 0, "antialiased": False, "rasterized": True}
        drawn = solid.plot_surface(a, b, values, cmap="viridis", rcount=side, ccount=side, **flat)
        solid.contour(a, b, values, levels=8, colors="0.2", linewidths=0.7, zorder=2)
        if targets is not None:
            solid.scatter(
                points[:, 0], points[:, 1], targets, color=PALETTE[1], edgecolor="k", s=22, label="targets", zorder=3
            )
        solid.set_zlabel(what)
        solid.view_init(elev=28, azim=-58)
        solid.set_box_aspect(None, zoom=0.92)
        solid.xaxis.labelpad = solid.yaxis.labelpad = 9
        figure.colorbar(drawn, ax=solid, shrink=0.62, pad=0.12, label=what)
        ax: Any = solid
    else:
        ax = figure.add_subplot()
        low, high = _spread(values)
        from matplotlib.ticker import MaxNLocator

        # Lines at round numbers, four colours between two of them.
        round_numbers = MaxNLocator(5).tick_values(low, high)
        levels = np.linspace(round_numbers[0], round_numbers[-1], 4 * len(round_numbers) - 3)
        drawn = ax.contourf(a, b, values, levels=levels, cmap="viridis")
        between = [number for number in round_numbers if low < number < high]
        lines = ax.contour(a, b, values, levels=between, colors="white", linewidths=1.0)
        if targets is not None:
            style: dict[str, Any] = {
                "cmap": "viridis",
                "vmin": levels[0],
                "vmax": levels[-1],
                "edgecolor": "k",
                "linewidth": 0.9,
                "s": 34,
            }
            ax.scatter(points[:, 0], points[:, 1], c=targets, label="targets, in the same colours", **style)
        figure.colorbar(drawn, ax=ax, label=what, ticks=round_numbers).add_lines(lines)
    if targets is not None:
        figure.legend(loc="outside lower center", frameon=False)
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    ax.set_title(f"The {what} over two inputs")
    return figure


def _spread(values: NDArray[Any]) -> tuple[float, float]:
    low, high = float(np.min(values)), float(np.max(values))
    # An output that is the same everywhere stands in the middle of its colours.
    return (low, high) if high - low > 1e-9 * max(abs(low), abs(high)) else (low - 0.5, high + 0.5)


def regions(ax: "Axes", rule: Decider, X: Any, a: NDArray[Any], b: NDArray[Any]) -> None:
    """Fill a plane by what is decided, and draw the lines where two classes are equally good."""
    from matplotlib.colors import ListedColormap, to_rgb

    scores = rule.scores(_like(X, np.column_stack([a.ravel(), b.ravel()])))
    count = scores.shape[1]
    decided = np.argmax(scores, axis=1).reshape(a.shape)
    colours = [PALETTE[k % len(PALETTE)] for k in range(count)]
    pale = ListedColormap([tuple(1 - 0.28 * (1 - part) for part in to_rgb(colour)) for colour in colours])
    ax.pcolormesh(a, b, decided, cmap=pale, vmin=-0.5, vmax=count - 0.5, shading="nearest", rasterized=True, zorder=0)
    for k in range(count if count > 2 else 1):
        margin = (scores[:, k] - np.max(np.delete(scores, k, axis=1), axis=1)).reshape(a.shape)
        # A rounded 0 all over a region is no boundary: only a change of sign is.
        if margin.min() < 0 < margin.max():
            ax.contour(a, b, margin, levels=[0.0], colors="0.2", linewidths=1.2, zorder=1)


def scatter_classes(
    ax: "Axes", points: NDArray[Any], numbers: NDArray[Any], classes: tuple[Any, ...], wrong: NDArray[Any] | None = None
) -> None:
    """Draw examples, each class in its own colour and marker, and a legend."""
    for k, name in enumerate(classes):
        own = points[numbers == k]
        style: dict[str, Any] = {
            "color": PALETTE[k % len(PALETTE)],
            "marker": MARKERS[k % len(MARKERS)],
            "edgecolor": "white",
        }
        label = f"class {name}" if len(classes) <= _NAMED else None
        ax.scatter(own[:, 0], own[:, 1], s=30, linewidth=0.6, label=label, zorder=3, **style)
    if wrong is not None and np.any(wrong):
        ring: dict[str, Any] = {"facecolor": "none", "edgecolor": "black", "marker": "o", "linewidth": 1.3}
        ax.scatter(points[wrong, 0], points[wrong, 1], s=85, label="decided wrongly", zorder=4, **ring)
    # Above the data in the figure, not on them.
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3, frameon=False, handletextpad=0.2)


def grid_over(points: NDArray[Any], side: int = _POINTS) -> tuple[NDArray[Any], NDArray[Any]]:
    """Make a grid over the points and a little more."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), 1.0)
    first, second = (np.linspace(low[k] - margin[k], high[k] + margin[k], side) for k in (0, 1))
    a, b = np.meshgrid(first, second)
    return a, b


def names_of_inputs(X: Any, names: Sequence[str] | None) -> list[str]:
    """What the two inputs are called."""
    if names is not None:
        if isinstance(names, str) or len(names) != 2:
            raise OptionError(f"names has to hold two names, one for each input; found {names!r}")
        return [str(name) for name in names]
    if hasattr(X, "columns"):
        return [str(name) for name in X.columns]
    return ["input x0", "input x1"]


def _two(X: Any, what: str, y: Any) -> NDArray[Any]:
    points = as_points("X", X)
    if points.shape[1] != 2:
        raise DataError(
            f"{what} over two inputs, found {points.shape[1]}: train on two of them, or draw hidden_space, which takes "
            "two units of a layer"
        )
    if y is not None and np.shape(y)[:1] != (len(points),):
        raise DataError(f"y should have a row for each of the {len(points)} examples, found shape {np.shape(y)}")
    return points


def _like(X: Any, points: NDArray[Any]) -> Any:
    """Points as a data frame where `X` is one, since estimators know columns by name."""
    return type(X)(points, columns=list(X.columns)) if hasattr(X, "columns") and hasattr(X, "iloc") else points


def _targets(y: Any, output: int, outputs: int) -> NDArray[Any]:
    targets = np.asarray(y)
    if targets.dtype.kind not in "biuf" or targets.ndim > 2 or (targets.ndim == 2 and targets.shape[1] != outputs):
        raise DataError(
            f"y should be numbers, for the {outputs} outputs of the model; found shape {targets.shape} and dtype "
            f"{targets.dtype}"
        )
    if targets.ndim == 1 and outputs > 1:
        raise DataError(f"y has one number for each example, but the model {outputs} outputs: give one-hot rows")
    return targets if targets.ndim == 1 else targets[:, output]
