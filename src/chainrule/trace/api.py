"""Recording a function, and stepping in and out of a recording."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import TraceError
from chainrule.graph import Node
from chainrule.ops import elementwise
from chainrule.trace import hooks
from chainrule.trace.buffer import settled
from chainrule.trace.record import dtype_of
from chainrule.trace.recording import Recording
from chainrule.trace.tracer import Tracer

__all__ = ["argument_name", "open_recording", "stop_gradient", "traced_input"]

_NDARRAY = np.ndarray

# The words are Python's own, for an argument that C code takes of one type alone: such code asks a traced value for
# nothing, so that there is no other place at which to notice it.
_WANTED_AN_ARRAY = f"must be numpy.ndarray, not {Tracer.__name__}"


class open_recording:
    """Record what happens to the traced values made in this block (see `Recording`).

    A class, since a generator with `contextlib.contextmanager` takes longer than differentiating a small function.
    """

    __slots__ = ("_names", "recording")

    def __init__(self, f: Callable[..., Any], *, whole: bool = False, copies: bool = False) -> None:
        self._names: dict[str, Any] = getattr(f, "__globals__", {})
        self.recording = Recording(whole=whole, copies=copies)

    def __enter__(self) -> Recording:
        hooks.install(self._names)
        return self.recording

    def __exit__(self, kind: Any, problem: BaseException | None, traceback: Any) -> None:
        hooks.remove()
        self.recording.close()
        # NumPy asks a traced value for its length first, and compiled code may report an error of its own: the real
        # reason stands behind it.
        if problem is not None and isinstance(problem.__cause__, TraceError):
            raise problem.__cause__ from None
        if isinstance(problem, ValueError) and "read-only" in str(problem):
            problem.add_note(
                "chainrule keeps an array that takes part in a recorded computation read-only until the recording "
                "ends, since the backward pass reads it. Write into a copy of it."
            )
        if isinstance(problem, TypeError) and str(problem).endswith(_WANTED_AN_ARRAY):
            problem.add_note(
                "A traced value came to a method of SciPy's that is not written in Python. The factors of splu, spilu "
                "and factorized take traced vectors where they are made inside the function that is differentiated; "
                "scipy.sparse.linalg.spsolve takes them everywhere, and keeps the factors of the last few matrices."
            )


def traced_input(x: Any, name: str, recording: Recording) -> Tracer:
    """Make a number or an array an input of a recording.

    Parameters
    ----------
    x : array, number or traced value of another recording
        The value; Python integers count as floats. Where everything is recorded (`trace`), integer and boolean arrays
        are welcome, too.
    name : str
        How it is called in the graph and in messages.
    recording : Recording
        Where it goes.

    Returns
    -------
    Tracer
        The handle on the new input.

    Raises
    ------
    TraceError
        Where it is not a number that can be differentiated by.
    """
    kind = type(x)
    if kind is _NDARRAY and x.dtype.kind == "f":
        return Tracer(Node(None, (), {"name": name}, x.shape, x.dtype), x, recording)
    if kind is int:
        x, kind = float(x), float
    if kind is float or kind is complex:
        return Tracer(Node(None, (), {"name": name}, (), dtype_of(kind), True), x, recording)
    x = settled(x)
    if isinstance(x, Tracer):
        x = x.same_handle()
        return Tracer(Node(None, (), {"name": name}, x.shape, x.dtype, x.weak), x, recording)
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype.kind not in "fc" and not (recording.whole and x.dtype.kind in "iub"):
            raise TraceError(
                f"{name} has dtype {x.dtype}; a derivative needs real or complex numbers. "
                f"Pass {name}.astype(float), or leave it out of the arguments that are differentiated."
            )
        plain = np.asarray(x) if isinstance(x, np.ndarray) else x
        return Tracer(Node(None, (), {"name": name}, plain.shape, plain.dtype), plain, recording)
    raise TraceError(
        f"{name} is of type {kind.__name__}; a derivative needs numbers, arrays, or tuples, lists, dicts, named "
        "tuples and dataclasses of them."
    )


def argument_name(f: Callable[..., Any], position: int) -> str:
    """Name of a positional argument of `f`, for messages; made up where `f` does not tell.

    The code object is read instead of `inspect.signature`, which takes longer than differentiating a small function.
    """
    f = inspect.unwrap(f)
    code = getattr(f, "__code__", None)
    shift = 1 if inspect.ismethod(f) else 0
    if code is not None and position + shift < code.co_argcount:
        return str(code.co_varnames[position + shift])
    # Of a function that is caught the code has other arguments than the function.
    signature = getattr(f, "__signature__", None)
    if signature is not None and position < len(signature.parameters):
        return str(list(signature.parameters)[position])
    return f"argument {position}"


def stop_gradient(x: Any) -> Any:
    """Return `x` unchanged, with derivative zero: what is computed from it counts as constant.

    Parameters
    ----------
    x : array, number, traced value, or a tree of them
        What to cut off.

    Returns
    -------
    The same values.

    Examples
    --------
    >>> import chainrule
    >>> chainrule.grad(lambda x: x * chainrule.stop_gradient(x))(3.0)
    3.0
    """
    return tree.map(elementwise.stop_gradient, x)
