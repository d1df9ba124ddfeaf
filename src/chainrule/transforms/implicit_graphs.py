"""Graphs that solvers need besides the function: its gradient, its Jacobian, and the equations of a minimum.

Each is recorded once and kept with the graph it was made of.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.differentiate import jacobian
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.trace.recording import arrays_entering
from chainrule.transforms.bodies import Kind, record_body
from chainrule.transforms.replay import as_strong, aval, pull_through, push_through, replay

__all__ = [
    "BOUNDS",
    "change_of",
    "constraints_of",
    "derived",
    "gradient_of",
    "half_squares_of",
    "kept",
    "matrix_of",
    "stationary",
    "stationary_under_constraints",
]


def derived(
    graph: Graph, key: Any, f: Callable[..., Any], more: Sequence[tuple[str, Kind]] = ()
) -> tuple[Graph, list[Any]]:
    """Make a graph of another one, and keep it there.

    Parameters
    ----------
    graph : Graph
        Whose inputs the new graph has.
    key : hashable
        What `f` does.
    f : callable
        Takes values for the inputs, and returns one value.
    more : sequence of (str, Kind)
        Name and kind of further inputs of `f`.

    Returns
    -------
    graph : Graph
        Of those inputs and of large constants.
    arrays : list of ndarray
        The large constants.
    """
    inputs = [(x.name, Kind(x.shape, x.dtype, x.weak)) for x in graph.inputs]
    return kept(graph, (key, tuple(more)), f, [*inputs, *more])


def kept(graph: Graph, key: Any, f: Callable[..., Any], inputs: list[tuple[str, Kind]]) -> tuple[Graph, list[Any]]:
    """As `derived`, for `f` of other inputs than those of `graph`."""
    place = ("implicit", key)
    if place not in graph.derived:
        # It outlives a recording around it, whose inputs the constants must not become.
        with arrays_entering(lambda array: array):
            recorded = record_body(graph.name, f, inputs, lambda leaves: leaves, lambda y: ([("the result", y)], None))
        graph.derived[place] = (recorded.graph, list(recorded.hidden))
    return graph.derived[place]  # type: ignore[no-any-return]


def gradient_of(graph: Graph) -> tuple[Graph, list[Any]]:
    """The derivative by the first input of a graph whose first output is one number."""

    def gradient(z: Any, *parameters: Any) -> Any:
        seed = np.ones((), aval(graph.outputs[0])[1])[()]
        seeds = [seed, *(None,) * (len(graph.outputs) - 1)]
        found = pull_through(graph, [z, *parameters], (True, *(False,) * len(parameters)), seeds)[0]
        return np.zeros(shape_of(z)) if found is None else found

    return derived(graph, "gradient", gradient)


def matrix_of(graph: Graph, *, is_diagonal: bool = False) -> tuple[Graph, list[Any]]:
    """The derivative of the output by the first input: a matrix, or the diagonal of it in the shape of the input."""
    node = graph.inputs[0]
    size = int(np.prod(node.shape))

    def matrix(z: Any, *parameters: Any) -> Any:
        return np.reshape(jacobian(lambda z: replay(graph, [z, *parameters])[0])(z), (-1, size))

    def diagonal(z: Any, *parameters: Any) -> Any:
        ones = 1.0 if node.weak else np.ones(node.shape)[()]
        found = push_through(graph, [z, *parameters], [ones, *(None,) * len(parameters)])[0]
        return (
            np.zeros(node.shape) if found is None else as_strong(found, np.result_type(aval(graph.outputs[0])[1], 1.0))
        )

    return derived(graph, "diagonal", diagonal) if is_diagonal else derived(graph, "matrix", matrix)


def change_of(graph: Graph) -> tuple[Graph, list[Any]]:
    """The derivative of the output along a direction of the first input, which is one more input."""
    node = graph.inputs[0]

    def change(z: Any, *values: Any) -> Any:
        *parameters, direction = values
        found = push_through(graph, [z, *parameters], [direction, *(None,) * len(parameters)])[0]
        return np.zeros(node.shape) if found is None else found

    return derived(graph, "change", change, [("direction", Kind(node.shape, node.dtype))])


#: What the two inputs are called that stand for bounds.
BOUNDS = ("lower bound", "upper bound")

#: The cost of a squared residual, in units of `f_scale`, by the names of scipy.optimize.least_squares.
_LOSSES: dict[str, Callable[[Any], Any]] = {
    "linear": lambda s: s,
    "soft_l1": lambda s: 2 * (np.sqrt(1 + s) - 1),
    "huber": lambda s: np.where(s <= 1, s, 2 * np.sqrt(np.where(s <= 1, 1, s)) - 1),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


def half_squares_of(graph: Graph, loss: str = "linear", scale: float = 1.0) -> tuple[Graph, list[Any]]:
    """Half the sum of what a loss makes of the squares of an array of residuals."""

    def cost(*values: Any) -> Any:
        left = replay(graph, values)[0] / scale
        return 0.5 * scale**2 * np.sum(_LOSSES[loss](left * left))

    return derived(graph, ("half squares", loss, scale), cost)


def stationary(graph: Graph, *, is_bounded: bool) -> tuple[Graph, list[Any]]:
    """The equations that hold at a minimum.

    Parameters
    ----------
    graph : Graph
        With one number as its output.
    is_bounded : bool
        True where there are bounds: two more inputs, after those of `graph`.

    Returns
    -------
    graph : Graph
        The derivative by the first input; with bounds z - P(z - derivative), where P is the projection between the
        bounds: zero where an entry stands at a bound towards which the function falls, or where its derivative is zero.
    arrays : list of ndarray
        The further inputs that stand for large constants.
    """
    gradient, known = gradient_of(graph)
    if not is_bounded:
        return gradient, known

    def left(z: Any, *values: Any) -> Any:
        *parameters, low, high = values
        return _projected(z, replay(gradient, [z, *parameters, *known])[0], low, high)

    return derived(graph, "stationary", left, _bounds(graph))


def _bounds(graph: Graph) -> list[tuple[str, Kind]]:
    kind = Kind(graph.inputs[0].shape, graph.inputs[0].dtype)
    return [(BOUNDS[0], kind), (BOUNDS[1], kind)]


def _projected(z: Any, slope: Any, low: Any, high: Any) -> Any:
    # Which case holds is a decision: in the first two the entry moves with its bound.
    return np.where(z - low <= slope, z - low, np.where(z - high >= slope, z - high, slope))


def constraints_of(graph: Graph) -> tuple[Graph, list[Any]]:
    """The second output of a graph, in which a minimum is to have equations zero and inequalities at least zero."""
    return derived(graph, "constraints", lambda *values: replay(graph, values)[1])


def stationary_under_constraints(graph: Graph, equations: int, *, is_bounded: bool) -> tuple[Graph, list[Any]]:
    """The equations of W. Karush, H. Kuhn and A. Tucker that hold at a minimum under constraints.

    Parameters
    ----------
    graph : Graph
        Its outputs are one number f and an array c of constraints, of x and parameters.
    equations : int
        How many of the constraints are equations; those stand first.
    is_bounded : bool
        As for `stationary`.

    Returns
    -------
    graph : Graph
        Of z, which is x and a multiplier m for each constraint, and of the further inputs. With the derivative of
        f - m c in place of that of f it is as `stationary`; besides, c for an equation and min(c, m) for an inequality.
    arrays : list of ndarray
        The further inputs that stand for large constants.
    """
    node, count = graph.inputs[0], graph.outputs[1].shape[0]
    size = node.shape[0]

    def left(x: Any, *values: Any) -> Any:
        parameters, rest = values[: len(graph.inputs) - 1], values[len(graph.inputs) - 1 :]
        multipliers = rest[0]
        seed = np.ones((), aval(graph.outputs[0])[1])[()]
        wanted = (True, *(False,) * len(parameters))
        slope = pull_through(graph, [x, *parameters], wanted, [seed, -multipliers])[0]
        slope = np.zeros(node.shape) if slope is None else slope
        first = _projected(x, slope, *rest[1:]) if is_bounded else slope
        c = replay(graph, [x, *parameters])[1]
        inequality = np.arange(count) >= equations
        second = np.where(inequality & (multipliers < c), multipliers, c)
        return np.concatenate([first, second])

    bounds = _bounds(graph) if is_bounded else []
    multipliers = ("multipliers", Kind((count,), np.dtype(float)))
    split, known = derived(graph, ("under constraints", equations), left, [multipliers, *bounds])

    def joined(z: Any, *values: Any) -> Any:
        parameters, rest = values[: len(graph.inputs) - 1], values[len(graph.inputs) - 1 :]
        return replay(split, [z[:size], *parameters, z[size:], *rest, *known])[0]

    inputs = [("z", Kind((size + count,), node.dtype))]
    inputs += [(x.name, Kind(x.shape, x.dtype, x.weak)) for x in graph.inputs[1:]]
    return kept(split, "joined", joined, [*inputs, *bounds])
