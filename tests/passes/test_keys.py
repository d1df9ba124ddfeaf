"""Keys of graphs: equal for what computes the same bits, and for nothing else."""

import numpy as np
import pytest

from chainrule import custom_gradient, scan, trace
from chainrule.passes.keys import graph_key

X = np.ones((3, 2))
BIG = np.arange(6000.0)

DIFFERENT = {
    "sum": lambda x: np.sum(x, axis=0),
    "other axis": lambda x: np.sum(x, axis=1),
    "other operation": lambda x: np.max(x, axis=0),
    "other constant": lambda x: np.sum(x, axis=0) + 1.0,
    "integer": lambda x: np.sum(x, axis=0) + 1,
    "narrow": lambda x: np.sum(x, axis=0) + np.float32(1.0),
    "zero": lambda x: np.sum(x, axis=0) + 0.0,
    "minus zero": lambda x: np.sum(x, axis=0) + -0.0,
    "nan": lambda x: np.sum(x, axis=0) + np.nan,
    "array": lambda x: np.sum(x, axis=0) + np.array([1.0, 2.0]),
    "other array": lambda x: np.sum(x, axis=0) + np.array([1.0, 3.0]),
    "large": lambda x: np.sum(x) * BIG,
    "other large": lambda x: np.sum(x) * (BIG + 1.0),
    "slice": lambda x: x[1:],
    "other slice": lambda x: x[:2],
    "two outputs": lambda x: (x[1:], x[:2]),
    "their order": lambda x: (x[:2], x[1:]),
    "order of inputs": lambda x: x[0] - x[1],
    "other order of inputs": lambda x: x[1] - x[0],
    "loop": lambda x: scan(lambda c, row: (c + row, c), np.zeros(2), x),
    "other loop": lambda x: scan(lambda c, row: (c - row, c), np.zeros(2), x),
}


def test_each_has_a_key_of_its_own():
    keys = {name: graph_key(trace(f)(X)) for name, f in DIFFERENT.items()}
    assert len(set(keys.values())) == len(keys)
    for name, f in DIFFERENT.items():
        assert graph_key(trace(f)(X)) == keys[name]


@pytest.mark.parametrize("other", [np.ones((2, 2)), X.astype(np.float32), np.ones((3, 2, 1))])
def test_shapes_and_dtypes_count(other):
    assert graph_key(trace(np.tanh)(X)) != graph_key(trace(np.tanh)(other))


def test_open_sizes_count():
    assert graph_key(trace(np.tanh, leading=0)(X)) != graph_key(trace(np.tanh)(X))


def test_an_operation_made_anew_is_another_one():
    def f(x):
        return custom_gradient(lambda g, ans, x: g)(lambda x: x**2)(x)

    assert graph_key(trace(f)(X)) != graph_key(trace(f)(X))
