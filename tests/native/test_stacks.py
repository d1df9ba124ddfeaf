"""Stacks of matrix products: broadcasting, any strides, lengths of 0, an open length; the same bits in any threads."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.running import assert_close, check_traced

from chainrule import trace
from chainrule.native.access import shape_sizes
from chainrule.native.matmul import factors_of
from chainrule.native.pool import using_threads
from chainrule.native.program import Program
from chainrule.native.stacks import stack_of
from chainrule.passes import optimized
from chainrule.trace.sizes import trace_every_size

RNG = np.random.default_rng(0)
DTYPES = [np.float32, np.float64]


def plain(x):
    return x


def transposed(x):
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else x


def every_second(x):
    return x[..., ::2]


def backwards(x):
    return x[..., ::-1]


def shifted(x):
    """Rows that start one entry late and do not follow each other."""
    return x[..., 1:]


def axes_turned(x):
    """The first axis of a stack becomes the last one of the matrix."""
    return np.transpose(x) if np.ndim(x) > 2 else x


VIEWS = {
    plain: lambda shape: shape,
    transposed: lambda shape: (*shape[:-2], *shape[:-3:-1]),
    every_second: lambda shape: (*shape[:-1], max(2 * shape[-1] - 1, 0)),
    backwards: lambda shape: shape,
    shifted: lambda shape: (*shape[:-1], shape[-1] + 1),
    axes_turned: lambda shape: shape[::-1] if len(shape) > 2 else shape,
}


@st.composite
def stacked_shapes(draw, least=1):
    """Shapes of two factors whose stacks broadcast."""
    m, k, n = (draw(st.integers(least, 12), label=name) for name in "mkn")
    outer = draw(st.lists(st.integers(least, 3), max_size=3), label="outer")
    shapes = []
    for matrix in ((m, k), (k, n)):
        skipped = draw(st.integers(0, len(outer)), label="skipped")
        lengths = [1 if draw(st.integers(0, 3)) == 0 else length for length in outer[skipped:]]
        is_vector = not lengths and draw(st.integers(0, 2)) == 0
        shapes.append((k,) if is_vector else (*lengths, *matrix))
    return shapes


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None)
@given(shapes=stacked_shapes(), views=st.tuples(*[st.sampled_from(list(VIEWS))] * 2))
def test_shapes_and_views(dtype, shapes, views):
    arrays = [RNG.normal(size=VIEWS[view](shape)).astype(dtype) for view, shape in zip(views, shapes, strict=True)]

    def f(x, y):
        return views[0](x) @ views[1](y)

    assert [view(x).shape for view, x in zip(views, arrays, strict=True)] == [tuple(shape) for shape in shapes]
    check_traced(f, *arrays)


@settings(max_examples=20, deadline=None)
@given(shapes=stacked_shapes(least=0))
def test_lengths_of_zero(shapes):
    check_traced(np.matmul, *[RNG.normal(size=shape) for shape in shapes])


@pytest.mark.parametrize(
    ("x", "as_x", "y"),
    [
        ((3,), (5, 3), (3, 4)),
        ((3,), (2, 5, 3), (2, 3, 4)),
        ((5, 3), (2, 5, 3), (2, 3, 4)),
        ((5, 3), (2, 5, 3), (3,)),
        ((5, 1), (5, 3), (3, 4)),
        ((), (5, 3), (3, 1)),
        ((2, 1, 3), (2, 5, 3), (2, 3, 4)),
    ],
)
def test_factors_that_are_broadcast_views(x, as_x, y):
    """Their rows, or matrices, stand no entries apart."""
    a, b = RNG.normal(size=x), RNG.normal(size=y)
    check_traced(lambda a, b: np.broadcast_to(a, as_x) @ b, a, b)
    check_traced(lambda a, b: transposed(b) @ transposed(np.broadcast_to(a, as_x)), a, b)


SAMES = [
    ((25, 40, 10), (25, 10, 10), "x @ y"),
    ((25, 40, 10), (25, 10, 10), "x @ y.T"),
    ((25, 40, 10), (25, 40, 7), "x.T @ y"),
    ((25, 10, 40), (25, 7, 10), "x.T @ y.T"),
    ((3, 400, 64), (3, 64, 64), "x @ y"),
    ((3, 400, 64), (3, 64, 64), "x @ y.T"),
    ((2, 300, 64), (2, 300, 90), "x.T @ y"),
    ((400, 8, 9), (9, 11), "x @ y"),
    ((8, 9), (400, 9, 11), "x @ y"),
    ((9,), (400, 9, 110), "x @ y"),
    ((2000, 3, 3), (2000, 3, 3), "x @ y"),
    ((40, 1, 30, 5), (7, 5, 20), "x @ y"),
]

FORMS = {
    "x @ y": lambda x, y: x @ y,
    "x @ y.T": lambda x, y: x @ transposed(y),
    "x.T @ y": lambda x, y: transposed(x) @ y,
    "x.T @ y.T": lambda x, y: transposed(x) @ transposed(y),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("x", "y", "form"), SAMES, ids=str)
def test_bits_do_not_depend_on_threads(x, y, form, dtype):
    a, b = (RNG.normal(size=shape).astype(dtype) for shape in (x, y))
    f = FORMS[form]
    program = Program(trace(f)(a, b))
    found = []
    for count in (1, 2, 3):
        with using_threads(count):
            found.append(program(a, b)[0])
    assert_close([found[0]], [f(a, b)], dtype=dtype)
    for again in found[1:]:
        np.testing.assert_array_equal(again, found[0])


OPEN = {
    "stack": (lambda x, y: x @ y, (5, 4), (4, 3)),
    "stack, transposed": (lambda x, y: transposed(x) @ y, (5, 4), (5, 3)),
    "stack, every second column": (lambda x, y: x[..., ::2] @ y, (5, 4), (2, 3)),
    "sums over the open length": (lambda x, y: np.stack([x, x**2]).swapaxes(1, 2) @ y, (4,), (3,)),
    "rows of a stack": (lambda x, y: np.reshape(x, (-1, 1, 4)) @ np.ones((4, 3)) + y[:, None], (4,), (3,)),
    "second axis": (lambda x, y: np.transpose(x, (1, 0, 2)) @ np.transpose(y, (1, 2, 0))[:, :, :1], (5, 4), (5, 4)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", OPEN)
def test_an_open_leading_length(case, dtype):
    f, *rests = OPEN[case]
    samples = [RNG.normal(size=(4, *rest)).astype(dtype) for rest in rests]
    graph = trace_every_size(f, samples, ["x", "y"], [True, True], careful=False)
    assert graph.specialized is None
    program = Program(optimized(graph))
    for n in (2, 3, 17, 300):
        x, y = (RNG.normal(size=(n, *rest)).astype(dtype) for rest in rests)
        assert_close(program(x, y), [f(x, y)], dtype=dtype)


def forms(f, *shapes):
    """Of every product in f, as which it is computed."""
    graph = trace(f)(*map(np.ones, shapes))
    program = Program(graph)
    for node in program.graph.nodes:
        if node.op.name == "np.matmul":
            factors, stack = factors_of(node, program.access), stack_of(node, program.access)
            yield "matrix" if factors else "stack" if stack and not stack.copies else "copied" if stack else "plain"


@pytest.mark.parametrize(
    ("f", "shapes", "want"),
    [
        (lambda x, y: x @ y, [(5, 6, 7), (7, 3)], "matrix"),
        (lambda x, y: x @ y, [(5, 6, 7), (1, 7, 3)], "matrix"),
        (lambda x, y: x @ y, [(5, 6, 7), (7,)], "matrix"),
        (lambda x, y: x @ y, [(5, 6, 7), (5, 7, 3)], "stack"),
        (lambda x, y: transposed(x) @ y, [(5, 6, 7), (5, 6, 3)], "stack"),
        (lambda x, y: x @ transposed(y), [(5, 6, 7), (5, 3, 7)], "stack"),
        (lambda x, y: transposed(x) @ y, [(5, 6, 7), (6, 3)], "stack"),
        (lambda x, y: x @ y, [(6, 7), (5, 7, 3)], "stack"),
        (lambda x, y: x[:, ::2, ::2] @ y, [(5, 6, 7), (5, 4, 3)], "copied"),
        (lambda x, y: x[::2, ::2] @ y, [(6, 7), (4, 3)], "copied"),
        (lambda x, y: x @ y, [(5, 0, 7), (5, 7, 3)], "plain"),
        (lambda x, y: x @ y, [(5, 3, 3), (5, 3, 3)], "plain"),
    ],
)
def test_how_a_product_is_computed(f, shapes, want):
    assert list(forms(f, *shapes)) == [want]


def test_copies_are_of_what_is_there_once():
    x = RNG.normal(size=(6, 9))

    def f(x):
        return np.broadcast_to(x[::2, ::2], (50, 3, 5)) @ np.ones((50, 5, 4))

    program = Program(trace(f)(x))
    (node,) = (node for node in program.graph.nodes if node.op.name == "np.matmul")
    ((source, copy),) = stack_of(node, program.access).copies
    assert copy.shape == source.shape == shape_sizes((1, 3, 5))
    assert_close(program(x), [f(x)])


def test_axes_of_a_stack_in_any_order():
    sizes = [2, 3, 4]
    for order in itertools.permutations(range(3)):
        x, y = RNG.normal(size=(*sizes, 5, 6)), RNG.normal(size=(*[sizes[k] for k in order], 6, 2))
        check_traced(lambda x, y, order=order: np.transpose(x, (*order, 3, 4)) @ y, x, y)
