"""What objectives ask of a library, and where each has it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Library", "autograd", "jax", "numpy", "torch"]


@dataclass(frozen=True)
class Library:
    """A library's functions of arrays.

    Parameters
    ----------
    np : module
        The functions that have the same name in all of them.
    expit, softplus : callable
        1 / (1 + exp(-x)) and log(1 + exp(x)).
    logsumexp, smallest : callable
        Reductions, given an array and an axis.
    fill : callable
        ``fill(shape, places, values)`` gives zeros with values at places.
    loop : callable
        ``loop(step, carry, xs, length)`` as `chainrule.scan`, or the same in Python.
    """

    np: Any
    expit: Callable[[Any], Any]
    softplus: Callable[[Any], Any]
    logsumexp: Callable[[Any, int], Any]
    smallest: Callable[[Any, int], Any]
    fill: Callable[[tuple[int, ...], Any, Any], Any]
    loop: Callable[..., tuple[Any, Any]]


def in_python(stack: Callable[[list[Any]], Any]) -> Callable[..., tuple[Any, Any]]:
    def loop(step, carry, xs, length=None):
        found = []
        for x in range(length) if xs is None else xs:
            carry, y = step(carry, x)
            found.append(y)
        return carry, None if found[0] is None else stack(found)

    return loop


def numpy(scan: bool) -> Library:
    """NumPy, which is what chainrule differentiates; the loop is chainrule's."""
    import numpy as np
    from scipy.special import expit, logsumexp

    import chainrule

    def fill(shape, places, values):
        found = np.zeros(shape)
        found[places] = values
        return found

    return Library(
        np,
        expit,
        lambda x: np.logaddexp(0.0, x),
        lambda x, axis: logsumexp(x, axis=axis),
        lambda x, axis: np.min(x, axis=axis),
        fill,
        chainrule.scan if scan else in_python(np.stack),
    )


def autograd(scan: bool) -> Library:
    """Has neither assignment nor a loop of its own."""
    import autograd.numpy as anp
    import numpy as np
    from autograd.scipy.special import expit, logsumexp

    def fill(shape, places, values):
        taken = np.full(shape, values.size)
        taken[places] = np.arange(values.size).reshape(values.shape)
        return anp.concatenate((anp.ravel(values), np.zeros(1)))[taken]

    return Library(
        anp,
        expit,
        lambda x: anp.logaddexp(0.0, x),
        lambda x, axis: logsumexp(x, axis=axis),
        lambda x, axis: anp.min(x, axis=axis),
        fill,
        in_python(anp.stack),
    )


def jax(scan: bool) -> Library:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    return Library(
        jnp,
        jax.nn.sigmoid,
        jax.nn.softplus,
        lambda x, axis: jax.nn.logsumexp(x, axis=axis),
        lambda x, axis: jnp.min(x, axis=axis),
        lambda shape, places, values: jnp.zeros(shape).at[places].set(values),
        jax.lax.scan if scan else in_python(jnp.stack),
    )


def torch(scan: bool) -> Library:
    """Has no loop of its own."""
    import torch

    def fill(shape, places, values):
        found = torch.zeros(shape, dtype=values.dtype)
        found[places] = values
        return found

    return Library(
        torch,
        torch.sigmoid,
        torch.nn.functional.softplus,
        torch.logsumexp,
        torch.amin,
        fill,
        in_python(torch.stack),
    )
