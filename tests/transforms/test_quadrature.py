"""Integrals of functions: values and derivatives in every mode, against closed forms."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special
from scipy.integrate import IntegrationWarning, dblquad, fixed_quad, nquad, quad, quad_vec, tplquad

from chainrule import (
    TraceError,
    check_gradient,
    cond,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    scan,
    trace,
    value_and_grad,
    vectorize,
    vjp,
)
from chainrule.errors import SolutionError
from chainrule.evaluate import evaluate
from chainrule.graph import verify


def bell(k):
    return quad(lambda x: np.exp(-k * x**2), 0.0, np.inf)[0]


def bell_closed(k):
    return 0.5 * np.sqrt(np.pi / k)


def test_every_order_by_a_captured_value():
    f, exact = bell, bell_closed
    for _ in range(4):
        assert_allclose(f(1.3), exact(1.3), rtol=1e-9)
        assert_allclose(jit(f)(1.3), exact(1.3), rtol=1e-9)
        f, exact = grad(f), grad(exact)
    assert_allclose(jvp(bell, (1.3,), (2.0,))[1], 2 * grad(bell_closed)(1.3), rtol=1e-9)
    assert_allclose(hessian(bell)(1.3), grad(grad(bell_closed))(1.3), rtol=1e-8)


def polynomial(p):
    """The integral of p0 x^2 + p1^2 x from p2 to p3."""
    return quad(lambda x, a: a * x**2 + p[1] ** 2 * x, p[2], p[3], args=(p[0],))[0]


def polynomial_closed(p):
    return p[0] * (p[3] ** 3 - p[2] ** 3) / 3 + p[1] ** 2 * (p[3] ** 2 - p[2] ** 2) / 2


P = np.array([1.5, -0.7, 0.3, 1.9])


def test_limits_and_parameters_together():
    value, slope = value_and_grad(polynomial)(P)
    assert_allclose(value, polynomial_closed(P), rtol=1e-12)
    assert_allclose(slope, grad(polynomial_closed)(P), rtol=1e-11)
    assert_allclose(hessian(polynomial)(P), hessian(polynomial_closed)(P), rtol=1e-9, atol=1e-10)
    twice = grad(lambda p: np.sum(np.sin(grad(polynomial)(p))))(P)
    assert_allclose(twice, grad(lambda p: np.sum(np.sin(grad(polynomial_closed)(p))))(P), rtol=1e-9)
    direction = np.array([1.0, -2.0, 0.5, 3.0])
    assert_allclose(jvp(polynomial, (P,), (direction,))[1], slope @ direction, rtol=1e-10)


def test_batch_compiled_and_graph():
    many = np.stack([P, 2 * P, P + 0.1])
    assert_allclose(vectorize(grad(polynomial))(many), [grad(polynomial)(p) for p in many], rtol=1e-12)
    assert_allclose(jit(grad(polynomial))(P), grad(polynomial)(P), rtol=1e-12)
    graph = trace(polynomial)(P)
    verify(graph)
    assert_allclose(evaluate(graph, many[1])[0], polynomial_closed(many[1]), rtol=1e-12)


@pytest.mark.interpreted("it counts")
def test_derivatives_by_many_parameters_are_one_integral():
    calls = []

    def f(w):
        return quad(lambda x: np.tanh(np.sum(w * np.cos(np.arange(30) * x))), 0.0, 1.0)[0]

    import chainrule.transforms.quadrature as room

    counted = room._by_quad_vec
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_by_quad_vec", lambda *args: calls.append(1) or counted(*args))
        slope = grad(f)(np.linspace(-0.1, 0.1, 30))
    assert len(calls) == 1
    assert check_gradient(f, (np.linspace(-0.1, 0.1, 30),)).ok
    assert slope.shape == (30,)


def test_limits():
    decay = np.exp(-1.7)
    assert_allclose(grad(lambda a: quad(lambda x: np.exp(-x), a, np.inf)[0])(1.7), -decay, rtol=1e-12)
    assert_allclose(grad(lambda a: quad(lambda x: np.exp(x), -np.inf, a)[0])(-1.7), decay, rtol=1e-12)
    assert grad(lambda a: quad(lambda x: np.exp(-x), 0.0, a)[0])(np.inf) == 0.0
    assert_allclose(grad(lambda a: quad(np.cos, a, -a)[0])(0.4), -2 * np.cos(0.4), rtol=1e-12)
    # Where both limits are one, the integral is zero and its derivative is not.
    assert_allclose(grad(lambda a: quad(lambda x: x * a, a, 2.0)[0])(2.0), -4.0, rtol=1e-12)


def test_ends_at_which_the_integrand_is_infinite():
    def f(p):
        return quad(lambda x: x ** (p[0] - 1) * (1 - x) ** (p[1] - 1), 0.0, 1.0)[0]

    p = np.array([0.5, 0.7])
    assert_allclose(grad(f)(p), grad(lambda p: special.beta(p[0], p[1]))(p), rtol=1e-6)


def test_single_precision():
    f = grad(lambda k: quad(lambda x: np.exp(-np.float64(1) * k * x), 0.0, 1.0)[0])
    found = f(np.float32(0.5))
    assert np.asarray(found).dtype == np.float32
    assert_allclose(found, f(0.5), rtol=1e-6)
    # What SciPy returns is a Python number, which widens nothing.
    assert (
        trace(lambda k: quad(lambda x: k * x, 0.0, 1.0)[0] * np.float32(2))(np.float32(1)).outputs[0].dtype
        == np.float32
    )


def test_the_estimate_of_the_error_is_a_constant():
    def both(k):
        value, error = quad(lambda x: np.exp(-k * x), 0.0, 1.0)
        return value + error

    assert_allclose(grad(both)(1.0), 2 / np.e - 1, rtol=1e-9)


def test_points_and_tolerances():
    def f(k):
        return quad(lambda x: np.abs(x - 0.3) * k**2, 0.0, 1.0, points=[0.3], epsabs=1e-12, epsrel=1e-12, limit=99)[0]

    assert_allclose(grad(f)(1.5), 3.0 * (0.3**2 + 0.7**2) / 2, rtol=1e-12)


def test_complex_integrand():
    def f(w):
        return quad(lambda x: np.exp(1j * w * x), 0.0, 2.0, complex_func=True)[0]

    exact = np.exp(2.6j) * 2 / 1.3 - (np.exp(2.6j) - 1) / (1j * 1.3**2)
    assert_allclose(jacobian(f)(1.3), exact, rtol=1e-8)
    with pytest.raises(TraceError, match="complex_func=True"):
        grad(lambda w: quad(lambda x: np.exp(1j * w * x), 0.0, 2.0)[0])(1.3)


def test_vectors():
    def f(k):
        return quad_vec(lambda x: np.stack([np.sin(k[0] * x), k[1] * x]), 0.0, k[2])[0]

    def exact(k):
        return np.stack([(1 - np.cos(k[0] * k[2])) / k[0], k[1] * k[2] ** 2 / 2])

    k = np.array([1.2, 0.7, 1.5])
    assert_allclose(jacobian(f)(k), jacobian(exact)(k), rtol=1e-8, atol=1e-12)
    assert_allclose(jvp(f, (k,), (np.ones(3),))[1], jacobian(exact)(k) @ np.ones(3), rtol=1e-8)
    assert_allclose(jacobian(jacobian(f))(k), jacobian(jacobian(exact))(k), rtol=1e-7, atol=1e-10)

    def wave(w):
        return quad_vec(lambda x: np.exp(1j * w * x), 0.0, 2.0)[0]

    assert_allclose(jacobian(wave)(1.3), np.exp(2.6j) * 2 / 1.3 - (np.exp(2.6j) - 1) / (1j * 1.3**2), rtol=1e-8)


def test_several_variables():
    def wedge(a):
        return dblquad(lambda y, x, s: s * x * y, 0.0, a, lambda x: 0.0 * x, lambda x: a * x, args=(1.0,))[0]

    assert_allclose(grad(wedge)(1.2), 6 * 1.2**5 / 8, rtol=1e-10)
    assert_allclose(grad(grad(wedge))(1.2), 30 * 1.2**4 / 8, rtol=1e-8)

    def box(a):
        return tplquad(lambda z, y, x: a**2 * x * y * z, 0.0, 1.0, 0.0, a, lambda x, y: x, 1.0)[0]

    # a^2 int x (1 - x^2) / 2 dx a^2 / 2
    assert_allclose(grad(box)(1.1), 4 * 1.1**3 / 16, rtol=1e-9)

    def cone(a):
        return nquad(lambda x, y, s: s * x**2 * y, [lambda y, s: (0.0, y * s), (0.0, a)], args=(a,))[0]

    # s (y s)^3 / 3 y integrated to a, with s = a: a^9 / 15
    assert_allclose(grad(cone)(1.2), 9 * 1.2**8 / 15, rtol=1e-9)


def test_fixed_points():
    def f(a):
        return fixed_quad(lambda x, a: np.sin(a * x), 0.0, a, args=(a,), n=9)[0]

    assert_allclose(grad(f)(1.2), grad(lambda a: (1 - np.cos(a**2)) / a)(1.2), rtol=1e-9)


def test_inside_a_scan():
    def f(k):
        return scan(lambda c, _: (quad(lambda x: np.exp(-k * x), 0.0, c)[0] * 1.0, None), 1.0, length=2)[0]

    def exact(k):
        return (1 - np.exp(-(1 - np.exp(-k)))) / k

    assert_allclose(grad(f)(0.8), grad(exact)(0.8), rtol=1e-8)


def test_warnings_are_scipys():
    def f(k):
        return quad(lambda x: k / x, 0.0, 1.0, limit=3)[0]

    with pytest.warns(IntegrationWarning):
        jit(f)(1.0)


REFUSED = {
    "weight=": lambda k: quad(lambda x: k * x, 0.0, 1.0, weight="cos", wvar=2.0)[0],
    "full_output=": lambda k: quad(lambda x: k * x, 0.0, 1.0, full_output=1)[0],
    "points=": lambda k: quad(lambda x: k * x, 0.0, 1.0, points=[k])[0],
    "opts=": lambda k: nquad(lambda x: k * x, [(0.0, 1.0)], opts=[{"limit": 9}])[0],
    "one number is needed": lambda k: quad(lambda x: k * np.ones(2), 0.0, 1.0)[0],
    "returned NoneType": lambda k: quad(lambda x: [k * x, None][1], 0.0, k)[0],
    "returns an array|shape": lambda k: quad_vec(lambda x: k * x if x > 0.5 else np.array([k, k]), 0.0, 1.0)[0],
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_is_refused(told):
    with pytest.raises(TraceError, match=told) as problem:
        grad(REFUSED[told])(2.0)
    assert "test_quadrature.py" in str(problem.value)


def test_a_derivative_whose_integral_diverges():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(SolutionError, match="integral of a derivative between 0 and inf"):
            grad(lambda w: quad(lambda x: np.sin(w * x) / (1 + x), 0.0, np.inf)[0])(0.5)


@pytest.mark.parametrize("integral", [quad, quad_vec])
def test_complex_limits_are_refused(integral):
    with pytest.raises(TraceError, match="a limit of an integral is complex"):
        vjp(lambda a, b: integral(lambda x: np.exp(-a.real * x), 0.0, b)[0], 1.0 + 0.0j, 1.0 + 0.5j)


# Decisions by Python's `if`.


def in_pieces(x, a):
    if x < 1:
        return a * x**2
    if x < 2:
        return np.sin(a * x)
    return a


def wedges(y, x, a):
    return a * x * y if y < x else a * a * y


DECIDING = {
    "quad": (
        lambda a: quad(in_pieces, 0.0, 3.0, args=(a,), points=[1.0, 2.0])[0],
        lambda a: a / 3 + (np.cos(a) - np.cos(2 * a)) / a + a,
    ),
    "quad_vec": (
        lambda a: np.sum(quad_vec(lambda x: a * x * V if x < 1 else a**3 * V, 0.0, 2.0, points=[1.0])[0]),
        lambda a: np.sum(V) * (a / 2 + a**3),
    ),
    "dblquad by the inner variable": (
        lambda a: dblquad(wedges, 0.0, 1.0, 0.0, 1.0, args=(a,), epsabs=1e-4, epsrel=1e-4)[0],
        lambda a: a / 8 + a * a / 3,
    ),
    "dblquad by the outer variable": (
        lambda a: dblquad(lambda y, x: a * x * y if x < 0.5 else a * a * y, 0.0, 1.0, 0.0, 1.0)[0],
        lambda a: a / 16 + a * a / 4,
    ),
}
V = np.array([1.0, 2.0])


@pytest.mark.parametrize("name", DECIDING)
def test_integrands_that_decide(name):
    f, expected = DECIDING[name]
    tolerance = 1e-3 if "inner" in name else 1e-8
    for derivative in (grad(f), jit(grad(f)), jacobian(f, mode="forward")):
        assert_allclose(derivative(0.7), grad(expected)(0.7), rtol=tolerance)
    if "dblquad" not in name:
        assert_allclose(hessian(f)(0.7), hessian(expected)(0.7), rtol=1e-8)
        assert_allclose(vectorize(grad(f))(np.array([0.7, 0.8]))[1], grad(expected)(0.8), rtol=1e-8)


JUMPING = {
    "if": lambda x, a: 1.0 if x < a else 2.0,
    "where": lambda x, a: np.where(x < a, x, 3 * x),
    "cond": lambda x, a: cond(x < a, lambda: 1.0, lambda: 2.0),
    "a narrow one": lambda x, a: 1.0 + 1e-4 * np.where(x < a, x, 3 * x),
}


@pytest.mark.parametrize("derivative", [grad, lambda f: jit(grad(f)), lambda f: jacobian(f, mode="forward")])
@pytest.mark.parametrize("name", JUMPING)
@pytest.mark.parametrize("end", [2.0, np.inf])
def test_a_jump_at_a_place_that_moves_is_an_error(name, derivative, end):
    found = derivative(lambda a: quad(lambda x: np.exp(-x) * JUMPING[name](x, a), 0.0, end)[0])
    with pytest.raises(SolutionError, match=r"the integrand jumps at 1\.1, .* Integrate up to there"):
        found(1.1)


def test_the_way_around_a_jump():
    found = grad(lambda a: quad(lambda x: x, 0.0, a)[0] + quad(lambda x: 3 * x, a, 2.0)[0])
    assert_allclose(found(1.1), -2.2)


def test_a_jump_at_a_place_that_stays_is_none():
    found = grad(lambda a: quad(lambda x: a * x if x < 1.1 else a, 0.0, 2.0, points=[1.1])[0])
    assert_allclose(found(2.0), 1.1**2 / 2 + 0.9)
    found = grad(lambda a, c: quad(lambda x: a * x if x < c else a, 0.0, 2.0, points=[1.1])[0])
    assert_allclose(found(2.0, 1.1), 1.1**2 / 2 + 0.9)


def test_a_choice_that_moves_within_one_that_stays():
    # It jumps at 0.8 alone, and is continuous at a.
    found = grad(
        lambda a: quad(lambda x: (x - a if x > a else 0.0) if x < 0.8 else 5 * a, 0.0, 2.0, points=[0.3, 0.8])[0]
    )
    assert_allclose(found(0.3), -0.5 + 6)


@pytest.mark.parametrize("end", [2.0, np.inf])
def test_pieces_that_fit_together(end):
    def hinge(a):
        return quad(lambda x: np.exp(-x) * (x - a) if x > a else 0.0, 0.0, end, points=[1.1] if end == 2 else None)[0]

    expected = np.exp(-end) - np.exp(-1.1)
    for derivative in (grad(hinge), jit(grad(hinge)), jacobian(hinge, mode="forward")):
        assert_allclose(derivative(1.1), expected, rtol=1e-6)
    # Its derivative jumps.
    with pytest.raises(SolutionError, match="the integrand jumps at 1"):
        hessian(hinge)(1.1)
