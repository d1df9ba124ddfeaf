"""SciPy's private functions that choose between formulas entry by entry.

Theirs compute each formula for its own entries only; here every formula is computed for all entries, and `np.where`
picks. What is not picked has derivative zero.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer

__all__: list[str] = []

Formula = Callable[..., Any]


def _choose(condition: Any, chosen: Callable[[], Any], other: Callable[[], Any]) -> Any:
    if not isinstance(condition, Tracer):
        if np.all(condition):
            return chosen()
        if not np.any(condition):
            return other()
    return np.where(condition, chosen(), other())


@hook("scipy._lib.array_api_extra._lib._funcs", "apply_where", listed=False)
@hook("scipy._external.array_api_extra._lib._funcs", "apply_where", listed=False)
def _apply_where(
    cond: Any, args: Any, f1: Formula, f2: Formula | None = None, *, fill_value: Any = None, xp: Any = None
) -> Any:
    operands = args if isinstance(args, tuple) else (args,)
    return _choose(cond, lambda: f1(*operands), lambda: fill_value if f2 is None else f2(*operands))


@hook("scipy._lib._util", "_lazywhere", listed=False)
def _lazywhere(cond: Any, arrays: Any, f: Formula, fillvalue: Any = None, f2: Formula | None = None) -> Any:
    return _apply_where(cond, tuple(arrays), f, f2, fill_value=fillvalue)


@hook("scipy._lib._util", "_lazyselect", listed=False)
def _lazyselect(condlist: Any, choicelist: Any, arrays: Any, default: Any = 0) -> Any:
    result = default
    for condition, formula in zip(condlist, choicelist, strict=True):
        # A later choice overwrites an earlier one.
        result = _choose(condition, partial(formula, *arrays), partial(_same, result))
    return result


def _same(x: Any) -> Any:
    return x
