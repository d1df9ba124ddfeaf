"""SciPy's solvers of ordinary differential equations, called on plain values."""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.errors import SolutionError
from chainrule.graph import Graph
from chainrule.transforms.closures import quick_entry, quick_runner, ready

__all__ = ["Rate", "Solver", "chosen_times", "dense", "solve", "stepped"]

Array = np.ndarray[Any, Any]

Function = Callable[[float, Array], Array]

#: A derivative has more components than the system that it belongs to, and may take more steps than that was allowed.
_MORE_STEPS = 10


class Rate:
    """The right-hand side of a system, as SciPy's solvers call it.

    Attributes
    ----------
    entry : callable or None
        Its machine code, which takes state, time and parameters.
    params : tuple
        The parameters.
    """

    __slots__ = ("_run", "entry", "params")

    def __init__(self, body: Graph, params: Sequence[Any]) -> None:
        self._run = quick_runner(body)
        self.entry = quick_entry(body)
        self.params = ready(params)

    def __call__(self, t: float, y: Array) -> Array:
        """The rate of change at a time and state."""
        y, t = y if y.flags.c_contiguous else y.copy(), float(t)
        if self.entry is not None:
            found = self.entry(y, t, *self.params)
            if found is not NotImplemented:
                return found  # type: ignore[no-any-return]
            if not np.isfinite(y).all():
                # A solver that lost its way would ask here thousands of times; zero need not stay zero then.
                return np.full(y.shape, np.nan, y.dtype)
        return self._run(y, t, *self.params)[0]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Solver:
    """How a system is solved.

    Attributes
    ----------
    method : str
        ``odeint``, or a method of `scipy.integrate.solve_ivp`.
    rtol, atol : float or tuple of float
        Tolerances of the local error, relative and absolute; a tuple has one for each component.
    options : tuple of (str, object)
        What else SciPy's function is called with.
    """

    method: str
    rtol: float | tuple[float, ...]
    atol: float | tuple[float, ...]
    options: tuple[tuple[str, Any], ...] = ()

    def followed_by(self, copies: int, others: int) -> "Solver":
        """The solver for a system with derivatives beside its components.

        Parameters
        ----------
        copies : int
            How many vectors of the length of the system there are; each has its tolerances.
        others : int
            Number of further components; they have the smallest ones.

        Returns
        -------
        Solver
            With the same method and as tight tolerances.
        """

        def spread(tolerance: float | tuple[float, ...]) -> float | tuple[float, ...]:
            if isinstance(tolerance, float):
                return tolerance
            return tolerance + (min(tolerance),) * ((copies - 1) * len(tolerance) + others)

        options = tuple(
            (name, value * _MORE_STEPS if name == "mxstep" else value)
            for name, value in self.options
            if name not in ("h0", "first_step")
        )
        return replace(self, rtol=spread(self.rtol), atol=spread(self.atol), options=options)


def solve(solver: Solver, f: Function, y0: Array, ts: Array) -> Array:
    """Solve y' = f(t, y) from y(ts[0]) = y0.

    Parameters
    ----------
    solver : Solver
        How.
    f : callable
        Of time and state.
    y0 : ndarray of shape (n,)
        The state to start from.
    ts : ndarray of shape (m,)
        The times, ascending or descending; equal ones stand for the same state.

    Returns
    -------
    ndarray of shape (m, n)
        The state at each of them; the first row is `y0`.

    Raises
    ------
    SolutionError
        Where the solver stops before the last time, or comes to what is not finite.
    """
    if len(ts) < 2 or ts[0] == ts[-1]:
        return np.tile(y0, (len(ts), 1))
    run = _by_odeint if solver.method == "odeint" else _by_solve_ivp
    found = run(solver, f, y0, ts)
    if not np.isfinite(found).all():
        raise SolutionError(f"{_name(solver)}: the solution between t={ts[0]} and t={ts[-1]} is not finite.")
    return found


def dense(solver: Solver, f: Function, y0: Array, t0: float, t1: float) -> Any:
    """Solve y' = f(t, y) from y(t0) = y0, for all times up to t1.

    Parameters
    ----------
    solver : Solver
        How; what was solved by odeint is here by the same method of `scipy.integrate.solve_ivp`.
    f : callable
        Of time and state.
    y0 : ndarray of shape (n,)
        The state to start from.
    t0, t1 : float
        The interval; t1 may be the earlier one.

    Returns
    -------
    scipy.integrate.OdeSolution
        The state as a function of time, between steps a polynomial.

    Raises
    ------
    SolutionError
        Where the solver stops before t1.
    """
    options = {name: value for name, value in solver.options if name != "first_step"}
    if solver.method == "odeint":
        options = {"max_step": options["hmax"] or np.inf, "min_step": options["hmin"]}
    return stepped(solver, f, y0, t0, t1, dense_output=True, **options).sol


def stepped(solver: Solver, f: Function, y0: Array, t0: float, t1: float, **options: Any) -> Any:
    """Solve y' = f(t, y) from y(t0) = y0 with the steps that the solver takes by itself.

    Parameters
    ----------
    solver, f, y0, t0, t1
        As for `dense`.
    **options : object
        What `scipy.integrate.solve_ivp` is called with besides.

    Returns
    -------
    scipy.integrate.OdeResult
        What that returned.

    Raises
    ------
    SolutionError
        Where it stops before t1, and not for an event.
    """
    from scipy.integrate import solve_ivp

    method = "LSODA" if solver.method == "odeint" else solver.method
    tolerances = {"rtol": _tolerance(solver.rtol), "atol": _tolerance(solver.atol)}
    told = solve_ivp(f, (t0, t1), y0, method=method, **tolerances, **options)
    if not told.success or not np.isfinite(told.y).all():
        raise _failed(solver, told.t[-1], t0, t1, told.message)
    return told


def chosen_times(solver: Solver, f: Function, y0: Array, t0: float, t1: float) -> Array:
    """The times to which a method of `scipy.integrate.solve_ivp` steps by itself.

    Parameters
    ----------
    solver, f, y0, t0, t1
        As for `dense`.

    Returns
    -------
    ndarray
        The times, t0 and t1 among them.

    Raises
    ------
    SolutionError
        Where it stops before t1.
    """
    return np.asarray(stepped(solver, f, y0, t0, t1, **dict(solver.options)).t)


def _failed(solver: Solver, reached: float, t0: float, t1: float, message: str) -> SolutionError:
    return SolutionError(f"{_name(solver)} stopped at t={reached:.6g}, on the way from {t0:.6g} to {t1:.6g}: {message}")


def _name(solver: Solver) -> str:
    return "scipy.integrate." + ("odeint" if solver.method == "odeint" else f"solve_ivp (method {solver.method!r})")


def _tolerance(tolerance: float | tuple[float, ...]) -> Any:
    return np.array(tolerance) if isinstance(tolerance, tuple) else tolerance


def _by_odeint(solver: Solver, f: Function, y0: Array, ts: Array) -> Array:
    from scipy.integrate import ODEintWarning, odeint

    options = {
        "full_output": True,
        "rtol": _tolerance(solver.rtol),
        "atol": _tolerance(solver.atol),
        **dict(solver.options),
    }
    with warnings.catch_warnings():
        # What it warns of is raised below.
        warnings.simplefilter("ignore", ODEintWarning)
        found = None
        if isinstance(f, Rate) and f.entry is not None:
            # C calls machine code. What that does not take, such as NaN, goes the other way.
            with suppress(Exception):
                found, told = odeint(f.entry, y0, ts, args=f.params, **options)
        if found is None:
            found, told = odeint(f, y0, ts, tfirst=True, **options)
    if told["message"] != "Integration successful.":
        reached = told["tcur"][np.nonzero(told["tcur"])[0][-1]] if np.any(told["tcur"]) else ts[0]
        raise _failed(solver, reached, ts[0], ts[-1], told["message"])
    return np.asarray(found)


def _by_solve_ivp(solver: Solver, f: Function, y0: Array, ts: Array) -> Array:
    from scipy.integrate import solve_ivp

    # It takes each time once.
    times, places = (ts, slice(None)) if np.all(np.diff(ts) != 0) else _once(ts)
    told = solve_ivp(
        f,
        (times[0], times[-1]),
        y0,
        method=solver.method,
        t_eval=times,
        rtol=_tolerance(solver.rtol),
        atol=_tolerance(solver.atol),
        **dict(solver.options),
    )
    if not told.success:
        raise _failed(solver, told.t[-1] if len(told.t) else ts[0], ts[0], ts[-1], told.message)
    return np.ascontiguousarray(told.y.T[places])


def _once(ts: Array) -> tuple[Array, Any]:
    changes = np.concatenate([[False], np.diff(ts) != 0])
    return ts[np.concatenate([[True], changes[1:]])], np.cumsum(changes)
