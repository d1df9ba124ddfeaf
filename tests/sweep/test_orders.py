"""Second derivatives of every row by each mode over each, in single and double precision, of real and complex numbers.

The suite draws one of these combinations for each example (tests/ops); here every example is held to all.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ops import all_cases, checks
from tests.ops.case import SMOOTH
from tests.ops.corners import CORNERS


@pytest.mark.slow
@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", [case for case in (*all_cases.CASES, *CORNERS) if case.derivative == SMOOTH], ids=str)
@settings(max_examples=max(1, settings().max_examples // 15))
@given(st.data())
def test_second_derivatives(case, data):
    call = data.draw(case.calls)
    for arrays in (call.at(), *(case.mixtures(call) if case.complex else ())):
        for single in (False, True):
            checks.check_orders(case, call, arrays, np.random.default_rng(call.seed), single=single)
