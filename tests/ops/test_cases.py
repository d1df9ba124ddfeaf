"""Every row of the tables of operations and functions: its value, its graph and its derivatives.

A line of the case tables is drawn once, and held to everything at the points that were drawn: drawing a call takes as
long as several of the checks. Lines of compositions are drawn half as often as those of primitive operations (see
`shares`). What is compiled of these functions is compared in tests/jit.
"""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ops import all_cases, checks
from tests.ops.case import NEVER, SMOOTH
from tests.ops.shares import is_simplest, made_of_others, of_primitives, one_in

from chainrule import NoDerivativeError, vjp

# A share of what the profile asks for, since there are some twelve hundred lines.
few = one_in(16)
fewer = one_in(33)

ALL = [case for case in all_cases.CASES if case.derivative != NEVER]
NEVER_ONES = [case for case in all_cases.CASES if case.derivative == NEVER]


@st.composite
def kinds(draw, call):
    """The arrays of a call as arrays, NumPy scalars and Python numbers, in float64 and float32."""
    made = []
    for x in call.at():
        dtype = draw(st.sampled_from((np.float64, np.float32))) if x.dtype.kind == "f" else x.dtype
        x = x.astype(dtype)
        if x.shape == () and draw(st.booleans()):
            x = x[()] if draw(st.booleans()) or x.dtype == np.float32 else x.item()
        made.append(x)
    return made


def checks_of(case, call, draw, *, at_the_simplest=True):
    """Everything that a line is held to, in turn.

    Unless `at_the_simplest`, the simplest example of all is not held to what takes derivatives of derivatives.
    """
    arrays, rng = call.at(), lambda: np.random.default_rng(call.seed)
    yield partial(checks.check_value, case, call, arrays)
    yield partial(checks.check_graph, case, call, arrays, call.at(1))
    if case.derivative == SMOOTH:
        yield partial(checks.check_first, case, call, arrays, rng())
        yield partial(checks.check_single, case, call, arrays, rng())
        if at_the_simplest or not is_simplest(call):
            if not case.looks:
                yield partial(checks.check_gradient_graph, case, call, arrays, call.at(1), rng())
            yield partial(checks.check_second, case, call, arrays, rng())
            # tests/sweep/test_orders.py leaves none out.
            single = draw(st.sampled_from((False, True, None)))
            if single is not None:
                yield partial(checks.check_orders, case, call, arrays, rng(), single=single)
    else:
        yield partial(checks.check_zero, case, call, arrays, rng())
    yield partial(checks.check_forward, case, call, arrays, rng())
    if not case.looks:
        yield partial(checks.check_vectorized, case, call, [call.at(point) for point in range(3)])
    if case.complex and draw(st.booleans()):
        arrays = draw(st.sampled_from(case.mixtures(call)))
        yield partial(checks.check_value, case, call, arrays)
        yield partial(checks.check_forward, case, call, arrays, rng())
        if case.derivative == SMOOTH:
            yield partial(checks.check_first, case, call, arrays, rng())
            yield partial(checks.check_second, case, call, arrays, rng())
            yield partial(checks.check_orders, case, call, arrays, rng(), single=draw(st.booleans()))
        else:
            yield partial(checks.check_zero, case, call, arrays, rng())
    # Python numbers have neither methods nor entries, so that a function may refuse them.
    yield partial(checks.check_value, case, call, draw(kinds(call)))


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", of_primitives(ALL), ids=str)
@few
@given(st.data())
def test_row(case, data):
    call = data.draw(case.calls)
    for check in checks_of(case, call, data.draw):
        check()


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", made_of_others(ALL), ids=str)
@fewer
@given(st.data())
def test_composition(case, data):
    call = data.draw(case.calls)
    for check in checks_of(case, call, data.draw, at_the_simplest=False):
        check()


@pytest.mark.parametrize("case", NEVER_ONES, ids=str)
@few
@given(st.data())
def test_without_derivative(case, data):
    call = data.draw(case.calls)
    with pytest.raises(NoDerivativeError, match=case.name):
        vjp(case.f, *call.at())
