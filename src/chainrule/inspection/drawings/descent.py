"""The cost as a surface over two directions, with the path of descent on it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.inspection.drawings.figures import PALETTE, draw_in
from chainrule.inspection.drawings.symbols import label, symbol
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.opened import opened
from chainrule.nn.network import Parameters, State
from chainrule.nn.objective import objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cost_surface"]

Array = NDArray[Any]

#: The range of the objective, largest over smallest above the least, from which the levels are logarithmic.
_DECADES = 30.0


def cost_surface(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    directions: Sequence[Any] | None = None,
    path: Sequence[Parameters] | None = None,
    radius: float | None = None,
    points: int = 41,
    rng: np.random.Generator | int = 0,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: Sequence[Any] = (),
    weights: Any = None,
    notation: str | Notation = "chainrule",
    ax: "Axes | None" = None,
) -> "Figure":
    """Draw the objective over two directions in the space of all parameters, and the path of descent.

    Parameters
    ----------
    model, X, y, parameters, state, loss, regularizers, weights
        As `chainrule.backprop` takes them. The parameters are the middle of the drawing; where there is a path, a
        network may leave them out, and its last point is the middle.
    directions : sequence of two, optional
        Each a tree like the parameters, or one weight as ``(layer, name, index)``, such as ``(1, "weights", (0, 2))``,
        layers from 1. The axes then hold the values of the two weights. By default the two directions in which the path
        goes farthest (its principal components), without a path two at random.
    path : sequence of parameters, optional
        Where descent has been, as ``fit(..., callbacks=[lambda state: path.append(state.parameters)])`` collects them.
    radius : float, optional
        How far to go from the middle each way; by default what holds the path, or 1.
    points : int
        Points of the grid along each side.
    rng : numpy.random.Generator or int
        Where random directions come from.
    notation : str or Notation
        A key of `chainrule.inspection.NOTATIONS`, in whose scale and symbol the objective is shown, and single weights.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The objective from above, in colours and lines.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or a direction is none, is along the other one, or does not fit.
    DataError
        Where shapes do not fit.

    Notes
    -----
    The surface is the objective itself at points of one plane. A path of a network with more than two parameters
    leaves that plane; what is drawn is its shadow on it, and the title of an axis says how much of the way it shows.

    Examples
    --------
    >>> from chainrule import nn
    >>> from chainrule.inspection import drawings
    >>> network = nn.Network.of(1, output="sigmoid")
    >>> start = ({"weights": np.array([[2.0]]), "bias": np.array([0.0])},)
    >>> x, t = np.array([[-1.0], [1.0]]), np.array([[1.0], [0.0]])
    >>> pair = ((1, "weights", (0, 0)), (1, "bias", 0))
    >>> figure = drawings.cost_surface(
    ...     network, x, t, directions=pair, radius=4, parameters=start, loss="squared", points=9
    ... )
    >>> figure.axes[0].get_xlabel()
    'layer 1: weights[0, 0]'
    """
    walked = [] if path is None else list(path)
    if path is not None and len(walked) < 2:
        raise OptionError(f"path has to hold at least two points, found {len(walked)}")
    if parameters is None and walked and hasattr(model, "places"):
        parameters = walked[-1]
    if points < 2:
        raise OptionError(f"points has to be at least 2, found {points}")
    parts = opened(
        model, X, y, parameters=parameters, state=state, loss=loss, regularizers=regularizers, weights=weights
    )
    middle, layout = tree.ravel(parts.parameters)
    way = np.array([layout.ravel(one) for one in walked]).reshape(len(walked), -1 if walked else len(middle))
    if len(way) and way.shape[1] != len(middle):
        raise OptionError(f"path has points of {way.shape[1]} parameters, but the network {len(middle)}")
    shown_in = notation_of(notation)
    basis, labels, origin = _plane(directions, parts.parameters, middle, way, rng, shown_in)
    # Coordinates of the path: those of the nearest point of the plane.
    shadow = np.linalg.lstsq(basis.T, (way - middle).T, rcond=None)[0].T if len(way) else np.zeros((0, 2))
    first, second = (_line(shadow[:, k], radius, points) for k in (0, 1))
    compute = objective(parts.network, parts.loss, parts.regularizers)
    data = (parts.state, parts.inputs, parts.targets)

    def cost(a: float, b: float) -> float:
        at = layout.unravel(middle + a * basis[0] + b * basis[1])
        return float(compute(at, *data, weights=parts.weights)[0])

    total = float(len(parts.inputs) if parts.weights is None else np.sum(parts.weights))
    factor = shown_in.objective_factor(parts.loss, total)
    values = factor * np.array([[cost(a, b) for a in first] for b in second])
    figure, ax = draw_in(ax, 4.6)
    levels = _levels(values)
    extend = "min" if levels[0] > values.min() else "neither"
    drawn = ax.contourf(
        origin[0] + first,
        origin[1] + second,
        values,
        levels=levels,
        cmap="viridis",
        norm=_norm(levels, extend == "min"),
        extend=extend,
    )
    ax.contour(origin[0] + first, origin[1] + second, values, levels=levels[1::2], colors="white", linewidths=0.5)
    bar = figure.colorbar(drawn, ax=ax, label=label(shown_in, "objective"))
    bar.ax.minorticks_off()
    shown = levels[::4].tolist()
    bar.set_ticks(shown, labels=[f"{v:.3g}" for v in shown])
    if len(way):
        x, y_ = origin[0] + shadow[:, 0], origin[1] + shadow[:, 1]
        ax.plot(x, y_, color="white", linewidth=3.2, solid_joinstyle="round")
        ax.plot(x, y_, color=PALETTE[1], linewidth=1.6, marker="." if len(x) < 60 else None, label="path")
        ends: dict[str, Any] = {"linestyle": "none", "markeredgecolor": "white", "color": PALETTE[1]}
        ax.plot(x[:1], y_[:1], marker="o", markersize=9, label="start", **ends)
        ax.plot(x[-1:], y_[-1:], marker="*", markersize=15, label="end", **ends)
    else:
        star: dict[str, Any] = {
            "marker": "*",
            "markersize": 15,
            "color": PALETTE[1],
            "markeredgecolor": "white",
            "linestyle": "none",
        }
        ax.plot(origin[:1], origin[1:], label="the parameters", **star)
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    what = "The objective" if shown_in.key == "chainrule" else symbol(shown_in, "objective")
    ax.set_title(f"{what} over two {'directions' if directions is None else 'parameters'}")
    ax.legend(framealpha=0.9)
    return figure


def _plane(
    directions: Sequence[Any] | None, parameters: Parameters, middle: Array, way: Array, rng: Any, notation: Notation
) -> tuple[Array, list[str], Array]:
    """Two rows of directions, what the axes are called, and what they hold at the middle."""
    if directions is None:
        if len(way):
            off = way - middle
            _, sizes, rows = np.linalg.svd(off, full_matrices=True)
            shares = np.zeros(2)
            shares[: len(sizes[:2])] = sizes[:2] ** 2 / max(float(np.sum(sizes**2)), 1e-300)
            labels = [
                f"along component {k + 1} of the path ({100 * share:.3g} % of its spread)"
                for k, share in enumerate(shares)
            ]
            return _independent(rows[:2]), labels, np.zeros(2)
        drawn = np.random.default_rng(rng).standard_normal((2, len(middle)))
        rows = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        return _independent(rows), ["along random direction 1", "along random direction 2"], np.zeros(2)
    if len(directions) != 2:
        raise OptionError(f"directions has to hold two, found {len(directions)}")
    rows, labels, origin = np.zeros((2, len(middle))), [], np.zeros(2)
    for k, one in enumerate(directions):
        if len(one) == 3 and isinstance(one[1], str):
            rows[k], label = _weight(one, parameters, notation)
            origin[k] = rows[k] @ middle
        else:
            found, _ = tree.ravel(one)
            if len(found) != len(middle):
                raise OptionError(f"direction {k + 1} has {len(found)} numbers, but the network {len(middle)}")
            rows[k], label = found, f"along direction {k + 1} (times its length)"
        labels.append(label)
    return _independent(rows), labels, origin


def _independent(rows: Array) -> Array:
    if len(rows) < 2 or np.linalg.matrix_rank(rows) < 2:
        raise OptionError("the two directions span no plane: give two that are not along each other, nor zero")
    return rows


def _weight(place: Any, parameters: Parameters, notation: Notation) -> tuple[Array, str]:
    number, name, index = place
    known = f"layers 1 to {len(parameters)}"
    if not 1 <= number <= len(parameters) or name not in parameters[number - 1]:
        raise OptionError(f"there is no {name!r} in layer {number}: the network has {known}, with weights and so on")
    ones: Parameters = tree.map(np.zeros_like, parameters)
    try:
        ones[number - 1][name][index] = 1
    except IndexError as error:
        raise OptionError(f"{name} of layer {number} has no entry {index}: {error}") from error
    if np.count_nonzero(ones[number - 1][name]) != 1:
        raise OptionError(
            f"{index} is not one entry of {name} of layer {number}, which has the shape {ones[number - 1][name].shape}"
        )
    where = tuple(int(k) for k in np.argwhere(ones[number - 1][name])[0])
    if notation.key == "chainrule" or name not in ("weights", "bias"):
        return tree.ravel(ones)[0], f"layer {notation.number(number)}: {name}[{', '.join(map(str, where))}]"
    # Where the bias is a row of the weights, it comes first.
    if notation.bias_row:
        name, where = "weights", (0, *where) if name == "bias" else (where[0] + 1, where[1])
    elif notation.transposed:
        where = where[::-1]
    return tree.ravel(ones)[0], f"{symbol(notation, name, number)}[{', '.join(map(str, where))}]"


def _line(shadow: Array, radius: float | None, points: int) -> Array:
    if radius is not None:
        if radius <= 0:
            raise OptionError(f"radius has to be above 0, found {radius}")
        return np.linspace(-radius, radius, points)
    if not len(shadow):
        return np.linspace(-1.0, 1.0, points)
    low, high = min(0.0, shadow.min()), max(0.0, shadow.max())
    margin = max(0.25 * (high - low), 1e-3)
    return np.linspace(low - margin, high + margin, points)


def _levels(values: Array) -> Array:
    low, high = float(np.min(values)), float(np.max(values))
    if low > 0 and high > _DECADES * low:
        # What is lower by more than three decades is one colour: there would be no room for the rest.
        return np.geomspace(max(low, 1e-3 * high), high, 21)
    if high - low <= 1e-12 * max(abs(high), 1e-300):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, 21)


def _norm(levels: Array, below: bool) -> Any:
    from matplotlib.colors import BoundaryNorm

    return BoundaryNorm(levels, 256, extend="min" if below else "neither")
