"""Who computes gradients: each takes turns in a process of its own, and has to agree with the derivative by hand."""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.gradients import libraries
from benchmarks.gradients.objective import Arrays, Case
from benchmarks.training.contestant import Contestant

__all__ = ["autograd", "by_hand", "compiled", "first_call", "interpreted", "jax", "jax_first_call", "pytorch", "value"]

Call = Callable[[], Any]


def timed(call: Call) -> Contestant:
    def turn(calls: int) -> tuple[int, float]:
        begun = time.perf_counter()
        for _ in range(calls):
            call()
        return calls, time.perf_counter() - begun

    return turn


def checked(case: Case, call: Call) -> Contestant:
    """The contestant that makes this call; AssertionError where that gives other numbers than by hand."""
    parameters, constants = case.data()
    expected = case.objective.by_hand(*parameters, *constants)
    for ours, theirs in zip(flat(call()), expected, strict=True):
        theirs = np.asarray(theirs)
        right = np.abs(np.asarray(ours) - theirs) <= 1e-8 * np.abs(theirs) + 1e-10 * np.max(np.abs(theirs))
        assert np.all(right), f"{np.mean(~right):.0%} of the numbers differ from those by hand"
    return timed(call)


def flat(found: Any) -> list[Any]:
    """The arrays in a nest of tuples."""
    return [leaf for part in found for leaf in flat(part)] if isinstance(found, tuple) else [found]


def by_hand(case: Case, threads: int) -> Contestant:
    parameters, constants = case.data()
    return timed(lambda: case.objective.by_hand(*parameters, *constants))


def ours(case: Case) -> tuple[Callable[..., Any], Arrays]:
    """The derivative as chainrule gives it, and what to call it with."""
    from chainrule import grad, jvp, value_and_grad

    parameters, constants = case.data()
    f = of(case, libraries.numpy(case.scan))
    if case.objective.result == "gradient":
        return value_and_grad(f, tuple(range(len(parameters)))), (*parameters, *constants)

    def newton(x, *constants):
        gradient, diagonal = jvp(lambda x: grad(f)(x, *constants), (x,), (np.ones(x.shape),))
        return gradient / diagonal

    return newton, (*parameters, *constants)


def of(case: Case, library: libraries.Library) -> Callable[..., Any]:
    def objective(*arguments):
        return case.objective.value(library, *arguments)

    return objective


def interpreted(case: Case, threads: int) -> Contestant:
    derivative, arguments = ours(case)
    return checked(case, lambda: derivative(*arguments))


def compiled(case: Case, threads: int) -> Contestant:
    from chainrule import jit

    derivative, arguments = ours(case)
    derivative = jit(derivative)
    return checked(case, lambda: derivative(*arguments))


def value(case: Case, threads: int) -> Contestant:
    """The objective alone, compiled by chainrule."""
    from chainrule import jit

    parameters, constants = case.data()
    plain = of(case, libraries.numpy(case.scan))
    f, expected = jit(plain), plain(*parameters, *constants)
    assert abs(f(*parameters, *constants) - expected) <= 1e-9 * abs(expected), "not the value that NumPy gives"
    return timed(lambda: f(*parameters, *constants))


def first_call(case: Case, threads: int) -> Contestant:
    """chainrule's first call, which records and compiles; what is kept on disk is left aside."""
    from chainrule import jit

    # The size of the cache on disk.
    os.environ["CHAINRULE_CACHE_SIZE"] = "0"
    return timed(lambda: (lambda derivative, arguments: jit(derivative)(*arguments))(*ours(case)))


def theirs(case: Case) -> tuple[Callable[..., Any], Arrays]:
    """The derivative as JAX gives it, jitted, and what to call it with."""
    import jax

    library = libraries.jax(case.scan)
    parameters, constants = case.data()
    # Numbers stay what they are: a count of steps is not traced.
    arguments = [jax.numpy.asarray(a) if isinstance(a, np.ndarray) else a for a in (*parameters, *constants)]
    fixed = tuple(i for i, a in enumerate(arguments) if isinstance(a, int))
    f = of(case, library)
    if case.objective.result == "gradient":
        return jax.jit(jax.value_and_grad(f, tuple(range(len(parameters)))), static_argnums=fixed), tuple(arguments)

    def newton(x, *constants):
        gradient, diagonal = jax.jvp(lambda x: jax.grad(f)(x, *constants), (x,), (jax.numpy.ones(x.shape),))
        return gradient / diagonal

    return jax.jit(newton, static_argnums=fixed), tuple(arguments)


def jax(case: Case, threads: int) -> Contestant:
    import jax

    derivative, arguments = theirs(case)
    return checked(case, lambda: jax.block_until_ready(derivative(*arguments)))


def jax_first_call(case: Case, threads: int) -> Contestant:
    """JAX's first call, which traces and compiles."""
    import jax

    def call():
        jax.clear_caches()
        derivative, arguments = theirs(case)
        jax.block_until_ready(derivative(*arguments))

    return timed(call)


def pytorch(case: Case, threads: int) -> Contestant:
    """PyTorch's eager mode."""
    import torch

    torch.set_num_threads(threads)
    parameters, constants = case.data()
    f = of(case, libraries.torch(case.scan))
    variables = tuple(torch.from_numpy(a).requires_grad_() for a in parameters)
    others = tuple(torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in constants)

    def gradient():
        found = f(*variables, *others)
        return found.detach(), torch.autograd.grad(found, variables)

    def newton():
        (slope,) = torch.autograd.grad(f(*variables, *others), variables, create_graph=True)
        (diagonal,) = torch.autograd.grad(slope.sum(), variables)
        return slope.detach() / diagonal

    return checked(case, gradient if case.objective.result == "gradient" else newton)


def autograd(case: Case, threads: int) -> Contestant:
    import autograd

    parameters, constants = case.data()
    f = of(case, libraries.autograd(case.scan))
    if case.objective.result == "gradient":
        derivative = autograd.value_and_grad(f, tuple(range(len(parameters))))
        return checked(case, lambda: derivative(*parameters, *constants))
    gradient, product = autograd.grad(f), autograd.hessian_vector_product(f)
    (x,) = parameters
    ones = np.ones_like(x)
    return checked(case, lambda: gradient(x, *constants) / product(x, *constants, ones))
