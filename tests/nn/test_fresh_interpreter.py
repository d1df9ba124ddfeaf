"""A network learns in an interpreter that has not imported SciPy's functions before the first gradient."""

import subprocess
import sys

import pytest

CODE = """
import numpy as np
from chainrule.differentiate import grad
from chainrule.nn import Network, objective
network = Network.of(2, (3,), 2, activation={hidden!r}, output={output!r})
f = objective(network, {loss!r})
grad(f, has_aux=True)(network.initialize(0), network.initial_state(), np.eye(2), np.eye(2))
"""


@pytest.mark.parametrize(
    ("hidden", "output", "loss"),
    [
        ("softmax", "softmax", "cross_entropy"),
        ("tanh", "softmax", "cross_entropy"),
        ("sigmoid", "sigmoid", "binary_cross_entropy"),
    ],
)
def test_scipy_is_imported_while_recording(hidden, output, loss):
    code = CODE.format(hidden=hidden, output=output, loss=loss)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
