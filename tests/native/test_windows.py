"""Arrays at a place in larger ones, as loops read them: what stands outside of a window is not touched."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.native.running import check

import chainrule as cr
from chainrule import trace, value_and_grad
from chainrule.evaluate import evaluate
from chainrule.graph import Graph, Node
from chainrule.native.grouping import Group
from chainrule.native.lowering import Lowering
from chainrule.native.padding import operands_padded
from chainrule.native.program import PASSES, Program
from chainrule.ops import PRIMITIVES
from chainrule.ops.shapes import index_add, index_set
from chainrule.passes import optimized, run

LENGTHS = st.sampled_from((1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 70))
KINDS = (np.float64, np.float32, np.int64, np.int32, bool)


def entries(rng, shape, dtype):
    """Numbers of a dtype; of floats some are no numbers."""
    if dtype is bool or dtype == np.bool_:
        return np.asarray(rng.random(shape) < 0.5)
    x = np.asarray(10 * rng.normal(size=shape)).astype(dtype)
    if x.dtype.kind == "f" and x.ndim:
        x[rng.random(shape) < 0.1] = rng.choice(np.array([np.nan, np.inf, -np.inf, -0.0]))
    return x


@st.composite
def slices(draw, length):
    start = draw(st.none() | st.integers(-length - 1, length + 1))
    stop = draw(st.none() | st.integers(-length - 1, length + 1))
    return slice(start, stop)


@st.composite
def places(draw, shape):
    """An index expression of slices and numbers for a shape."""
    return tuple(draw(slices(k) | st.integers(-k, k - 1)) for k in shape[: draw(st.integers(1, len(shape)))])


def same(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if expected.dtype.kind == "f":
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found)[numbers], np.signbit(expected)[numbers])


def compiled(f, *args):
    graph = optimized(trace(f)(*args))
    return Program(graph), graph


def is_one_loop(program):
    return [group.domain is not None for group in program.groups] == [True]


@given(st.data())
def test_put_to_a_place(data):
    shape = tuple(data.draw(st.lists(LENGTHS, min_size=1, max_size=3)))
    dtype = np.dtype(data.draw(st.sampled_from(KINDS)))
    place = data.draw(places(shape))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    arrays = entries(rng, shape, dtype), entries(rng, np.zeros(shape)[place].shape, dtype)
    x, item = (Node(None, (), {}, array.shape, array.dtype) for array in arrays)
    added = Node(index_add, (item,), {"template": place, "shape": shape}, shape, dtype)
    assigned = Node(index_set, (x, item), {"template": place}, shape, dtype)
    both = Node(PRIMITIVES["np.not_equal"], (added, assigned), {}, shape, np.dtype(bool))
    graph = Graph((x, item), (added, assigned, both))
    program = Program(graph)
    assert is_one_loop(program) or 1 in shape
    for found, expected in zip(program(*arrays), evaluate(graph, *arrays), strict=True):
        same(found, expected)


@given(st.data())
def test_derivative_of_pieces(data):
    shape = tuple(data.draw(st.lists(LENGTHS, min_size=1, max_size=3)))
    some = [data.draw(places(shape)) for _ in range(data.draw(st.integers(1, 3)))]
    x = np.random.default_rng(0).normal(size=shape)

    def f(x):
        return sum(np.sum((k + 1.0) * x[place] ** 2) for k, place in enumerate(some))

    value, slope = cr.jit(value_and_grad(f))(x)
    expected = np.zeros(shape)
    for k, place in enumerate(some):
        expected[place] += 2 * (k + 1.0) * x[place]
    np.testing.assert_allclose(value, f(x), rtol=1e-12)
    np.testing.assert_allclose(slope, expected, rtol=1e-14)


@given(st.data())
def test_concatenation_and_padding(data):
    rank = data.draw(st.integers(1, 3))
    axis = data.draw(st.integers(0, rank - 1))
    shape = data.draw(st.lists(LENGTHS, min_size=rank, max_size=rank))
    lengths = data.draw(st.lists(st.integers(0, 20), min_size=1, max_size=5))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    dtypes = data.draw(st.lists(st.sampled_from(KINDS), min_size=len(lengths), max_size=len(lengths)))
    parts = [
        entries(rng, (*shape[:axis], n, *shape[axis + 1 :]), dtype) for n, dtype in zip(lengths, dtypes, strict=True)
    ]
    widths = [(data.draw(st.integers(0, 3)), data.draw(st.integers(0, 20))) for _ in shape]

    def f(*parts):
        return np.concatenate(parts, axis=axis), np.pad(parts[0], widths)

    program, _ = compiled(f, *parts)
    for found, expected in zip(program(*parts), f(*parts), strict=True):
        same(found, expected)


def test_outside_of_a_window_nothing_is_read():
    # The number in front of and behind each array would be seen; divisions by what is not there stay out of the result.
    x = np.linspace(1.0, 2.0, 400)

    def f(x):
        return np.sum(1 / x[1:-1]) + np.sum(x[5:] * x[:-5])

    expected = np.zeros(400)
    expected[1:-1] -= 1 / x[1:-1] ** 2
    expected[5:] += x[:-5]
    expected[:-5] += x[5:]
    np.testing.assert_allclose(cr.jit(cr.grad(f))(x), expected, rtol=1e-13)


def test_infinity_outside_of_a_window_has_no_effect():
    x = np.arange(1.0, 400.0)
    x[0], x[-1] = np.inf, np.nan
    found = cr.jit(cr.grad(lambda x: np.sum((x[1:-1] - x[1:-1] ** 2) ** 2)))(x)
    assert found[0] == found[-1] == 0
    assert np.isfinite(found).all()


@pytest.mark.parametrize("n", [2, 3, 9, 300, 1000])
def test_rosenbrock_is_one_loop(n):
    def f(x):
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = np.random.default_rng(0).normal(size=n)
    program, graph = compiled(value_and_grad(f), x)
    check(graph, x, ulps=1 << 10)
    assert all(isinstance(part, Group) and part.domain is not None for part in program.parts)
    if n >= 256:
        assert len(program.parts) == 1


def test_a_sum_is_computed_over_the_whole_where_all_it_is_made_of_is_read_there():
    def f(x):
        return np.sum((x[1:] - x[:-1]) ** 2, axis=tuple(range(x.ndim)))

    def products(x):
        return np.sum(x[1:] * x[:-1])

    def of_columns(x):
        steps = (x[1:] - x[:-1]) ** 2
        return np.sum(np.sin(np.sum(steps, axis=0))) + np.sum(steps)

    rng = np.random.default_rng(0)
    line, plane = rng.normal(size=1000), rng.normal(size=(300, 4))
    for each, x, whole in ((f, line, 1), (f, plane, 1), (products, line, 0), (of_columns, plane, 0)):
        graph = optimized(trace(value_and_grad(each))(x))
        sums = [node for node in operands_padded(graph).nodes if node.op.name == "np.sum"]
        assert [node.inputs[0].shape == x.shape for node in sums].count(True) == whole
        check(graph, x, ulps=1 << 12)
    # What stands outside of the slices is not added.
    x = np.arange(1.0, 400.0)
    x[0] = np.nan
    value, _ = cr.jit(value_and_grad(lambda x: np.sum((x[1:-1] - x[1:-1] ** 2) ** 2)))(x)
    np.testing.assert_allclose(value, np.sum((x[1:-1] - x[1:-1] ** 2) ** 2))


def test_what_takes_long_or_is_needed_anyway_is_not_computed_again():
    def f(x):
        return np.sum(np.exp(x[1:]) * x[:-1])

    def g(x):
        y = x[1:] - x[:-1]
        return np.pad(y, (1, 0)), y

    x = np.random.default_rng(0).normal(size=1000)
    for each, name in ((cr.grad(f), "exp"), (g, "subtract")):
        graph = optimized(trace(each)(x))
        left = operands_padded(graph)
        assert [node.op.name for node in left.nodes].count(f"np.{name}") == 1
        check(graph, x)
    # Of a short array, which stays in the cache, it is not worth while either.
    graph = optimized(trace(cr.grad(lambda x: np.sum((x[1:] - x[:-1]) ** 2)))(x[:100]))
    assert len(operands_padded(graph).nodes) == len(graph.nodes)


@pytest.mark.parametrize("n", [2, 3, 8, 9, 100, 3000])
def test_open_length(n):
    def f(x):
        steps = x[1:] - x[:-1]
        padded = np.concatenate((x[:1], steps)) * np.pad(x[:-1], (1, 0))
        return np.sum(steps**2) + np.sum(padded), padded

    @cr.jit
    def derivative(x):
        (value, padded), slope = value_and_grad(f, has_aux=True)(x)
        return value, padded, slope

    for m in (n, n + 1, 2 * n):
        x = np.random.default_rng(m).normal(size=m)
        (value, padded), slope = value_and_grad(f, has_aux=True)(x)
        found = derivative(x)
        for a, b in zip(found, (value, padded, slope), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_a_batch_in_blocks_of_rows_with_columns_put_together():
    def f(w, x):
        h = np.tanh(np.concatenate((x, x[:, :3] ** 2), axis=1) @ w)
        shifted = np.pad(h[1:], ((0, 1), (0, 0)))
        return np.sum((h - shifted) ** 2) / len(x)

    rng = np.random.default_rng(0)
    w = rng.normal(size=(11, 40))
    step = cr.jit(value_and_grad(f))
    for n in (5, 64, 1000, 1001):
        x = rng.normal(size=(n, 8))
        value, slope = value_and_grad(f)(w, x)
        found = step(w, x)
        np.testing.assert_allclose(found[0], value, rtol=1e-12)
        np.testing.assert_allclose(found[1], slope, rtol=1e-9, atol=1e-12)


def test_threads_share_a_loop_with_windows():
    def f(x):
        return np.concatenate((x[1:], x[:1])) + np.pad(x[:-3], (3, 0))

    x = np.random.default_rng(0).normal(size=100_003)
    program, graph = compiled(f, x)
    assert isinstance(graph, Graph)
    assert is_one_loop(program)
    np.testing.assert_array_equal(program(x)[0], f(x))
    y = x[:99_999].reshape(-1, 3)

    def g(y):
        return np.pad(y[1:, 1:], ((1, 0), (0, 1))) * 2

    program, _ = compiled(g, y)
    np.testing.assert_array_equal(program(y)[0], g(y))


def test_an_argument_that_is_given_up_is_not_written_over_before_it_is_read():
    def f(x):
        y = x.copy()
        y[1:] = x[:-1] * 2
        return np.concatenate((x[1:], x[:1])), y

    x = np.random.default_rng(0).normal(size=1000)
    expected = f(x)
    for k in range(2):
        program = Program(optimized(trace(f)(x)), {k: 0})
        for found, right in zip(program(x.copy()), expected, strict=True):
            np.testing.assert_array_equal(found, right)


# A load of which no lane is there takes long where there is no memory: it is sent to where there is some.


@pytest.mark.parametrize(
    ("shape", "place", "far"),
    [
        ((10_000,), np.s_[:9], True),
        ((10_000,), np.s_[1:], False),
        ((300, 64), np.s_[:3], True),
        ((70, 70), np.s_[1:-1, 1:-1], False),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_lies_far_outside_of_a_window_is_not_read_there(shape, place, far, dtype):
    def f(x):
        return value_and_grad(lambda x: np.sum(np.sin(x[place])))(x)

    x = np.linspace(-2.0, 2.0, np.prod(shape)).astype(dtype).reshape(shape)
    graph = optimized(trace(f)(x))
    text = str(Lowering(run(graph, PASSES), {}).module)
    assert "llvm.masked.load" in text
    assert (re.search(r"select\s+i1 \S+, ptr", text) is not None) == far
    _, slope = Program(graph)(x)
    expected = np.zeros(shape, dtype)
    expected[place] = np.cos(x[place])
    np.testing.assert_allclose(slope, expected, rtol=1e-6)
    assert np.count_nonzero(slope) <= x[place].size
