"""Recorded functions as NumPy code: the text is run, and compared with the function."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.inspection.sizes import drawn_from, one_in
from tests.ops import all_cases, checks
from tests.ops.case import NEVER, SMOOTH
from tests.ops.shares import is_simplest, made_of_others, of_primitives
from tests.programs.generate import generate, load

from chainrule import grad, scan, tree, value_and_grad, vjp
from chainrule.errors import ChainruleError, OptionError
from chainrule.inspection import to_numpy

few = one_in(50)

# SciPy's solvers of a function that is recorded within, products with sparse matrices, and tables that may be left.
WITHOUT_FORM = re.compile(
    r"scipy\.integrate\.(odeint|solve_ivp|quad|quad_vec|dblquad|nquad)\b|scipy\.optimize\.|(scipy\.)?sparse\."
    r"|scipy\.interpolate\.(interp1d|interpn|RegularGridInterpolator)"
)

# Of derivatives by shape parameters the text has the integral by other points, and over one tail whichever is shorter.
BY_OTHER_POINTS = re.compile(r"(scipy\.special\.)?(gammainc|betainc|chdtr|stdtr|[fgb]dtr|nbdtr)")


CASES = [case for case in all_cases.CASES if case.derivative != NEVER]
WITH_FORM = [case for case in CASES if not WITHOUT_FORM.match(case.name)]


def compared(f, args, ulps=64):
    """Run the text of a function and the function."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        code = to_numpy(f)(*args)
        found = code(*args)
        # Last, since a function may write into its arguments, and its text does not.
        checks.assert_same(tree.map(np.asarray, found), tree.map(np.asarray, f(*args)), ulps)
    return code.text


def check_operation(case, call, dtype):
    f, numbers = checks.on_numbers(case, call, call.at(dtype=dtype))
    text = compared(f, numbers, 1e5 if BY_OTHER_POINTS.match(case.name) else 256)
    assert "chainrule" not in text


DTYPES = st.sampled_from((np.float64, np.float32))


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line")
@pytest.mark.parametrize("case", of_primitives(WITH_FORM), ids=str)
@few
@given(st.data())
def test_every_operation(case, data):
    check_operation(case, data.draw(case.calls), data.draw(DTYPES))


# The text of a composition is that of its primitive operations.
@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line")
@pytest.mark.parametrize("case", made_of_others(WITH_FORM), ids=str)
@few
@given(st.data())
def test_every_composition(case, data):
    call, dtype = data.draw(case.calls), data.draw(DTYPES)
    if not is_simplest(call):
        check_operation(case, call, dtype)


def check_derivative(case, call):
    f, numbers = checks.on_numbers(case, call, call.at())
    v = checks.random_like(np.random.default_rng(call.seed), f(*numbers))

    def derivative(*given):
        return vjp(f, *given)[1](v)

    text = compared(derivative, numbers, 1e5 if BY_OTHER_POINTS.match(case.name) else 4096)
    assert "chainrule" not in text


SMOOTH_ONES = [case for case in WITH_FORM if case.derivative == SMOOTH]


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", of_primitives(SMOOTH_ONES), ids=str)
@few
@given(st.data())
def test_every_derivative(case, data):
    check_derivative(case, data.draw(case.calls))


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", made_of_others(SMOOTH_ONES), ids=str)
@few
@given(st.data())
def test_every_derivative_of_compositions(case, data):
    call = data.draw(case.calls)
    if not is_simplest(call):
        check_derivative(case, call)


@pytest.mark.parametrize("case", [case for case in CASES if WITHOUT_FORM.match(case.name)], ids=str)
@few
@given(st.data())
def test_what_has_no_form_says_so(case, data):
    call = data.draw(case.calls)
    f, numbers = checks.on_numbers(case, call, call.at())
    with pytest.raises(OptionError, match=r"has no form in plain NumPy"):
        to_numpy(f)(*numbers)


@pytest.mark.parametrize("seed", range(drawn_from(10)))
def test_random_programs(seed):
    program = generate(seed)
    loss = load(program.source)["loss"]
    try:
        grad(loss, (0, 1))(program.x, program.w)
    except ChainruleError:
        pytest.skip("refused by grad")
    compared(loss, (program.x, program.w), 1024)
    compared(grad(loss, (0, 1)), (program.x, program.w), 1e6)


def loss(w, b, x, t):
    y = 1 / (1 + np.exp(-(w * x + b)))
    return 0.5 * (y - t) ** 2 + 0.05 * w**2


def test_it_reads_like_code_by_hand():
    text = to_numpy(value_and_grad(loss, (0, 1)))(2.0, 1.0, 0.5, 1.0).text
    assert "def value_and_grad_loss(w, b, x, t):" in text
    assert "np.exp(-(w * x + b))" in text
    assert len(text.splitlines()) < 16
    assert max(map(len, text.splitlines())) <= 110
    assert "np.multiply" not in text


def test_trees_and_constants():
    table = np.linspace(0.0, 1.0, 12).reshape(3, 4)

    def f(p, xs):
        return {"a": (np.sum(table * p["a"], axis=0), [p["b"][0] ** 2]), "n": np.float32(1.5) * xs[1]}

    args = ({"a": np.ones(4), "b": [3.0]}, (1.0, np.ones(2, np.float32)))
    text = compared(f, args)
    assert "        np.array([[0.0, " in text
    assert "p['b'][0] ** 2" in text


def test_numbers_that_python_treats_otherwise():
    """Python raises for 1.0 / 0.0, and makes a complex number of (-8.0) ** (1 / 3)."""
    code = to_numpy(lambda x, y: (x / y, x**y, abs(x)))(2.0, 3.0)
    with np.errstate(all="ignore"):
        quotient, power, size = code(-8.0, 0.0)
        assert np.isneginf(quotient)
        assert np.isnan(code(-8.0, 1 / 3)[1])
    assert (power, size) == (1.0, 8.0)


def test_what_has_no_plain_form_is_named():
    def f(x):
        return scan(lambda s, _: (s * x, s), 1.0, np.ones(3))[0]

    with pytest.raises(OptionError, match=r"chainrule\.scan"):
        to_numpy(f)(2.0)
