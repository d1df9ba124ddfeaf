"""Steps in machine code by themselves: minibatches, state in and out, and what is refused."""

import numpy as np
import pytest

from chainrule.native.training import compiled_steps
from chainrule.passes import optimized
from chainrule.trace.sizes import trace_sizes

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(11, 20)), RNG.normal(size=(11, 1))


def descent(state, rate, clock, x, t):
    """Linear least squares, the rate falling with the steps; the weights before are kept."""
    weights, _, count = state
    r = x @ weights - t
    loss = np.mean(r**2)
    gradient = 2 * x.T @ r / len(x)
    return weights - rate / (1 + clock) * gradient, weights, count + 1, loss


STATE = (RNG.normal(size=(20, 1)), np.zeros((20, 1)), 0)


def steps(f=descent, state=STATE, sizes=(4, 3)):
    arguments = (state, 0.1, 0.0, X[:1], T[:1])
    names = ("state", "rate", "clock", "x", "t")
    graph = trace_sizes(f, arguments, names, [False, False, False, True, True], sizes)
    return compiled_steps(optimized(graph), 3)


def by_hand(order, batch, first, count):
    state, losses = STATE, []
    for k in range(first, first + count):
        rows = slice(None) if order is None else order[k * batch : (k + 1) * batch]
        *state, loss = descent(state, 0.1, k, X[rows], T[rows])
        losses.append(loss)
    return state, losses


@pytest.mark.parametrize(("first", "count"), [(0, 3), (0, 1), (1, 2), (2, 1), (0, 0)])
def test_minibatches_are_picked(first, count):
    order = RNG.permutation(11)
    bench = steps().bench((0.1,), (X, T), 4, gathers=True)
    found, losses = bench.run(STATE, first, order, first, count)
    expected, costs = by_hand(order, 4, first, count)
    np.testing.assert_allclose(losses, costs, rtol=1e-13)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_all_rows_as_they_are():
    bench = steps(sizes=(11,)).bench((0.1,), (X, T), 11, gathers=False)
    found, losses = bench.run(STATE, 0, None, 0, 5)
    expected, costs = by_hand(None, 11, 0, 5)
    np.testing.assert_allclose(losses, costs, rtol=1e-12)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)


def test_a_state_that_was_handed_in_or_out_stays_as_it_is():
    bench = steps(sizes=(11,)).bench((0.1,), (X, T), 11, gathers=False)
    held, copies, state = [], [], STATE
    for k in range(6):
        state, _ = bench.run(state, 3 * k, None, 0, 3 - k % 2)
        held.append(state)
        copies.append([array.copy() for array in state])
    np.testing.assert_array_equal(STATE[1], 0)
    for arrays, expected in zip(held, copies, strict=True):
        for one, other in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda s, rate, clock, x, t: (s[0][:3], s[1], s[2], np.sum(x)), r"state\[0\] changes its shape or dtype"),
        (lambda s, rate, clock, x, t: (s[0].astype(np.float32), s[1], s[2], np.sum(x)), r"state\[0\] changes"),
        (lambda s, rate, clock, x, t: (s[0], np.ones((20, 1)), s[2], np.sum(x)), r"state\[1\] is set to a constant"),
    ],
)
def test_states_that_are_refused(f, message):
    with pytest.raises(NotImplementedError, match=message):
        steps(f)


def test_a_state_that_somebody_holds_stays_as_it_is():
    bench = steps(sizes=(11,)).bench((0.1,), (X, T), 11, gathers=False)
    state, held = STATE, []
    for k in range(6):
        state, _ = bench.run(state, k, None, 0, 1)
        if k in (1, 2, 3):
            # A view holds the array, too.
            x = state[0] if k < 3 else state[0][3:]
            held.append((x, x.copy()))
    for one, copy in held:
        np.testing.assert_array_equal(one, copy)
    expected, _ = by_hand(None, 11, 0, 6)
    np.testing.assert_allclose(state[0], expected[0], rtol=1e-12)


def test_memory_that_nobody_holds_is_used_again():
    bench = steps(sizes=(11,)).bench((0.1,), (X, T), 11, gathers=False)
    state, places = STATE, []
    for k in range(8):
        state, _ = bench.run(state, k, None, 0, 1)
        places.append(state[0].ctypes.data)
    assert len(set(places)) <= 4
