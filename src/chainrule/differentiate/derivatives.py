"""`grad`, `value_and_grad` and `vjp`: reverse mode on plain NumPy code."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate.arguments import Selection
from chainrule.differentiate.finish import finish
from chainrule.differentiate.recorded import Recorded
from chainrule.differentiate.reverse import accumulate
from chainrule.errors import TraceError
from chainrule.ops.axes import shape_of
from chainrule.trace.api import open_recording
from chainrule.trace.buffer import settled
from chainrule.trace.recording import Recording
from chainrule.trace.tracer import Tracer

__all__ = ["grad", "value_and_grad", "vjp"]

Arguments = int | str | Sequence[int] | Sequence[str]


def grad(f: Callable[..., Any], wrt: Arguments = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """Make the function that computes the gradient of `f`, by reverse mode.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number (shape ``()``).
    wrt : int, str, or a sequence of them
        The arguments to differentiate by, by position or name. A sequence gives a tuple of gradients.
    has_aux : bool
        True where `f` returns a pair (number, anything else); the gradient then comes in a pair with the second part.

    Returns
    -------
    callable
        Takes the arguments of `f`, returns the gradient: for each argument the same tree, shapes and dtypes. For
        complex arguments z = u + iv it is df/du - i df/dv.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed, or does not return one real number.
    OptionError
        Where `wrt` names no argument of `f`.

    Notes
    -----
    One run of `f` and one pass backward, about as costly as two or three runs of `f`, whatever the number of arguments
    (A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, chapter 4).

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import grad
    >>> def loss(w, b, x, t):
    ...     y = 1 / (1 + np.exp(-(w * x + b)))
    ...     return 0.5 * (y - t) ** 2
    >>> grad(loss, ("w", "b"))(2.0, 1.0, 0.5, 1.0)
    (-0.0062577710868383695, -0.012515542173676739)
    """
    both = value_and_grad(f, wrt, has_aux=has_aux)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        result, gradients = both(*args, **kwargs)
        return (gradients, result[1]) if has_aux else gradients

    return gradient


def value_and_grad(f: Callable[..., Any], wrt: Arguments = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """Make the function that computes `f` and its gradient in one go.

    Parameters
    ----------
    f, wrt, has_aux
        As in `grad`.

    Returns
    -------
    callable
        Takes the arguments of `f`, returns ``(value, gradient)``, with ``value`` the pair that `f` returned where
        `has_aux`.

    Raises
    ------
    TraceError, OptionError
        As in `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import value_and_grad
    >>> value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """
    selection = Selection(f, wrt)

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        with open_recording(f) as recording:
            call = selection.trace(recording, args, kwargs)
            output, aux = _split_aux(f, call(), has_aux)
            output = settled(output)
            _check_number(f, output)
        value = output
        if isinstance(output, Tracer) and output.recording is recording:
            value = output.value
            found = accumulate(recording.entries, {output.node: _one_like(output)}, call.sources)
        else:
            found = [None] * len(call.handles)
        gradients = selection.rebuild(call, finish(found, call.handles))
        return ((value, _lowered(aux, recording)), gradients) if has_aux else (value, gradients)

    return value_and_gradient


def vjp(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Compute `f` and the function that takes derivatives by its output back to its arguments.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns an array, a number, or a tree of them.
    *args : array, number or tree
        The arguments, all of which are differentiated by.

    Returns
    -------
    value : array, number or tree
        What `f` returned.
    pull_back : callable
        Takes a derivative in the structure and shapes of the value, and returns a tuple with the derivative by each
        argument: the vector-Jacobian product. It can be called several times.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed.
    OptionError
        From `pull_back`, where what it is given differs from the value in structure or shape.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import vjp
    >>> value, pull_back = vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pull_back(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    recorded = Recorded(Selection(f, tuple(range(len(args)))), args, {}, copies=True)
    return recorded.structure.unflatten(_copied(value) for value in recorded.values), recorded.pull


def _copied(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def _lowered(x: Any, recording: Recording) -> Any:
    """Replace the traced values of an ended recording by what they stand for."""

    def lower(leaf: Any) -> Any:
        leaf = settled(leaf)
        return leaf.value if isinstance(leaf, Tracer) and leaf.recording is recording else leaf

    return tree.map(lower, x)


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", "the function")


def _split_aux(f: Callable[..., Any], result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TraceError(
            f"{_name(f)} should return a pair (number, anything else) with has_aux=True, "
            f"but returned {type(result).__name__}."
        )
    return result


def _check_number(f: Callable[..., Any], output: Any) -> None:
    if isinstance(output, Tracer) and output.node.shape == () and output.node.dtype.kind == "f":
        return
    name = _name(f)
    if isinstance(output, (tuple, list, dict)):
        raise TraceError(
            f"{name} returned a {type(output).__name__} of length {len(output)}; a gradient needs one real number. "
            "Return the number first and use has_aux=True for the rest, or use chainrule.vjp."
        )
    if output is None:
        raise TraceError(f"{name} returned None; a gradient needs one real number. Is a return statement missing?")
    if not isinstance(output, (Tracer, np.ndarray, np.generic, float, int)):
        raise TraceError(f"{name} returned {type(output).__name__}; a gradient needs one real number.")
    if shape_of(output) != ():
        raise TraceError(
            f"{name} returned an array of shape {shape_of(output)}; a gradient needs one real number. Sum it, take "
            "one entry, or use chainrule.vjp."
        )
    if getattr(output, "dtype", np.dtype(float)).kind == "c":
        raise TraceError(
            f"{name} returned a complex number; a gradient needs a real one. Return np.real(y) or np.abs(y), or use "
            "chainrule.vjp."
        )


def _one_like(output: Tracer) -> Any:
    node = output.node
    return 1.0 if node.weak else node.dtype.type(1)
