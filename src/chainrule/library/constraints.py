"""Constraints of scipy.optimize.minimize: recorded with the function, and the multipliers that belong to a minimum."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.interpolants import known_value
from chainrule.library.solutions import Called, Function, listed, real, refuse
from chainrule.ops.axes import shape_of
from chainrule.transforms.bodies import Kind
from chainrule.transforms.closures import known
from chainrule.transforms.decisions import record_deciding
from chainrule.transforms.implicit import solution
from chainrule.transforms.implicit_graphs import stationary_under_constraints
from chainrule.transforms.implicit_problem import Problem, Solver

__all__ = ["as_scipy_takes_them", "minimum_under_constraints", "recorded_with_constraints", "with_multipliers"]

_FLOAT = np.dtype(np.float64)

#: A constraint of which less than this is left counts as active in the first guess of the multipliers.
_NEAR = 1e-4

Row = tuple[bool, Callable[[Any], Any]]


def _rows(name: str, constraints: Any) -> list[Row]:
    """Every constraint as a function that is to be zero (True), or at least zero (False)."""
    single = isinstance(constraints, dict) or not isinstance(constraints, (list, tuple))
    rows: list[Row] = []
    for each in [constraints] if single else constraints:
        if isinstance(each, dict):
            kind = str(each.get("type", "")).lower()
            if kind not in ("eq", "ineq") or "fun" not in each:
                raise ValueError(f"{name}: a constraint needs a type, 'eq' or 'ineq', and a fun; found {each!r}")
            rows.append((kind == "eq", Called(each["fun"], each.get("args", ()))))
        elif hasattr(each, "A") or hasattr(each, "fun"):
            rows += _between(name, each)
        else:
            refuse(name, f"a constraint of type {type(each).__name__}")
    return rows


def _between(name: str, constraint: Any) -> list[Row]:
    """A function between two bounds."""
    if hasattr(constraint, "A"):
        matrix = constraint.A
        if not isinstance(matrix, np.ndarray):
            matrix = matrix.toarray()

        def value(x: Any) -> Any:
            return matrix @ x
    else:
        value = constraint.fun
    low, high = real(name, "lb of a constraint", constraint.lb), real(name, "ub of a constraint", constraint.ub)
    ends = known_value(low), known_value(high)
    if ends[0] is None or ends[1] is None:
        raise TraceError(f"{name}: the bounds of a constraint have to be known while it is recorded.{user_line()}")
    equal, has_low, has_high = np.broadcast_arrays(ends[0] == ends[1], ends[0] > -np.inf, ends[1] < np.inf)

    def picked(some: np.ndarray[Any, Any], sign: int, bound: Any) -> Callable[[Any], Any]:
        def left(x: Any) -> Any:
            y = sign * (np.atleast_1d(listed(value(x))) - bound)
            return y[np.flatnonzero(np.broadcast_to(some, shape_of(y)))]

        return left

    cases = ((equal, 1, low), (has_low & ~equal, 1, low), (has_high & ~equal, -1, high))
    return [(k == 0, picked(some, sign, bound)) for k, (some, sign, bound) in enumerate(cases) if np.any(some)]


def recorded_with_constraints(name: str, f: Called, constraints: Any, shape: tuple[int, ...]) -> tuple[Function, int]:
    """Record a function and its constraints.

    Returns
    -------
    function : Function
        With two outputs: the value, and all constraints, the equations first.
    equations : int
        The number of equations.
    """
    rows = sorted(_rows(name, constraints), key=lambda row: not row[0])
    lengths: list[int] = []

    def both(x: Any) -> Any:
        lengths.clear()
        parts = [np.reshape(listed(left(x)), (-1,)) for _, left in rows]
        lengths.extend(shape_of(part)[0] for part in parts)
        return np.reshape(listed(f(x)), ()), np.concatenate(parts)

    called = Called(both)
    called.__name__, called.__globals__ = f.__name__, f.__globals__

    def split(y: Any) -> tuple[list[tuple[str, Any]], Any]:
        return [("the result", y[0]), ("the constraints", y[1])], None

    found = record_deciding(name, called, [("x", Kind(shape, _FLOAT))], lambda leaves: leaves, split)
    equations = sum(n for n, (is_equation, _) in zip(lengths, rows, strict=True) if is_equation)
    return Function(known(found.graph), found.hidden), equations


def minimum_under_constraints(
    solver: Solver, start: Any, function: Function, equations: int, bounds: tuple[Any, Any] | None
) -> tuple[Any, Any]:
    """Find a minimum under constraints, as one operation."""
    graph = function.graph
    residual, arrays = stationary_under_constraints(graph, equations, is_bounded=bounds is not None)
    z, report = solution([start, *function.parameters, *(bounds or ()), *arrays], solver, graph, residual)
    return z[: shape_of(start)[0]], report


def as_scipy_takes_them(problem: Problem, equations: int) -> Sequence[dict[str, Any]]:
    """The constraints of a recorded problem, with their derivatives."""
    parts = {"eq": slice(None, equations), "ineq": slice(equations, None)}
    count = problem.function.outputs[1].shape[0]
    return [
        {
            "type": kind,
            "fun": lambda x, part=part: problem.constraints(x)[part],
            "jac": lambda x, part=part: problem.constraint_matrix(x)[part],
        }
        for kind, part in parts.items()
        if range(count)[part]
    ]


def with_multipliers(problem: Problem, x: Any, equations: int, bounds: Any) -> Any:
    """A minimum with the multipliers that balance the gradient best, from which Newton's method goes on."""
    c, matrix = problem.constraints(x), problem.constraint_matrix(x)
    active = (np.arange(len(c)) < equations) | (c < _NEAR)
    free = np.ones(len(x), bool)
    if bounds is not None:
        free = (x - bounds.lb > _NEAR) & (bounds.ub - x > _NEAR)
    multipliers = np.zeros(len(c))
    multipliers[active] = np.linalg.lstsq(matrix[np.ix_(active, free)].T, problem.gradient(x)[free], rcond=None)[0]
    return np.concatenate([x, multipliers])
