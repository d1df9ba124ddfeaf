import re

import numpy as np
import pytest
from examples.bundle_adjustment import main, pattern_by_hand, projected, residuals, rotated, scene
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from chainrule import jacobian, jit, sparse_jacobian


@pytest.fixture
def small():
    truth, camera, point, seen = scene(4, 12, 3)
    return truth, (4, camera, point, seen)


def test_rotations_are_scipys():
    rng = np.random.default_rng(0)
    points, rotations = rng.normal(size=(2, 5, 3))
    assert_allclose(rotated(points, rotations), Rotation.from_rotvec(rotations).apply(points), rtol=1e-12)


def test_a_camera_in_the_origin_divides_by_the_depth():
    camera = np.array([[1e-12, 0, 0, 0, 0, 0, 100.0, 0.5, 0.25]])
    found = projected(np.array([[1.0, 2.0, -2.0]]), camera)
    square = 0.5**2 + 1
    assert_allclose(found, 100 * (1 + 0.5 * square + 0.25 * square**2) * np.array([[0.5, 1.0]]), rtol=1e-9)


def test_the_pattern_is_the_one_by_hand(small):
    truth, data = small
    plan = sparse_jacobian(residuals).plan(truth, *data)
    assert (plan.pattern != pattern_by_hand(4, *data[1:3])).nnz == 0
    assert plan.count == 12


@pytest.mark.parametrize("compiled", [False, True])
def test_the_jacobian_is_the_whole_one(small, compiled):
    truth, data = small
    derivative = sparse_jacobian(residuals)
    found = (jit(derivative) if compiled else derivative)(truth, *data)
    expected = jacobian(residuals)(truth, *data)
    assert_allclose(found.toarray(), expected, rtol=1e-9, atol=1e-9 * np.max(np.abs(expected)))


def test_main_in_small(capsys):
    main(cameras=6, points=40, views=4)
    told = capsys.readouterr().out
    assert "the pattern found is the one written by hand: True" in told
    assert float(re.search(r"relative difference (\S+)", told)[1]) < 1e-5
    found, expected, spread = map(float, re.search(r"sum of squares: (\S+), expected (\S+) \+- (\S+)", told).groups())
    assert abs(found - expected) < 4 * spread
    assert abs(float(re.search(r"by finite differences: (\S+)", told)[1]) - found) < 0.2
