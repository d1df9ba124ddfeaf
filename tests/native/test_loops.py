"""Loops over several axes, and sums along any of them, of short and long rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.native.running import assert_close, check_traced

import chainrule as cr
from chainrule import trace
from chainrule.native.program import Program

LENGTHS = st.sampled_from((0, 1, 2, 3, 4, 5, 8, 10, 13, 16, 17, 33))
REDUCTIONS = (np.sum, np.max, np.min, np.prod, np.any, np.all, np.count_nonzero)


@given(st.data())
def test_reductions_along_some_axes(data):
    shape = tuple(data.draw(st.lists(LENGTHS, min_size=1, max_size=4)))
    some = data.draw(st.lists(st.sampled_from(REDUCTIONS), min_size=1, max_size=2))
    axes = [tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))) for _ in range(len(some))]
    if 0 in shape:
        some = [np.sum for _ in some]
    dtype = data.draw(st.sampled_from((np.float64, np.float32, np.int64)))
    x = (3 * np.random.default_rng(data.draw(st.integers(0, 100))).normal(size=shape)).astype(dtype)
    if data.draw(st.booleans()) and dtype is not np.int64 and x.size:
        x.flat[0], x.flat[-1] = np.nan, np.inf

    def f(x):
        y = x - 1
        return [reduce(y, axis=axis) for reduce, axis in zip(some, axes, strict=True)], y

    check_traced(f, x)


@given(st.data())
def test_broadcasting_over_three_axes(data):
    shape = tuple(data.draw(st.lists(LENGTHS, min_size=3, max_size=3)))
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    parts = [
        rng.normal(size=[1 if data.draw(st.booleans()) else k for k in shape])
        for _ in range(data.draw(st.integers(1, 3)))
    ]

    def f(*parts):
        y = sum(k * x for k, x in enumerate(parts, 1))
        return y, np.sum(y, axis=1), np.sum(y**2, axis=2), np.sum(y)

    check_traced(f, *parts)


@pytest.mark.parametrize("columns", [2, 10, 64, 100])
@pytest.mark.parametrize("rows", [1, 3, 4, 1000])
def test_sums_over_rows_are_as_exact_as_those_of_numpy(rows, columns):
    x = np.random.default_rng(0).lognormal(sigma=3, size=(3, rows, columns)).astype(np.float32)
    (found,) = Program(trace(lambda x: np.sum(-x, axis=1))(x))(x)
    exact = -np.sum(x.astype(np.float64), axis=1)
    assert np.max(np.abs(found / exact - 1)) <= np.max(np.abs(np.sum(-x, axis=1) / exact - 1)) + 2e-7


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [17, 18, 19, 20, 22, 23, 24, 28, 100])
def test_last_columns_of_rows(columns, dtype):
    """Narrower registers, or a mask: no entry is left out, and none written twice."""
    rng = np.random.default_rng(columns)
    x, bias = rng.normal(size=(5, columns)).astype(dtype), rng.normal(size=columns).astype(dtype)
    (found,) = Program(trace(lambda x, bias: np.maximum(x + bias, 0) * 2)(x, bias))(x, bias)
    np.testing.assert_array_equal(found, np.maximum(x + bias, 0) * 2)
    found, total = Program(trace(lambda x: (np.where(x > 0, x, 0), np.sum(np.where(x > 0, x, 0), axis=0)))(x))(x)
    np.testing.assert_array_equal(found, np.where(x > 0, x, 0))
    np.testing.assert_allclose(total, np.sum(found, axis=0), rtol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("columns", [2, 3, 10, 64])
def test_sums_over_rows_of_an_open_number(columns):
    f = cr.jit(lambda x: (np.sum(x[:, None, :] * np.ones((3, 1)), axis=0), np.sum(np.sqrt(x), axis=0)))
    for n in (1, 2, 4, 5, 1000, 1001):
        x = np.random.default_rng(n).uniform(size=(n, columns))
        assert_close(f(x), (np.sum(x[:, None, :] * np.ones((3, 1)), axis=0), np.sum(np.sqrt(x), axis=0)))
