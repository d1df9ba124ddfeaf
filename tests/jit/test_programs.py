"""Random small programs, compiled: values and gradients at the point of recording, and at others along a line."""

import numpy as np
import pytest
from tests.both_ways import rounding_decides
from tests.programs.checks import REFUSALS, Run
from tests.programs.generate import generate

from chainrule import TraceError, jit, value_and_grad

CHUNK = 10


#: What a program's value and derivative may be off by: relative, and absolute.
VALUE, LOSS, GRADIENT = (1e-10, 1e-11), (1e-9, 1e-10), (1e-8, 1e-9)


def check(seed):
    """Hold one program against NumPy and the interpreted derivative; False where it could not be compared.

    So it is where chainrule refuses the program, and where it decides something by the last bit of a sum: compiled,
    sums are added up in another order.
    """
    run = Run(generate(seed))
    program, loss = run.followed["program"], value_and_grad(run.followed["loss"], (0, 1))
    compiled, slopes = jit(program), jit(loss)
    for t in (0.0, 0.0, 0.3, -0.2):
        try:
            with np.errstate(all="ignore"):
                expected, derivative = run.expected(t), loss(*run.at(t))
        except UnboundLocalError:  # The program is written for the branches that its own point takes.
            continue
        except IndexError as problem:
            if "with size 0" in str(problem):  # np.take of an array without entries checks no index; chainrule's does.
                continue
            raise
        except TraceError as problem:
            if any(part in str(problem) for part in REFUSALS):
                return False
            raise
        try:
            found, slope = compiled(*run.at(t)), slopes(*run.at(t))
        except TraceError as problem:
            if any(part in str(problem) for part in (*REFUSALS, "not known while")):
                return False
            raise
        try:
            compare(found, expected, VALUE)
            compare(slope[0], derivative[0], LOSS)
            for a, b in zip(slope[1], derivative[1], strict=True):
                compare(a, b, GRADIENT)
        except AssertionError:
            if not rounding_decides(run.followed["program"], *run.at(t)):
                raise
            return False
    return True


def compare(found, expected, tolerance):
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, *tolerance)


def check_chunk(start):
    """Check the programs of some seeds; what is not compared has to be rare."""
    assert sum(check(seed) for seed in range(start, start + CHUNK)) >= 0.8 * CHUNK


@pytest.mark.parametrize("start", range(0, 20, CHUNK))
def test_programs(start):
    check_chunk(start)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(20, 400, CHUNK))
def test_many_programs(start):
    check_chunk(start)
