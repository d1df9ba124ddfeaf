"""Functions of solvers that decide by Python's `if` on their argument, and right-hand sides that jump."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize
from scipy.integrate import odeint, quad, solve_ivp

from chainrule import TraceError, cond, grad, jit, jvp, scan, vectorize
from chainrule.errors import SolutionError

TIGHT = {"rtol": 1e-10, "atol": 1e-10}


def by_if(y, t, k):
    if y[0] > 1:
        return [-k * y[0]]
    elif t < 5:
        return [-k * y[0] ** 2]
    return [-k * y[0] ** 3]


def by_where(y, t, k):
    return [-k * np.where(y[0] > 1, y[0], np.where(t < 5, y[0] ** 2, y[0] ** 3))]


def by_cond(y, t, k):
    return cond(y[0] > 1, lambda: -k * y, lambda: cond(t < 5, lambda: -k * y**2, lambda: -k * y**3))


def exact(k):
    # An exponential from 3 down to 1, then a hyperbola up to t = 5, then 1 / sqrt.
    return 1 / np.sqrt((1 + 5 * k - np.log(3)) ** 2 + 6 * k)


WAYS = {
    "odeint": lambda k: odeint(by_if, [3.0], [0.0, 4.0, 8.0], args=(k,), **TIGHT)[-1, 0],
    "solve_ivp": lambda k: solve_ivp(lambda t, y: by_if(y, t, k), (0.0, 8.0), [3.0], t_eval=[8.0], **TIGHT).y[0, -1],
    "where": lambda k: odeint(by_where, [3.0], [0.0, 8.0], args=(k,), **TIGHT)[-1, 0],
    "cond": lambda k: odeint(by_cond, [3.0], [0.0, 8.0], args=(k,), **TIGHT)[-1, 0],
}


@pytest.mark.parametrize("way", WAYS)
def test_pieces_that_fit_together(way):
    f = WAYS[way]
    expected = grad(exact)(0.7)
    assert_allclose(grad(f)(0.7), expected, rtol=1e-6)
    assert_allclose(jvp(f, (0.7,), (1.0,)), (exact(0.7), expected), rtol=1e-6)
    assert_allclose(jit(grad(f))(0.7), expected, rtol=1e-6)
    assert_allclose(vectorize(grad(f))(np.array([0.7, 0.8])), [expected, grad(exact)(0.8)], rtol=1e-6)
    # The derivative of the right-hand side jumps at y = 1, which a second derivative has a part from.
    with pytest.raises(SolutionError, match=r"the right-hand side jumps near t=1\.57"):
        grad(grad(f))(0.7)


def test_second_derivative_where_the_first_derivatives_fit():
    def f(k):
        return odeint(lambda y, t, k: [k if y[0] < 1 else k * (1 + (y[0] - 1) ** 2)], [0.0], [0.0, 2.0], (k,), **TIGHT)[
            1, 0
        ]

    # y = 1 + tan(k t - 1)
    def closed(k):
        return 1 + np.tan(2 * k - 1)

    assert_allclose(grad(f)(0.9), grad(closed)(0.9), rtol=1e-6)
    assert_allclose(grad(grad(f))(0.9), grad(grad(closed))(0.9), rtol=1e-5)


def test_every_way_is_compared():
    def rate(y, t, a):
        if y[0] < 0.3 and not t > 4:
            return [max(a, 0.1) + 0.7]
        if abs(y[0]) > 2 or y[0] < -1:
            return [0.0 * a]
        n = 0
        while n < 3 and y[0] > n:
            n += 1
        return [a * n + 1.0]

    def value(a):
        return odeint(rate, [-1.5], [0.0, 0.2], args=(a,), **TIGHT)[1, 0]

    assert_allclose(grad(value)(0.3), 0.2, rtol=1e-7)


# Jumps.


JUMPS = {
    "if by the state": lambda y, t, a: [1.0] if y[0] < a else [2.0],
    "where by the state": lambda y, t, a: [np.where(y[0] < a, 1.0, 2.0)],
    "cond by a time that moves": lambda y, t, a: cond(t < a, lambda: np.ones(1), lambda: np.full(1, 2.0)),
    "if inside of if": lambda y, t, a: ([1.0] if y[0] < a else [2.0]) if t < 3 else [1.0],
}


@pytest.mark.parametrize("way", JUMPS)
def test_a_jump_is_an_error(way):
    def f(a):
        return odeint(JUMPS[way], [0.0], [0.0, 4.0], args=(a,), **TIGHT)[-1, 0]

    for derivative in (grad(f), jit(grad(f)), lambda a: jvp(f, (a,), (1.0,))):
        with pytest.raises(SolutionError, match=r"jumps near t=2, .* from \[1\.\] to \[2\.\]"):
            derivative(2.0)


def test_a_jump_at_a_fixed_time_is_none():
    def dose(a):
        return odeint(lambda y, t: [a] if t < 1.5 else [-y[0]], [0.0], [0.0, 1.5, 2.5], **TIGHT)[-1, 0]

    assert_allclose(grad(dose)(2.0), 1.5 * np.exp(-1), rtol=1e-6)
    # Nor is one that the solution does not come to, or that nothing is differentiated by.
    assert_allclose(grad(lambda a: odeint(JUMPS["if by the state"], [a], [0.0, 1.0], (9.0,))[-1, 0])(2.0), 1.0)
    fixed = grad(lambda t: odeint(JUMPS["if by the state"], [0.0], np.stack([0.0, t]), (2.0,), **TIGHT)[-1, 0])
    assert_allclose(fixed(4.0), 2.0, rtol=1e-7)


def test_a_piece_that_is_zero_where_it_ends():
    found = grad(lambda a: odeint(lambda y, t: [t - a if t > a else 0.0], [0.0], [0.0, 2.0], **TIGHT)[-1, 0])
    assert_allclose(found(1.1), -0.9, rtol=1e-6)


def test_a_choice_that_moves_within_one_that_stays():
    def rate(y, t, a):
        return [a + (y[0] - 1.0 if y[0] > 1 else 0.0)] if t < 1.0 else [3 * a]

    found = grad(lambda a: odeint(rate, [0.0], [0.0, 1.0, 2.0], (a,), **TIGHT)[-1, 0])
    # From 1, where it is at 1 / a, it grows as a (e^s - 1) in s = 1 - 1 / a.
    assert_allclose(found(2.0), (np.exp(0.5) - 1) + 2 * np.exp(0.5) / 4 + 3, rtol=1e-6)


def test_the_way_around_a_jump():
    def f(a):
        def level(t, y):
            return y[0] - a

        level.terminal = True
        first = solve_ivp(lambda t, y: [1.0], (0.0, 4.0), [0.0], events=level, **TIGHT)
        second = solve_ivp(lambda t, y: [2.0], (first.t[-1], 4.0), first.y[:, -1], **TIGHT)
        return second.y[0, -1]

    assert_allclose(grad(f)(1.7), -1.0, rtol=1e-7)  # a + 2 (4 - a)


# Other solvers.


def test_roots_and_minima():
    root = grad(lambda a: optimize.brentq(lambda x: x**3 - a if x > 1 else x - a, 0.0, 5.0))
    assert_allclose([root(8.0), root(0.5)], [1 / 12, 1.0])
    several = grad(lambda a: optimize.root(lambda x: x**2 - a if x[0] > 0 else x - a, [1.0]).x[0])
    assert_allclose([several(4.0), jit(several)(4.0)], 0.25)
    least = grad(lambda a: optimize.minimize(lambda x: (x[0] - a) ** 2 if x[0] > 1 else (x[0] - a) ** 4, [0.5]).x[0])
    assert_allclose(least(3.0), 1.0)
    under = grad(
        lambda a: optimize.minimize(
            lambda x: np.sum(x**2),
            [2.0, 2.0],
            constraints={"type": "ineq", "fun": lambda x: x[0] - a if x[0] > 0 else x[0] - 2 * a},
        ).x[0]
    )
    assert_allclose(under(1.5), 1.0, rtol=1e-6)
    # An integral has a part from a place of the decision that moves.
    with pytest.raises(SolutionError, match="the integrand jumps at 1"):
        grad(lambda a: quad(lambda x: 1.0 if x < a else 2.0, 0.0, 2.0)[0])(1.0)


def test_too_many_ways():
    def counted(y, t, a):
        n = 0
        while y[0] > n:
            n += 1
        return [a * n]

    for rate in (counted, lambda y, t, a: [sum(a for k in range(10) if y[0] > k)]):
        with pytest.raises(TraceError, match="odeint: there are too many ways through") as problem:
            grad(lambda a: odeint(rate, [1.0], [0.0, 1.0], args=(a,))[-1, 0])(1.0)  # noqa: B023
        assert "test_decisions.py" in str(problem.value)


def test_decisions_inside_of_a_loop_are_refused():
    def rate(y, t, a):
        return scan(lambda c, x: (c + 1 if c[0] > 0 else c, None), a * y, length=2)[0]

    with pytest.raises(TraceError, match=r"Use chainrule\.cond"):
        grad(lambda a: odeint(rate, [1.0], [0.0, 1.0], args=(a,))[-1, 0])(1.0)


def test_a_function_that_catches_everything():
    def rate(y, t, a):
        try:
            return [a] if y[0] > 0 else [0.0]
        except Exception:
            return [99.0]

    assert_allclose(grad(lambda a: odeint(rate, [1.0], [0.0, 1.0], args=(a,))[-1, 0])(1.0), 1.0)


def test_results_that_differ_in_shape():
    with pytest.raises(TraceError, match="shapes"):
        grad(lambda a: optimize.root(lambda x: x - a if x[0] > 0 else (x - a)[:1], [1.0, 2.0]).x[0])(1.0)
