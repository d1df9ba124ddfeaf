"""SciPy's Python functions are caught while recording, in the recording thread, and never otherwise."""

import importlib
import inspect
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree
from scipy.special import logsumexp as imported_earlier

from chainrule import grad, value_and_grad
from chainrule.library.with_scipy import load_all
from chainrule.ops import PRIMITIVES
from chainrule.trace.hooks import HOOKED, UNLISTED, function_at

load_all()
for module in sorted({module for module, _ in HOOKED}):
    importlib.import_module(module)


def call_plainly():
    np.sum([1.0])
    scipy.special.logsumexp(np.zeros(1))


call_plainly()

# The private functions among them are there in some versions of SciPy only.
FUNCTIONS = [function_at(*key) for key in (*HOOKED, *UNLISTED) if key in HOOKED or function_at(*key) is not None]
OWN_CODE = [function.__code__ for function in FUNCTIONS]
X = np.array([0.5, -1.0, 2.0])


def is_caught(function):
    return function.__code__ is not OWN_CODE[FUNCTIONS.index(function)]


def assert_untouched():
    """A call is enough to give all functions of NumPy their own code again, and another one those of SciPy."""
    call_plainly()
    for function, code in zip(FUNCTIONS, OWN_CODE, strict=True):
        assert function.__code__ is code
        assert "site-packages" in function.__code__.co_filename


@pytest.fixture(autouse=True)
def _untouched_before_and_after():
    assert_untouched()
    yield
    assert_untouched()


def test_caught_while_recording():
    def f(x):
        assert is_caught(scipy.special.logsumexp)
        return scipy.special.logsumexp(x)

    value, g = value_and_grad(f)(X)
    assert value == pytest.approx(scipy.special.logsumexp(X))
    np.testing.assert_allclose(g, scipy.special.softmax(X), rtol=1e-14)


def test_between_recordings_the_code_stays_until_the_next_call():
    grad(scipy.special.logsumexp)(X)
    assert is_caught(scipy.special.logsumexp)
    assert scipy.linalg.solve(np.eye(2), [1.0, 2.0]).tolist() == [1.0, 2.0]
    np.sum(X)
    assert [function.__code__ for function in FUNCTIONS] == OWN_CODE
    np.testing.assert_allclose(grad(scipy.special.logsumexp)(X), scipy.special.softmax(X), rtol=1e-14)


def test_operations_compute_past_what_is_caught():
    evaluate = PRIMITIVES["np.linalg.inv"].evaluate
    code = evaluate.__code__

    def f(x):
        assert np.linalg.inv._implementation.__code__ is not code
        assert evaluate.__code__ is code
        return np.sum(np.linalg.inv(x))

    grad(f)(np.eye(2))
    np.linalg.inv(np.eye(2))
    assert np.linalg.inv._implementation.__code__ is code


@pytest.mark.parametrize(
    "function", [np.sum, np.linalg.solve, scipy.special.logsumexp, scipy.stats.norm.pdf, scipy.linalg.solve, np.einsum]
)
def test_signatures_are_the_librarys_own(function):
    def f(x):
        seen.append(inspect.signature(function))
        return np.sum(x)

    seen = []
    call_plainly()
    own = inspect.signature(function)
    grad(f)(X)
    assert inspect.signature(function) == own
    assert seen == [own]
    assert str(inspect.signature(function)) == str(own)


def test_arguments_are_found_by_name_in_a_function_that_is_caught():
    for _ in range(2):
        np.testing.assert_allclose(grad(scipy.special.logsumexp, "a")(X), scipy.special.softmax(X), rtol=1e-14)


def test_a_call_that_fails_puts_the_code_back_too():
    grad(scipy.special.logsumexp)(X)
    with pytest.raises(np.linalg.LinAlgError):
        scipy.linalg.inv(np.zeros((2, 2)))
    np.sum(X)
    assert [function.__code__ for function in FUNCTIONS] == OWN_CODE


def test_a_plain_call_in_another_thread_leaves_what_is_recorded_alone():
    def f(x):
        thread = threading.Thread(target=lambda: found.append(scipy.special.logsumexp(X)))
        thread.start()
        thread.join()
        assert is_caught(scipy.special.logsumexp)
        return scipy.special.logsumexp(x)

    found = []
    np.testing.assert_allclose(grad(f)(X), scipy.special.softmax(X), rtol=1e-14)
    assert found == [scipy.special.logsumexp(X)]


def test_many_threads_between_recording_and_plain_calls():
    expected, value = scipy.special.softmax(X), scipy.special.logsumexp(X)

    def record():
        for _ in range(200):
            np.testing.assert_allclose(grad(scipy.special.logsumexp)(X), expected, rtol=1e-14)

    def call():
        for _ in range(200):
            assert scipy.special.logsumexp(X) == value

    def watched(run):
        try:
            run()
        except BaseException as problem:
            problems.append(problem)

    problems = []
    threads = [threading.Thread(target=watched, args=(run,)) for run in (record, call, record, call)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_names_imported_earlier_are_caught():
    np.testing.assert_allclose(grad(lambda x: imported_earlier(x))(X), scipy.special.softmax(X), rtol=1e-14)


def test_names_are_kept():
    def f(x):
        assert scipy.special.softmax.__name__ == "softmax"
        assert scipy.special.softmax.__module__.startswith("scipy.special")
        return scipy.special.softmax(x)[0]

    grad(f)(X)


def test_plain_arguments_get_scipys_own_answer_while_recording():
    def f(x):
        np.testing.assert_array_equal(scipy.special.softmax(X, axis=0), inside[0])
        assert scipy.special.logsumexp(X, b=[1, 2, 3], return_sign=True) == inside[1]
        with pytest.raises(TypeError):
            scipy.special.softmax(X, nonsense=1)
        return np.sum(x)

    inside = scipy.special.softmax(X, axis=0), scipy.special.logsumexp(X, b=[1, 2, 3], return_sign=True)
    grad(f)(X)


def test_keywords_lists_and_nested_levels():
    def f(x):
        return scipy.special.logsumexp(a=x, axis=0, keepdims=False) + scipy.special.logsumexp(X, b=x**2)

    expected = scipy.special.softmax(X) + 2 * X * np.exp(X) / np.sum(X**2 * np.exp(X))
    np.testing.assert_allclose(grad(f)(X), expected, rtol=1e-13)
    # The gradient of sum(softmax^2 / 2) by hand: p * (p - sum p^2).
    p = scipy.special.softmax(X)
    g = grad(lambda x: np.sum(grad(scipy.special.logsumexp)(x) ** 2) / 2)(X)
    np.testing.assert_allclose(g, p * (p - np.sum(p**2)), rtol=1e-13)


def test_methods_with_plain_arguments_get_scipys_own_answer_while_recording():
    frozen = scipy.stats.gamma(2.0, scale=0.5)
    calls = (
        lambda: scipy.stats.norm.logpdf(X, 0.5, scale=[1.0, 2.0, -1.0]),
        lambda: frozen.cdf(X),
        lambda: frozen.ppf([0.0, 0.5, 1.0]),
        lambda: scipy.stats.poisson(1.5).pmf(np.arange(4)),
        lambda: scipy.stats.poisson.cdf(np.arange(4), 1.5),
        lambda: scipy.stats.multivariate_normal(X, np.eye(3)).pdf(np.zeros(3)),
        lambda: scipy.stats.dirichlet([1.0, 2.0]).logpdf([0.5, 0.5]),
        lambda: scipy.stats.t.fit(np.arange(20.0), floc=0.0)[0],
        lambda: scipy.stats.genextreme.pdf(X, [-0.1, 0.0, 0.1]),
        lambda: scipy.special.polygamma(1, X),
    )

    def f(x):
        for call, expected in zip(calls, outside, strict=True):
            np.testing.assert_array_equal(call(), expected)
        assert scipy.stats.rv_continuous.logpdf.__name__ == "logpdf"
        with pytest.raises(TypeError, match="nonsense"):
            scipy.stats.norm.logpdf(X, nonsense=1)
        return np.sum(scipy.stats.norm.logpdf(x))

    outside = [call() for call in calls]
    np.testing.assert_allclose(grad(f)(X), -X, rtol=1e-15)


def test_compiled_code_makes_its_own_arrays():
    """Cython functions have no frame of their own, so that their calls seem to be the user's."""

    def f(x):
        numbers = np.random.default_rng(0).normal(size=3)
        tree = cKDTree(np.arange(6.0).reshape(3, 2))
        spline = CubicSpline(np.arange(4.0), np.arange(4.0) ** 2)
        return x * np.sum(numbers) + x * tree.query([0.0, 0.0])[0] + x * float(spline(1.5))

    assert grad(f)(1.0) == f(1.0)


def test_put_back_after_an_exception():
    def f(x):
        raise KeyError("on purpose")

    for g in (grad(f), grad(lambda x: grad(f)(x))):
        with pytest.raises(KeyError):
            g(1.0)
        assert_untouched()


def test_a_recording_inside_does_not_end_the_outer_one():
    def f(x):
        grad(np.sin)(1.0)
        return scipy.special.logsumexp(x)

    np.testing.assert_allclose(grad(f)(X), scipy.special.softmax(X), rtol=1e-14)


def test_other_threads_get_scipys_own_behaviour():
    """While one thread is recording, another calls with plain arrays, lists and objects of its own."""
    answers = []

    def other():
        answers.append(scipy.special.logsumexp(X))
        answers.append(scipy.special.softmax([1.0, 2.0]))
        answers.append(scipy.special.log_softmax(np.eye(2), axis=1))
        answers.append(scipy.stats.norm(0.5, 2.0).logpdf([1.0, 2.0]))
        assert type(np.zeros(2)) is type(np.array([1.0])) is type(np.full(2, 1.0)) is np.ndarray

    def f(x):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return scipy.special.logsumexp(x)

    grad(f)(X)
    during, answers = answers, []
    other()
    assert len(during) == 4
    for a, b in zip(during, answers, strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_of_numpy_are_put_back():
    own = {name: getattr(np, name) for name in ("zeros", "array", "asarray", "full", "ones_like", "r_")}

    def f(x):
        assert np.zeros is not own["zeros"]
        assert np.zeros.__name__ == "zeros"
        grad(np.sum)(X)
        assert np.zeros is not own["zeros"]
        raise KeyError("on purpose")

    with pytest.raises(KeyError):
        grad(f)(1.0)
    assert {name: getattr(np, name) for name in own} == own
    assert type(np.zeros(2)) is np.ndarray


def test_a_thread_that_goes_on_recording_keeps_the_hooks():
    """The functions are put back when the last of several recordings ends, not the first."""
    inside, leave = threading.Event(), threading.Event()
    found = []

    def slow(x):
        inside.set()
        assert leave.wait(10)
        return scipy.special.logsumexp(x)

    thread = threading.Thread(target=lambda: found.append(grad(slow)(X)))
    thread.start()
    assert inside.wait(10)
    np.testing.assert_allclose(grad(scipy.special.logsumexp)(X), scipy.special.softmax(X), rtol=1e-14)
    assert is_caught(scipy.special.logsumexp)
    leave.set()
    thread.join()
    np.testing.assert_allclose(found[0], scipy.special.softmax(X), rtol=1e-14)


def test_a_module_that_is_imported_late():
    """What is imported while recording is caught from the next recording on; until then it is refused, never lost."""
    program = """
import sys
import numpy as np
import chainrule
assert "scipy.special" not in sys.modules
def f(x):
    from scipy.special import logsumexp
    return logsumexp(x)
try:
    print(chainrule.grad(f)(np.zeros(2)))
except chainrule.TraceError as problem:
    assert "return logsumexp(x)" in str(problem) or "plain array" in str(problem)
    print("refused")
print(chainrule.grad(f)(np.zeros(2)))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first in ("[0.5 0.5]", "refused")
    assert second == "[0.5 0.5]"


def test_stats_is_imported_by_its_users_alone():
    program = """
import sys
import numpy as np
import chainrule
chainrule.grad(lambda x: np.sum(x**2))(np.ones(2))
assert not any(name.startswith("scipy.stats") for name in sys.modules)
def f(x):
    from scipy import stats
    return stats.norm.logpdf(x)
for _ in range(2):
    try:
        print(chainrule.grad(f)(0.5))
    except chainrule.TraceError:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first in ("-0.5", "refused")
    assert second == "-0.5"


def test_a_debugger_can_show_the_frames_of_a_function_that_is_a_closure():
    """Of a closure it reads the cells, which the exchanged code has to have taken over."""
    with pytest.raises(ValueError, match="incompatible") as problem:
        grad(lambda x: np.sum(scipy.linalg.solve_triangular(x, np.ones(3))))(np.eye(2))
    frames = {entry.frame.code.name: entry.frame.f_locals for entry in problem.traceback}
    assert "kwargs" in frames["solve_triangular"]
