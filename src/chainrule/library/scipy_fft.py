"""scipy.fft: the names that numpy.fft has, and cosine and sine transforms.

SciPy hands its calls on to functions of a module for NumPy's arrays; these are what is caught.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.library import fourier
from chainrule.ops.axes import normalize_axes, shape_of, with_dtype
from chainrule.ops.fourier import dct, dst
from chainrule.ops.op import Op
from chainrule.trace.hooks import hook

__all__: list[str] = []

_BASIC, _REAL = "scipy.fft._basic_backend", "scipy.fft._realtransforms_backend"


def _refuse_plan(name: str, plan: Any) -> None:
    if plan is not None:
        raise TraceError(f"scipy.fft.{name}: argument plan= is not followed on traced values.{user_line()}")


def _one_axis(name: str) -> None:
    transform: Callable[..., Any] = getattr(np.fft, name)

    def follow(
        x: Any,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        *,
        plan: Any = None,
    ) -> Any:
        _refuse_plan(name, plan)
        return transform(x, n, axis, norm)

    hook(_BASIC, name, public=f"scipy.fft.{name}")(follow)


def _several_axes(name: str, transform: Callable[..., Any], default: Any) -> None:
    def follow(
        x: Any,
        s: Any = None,
        axes: Any = default,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        *,
        plan: Any = None,
    ) -> Any:
        _refuse_plan(name, plan)
        return transform(x, s, axes, norm)

    hook(_BASIC, name, public=f"scipy.fft.{name}")(follow)


def _hfftn(x: Any, s: Any, axes: Any, norm: str | None) -> Any:
    return np.fft.irfftn(
        np.conjugate(x), s, axes, fourier.EXCHANGED[None if norm is None else fourier.checked_norm(norm)]
    )


def _ihfftn(x: Any, s: Any, axes: Any, norm: str | None) -> Any:
    return np.conjugate(
        np.fft.rfftn(x, s, axes, fourier.EXCHANGED[None if norm is None else fourier.checked_norm(norm)])
    )


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _one_axis(_name)
for _name in ("fft", "ifft", "rfft", "irfft"):
    _several_axes(f"{_name}n", getattr(np.fft, f"{_name}n"), None)
    _several_axes(f"{_name}2", getattr(np.fft, f"{_name}n"), (-2, -1))
for _name, _transform in (("hfft", _hfftn), ("ihfft", _ihfftn)):
    _several_axes(f"{_name}n", _transform, None)
    _several_axes(f"{_name}2", _transform, (-2, -1))


@hook("scipy.fft", "fftshift")
def _fftshift(x: Any, axes: Any = None) -> Any:
    return np.fft.fftshift(x, axes)


@hook("scipy.fft", "ifftshift")
def _ifftshift(x: Any, axes: Any = None) -> Any:
    return np.fft.ifftshift(x, axes)


# Cosine and sine transforms.

#: The type of the inverse.
_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}

#: By how much more than the number of entries the length of a transform is, as that of a Fourier transform.
_MORE = {(dct, 1): -1, (dst, 1): 1}


def _places(op: Op, type: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The entries that an orthogonal matrix takes by the square root of 2 more, and those that it gives by it less."""
    end = 0 if op is dct else -1
    if type == 1:
        return ((0, -1), (0, -1)) if op is dct else ((), ())
    return {2: ((), (end,)), 3: ((end,), ()), 4: ((), ())}[type]


def _scaled(x: Any, axis: int, factor: float, places: tuple[int, ...]) -> Any:
    if not places:
        return x
    weights = np.ones(shape_of(x)[axis], np.zeros((), x.dtype).real.dtype)
    weights[list(places)] = factor
    return x * weights.reshape([-1 if k == axis else 1 for k in range(len(shape_of(x)))])


def _transformed(
    op: Op, x: Any, type: int, n: int | None, axis: int, norm: str | None, orthogonalize: bool | None, inverse: bool
) -> Any:
    if type not in _INVERSE:
        raise ValueError(f"type must be one of 1, 2, 3 and 4, and is {type}")
    x = with_dtype(x)
    (place,) = normalize_axes((axis,), len(shape_of(x)))
    x = fourier.sized(x, shape_of(x)[place] if n is None else n, place)
    norm = fourier.checked_norm(norm)
    if x.dtype.kind == "c":
        orthogonalize = None  # SciPy does not look at it for complex numbers.
    if inverse:
        type = _INVERSE[type]
        norm = {"backward": "forward", "forward": "backward"}.get(norm, norm)
    before, after = _places(op, type) if (norm == "ortho" if orthogonalize is None else orthogonalize) else ((), ())
    found = _scaled(op(_scaled(x, place, math.sqrt(2), before), type=type, axis=place), place, math.sqrt(0.5), after)
    length = 2 * (shape_of(x)[place] + _MORE.get((op, type), 0))
    return found if norm == "backward" else found * (length**-0.5 if norm == "ortho" else 1 / length)


def _along_one(name: str, op: Op, *, inverse: bool) -> None:
    def follow(
        x: Any,
        type: int = 2,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        orthogonalize: bool | None = None,
    ) -> Any:
        return _transformed(op, x, type, n, axis, norm, orthogonalize, inverse)

    hook(_REAL, name, public=f"scipy.fft.{name}")(follow)


def _along_several(name: str, op: Op, *, inverse: bool) -> None:
    def follow(
        x: Any,
        type: int = 2,
        s: Any = None,
        axes: Any = None,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        orthogonalize: bool | None = None,
    ) -> Any:
        x = with_dtype(x)
        for axis, n in fourier.axes_and_lengths(x, s, axes):
            x = _transformed(op, x, type, n, axis, norm, orthogonalize, inverse)
        return x

    hook(_REAL, name, public=f"scipy.fft.{name}")(follow)


for _name, _op in (("dct", dct), ("dst", dst)):
    _along_one(_name, _op, inverse=False)
    _along_one(f"i{_name}", _op, inverse=True)
    _along_several(f"{_name}n", _op, inverse=False)
    _along_several(f"i{_name}n", _op, inverse=True)


# scipy.fftpack: the same under older names. Its inverse cosine and sine transforms are those of the other type.


def _older(name: str) -> None:
    transform: Callable[..., Any] = getattr(np.fft, name)

    def follow(x: Any, n: int | None = None, axis: int = -1, overwrite_x: bool = False) -> Any:
        return transform(x, n, axis)

    hook("scipy.fftpack", name)(follow)


def _older_several(name: str) -> None:
    transform: Callable[..., Any] = getattr(np.fft, name)
    default = (-2, -1) if name.endswith("2") else None

    def follow(x: Any, shape: Any = None, axes: Any = default, overwrite_x: bool = False) -> Any:
        return transform(x, shape, axes)

    hook("scipy.fftpack", name)(follow)


_TYPE_OF_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


def _older_trigonometric(kind: str) -> None:
    def transform(name: str, type: int) -> tuple[Callable[..., Any], int]:
        import scipy.fft

        if type not in _TYPE_OF_INVERSE:
            raise ValueError(f"scipy.fftpack.{name}: type should be 1, 2, 3 or 4, and is {type!r}")
        is_inverse = name.startswith("i")
        return getattr(scipy.fft, name.removeprefix("i")), _TYPE_OF_INVERSE[type] if is_inverse else type

    def register(name: str) -> None:
        def along(
            x: Any,
            type: int = 2,
            n: int | None = None,
            axis: int = -1,
            norm: str | None = None,
            overwrite_x: bool = False,
        ) -> Any:
            run, number = transform(name, type)
            return run(x, number, n, axis, norm)

        def over(
            x: Any,
            type: int = 2,
            shape: Any = None,
            axes: Any = None,
            norm: str | None = None,
            overwrite_x: bool = False,
        ) -> Any:
            run, number = transform(name, type)
            return run(x, number, shape, axes, norm)

        hook("scipy.fftpack", name)(over if name.endswith("n") else along)

    for name in (kind, f"i{kind}", f"{kind}n", f"i{kind}n"):
        register(name)


for _name in ("fft", "ifft"):
    _older(_name)
for _name in ("fft2", "ifft2", "fftn", "ifftn"):
    _older_several(_name)
for _name in ("dct", "dst"):
    _older_trigonometric(_name)


def _refused_format(name: str) -> None:
    def follow(x: Any, n: Any = None, axis: int = -1, overwrite_x: bool = False) -> Any:
        raise TraceError(
            f"scipy.fftpack.{name} is not followed on traced values; scipy.fft.{name} is, which has complex numbers "
            f"where this one has their parts in a row.{user_line()}"
        )

    hook("scipy.fftpack", name, listed=False)(follow)


_refused_format("rfft")
_refused_format("irfft")
