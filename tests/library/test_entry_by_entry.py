"""np.vectorize: the dtype of its result, which is that of the first one."""

import numpy as np
import pytest

from chainrule import TraceError, grad, vjp


@np.vectorize
def of_two(x, y):
    return x * y if x > 0 else np.sin(y)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_first_result_says_the_dtype(sign):
    x, y = sign * np.array([-0.4, 0.5]), np.array([0.3, 0.9], np.float32)
    value, pull_back = vjp(of_two, x, y)
    expected = of_two(x, y)
    assert value.dtype == expected.dtype
    # NumPy computes all but the first with Python's numbers.
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert [g.dtype for g in pull_back(expected)] == [np.float64, np.float32]


def test_fractions_are_not_cut_off_in_silence():
    relu = np.vectorize(lambda x: 0 if x < 0 else x)
    with pytest.raises(TraceError, match=r"first result is int64.*otypes"):
        grad(lambda x: np.sum(relu(x)))(np.array([-1.0, 2.5]))
    relu = np.vectorize(lambda x: 0 if x < 0 else x, otypes=[float])
    np.testing.assert_array_equal(grad(lambda x: np.sum(relu(x)))(np.array([-1.0, 2.5])), [0, 1])
