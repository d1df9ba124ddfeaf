"""Sums over many rows by blocks: the same numbers as NumPy's, and the same bits in any number of threads."""

import numpy as np
import pytest
from tests.native.running import assert_close, check_traced

from chainrule import scan, trace
from chainrule.native import machine
from chainrule.native.pool import using_threads
from chainrule.native.products import Product
from chainrule.native.products_by_blocks import block_of
from chainrule.native.program import Program

RNG = np.random.default_rng(0)


def product(m, n, k, dtype=np.float64, form="TN"):
    dtype = np.dtype(dtype)
    return Product(form, dtype, m, n, k, machine.lanes(dtype))


CUT = [(500, 1, 2000), (10, 1, 200_001), (10, 10, 50_000), (16, 3, 30_007), (1, 40, 50_000)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("m", "n", "k"), CUT)
def test_same_bits_in_any_threads(m, n, k, dtype):
    assert block_of(product(m, n, k, dtype))
    x, d = RNG.normal(size=(k, m)).astype(dtype), RNG.normal(size=(k, n)).astype(dtype)
    program = Program(trace(lambda x, d: x.T @ d)(x, d))
    found = []
    for count in (1, 2, 3):
        with using_threads(count):
            found.append(program(x, d)[0])
    assert_close([found[0]], [x.T @ d], dtype=dtype)
    for again in found[1:]:
        np.testing.assert_array_equal(again, found[0])


def test_a_vector_by_rows():
    r, x = RNG.normal(size=2001), RNG.normal(size=(2001, 500))
    check_traced(lambda r, x: r @ x, r, x)
    check_traced(lambda r, x: r[::2] @ x[:1001, 1:], r, x)


def test_inside_of_a_loop():
    x, d = RNG.normal(size=(30_000, 10)), RNG.normal(size=(30_000, 4))
    y = RNG.normal(size=(3, 6, 8))

    def f(x, d, y):
        def step(carry, _):
            return carry + x.T @ (d * carry[0, 0]) + np.sum(y[:, ::2, ::2] @ np.ones((3, 4, 5))), carry[0]

        return scan(step, np.full((10, 4), 1e-3), None, 3)

    check_traced(f, x, d, y)


@pytest.mark.parametrize(
    "plain",
    [
        product(10, 1, 200),
        product(500, 1, 100),
        product(500, 500, 5000),
        product(10, 10, None),
        product(None, 10, 5000, form="NN"),
        product(250, 250, 100_000),
    ],
)
def test_products_that_are_not_cut(plain):
    assert block_of(plain) is None


@pytest.mark.parametrize(("m", "n", "k"), [*CUT, (10, 1, 10_000_000)])
def test_blocks_are_neither_many_nor_small(m, n, k):
    rows = block_of(product(m, n, k))
    assert rows % 64 == 0
    assert 1 < -(-k // rows) <= 64
