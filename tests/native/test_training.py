"""Steps in machine code by themselves: minibatches, state in and out, and what is refused."""

import numpy as np
import pytest

from chainrule.native.pool import using_threads
from chainrule.native.training import compiled_steps
from chainrule.passes import optimized
from chainrule.trace.sizes import trace_sizes

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(11, 20)), RNG.normal(size=(11, 1))
#: Rows so long that they are asked for in advance and shared by threads, and weights that have a place of their own.
LONG = RNG.normal(size=(40, 701)) / 10, RNG.normal(size=(40, 1))


def descent(state, rate, clock, x, t):
    """Linear least squares, the rate falling with the steps; the weights before are kept."""
    weights, _, count = state
    r = x @ weights - t
    loss = np.mean(r**2)
    gradient = 2 * x.T @ r / len(x)
    return weights - rate / (1 + clock) * gradient, weights, count + 1, loss


STATE = (RNG.normal(size=(20, 1)), np.zeros((20, 1)), 0)


def start(x):
    return STATE if x is X else (RNG.normal(size=(701, 1)), np.zeros((701, 1)), 0)


def steps(f=descent, state=STATE, sizes=(4, 3), data=(X, T)):
    arguments = (state, 0.1, 0.0, data[0][:1], data[1][:1])
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


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_long_rows_are_picked(threads):
    x, t = LONG
    order, state = RNG.permutation(40), start(x)
    bench = steps(state=state, sizes=(35, 5), data=LONG).bench((0.1,), LONG, 35, gathers=True)
    with using_threads(threads):
        found, losses = bench.run(state, 0, order, 0, 2)
    expected, costs = state, []
    for k, rows in enumerate((order[:35], order[35:])):
        *expected, loss = descent(expected, 0.1, k, x[rows], t[rows])
        costs.append(loss)
    np.testing.assert_allclose(losses, costs, rtol=1e-12)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-11, atol=1e-13)


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


@pytest.mark.parametrize("data", [(X, T), LONG], ids=["small", "large"])
def test_a_state_that_somebody_holds_stays_as_it_is(data):
    rows, state = len(data[0]), start(data[0])
    bench = steps(state=state, sizes=(rows,), data=data).bench((0.1,), data, rows, gathers=False)
    expected, held = state, []
    for k in range(6):
        state, _ = bench.run(state, k, None, 0, 1)
        if k in (1, 2, 3):
            # A view holds the array, too.
            x = state[0] if k < 3 else state[0][3:]
            held.append((x, x.copy()))
    for one, copy in held:
        np.testing.assert_array_equal(one, copy)
    for k in range(6):
        *expected, _ = descent(expected, 0.1, k, *data)
    np.testing.assert_allclose(state[0], expected[0], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("data", [(X, T), LONG], ids=["small", "large"])
def test_memory_that_nobody_holds_is_used_again(data):
    rows, state = len(data[0]), start(data[0])
    bench = steps(state=state, sizes=(rows,), data=data).bench((0.1,), data, rows, gathers=False)
    places = []
    for k in range(8):
        state, _ = bench.run(state, k, None, 0, 1)
        places.append(state[0].ctypes.data)
    assert len(set(places)) <= 4
