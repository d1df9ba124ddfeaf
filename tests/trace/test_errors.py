"""What cannot be followed raises, and the message names what, where, and what to do."""

import math
import pickle
import re

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.special
from scipy import stats

import chainrule
from chainrule import NoDerivativeError, TraceError, grad, vjp

X = np.array([1.0, 2.0])


def raised(f, *args, differentiate=grad, **options):
    """The error that differentiating `f` raises."""
    with pytest.raises(TraceError) as problem:
        differentiate(f, **options)(*args)
    return problem.value


def assert_at_line(problem, source):
    """The last line of the message is the line of this file that holds `source`."""
    last = str(problem).splitlines()[-1]
    place = re.fullmatch(r"  at (.+):(\d+), in (\S+):  (.+)", last)
    assert place is not None, last
    assert place[1] == __file__
    assert source in place[4]
    with open(__file__, encoding="utf-8") as own:
        assert own.read().splitlines()[int(place[2]) - 1].strip() == place[4]


# What Python or NumPy squeezes a traced value into: (function, what the message names, what it says to do).


def python_math(x):
    return math.sin(x)


def python_float(x):
    return float(x) * 2


def python_int(x):
    return int(x) * x


def python_complex(x):
    return abs(complex(x))


GLOBAL = np.zeros(2)


def array_in_a_library(x):
    return np.sum(scipy.special.gammaln(np.asarray_chkfinite(x)))


def global_entry(x):
    GLOBAL[1] = x
    return np.sum(GLOBAL)


def global_row(x):
    GLOBAL[:] = x
    return np.sum(GLOBAL)


def global_dot(x):
    return GLOBAL.dot(x)


def drawn(x):
    return np.sum(np.random.default_rng(0).normal(x, 1.0))


def exponential_of_list(x):
    return np.sum(np.exp([x[0], x[1]]))


def by_rows(x):
    return np.sum(np.vectorize(lambda v: v * 2, signature="(n)->(n)")(x))


def applied(x):
    return np.sum(np.fromiter((v for v in x), float))


def pickled(x):
    return len(pickle.dumps(x)) * x


def solved(x):
    return np.sum(scipy.linalg.hessenberg(np.outer(x, x)))


def format_as_integer(x):
    return "abc"[x] and x


def counted(x):
    return x * len(range(x))


SQUEEZED = {
    python_math: ("float()", "np.sin for math.sin", 1.0),
    python_float: ("float()", "chainrule.value(x)", 1.0),
    python_int: ("int()", "np.trunc", 1.0),
    python_complex: ("complex()", "x + 0j", 1.0),
    array_in_a_library: ("plain array", "chainrule.value(x)", X),
    global_entry: ("float()", "inside the function", 1.0),
    global_row: ("plain array", "chainrule.value(x)", X),
    global_dot: ("plain array", "A @ x", X),
    drawn: ("in np.random.normal", "standard_normal", X),
    exponential_of_list: ("in np.exp", "np.array([x, y])", X),
    by_rows: ("np.vectorize", "chainrule.vectorize", X),
    applied: ("float()", "chainrule.value(x)", X),
    pickled: ("pickle", "chainrule.value(x)", 1.0),
    solved: ("in scipy.linalg.hessenberg", "chainrule.value(x)", X),
    format_as_integer: ("index", "int(chainrule.value(x))", 1.0),
    counted: ("index or a count", "int(chainrule.value(x))", 1.0),
}


@pytest.mark.parametrize("f", SQUEEZED, ids=lambda f: f.__name__)
def test_squeezed_into_something_plain(f):
    what, instead, x = SQUEEZED[f]
    message = str(raised(f, x))
    assert what in message
    assert instead in message
    assert f"in {f.__name__}:" in message.splitlines()[-1]
    # Inside another derivative, too.
    assert what in str(raised(lambda y: grad(lambda x: f(x * y))(x), 1.0))


def test_the_line_is_the_last_of_the_message():
    assert_at_line(raised(python_math, 1.0), "return math.sin(x)")
    assert_at_line(raised(global_entry, 1.0), "GLOBAL[1] = x")
    assert_at_line(raised(solved, X), "scipy.linalg.hessenberg(np.outer(x, x))")


def test_the_line_is_the_users_where_numpy_stands_between():
    assert_at_line(raised(lambda x: np.sum(np.ix_(x)[0]), X), "np.ix_(x)")


def test_the_function_is_named_that_asked_for_a_plain_array():
    assert "in scipy.linalg.hessenberg:" in str(raised(lambda x: scipy.linalg.hessenberg(x), np.eye(2)))
    by_another_name = scipy.linalg.hessenberg
    assert "in scipy.linalg.hessenberg:" in str(raised(lambda x: by_another_name(x), np.eye(2)))
    # Not scipy.stats.entropy, which is followed.
    assert "in scipy.stats.norm.entropy:" in str(raised(lambda x: stats.norm.entropy(x[0]), X))
    assert "in scipy.stats.gamma.mean:" in str(raised(lambda x: stats.gamma.mean(x[0]), X))
    assert "in scipy.stats.wishart.logpdf:" in str(raised(lambda x: stats.wishart.logpdf(np.eye(2), 4, x), np.eye(2)))
    # float() was called in SciPy, and here by the user.
    assert "in scipy.signal.chirp:" in str(raised(lambda x: scipy.signal.chirp(np.arange(3.0), x, 1.0, 2.0), 1.0))
    assert ", in " not in str(raised(lambda x: float(x), 1.0)).splitlines()[0]


def test_of_pandas_the_line_is_the_users():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0])
    for f in (lambda x: series * x, lambda x: x - series.mul(x), lambda x: pandas.Series(x)):
        problem = raised(lambda x, f=f: np.sum(f(x)), X)
        assert "series.to_numpy()" in str(problem)
        assert_at_line(problem, "lambda x: series * x")
    np.testing.assert_array_equal(grad(lambda x: np.sum(x * series.to_numpy()))(X), [1.0, 2.0])


def test_shape_and_dtype_are_named():
    message = str(raised(lambda x: scipy.linalg.hessenberg(x), np.ones((2, 3), np.float32)))
    assert "shape (2, 3), float32" in message


# Calls.


def counted_values(x):
    return np.sum(np.unique_counts(x)[0])


def written(x):
    return np.sum(np.exp(x, out=GLOBAL))


def only_where(x):
    return np.sum(np.sqrt(x, where=x > 1))


def reduced_by_ufunc(x):
    return np.power.reduce(x)


def run_by_ufunc(x):
    return np.sum(np.divide.accumulate(x))


def next_number(x):
    return np.sum(np.nextafter(x, 2.0))


def next_towards(x):
    return np.sum(np.nextafter(2.0, x))


def last_bit(x):
    return np.sum(np.spacing(x))


def mathieu(x):
    return np.sum(scipy.special.mathieu_a(1.0, x))


def mantissa(x):
    return np.sum(np.frexp(x)[0])


def unknown_argument(x):
    return np.average(x, returned=True)[0]


CALLS = {
    counted_values: ("np.unique_counts", "custom_gradient", NoDerivativeError),
    written: ("np.exp", "Make the array inside the function", TraceError),
    only_where: ("np.sqrt", "where=", TraceError),
    reduced_by_ufunc: ("np.power.reduce", "as a loop", NoDerivativeError),
    run_by_ufunc: ("np.divide.accumulate", "as a loop", NoDerivativeError),
    next_number: ("np.nextafter", "stop_gradient", NoDerivativeError),
    next_towards: ("np.nextafter", "argument x2 (the second)", NoDerivativeError),
    last_bit: ("np.spacing", "custom_gradient", NoDerivativeError),
    mathieu: ("scipy.special.mathieu_a", "custom_gradient", NoDerivativeError),
    mantissa: ("np.frexp", "custom_gradient", NoDerivativeError),
    unknown_argument: ("np.average", "returned=", TraceError),
}


@pytest.mark.parametrize("f", CALLS, ids=lambda f: f.__name__)
def test_calls_that_are_not_followed(f):
    name, instead, kind = CALLS[f]
    problem = raised(f, X)
    assert type(problem) is kind
    assert name in str(problem)
    assert instead in str(problem)
    assert_at_line(problem, name.rpartition(".")[2])


def test_what_a_message_says_works():
    """Each way out that a message offers gives the derivative."""
    assert grad(lambda x: np.sin(x))(0.0) == 1.0
    assert grad(lambda x: np.sum(np.stack([x, 2.0 * x])))(1.0) == 3.0
    assert grad(lambda x: np.sum(np.concatenate([x, [1.0]])))(X).tolist() == [1.0, 1.0]
    assert grad(lambda x: float(chainrule.value(x)) * x)(3.0) == 3.0
    assert grad(lambda x: int(chainrule.value(x)) * x)(3.5) == 3.0
    assert grad(lambda x: np.nextafter(chainrule.stop_gradient(x), 9.0) * x)(1.0) == np.nextafter(1.0, 9.0)
    assert grad(lambda x: np.ones(2) @ x)(X).tolist() == [1.0, 1.0]
    assert grad(lambda x: np.abs(x + 0j))(2.0) == 1.0


# Outputs.


def returns_an_array(x):
    return x * 2


def returns_a_complex_number(x):
    return x * (1 + 1j)


def returns_nothing(x):
    x * 2


def returns_two(x):
    return x, x * 2


def returns_text(x):
    return str(x)


OUTPUTS = {
    returns_an_array: ("array of shape (2,)", "Sum it"),
    returns_a_complex_number: ("complex", "np.real"),
    returns_nothing: ("None", "return statement"),
    returns_two: ("tuple of length 2", "has_aux=True"),
    returns_text: ("str", "one real number"),
}


@pytest.mark.parametrize("f", OUTPUTS, ids=lambda f: f.__name__)
def test_outputs_that_have_no_gradient(f):
    what, instead = OUTPUTS[f]
    message = str(raised(f, X if f is returns_an_array else 1.0))
    assert f.__name__ in message
    assert what in message
    assert instead in message


def test_outputs_that_vjp_cannot_take():
    with pytest.raises(TraceError, match="returns_text returned str"):
        vjp(returns_text, 1.0)


def test_has_aux_needs_a_pair():
    assert "pair" in str(raised(lambda x: x * 2, 1.0, has_aux=True))
    assert "pair" in str(raised(lambda x: [x, x], 1.0, has_aux=True))
    assert "pair" in str(raised(lambda x: (x, x, x), 1.0, has_aux=True))
    assert "array of shape (2,)" in str(raised(lambda x: (x, None), X, has_aux=True))


# Arguments.


@pytest.mark.parametrize(
    ("x", "what"),
    [
        (np.array([1, 2]), "int64"),
        (np.int32(3), "int32"),
        (np.array([True]), "bool"),
        (True, "bool"),
        (np.array(["a"]), "<U1"),
        (np.array([None], object), "object"),
        ("text", "str"),
        ({1.0}, "set"),
        (object(), "object"),
    ],
)
def test_arguments_that_are_not_numbers(x, what):
    message = str(raised(lambda weights: weights, x))
    assert message.startswith("weights")
    assert what in message


def test_a_leaf_of_a_tree_is_named():
    message = str(raised(lambda p: p["layers"][1]["w"], {"layers": [{"w": 1.0}, {"w": np.array([1, 2])}]}))
    assert message.startswith("p['layers'][1]['w'] has dtype int64")
    assert "p['layers'][1]['w'].astype(float)" in message


def test_operands_that_are_no_numbers():
    for other in ("text", object(), {1.0}):
        with pytest.raises(TypeError):
            grad(lambda x, other=other: x + other)(1.0)


def test_arrays_with_rules_of_their_own():
    masked = np.ma.array([1.0, 2.0], mask=[True, False])
    assert_at_line(raised(lambda x: np.sum(x * masked), X), "x * masked")
    assert "MaskedArray" in str(raised(lambda x: np.sum(masked + x), X))
    matrix = np.eye(2).view(np.matrix)
    assert "matrix" in str(raised(lambda x: np.sum(x * matrix), np.eye(2)))
    assert "matrix" in str(raised(lambda x: np.sum(matrix @ x), np.eye(2)))


def test_arrays_of_objects():
    for f in (
        lambda x: np.sum(np.array([x, x], dtype=object)),
        lambda x: np.sum(np.asarray(x).astype(object)),
        lambda x: np.sum(np.full(2, x, dtype=object)),
    ):
        assert "object" in str(raised(f, 1.0))


def test_one_argument_where_is_refused():
    message = str(raised(lambda x: np.sum(x[np.where(x > 1)]) + np.sum(np.where(x)[0]), X))
    assert "np.where with one argument" in message
    assert "np.nonzero" in message


def test_errors_leave_the_recording_closed():
    for _ in range(3):
        raised(python_math, 1.0)
        raised(returns_nothing, 1.0)
    assert grad(lambda x: scipy.special.logsumexp(x))(X).sum() == pytest.approx(1.0)


def test_traced_values_are_not_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        grad(lambda x: {x: 1}[x])(1.0)
