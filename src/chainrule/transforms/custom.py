"""Functions whose derivative the user gives."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.differentiate import vjp
from chainrule.errors import OptionError, TraceError, user_line
from chainrule.ops.axes import shape_of
from chainrule.ops.op import joint
from chainrule.trace.buffer import settled

__all__ = ["custom_gradient"]


def custom_gradient(backward: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function a derivative of your own, in place of the one that follows from its code.

    The function is then one operation: its code runs on plain arrays, so that it may do what cannot be followed.

    Parameters
    ----------
    backward : callable
        ``backward(g, ans, *args)`` returns the contribution to each argument: the derivative by the output, `g`, times
        the local derivative, in the shape of that argument. With several arguments it is a tuple; None stands for
        an argument that has no derivative. Written in NumPy, it can itself be differentiated.

    Returns
    -------
    callable
        A decorator for a function of arrays and numbers (no trees) that returns one array or number.

    Raises
    ------
    OptionError
        When a derivative is taken, where `backward` returns the wrong number of contributions.
    TraceError
        Where it returns None, or another shape than that of the argument, for an argument that is differentiated by.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import custom_gradient, grad
    >>> @custom_gradient(lambda g, ans, x: g / (1 + np.exp(-x)))
    ... def softplus(x):
    ...     return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)
    >>> float(grad(softplus)(1000.0))
    1.0
    """

    def decorate(f: Callable[..., Any]) -> Callable[..., Any]:
        name = getattr(f, "__name__", "custom")
        pull = _pull(name, backward)
        op = joint(name, f, _infer(f), pull, _push(pull), keeps=(0, -1))

        @functools.wraps(f)
        def call(*args: Any) -> Any:
            return op(*args)

        return call

    return decorate


def _infer(f: Callable[..., Any]) -> Callable[..., Any]:
    def infer(*inputs: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
        # What the function makes of its inputs only the function can tell.
        ans = f(*(np.ones(x.shape, x.dtype) if hasattr(x, "op") else x for x in inputs))
        return shape_of(ans), np.asarray(ans).dtype

    return infer


def _push(pull: Callable[..., Any]) -> Callable[..., Any]:
    def push(tangents: list[Any], ans: Any, *inputs: Any) -> Any:
        # The rule is linear in g, so that its own transpose is the forward rule.
        wanted = tuple(t is not None for t in tangents)

        def backwards(g: Any) -> tuple[Any, ...]:
            parts = pull(wanted, g, ans, *inputs)
            return tuple(part for part in parts if part is not None)

        _, pull_back = vjp(backwards, np.zeros(shape_of(ans), ans.dtype if hasattr(ans, "dtype") else float))
        return pull_back(tuple(t for t in tangents if t is not None))[0]

    return push


def _pull(name: str, backward: Callable[..., Any]) -> Callable[..., Any]:
    def pull(wanted: tuple[bool, ...], g: Any, ans: Any, *inputs: Any) -> list[Any]:
        parts = backward(g, ans, *inputs)
        if len(inputs) == 1 and not isinstance(parts, tuple):
            parts = (parts,)
        if not isinstance(parts, tuple) or len(parts) != len(inputs):
            what = f"a tuple of {len(parts)}" if isinstance(parts, tuple) else type(parts).__name__
            raise OptionError(f"the rule of {name} should return {len(inputs)} derivatives, but returned {what}")
        found = [settled(part) for part in parts]
        for i, (part, x, asked) in enumerate(zip(found, inputs, wanted, strict=True)):
            if not asked:
                found[i] = None
            elif part is None:
                raise TraceError(
                    f"{name} has no derivative by its argument {i + 1}: its rule returned None.{user_line()}"
                )
            elif shape_of(part) != shape_of(x):
                raise TraceError(
                    f"the rule of {name} returned shape {shape_of(part)} for argument {i + 1}, which has shape "
                    f"{shape_of(x)}.{user_line()}"
                )
        return found

    return pull
