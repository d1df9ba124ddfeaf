"""What the benchmark computes by hand is what is differentiated."""

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from benchmarks.recording_operations import OPERATIONS

from chainrule import grad


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_by_hand(operation):
    def f(x):
        return operation.call(np, scipy.special, scipy.linalg, x)

    value, derivative = operation.floor(operation.point)
    np.testing.assert_allclose(value, f(operation.point), rtol=1e-12)
    np.testing.assert_allclose(derivative, grad(lambda x: np.sum(f(x)))(operation.point), rtol=1e-10, atol=1e-12)
