"""Means and scales against NumPy's, also of the largest numbers, and which columns look like pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.data.scaling import LARGEST, alike, mean_and_scale

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=8)
RNG = np.random.default_rng(0)


@given(hnp.arrays(np.float64, shapes, elements=st.floats(-1e6, 1e6)), st.booleans())
def test_against_numpy(values, shared):
    means, scales = mean_and_scale(values, shared=shared)
    columns = values.reshape(-1, 1) if shared else values
    expected = columns.std(axis=0)
    sizes = np.abs(columns).max(axis=0)
    np.testing.assert_allclose(means, columns.mean(axis=0), rtol=1e-12, atol=1e-12 * sizes.max())
    # NumPy squares the deviations as they are, so that very small ones are lost.
    varies = (expected > 1e-13 * sizes) & (sizes > 1e-140)
    np.testing.assert_allclose(scales[varies], expected[varies], rtol=1e-6)
    assert np.all(scales[np.ptp(columns, axis=0) == 0] == 1)
    np.testing.assert_array_equal(means[np.ptp(columns, axis=0) == 0], columns[0, np.ptp(columns, axis=0) == 0])


@given(hnp.arrays(np.float64, shapes, elements=st.floats(-LARGEST, LARGEST) | st.just(np.nan)), st.booleans())
def test_never_overflows(values, shared):
    means, scales = mean_and_scale(values, shared=shared)
    assert np.all(np.isfinite(means))
    assert np.all(np.isfinite(scales))
    assert np.all(scales > 0)
    assert np.all(np.isfinite(values - means) | np.isnan(values))
    assert alike(values) in (True, False)


def test_missing_values_do_not_count():
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    means, scales = mean_and_scale(values)
    assert means.tolist() == [2.0, 0.0]
    assert scales.tolist() == [1.0, 1.0]


def test_rounding_is_no_variation():
    values = np.array([[0.1 + 0.2], [0.3], [0.3]]) * 1e9
    assert mean_and_scale(values)[1].tolist() == [1.0]


def test_float32_is_summed_in_float64():
    values = RNG.uniform(0, 1, (200_000, 3)).astype(np.float32)
    means, scales = mean_and_scale(values)
    np.testing.assert_allclose(means, values.astype(np.float64).mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(scales, values.astype(np.float64).std(axis=0), rtol=1e-12)


def test_pixels_look_alike():
    pixels = RNG.integers(0, 256, (300, 64)).astype(float)
    assert alike(pixels)
    pixels[:, :8] = 0
    pixels[0, :4] = 3
    assert alike(pixels)
    assert not alike(pixels[:, :15])


@pytest.mark.parametrize("width", [16, 40])
def test_columns_of_different_units_do_not(width):
    values = RNG.normal(size=(300, width))
    values[:, 0] *= 1e-3
    assert not alike(values)
    flags = np.hstack([RNG.uniform(0, 90, (300, width)), RNG.integers(0, 2, (300, 2))])
    assert not alike(flags)
    assert not alike(np.zeros((5, width)))
