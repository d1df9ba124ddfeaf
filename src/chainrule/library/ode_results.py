"""What `scipy.integrate.solve_ivp` returns besides arrays: the solution as a function of time, and steps not known."""

from typing import Any, NoReturn

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.ops.elementwise import stop_gradient
from chainrule.trace.buffer import settled
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.symbolic import value_of
from chainrule.trace.tracer import Tracer
from chainrule.transforms.ode_solvers import Solver
from chainrule.transforms.odes import System
from chainrule.transforms.replay import as_strong

__all__: list[str] = []

_FLOAT = np.dtype(float)


class Continuous:
    """The solution as a function of time, in the place of `scipy.integrate.OdeSolution`.

    Parameters
    ----------
    where : str
        Who returns it, for messages.
    system, y0, begin, end, solver
        What is solved, from where, between which times, and how.
    """

    def __init__(self, where: str, system: System, y0: Any, begin: Any, end: Any, solver: Solver) -> None:
        self._where, self._system, self._solver = where, system, solver
        self._y0, self._begin, self._end = y0, begin, end

    def __call__(self, t: Any) -> Any:
        """The state at a time, of shape (n,), or at several, of shape (n, times)."""
        t = settled(t)
        if not isinstance(t, Tracer):
            t = np.asarray(t, float)
        if len(shape_of(t)) > 1:
            raise ValueError("`t` must be a float or a 1-D array.")
        flat = np.reshape(as_strong(t, _FLOAT), (-1,))
        self._check(flat)
        # The solver goes along the times in order.
        order = np.argsort(flat * np.sign(stop_gradient(self._end - self._begin)))
        times = np.concatenate([np.reshape(self._begin, (1,)), flat[order]])
        states = self._system.solution(self._y0, times, self._solver)[1:][np.argsort(order)]
        return states.T if shape_of(t) else states[0]

    def _check(self, t: Any) -> None:
        begin, end, t = (value_of(x) if isinstance(x, Tracer) else x for x in (self._begin, self._end, t))
        if any(x is NO_VALUE for x in (begin, end, t)):
            return
        low, high = sorted((float(begin), float(end)))
        margin = 1e-12 * max(abs(low), abs(high))
        if np.any(t < low - margin) or np.any(t > high + margin):
            raise ValueError(
                f"{self._where}: sol is asked for outside of the interval that was solved, {low} to {high}"
            )


class Steps:
    """Times or states at the steps of a solver, of which the first and the last are known, and not how many there are.

    Parameters
    ----------
    where : str
        Who returns it, for messages.
    ends : array of shape (2, ...)
        The first and the last.
    axis : int
        Along which axis of what SciPy returns the steps go.
    ndim : int
        How many axes that has.
    """

    __array_ufunc__ = None

    def __init__(self, where: str, ends: Any, axis: int, ndim: int) -> None:
        self._where, self._ends, self._axis, self.ndim = where, ends, axis, ndim

    @property
    def T(self) -> "Steps":
        """The transpose."""
        return Steps(self._where, self._ends, self.ndim - 1 - self._axis, self.ndim)

    def __getitem__(self, index: Any) -> Any:
        """Of the first or the last step."""
        given = index if isinstance(index, tuple) else (index,)
        if any(part is Ellipsis for part in given):
            k = next(k for k, part in enumerate(given) if part is Ellipsis)
            given = (*given[:k], *(slice(None),) * (self.ndim - len(given) + 1), *given[k + 1 :])
        which = given[self._axis] if len(given) > self._axis else None
        if type(which) is not int or which not in (0, -1):
            self._refuse()
        rest = tuple(part for k, part in enumerate(given) if k != self._axis)
        return self._ends[which][rest] if rest else self._ends[which]

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TraceError(
            f"{self._where}: argument t_eval= is needed in a compiled function, in a batch and in the body of a loop "
            "or branch: how many steps there are only values tell. Without it the first and the last are known there, "
            f"as t[0], t[-1], y[:, 0] and y[:, -1].{user_line()}"
        )

    __array__ = __len__ = __iter__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __pow__ = __neg__ = __matmul__ = __rmatmul__ = __array_function__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()
