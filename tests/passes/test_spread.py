"""Numbers, rows and columns in place of arrays that repeat them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.native.running import assert_close

from chainrule import trace
from chainrule.evaluate import evaluate
from chainrule.graph import Node, verify
from chainrule.native.program import Program
from chainrule.passes import fold, optimized, simplify

NUMBERS = st.sampled_from((0.0, -0.0, 1.0, 2.0, 0.1, np.nan, np.inf))
FUNCTIONS = (np.multiply, np.add, np.subtract, np.divide, np.maximum, np.less, np.arctan2)


def arrays(graph):
    """Constants with axes that a graph reads."""
    return [x for node in graph.nodes for x in node.inputs if isinstance(x, np.ndarray) and x.ndim]


@given(st.data())
def test_bits_shapes_and_dtypes_stay(data):
    shape = (3, 4)
    parts = [data.draw(st.sampled_from(((), (4,), (1, 4), (3, 1), (3, 4)))) for _ in range(2)]
    dtypes = [data.draw(st.sampled_from((np.float32, np.float64, np.int32))) for _ in range(3)]
    rng = np.random.default_rng(0)
    x, y = ((3 * rng.normal(size=part)).astype(dtype) for part, dtype in zip(parts, dtypes, strict=False))
    some, number = data.draw(st.lists(st.sampled_from(FUNCTIONS), min_size=3, max_size=3)), data.draw(NUMBERS)
    if dtypes[2] is np.int32:
        number = 3
    full = np.full(data.draw(st.sampled_from((shape, (4,), (3, 1)))), number, dtypes[2])

    def f(x, y):
        z = some[0](x, full)
        return z, some[1](full, np.broadcast_to(y, shape)), some[2](np.broadcast_to(x, shape), y)

    with np.errstate(all="ignore"):
        graph = trace(f)(x, y)
        found = optimized(graph)
        verify(found)
        assert not any(np.array_equal(a, full, equal_nan=True) for a in arrays(found))
        for a, b in zip(evaluate(found, x, y), evaluate(graph, x, y), strict=True):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
        assert_close(Program(found)(x, y), evaluate(graph, x, y))


def test_zero_times_nan_is_nan():
    x = np.array([np.nan, np.inf, 1.0])
    with np.errstate(invalid="ignore"):
        found = optimized(trace(lambda x: np.zeros(3) * x)(x))
    assert not arrays(found)
    assert np.isnan(Program(found)(x)[0][:2]).all()


def test_large_constants_are_made_of_one_number():
    ones = np.ones(100_000)
    graph = fold(trace(lambda x: (x * 2.0) * (2 * np.sqrt(ones * 4) / 100_000))(ones))
    assert len(graph.nodes) == 2
    assert not arrays(simplify(graph))
    # An operation that is none of these stays.
    assert len(fold(trace(lambda x: x * np.cumsum(ones))(ones)).nodes) == 1


def test_what_gives_a_result_its_shape_is_a_view():
    def f(x):
        return np.full((5, 3), 0.5) * x

    graph = simplify(trace(f)(np.ones(3)))
    (spread,) = (x for x in graph.outputs[0].inputs if isinstance(x, Node))
    assert spread.op.name == "np.broadcast_to"
    assert not arrays(graph)
    # What is no elementwise operation reads what it is given.
    graph = simplify(trace(lambda x: np.argmax(np.broadcast_to(x, (2, 3)), axis=1))(np.ones(3)))
    verify(graph)
