"""Integrands that jump at a place that moves: the derivative of an integral has a part from that.

Where f jumps at c(p) between a and b, the derivative of its integral by p is the integral of the derivative, plus
c'(p) times f before less f after (Leibniz's rule for the pieces). Here it is looked at, and a jump is an error instead
of a derivative without that part.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import SolutionError, user_line
from chainrule.graph import Graph
from chainrule.ops.op import Op
from chainrule.transforms.closures import quick_runner, ready
from chainrule.transforms.loop_bodies import Flags
from chainrule.transforms.one_by_one import done_one_by_one
from chainrule.transforms.ways import Ways, check_op, jump_between, ways_of

__all__ = ["unless_it_jumps"]

#: Places between the limits at which the way is asked for.
_PLACES = 256


def unless_it_jumps(a: Any, b: Any, params: Sequence[Any], body: Graph, moving: Flags) -> Any:
    """The lower limit itself, where the derivative of the integral is the integral of the derivative.

    Parameters
    ----------
    a, b : number
        The limits, finite or not.
    params : sequence
        What the integrand reads besides its variable.
    body : Graph
        The integrand.
    moving : tuple of bool
        The parameters that are differentiated by.

    Returns
    -------
    number
        `a`.

    Raises
    ------
    SolutionError
        Where the integrand jumps at a choice that moves.
    """
    if _ways_of(body, moving) is None:
        return a
    return _checked_op(a, b, *params, body=body, moving=moving)


def _ways_of(body: Graph, moving: Flags) -> Ways | None:
    # Choices by the variable alone are made at fixed places, and add nothing to a derivative.
    return ways_of(body, (False, *moving))


def _checked(a: Any, b: Any, *params: Any, body: Graph, moving: Flags) -> Any:
    through = _ways_of(body, moving)
    assert through is not None
    if a == b:
        return np.float64(a)
    choose, run, values = quick_runner(through.graph), quick_runner(body), ready(params)
    place = _between(float(a), float(b))

    def way(share: float) -> list[float]:
        return [float(x) for x in choose(place(share), *values)]

    def at(share: float) -> Any:
        return np.asarray(run(place(share), *values)[0])

    shares = [1e-9, *((k + 0.5) / _PLACES for k in range(_PLACES)), 1 - 1e-9]
    ways = [way(share) for share in shares]
    for k in [k for k in range(len(ways) - 1) if ways[k] != ways[k + 1]]:
        around = [at(share) for share in shares[max(k - 1, 0) : k + 3]]
        jump = jump_between(way, at, through.choices, (shares[k], shares[k + 1]), around)
        if jump is not None:
            raise SolutionError(
                f"scipy.integrate: the integrand jumps at {place(jump.share):.6g}, at a choice (if, np.where or "
                f"chainrule.cond) by what is differentiated by. The derivative of the integral has a part from "
                f"that, which is not computed. Integrate up to there, and from there on: the limits have "
                f"derivatives.{user_line()}"
            )
    return np.float64(a)


def _between(a: float, b: float) -> Callable[[float], float]:
    """From shares between 0 and 1 to places between two limits."""
    if np.isinf(a) and np.isinf(b):
        return lambda share: float(np.copysign(1.0, b) * np.tan(np.pi * (share - 0.5)))
    if np.isinf(b):
        return lambda share: float(a + np.copysign(share / (1 - share), b))
    if np.isinf(a):
        return lambda share: float(b + np.copysign((1 - share) / share, a))
    return lambda share: a + share * (b - a)


def _infer(a: Any, *rest: Any, **params: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return (), np.dtype(float)


def _weak(a: Any, *rest: Any, **params: Any) -> bool:
    return False


_checked_op: Op = check_op("chainrule.integral_without_jumps", _checked, _infer, _weak)
done_one_by_one(_checked_op)
