"""Every row of the tables of operations and functions, compiled: values, derivatives, kinds of numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jit.compare import assert_alike
from tests.ops import all_cases, checks
from tests.ops.case import NEVER, SMOOTH
from tests.ops.test_cases import kinds

from chainrule import grad, jit, tree, vjp

few = settings(max_examples=max(1, settings().max_examples // 25))

CASES = [case for case in all_cases.CASES if case.derivative != NEVER and not case.looks]
SMOOTH_ONES = [case for case in CASES if case.derivative == SMOOTH]


@pytest.mark.parametrize("case", CASES, ids=str)
@few
@given(st.data())
def test_values(case, data):
    call = data.draw(case.calls)
    arrays = data.draw(kinds(call))
    f, numbers = checks.on_numbers(case, call, arrays)
    try:
        with np.errstate(all="ignore"):
            expected = vjp(f, *numbers)[0]
    except (AttributeError, TypeError):
        return
    assert_alike(jit(f)(*numbers), expected, like=numbers)


@pytest.mark.parametrize("case", SMOOTH_ONES, ids=str)
@few
@given(st.data())
def test_gradients(case, data):
    call = data.draw(case.calls)
    arrays = call.at(0, data.draw(st.sampled_from((np.float64, np.float32))))
    f, numbers = checks.on_numbers(case, call, arrays)
    weights = checks.random_like(np.random.default_rng(call.seed), f(*numbers))

    def phi(*numbers):

        pairs = zip(tree.leaves(f(*numbers)), tree.leaves(weights), strict=True)
        return sum(np.sum(np.real(a * b)) for a, b in pairs)

    slope = grad(phi, tuple(range(len(numbers))))
    with np.errstate(all="ignore"):
        expected = slope(*numbers)
    assert_alike(jit(slope)(*numbers), expected, ulps=512)
