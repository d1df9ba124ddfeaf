"""Least squares of scipy.optimize: what the residuals read moves the minimum, by the implicit function theorem."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.library.optimize import minimum
from chainrule.library.solutions import Called, frozen, listed, real, recorded, refuse, result, start, two_bounds
from chainrule.ops.axes import shape_of
from chainrule.trace.hooks import hook
from chainrule.transforms.implicit_graphs import half_squares_of, matrix_of
from chainrule.transforms.implicit_problem import Problem, Solver
from chainrule.transforms.replay import replay

__all__: list[str] = []


def _run_least_squares(problem: Problem, starts: Sequence[Any], *, jac: Any, **given: Any) -> Any:
    import scipy.optimize

    if problem.bounds is not None:
        given["bounds"] = problem.bounds
    return scipy.optimize.least_squares(problem.value, starts[0], jac=problem.jacobian if jac is True else jac, **given)


@hook("scipy.optimize", "least_squares", calls=True)
def _least_squares(
    fun: Any,
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = None,
    loss: Any = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: Any = None,
    tr_options: Any = None,
    jac_sparsity: Any = None,
    max_nfev: int | None = None,
    verbose: int = 0,
    args: Any = (),
    kwargs: Any = None,
    callback: Any = None,
    workers: Any = None,
) -> Any:
    name = "scipy.optimize.least_squares"
    if callable(loss):
        refuse(name, "a loss of one's own")
    for what, x in (("jac_sparsity", jac_sparsity), ("workers", workers)):
        if x is not None:
            refuse(name, f"argument {what}=")
    z0 = start(name, x0, line=True)
    function = recorded(name, Called(fun, args, kwargs=kwargs), shape_of(z0))
    both = _finite(name, bounds, shape_of(z0))
    cost, known = half_squares_of(function.graph, loss, float(f_scale))
    given = {
        **{"method": method, "ftol": ftol, "xtol": xtol, "gtol": gtol, "loss": loss, "f_scale": f_scale},
        **{"max_nfev": max_nfev, "verbose": verbose, "diff_step": diff_step, "tr_solver": tr_solver},
        **({} if x_scale is None else {"x_scale": x_scale}),
        **({} if callback is None else {"callback": callback}),
        "jac": True if callable(jac) else jac,
    }
    z, report = minimum(Solver(name, _run_least_squares, 1, frozen(given)), [z0], function, (cost, known), both)
    values = [z, *function.parameters]
    followed = {"x": z, "fun": replay(function.graph, values)[0], "cost": replay(cost, [*values, *known])[0]}
    return result(name, report, followed)


def _finite(name: str, bounds: Any, shape: tuple[int, ...]) -> tuple[Any, Any] | None:
    """Bounds as two arrays; None where there are none."""
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    is_free = all(isinstance(x, float) and np.isinf(x) for x in (low, high))
    return None if is_free else two_bounds(name, low, high, shape)


# Curves through data


def _run_curve_fit(problem: Problem, starts: Sequence[Any], *, exact: bool, count: int, **given: Any) -> Any:
    import scipy.optimize

    if problem.bounds is not None:
        given["bounds"] = problem.bounds
    found, _, told, message, status = scipy.optimize.curve_fit(
        lambda x, *p: problem.value(np.array(p)),
        np.arange(count),
        np.zeros(count),
        starts[0],
        jac=(lambda x, *p: problem.jacobian(np.array(p))) if exact else None,
        full_output=True,
        **given,
    )
    return scipy.optimize.OptimizeResult(told, x=found, success=True, message=message, status=status)


@hook("scipy.optimize", "curve_fit", calls=True)
def _curve_fit(
    f: Any,
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: Any = None,
    bounds: Any = (-np.inf, np.inf),
    method: str | None = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    ftol: float | None = None,
    xtol: float | None = None,
    gtol: float | None = None,
    maxfev: int | None = None,
    max_nfev: int | None = None,
) -> Any:
    name = "scipy.optimize.curve_fit"
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    count = len(inspect.signature(f).parameters) - 1 if p0 is None else int(np.size(p0))
    z0 = start(name, _feasible(low, high, count) if p0 is None else p0)
    xdata = listed(xdata) if isinstance(xdata, (list, tuple)) else xdata
    ydata = real(name, "ydata", ydata)
    scale = None if sigma is None else real(name, "sigma", sigma)

    def residuals(p: Any) -> Any:
        left = f(xdata, *(p[k] for k in range(count))) - ydata
        if scale is None:
            return np.ravel(left)
        if len(shape_of(scale)) < 2:
            return np.ravel(left / scale)
        return np.linalg.solve(np.linalg.cholesky(scale), left)

    called = Called(residuals)
    called.__name__, called.__globals__ = getattr(f, "__name__", "f"), getattr(f, "__globals__", {})
    function = recorded(name, called, shape_of(z0))
    rows = shape_of(function.graph.outputs[0])[0]
    both = _finite(name, (low, high), shape_of(z0))
    limits = {"ftol": ftol, "xtol": xtol, "gtol": gtol, "maxfev": maxfev, "max_nfev": max_nfev}
    given = {
        **{key: x for key, x in limits.items() if x is not None},
        **{"method": method or ("lm" if both is None else "trf"), "exact": callable(jac)},
        **{"count": rows},
    }
    cost, known = half_squares_of(function.graph)
    z, report = minimum(Solver(name, _run_curve_fit, 1, frozen(given)), [z0], function, (cost, known), both)
    values = [z, *function.parameters]
    slopes, arrays = matrix_of(function.graph)
    matrix = replay(slopes, [*values, *arrays])[0]
    covariance = np.linalg.inv(matrix.T @ matrix)
    if not absolute_sigma:
        # With as many parameters as data nothing is left to estimate the scatter from.
        share = 2 * replay(cost, [*values, *known])[0] / (rows - count) if rows > count else np.inf
        covariance = covariance * share if rows > count else np.full((count, count), np.inf)
    if not full_output:
        return z, covariance
    told = result(name, report, {"fvec": replay(function.graph, values)[0]})
    return z, covariance, told, told["message"], told.get("status", 1)


def _feasible(low: Any, high: Any, count: int) -> Any:
    """SciPy's parameters to start with: inside of the bounds, 1 where there are none."""
    low, high = np.broadcast_to(low, count), np.broadcast_to(high, count)
    has_low, has_high = np.isfinite(low), np.isfinite(high)
    from_low, from_high = np.where(has_low, low, 0.0), np.where(has_high, high, 0.0)
    one_side = np.where(has_low, from_low + 1, np.where(has_high, from_high - 1, 1.0))
    return np.where(has_low & has_high, 0.5 * (from_low + from_high), one_side)
