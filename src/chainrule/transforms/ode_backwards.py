"""How the adjoint system is solved on plain values, backwards from output to output.

In one way state, adjoint and derivatives by parameters are solved as one system: quick, since nothing is stored. It
asks that the state can be solved backwards; where it forgets its past, as in stiff systems, small errors grow without
bound. Then, and where the parameters are many, the state is solved forwards again and kept as a polynomial between
steps, the adjoint alone is solved backwards, and the derivatives by parameters are integrals by Gauss's rule on its
steps (S. Kim, W. Ji, S. Deng, Y. Ma and C. Rackauckas, Stiff neural ordinary differential equations, 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.errors import SolutionError
from chainrule.transforms.ode_solvers import Function, Solver, dense, solve

__all__ = ["Backwards", "drift", "solved_backwards"]

Array = np.ndarray[Any, Any]

#: Components beside state and adjoint up to which they are solved with them.
_MOST_BESIDE = 64
#: Times the tolerances that the state may be away from where it started.
_DRIFT = 100.0
#: Times the largest entry of the solution that the state may grow to on its way back.
_FAR = 10.0
#: Points of Gauss's rule on a step. The polynomials between steps are of lower order than its 12.
_POINTS = 6
_IMPLICIT = ("BDF", "Radau")


@dataclass(frozen=True)
class Backwards:
    """The adjoint system of n components.

    Attributes
    ----------
    n, others : int
        Number of components of the state, and of entries of all parameters.
    rate : callable
        Of time and state.
    with_adjoint : callable
        Of time and the vector of state and adjoint.
    whole : callable
        Of time and the vector of state, adjoint and derivatives by parameters.
    solver : Solver
        How the system was solved.
    """

    n: int
    others: int
    rate: Function
    with_adjoint: Function
    whole: Function
    solver: Solver


def solved_backwards(system: Backwards, ys: Array, ts: Array, g: Array) -> tuple[Array, Array]:
    """Solve the adjoint system.

    Parameters
    ----------
    system : Backwards
        The system.
    ys, ts, g : ndarray of shape (m, n), (m,), (m, n)
        The solution, its times, and what arrives at it.

    Returns
    -------
    start : ndarray of shape (n,)
        The derivative by the state at the first time, without ``g[0]``.
    by_params : ndarray of shape (others,)
        Those by the parameters.
    """
    # Where nothing arrives, there is no reason to stop.
    stops = [0, *(k for k in range(1, len(ts)) if g[k].any())]
    if system.others > _MOST_BESIDE or system.solver.method in _IMPLICIT:
        return _apart(system, ys, ts, g, stops)
    try:
        return _together(system, ys, ts, g, stops)
    except SolutionError:
        return _apart(system, ys, ts, g, stops)


def _together(system: Backwards, ys: Array, ts: Array, g: Array, stops: Sequence[int]) -> tuple[Array, Array]:
    n = system.n
    solver = system.solver.followed_by(2, system.others)
    z = np.zeros(2 * n + system.others, ys.dtype)
    # The limit of steps that odeint has is enough there, and its machine code is called by C.
    rate = system.whole if solver.method == "odeint" else _nearby(system.whole, n, ys)
    for before, k in reversed(list(pairwise(stops))):
        z[:n] = ys[k]
        z[n : 2 * n] += g[k]
        z = solve(solver, rate, z, ts[[k, before]])[1]
        if drift(z[:n], ys[before], system.solver) > _DRIFT:
            raise SolutionError("The state cannot be solved backwards.")
    return z[n : 2 * n], z[2 * n :]


def _nearby(rate: Function, n: int, ys: Array) -> Function:
    """The system, up to where the state runs away: a solver would follow it to infinity in ever smaller steps."""
    bound = _FAR * np.max(np.abs(ys), initial=0.0) or np.inf

    def nearby(t: float, z: Array) -> Array:
        if np.max(np.abs(z[:n]), initial=0.0) > bound:
            raise SolutionError("The state cannot be solved backwards.")
        return rate(t, z)

    return nearby


def drift(found: Array, expected: Array, solver: Solver) -> float:
    """How far a state is from another one, in units of the tolerances."""
    allowed = np.asarray(solver.atol) + np.asarray(solver.rtol) * np.max(np.abs(expected), initial=0.0)
    return float(np.max(np.abs(found - expected) / allowed, initial=0.0))


def _apart(system: Backwards, ys: Array, ts: Array, g: Array, stops: Sequence[int]) -> tuple[Array, Array]:
    n, solver = system.n, system.solver
    a, total = np.zeros(n, ys.dtype), np.zeros(system.others, ys.dtype)
    for before, k in reversed(list(pairwise(stops))):
        a = a + g[k]
        if ts[k] == ts[before]:
            continue
        state = dense(solver, system.rate, ys[before], ts[before], ts[k])
        adjoint = _adjoint(solver, _driven(system, state), a, ts[k], ts[before])
        a = adjoint(ts[before])
        if system.others:
            total += _integral(system, state, adjoint)
    return a, total


def _adjoint(solver: Solver, rate: Function, a: Array, t0: float, t1: float) -> Any:
    try:
        return dense(solver, rate, a, t0, t1)
    except SolutionError:
        if solver.method not in _IMPLICIT:
            raise
        # With tight tolerances their Newton steps may end nowhere on a stored state, which has kinks between steps.
        return dense(replace(solver, method="LSODA"), rate, a, t0, t1)


def _driven(system: Backwards, state: Any) -> Function:
    n, z = system.n, np.zeros(2 * system.n, np.result_type(float, state(state.ts[0])))

    def rate(t: float, a: Array) -> Array:
        z[:n] = state(t)
        z[n:] = a
        return system.with_adjoint(t, z)[n:]

    return rate


def _integral(system: Backwards, state: Any, adjoint: Any) -> Array:
    """The integral of a^T (df/dp) over an interval, piece by piece between the steps of either solution."""
    n = system.n
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    edges = np.unique(np.concatenate([state.ts, adjoint.ts]))
    half = np.diff(edges)[:, None] / 2
    times = (edges[:-1, None] + half * (1 + points)).ravel()
    shares = (half * weights).ravel() * np.sign(state.ts[-1] - state.ts[0])
    z = np.zeros(2 * n + system.others, np.result_type(float, state(times[0])))
    total = np.zeros(system.others, z.dtype)
    for t, share, y, a in zip(times.tolist(), shares.tolist(), state(times).T, adjoint(times).T, strict=True):
        z[:n], z[n : 2 * n] = y, a
        # The system has the rate of the derivatives as they are solved backwards.
        total -= share * system.whole(t, z)[2 * n :]
    return total
