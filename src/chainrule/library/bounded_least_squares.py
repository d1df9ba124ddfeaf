"""scipy.optimize.nnls and lsq_linear: linear least squares between bounds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.library.optimize import minimum
from chainrule.library.solutions import Called, frozen, real, recorded, refuse, result, two_bounds
from chainrule.ops.axes import shape_of
from chainrule.trace.hooks import hook
from chainrule.transforms.implicit_graphs import half_squares_of
from chainrule.transforms.implicit_problem import Problem, Solver
from chainrule.transforms.replay import replay

__all__: list[str] = []


def _run_nnls(problem: Problem, starts: Sequence[Any], **given: Any) -> Any:
    import scipy.optimize

    x, _ = scipy.optimize.nnls(problem.jacobian(starts[0]), -problem.value(starts[0]), **given)
    return scipy.optimize.OptimizeResult(x=x, success=True, message="")


def _run_lsq_linear(problem: Problem, starts: Sequence[Any], **given: Any) -> Any:
    import scipy.optimize

    matrix, right = problem.jacobian(starts[0]), -problem.value(starts[0])
    return scipy.optimize.lsq_linear(matrix, right, bounds=problem.bounds, **given)


def _solved(name: str, run: Any, A: Any, b: Any, low: Any, high: Any, given: dict[str, Any]) -> tuple[Any, ...]:
    """The solution, what SciPy told, the residuals and half the sum of their squares."""
    if hasattr(type(A), "tocsr") or hasattr(A, "matvec"):
        refuse(name, "a sparse matrix or LinearOperator as A")
    A, b = real(name, "A", A), real(name, "b", b)
    if len(shape_of(A)) != 2 or shape_of(b) != shape_of(A)[:1]:
        raise ValueError(f"{name}: A of shape {shape_of(A)} and b of shape {shape_of(b)}")
    shape = shape_of(A)[1:]

    def residuals(x: Any) -> Any:
        return A @ x - b

    function = recorded(name, Called(residuals), shape)
    cost, known = half_squares_of(function.graph)
    bounds = two_bounds(name, low, high, shape)
    # It starts nowhere: at zero the residuals are -b, and their derivative is A.
    x, report = minimum(Solver(name, run, 1, frozen(given)), [np.zeros(shape)], function, (cost, known), bounds)
    values = [x, *function.parameters]
    return x, report, replay(function.graph, values)[0], replay(cost, [*values, *known])[0]


@hook("scipy.optimize", "nnls", calls=True)
def _nnls(A: Any, b: Any, *, maxiter: int | None = None) -> tuple[Any, Any]:
    given = {} if maxiter is None else {"maxiter": maxiter}
    x, _, left, _ = _solved("scipy.optimize.nnls", _run_nnls, A, b, 0.0, np.inf, given)
    return x, np.linalg.norm(left)


@hook("scipy.optimize", "lsq_linear", calls=True)
def _lsq_linear(
    A: Any,
    b: Any,
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    tol: float = 1e-10,
    lsq_solver: Any = None,
    lsmr_tol: Any = None,
    max_iter: int | None = None,
    verbose: int = 0,
    *,
    lsmr_maxiter: int | None = None,
) -> Any:
    name = "scipy.optimize.lsq_linear"
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    options = {"method": method, "tol": tol, "lsq_solver": lsq_solver, "lsmr_tol": lsmr_tol, "max_iter": max_iter}
    options |= {"verbose": verbose, "lsmr_maxiter": lsmr_maxiter}
    x, report, left, cost = _solved(name, _run_lsq_linear, A, b, low, high, options)
    return result(name, report, {"x": x, "fun": left, "cost": cost})
