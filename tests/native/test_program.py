"""Whatever the interpreter can run, a program can: every case of the tables, as it is and differentiated.

Every line of the tables is compiled in tests/jit/test_cases.py, after the passes that simplify graphs. Here nothing is
simplified before, which no way from outside leads to: that is for `make sweep`.
"""

import warnings

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.running import check, check_traced
from tests.ops import all_cases, checks
from tests.ops.case import NEVER, SMOOTH

from chainrule import recompute, scan, trace, tree, vjp
from chainrule.errors import OptionError
from chainrule.graph import Graph, Node, verify
from chainrule.native.program import Program
from chainrule.ops.outputs import output
from chainrule.transforms.loops import scan_op

# A share of what the profile asks for, since each example is compiled.
few = settings(max_examples=max(1, settings().max_examples // 100))

ALL = [case for case in all_cases.CASES if case.derivative != NEVER]
SMOOTH_ONES = [case for case in ALL if case.derivative == SMOOTH and not case.looks]
COMPLEX_ONES = [case for case in ALL if case.complex]


def recorded(f, arrays):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trace(f)(*arrays)


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=str)
@few
@given(st.data())
def test_every_case(case, data):
    call = data.draw(case.calls)
    dtype = data.draw(st.sampled_from((np.float64, np.float32)))
    f, numbers = checks.on_numbers(case, call, call.at(dtype=dtype))
    check(recorded(f, numbers), *numbers, ulps=4096, dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("case", COMPLEX_ONES, ids=str)
@few
@given(st.data())
def test_complex_numbers(case, data):
    call = data.draw(case.calls)
    f, numbers = checks.on_numbers(case, call, case.mixtures(call)[0])
    check(recorded(f, numbers), *numbers, ulps=4096)


@pytest.mark.slow
@pytest.mark.parametrize("case", SMOOTH_ONES, ids=str)
@few
@given(st.data())
def test_every_derivative(case, data):
    call = data.draw(case.calls)
    f, numbers = checks.on_numbers(case, call, call.at())

    def gradient(*xs):
        value, pull = vjp(f, *xs)
        return list(pull(tree.map(lambda y: np.ones(np.shape(y), y.dtype)[()], value)))

    check(recorded(gradient, numbers), *numbers, ulps=1 << 20)


# Lengths that only a run tells


def test_a_mask_that_is_computed():
    def f(x):
        picked = x[x > 0]
        return np.sum(picked**2), picked, np.sin(picked)[::-1]

    x = np.array([1.0, -1.0, 2.0, -3.0, 0.5])
    graph = trace(f)(x)
    program = check(graph, x)
    assert not program.is_native
    verify(program.graph)  # Which has lengths that are open.
    for other in (-x, np.zeros(5), np.full(5, 2.0)):
        check(graph, other)


def test_what_reads_a_length_that_is_open_reads_it_at_run_time():
    def f(x):
        picked = x[x > 0]
        return np.concatenate([picked, x]), np.cumsum(picked), picked[:, None] * x

    x = np.array([1.0, -1.0, 2.0])
    graph = trace(f)(x)
    check(graph, x)
    check(graph, -x)


def test_too_few_rows_are_refused():
    def f(x):
        if len(x) == 1:
            raise ValueError("no variance of one row")
        return np.sum((x - np.mean(x, axis=0)) ** 2) / (len(x) - 1)

    program = Program(trace(f, leading=0)(np.ones((3, 2))))
    with pytest.raises(OptionError, match="at least 2 rows"):
        program(np.ones((1, 2)))


# Outputs


def test_outputs_have_memory_of_their_own():
    x = np.arange(6.0).reshape(2, 3)
    program = Program(trace(lambda x: (x, x, x.T, x[0], np.sin(x), 3.0))(x))
    found = program(x)
    assert not any(np.shares_memory(a, b) for k, a in enumerate(found) for b in (x, *found[:k]) if np.ndim(a))
    again = program(x + 1)
    np.testing.assert_array_equal(found[0], x)
    np.testing.assert_array_equal(again[0], x + 1)


def test_what_numpy_returns_without_copying_is_copied():
    x = np.array([1.0 + 2.0j, 3.0])
    (found,) = Program(trace(lambda x: x.reshape(2, 1))(x))(x)
    assert not np.shares_memory(found, x)


def test_constants_are_outputs():
    check_traced(lambda x: (np.zeros(3), 2.0, np.ones_like(x)), np.ones(2))


def test_a_result_twice_is_two_arrays():
    def f(x):
        _, ys = scan(lambda c, x: (c + x, c), 0.0, x)
        return ys, ys

    a, b = check_traced(f, np.arange(3.0))(np.arange(3.0))
    assert not np.shares_memory(a, b)


def test_python_numbers_stay_python_numbers():
    found = check_traced(lambda x, y: (x * 2, x + y, np.sin(x)), 1.5, np.float32(2.0))(1.5, np.float32(2.0))
    assert [type(x) for x in found] == [float, np.float32, np.float64]


def test_products_of_transposes():
    """They are transposes of products, of which there is a kernel, whether they are written as products or as sums."""
    x, y = np.random.default_rng(0).normal(size=(2, 5, 5))
    z = np.random.default_rng(1).normal(size=(5, 7))
    for f in (
        lambda x, y, z: z.T @ x.T,
        lambda x, y, z: np.tanh(x.T @ y.T) @ z,
        lambda x, y, z: np.einsum("ji,kj->ik", x, y) @ z,
        lambda x, y, z: (x.T @ y.T).T @ z + x.T @ z,
    ):
        program = check_traced(f, x, y, z)
        products = [node for node in program.graph.nodes if node.op.name == "np.matmul"]
        assert products
        assert not any(all(s.op is not None and s.op.name == "np.transpose" for s in node.inputs) for node in products)


# Operations with several outputs


def test_an_output_that_nobody_reads():
    body = trace(lambda c, x: (c + x, c * x, c - x))(np.float64(1.0), np.float64(2.0))
    x = Node(None, (), {"name": "x"}, (4,), np.dtype(float))
    shapes, dtypes = ((), (4,), (4,)), (np.dtype(float),) * 3
    params = {"body": body, "carries": 1, "sequences": 1, "length": 4, "reverse": False, "store": False}
    loop = Node(scan_op, (0.5, x), params, shapes, dtypes, (False,) * 3)
    one = Node(output, (loop,), {"k": 2}, (4,), np.dtype(float))
    check(Graph([x], [one]), np.arange(4.0))


def test_recompute_is_opened():
    inner = recompute(lambda x, y: (np.sin(x) * y, x + y))

    def f(x):
        a, b = inner(x, x * 2)
        c, d = recompute(lambda u: inner(u, b))(a)
        return np.sum(a + d), c

    program = check_traced(f, np.arange(3.0))
    assert program.is_native


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.mean(np.tanh(x) @ x.T, axis=0),
        lambda x: np.cumsum(x, axis=1)[:, ::-1] * np.argmax(x, axis=1)[:, None],
        lambda x: np.sort(x, axis=1)[:, 1] + scipy.special.gammaln(x[:, 0] ** 2),
        lambda x: np.einsum("ij,ik->jk", x, x) / len(x),
    ],
)
def test_a_leading_size_that_is_open(f):
    graph = trace(f, leading="x")(np.random.default_rng(0).normal(size=(5, 3)))
    for n in (5, 9, 70):
        check(graph, np.random.default_rng(n).normal(size=(n, 3)))
