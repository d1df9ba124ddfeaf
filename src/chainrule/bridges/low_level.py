"""Compiled functions as `scipy.LowLevelCallable`: SciPy's own loops call them without Python."""

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError, TraceError
from chainrule.jit.paths import compile_path
from chainrule.jit.signature import signature_of
from chainrule.native.c_functions import CFunction, array_function, scalar_function
from chainrule.native.program import Program

__all__ = ["low_level_filter", "low_level_integrand"]

_DOUBLES = ctypes.POINTER(ctypes.c_double)
_INTEGRAND = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, _DOUBLES, ctypes.c_void_p)
_FILTER = ctypes.CFUNCTYPE(ctypes.c_int, _DOUBLES, ctypes.c_ssize_t, _DOUBLES, ctypes.c_void_p)


def low_level_integrand(f: Callable[..., Any], scalars: int = 1, args: Sequence[Any] = ()) -> Any:
    """Compile a function of numbers for `scipy.integrate.quad` and its kin.

    Parameters
    ----------
    f : callable
        A function in plain NumPy, or a derivative of one, such as ``grad(g)``. It takes so many numbers, then `args`,
        and returns a real number.
    scalars : int
        How many numbers it takes: the variables of integration, and after them what `quad` is given as ``args``.
    args : tuple
        Arrays and numbers that it takes besides. They are taken as they are now, like everything that it reads from
        around it: for other data make another callable.

    Returns
    -------
    scipy.LowLevelCallable
        Of the signature ``double (int, double *, void *)``. It gives NaN where it is called with another number of
        numbers, and where an index is out of range. It keeps the machine code alive.

    Raises
    ------
    OptionError
        Where an operation has no native form, or `f` does not return one real number.
    TraceError
        Where `f` does something that cannot be followed, such as a decision on a value: `numpy.where` and
        `chainrule.cond` take these.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.integrate import quad
    >>> from chainrule import grad
    >>> from chainrule.bridges import low_level_integrand
    >>> def wave(x, k):
    ...     return np.exp(-x) * np.sin(k * x)
    >>> value, _ = quad(low_level_integrand(wave, 2), 0, np.inf, args=(3.0,))
    >>> slope, _ = quad(low_level_integrand(grad(wave, "k"), 2), 0, np.inf, args=(3.0,))
    >>> round(value, 6), round(slope, 6)  # k / (1 + k^2), and its derivative by k
    (0.3, -0.08)
    """
    if isinstance(scalars, bool) or not isinstance(scalars, int) or scalars < 1:
        raise OptionError(f"scalars should be the number of numbers that f takes, found {scalars!r}")
    like = (0.0,) * scalars
    return _callable(scalar_function, _INTEGRAND, "double (int, double *, void *)", f, like, args)


def low_level_filter(f: Callable[..., Any], size: int, args: Sequence[Any] = ()) -> Any:
    """Compile a function of a window for `scipy.ndimage.generic_filter`.

    Parameters
    ----------
    f : callable
        A function in plain NumPy. It takes an array of float64, shape (size,), then `args`, and returns a real number.
    size : int
        How many entries of the image a window holds: those of the footprint that are true, in C order.
    args : tuple
        As for `low_level_integrand`.

    Returns
    -------
    scipy.LowLevelCallable
        Of the signature ``int (double *, intptr_t, double *, void *)``. A window of another size, or an index out of
        range, is SciPy's RuntimeError. It keeps the machine code alive.

    Raises
    ------
    OptionError, TraceError
        As `low_level_integrand`.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.ndimage import generic_filter
    >>> from chainrule.bridges import low_level_filter
    >>> roughness = low_level_filter(lambda window: np.sum(np.diff(window) ** 2), 3)
    >>> generic_filter(np.array([0.0, 1.0, 3.0, 3.0]), roughness, size=3)
    array([1., 5., 4., 0.])
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise OptionError(f"size should be the number of entries of a window, found {size!r}")
    like = (np.zeros(size),)
    return _callable(array_function, _FILTER, "int (double *, intptr_t, double *, void *)", f, like, args)


def _callable(
    make: Callable[..., CFunction],
    kind: Any,
    signature: str,
    f: Callable[..., Any],
    like: tuple[Any, ...],
    args: Sequence[Any],
) -> Any:
    from scipy import LowLevelCallable

    program, arrays = _program(f, like, tuple(args))
    made = make(program, arrays)
    pointer = kind(made.address)
    # SciPy's object holds this one, which holds the code.
    pointer.code = made
    return LowLevelCallable(pointer, signature=signature)


def _program(f: Callable[..., Any], like: tuple[Any, ...], args: tuple[Any, ...]) -> tuple[Program, list[Any]]:
    """The function in machine code, and copies of the arrays that it reads."""
    if not callable(f):
        raise OptionError(f"f should be a function, but is {type(f).__name__}")
    name = getattr(f, "__name__", "f")

    @functools.wraps(f)
    def called(*given: Any) -> Any:
        return f(*given, *args)

    signature, _ = signature_of(*tree.flatten((like, {})))
    path = compile_path(called, signature, None)
    # What a NaN asks for in `jit`, derivatives that let zero stay zero, is taken at once: nobody is there to look.
    code = path.code if path.careful is None else path.careful
    if path.found.structure != tree.LEAF or path.found.results != (0,):
        raise TraceError(f"{name} should return one real number, but returned {path.found.structure!r}")
    (output,) = code.graph.outputs
    dtype, shape = np.dtype(getattr(output, "dtype", type(output))), np.shape(output)
    if shape != () or dtype.kind not in "fiub":
        raise TraceError(f"{name} should return one real number, but returned {dtype} of shape {shape}")
    program = code.program
    through_numpy = sorted({getattr(step, "name", "") for step in program.steps if not isinstance(step, str)})
    if through_numpy:
        raise OptionError(f"{name} cannot be called without Python: {', '.join(through_numpy)} has no native form")
    return program, [np.array(x, order="C") for x in code.arrays]
