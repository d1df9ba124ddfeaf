"""Every row of the tables of operations and functions, compiled: values, derivatives of both orders, kinds of numbers.

Lines of the case tables are compiled some at a time, each with its derivatives in one function: most of what a
compilation takes it takes once. Second derivatives of compositions, whose graphs have the primitive operations of the
first and of others, are compiled in `make sweep`.
"""

import contextlib

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.jit.compare import assert_alike
from tests.ops import all_cases, checks
from tests.ops.case import NEVER, SMOOTH
from tests.ops.shares import is_simplest, made_of_others, of_primitives
from tests.ops.test_cases import kinds

from chainrule import TraceError, jit, jvp, tree, vjp

# Each example is compiled. A failing one names its line, and is not made smaller: that would take minutes.
phases = [phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)]
few = settings(max_examples=max(1, settings().max_examples // 50), phases=phases)
once = settings(max_examples=max(1, settings().max_examples // 100), phases=phases)

#: Lines that are compiled together.
TOGETHER = 8


def batched(cases, together=TOGETHER):
    """Lines, some at a time, under the names of the first and the last."""
    parts = [cases[k : k + together] for k in range(0, len(cases), together)]
    return [pytest.param(part, id=f"{part[0]} to {part[-1]}") for part in parts]


CASES = [case for case in all_cases.CASES if case.derivative != NEVER and not case.looks]
LOOKING = [case for case in all_cases.CASES if case.derivative != NEVER and case.looks]
COMPLEX = [case for case in CASES if case.complex]


class Line:
    """A line at a drawn point: its function of numbers, with derivatives."""

    def __init__(self, case, call, arrays, *, second=False):
        self.case, self.call, self.second = case, call, second
        self.f, self.numbers = checks.on_numbers(case, call, arrays)
        rng = np.random.default_rng(call.seed)
        with np.errstate(all="ignore"):
            try:
                value = self.f(*self.numbers)
            except (AttributeError, TypeError):
                # Python numbers have neither methods nor entries, so that a function may refuse them.
                self.f, self.numbers = checks.on_numbers(case, call, [np.asarray(x) for x in arrays])
                value = self.f(*self.numbers)
        self.seed = checks.random_like(rng, value)
        self.direction = tuple(checks.random_like(rng, list(map(np.asarray, self.numbers))))

    def __call__(self, *numbers):
        """The value; where it is smooth, the vector-Jacobian product; and the change of that along a direction."""
        if self.case.derivative != SMOOTH:
            return (vjp(self.f, *numbers)[0],)

        def gradient(*xs):
            return list(vjp(self.f, *xs)[1](self.seed))

        if self.second:
            return jvp(self.f, numbers, self.direction)[1], jvp(gradient, numbers, self.direction)
        value, pull_back = vjp(self.f, *numbers)
        return value, list(pull_back(self.seed))


def check(lines):
    """Compile lines together, and hold each against the interpreter."""

    def together(all_numbers):
        return [line(*numbers) for line, numbers in zip(lines, all_numbers, strict=True)]

    points = [line.numbers for line in lines]
    with np.errstate(all="ignore"):
        expected = [line(*line.numbers) for line in lines]
        try:
            found = jit(together)(points)
        except Exception:
            for line in lines:  # By itself each fails under its own name.
                check_alone(line)
            raise
    for line, a, b in zip(lines, found, expected, strict=True):
        compare(line, a, b)


def check_alone(line):
    try:
        found = jit(line)(*line.numbers)
    except Exception as problem:
        problem.add_note(f"compiling {line.case}")
        raise
    compare(line, found, line(*line.numbers))


def compare(line, found, expected):
    # A derivative that is a number may be Python's or NumPy's, as it comes.
    slopes = [tree.map(lambda x: np.asarray(x)[()], x if line.second else x[1:]) for x in (found, expected)]
    try:
        if not line.second:
            assert_alike(found[0], expected[0], like=line.numbers)
        assert_alike(*slopes, ulps=1 << 14 if line.second else 512, like=line.numbers, scale=float(line.second))
    except AssertionError as problem:
        problem.add_note(f"of {line.case} at {line.numbers}")
        raise


def drawn(data, cases, arrays_of, **options):
    lines = []
    for case in cases:
        call = data.draw(case.calls)
        lines.append(Line(case, call, arrays_of(case, call), **options))
    return lines


@pytest.mark.parametrize("cases", batched(of_primitives(CASES)))
@few
@given(st.data())
def test_values_and_gradients(cases, data):
    check(drawn(data, cases, lambda case, call: data.draw(kinds(call))))


@pytest.mark.parametrize("cases", batched(made_of_others(CASES)))
@few
@given(st.data())
def test_values_and_gradients_of_compositions(cases, data):
    check_arrays(drawn(data, cases, lambda case, call: data.draw(kinds(call))))


def check_arrays(lines):
    """Compile lines, unless they are at the first example, which is often numbers throughout."""
    if not is_simplest(*(line.call for line in lines)):
        check(lines)


SMOOTH_ONES = [case for case in CASES if case.derivative == SMOOTH]


@pytest.mark.parametrize("cases", batched(of_primitives(SMOOTH_ONES)))
@few
@given(st.data())
def test_forward_and_second_derivatives(cases, data):
    check_arrays(drawn(data, cases, lambda case, call: call.at(), second=True))


@pytest.mark.slow
@pytest.mark.parametrize("cases", batched(made_of_others(SMOOTH_ONES)))
@few
@given(st.data())
def test_forward_and_second_derivatives_of_compositions(cases, data):
    check_arrays(drawn(data, cases, lambda case, call: call.at(), second=True))


@pytest.mark.parametrize("cases", batched(COMPLEX, 2 * TOGETHER))
@once
@given(st.data())
def test_complex_numbers(cases, data):
    check(drawn(data, cases, lambda case, call: data.draw(st.sampled_from(case.mixtures(call)))))


@pytest.mark.parametrize("case", LOOKING, ids=str)
@once
@given(st.data())
def test_where_a_function_looks_at_values(case, data):
    """A shape that depends on values is refused with an error; whatever is not refused agrees."""
    call = data.draw(case.calls)
    for point in (0, 1, 0):
        with contextlib.suppress(TraceError):
            check_alone(Line(case, call, call.at(point)))
