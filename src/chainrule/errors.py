"""The exceptions that a user can meet, and the line of the user's code that led to one."""

import contextlib
import functools
import linecache
import os
import sys
from types import FrameType
from typing import Any

__all__ = [
    "ChainruleError",
    "CheckpointError",
    "DataError",
    "DivergenceError",
    "GraphError",
    "ModelFileError",
    "NoDerivativeError",
    "OptionError",
    "SolutionError",
    "TraceError",
    "user_line",
]


class ChainruleError(Exception):
    """Base of every error that chainrule raises on purpose.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule
    >>> try:
    ...     chainrule.grad(lambda x: np.exp(x))(np.ones(2))
    ... except chainrule.ChainruleError as error:
    ...     print(type(error).__name__)
    TraceError
    """


class TraceError(ChainruleError, TypeError):
    """A computation that cannot be followed, so that its derivative would be lost.

    Examples
    --------
    >>> import math
    >>> import chainrule
    >>> try:
    ...     chainrule.grad(lambda x: math.sin(x))(1.0)
    ... except chainrule.TraceError as error:
    ...     print(str(error).splitlines()[0])
    float() was called on a traced value of shape (), float64: the derivative would be lost.
    """


class NoDerivativeError(TraceError):
    """An operation for which no derivative rule exists.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule
    >>> try:
    ...     chainrule.grad(lambda x: np.nextafter(x, 2.0))(1.0)
    ... except chainrule.NoDerivativeError as error:
    ...     print(str(error).partition(",")[0])
    np.nextafter has no derivative rule by its argument x1 (the first)
    """


class SolutionError(ChainruleError, ArithmeticError):
    """A solution that was not found, or that has no derivative.

    Examples
    --------
    >>> from scipy import optimize
    >>> import chainrule
    >>> try:  # at a = 0 the two roots of x**2 = a meet
    ...     chainrule.grad(lambda a: optimize.fsolve(lambda x: x**2 - a, 0.0)[0])(0.0)
    ... except chainrule.ChainruleError as error:
    ...     print(type(error).__name__)
    SolutionError
    """


class GraphError(ChainruleError, ValueError):
    """A computation graph that breaks one of its own rules (see `chainrule.graph.verify`)."""


class OptionError(ChainruleError, ValueError):
    """An argument or option with a value that has no meaning."""


class DataError(ChainruleError, ValueError):
    """A file, table, array or label that cannot be used; the message names the place."""


class ModelFileError(ChainruleError, ValueError):
    """A model file that is damaged, foreign or of a newer format."""


class CheckpointError(ChainruleError, ValueError):
    """A checkpoint that cannot be written, is damaged, or belongs to another run.

    Attributes
    ----------
    state : chainrule.train.TrainState or None
        Where the run stood when its checkpoint could not be written: `chainrule.train.fit` goes on from it. None where
        a checkpoint could not be read.
    """

    def __init__(self, message: str, state: object = None) -> None:
        super().__init__(message)
        self.state = state


class DivergenceError(ChainruleError, FloatingPointError):
    """A loss that became NaN or infinite during training.

    Attributes
    ----------
    layer : int or None
        Number (from 1) of the first layer whose signal or activation is not finite; None where it is the loss alone.
    step : int
        Number (from 0) of the training step.
    """

    def __init__(self, message: str, *, layer: int | None, step: int) -> None:
        super().__init__(message)
        self.layer = layer
        self.step = step

    def __reduce__(self) -> tuple[Any, ...]:
        # From process to process: exceptions are rebuilt from their positional arguments alone.
        return functools.partial(type(self), layer=self.layer, step=self.step), self.args


_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


@functools.cache
def _library_folders() -> tuple[str, ...]:
    # Imported here, since that takes a twentieth of the time of `import chainrule`.
    import sysconfig

    return tuple(
        os.path.join(folder, package) + os.sep
        for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        for package in ("numpy", "scipy", "sklearn", "pandas", "matplotlib")
    )


def _is_users(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    # Decorators of NumPy and of our own stand in contextlib.
    return not (name.startswith((_OWN_FOLDER, "<__array", *_library_folders())) or name == contextlib.__file__)


def frames_to_user() -> tuple[list[FrameType], FrameType | None]:
    """Frames of chainrule and of libraries from the innermost on, and the user's that called them, where there is one.

    Examples
    --------
    >>> from chainrule.errors import frames_to_user
    >>> len(frames_to_user()[0])
    1
    """
    frame: FrameType | None = sys._getframe(0)
    passed = []
    while frame is not None and not _is_users(frame):
        passed.append(frame)
        frame = frame.f_back
    return passed, frame


def user_line() -> str:
    """Name the innermost line on the call stack that is the user's own code.

    Returns
    -------
    str
        ``'  at FILE:LINE, in FUNCTION:  SOURCE'`` on a line of its own, to close an error message with, or an
        empty string where every frame belongs to chainrule or to a library such as NumPy or pandas.

    Examples
    --------
    >>> from chainrule.errors import user_line
    >>> def f():
    ...     return user_line()
    >>> "in f" in f()
    True
    """
    _, frame = frames_to_user()
    if frame is None:
        return ""
    code = frame.f_code
    source = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip()
    place = f"\n  at {code.co_filename}:{frame.f_lineno}, in {code.co_name}"
    return f"{place}:  {source}" if source else place
