"""`jacobian` gives the same as row by row, for every line of the case tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.differentiate.row_by_row import by_rows
from tests.ops import all_cases, checks
from tests.ops.case import NEVER
from tests.ops.shares import is_simplest, made_of_others, of_primitives, one_in

from chainrule import jacobian, tree


def check_line(case, data, *, at_the_simplest=True):
    call = data.draw(case.calls)
    if is_simplest(call) and not at_the_simplest:
        return
    f, point = checks.on_numbers(
        case, call, case.mixtures(call)[0] if case.complex and data.draw(st.booleans()) else call.at()
    )
    expected = tree.leaves(by_rows(lambda *args: tree.leaves(f(*args)), *point))
    for mode in ("forward", "reverse"):
        blocks = jacobian(lambda *args: tree.leaves(f(*args)), tuple(range(len(point))), mode=mode)(*point)
        for a, b in zip(tree.leaves(blocks), expected, strict=True):
            assert a.shape == b.shape
            rtol = max(1e-10, case.tolerance)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol / 100 * np.max(np.abs(b), initial=1.0))


CASES = [case for case in all_cases.CASES if case.derivative != NEVER]


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", of_primitives(CASES), ids=str)
@one_in(25)
@given(st.data())
def test_every_row(case, data):
    check_line(case, data)


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", made_of_others(CASES), ids=str)
@one_in(50)
@given(st.data())
def test_every_composition(case, data):
    check_line(case, data, at_the_simplest=False)
