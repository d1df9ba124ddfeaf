"""NumPy's functions of lists in which traced values are, such as ``np.sum([x, y])``.

NumPy hands a call over for the sake of a traced argument, but not for the sake of a list of them: it would make a plain
array of the list. Functions that are Python code in NumPy are caught there, and called again with an array of the list.
So they are, too, where only an argument is traced that NumPy does not look at, as in ``np.sum(rows, initial=x)``.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.trace.creation import array
from chainrule.trace.dispatch import call_function, has_tracer
from chainrule.trace.hooks import hook

__all__ = ["NAMES"]

#: The functions, as their users write them: what is called with a list in NumPy's documentation, and in programs.
_WRITTEN = """
sum prod mean max min std var median average ptp cumsum cumprod diff clip sort argmax argmin
nansum nanmean nanmax nanmin trapezoid interp polyval
outer cross kron tensordot einsum trace diag transpose reshape ravel roll flip repeat tile
vstack hstack column_stack atleast_1d atleast_2d meshgrid isclose allclose
linalg.norm linalg.det linalg.slogdet linalg.inv linalg.solve linalg.eigvals linalg.eigh linalg.eigvalsh
linalg.cholesky linalg.multi_dot linalg.matrix_power
"""
NAMES = tuple(_WRITTEN.split())

#: Functions of a list of arrays that need not have one shape.
_OF_SEVERAL = frozenset({"vstack", "hstack", "column_stack", "linalg.multi_dot"})


#: Functions that take a traced value beside a plain array: what a reduction begins with.
_WITH_INITIAL = frozenset({"sum", "prod", "max", "min"})


def _array_of(x: Any) -> Any:
    return array(x) if isinstance(x, (list, tuple)) and has_tracer(x) else x


def _arrays_of(x: Any) -> Any:
    return [_array_of(part) for part in x] if isinstance(x, (list, tuple)) and has_tracer(x) else x


def _register(name: str) -> None:
    function = operator.attrgetter(name)(np)
    joined: Callable[[Any], Any] = _arrays_of if name in _OF_SEVERAL else _array_of

    def follow(args: Any, kwargs: Any) -> Any:
        return call_function(function, args, kwargs)

    def bind(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        # How NumPy's own functions hand on what was not given.
        kwargs = {key: x for key, x in kwargs.items() if x is not np._NoValue}
        made = tuple(joined(x) for x in args), {key: joined(x) for key, x in kwargs.items()}
        if name not in _WITH_INITIAL and not any(
            map(operator.is_not, (*args, *kwargs.values()), (*made[0], *made[1].values()))
        ):
            # There is no list: NumPy's own function says what it cannot do.
            raise TypeError(f"np.{name} was called without a list of traced values")
        return made

    module, _, own = f"numpy.{name}".rpartition(".")
    hook(module, f"{own}._implementation", public=f"np.{name}", bind=bind, listed=False)(follow)


for _name in NAMES:
    _register(_name)
