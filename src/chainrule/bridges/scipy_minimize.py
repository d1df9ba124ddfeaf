"""`minimize`: SciPy's minimisers on a function of a tree, with the derivatives that each of them takes."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.bridges.scipy_bounds import flat_bounds, flat_constraints
from chainrule.bridges.scipy_function import ScipyFunction
from chainrule.bridges.scipy_parameters import Parameters, as_tree
from chainrule.bridges.scipy_programs import flat_outputs
from chainrule.differentiate import grad, hessian
from chainrule.errors import OptionError
from chainrule.trace import value
from chainrule.trace.closures import reads_traced

__all__ = ["minimize"]

#: Methods that take no derivative.
_WITHOUT_GRADIENT = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})
#: How second derivatives are handed to those methods that take them.
_SECOND = {
    "dogleg": "hess",
    "trust-exact": "hess",
    "newton-cg": "hessp",
    "trust-ncg": "hessp",
    "trust-krylov": "hessp",
    "trust-constr": "hessp",
}


def minimize(
    f: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: str | Callable[..., Any] | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    compiled: bool = True,
) -> Any:
    """Minimise a function of a tree of parameters by one of SciPy's methods, with exact derivatives.

    Parameters
    ----------
    f : callable
        A function in plain NumPy of the parameters, and of `args` and `kwargs`; it returns a real number.
    x0 : tree
        Where to start: real arrays and numbers in tuples, lists, dicts, named tuples and dataclasses. A list of plain
        numbers is taken as one array, as SciPy takes it.
    args : tuple
        What `f` is called with besides.
    method : str or callable, optional
        As for `scipy.optimize.minimize`. Without it BFGS is taken, L-BFGS-B with bounds, SLSQP with constraints. What
        the method uses is handed to it: the gradient, and for Newton-CG, trust-ncg, trust-krylov and trust-constr
        Hessians times vectors, for dogleg and trust-exact Hessians.
    kwargs : mapping, optional
        What `f` is called with by name.
    bounds : tree, sequence of pairs or scipy.optimize.Bounds, optional
        A tree like `x0` with a pair (lower, upper) in the place of each array or number. A side is a number, an array
        that fits, or None; None in the place of a pair, or of a whole branch, stands for no bounds. Where `x0` is one
        array, a pair for each of its entries will do, and what SciPy takes always does.
    constraints : constraint, or sequence of them
        As for `scipy.optimize.minimize`: functions take the tree, and their derivatives are computed. A matrix of a
        `LinearConstraint` has a column for each number, in the order of `chainrule.tree.leaves`.
    tol, options
        As for `scipy.optimize.minimize`.
    callback : callable, optional
        As for `scipy.optimize.minimize`, but given trees.
    compiled : bool
        Whether everything goes through `chainrule.jit`; otherwise through the interpreter.

    Returns
    -------
    scipy.optimize.OptimizeResult
        SciPy's, in which `x` and the gradient (`jac`, for trust-constr `grad`) are trees like `x0`. Matrices, such as
        `hess_inv`, have a row for each number, in the order of `chainrule.tree.leaves`.

    Raises
    ------
    OptionError
        Where an argument does not fit, or the value or the gradient at `x0` is not finite.
    TraceError
        Where `f` does something that cannot be followed, or does not return one real number.

    Notes
    -----
    Within a derivative, where `f` depends on traced values, it is followed as `scipy.optimize.minimize` is: what it
    finds moves with those, by the implicit function theorem.

    See Also
    --------
    chainrule.bridges.ScipyFunction : The same functions, to be handed to SciPy in other ways.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule
    >>> def cost(p, x, t):
    ...     return np.mean((p["slope"] * x + p["level"] - t) ** 2)
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> found = chainrule.minimize(cost, {"slope": 0.0, "level": 0.0}, args=(x, 3 * x + 1), tol=1e-9)
    >>> {name: round(number, 6) for name, number in found.x.items()}
    {'slope': 3.0, 'level': 1.0}
    """
    from scipy import optimize

    name = _method(method, bounds, constraints)
    given: dict[str, Any] = {
        "method": method if callable(method) else name,
        "tol": tol,
        "options": None if options is None else dict(options),
    }
    if reads_traced((f, x0, args, kwargs, bounds, constraints)):
        return _followed(f, x0, args, kwargs or {}, name, bounds, constraints, callback, given)
    problem = ScipyFunction(f, x0, _in_c_order(args), kwargs, compiled=compiled)
    derivatives = _derivatives(problem, name)

    def constrained(g: Callable[..., Any], args: Any) -> dict[str, Any]:
        made = ScipyFunction(g, x0, args, compiled=compiled)
        second = {"hess": made.hess} if name == "trust-constr" else {}
        return {"fun": made.fun, "jac": made.jac, **second}

    found = optimize.minimize(
        problem.fun,
        problem.x0,
        bounds=flat_bounds(bounds, problem.parameters),
        constraints=flat_constraints(constraints, problem.parameters.size, constrained),
        callback=None if callback is None else _with_trees(callback, problem.parameters.layout),
        **given,
        **derivatives,
    )
    return _of_tree(found, problem.parameters.layout)


def _followed(
    f: Callable[..., Any],
    x0: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    method: str,
    bounds: Any,
    constraints: Any,
    callback: Any,
    given: dict[str, Any],
) -> Any:
    """Within a derivative: as SciPy's own function, through which derivatives go."""
    from scipy import optimize

    parameters = Parameters(value(as_tree(x0)))
    layout = parameters.layout

    def flattened(g: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Callable[..., Any]:
        @functools.wraps(g)
        def called(x: Any) -> Any:
            return flat_outputs(g(layout.unravel(x), *args, **kwargs))

        return called

    flat = flattened(f, args, kwargs)
    derivatives = {} if method in _WITHOUT_GRADIENT else {"jac": grad(flat)}
    if method in _SECOND:
        derivatives["hess"] = hessian(flat)
    found = optimize.minimize(
        flat,
        parameters.vector,
        bounds=flat_bounds(bounds, parameters),
        constraints=flat_constraints(constraints, layout.size, lambda g, args: {"fun": flattened(g, args, {})}),
        callback=None if callback is None else _with_trees(callback, layout),
        **given,
        **derivatives,
    )
    return _of_tree(found, layout)


def _in_c_order(args: Any) -> Any:
    """Data in the order in which compiled code reads them, so that they are not copied again at each point."""

    def is_other(x: Any) -> bool:
        return type(x) is np.ndarray and not x.flags.c_contiguous

    if not isinstance(args, (tuple, list)) or not any(map(is_other, tree.leaves(args))):
        return args
    return tree.map(lambda x: np.ascontiguousarray(x) if is_other(x) else x, args)


def _method(method: Any, bounds: Any, constraints: Any) -> str:
    if callable(method):
        return ""
    if method is not None:
        return str(method).lower()
    # As SciPy chooses.
    is_constrained = not isinstance(constraints, (tuple, list)) or len(constraints)
    return "slsqp" if is_constrained else "bfgs" if bounds is None else "l-bfgs-b"


def _derivatives(problem: ScipyFunction, method: str) -> dict[str, Callable[..., Any]]:
    """What the method takes besides the value; and look at the start, which SciPy will ask for anyway."""
    if method in _WITHOUT_GRADIENT:
        value = problem.fun(problem.x0)
        if np.ndim(value):
            raise OptionError(f"f returned an array of shape {np.shape(value)} at x0; minimize needs one real number")
        _check_value(value)
        return {}
    value, gradient = problem.fun_and_jac(problem.x0)
    _check_value(value)
    if not np.isfinite(gradient).all():
        number = int(np.argmin(np.isfinite(gradient)))
        name = problem.parameters.entry(number)
        raise OptionError(f"the derivative of f by {name} is {gradient[number]} at x0: start where it is finite")
    found: dict[str, Callable[..., Any]] = {"jac": problem.jac}
    seconds = (_SECOND[method],) if method in _SECOND else ("hess", "hessp") if not method else ()
    return {**found, **{second: getattr(problem, second) for second in seconds}}


def _check_value(value: float) -> None:
    if not np.isfinite(value):
        raise OptionError(f"f is {value} at x0: start where it is finite")


def _of_tree(found: Any, layout: tree.Layout) -> Any:
    """A result of SciPy, with trees in the place of vectors."""
    from scipy.optimize import OptimizeResult

    told = OptimizeResult(found)
    for name in ("x", "jac", "grad"):
        # What trust-constr calls jac are the Jacobians of the constraints.
        if name in told and not isinstance(told[name], list) and np.shape(told[name]) == (layout.size,):
            told[name] = _as_tree(told[name], layout)
    return told


def _as_tree(x: Any, layout: tree.Layout) -> Any:
    # SciPy goes on to write into its vectors.
    return layout.unravel(x.copy() if isinstance(x, np.ndarray) else x)


def _with_trees(callback: Callable[..., Any], layout: tree.Layout) -> Callable[..., Any]:
    """The callback as SciPy calls it: which way is told by the name of its argument."""
    if not callable(callback):
        raise OptionError(f"callback should be a function, but is {type(callback).__name__}")
    from scipy.optimize import OptimizeResult

    def converted(x: Any) -> Any:
        return _of_tree(x, layout) if isinstance(x, OptimizeResult) else _as_tree(x, layout)

    if set(inspect.signature(callback).parameters) == {"intermediate_result"}:

        def told(intermediate_result: Any) -> Any:
            return callback(intermediate_result=converted(intermediate_result))

        return told

    def called(*given: Any) -> Any:
        return callback(*map(converted, given))

    return called
