"""What the loops hold in reverse: the carries once, and less with `recompute`. Counted in arrays of its size."""

import tracemalloc

import numpy as np
import pytest

from chainrule import grad, recompute, scan, while_loop

pytestmark = pytest.mark.interpreted("it measures memory")

STEPS = 64
X = np.linspace(0.1, 1.0, 20_000)


def block(x):
    for _ in range(8):
        x = np.tanh(x)
    return x


def by_python(x, steps=STEPS):
    for _ in range(steps):
        x = block(x)
    return x


def by_scan(x, steps=STEPS):
    return scan(lambda x, _: (block(x), None), x, length=steps)[0]


def by_while(x, steps=STEPS):
    return while_loop(lambda c: c[0] < steps, lambda c: (c[0] + 1, block(c[1])), (0, x))[1]


def in_two_levels(x, loop):
    inner = recompute(lambda x: loop(x, 8))
    return scan(lambda x, _: (inner(x), None), x, length=STEPS // 8)[0]


def peak(f):
    """Most memory in use at once while the gradient is computed."""
    tracemalloc.start()
    try:
        grad(lambda x: np.sum(f(x)))(X)
        return tracemalloc.get_traced_memory()[1] / X.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("loop", [by_scan, by_while])
def test_carries_are_held_once(loop):
    np.testing.assert_allclose(grad(lambda x: np.sum(loop(x)))(X), grad(lambda x: np.sum(by_python(x)))(X), rtol=1e-12)
    assert peak(by_python) > 8 * STEPS
    assert STEPS < peak(loop) < STEPS + 25


@pytest.mark.parametrize("loop", [by_scan, by_while])
def test_two_levels_hold_the_carries_of_one_of_each(loop):
    def f(x):
        return np.sum(in_two_levels(x, loop))

    np.testing.assert_allclose(grad(f)(X), grad(lambda x: np.sum(by_python(x)))(X), rtol=1e-12)
    assert peak(lambda x: in_two_levels(x, loop)) < 8 + 8 + 20


@pytest.mark.parametrize("loop", [by_scan, by_while])
def test_a_chain_of_recomputed_loops_holds_one(loop):
    def chain(wrap):
        def f(x):
            for _ in range(4):
                x = wrap(lambda x: loop(x, STEPS // 4))(x)
            return x

        return f

    assert peak(chain(lambda f: f)) > STEPS
    assert peak(chain(recompute)) < STEPS // 4 + 25
