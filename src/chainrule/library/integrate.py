"""scipy.integrate: systems of differential equations."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library.ode_results import Continuous, Steps
from chainrule.library.refusals import need_default, need_plain
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import convert
from chainrule.trace.buffer import settled
from chainrule.trace.hooks import hook
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.symbolic import value_of
from chainrule.trace.tracer import Tracer, peel
from chainrule.transforms.ode_events import Happened, happened, recorded_event
from chainrule.transforms.ode_solvers import Solver
from chainrule.transforms.odes import System, joined, recorded_system, steps, vector

__all__: list[str] = []

#: What both tolerances of odeint are where nothing is said.
_TOLERANCE = 1.49012e-8


def _tolerance(where: str, name: str, x: Any, default: float, count: int) -> float | tuple[float, ...]:
    if x is None:
        return default
    need_plain(where, **{name: x})
    x = np.asarray(settled(x), float)
    if x.ndim == 0:
        return float(x)
    return tuple(float(one) for one in np.broadcast_to(x, (count,)))


def _times(t: Any) -> Any:
    t = vector(t)
    return convert(t, np.dtype(float)) if isinstance(t, Tracer) else np.asarray(t, float)


def _state(where: str, y0: Any) -> Any:
    found = vector(y0)
    if found is None:
        raise TraceError(f"{where}: y0 should be an array or a list of numbers, and is {type(y0).__name__}.")
    wide = np.dtype(complex if found.dtype.kind == "c" else float)
    if found.dtype == wide:
        return found
    return convert(found, wide) if isinstance(found, Tracer) else np.asarray(found, wide)


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
    need_default(where, full_output=(full_output, 0))
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
        need_plain(where, tcrit=tcrit)
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
    if method not in _METHODS:
        raise TraceError(
            f"{where}: method={method!r} is not followed on traced values; {', '.join(_METHODS)} are.{user_line()}"
        )
    start = _state(where, y0)
    count = shape_of(start)[0]
    chosen = {"max_step": max_step, "min_step": min_step, "first_step": first_step}
    need_plain(where, **chosen)
    solver = Solver(
        method,
        _tolerance(where, "rtol", rtol, 1e-3, count),
        _tolerance(where, "atol", atol, 1e-6, count),
        tuple((name, float(value)) for name, value in chosen.items() if value is not None),
    )
    if args is not None and not isinstance(args, (tuple, list)):
        raise TypeError(f"{where}: args should be a tuple, such as args=({args!r},)")
    args = args or ()
    system = recorded_system(where, _of_columns(fun) if vectorized else fun, start, args, time_first=True)
    begin, last = (_number(t) for t in t_span)
    # Where the solver fails, the end is not reached. What it counted is not known before the solution is computed.
    told: dict[str, Any] = dict.fromkeys(("sol", "t_events", "y_events", "nfev", "njev", "nlu"))
    told |= {"status": 0, "success": True}
    found, end = None, last
    if events is not None:
        found = _happened(where, system, events, args, start, begin, last, solver)
        told |= {"t_events": found.times, "y_events": found.states}
        if found.stop is not None:
            end = found.stop
            told["status"] = 1
    if dense_output:
        told["sol"] = Continuous(where, system, start, begin, end, solver)
    if t_eval is not None:
        t = _asked(where, _times(t_eval), begin, last, None if found is None else found.stop)
        # The solution begins at the start of the interval, and may be asked for later.
        ys = system.solution(start, np.concatenate([np.reshape(begin, (1,)), t]), solver)[1:]
    elif system.has_values(start, begin, end):
        t = steps(system, start, begin, end, solver) if found is None else joined(begin, found.steps, end)
        ys = system.solution(start, t, solver)
    else:
        ends = np.stack([begin, end])
        ys = system.solution(start, ends, solver)
        return _result(told, Steps(where, ends, 0, 1), Steps(where, ys, 1, 2))
    return _result(told, t, ys.T)


def _result(told: dict[str, Any], t: Any, y: Any) -> Any:
    from scipy.integrate._ivp.ivp import MESSAGES, OdeResult

    return OdeResult(t=t, y=y, **told, message=MESSAGES[told["status"]])


def _of_columns(fun: Any) -> Any:
    """The function of a vector, of one that takes several as columns."""
    return lambda t, y, *args: fun(t, y[:, None], *args)


def _happened(
    where: str, system: System, events: Any, args: Any, start: Any, begin: Any, end: Any, solver: Solver
) -> Happened:
    given = [recorded_event(where, event, start, args) for event in ((events,) if callable(events) else events)]
    params = (x for event in given for x in event.function.params)
    if not system.has_values(start, begin, end, *params):
        raise TraceError(
            f"{where}: argument events= is not followed in a compiled function, in a batch and in the body of a loop "
            "or branch: how often something happens only values tell. Solve for the time of an event by "
            f"scipy.optimize.brentq.{user_line()}"
        )
    return happened(where, system, given, start, begin, end, solver)


def _asked(where: str, t: Any, begin: Any, last: Any, stop: Any) -> Any:
    """The times asked for, up to the event that ends the solution."""
    if any(isinstance(x, Tracer) and value_of(x) is NO_VALUE for x in (t, begin, last)):
        return t
    times, begin, last = peel(t), peel(begin), peel(last)
    if np.any(times < min(begin, last)) or np.any(times > max(begin, last)):
        raise ValueError(f"{where}: values in t_eval are not within t_span")
    if stop is None:
        return t
    reached = times <= peel(stop) if last > begin else times >= peel(stop)
    return t[: np.count_nonzero(reached)]


def _number(t: Any) -> Any:
    t = settled(t)
    return convert(t, np.dtype(float)) if isinstance(t, Tracer) else float(t)
