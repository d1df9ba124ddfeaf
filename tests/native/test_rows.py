"""Loops over short rows: taken apart and put together, whatever their number and length."""

import numpy as np
import pytest
from tests.native.running import check

from chainrule import trace, value_and_grad
from chainrule.passes import optimized

RNG = np.random.default_rng(0)


def softmax(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def cross_entropy(x, t):
    return -np.sum(t * np.log(softmax(x)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [2, 3, 4, 5, 6, 7, 10, 16])
@pytest.mark.parametrize("rows", [4, 16, 19, 32, 61])
def test_rows(rows, columns, dtype):
    x, t = (RNG.normal(size=(rows, columns)).astype(dtype) for _ in range(2))
    check(optimized(trace(softmax)(x)), x, dtype=dtype)
    check(optimized(trace(value_and_grad(cross_entropy))(x, t)), x, t, dtype=dtype)


@pytest.mark.parametrize("rows", [32, 37])
def test_rows_that_stand_apart(rows):
    wide = RNG.normal(size=(rows, 9))
    check(optimized(trace(lambda x: softmax(x[:, 2:5]))(wide)), wide)
    check(optimized(trace(lambda x: softmax(x[:, 1:]))(wide)), wide)
    tall = RNG.normal(size=(3, rows))
    check(optimized(trace(lambda x: softmax(x.T))(tall)), tall)
    row = RNG.normal(size=3)
    check(optimized(trace(lambda x, y: softmax(x + y))(wide[:, :3].copy(), row)), wide[:, :3].copy(), row)


def test_two_precisions_in_one_loop():
    x, y = RNG.normal(size=(48, 3)).astype(np.float32), RNG.normal(size=(48, 3))
    check(optimized(trace(lambda x, y: softmax(x) * softmax(y))(x, y)), x, y, dtype=np.float32)
