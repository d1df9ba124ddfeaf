"""Minima of scipy.optimize: what the function reads moves them, by the implicit function theorem for the gradient."""

from collections.abc import Sequence
from typing import Any

from chainrule.library.constraints import (
    as_scipy_takes_them,
    minimum_under_constraints,
    recorded_with_constraints,
    with_multipliers,
)
from chainrule.library.refusals import refuse_function
from chainrule.library.solutions import (
    Called,
    Function,
    frozen,
    pairs,
    recorded,
    refuse,
    result,
    start,
    two_bounds,
)
from chainrule.ops.axes import shape_of
from chainrule.trace.hooks import hook
from chainrule.transforms.implicit import solution
from chainrule.transforms.implicit_graphs import stationary
from chainrule.transforms.implicit_problem import Problem, Solver
from chainrule.transforms.replay import replay

__all__: list[str] = []

#: Methods that take finite differences where they are given no gradient; they get the derivative of the function.
_WITH_GRADIENT = ("bfgs", "cg", "l-bfgs-b", "tnc", "slsqp", "trust-constr")
#: Methods that take constraints.
_WITH_CONSTRAINTS = ("slsqp", "trust-constr", "cobyla", "cobyqa")
#: Methods that ask for second derivatives.
_WITH_HESSIAN = ("newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr")


def minimum(
    solver: Solver,
    starts: Sequence[Any],
    function: Function,
    cost: tuple[Any, Sequence[Any]],
    bounds: tuple[Any, Any] | None = None,
) -> tuple[Any, Any]:
    """Find a minimum, as one operation.

    Parameters
    ----------
    solver : Solver
        How.
    starts : sequence
        Starting values.
    function : Function
        What the solver calls.
    cost : (Graph, sequence)
        What is smallest at the minimum, and its large constants.
    bounds : pair of arrays, optional
        Lower and upper ones.

    Returns
    -------
    z : traced value
        The minimum.
    report : object or None
        What SciPy returned.
    """
    graph, known = cost
    residual, arrays = stationary(graph, is_bounded=bounds is not None)
    return solution([*starts, *function.parameters, *known, *(bounds or ()), *arrays], solver, function.graph, residual)


def value_at(function: Function, z: Any) -> Any:
    """The value of the function there, which moves with what it reads."""
    return replay(function.graph, [z, *function.parameters])[0]


# Functions of several variables


def _run_minimize(
    problem: Problem,
    starts: Sequence[Any],
    *,
    method: str,
    jac: Any,
    hess: Any,
    equations: int | None,
    **given: Any,
) -> Any:
    import scipy.optimize

    bounds = None if problem.bounds is None else scipy.optimize.Bounds(*problem.bounds)
    given["options"] = dict(given["options"])
    if equations is not None:
        given["constraints"] = as_scipy_takes_them(problem, equations)
    report = scipy.optimize.minimize(
        problem.value,
        starts[0],
        method=method,
        jac=problem.gradient if jac is True else jac,
        hess=problem.hessian if hess is True else hess,
        bounds=bounds,
        **given,
    )
    if equations is not None:
        report.x = with_multipliers(problem, report.x, equations, bounds)
    return report


@hook("scipy.optimize", "minimize", calls=True)
def _minimize(
    fun: Any,
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    name = "scipy.optimize.minimize"
    if callable(method):
        refuse(name, "a method of one's own")
    constrained = not isinstance(constraints, (list, tuple)) or len(constraints) > 0
    method = (method or ("SLSQP" if constrained else "BFGS" if bounds is None else "L-BFGS-B")).lower()
    if constrained and method not in _WITH_CONSTRAINTS:
        refuse(name, f"argument constraints= with the method {method}")
    z0 = start(name, x0, line=True)
    f = Called(fun, args, picks_first=jac is True)
    equations = None
    if constrained:
        function, equations = recorded_with_constraints(name, f, constraints, shape_of(z0))
    else:
        function = recorded(name, f, shape_of(z0), is_number=True)
    both = None if bounds is None else pairs(name, bounds, shape_of(z0)[0])
    given = {
        "method": method,
        "jac": True if callable(jac) or (not jac and method in _WITH_GRADIENT) else jac or None,
        "hess": True if callable(hess) or (callable(hessp) and method in _WITH_HESSIAN) else hess,
        "equations": equations,
        "tol": tol,
        "callback": callback,
        "options": frozen(options),
    }
    solver = Solver(name, _run_minimize, 1, frozen(given))
    if equations is None:
        z, report = minimum(solver, [z0], function, (function.graph, ()), both)
    else:
        z, report = minimum_under_constraints(solver, z0, function, equations, both)
    return result(name, report, {"x": z, "fun": value_at(function, z)})


# Functions of one variable


def _run_minimize_scalar(problem: Problem, starts: Sequence[Any], **given: Any) -> Any:
    import scipy.optimize

    bounds = None if problem.bounds is None else tuple(map(float, problem.bounds))
    given["options"] = dict(given["options"])
    bracket = tuple(map(float, starts)) or None
    return scipy.optimize.minimize_scalar(problem.value, bracket=bracket, bounds=bounds, **given)


@hook("scipy.optimize", "minimize_scalar", calls=True)
def _minimize_scalar(
    fun: Any,
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: float | None = None,
    options: Any = None,
) -> Any:
    name = "scipy.optimize.minimize_scalar"
    if callable(method):
        refuse(name, "a method of one's own")
    function = recorded(name, Called(fun, args), (), is_number=True)
    low, high = (None, None) if bounds is None else bounds
    both = None if bounds is None else two_bounds(name, low, high, ())
    given = {"method": method, "tol": tol, "options": frozen(options)}
    starts = list(() if bracket is None else bracket)
    solver = Solver(name, _run_minimize_scalar, len(starts), frozen(given), is_diagonal=True)
    z, report = minimum(solver, starts, function, (function.graph, ()), both)
    return result(name, report, {"x": z, "fun": value_at(function, z)})


# What is not followed, but is asked for, or would run on traced values: an error that says what to take instead


_INSTEAD = {
    "Use scipy.optimize.minimize.": "fmin fmin_bfgs fmin_l_bfgs_b line_search",
    "Use scipy.optimize.minimize_scalar.": "brent golden fminbound bracket",
    "Polish what it finds outside with scipy.optimize.minimize, which is followed.": """
        basinhopping differential_evolution dual_annealing shgo""",
    "Its solution jumps from corner to corner; give a derivative with chainrule.custom_gradient.": "linprog milp",
    "Use scipy.optimize.least_squares.": "leastsq",
}
for _instead, _names in _INSTEAD.items():
    for _name in _names.split():
        refuse_function("scipy.optimize", _name, _instead)
