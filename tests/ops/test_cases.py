"""Every row of the tables of operations and functions: its value, its graph and its derivatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ops import all_cases, checks
from tests.ops.case import NEVER, SMOOTH, ZERO

from chainrule import NoDerivativeError, vjp

# A share of what the profile asks for, since there are some two hundred lines.
few = settings(max_examples=max(1, settings().max_examples // 8))

ALL = [case for case in all_cases.CASES if case.derivative != NEVER]
SMOOTH_ONES = [case for case in ALL if case.derivative == SMOOTH]
ZERO_ONES = [case for case in ALL if case.derivative == ZERO]
COMPLEX_ONES = [case for case in ALL if case.complex]
NEVER_ONES = [case for case in all_cases.CASES if case.derivative == NEVER]


def rng_of(call):
    return np.random.default_rng(call.seed)


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


@pytest.mark.parametrize("case", ALL, ids=str)
@few
@given(st.data())
def test_value(case, data):
    call = data.draw(case.calls)
    checks.check_value(case, call, data.draw(kinds(call)))


@pytest.mark.parametrize("case", ALL, ids=str)
@few
@given(st.data())
def test_graph(case, data):
    call = data.draw(case.calls)
    checks.check_graph(case, call, call.at(), call.at(1))


@pytest.mark.parametrize("case", [case for case in SMOOTH_ONES if not case.looks], ids=str)
@few
@given(st.data())
def test_graph_of_the_derivative(case, data):
    call = data.draw(case.calls)
    checks.check_gradient_graph(case, call, call.at(), call.at(1), rng_of(call))


@pytest.mark.parametrize("case", SMOOTH_ONES, ids=str)
@few
@given(st.data())
def test_first_derivative(case, data):
    call = data.draw(case.calls)
    checks.check_first(case, call, call.at(), rng_of(call))


@pytest.mark.parametrize("case", SMOOTH_ONES, ids=str)
@few
@given(st.data())
def test_second_derivative(case, data):
    call = data.draw(case.calls)
    checks.check_second(case, call, call.at(), rng_of(call))


@pytest.mark.parametrize("case", SMOOTH_ONES, ids=str)
@few
@given(st.data())
def test_float32_derivative(case, data):
    call = data.draw(case.calls)
    checks.check_single(case, call, call.at(), rng_of(call))


@pytest.mark.parametrize("case", ALL, ids=str)
@few
@given(st.data())
def test_forward_derivative(case, data):
    call = data.draw(case.calls)
    checks.check_forward(case, call, call.at(imaginary=case.complex and data.draw(st.booleans())), rng_of(call))


@pytest.mark.parametrize("case", [case for case in ALL if not case.looks], ids=str)
@few
@given(st.data())
def test_vectorized(case, data):
    call = data.draw(case.calls)
    checks.check_vectorized(case, call, [call.at(point) for point in range(3)])


@pytest.mark.parametrize("case", COMPLEX_ONES, ids=str)
@few
@given(st.data())
def test_complex(case, data):
    call = data.draw(case.calls)
    arrays = data.draw(st.sampled_from(mixtures(call)))
    checks.check_value(case, call, arrays)
    if case.derivative == ZERO:
        checks.check_zero(case, call, arrays, rng_of(call))
    else:
        checks.check_first(case, call, arrays, rng_of(call))
        checks.check_second(case, call, arrays, rng_of(call))


def mixtures(call):
    """All numbers complex, or one of them and the others real."""
    real, complexes = call.at(), call.at(imaginary=True)
    places = [k for k, x in enumerate(complexes) if x.dtype.kind == "c"]
    mixed = [tuple(complexes[k] if k == place else x for k, x in enumerate(real)) for place in places]
    return [complexes, *mixed]


@pytest.mark.parametrize("case", ZERO_ONES, ids=str)
@few
@given(st.data())
def test_zero_by_rule(case, data):
    call = data.draw(case.calls)
    checks.check_zero(case, call, call.at(), rng_of(call))


@pytest.mark.parametrize("case", NEVER_ONES, ids=str)
@few
@given(st.data())
def test_without_derivative(case, data):
    call = data.draw(case.calls)
    with pytest.raises(NoDerivativeError, match=case.name):
        vjp(case.f, *call.at())
