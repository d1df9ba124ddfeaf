"""What the functions of scipy.optimize share: recording what is solved, starting values, and results."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Graph
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import convert
from chainrule.trace.buffer import settled
from chainrule.trace.creation import array
from chainrule.trace.tracer import Tracer
from chainrule.transforms.bodies import Kind, name_of
from chainrule.transforms.closures import known
from chainrule.transforms.decisions import record_deciding

__all__ = ["Called", "frozen", "listed", "real", "recorded", "refuse", "result", "start"]

_FLOAT = np.dtype(np.float64)


class Called:
    """A function of x alone: the user's with its further arguments.

    Parameters
    ----------
    f : callable
        The user's function.
    args : tuple
        What it takes after x.
    kwargs : dict, optional
        What it takes by name.
    picks_first : bool
        True where it returns a pair, of which the first counts: a value and its derivative.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: Any = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        picks_first: bool = False,
    ) -> None:
        self._f = f
        self._args = args if isinstance(args, tuple) else (args,)
        self._kwargs = kwargs or {}
        self._picks_first = picks_first
        self.__name__ = name_of(f)
        self.__globals__ = getattr(f, "__globals__", {})

    def __call__(self, x: Any) -> Any:
        """Its value at x."""
        y = self._f(x, *self._args, **self._kwargs)
        return y[0] if self._picks_first else y


@dataclass(frozen=True)
class Function:
    """A recorded function of the solution.

    Attributes
    ----------
    graph : Graph
        Of the solution and of what was captured.
    parameters : tuple
        What was captured: traced values and large arrays.
    """

    graph: Graph
    parameters: tuple[Any, ...]


def recorded(name: str, f: Called, shape: tuple[int, ...], *, weak: bool = False, is_number: bool = False) -> Function:
    """Record a function of real numbers.

    Parameters
    ----------
    name : str
        Who calls it.
    f : Called
        The function.
    shape : tuple of int
        Of its argument.
    weak : bool
        True where it gets a Python number.
    is_number : bool
        True where one number is expected of it, be it in an array.
    """

    def split(y: Any) -> tuple[list[tuple[str, Any]], Any]:
        y = listed(y)
        if shape_of(y) != () and is_number:
            if any(length != 1 for length in shape_of(y)):
                raise TraceError(
                    f"{name}: {f.__name__} returned an array of shape {shape_of(y)}, where one number is needed."
                    f"{user_line()}"
                )
            y = np.reshape(y, ())
        return [("the result", y)], None

    found = record_deciding(name, f, [("x", Kind(shape, _FLOAT, weak))], lambda leaves: leaves, split)
    if found.kinds[0].dtype.kind == "c":
        raise TraceError(f"{name}: {f.__name__} returns complex numbers, for which it is not followed.{user_line()}")
    return Function(known(found.graph), found.hidden)


def listed(x: Any) -> Any:
    """An array of what may be a list of traced values."""
    return settled(array(x) if isinstance(x, (list, tuple)) else x)


def real(name: str, what: str, x: Any) -> Any:
    """An argument as an array of float64."""
    x = listed(x)
    if not isinstance(x, Tracer):
        x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise TraceError(f"{name}: {what} has dtype {x.dtype}; real numbers are followed.{user_line()}")
    return convert(x, _FLOAT) if x.dtype != _FLOAT or getattr(x, "weak", False) else x


def start(name: str, x0: Any, *, flat: bool = True, line: bool = False) -> Any:
    """A starting value as an array, in one axis where `flat`; where `line`, it may not have more."""
    x0 = real(name, "x0", x0)
    if line and len(shape_of(x0)) > 1:
        raise ValueError(f"{name}: x0 should have one axis, and has shape {shape_of(x0)}")
    return np.reshape(x0, (-1,)) if flat and len(shape_of(x0)) != 1 else x0


def frozen(options: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    """Options as tuples, which can be compared."""
    return tuple((name, _frozen(x)) for name, x in sorted((options or {}).items()))


def _frozen(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x = x.tolist()
    return tuple(map(_frozen, x)) if isinstance(x, (list, tuple)) else x


def refuse(name: str, what: str) -> NoReturn:
    """Raise the error for what is not followed."""
    raise TraceError(f"{name}: {what} is not followed on traced values.{user_line()}")


#: What a result tells besides the solution, as far as it has no derivative.
_KEPT = frozenset(
    {"success", "status", "message", "nfev", "njev", "nhev", "nit", "method", "converged", "flag", "iterations"}
    | {"function_calls", "active_mask"}
)
#: Names that are known to be missing where the values are not known either.
_USUAL = frozenset({"nfev", "njev", "nhev", "nit", "status", "iterations", "function_calls", "jac", "hess_inv", "hess"})


def result(name: str, report: Any, followed: Mapping[str, Any]) -> Any:
    """A result as SciPy's, of traced values.

    Parameters
    ----------
    name : str
        Who returns it.
    report : mapping or None
        What SciPy returned; None where the values are not known.
    followed : mapping
        What is traced.
    """
    found = {} if report is None else dict(report)
    kept = {key: found[key] for key in found if key in _KEPT}
    if report is None:
        kept = {"success": True, "message": "The solver ended with success."}
    return _result_class()(name, {**kept, **followed}, frozenset(found) if found else _USUAL)


@functools.cache
def _result_class() -> Any:
    # SciPy's class is there where one of its functions was called.
    from scipy.optimize import OptimizeResult

    class Solution(OptimizeResult):  # type: ignore[misc]
        """SciPy's result, in which what has no derivative says so instead of being silently constant."""

        def __init__(self, solver: str, entries: Mapping[str, Any], missing: Iterable[str]) -> None:
            super().__init__(entries)
            object.__setattr__(self, "_solver", solver)
            object.__setattr__(self, "_missing", missing)

        def __missing__(self, name: str) -> Any:
            if name not in self._missing:
                raise KeyError(name)
            raise TraceError(
                f"{self._solver}: {name} of the result is not followed. Compute it from the solution, with "
                f"chainrule.jacobian or chainrule.hessian where it is a derivative.{user_line()}"
            )

    return Solution


def pairs(name: str, bounds: Any, size: int) -> tuple[Any, Any]:
    """Lower and upper bounds as two arrays, from a `Bounds` object, two arrays, or pairs with None for no bound."""
    if hasattr(bounds, "lb"):
        low, high = bounds.lb, bounds.ub
    else:
        rows: Sequence[Any] = list(bounds)
        if len(rows) != size or any(len(row) != 2 for row in rows):
            raise ValueError(f"{name}: bounds should be {size} pairs, one for each entry of x0")
        low = listed([-np.inf if row[0] is None else row[0] for row in rows])
        high = listed([np.inf if row[1] is None else row[1] for row in rows])
    return two_bounds(name, low, high, (size,))


def two_bounds(name: str, low: Any, high: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Bounds as arrays of a shape."""
    both = [real(name, "a bound", x) for x in (low, high)]
    return tuple(x if shape_of(x) == shape else np.broadcast_to(x, shape) for x in both)  # type: ignore[return-value]
