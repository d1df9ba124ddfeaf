"""`cond` against Python's `if`: values and derivatives in every mode."""

import numpy as np
import pytest
from tests.transforms.loops import check_modes

from chainrule import cond, grad, hessian, jvp, scan, vectorize, while_loop
from chainrule.errors import OptionError, TraceError
from chainrule.evaluate import evaluate
from chainrule.trace import trace


def python_cond(decision, if_true, if_false, *operands):
    return if_true(*operands) if decision else if_false(*operands)


def branching(choose):
    def f(x, w):
        return choose(np.sum(x) > 1, lambda x: np.sum(np.tanh(x * w) ** 2), lambda x: w @ x**3, x)

    return f


@pytest.mark.parametrize("x", [np.array([1.0, 0.5]), np.array([0.3, 0.2])])
def test_every_mode(x):
    check_modes(branching(cond), branching(python_cond), x, np.array([0.7, -1.2]))


def test_one_graph_for_both_sides():
    graph = trace(grad(branching(cond)))(np.ones(2), np.ones(2))
    for x in (np.array([1.0, 0.5]), np.array([0.3, 0.2])):
        np.testing.assert_allclose(evaluate(graph, x, np.ones(2))[0], grad(branching(python_cond))(x, np.ones(2)))


def test_trees_and_no_operands():
    def f(x):
        found = cond(x > 0, lambda: {"a": x * x, "b": (1.0, None)}, lambda: {"a": -x, "b": (0.0, None)})
        assert found["b"][1] is None
        return found["a"] + found["b"][0]

    assert f(2.0) == 5.0
    assert f(-2.0) == 2.0
    assert grad(f)(2.0) == 4.0
    assert grad(f)(-2.0) == -1.0


def test_what_has_no_derivative_on_one_side():
    f = lambda x: cond(x > 0, lambda x: x**2, lambda x: 1.0, x)  # noqa: E731
    assert grad(f)(3.0) == 6.0
    assert grad(f)(-3.0) == 0.0
    assert jvp(f, (-3.0,), (1.0,)) == (1.0, 0.0)
    assert hessian(f)(3.0) == 2.0


def test_only_one_side_is_computed():
    """The other side of the choice may be infinite, without a warning and without a trace in the derivative."""
    f = lambda x: cond(x > 0, np.log, lambda x: x, x)  # noqa: E731
    assert f(-1.0) == -1.0
    assert grad(f)(-1.0) == 1.0
    assert grad(f)(0.0) == 1.0


def test_large_constants_on_both_sides():
    a, b = (np.random.default_rng(seed).normal(size=(30, 30)) for seed in (0, 1))
    f = lambda choose: lambda x: choose(x[0] > 0, lambda: np.sum(np.sin(a @ x)), lambda: np.sum(np.cos(b @ x)))  # noqa: E731
    for x in (a[0], b[0]):
        np.testing.assert_allclose(grad(f(cond))(x), grad(f(python_cond))(x))
        np.testing.assert_allclose(hessian(f(cond))(x), hessian(f(python_cond))(x), atol=1e-12)


def test_result_is_an_array_of_its_own():
    x = np.ones(3)
    found = cond(True, lambda x: x, lambda x: 2 * x, x)
    found[0] = 7
    assert x[0] == 1


def test_inside_a_scan():
    def f(choose, loop):
        def run(x, ys):
            return loop(lambda c, y: choose(c * y > 0, lambda c: (c * y, c), lambda c: (c + y, y), c), x, ys)[0]

        return run

    def python_loop(step, c, ys):
        for y in ys:
            c = step(c, y)[0]
        return c, None

    check_modes(f(cond, scan), f(python_cond, python_loop), 0.7, np.array([-1.0, 0.5, 2.0, -0.3]))


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
@pytest.mark.parametrize("by", ["x", "w", "both"])
def test_vectorize(axes, by):
    def make(choose):
        def f(x, w):
            decision = {"x": np.sum(x), "w": np.sum(w), "both": x @ w}[by] > 0
            return choose(decision, lambda x: np.tanh(x) @ w, lambda x: 2.0 * x[0], x)

        return f

    f, oracle = make(cond), make(python_cond)
    rng = np.random.default_rng(3)
    args = tuple(rng.normal(size=(4, 2) if axis == 0 else 2) for axis in axes)

    def one_by_one(f, *args):
        return np.stack(
            [f(*(x if axis is None else x[k] for x, axis in zip(args, axes, strict=True))) for k in range(4)]
        )

    for k in (0, 1):
        for change in (lambda f: f, lambda f: grad(f, k), lambda f: hessian(f, k)):  # noqa: B023
            np.testing.assert_allclose(vectorize(change(f), axes)(*args), one_by_one(change(oracle), *args), atol=1e-12)
        np.testing.assert_allclose(
            hessian(lambda *args: np.sum(vectorize(f, axes)(*args) ** 2), k)(*args),
            hessian(lambda *args: np.sum(one_by_one(oracle, *args) ** 2), k)(*args),
            atol=1e-12,
        )


def test_kinds():
    assert type(cond(True, lambda: 1, lambda: 2)) is int
    assert cond(True, lambda: np.float32(1), lambda: 2.0).dtype == np.float32
    assert cond(False, lambda: np.float32(1), lambda: 2.0).dtype == np.float32
    assert cond(True, lambda: 1, lambda: 2.5).dtype == np.float64
    x = np.float32(2)
    assert grad(lambda x: cond(x > 0, lambda: x * x, lambda: 0.0))(x).dtype == np.float32
    # A number decides as in Python.
    assert cond(3, lambda: 1, lambda: 2) == 1
    assert cond(np.zeros(()), lambda: 1, lambda: 2) == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: cond(True, lambda x: x, lambda x: (x, x), 1.0),
            ["if_true", "if_false", "same tree", "tuple(0: *, 1: *)"],
        ),
        (
            lambda: cond(True, np.sin, lambda x: np.stack([x, x]), 1.0),
            ["sin (if_true)", "<lambda> (if_false)", "float64[]", "float64[2]"],
        ),
        (
            lambda: cond(True, lambda x: {"a": x}, lambda x: {"a": x.astype(np.float32)}, np.ones(2)),
            ["['a']", "float32"],
        ),
        (lambda: cond(np.ones(2), lambda: 1, lambda: 2), ["shape (2,)", "np.where"]),
        (lambda: cond("yes", lambda: 1, lambda: 2), ["decision is str"]),
        (lambda: cond(True, lambda x: x, lambda x: x, "text"), ["operand 1 is of type str"]),
        (lambda: cond(True, lambda x: x if x > 0 else -x, lambda x: x, 1.0), ["decision was taken", "chainrule.cond"]),
        (lambda: cond(True, lambda x: "text", lambda x: x, 1.0), ["type str"]),
    ],
)
def test_what_does_not_fit(call, words):
    with pytest.raises(TraceError) as found:
        call()
    for word in words:
        assert word in str(found.value)
    assert "test_cond.py" in str(found.value).splitlines()[-1]


def test_a_value_is_no_function():
    with pytest.raises(OptionError, match=r"cond: a function is needed, but float was given.*lambda: value"):
        cond(True, 1.0, 2.0)
    with pytest.raises(OptionError, match=r"while_loop: a function is needed, but bool was given"):
        while_loop(True, lambda x: x, 1.0)
