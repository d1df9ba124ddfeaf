"""Colourings: every entry of the matrix can be read from the sums of the columns of one colour."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from chainrule.differentiate.sparse.colouring import coloured, coloured_symmetric
from chainrule.differentiate.sparse.plan import planned


@st.composite
def patterns(draw, square=False):
    """Matrices of booleans, from empty to full, with a full row or column now and then."""
    m = draw(st.integers(0, 12))
    n = m if square else draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p = rng.random((m, n)) < draw(st.sampled_from([0.05, 0.2, 0.5, 1.0]))
    if m and n and draw(st.booleans()):
        p[rng.integers(m)] = True
    if m and n and draw(st.booleans()):
        p[:, rng.integers(n)] = True
    return p | p.T if square else p


def grid(n):
    """The five-point stencil on a grid of n x n points."""
    line = np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)
    return (np.kron(np.eye(n), line) + np.kron(line, np.eye(n))) != 0


@given(patterns())
def test_columns_of_a_colour_share_no_row(p):
    colours = coloured(sparse.csr_array(p))
    assert colours.shape == (p.shape[1],)
    for colour in range(colours.max(initial=-1) + 1):
        assert np.all(np.sum(p[:, colours == colour], axis=1) <= 1)
    assert_array_equal(np.unique(colours), np.arange(colours.max(initial=-1) + 1))
    assert colours.max(initial=-1) + 1 >= np.max(np.sum(p, axis=1), initial=0)


@given(patterns(square=True))
def test_of_two_mirrored_entries_one_stands_alone(p):
    colours = coloured_symmetric(sparse.csr_array(p))
    for i, j in np.argwhere(p):
        a, b = (j, i) if colours[j] <= colours[i] else (i, j)
        # Entry (b, a), in the sum of the columns of the colour of a.
        assert np.sum(p[b, colours == colours[a]]) == 1


@given(patterns(), st.sampled_from(["forward", "reverse", None]))
def test_a_matrix_comes_back_from_its_sums(p, mode):
    matrix = np.where(p, np.random.default_rng(0).normal(size=p.shape), 0)
    plan = planned(sparse.csr_array(p), mode, is_symmetric=False)
    assert mode is None or plan.mode == mode
    whole = matrix if plan.mode == "forward" else matrix.T
    for length in (1, 2, max(plan.count, 1)):
        starts = range(0, plan.count, length)
        parts = [plan.picked(plan.units(k, min(k + length, plan.count)) @ whole.T, k) for k in starts]
        assert_array_equal(plan.matrix(plan.in_order(parts)).toarray(), matrix)


@given(patterns(square=True))
def test_a_symmetric_matrix_comes_back_from_its_sums(p):
    normal = np.random.default_rng(0).normal(size=p.shape)
    matrix = np.where(p, normal + normal.T, 0)
    plan = planned(sparse.csr_array(p), None, is_symmetric=True)
    parts = [plan.picked(plan.units(0, plan.count) @ matrix, 0)]
    assert_array_equal(plan.matrix(plan.in_order(parts)).toarray(), matrix)


@given(patterns())
def test_the_direction_with_fewer_colours_is_taken(p):
    pattern = sparse.csr_array(p)
    forward, reverse = (planned(pattern, mode, is_symmetric=False).count for mode in ("forward", "reverse"))
    assert planned(pattern, None, is_symmetric=False).count == min(forward, reverse)


@pytest.mark.parametrize(
    ("p", "most"),
    [
        (np.eye(30) + np.eye(30, k=1) + np.eye(30, k=-1) != 0, 3),
        (grid(8), 7),
        (np.kron(np.eye(5), np.ones((3, 3))) != 0, 3),
        (np.block([[np.eye(9) + np.eye(9, k=1) + np.eye(9, k=-1), np.eye(9)]]) != 0, 4),
    ],
    ids=["tridiagonal", "five-point stencil", "blocks", "two unknowns at each point"],
)
def test_known_patterns_take_few_colours(p, most):
    assert coloured(sparse.csr_array(p)).max() < most


def test_symmetry_saves_colours():
    arrow = np.eye(50, dtype=bool)
    arrow[0] = arrow[:, 0] = True
    assert coloured(sparse.csr_array(arrow)).max() == 49
    assert coloured_symmetric(sparse.csr_array(arrow)).max() == 1
    assert coloured_symmetric(sparse.csr_array(grid(8))).max() <= coloured(sparse.csr_array(grid(8))).max()
