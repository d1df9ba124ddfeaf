"""Products that loops make: the same numbers, and which they are."""

import numpy as np
import pytest
from tests.native.running import check

from chainrule import trace
from chainrule.native.small_products import small_products_opened

RNG = np.random.default_rng(0)
OPENED = [
    # m, k, n
    (1, 10, 1),
    (1, 2, 10),
    (1, 4, 3),
    (10, 1, 1),
    (5, 1, 7),
    (1, 1, 1),
    (0, 1, 3),
]
LEFT = [(1, 5, 10), (2, 2, 10), (1, 65, 1), (3, 0, 2), (1, 0, 1)]


def product(x, y):
    return np.matmul(x, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [*OPENED, *LEFT])
def test_products(sizes, dtype):
    m, k, n = sizes
    x, y = RNG.normal(size=(m, k)).astype(dtype), RNG.normal(size=(k, n)).astype(dtype)
    graph = trace(product)(x, y)
    check(graph, x, y)
    names = {node.name for node in small_products_opened(graph).nodes}
    assert ("np.matmul" in names) == (sizes in LEFT)
    # A factor that is known.
    check(trace(lambda x: x @ y)(x), x)
    check(trace(lambda y: x @ y)(y), y)
    # Factors that stand transposed.
    check(trace(lambda a, b: a.T @ b.T)(x.T.copy(), y.T.copy()), x.T.copy(), y.T.copy())


def test_other_types_are_left():
    x, y = np.ones((1, 2), np.int64), np.ones((2, 3), np.int64)
    check(trace(product)(x, y), x, y)
    check(trace(product)(np.ones((1, 2)), y), np.ones((1, 2)), y)


def test_infinity_times_zero():
    x, y = np.array([[np.inf], [1.0]]), np.array([[0.0, 1.0, np.nan]])
    with np.errstate(invalid="ignore"):
        check(trace(product)(x, y), x, y)


@pytest.mark.parametrize("axis", [0, 2, (0, 2), None, ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_one_entry(axis, keepdims):
    x = RNG.normal(size=(1, 3, 1))
    graph = trace(lambda x: np.sum(x, axis=axis, keepdims=keepdims))(x)
    check(graph, x)
    left = {node.name for node in small_products_opened(graph).nodes}
    assert ("np.sum" in left) == (axis is None)


def test_a_sum_of_integers_keeps_its_type():
    x = np.ones((1, 3), np.int32)
    check(trace(lambda x: np.sum(x, axis=0))(x), x)
    check(trace(lambda x: np.sum(x > 0, axis=0))(x), x)
