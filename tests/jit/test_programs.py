"""Random small programs, compiled: values and gradients at the point of recording, and at others along a line."""

import numpy as np
import pytest
from tests.programs.checks import REFUSALS, Run
from tests.programs.generate import generate

from chainrule import TraceError, jit, value_and_grad

CHUNK = 10


def check(seed):
    """Hold one program against NumPy and the interpreted derivative; False where chainrule refuses it."""
    run = Run(generate(seed))
    program, loss = run.followed["program"], value_and_grad(run.followed["loss"], (0, 1))
    compiled, slopes = jit(program), jit(loss)
    try:
        for t in (0.0, 0.0, 0.3, -0.2):
            with np.errstate(all="ignore"):
                try:
                    expected, derivative = run.expected(t), loss(*run.at(t))
                except UnboundLocalError:  # The program is written for the branches that its own point takes.
                    continue
            found = compiled(*run.at(t))
            assert np.shape(found) == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
            value, gradient = slopes(*run.at(t))
            np.testing.assert_allclose(value, derivative[0], rtol=1e-9, atol=1e-10)
            for a, b in zip(gradient, derivative[1], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)
    except TraceError as problem:
        if any(part in str(problem) for part in (*REFUSALS, "not known while")):
            return False
        raise
    return True


def check_chunk(start):
    """Check the programs of some seeds; what is refused has to be rare."""
    assert sum(check(seed) for seed in range(start, start + CHUNK)) >= 0.8 * CHUNK


@pytest.mark.parametrize("start", range(0, 40, CHUNK))
def test_programs(start):
    check_chunk(start)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(40, 400, CHUNK))
def test_many_programs(start):
    check_chunk(start)
