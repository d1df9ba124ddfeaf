"""The root finders of scipy.optimize: what the function reads moves the solution, by the implicit function theorem."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.library.solutions import Called, Function, frozen, recorded, result, start
from chainrule.ops.axes import shape_of
from chainrule.ops.elementwise import stop_gradient
from chainrule.trace.hooks import hook
from chainrule.transforms.implicit import solution
from chainrule.transforms.implicit_graphs import derived, half_squares_of, stationary
from chainrule.transforms.implicit_problem import Problem, Solver
from chainrule.transforms.replay import replay

__all__: list[str] = []


def _solved(
    solver: Solver, starts: Sequence[Any], function: Function, residual: tuple[Any, Sequence[Any]] | None = None
) -> tuple[Any, Any]:
    graph, arrays = (function.graph, ()) if residual is None else residual
    return solution([*starts, *function.parameters, *arrays], solver, function.graph, graph)


def _left(function: Function, z: Any) -> Any:
    """The value at a root: zero, wherever the root goes."""
    return stop_gradient(replay(function.graph, [z, *function.parameters])[0])


# Several equations


def _run_root(problem: Problem, starts: Sequence[Any], *, method: str, exact: bool, **given: Any) -> Any:
    import scipy.optimize

    given["options"] = dict(given["options"])
    jac = problem.jacobian if exact else None
    return scipy.optimize.root(problem.value, starts[0], method=method, jac=jac, **given)


@hook("scipy.optimize", "root", calls=True)
def _root(
    fun: Any,
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    name = "scipy.optimize.root"
    flat = method.lower() in ("hybr", "lm")
    z0 = start(name, x0, flat=flat)
    f = recorded(name, Called(fun, args, picks_first=jac is True), shape_of(z0))
    given = {"method": method, "tol": tol, "callback": callback, "options": frozen(options)}
    solver = Solver(name, _run_root, 1, frozen({**given, "exact": bool(jac) and flat}))
    z, report = _solved(solver, [z0], f, _in_least_squares(f) if method.lower() == "lm" else None)
    return result(name, report, {"x": z, "fun": _left(f, z)})


def _in_least_squares(f: Function) -> tuple[Any, Sequence[Any]] | None:
    """What the method lm makes zero where there are more equations than unknowns."""
    if shape_of(f.graph.outputs[0]) == f.graph.inputs[0].shape:
        return None
    cost, known = half_squares_of(f.graph)
    residual, arrays = stationary(cost, is_bounded=False)
    return residual, [*known, *arrays]


def _run_fsolve(problem: Problem, starts: Sequence[Any], *, exact: bool, **given: Any) -> Any:
    import scipy.optimize

    if exact:
        given |= {"fprime": problem.jacobian, "col_deriv": 0}
    x, told, status, message = scipy.optimize.fsolve(problem.value, starts[0], full_output=True, **given)
    return scipy.optimize.OptimizeResult(told, x=x, success=status == 1, status=status, message=message)


@hook("scipy.optimize", "fsolve", calls=True)
def _fsolve(
    func: Any,
    x0: Any,
    args: Any = (),
    fprime: Any = None,
    full_output: Any = 0,
    col_deriv: Any = 0,
    xtol: float = 1.49012e-8,
    maxfev: int = 0,
    band: Any = None,
    epsfcn: Any = None,
    factor: float = 100,
    diag: Any = None,
) -> Any:
    name = "scipy.optimize.fsolve"
    z0 = start(name, x0)
    f = recorded(name, Called(func, args), shape_of(z0))
    given = {"xtol": xtol, "maxfev": maxfev, "band": band, "epsfcn": epsfcn, "factor": factor, "diag": diag}
    solver = Solver(name, _run_fsolve, 1, frozen({**given, "exact": fprime is not None}))
    z, report = _solved(solver, [z0], f)
    if not full_output:
        return z
    told = result(name, report, {"fvec": _left(f, z)})
    return z, told, 1, told["message"]


# One equation


def _run_bracketed(problem: Problem, starts: Sequence[Any], *, method: str, **given: Any) -> Any:
    import scipy.optimize

    find = getattr(scipy.optimize, method)
    _, report = find(problem.value, float(starts[0]), float(starts[1]), full_output=True, disp=False, **given)
    return _as_report(report, report.root)


def _as_report(report: Any, x: Any) -> Any:
    import scipy.optimize

    return scipy.optimize.OptimizeResult(report, x=x, success=report.converged, message=report.flag)


def _bracketed(method: str) -> None:
    name = f"scipy.optimize.{method}"

    def follow(
        f: Any,
        a: Any,
        b: Any,
        args: Any = (),
        xtol: float = 2e-12,
        rtol: float = 4 * np.finfo(float).eps,
        maxiter: int = 100,
        full_output: bool = False,
        disp: bool = True,
    ) -> Any:
        function = recorded(name, Called(f, args), (), weak=True, is_number=True)
        given = {"method": method, "xtol": xtol, "rtol": rtol, "maxiter": maxiter}
        solver = Solver(name, _run_bracketed, 2, frozen(given), is_diagonal=True)
        z, report = _solved(solver, [a, b], function)
        return (z, _root_result(name, report, z)) if full_output else z

    hook("scipy.optimize", method, calls=True)(follow)


def _root_result(name: str, report: Any, z: Any) -> Any:
    return result(name, report, {"root": z, "converged": True, "flag": "converged"})


for _method in ("brentq", "brenth", "ridder", "bisect"):
    _bracketed(_method)


@hook("scipy.optimize", "toms748", calls=True)
def _toms748(
    f: Any,
    a: Any,
    b: Any,
    args: Any = (),
    k: int = 1,
    xtol: float = 2e-12,
    rtol: float = 4 * np.finfo(float).eps,
    maxiter: int = 100,
    full_output: bool = False,
    disp: bool = True,
) -> Any:
    name = "scipy.optimize.toms748"
    function = recorded(name, Called(f, args), (), weak=True, is_number=True)
    given = {"method": "toms748", "k": k, "xtol": xtol, "rtol": rtol, "maxiter": maxiter}
    z, report = _solved(Solver(name, _run_bracketed, 2, frozen(given), is_diagonal=True), [a, b], function)
    return (z, _root_result(name, report, z)) if full_output else z


def _run_newton(problem: Problem, starts: Sequence[Any], *, slopes: int, has_x1: bool, **given: Any) -> Any:
    import scipy.optimize

    given |= dict(zip(("fprime", "fprime2"), (problem.matrix, problem.curvature)[:slopes], strict=False))
    if has_x1:
        given["x1"] = starts[1]
    x0 = starts[0]
    found = scipy.optimize.newton(problem.value, x0, full_output=True, disp=False, **given)
    if np.ndim(x0) == 0:
        return _as_report(found[1], found[0])
    x, converged = found[:2]
    flag = "converged" if np.all(converged) else f"{np.sum(~converged)} of {converged.size} entries did not converge"
    return scipy.optimize.OptimizeResult(x=x, success=bool(np.all(converged)), message=flag)


@hook("scipy.optimize", "newton", calls=True)
def _newton(
    func: Any,
    x0: Any,
    fprime: Any = None,
    args: Any = (),
    tol: float = 1.48e-8,
    maxiter: int = 50,
    fprime2: Any = None,
    x1: Any = None,
    rtol: float = 0.0,
    full_output: bool = False,
    disp: bool = True,
) -> Any:
    name = "scipy.optimize.newton"
    z0 = start(name, x0, flat=False)
    starts = [z0] if x1 is None else [z0, start(name, x1, flat=False)]
    function = recorded(name, Called(func, args), shape_of(z0))
    slopes = 0 if fprime is None else 1 if fprime2 is None else 2
    given = {"tol": tol, "maxiter": maxiter, "rtol": rtol, "slopes": slopes, "has_x1": x1 is not None}
    solver = Solver(name, _run_newton, len(starts), frozen(given), is_diagonal=True)
    z, report = _solved(solver, starts, function)
    if not full_output:
        return z
    if shape_of(z):
        return z, np.ones(shape_of(z), bool), np.zeros(shape_of(z), bool)
    return z, _root_result(name, report, z)


def _run_root_scalar(problem: Problem, starts: Sequence[Any], *, names: Any, slopes: int, **given: Any) -> Any:
    import scipy.optimize

    values = dict(zip(names, map(float, starts), strict=True))
    if "a" in values:
        values["bracket"] = (values.pop("a"), values.pop("b"))
    given |= dict(zip(("fprime", "fprime2"), (problem.matrix, problem.curvature)[:slopes], strict=False))
    given["options"] = dict(given["options"])
    report = scipy.optimize.root_scalar(problem.value, **values, **given)
    return _as_report(report, report.root)


@hook("scipy.optimize", "root_scalar", calls=True)
def _root_scalar(
    f: Any,
    args: Any = (),
    method: str | None = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: Any = None,
    x1: Any = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
    options: Any = None,
) -> Any:
    name = "scipy.optimize.root_scalar"
    # The function may return its derivatives, too.
    several = fprime is True or fprime2 is True
    slopes = 2 if fprime2 and fprime else 1 if fprime else 0
    a, b = (None, None) if bracket is None else bracket
    named = {key: x for key, x in {"a": a, "b": b, "x0": x0, "x1": x1}.items() if x is not None}
    function = recorded(name, Called(f, args, picks_first=several), (), weak=bracket is not None, is_number=True)
    given = {"method": method, "xtol": xtol, "rtol": rtol, "maxiter": maxiter, "options": frozen(options)}
    solver = Solver(
        name,
        _run_root_scalar,
        len(named),
        frozen({**given, "names": tuple(named), "slopes": slopes}),
        is_diagonal=True,
    )
    z, report = _solved(solver, list(named.values()), function)
    return _root_result(name, report, z)


# Fixed points


def _run_fixed_point(problem: Problem, starts: Sequence[Any], **given: Any) -> Any:
    import scipy.optimize

    x = scipy.optimize.fixed_point(problem.value, starts[0], **given)
    return scipy.optimize.OptimizeResult(x=x, success=True, message="")


@hook("scipy.optimize", "fixed_point", calls=True)
def _fixed_point(
    func: Any, x0: Any, args: Any = (), xtol: float = 1e-8, maxiter: int = 500, method: str = "del2"
) -> Any:
    name = "scipy.optimize.fixed_point"
    z0 = start(name, x0, flat=False)
    function = recorded(name, Called(func, args), shape_of(z0))
    graph = function.graph
    residual = derived(graph, "fixed point", lambda z, *parameters: z - replay(graph, [z, *parameters])[0])
    given = {"xtol": xtol, "maxiter": maxiter, "method": method}
    solver = Solver(name, _run_fixed_point, 1, frozen(given), is_diagonal=shape_of(z0) == ())
    return _solved(solver, [z0], function, residual)[0]
