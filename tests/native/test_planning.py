"""Where values stand: what is needed at one time has no byte in common, and what is not shares memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.native.running import check, check_traced

from chainrule import cond, nn, scan, trace, tree, value_and_grad, while_loop
from chainrule.native.planning import ALIGNMENT, planned
from chainrule.native.program import Program
from chainrule.passes import optimized
from chainrule.trace.sizes import trace_every_size

VALUES = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 9), st.integers(0, 9)).map(
        lambda x: (x[0], (min(x[1:]), max(x[1:])))
    ),
    max_size=30,
)


def overlap(a, b):
    return a[0] <= b[1] and b[0] <= a[1]


@given(VALUES)
def test_values_that_are_needed_at_one_time_are_apart(values):
    sizes, lives = ({k: value[part] for k, value in enumerate(values)} for part in (0, 1))
    total, starts = planned(sizes, lives)
    assert starts.keys() == sizes.keys()
    assert all(start % ALIGNMENT == 0 and start + sizes[k] <= total for k, start in starts.items())
    for a in sizes:
        for b in range(a):
            if overlap(lives[a], lives[b]) and sizes[a] and sizes[b]:
                assert starts[a] + sizes[a] <= starts[b] or starts[b] + sizes[b] <= starts[a]
    rounded = {k: -(-size // ALIGNMENT) * ALIGNMENT for k, size in sizes.items()}
    assert total <= sum(rounded.values())
    assert total >= max((sum(rounded[k] for k in sizes if overlap(lives[k], (t, t))) for t in range(10)), default=0)


def chain(x):
    for _ in range(20):
        x = np.cumsum(np.cos(x)) / len(x)
    return x


def test_a_chain_takes_the_memory_of_two_values():
    program = check_traced(chain, np.ones(1000))
    assert program.layout(0)[0] <= 2 * 8064 + ALIGNMENT


def test_a_value_that_is_read_late_is_kept():
    check_traced(lambda x: chain(chain(x)) * np.cumsum(x)[::-1] + chain(x) @ x, np.linspace(0, 1, 100))


def test_what_numpy_returns_may_show_what_it_read():
    def f(x):
        y = np.cumsum(x)  # In the workspace; the array of complex numbers below shows nothing of it, its reshape does.
        z = (y + 0j).reshape(2, -1)
        later = chain(np.cumsum(y * 2.0))
        return np.abs(z) + np.sum(later)

    check_traced(f, np.linspace(0, 1, 64))


def places_of(program, name):
    return [program.places[node] for node in program.graph.nodes if node.op.name == name and node in program.places]


def test_a_loop_writes_over_what_it_reads_for_the_last_time():
    def f(x):
        y = np.cumsum(x)
        z = np.cos(y) / 2.0  # In place of y.
        return np.cumsum(z)

    program = check_traced(f, np.linspace(0, 1, 100))
    assert places_of(program, "np.divide")[0] == places_of(program, "np.cumsum")[0]
    assert len(program.layout(0)[1]) == 2


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.cumsum(np.cos(np.cumsum(x))) + np.cumsum(x),  # Both read later.
        lambda x: (lambda y: np.cumsum(np.cos(y)) + np.sum(y))(np.cumsum(x)),
        lambda x: (lambda y: np.cumsum(np.cos(y) * y[::-1]))(np.cumsum(x)),  # Read at another entry, too.
        lambda x: (lambda y: np.cumsum(np.cos(y) * y.reshape(-1)[0]))(np.cumsum(x)),
        lambda x: (lambda y: np.cumsum((y > 0.3) | (x > 0.2)))(np.cumsum(x)),  # Other bytes.
        lambda x: (lambda y: np.cumsum(np.cos(y)[:, None] * y, axis=0))(np.cumsum(x)),
        lambda x: (lambda y: np.cumsum(np.cos(y)) * np.sort(np.sin(y)))(np.cumsum(x)),  # Two results, one place.
        lambda x: (lambda y: np.cumsum(np.cos(y + 0.0)) + np.abs(y + 0j))(np.cumsum(x)),
        lambda x: np.cumsum(np.cos((x + 0j).real) * 2.0) + x,  # NumPy's result may show an argument.
        lambda x: (lambda y: np.cumsum(np.cos(y) - np.sort(y + 1.0)))(np.cumsum(np.sort(x))),
    ],
)
def test_in_place(f):
    x = np.linspace(0, 1, 70)
    kept = x.copy()
    check_traced(f, x, ulps=1024)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("size", [40_000, 40_003])
def test_in_place_where_threads_share_a_loop(size):
    check_traced(lambda x: np.sort(np.exp(-np.sort(x)) * 2.0), np.linspace(0, 1, size))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: scan(lambda c, y: (np.cumsum(c) * 0.5 + y, np.sort(c)), np.cumsum(x), np.outer(x, x))[1][-1],
        lambda x: cond(x[0] > 5, lambda y: np.cumsum(np.sort(y)), lambda y: np.cumsum(np.cumsum(y)), np.cumsum(x)),
        lambda x: while_loop(lambda c: np.sum(c) < 1e3, lambda c: np.cumsum(np.sort(c)) + 1.0, np.cumsum(x)),
    ],
)
def test_control_flow(f):
    """Bodies have memory of their own beside what lives around them."""
    x = np.linspace(0, 1, 40)
    before_and_after = trace(lambda x: (np.cumsum(chain(x)) + np.cumsum(f(x)), chain(f(x) * x)))
    check(before_and_after(x), x, ulps=4096)


def test_rows_that_blocks_hold_take_no_memory():
    network = nn.Network.of(4, (32, 16), 4, "tanh", "identity")
    f = value_and_grad(nn.objective(network, "squared"), has_aux=True)
    parameters, state = network.initialize(0, np.float32), network.initial_state()
    arguments = [parameters, state, np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)]
    graph = trace_every_size(
        lambda p, s, x, t: f(p, s, x, t, None, True), arguments, list("psxt"), [False, False, True, True], careful=False
    )
    program = Program(optimized(graph))
    activations = 10_000 * (32 + 16 + 4) * 4
    assert program.layout(10_000)[0] < activations / 4
    x, t = np.random.default_rng(0).normal(size=(2, 1000, 4)).astype(np.float32)
    check(program.graph, *tree.leaves(parameters), x, t, ulps=1 << 12, dtype=np.float32)


def test_results_written_over_arguments():
    """A program that may write over its arguments leaves those alone that it is called with."""
    graph = trace(lambda w, m, x: (w - 0.1 * m, 0.9 * m + x, np.cumsum(m) * x))(*np.ones((3, 5)))
    w, m, x = np.random.default_rng(0).normal(size=(3, 5))
    kept = w.copy(), m.copy()
    expected = Program(graph)(w, m, x)
    for given_up in ({0: 0}, {0: 0, 1: 1}, {2: 1}):
        for a, b in zip(Program(graph, given_up)(w, m, x), expected, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal((w, m), kept)
