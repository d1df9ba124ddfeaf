"""Every row with a derivative is tried with complex numbers, or refuses them for a reason that holds."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.ops import all_cases, checks
from tests.ops.case import SMOOTH
from tests.ops.real_numbers import FACTOR, INTERNAL, REFUSED, REFUSED_HERE

from chainrule import NoDerivativeError, TraceError, trace, vjp

SMOOTH_LINES = [case for case in all_cases.CASES if case.derivative == SMOOTH]
SMOOTH_ROWS = {case.name for case in SMOOTH_LINES}
COMPLEX_ROWS = {case.name for case in SMOOTH_LINES if case.complex}
REAL_ROWS = REFUSED | REFUSED_HERE | FACTOR | INTERNAL


def test_every_row_is_tried_with_complex_numbers_or_listed_with_a_reason():
    assert sorted(SMOOTH_ROWS - COMPLEX_ROWS - REAL_ROWS) == []


def test_no_listed_row_is_tried_or_missing():
    assert sorted(REAL_ROWS & COMPLEX_ROWS) == []
    assert sorted(REAL_ROWS - SMOOTH_ROWS) == []
    assert sum(map(len, (REFUSED, REFUSED_HERE, FACTOR, INTERNAL))) == len(REAL_ROWS)


def complex_call(case):
    """A line as a function of the arrays of one drawn call, all of them complex."""
    found = []

    @settings(max_examples=1, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case.calls)
    def draw(call):
        found.append(call)

    draw()
    return checks.on_numbers(case, found[0], case.mixtures(found[0])[0])


def refuses(problems, match, run, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(problems, match=match):
            run(*args)


LISTED = [case for case in SMOOTH_LINES if case.name in REAL_ROWS]


@pytest.mark.parametrize("case", LISTED, ids=str)
def test_the_reason_holds(case):
    f, numbers = complex_call(case)
    if case.name in REFUSED:
        refuses((TypeError, ValueError), None, f, *numbers)
        refuses((TypeError, ValueError, TraceError), None, vjp, f, *numbers)
    elif case.name in REFUSED_HERE:
        refuses((TypeError, TraceError), "complex|real numbers|real signals|input types", vjp, f, *numbers)
    elif case.name in INTERNAL:
        graph = trace(lambda x: list(vjp(np.linalg.cholesky, x)[1](np.eye(2) + 0j)))(np.eye(2) + 0j)
        assert case.name not in {node.name for node in graph.nodes}
    else:
        assert np.all(np.isfinite(f(*numbers)))
        refuses(NoDerivativeError, case.name, lambda: vjp(f, *numbers)[1](f(*numbers)))
