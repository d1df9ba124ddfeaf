"""A recording makes no reference cycles: what it holds is given back when the call ends, without the collector."""

import gc

import numpy as np
import pytest

from chainrule import grad, jvp, value_and_grad, vjp

pytestmark = pytest.mark.interpreted("it counts what is left")


def filled(x):
    y = np.zeros(4)
    y[0] = x[0]
    for i in range(1, 4):
        y[i] = 0.5 * y[i - 1] + x[i]
    part = y[1:]
    part *= 2.0
    return np.sum(y * y[::-1])


def network(x):
    return np.sum(np.tanh(x.reshape(2, 2) @ np.ones((2, 3))) ** 2)


@pytest.mark.parametrize("f", [filled, network])
@pytest.mark.parametrize(
    "differentiate",
    [
        lambda f, x: grad(f)(x),
        lambda f, x: value_and_grad(f)(x),
        lambda f, x: vjp(f, x)[1](1.0),
        lambda f, x: jvp(f, (x,), (np.ones(4),)),
        lambda f, x: grad(lambda y: np.sum(grad(f)(y) ** 2))(x),
    ],
)
def test_no_reference_cycles(f, differentiate):
    x = np.arange(1.0, 5.0)
    differentiate(f, x)
    gc.disable()
    gc.freeze()  # what other tests left is not looked through
    try:
        differentiate(f, x)
        assert gc.collect() == 0
    finally:
        gc.unfreeze()
        gc.enable()
