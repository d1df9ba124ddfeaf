"""Operations put in terms of others."""

import numpy as np
import pytest
from tests.native.running import check_traced

from chainrule import grad

RNG = np.random.default_rng(0)


def products(program):
    """Shapes of the matrix products that run."""
    return [node.shape for node in program.graph.nodes if node.op.name == "np.matmul"]


@pytest.mark.parametrize(
    ("a", "b"),
    [((5, 3), (3, 4)), ((2, 5, 3), (2, 3, 4)), ((5, 3), (2, 3, 4)), ((2, 5, 3), (3, 4)), ((1, 5, 3), (2, 3, 4))],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_the_sum_of_rows_of_a_product_is_the_product_of_a_sum(a, b, keepdims):
    x, y = RNG.normal(size=a), RNG.normal(size=b)
    for sign in (1, -1):
        program = check_traced(
            lambda x, y, sign=sign: np.sum(x @ y if sign > 0 else -(x @ y), axis=-2, keepdims=keepdims),
            x,
            y,
            ulps=1 << 12,
        )
        assert all(shape[-2:] != (5, 4) for shape in products(program))


def test_a_product_that_is_needed_stays():
    x, y = RNG.normal(size=(50, 30)), RNG.normal(size=(30, 40))
    for f in (
        lambda x, y: (np.sum(x @ y, axis=0), x @ y),
        lambda x, y: np.sum((x @ y) ** 2, axis=0),
        lambda x, y: np.sum(x @ y, axis=1),
    ):
        assert (50, 40) in products(check_traced(f, x, y, ulps=1 << 14))


def test_the_derivative_by_what_was_taken_from_every_row_is_a_product_of_a_row():
    x, factor, mean = RNG.normal(size=(200, 40)), RNG.normal(size=(40, 40)), RNG.normal(size=40)
    program = check_traced(grad(lambda mean: np.sum(((x - mean) @ factor) ** 2)), mean, ulps=1 << 16)
    assert sorted(products(program)) == [(1, 40), (200, 40)]
