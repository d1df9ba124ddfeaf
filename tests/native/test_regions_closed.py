"""Rows in blocks where their number is known: the same results, whatever else has that length, and in any threads."""

import numpy as np
import pytest
from tests.native.running import assert_close

from chainrule import trace, value_and_grad
from chainrule.evaluate import evaluate
from chainrule.native import regions
from chainrule.native.pool import using_threads
from chainrule.native.program import Program
from chainrule.native.regions import Region
from chainrule.passes import optimized

RNG = np.random.default_rng(0)
ROWS = 260


def logistic(x, w):
    z = x @ w[:, 0]
    return np.mean(np.logaddexp(0, z) - z * (x[:, 0] > 0))


def softmax(x, w):
    z = x @ w
    z = z - np.max(z, axis=1, keepdims=True)
    return -np.mean(z[:, 0] - np.log(np.sum(np.exp(z), axis=1)))


def two_layers(x, w):
    return np.sum(np.tanh(np.tanh(x @ w) @ w.T) ** 2)


def centred(x, w):
    z = x - np.mean(x, axis=0)
    return np.sum(np.tanh(z @ w)) / np.sqrt(np.sum(z * z))


def gram(x, w):
    return np.sum(np.tanh(x.T @ x) @ w) + np.sum(np.tanh(x @ w))


def kernel(x, w):
    return np.sum(np.tanh(x @ x.T)) + np.sum((x @ w) ** 2)


def shifted(x, w):
    y = np.tanh(x @ w)
    return np.sum((y[1:] - y[:-1]) ** 2) + np.sum(np.exp(y)[::-1] * y) + y[0, 0] * np.sum(y)


def running(x, w):
    y = np.tanh(x @ w)
    return np.sum(np.cumsum(y, axis=0) * y) + np.sum(np.max(y, axis=0) * y)


def distances(x, w):
    d = np.sum(x * x, axis=1)[:, None] + np.sum(w * w, axis=0) - 2 * x @ w
    return np.sum(np.min(d, axis=1))


def weighed(x, w):
    y = x @ w
    c = np.sum(y, axis=0)
    return np.sum(np.tanh(y * c)) + np.sum(np.tanh(x) @ w) * np.sum(c)


FUNCTIONS = (logistic, softmax, two_layers, centred, gram, kernel, shifted, running, distances, weighed)


def square(x, w):
    """Rows and columns of one length, of vectors along either."""
    v = np.sum(x, axis=1)
    y = np.tanh(x * v[:, None] + x * v) @ w
    return np.sum(y * v) + np.sum(y.T * v) + np.sum(np.tanh(y) @ y)


def regions_of(program):
    return [part for part in program.parts if isinstance(part, Region)]


@pytest.fixture
def always(monkeypatch):
    """Blocks even where little is read again."""
    monkeypatch.setattr(regions, "_SAVED", 1)


def check(f, x, w, ulps=4096):
    graph = optimized(trace(value_and_grad(f, (0, 1)))(x, w))
    program = Program(graph)
    found = []
    for count in (1, 2, 3):
        with using_threads(count):
            found.append(program(x, w))
    for again in found[1:]:
        for a, b in zip(found[0], again, strict=True):
            np.testing.assert_array_equal(a, b)
    assert_close(found[0], evaluate(graph, x, w), ulps, x.dtype)
    return program


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_value_and_gradient(f, dtype, always):
    for rows in (ROWS, 600):
        check(f, RNG.normal(size=(rows, 7)).astype(dtype), RNG.normal(size=(7, 4)).astype(dtype) / 3)


@pytest.mark.parametrize("f", [*FUNCTIONS, square], ids=lambda f: f.__name__)
def test_everything_of_one_length(f, always):
    x, w = RNG.normal(size=(2, 150, 150)) / 12
    check(f, x, w)


def test_where_blocks_pay():
    x, w = RNG.normal(size=(2000, 100)), RNG.normal(size=(100, 2))
    (region,) = regions_of(check(logistic, x, w))
    products = [node for group in region.groups for node in group.nodes if node.op.name == "np.matmul"]
    assert len(products) == 2
    assert region.block == 128
    # Little is read, or only once.
    assert not regions_of(check(logistic, x[:300], w))
    assert not regions_of(Program(optimized(trace(lambda x, w: np.sum(np.tanh(x @ w)))(x, w))))


def test_a_wide_loop_is_shared_by_threads():
    x, w = RNG.normal(size=(2000, 100)), RNG.normal(size=(100, 2))
    (region,) = regions_of(check(two_layers, x, w))
    assert region.is_shared
