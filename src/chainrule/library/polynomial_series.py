"""numpy.polynomial: sums of orthogonal polynomials and of powers, the lowest degree first.

Each kind is known by its recurrence p_(k+1) = (a_k x + b_k) p_k - c_k p_(k-1). What is linear in the coefficients (the
derivative, the integral, a change of the kind) is NumPy's own function of the unit vectors, as a matrix.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import strong, with_fraction
from chainrule.trace.creation import array
from chainrule.trace.hooks import function_at, hook

__all__: list[str] = []

#: The module of each kind, how its functions begin, and a_k, b_k, c_k of its recurrence for k = 1, 2 and so on, after
#: the polynomials of degree 0 and 1, which are 1 and a_0 x + b_0.
_Rule = tuple[float, float, float]
_KINDS: dict[str, tuple[str, tuple[float, float], Callable[[int], _Rule]]] = {
    "polynomial": ("poly", (1.0, 0.0), lambda k: (1.0, 0.0, 0.0)),
    "chebyshev": ("cheb", (1.0, 0.0), lambda k: (2.0, 0.0, 1.0)),
    "legendre": ("leg", (1.0, 0.0), lambda k: ((2 * k + 1) / (k + 1), 0.0, k / (k + 1))),
    "hermite": ("herm", (2.0, 0.0), lambda k: (2.0, 0.0, 2.0 * k)),
    "hermite_e": ("herme", (1.0, 0.0), lambda k: (1.0, 0.0, float(k))),
    "laguerre": ("lag", (-1.0, 1.0), lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1))),
}


def _numbers(x: Any) -> Any:
    return with_fraction(array(x) if isinstance(x, (list, tuple)) else x)


def _values(kind: str, x: Any, degree: int) -> list[Any]:
    """The polynomials up to a degree."""
    _, (a, b), rule = _KINDS[kind]
    found = [np.ones_like(x) + 0 * x, a * x + b]
    for k in range(1, degree):
        a, b, c = rule(k)
        found.append((a * x + b) * found[k] - c * found[k - 1])
    return found[: degree + 1]


def _val(kind: str) -> None:
    def follow(x: Any, c: Any, tensor: bool = True) -> Any:
        c, x = _numbers(c), strong(_numbers(x))
        c = c if len(shape_of(c)) else c[None]
        if tensor and len(shape_of(x)):
            c = np.reshape(c, shape_of(c) + (1,) * len(shape_of(x)))
        # Clenshaw's sum from the highest degree: s_k = c_k + (a_k x + b_k) s_(k+1) - c_(k+1) s_(k+2).
        _, (a0, b0), rule = _KINDS[kind]
        rules = [(a0, b0, 0.0), *(rule(k) for k in range(1, shape_of(c)[0] + 1))]
        after = later = 0.0 * c[0] + 0.0 * x
        for k in range(shape_of(c)[0] - 1, -1, -1):
            a, b, _ = rules[k]
            after, later = c[k] + (a * x + b) * after - rules[k + 1][2] * later, after
        return after

    hook(f"numpy.polynomial.{kind}", f"{_KINDS[kind][0]}val", public=f"np.polynomial.{kind}.{_KINDS[kind][0]}val")(
        follow
    )


def _vander(kind: str) -> None:
    def follow(x: Any, deg: int) -> Any:
        return np.stack(_values(kind, np.atleast_1d(_numbers(x)), int(deg)), axis=-1)

    name = f"{_KINDS[kind][0]}vander"
    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


def _plain(kind: str, name: str) -> Callable[..., Any]:
    function = function_at(f"numpy.polynomial.{kind}", name)
    assert function is not None, "NumPy imports its polynomials as a whole"
    return function


def _derivative(kind: str) -> None:
    name = f"{_KINDS[kind][0]}der"

    def follow(c: Any, m: int = 1, scl: Any = 1, axis: int = 0) -> Any:
        rows = np.moveaxis(np.atleast_1d(_numbers(c)), axis, 0)
        matrix = _plain(kind, name)(np.eye(shape_of(rows)[0]), m)
        return np.moveaxis(np.tensordot(matrix, rows, 1) * scl**m, 0, axis)

    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


def _integral(kind: str) -> None:
    name = f"{_KINDS[kind][0]}int"

    def follow(c: Any, m: int = 1, k: Any = 0, lbnd: Any = 0, scl: Any = 1, axis: int = 0) -> Any:
        rows = np.moveaxis(np.atleast_1d(_numbers(c)), axis, 0)
        # Constants of integration that are not given are 0; one number is the first of them.
        constants = list(np.atleast_1d(_numbers(k)))
        for n in range(m):
            matrix = _plain(kind, name)(np.eye(shape_of(rows)[0]), 1, 0, lbnd)
            rows = np.tensordot(matrix, rows, 1) * scl
            if n < len(constants):
                first = np.reshape(np.eye(shape_of(rows)[0])[0], (-1,) + (1,) * (len(shape_of(rows)) - 1))
                rows = rows + constants[n] * first
        return np.moveaxis(rows, 0, axis)

    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


def _linear(kind: str, name: str) -> None:
    """A linear function of coefficients of which NumPy leaves out the last ones where they are 0."""

    def follow(c: Any) -> Any:
        c = np.atleast_1d(_numbers(c))
        columns = [_plain(kind, name)(unit) for unit in np.eye(shape_of(c)[0])]
        length = max(len(column) for column in columns)
        return np.stack([np.pad(column, (0, length - len(column))) for column in columns], axis=1) @ c

    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


def _product(kind: str) -> None:
    name = f"{_KINDS[kind][0]}mul"

    def follow(c1: Any, c2: Any) -> Any:
        a, b = np.atleast_1d(_numbers(c1)), np.atleast_1d(_numbers(c2))
        m, n = shape_of(a)[0], shape_of(b)[0]
        if kind == "polynomial":
            return np.convolve(a, b)
        table = np.zeros((m, n, m + n - 1))
        for i, one in enumerate(np.eye(m)):
            for j, other in enumerate(np.eye(n)):
                found = _plain(kind, name)(one, other)
                table[i, j, : len(found)] = found
        return np.einsum("i,j,ijk->k", a, b, table)

    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


def _sum(kind: str, name: str, sign: float) -> None:
    def follow(c1: Any, c2: Any) -> Any:
        a, b = np.atleast_1d(_numbers(c1)), np.atleast_1d(_numbers(c2))
        longest = max(shape_of(a)[0], shape_of(b)[0])
        a, b = (np.pad(c, (0, longest - shape_of(c)[0])) for c in (a, b))
        return a + b if sign > 0 else a - b

    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


def _roots(kind: str) -> None:
    name = f"{_KINDS[kind][0]}roots"

    def follow(c: Any) -> Any:
        c = np.atleast_1d(_numbers(c))
        if shape_of(c)[0] < 3:
            slope, height = _KINDS[kind][1]
            return -(c[:-1] / c[-1] + height) / slope
        degree = shape_of(c)[0] - 1
        # x times the polynomials below the degree, written by them: x p_k = (p_(k+1) - b_k p_k + c_k p_(k-1)) / a_k.
        _, (a0, b0), rule = _KINDS[kind]
        rules = [(a0, b0, 0.0), *(rule(k) for k in range(1, degree))]
        matrix = np.zeros((degree, degree))
        for k, (a, b, c_k) in enumerate(rules):
            matrix[k, k] -= b / a
            if k + 1 < degree:
                matrix[k + 1, k] = 1 / a
            if k:
                matrix[k - 1, k] = c_k / a
        last = np.zeros((degree, degree))
        last[:, -1] = 1 / rules[-1][0]
        # The polynomial of the degree is left out by c(x) = 0.
        return np.sort(np.linalg.eigvals(matrix - last * (c[:-1] / c[-1])[:, None]))

    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


def _fit(kind: str) -> None:
    name = f"{_KINDS[kind][0]}fit"

    def follow(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None) -> Any:
        if full or np.ndim(deg):
            raise TraceError(f"np.polynomial.{kind}.{name} is followed with full=False and one degree.{user_line()}")
        x, y = _numbers(x), _numbers(y)
        left, right = np.stack(_values(kind, x, int(deg)), axis=-1), y
        if w is not None:
            w = _numbers(w)
            left = left * w[:, None]
            right = right * (w[:, None] if len(shape_of(y)) == 2 else w)
        # Columns of length 1 keep the equations well conditioned.
        scale = np.sqrt(np.sum(left * left, axis=0))
        rcond = shape_of(x)[0] * np.finfo(x.dtype).eps if rcond is None else rcond
        found = np.linalg.lstsq(left / scale, right, rcond)[0]
        return (found.T / scale).T

    hook(f"numpy.polynomial.{kind}", name, public=f"np.polynomial.{kind}.{name}")(follow)


for _kind in _KINDS:
    _start = _KINDS[_kind][0]
    _val(_kind)
    _vander(_kind)
    _derivative(_kind)
    _integral(_kind)
    _product(_kind)
    _sum(_kind, f"{_start}add", 1.0)
    _sum(_kind, f"{_start}sub", -1.0)
    _roots(_kind)
    _fit(_kind)
    _linear(_kind, f"{_start}mulx")
    if _kind != "polynomial":
        _linear(_kind, f"{_start}2poly")
        _linear(_kind, f"poly2{_start}")


@hook("numpy.polynomial.polyutils", "_valnd", listed=False)
def _valnd(val_f: Any, c: Any, *args: Any) -> Any:
    # In several variables: the sum over the first degree gives coefficients at each point for the others.
    if len({shape_of(_numbers(x)) for x in args}) != 1:
        raise ValueError("x, y and z should have one shape")
    c = val_f(args[0], c)
    for x in args[1:]:
        c = val_f(x, c, tensor=False)
    return c


# The classes, such as np.polynomial.Chebyshev: they hold what this function makes of their coefficients.


@hook("numpy.polynomial.polyutils", "as_series", listed=False)
def _as_series(alist: Any, trim: bool = True) -> Any:
    return [np.atleast_1d(_numbers(c)) for c in alist]


@hook("numpy.polynomial.polyutils", "trimcoef", listed=False)
def _trimcoef(c: Any, tol: Any = 0) -> Any:
    return np.atleast_1d(_numbers(c))


@hook("numpy.polynomial.polyutils", "mapdomain", listed=False)
def _mapdomain(x: Any, old: Any, new: Any) -> Any:
    # The line that takes the ends of the one interval to those of the other.
    scale = (new[1] - new[0]) / (old[1] - old[0])
    return (old[1] * new[0] - old[0] * new[1]) / (old[1] - old[0]) + scale * _numbers(x)
