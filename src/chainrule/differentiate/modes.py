"""Forward mode, and whole matrices of derivatives: `jvp`, `jacobian`, `hessian`, `hvp`, `elementwise_grad`."""

import functools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from chainrule import tree
from chainrule.differentiate.arguments import Selection, with_others_fixed
from chainrule.differentiate.derivatives import Arguments, grad
from chainrule.differentiate.recorded import Recorded
from chainrule.errors import OptionError, TraceError
from chainrule.ops.axes import shape_of

__all__ = ["elementwise_grad", "hessian", "hvp", "jacobian", "jvp"]


def jvp(f: Callable[..., Any], args: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """Compute `f` and its derivative in one direction, by forward mode.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns an array, a number, or a tree of them.
    args : tuple
        The arguments, all of which are differentiated by.
    tangents : tuple
        The direction: for each argument the same tree and shapes.

    Returns
    -------
    value : array, number or tree
        What `f` returned.
    tangent : array, number or tree
        The derivative in that direction, in the structure of the value: the Jacobian-vector product.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed.
    OptionError
        Where a tangent differs from its argument in structure or shape.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import jvp
    >>> jvp(lambda x: x**2, (3.0,), (1.0,))
    (9.0, 6.0)
    """
    if not isinstance(args, tuple) or not isinstance(tangents, tuple) or len(args) != len(tangents):
        raise OptionError("jvp takes a tuple of arguments and a tuple with a tangent for each of them")
    recorded = Recorded(f, args, copies=False)
    return recorded.structure.unflatten(recorded.values), recorded.push(tangents)


def jacobian(
    f: Callable[..., Any], wrt: int | str = 0, *, mode: Literal["forward", "reverse"] | None = None
) -> Callable[..., Any]:
    """Make the function that computes all derivatives of the outputs of `f` by the entries of one argument.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns an array or a number.
    wrt : int or str
        The argument, an array or a number, by position or name.
    mode : {"forward", "reverse"} or None
        Forward costs one pass for each entry of the argument, reverse one for each entry of the output. None takes
        the smaller number.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns an array of the output's shape followed by the argument's.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed, or does not return one array.
    OptionError
        For an unknown mode or argument.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import jacobian
    >>> jacobian(lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ x)(np.ones(2))
    array([[1., 2.],
           [3., 4.]])
    """
    if mode not in ("forward", "reverse", None):
        raise OptionError(f"mode should be 'forward', 'reverse' or None, found {mode!r}")
    selection = Selection(f, wrt)

    @functools.wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        (place,) = selection.find(args, kwargs)
        x = args[place] if isinstance(place, int) else kwargs[place]
        x = float(x) if type(x) is int else x
        if tree.flatten(x)[1] != tree.LEAF:
            raise TraceError(
                f"{selection.name_of(place)} is a {type(x).__name__}; a Jacobian is by one array or number."
            )

        # Recorded once, whatever the number of passes along the tape, and whichever way they go.
        recorded = Recorded(with_others_fixed(f, args, kwargs, place), (x,), copies=False)
        if recorded.structure != tree.LEAF:
            kind = type(recorded.structure.unflatten(recorded.values)).__name__
            raise TraceError(f"{getattr(f, '__name__', 'f')} returned a {kind}; a Jacobian is of one array.")
        (value,) = recorded.values
        rows, columns = math.prod(shape_of(value)), math.prod(shape_of(x))
        forward = columns < rows if mode is None else mode == "forward"
        if forward:
            parts = [recorded.push((unit,)) for unit in _units(x)]
            return np.reshape(np.stack(parts, axis=-1), shape_of(value) + shape_of(x)) if parts else _empty(value, x)
        parts = [recorded.pull(unit)[0] for unit in _units(value)]
        return np.reshape(np.stack(parts), shape_of(value) + shape_of(x)) if parts else _empty(value, x)

    return matrix


def _units(x: Any) -> list[Any]:
    """Every array of the shape of `x` with one entry 1 and the others 0."""
    shape = shape_of(x)
    if not shape:
        return [1.0 if isinstance(x, float) else np.ones((), x.dtype)[()]]
    return list(np.eye(math.prod(shape), dtype=x.dtype).reshape(math.prod(shape), *shape))


def _empty(value: Any, x: Any) -> Any:
    return np.zeros(shape_of(value) + shape_of(x), np.result_type(value, x))


def hvp(f: Callable[..., Any], wrt: int | str = 0) -> Callable[..., Any]:
    """Make the function that computes a Hessian times a vector, without the Hessian: forward mode over reverse mode.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number.
    wrt : int or str
        The argument; a tree is welcome.

    Returns
    -------
    callable
        Takes the arguments of `f` and then a vector in the structure and shapes of that argument; returns the same.

    Raises
    ------
    TraceError, OptionError
        As `grad` and `jvp`.

    Notes
    -----
    B. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994): a small multiple of the
    cost of `f`.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import hvp
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    gradient = grad(f, wrt)
    selection = Selection(f, wrt)

    @functools.wraps(f)
    def product(*args: Any, **kwargs: Any) -> Any:
        *rest, vector = args
        (place,) = selection.find(tuple(rest), kwargs)
        alone = with_others_fixed(gradient, tuple(rest), kwargs, place)
        return jvp(alone, (rest[place] if isinstance(place, int) else kwargs[place],), (vector,))[1]

    return product


def hessian(f: Callable[..., Any], wrt: int | str = 0) -> Callable[..., Any]:
    """Make the function that computes all second derivatives of `f` by one argument.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number.
    wrt : int or str
        The argument, an array or a number.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns an array of the argument's shape twice over.

    Raises
    ------
    TraceError, OptionError
        As `grad` and `jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f, wrt), wrt, mode="forward")


def elementwise_grad(f: Callable[..., Any], wrt: Arguments = 0) -> Callable[..., Any]:
    """Make the function that computes the derivative of each output by the input it came from.

    Parameters
    ----------
    f : callable
        A function in plain NumPy whose output entries depend on one input entry each, such as ``np.tanh``.
    wrt : int, str or a sequence of them
        As in `grad`.

    Returns
    -------
    callable
        Takes the arguments of `f`, returns derivatives in their shape: the sums of the columns of the Jacobian.

    Raises
    ------
    TraceError, OptionError
        As `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import elementwise_grad
    >>> elementwise_grad(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    @functools.wraps(f)
    def summed(*args: Any, **kwargs: Any) -> Any:
        return np.sum(f(*args, **kwargs))

    return grad(summed, wrt)
