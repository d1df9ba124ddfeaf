"""`while_loop` against Python loops, and against derivatives known otherwise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.transforms.loops import check_modes, python_while

from chainrule import cond, grad, hessian, jvp, recompute, scan, vectorize, while_loop
from chainrule.errors import OptionError, TraceError
from chainrule.evaluate import evaluate
from chainrule.graph import verify
from chainrule.trace import trace


def newton(loop):
    """The square root by Newton's method, from the left so that at least one step is made."""
    return lambda a: loop(lambda x: abs(x * x - a) > 1e-12 * a, lambda x: 0.5 * (x + a / x), 0.5)


def growth(loop):
    """A vector that is rotated and stretched until it is long enough; the number of steps is carried too."""

    def f(x, angle):
        turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)]), np.stack([np.sin(angle), np.cos(angle)])])

        def body(state):
            x, count = state
            return 1.3 * turn @ x / (1 + 0.01 * count), count + 1

        x, count = loop(lambda state: np.sum(state[0] ** 2) < 9.0, body, (x, 0))
        return x[0] * count

    return f


def test_every_mode():
    check_modes(newton(while_loop), newton(python_while), 9.0)
    check_modes(growth(while_loop), growth(python_while), np.array([1.0, 0.5]), 0.3)


def test_third_derivative():
    third = grad(grad(grad(newton(while_loop))))(4.0)
    np.testing.assert_allclose(third, 3 / 8 * 4.0**-2.5, rtol=1e-9)


@given(st.floats(0.1, 50.0))
def test_newton_for_many_numbers(a):
    # The derivative is that of the steps made, so that it is compared with the same steps in Python.
    f, oracle = newton(while_loop), newton(python_while)
    np.testing.assert_allclose(f(a), np.sqrt(a))
    np.testing.assert_allclose(grad(f)(a), grad(oracle)(a))
    np.testing.assert_allclose(jvp(f, (a,), (1.0,))[1], grad(oracle)(a))


def bisection(function, low, high):
    """A zero of a growing function between two numbers."""

    def body(ends):
        low, high = ends
        middle = 0.5 * (low + high)
        return cond(function(middle) > 0, lambda: (low, middle), lambda: (middle, high))

    low, high = while_loop(lambda ends: ends[1] - ends[0] > 1e-13, body, (low, high))
    return 0.5 * (low + high)


def test_bisection():
    """Bisection itself has derivative 0; one Newton step from its end has that of the implicit function theorem."""

    def solve(a):
        def function(x):
            return x**3 + a * x - 1.0

        x = bisection(function, 0.0, 1.0)
        slope = 3 * x**2 + a
        return x - function(x) / slope

    for a in (0.5, 2.0):
        x = solve(a)
        np.testing.assert_allclose(x**3 + a * x, 1.0)
        # F(x, a) = 0 gives dx/da = -F_a / F_x.
        np.testing.assert_allclose(grad(solve)(a), -x / (3 * x**2 + a))
        np.testing.assert_allclose(jvp(solve, (a,), (1.0,))[1], -x / (3 * x**2 + a))


def inside(loop):
    """A while loop whose number of steps changes from one step of a scan to the next."""

    def f(a, scale):
        def step(c, x):
            root = loop(lambda y: abs(y * y - c - a) > 1e-12 * (c + a), lambda y: 0.5 * (y + (c + a) / y), 1.0)
            return root * x * scale, root

        c, roots = scan(step, a, np.array([1.0, 2.0, 3.0]))
        return c + np.sum(roots)

    return f


def test_inside_a_scan():
    def closed(a, scale):
        c, total = a, 0.0
        for x in (1.0, 2.0, 3.0):
            root = np.sqrt(c + a)
            total, c = total + root, root * x * scale
        return c + total

    check_modes(inside(while_loop), closed, 2.0, 1.5, tolerance=1e-8)
    third = grad(grad(grad(inside(while_loop))))(2.0, 1.5)
    np.testing.assert_allclose(third, grad(grad(grad(closed)))(2.0, 1.5), rtol=1e-6)


def test_a_graph_of_the_derivative_is_right_for_other_numbers_of_steps():
    for f in (newton(while_loop), lambda a: inside(while_loop)(a, 1.5)):
        graph = trace(grad(f))(9.0)
        verify(graph)
        for a in (9.0, 0.3, 400.0):
            np.testing.assert_allclose(evaluate(graph, a)[0], grad(f)(a))


def test_inside_a_while_loop():
    def f(loop):
        def run(a):
            def outer(state):
                x, k = state
                y = loop(lambda y: y < 3.0, lambda y: y * (1.0 + a), 1.0 + x * x)
                return 0.1 * y * x + a, k + 1

            return loop(lambda state: state[1] < 4, outer, (a, 0))[0]

        return run

    check_modes(f(while_loop), f(python_while), 0.6)


def test_no_step_at_all():
    f = lambda x: while_loop(lambda c: c[0] < 0, lambda c: (c[0] * 2, c[1] @ c[1]), (x, np.ones((2, 2))))[0]  # noqa: E731
    assert f(3.0) == 3.0
    assert grad(f)(3.0) == 1.0
    assert hessian(f)(3.0) == 0.0
    assert jvp(f, (3.0,), (2.0,))[1] == 2.0


def waiting(a):
    return while_loop(lambda x: abs(x * x - a) > 1e-11, lambda x: 0.5 * (x + a / x), a * 0.0 + 1.0)


def counting(a):
    return while_loop(lambda c: c[1] < 5, lambda c: (np.sin(c[0]) * a, c[1] + 1), (a, 0))[0]


@pytest.mark.parametrize("f", [waiting, counting, lambda a: inside(while_loop)(a, 1.5)])
def test_vectorize(f):
    a = np.array([1.0, 4.0, 9.0, 0.3])

    def slope(f):
        return lambda x: jvp(f, (x,), (1.0,))[1]

    for make in (lambda f: f, grad, hessian, slope):
        expected = np.array([make(f)(float(x)) for x in a])
        np.testing.assert_allclose(vectorize(make(f))(a), expected, rtol=1e-6, atol=1e-12)
    for make in (grad, hessian):
        np.testing.assert_allclose(
            make(lambda a: np.sum(vectorize(f)(a) ** 2))(a),
            make(lambda a: sum(f(a[k]) ** 2 for k in range(4)))(a),
            rtol=1e-6,
            atol=1e-9,
        )


def test_recompute_trades_the_stored_carries():
    f = newton(while_loop)
    assert grad(recompute(f))(9.0) == grad(f)(9.0)


def test_float32_stays():
    f = lambda a: while_loop(lambda x: x < 10, lambda x: x * a + 1, 1.0)  # noqa: E731
    a = np.float32(1.5)
    assert f(a).dtype == grad(f)(a).dtype == jvp(f, (a,), (a,))[1].dtype == np.float32
    assert type(while_loop(lambda k: k < 3, lambda k: k + 1, 0)) is int


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: while_loop(lambda c: c > 0 and c < 3, lambda c: c + 1, 1.0), ["decision", "chainrule.cond"]),
        (lambda: while_loop(lambda c: c < 3, lambda c: c + 1 if c > 0 else c, 1.0), ["decision", "chainrule.cond"]),
        (lambda: while_loop(lambda c: c, lambda c: c + 1, np.ones(3)), ["float64[3]", "one Boolean"]),
        (lambda: while_loop(lambda c: c < 3, lambda c: c, np.ones(3)), ["bool[3]", "np.any"]),
        (lambda: while_loop(lambda c: (c, c), lambda c: c, 1.0), ["a tree", "one Boolean"]),
        (lambda: while_loop(lambda c: c < 3, lambda c: (c,), 1.0), ["tuple(0: *)", "init has *"]),
        (lambda: while_loop(lambda c: c < 3, lambda c: c + np.ones(2), 1.0), ["a Python float", "float64[2]"]),
        (lambda: while_loop(lambda c: c < 3, lambda c: c + 1, "text"), ["init is of type str"]),
    ],
)
def test_what_does_not_fit(call, words):
    with pytest.raises(TraceError) as found:
        call()
    for word in words:
        assert word in str(found.value)
    assert "test_while_loop.py" in str(found.value).splitlines()[-1]


def test_nothing_to_carry():
    with pytest.raises(OptionError, match="neither arrays nor numbers"):
        while_loop(lambda c: True, lambda c: c, ())
