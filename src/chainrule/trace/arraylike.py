"""What a traced value has in common with an array: description, conversions, iteration, printing."""

import functools
import operator
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import TraceError, user_line
from chainrule.graph import Node
from chainrule.ops.shapes import to_integer
from chainrule.trace.names import function_called, is_followed, passed_through
from chainrule.trace.no_value import NO_VALUE

__all__ = ["ArrayLike", "peel", "value"]


def value(x: Any) -> Any:
    """Step out of the recording on purpose: the plain value of a traced value.

    Derivatives do not see what is computed from it. Anything that is not traced is returned as it is.

    Parameters
    ----------
    x : traced value, array or number
        What to look at.

    Returns
    -------
    array or number
        Same shape and dtype.

    Examples
    --------
    >>> import chainrule
    >>> seen = []
    >>> def f(x):
    ...     seen.append(chainrule.value(x))
    ...     return x * x
    >>> chainrule.grad(f)(3.0)
    6.0
    >>> seen
    [3.0]
    """
    x = peel(x)
    return x.copy() if type(x) is np.ndarray or x is NO_VALUE else x


def peel(x: Any) -> Any:
    """Plain value without a copy, for reading inside chainrule."""
    while isinstance(x, ArrayLike):
        x = x.value
    return x


def _lost(what: str, x: "ArrayLike", instead: str, name: str | None = None) -> NoReturn:
    name = function_called(compiled=False) if name is None else name
    where = name and f", in {name}"
    raise TraceError(
        f"{what} a traced value of shape {x.shape}, {x.dtype}{where}: the derivative would be lost.\n  {instead}"
        f"{user_line()}"
    )


def _whole(x: Any) -> Any:
    """An integer, as Python's own rounding gives; a plain one where only a derivative is recorded."""
    return to_integer(x, dtype=np.dtype(np.int64)) if isinstance(x, ArrayLike) else int(x)


class _Method:
    """A method of arrays, which is mostly the function of the same name: x.sum(axis=0) is np.sum(x, axis=0)."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, x: Any, owner: type) -> Any:
        from chainrule.trace.methods import METHODS

        return self if x is None else functools.partial(METHODS[self._name], x)


class _NotFollowed(_Method):
    """A method or attribute that a traced value does not have."""

    def __get__(self, x: Any, owner: type) -> NoReturn:
        # An AttributeError, so that hasattr answers False, as it does for what arrays do not have.
        raise AttributeError(f"a traced value has no attribute {self._name!r}: it cannot be followed")


class ArrayLike:
    """The part of a traced value that records nothing itself."""

    __slots__ = ()

    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # As for arrays; a cache keyed by values would keep tracers alive.

    node: Node
    value: Any

    # What describes the array.

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self.node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type."""
        return self.node.dtype

    @property
    def weak(self) -> bool:
        """Whether it is a Python number, which does not widen a NumPy dtype."""
        return self.node.weak

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.node.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.node.size

    @property
    def itemsize(self) -> int:
        """Bytes of one entry."""
        return self.node.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return self.node.size * self.node.dtype.itemsize

    @property
    def T(self) -> Any:
        """The transpose."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        """The real part, a view."""
        from chainrule.trace.methods import real_part

        return real_part(self)

    @real.setter
    def real(self, values: Any) -> None:
        self.real[...] = values

    @property
    def imag(self) -> Any:
        """The imaginary part, a view."""
        from chainrule.trace.methods import imaginary_part

        return imaginary_part(self)

    @imag.setter
    def imag(self, values: Any) -> None:
        self.imag[...] = values

    @property
    def flat(self) -> Any:
        """The entries one after the other: a view, even where np.ravel makes a copy."""
        from chainrule.trace.methods import flat

        return flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[...] = value

    # Decisions and conversions.

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        _lost(
            "float() was called on",
            self,
            "Use NumPy's function (np.sin for math.sin); make an array of floats inside the function before assigning\n"
            "  into it (B = np.zeros(n); B[i] = x); or use chainrule.value(x) to step out on purpose.",
        )

    def __int__(self) -> int:
        _lost(
            "int() was called on",
            self,
            "Use np.trunc(x); make an array of floats before assigning into it; or use int(chainrule.value(x)) "
            "to step out\n"
            "  on purpose.",
        )

    def __complex__(self) -> complex:
        _lost("complex() was called on", self, "Use x + 0j, or chainrule.value(x) to step out on purpose.")

    def __index__(self) -> int:
        if self.dtype.kind in "iub":
            return operator.index(self.value)
        raise TraceError(
            f"A traced value of dtype {self.dtype} was used as an index or a count; integers are needed there.\n"
            f"  Use int(chainrule.value(x)) to step out on purpose.{user_line()}"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        name = function_called(compiled=True)
        if name.startswith("scipy.") and not is_followed(name):
            instead = (
                f"{name} is not followed here: write it in terms of functions that are, give its derivative with\n"
                "  chainrule.custom_gradient, or use chainrule.value(x) to step out on purpose."
            )
        elif name == "np.dot":
            instead = "Write A @ x for A.dot(x) of a plain array A, and make arrays of lists first (np.array([x, y]))."
        elif name.startswith("np.random."):
            instead = (
                "Draw numbers that do not depend on x, and go on from these: mean + spread * rng.standard_normal(n);\n"
                "  chainrule.random draws in a way that is followed."
            )
        elif passed_through("pandas"):
            instead = "Take the numbers out of pandas first: x * series.to_numpy(), not x * series or series * x."
        else:
            instead = (
                "Use NumPy's functions on it, make an array of a list of traced values first (np.array([x, y])), or "
                "use\n  chainrule.value(x) to step out on purpose."
            )
        _lost("A plain array was to be made of", self, instead, name)

    def __round__(self, ndigits: int | None = None) -> Any:
        return _whole(np.round(self)) if ndigits is None else np.round(self, ndigits)

    def __floor__(self) -> Any:
        return _whole(np.floor(self))

    def __ceil__(self) -> Any:
        return _whole(np.ceil(self))

    def __trunc__(self) -> Any:
        return _whole(np.trunc(self))

    def __repr__(self) -> str:
        return f"Traced({peel(self)!r})"

    def __str__(self) -> str:
        return str(peel(self))

    def __format__(self, specification: str) -> str:
        return format(peel(self), specification)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        _lost(
            "pickle was asked to store",
            self,
            "A traced value cannot be sent to another process or stored; use chainrule.value(x).",
        )

    # Containers.

    def __len__(self) -> int:
        if not self.node.shape:
            raise TypeError("len() of unsized object")
        return self.node.shape[0]

    def __getitem__(self, key: Any) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        if not self.node.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.node.shape[0]))

    # Methods. They stand here one by one: a class with `__getattr__` has every attribute looked up in the long way.

    all = _Method()
    any = _Method()
    argmax = _Method()
    argmin = _Method()
    argsort = _Method()
    astype = _Method()
    clip = _Method()
    conj = _Method()
    conjugate = _Method()
    copy = _Method()
    cumprod = _Method()
    cumsum = _Method()
    diagonal = _Method()
    dot = _Method()
    fill = _Method()
    flatten = _Method()
    item = _Method()
    max = _Method()
    mean = _Method()
    min = _Method()
    nonzero = _Method()
    prod = _Method()
    put = _Method()
    ravel = _Method()
    repeat = _Method()
    reshape = _Method()
    round = _Method()
    searchsorted = _Method()
    sort = _Method()
    squeeze = _Method()
    std = _Method()
    sum = _Method()
    swapaxes = _Method()
    take = _Method()
    tolist = _Method()
    trace = _Method()
    transpose = _Method()
    var = _Method()

    # What else arrays have.

    argpartition, choose, compress, partition, resize = (_NotFollowed() for _ in range(5))
    base, ctypes, data, device, flags, strides = (_NotFollowed() for _ in range(6))
    byteswap, dump, dumps, getfield, setfield, setflags = (_NotFollowed() for _ in range(6))
    to_device, tobytes, tofile = (_NotFollowed() for _ in range(3))
