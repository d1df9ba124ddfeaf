"""scipy.integrate: systems of differential equations."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import convert
from chainrule.trace.buffer import settled
from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer, peel
from chainrule.transforms.ode_solvers import Solver
from chainrule.transforms.odes import recorded_system, steps, vector

__all__: list[str] = []

#: What both tolerances of odeint are where nothing is said.
_TOLERANCE = 1.49012e-8


def _tolerance(where: str, name: str, x: Any, default: float, count: int) -> float | tuple[float, ...]:
    if x is None:
        return default
    _plain(where, name, x)
    x = np.asarray(settled(x), float)
    if x.ndim == 0:
        return float(x)
    return tuple(float(one) for one in np.broadcast_to(x, (count,)))


def _plain(where: str, name: str, x: Any) -> None:
    if isinstance(settled(x), Tracer):
        raise TraceError(f"{where}: argument {name}= is not followed; it needs a plain value.{user_line()}")


def _times(t: Any) -> Any:
    t = vector(t)
    return convert(t, np.dtype(float)) if isinstance(t, Tracer) else np.asarray(t, float)


def _state(where: str, y0: Any) -> Any:
    found = vector(y0)
    if found is None:
        raise TraceError(f"{where}: y0 should be an array or a list of numbers, and is {type(y0).__name__}.")
    if found.dtype.kind not in "fc" or found.dtype.itemsize != np.dtype(found.dtype.kind + "8").itemsize:
        wide = np.dtype(complex if found.dtype.kind == "c" else float)
        return convert(found, wide) if isinstance(found, Tracer) else np.asarray(found, wide)
    return found


@hook("scipy.integrate", "odeint", calls=True)
def _odeint(
    func: Any,
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,
    col_deriv: Any = 0,
    full_output: Any = 0,
    ml: Any = None,
    mu: Any = None,
    rtol: Any = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: float = 0.0,
    hmax: float = 0.0,
    hmin: float = 0.0,
    ixpr: Any = 0,
    mxstep: int = 0,
    mxhnil: int = 0,
    mxordn: int = 12,
    mxords: int = 5,
    printmessg: Any = 0,
    tfirst: bool = False,
) -> Any:
    where = "scipy.integrate.odeint"
    if full_output:
        raise TraceError(f"{where}: argument full_output= is not followed on traced values.{user_line()}")
    start = _state(where, y0)
    options: dict[str, Any] = {
        "h0": h0,
        "hmax": hmax,
        "hmin": hmin,
        "mxstep": mxstep or 500,
        "mxordn": mxordn,
        "mxords": mxords,
    }
    if tcrit is not None:
        _plain(where, "tcrit", tcrit)
        options["tcrit"] = tuple(np.asarray(tcrit, float).tolist())
    count = shape_of(start)[0]
    solver = Solver(
        "odeint",
        _tolerance(where, "rtol", rtol, _TOLERANCE, count),
        _tolerance(where, "atol", atol, _TOLERANCE, count),
        tuple(options.items()),
    )
    args = args if isinstance(args, tuple) else (args,)
    system = recorded_system(where, func, start, args, time_first=bool(tfirst))
    return system.solution(start, _times(t), solver)


_METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")


@hook("scipy.integrate", "solve_ivp", calls=True)
def _solve_ivp(
    fun: Any,
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    *,
    rtol: Any = None,
    atol: Any = None,
    max_step: Any = None,
    min_step: Any = None,
    first_step: Any = None,
    jac: Any = None,
    jac_sparsity: Any = None,
    lband: Any = None,
    uband: Any = None,
) -> Any:
    # What is said of the Jacobian makes no difference to the result.
    where = "scipy.integrate.solve_ivp"
    for name, given, instead in (
        ("dense_output", dense_output, "Ask for the times with t_eval=."),
        ("events", events, "Solve for the time of an event by scipy.optimize.brentq."),
        ("vectorized", vectorized, "Leave it out: the function is compiled for one state."),
    ):
        if given is not None and given is not False:
            raise TraceError(f"{where}: argument {name}= is not followed on traced values. {instead}{user_line()}")
    if method not in _METHODS:
        raise TraceError(
            f"{where}: method={method!r} is not followed on traced values; {', '.join(_METHODS)} are.{user_line()}"
        )
    start = _state(where, y0)
    count = shape_of(start)[0]
    chosen = {"max_step": max_step, "min_step": min_step, "first_step": first_step}
    for name, value in chosen.items():
        _plain(where, name, value)
    solver = Solver(
        method,
        _tolerance(where, "rtol", rtol, 1e-3, count),
        _tolerance(where, "atol", atol, 1e-6, count),
        tuple((name, float(value)) for name, value in chosen.items() if value is not None),
    )
    if args is not None and not isinstance(args, (tuple, list)):
        raise TypeError(f"{where}: args should be a tuple, such as args=({args!r},)")
    system = recorded_system(where, fun, start, args or (), time_first=True)
    begin, end = (_number(t) for t in t_span)
    if t_eval is not None:
        t = _times(t_eval)
        if system.has_values(t, begin, end):
            ends = sorted((peel(begin), peel(end)))
            if np.any(peel(t) < ends[0]) or np.any(peel(t) > ends[1]):
                raise ValueError(f"{where}: values in t_eval are not within t_span")
        # The solution begins at the start of the interval, and may be asked for later.
        ys = system.solution(start, np.concatenate([np.reshape(begin, (1,)), t]), solver)[1:]
    elif system.has_values(start, begin, end):
        t = steps(system, start, begin, end, solver)
        ys = system.solution(start, t, solver)
    else:
        raise TraceError(
            f"{where}: argument t_eval= is needed in a compiled function, in a batch and in the body of a loop or "
            f"branch: how many steps there are only values tell.{user_line()}"
        )
    from scipy.integrate._ivp.ivp import MESSAGES, OdeResult

    # Where the solver fails, this is not reached. What it counted is not known before the solution is computed.
    told: dict[str, Any] = dict.fromkeys(("sol", "t_events", "y_events", "nfev", "njev", "nlu"))
    return OdeResult(t=t, y=ys.T, **told, status=0, message=MESSAGES[0], success=True)


def _number(t: Any) -> Any:
    t = settled(t)
    return convert(t, np.dtype(float)) if isinstance(t, Tracer) else float(t)
