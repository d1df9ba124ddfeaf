"""np.vectorize, np.apply_over_axes, and np.emath, which goes over to complex numbers where that is needed."""

from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import convert, with_fraction
from chainrule.trace.batch import shared_value
from chainrule.trace.creation import array
from chainrule.trace.dispatch import composition, has_tracer
from chainrule.trace.hooks import hook
from chainrule.trace.no_value import NO_VALUE

__all__: list[str] = []


def _bind_vectorize(self: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    return self, args, kwargs


@hook("numpy", "vectorize.__call__", public="np.vectorize", bind=_bind_vectorize)
def _vectorize(self: Any, args: Any, kwargs: Any) -> Any:
    if self.signature is not None or kwargs:
        raise TraceError(
            "np.vectorize: signature= and arguments by name are not followed on traced values; use "
            f"chainrule.vectorize, or a loop.{user_line()}"
        )
    args = tuple(array(x) if isinstance(x, (list, tuple)) and has_tracer(x) else x for x in args)
    entries = [k for k in range(len(args)) if k not in self.excluded]
    spread = np.broadcast_arrays(*(with_dtype(args[k]) for k in entries))
    shape = shape_of(spread[0])
    if 0 in shape:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    flat = [np.reshape(x, -1) for x in spread]
    found = []
    for place in range(shape_of(flat[0])[0]):
        given = list(args)
        for k, x in zip(entries, flat, strict=True):
            given[k] = x[place]
        found.append(self.pyfunc(*given))
    several = isinstance(found[0], tuple)
    columns = zip(*found, strict=True) if several else [found]
    kinds = self.otypes or ""
    made = []
    for number, column in enumerate(columns):
        result = array(list(column))
        # NumPy: without otypes= the first result says the dtype of all of them.
        dtype = np.dtype(kinds[number]) if number < len(kinds) else with_dtype(column[0]).dtype
        if dtype.kind in "biu" and result.dtype.kind in "fc":
            raise TraceError(
                f"np.vectorize: the first result is {dtype}, and NumPy would cut all others down to that; give "
                f"otypes=[float], or let every branch return a number with a fraction.{user_line()}"
            )
        made.append(convert(np.reshape(result, shape), dtype))
    return tuple(made) if several else made[0]


@composition(np.apply_over_axes, "np.apply_over_axes")
def _apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    ndim = len(shape_of(a))
    for axis in np.atleast_1d(axes).tolist():
        place = axis % ndim
        found = func(a, place)
        a = found if len(shape_of(found)) == ndim else np.expand_dims(found, place)
    return a


# np.emath: where a real function is not defined for a real number, that of complex numbers.


def _complex_where(name: str, x: Any, is_outside: Any) -> Any:
    x = with_fraction(x)
    if x.dtype.kind == "c":
        return x
    known = shared_value(x, f"np.emath.{name}")
    if known is NO_VALUE:
        raise TraceError(
            f"np.emath.{name}: which numbers are outside is not known here, and with it whether the result is complex; "
            f"use np.{name} of a complex number (x + 0j).{user_line()}"
        )
    if not np.any(is_outside(known)):
        return x
    return convert(x, np.result_type(x.dtype, np.complex64))


def _is_negative(x: Any) -> Any:
    return x < 0


def _is_above_one(x: Any) -> Any:
    return np.abs(x) > 1


def _of_one(name: str, plain: Any, is_outside: Any) -> None:
    def follow(x: Any) -> Any:
        return plain(_complex_where(name, x, is_outside))

    composition(getattr(np.emath, name), f"np.emath.{name}")(follow)


for _name, _plain, _outside in (
    ("sqrt", np.sqrt, _is_negative),
    ("log", np.log, _is_negative),
    ("log2", np.log2, _is_negative),
    ("log10", np.log10, _is_negative),
    ("arccos", np.arccos, _is_above_one),
    ("arcsin", np.arcsin, _is_above_one),
    ("arctanh", np.arctanh, _is_above_one),
):
    _of_one(_name, _plain, _outside)


@composition(np.emath.logn, "np.emath.logn")
def _logn(n: Any, x: Any) -> Any:
    return np.log(_complex_where("logn", x, _is_negative)) / np.log(_complex_where("logn", n, _is_negative))


@composition(np.emath.power, "np.emath.power")
def _power(x: Any, p: Any) -> Any:
    p = with_dtype(p)
    if p.dtype.kind in "iu" and np.any(p < 0):
        p = p * 1.0
    return np.power(_complex_where("power", x, _is_negative), p)
