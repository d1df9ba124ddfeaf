"""Derivatives in one direction, `jvp` and `hvp`, and entry by entry, `elementwise_grad`."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate.arguments import Selection, with_others_fixed
from chainrule.differentiate.derivatives import Arguments, grad
from chainrule.differentiate.recorded import Recorded
from chainrule.errors import OptionError, TraceError
from chainrule.ops.axes import shape_of

__all__ = ["elementwise_grad", "hvp", "jvp"]


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
    recorded = Recorded(Selection(f, tuple(range(len(args)))), args, {}, copies=False)
    return recorded.structure.unflatten(recorded.values), recorded.push(tangents)


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
        Takes the arguments of `f`, returns derivatives in their shape: the sums of the columns of the Jacobian, with
        its convention for complex numbers (see `jacobian`).

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
    selection = Selection(f, wrt)

    @functools.wraps(f)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        recorded = Recorded(selection, args, kwargs, copies=False)
        if recorded.structure != tree.LEAF:
            kind = type(recorded.structure.unflatten(recorded.values)).__name__
            raise TraceError(f"{getattr(f, '__name__', 'f')} returned a {kind}, where one array was expected.")
        return recorded.rebuild(recorded.pull_one(0, np.ones(shape_of(recorded.values[0]))))

    return derivative
