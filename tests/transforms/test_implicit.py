"""Roots, minima and least squares of scipy.optimize: derivatives by the implicit function theorem."""

import functools

import numpy as np
import pytest
from scipy import optimize

import chainrule
from chainrule import elementwise_grad, grad, hessian, jacobian, jit, jvp, scan, trace, vectorize
from chainrule.errors import NoDerivativeError, SolutionError, TraceError
from chainrule.evaluate import evaluate

# The real root of x^3 = a, and its derivatives a^(1/3), a^(-2/3)/3, -2 a^(-5/3)/9.
ROOT_OF_8 = (2.0, 1 / 12, -1 / 144)


def cube(x, a):
    return x**3 - a


FINDERS = {
    "brentq": lambda a: optimize.brentq(cube, 0.0, 10.0, args=(a,)),
    "brenth": lambda a: optimize.brenth(lambda x: x**3 - a, 0.0, 10.0),
    "ridder": lambda a: optimize.ridder(cube, 0.0, 10.0, (a,)),
    "bisect": lambda a: optimize.bisect(cube, 0.0, 10.0, args=a),
    "toms748": lambda a: optimize.toms748(cube, 0.0, 10.0, args=(a,), k=2),
    "newton, secant": lambda a: optimize.newton(cube, 1.5, args=(a,)),
    "newton, two points": lambda a: optimize.newton(cube, 1.5, x1=3.0, args=(a,)),
    "newton": lambda a: optimize.newton(cube, 1.5, lambda x, a: 3 * x**2, args=(a,)),
    "newton, Halley": lambda a: optimize.newton(cube, 1.5, lambda x, a: 3 * x**2, (a,), fprime2=lambda x, a: 6 * x),
    "newton, array": lambda a: optimize.newton(cube, np.array([1.5, 4.0]), args=(a,))[1],
    "root_scalar, bracket": lambda a: optimize.root_scalar(cube, (a,), bracket=(0, 9)).root,
    "root_scalar, secant": lambda a: optimize.root_scalar(cube, (a,), x0=1.0, x1=2.5).root,
    "root_scalar, newton": lambda a: optimize.root_scalar(lambda x: (x**3 - a, 3 * x**2), x0=1.5, fprime=True).root,
    "root_scalar, Halley": lambda a: (
        optimize.root_scalar(lambda x: (x**3 - a, 3 * x**2, 6 * x), x0=1.5, fprime=True, fprime2=True).root
    ),
    "fsolve": lambda a: optimize.fsolve(cube, 1.0, args=(a,))[0],
    "fsolve, fprime": lambda a: optimize.fsolve(cube, [1.0], (a,), lambda x, a: np.diag(3 * x**2))[0],
    "root": lambda a: optimize.root(cube, 1.5, args=(a,)).x[0],
    "root, jac": lambda a: optimize.root(lambda x: (x**3 - a, np.diag(3 * x**2)), 1.5, jac=True).x[0],
    "root, lm": lambda a: optimize.root(cube, [1.5], args=(a,), method="lm").x[0],
    "root, krylov": lambda a: optimize.root(cube, [1.9], args=(a,), method="krylov").x[0],
    "root, df-sane": lambda a: optimize.root(cube, [1.9], args=(a,), method="df-sane").x[0],
    "fixed_point": lambda a: optimize.fixed_point(lambda x, a: 0.5 * (x + a / x**2), 1.5, args=(a,)),
    "fixed_point, iteration": lambda a: optimize.fixed_point(
        lambda x: (2 * x + a / x**2) / 3, [1.5], method="iteration"
    )[0],
    "minimize_scalar": lambda a: optimize.minimize_scalar(lambda x: x**4 / 4 - a * x, bracket=(0.5, 3.0)).x,
    "minimize_scalar, bounded": lambda a: optimize.minimize_scalar(lambda x: x**4 / 4 - a * x, bounds=(0, 5)).x,
    "minimize_scalar, golden": lambda a: (
        optimize.minimize_scalar(lambda x: x**4 / 4 - a * x, bracket=(0.5, 3.0), method="golden").x
    ),
    "least_squares": lambda a: optimize.least_squares(cube, [1.5], args=(a,)).x[0],
    **{
        f"minimize, {method}": (
            lambda a, method=method: optimize.minimize(
                lambda x: np.sum(x**4 / 4 - a * x), [1.5], method=method, options={}
            ).x[0]
        )
        for method in ("BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead", "Powell", "COBYQA")
    },
}


@pytest.mark.parametrize("name", FINDERS)
def test_every_solver_gives_the_derivatives_of_the_solution(name):
    f = FINDERS[name]
    value, first, second = ROOT_OF_8
    assert f(8.0) == pytest.approx(value, abs=1e-3)
    # The solution is polished until it is that of rounding.
    assert chainrule.value(jvp(f, (8.0,), (1.0,))[0]) == pytest.approx(value, rel=1e-14)
    assert grad(f)(8.0) == pytest.approx(first, rel=1e-13)
    assert float(jvp(f, (8.0,), (1.0,))[1]) == pytest.approx(first, rel=1e-13)
    assert grad(grad(f))(8.0) == pytest.approx(second, rel=1e-11)


@pytest.mark.parametrize("name", ["brentq", "newton, array", "root", "minimize, BFGS", "fixed_point", "least_squares"])
def test_under_jit_and_in_a_batch(name):
    f = FINDERS[name]
    _, first, second = ROOT_OF_8
    assert jit(grad(f))(8.0) == pytest.approx(first, rel=1e-13)
    assert grad(jit(f))(8.0) == pytest.approx(first, rel=1e-13)
    assert jit(grad(grad(f)))(8.0) == pytest.approx(second, rel=1e-11)
    a = np.array([1.0, 8.0, 27.0])
    np.testing.assert_allclose(vectorize(f)(a), np.cbrt(a), rtol=1e-13)
    np.testing.assert_allclose(vectorize(grad(f))(a), np.cbrt(a) / a / 3, rtol=1e-12)


def test_third_derivative():
    f = FINDERS["brentq"]
    assert grad(grad(grad(f)))(8.0) == pytest.approx(10 / 27 * 8 ** (-8 / 3), rel=1e-10)


@pytest.mark.parametrize("name", ["fsolve", "brentq", "newton", "minimize, BFGS"])
def test_single_precision_parameters(name):
    g = grad(FINDERS[name])(np.float32(8.0))
    assert g.dtype == np.float32
    assert g == pytest.approx(1 / 12, rel=1e-6)


def test_equations_with_a_constant_slope():
    assert grad(lambda a: optimize.brentq(lambda x: a - 2 * x, 5.0, -5.0))(2.0) == 0.5
    assert grad(lambda a: optimize.root(lambda x: 2 * x - a, [0.0]).x[0])(2.0) == 0.5
    assert jit(grad(lambda a: optimize.newton(lambda x: a - 2 * x, np.zeros(2))[0]))(2.0) == 0.5


def test_what_functions_may_do():
    def filled(x, a):
        out = np.empty_like(x)
        out[0], out[1] = x[0] ** 2 - a, x[1] - x[0]
        return out

    class Model:
        def __init__(self, a):
            self.a = a

        def __call__(self, x):
            return x**2 - self.a

    def flagged(x, a, flag, word):
        return x**2 - a if flag and word == "square" else x

    for f in (
        lambda a: optimize.root(filled, [1, 1], args=a).x[1],
        lambda a: optimize.root(functools.partial(filled, a=a), [1, 1]).x[1],
        lambda a: optimize.root(Model(a), 1).x[0],
        lambda a: optimize.brentq(flagged, 0.0, 9.0, args=(a, True, "square")),
        lambda a: optimize.brentq(lambda x, n: x**n - a, 0.0, 9.0, args=(2,)),
        lambda a: optimize.root(lambda x: jit(Model(a))(x), [1.0]).x[0],
        lambda a: optimize.root(elementwise_grad(lambda x: x**3 / 3 - a * x), [1.0]).x[0],
        chainrule.recompute(lambda a: optimize.fsolve(Model(a), 1.0)[0]),
        lambda a: chainrule.cond(a > 0, lambda: optimize.brentq(Model(a), 0.0, 9.0), lambda: a),
    ):
        assert grad(f)(4.0) == pytest.approx(0.25, rel=1e-12)


# Several equations


def circle_and_line(x, a):
    return [x[0] ** 2 + x[1] ** 2 - a[0], x[1] - a[1] * x[0]]


def closed(a):
    x = np.sqrt(a[0] / (1 + a[1] ** 2))
    return np.array([x, a[1] * x])


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_systems_agree_with_the_closed_form(method):
    def solved(a):
        return optimize.root(circle_and_line, [1.0, 1.0], args=(a,), method=method).x

    a = np.array([2.0, 0.7])
    np.testing.assert_allclose(jacobian(solved)(a), jacobian(closed)(a), rtol=1e-12)
    np.testing.assert_allclose(jacobian(solved, mode="forward")(a), jacobian(closed)(a), rtol=1e-12)
    np.testing.assert_allclose(jacobian(jacobian(solved))(a), jacobian(jacobian(closed))(a), rtol=1e-10)


def test_captured_values_arrays_and_methods_are_found():
    table = np.linspace(1.0, 2.0, 600)  # large enough to be handed to the operation

    class Model:
        def __init__(self, scale):
            self.scale = scale

        def left(self, x):
            return self.scale * np.sum(table) * x - np.sum(table)

    assert grad(lambda a: optimize.fsolve(Model(a).left, 1.0)[0])(2.0) == pytest.approx(-0.25)


def test_starting_values_have_derivative_zero():
    assert grad(lambda x0: optimize.fsolve(lambda x: x**2 - 2, x0)[0])(1.0) == 0
    assert np.all(jacobian(lambda x0: optimize.root(lambda x: x**2 - 2, x0).x, mode="forward")(np.ones(2)) == 0)
    assert grad(lambda b: optimize.brentq(lambda x: x**2 - 2, 0.0, b))(3.0) == 0
    assert grad(lambda b: optimize.minimize_scalar(lambda x: (x - 1) ** 2, bracket=(0.0, b)).x)(0.5) == 0
    assert grad(lambda x0: optimize.minimize(lambda x: np.sum((x - 1) ** 2), [x0, 0.0]).x[0])(3.0) == 0
    assert np.all(elementwise_grad(lambda x0: optimize.newton(lambda x: x**3 - 2, x0))(np.array([1.0, 2.0])) == 0)


def test_what_reads_nothing_traced_is_left_to_scipy():
    def f(a):
        found = optimize.minimize(lambda x: np.sum((x - 1) ** 2), [0.0])
        return a * found.hess_inv[0, 0]

    assert grad(f)(2.0) == pytest.approx(0.5, rel=1e-6)


def test_solutions_inside_of_solutions():
    def inner(b):
        return optimize.brentq(lambda y: y**3 - b, 0.0, 10.0)

    def outer(a):  # x * cbrt(x) = a, so that x = a^(3/4)
        return optimize.brentq(lambda x: x * inner(x) - a, 0.1, 10.0)

    assert grad(outer)(2.0) == pytest.approx(0.75 * 2**-0.25, rel=1e-10)
    assert grad(grad(outer))(2.0) == pytest.approx(-0.1875 * 2**-1.25, rel=1e-8)


def test_in_the_body_of_a_loop():
    def f(a):
        return scan(lambda c, _: (optimize.brentq(lambda x: x**3 - c * a, 0.0, 10.0), None), 1.0, length=3)[0]

    # c -> cbrt(a c), three times: a^(1/3 + 1/9 + 1/27)
    power = 13 / 27
    assert f(2.0) == pytest.approx(2**power)
    assert grad(f)(2.0) == pytest.approx(power * 2 ** (power - 1), rel=1e-10)


def test_a_graph_solves_for_other_values():
    graph = trace(FINDERS["root"])(8.0)
    assert evaluate(graph, 27.0)[0] == pytest.approx(3.0)


def test_against_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    a = np.array([2.0, 0.7])

    def theirs(a):
        def left(x):
            return jnp.stack(circle_and_line(x, a))

        def solve(f, x):
            for _ in range(20):
                x = x - jnp.linalg.solve(jax.jacobian(f)(x), f(x))
            return x

        def tangent(g, y):
            return jnp.linalg.solve(jax.jacobian(g)(y), y)

        return jax.lax.custom_root(left, jnp.ones(2), solve, tangent)

    def ours(a):
        return optimize.root(circle_and_line, [1.0, 1.0], args=(a,)).x

    np.testing.assert_allclose(jacobian(ours)(a), jax.jacobian(theirs)(a), rtol=1e-12)
    both = jax.hessian(lambda a: jnp.prod(theirs(a)))(a)
    np.testing.assert_allclose(hessian(lambda a: np.prod(ours(a)))(a), both, rtol=1e-9, atol=1e-14)


# Minima


def rosenbrock(x, a):
    return (a[0] - x[0]) ** 2 + a[1] * (x[1] - x[0] ** 2) ** 2


@pytest.mark.parametrize("method", ["Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact"])
def test_methods_with_second_derivatives(method):
    """What is given as jac, hess and hessp is replaced by the derivatives of the function, which are the same."""

    def solved(a, **given):
        return optimize.minimize(rosenbrock, [1.0, 1.0], (a,), method, lambda x, a: 0, **given).x

    a = np.array([1.3, 10.0])
    wanted = [[1.0, 0.0], [2.6, 0.0]]
    np.testing.assert_allclose(jacobian(lambda a: solved(a, hess=lambda x, a: 0))(a), wanted, atol=1e-12)
    if method in ("Newton-CG", "trust-ncg", "trust-krylov"):
        np.testing.assert_allclose(jacobian(lambda a: solved(a, hessp=lambda x, p, a: 0))(a), wanted, atol=1e-12)


BOUNDED = ["L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead", "Powell", "COBYQA"]


@pytest.mark.parametrize("method", BOUNDED)
def test_at_active_bounds_the_derivative_is_zero(method):
    def solved(a):
        bounds = [(0, 1), (None, None), (0.0, 2.0)]
        return optimize.minimize(
            lambda x: np.sum((x - a) ** 2) + x[0] * x[1], [0.5, 0.5, 0.5], bounds=bounds, method=method
        ).x

    a = np.array([3.0, 1.0, 0.7])
    wanted = [[0, 0, 0], [0, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(chainrule.value(solved(a)), [1.0, 0.5, 0.7], atol=1e-3)
    np.testing.assert_allclose(jacobian(solved)(a), wanted, atol=1e-12)


def test_an_active_bound_moves_the_minimum():
    def solved(b):
        bounds = optimize.Bounds([0.0, -np.inf], np.array([b, np.inf]))
        return optimize.minimize(lambda x: np.sum((x - 3) ** 2) + x[0] * x[1], [0.5, 0.5], bounds=bounds).x

    def solved_by_pairs(b):
        return optimize.minimize(
            lambda x: np.sum((x - 3) ** 2) + x[0] * x[1], [0.5, 0.5], bounds=[(0, b), (None, None)]
        ).x

    np.testing.assert_allclose(jacobian(solved)(1.0), [1.0, -0.5], atol=1e-12)
    np.testing.assert_allclose(jacobian(solved_by_pairs)(1.0), [1.0, -0.5], atol=1e-12)


def test_bounded_functions_of_one_variable():
    def solved(a, high):
        return optimize.minimize_scalar(lambda x: (x - a) ** 2, bounds=(0.0, high))

    assert grad(lambda a: solved(a, 2.0).x)(1.0) == pytest.approx(1.0)
    assert grad(lambda a: solved(a, 2.0).x)(5.0) == 0
    assert grad(lambda high: solved(5.0, high).x)(2.0) == 1
    assert grad(lambda a: solved(a, 2.0).fun)(5.0) == pytest.approx(6.0)


def test_the_least_value_has_the_derivative_of_the_function_there():
    def least(a):
        return optimize.minimize(rosenbrock_with_offset, [0.0, 0.0], args=(a,)).fun

    def rosenbrock_with_offset(x, a):
        return rosenbrock(x, a) + a[0] * a[1] ** 2

    a = np.array([1.3, 10.0])
    np.testing.assert_allclose(grad(least)(a), [100.0, 26.0], rtol=1e-10)
    np.testing.assert_allclose(hessian(least)(a), [[0, 20], [20, 2.6]], atol=1e-9)


def test_ridge_regression_by_minimize():
    """With a quadratic objective the minimum is the solution of a linear system."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)

    def minimized(strength, y):
        return optimize.minimize(lambda w: np.sum((X @ w - y) ** 2) + strength * w @ w, np.zeros(3)).x

    def solved(strength, y):
        return np.linalg.solve(X.T @ X + strength * np.eye(3), X.T @ y)

    for wrt in (0, 1):
        np.testing.assert_allclose(jacobian(minimized, wrt)(0.5, y), jacobian(solved, wrt)(0.5, y), atol=1e-12)
        np.testing.assert_allclose(jit(jacobian(minimized, wrt))(0.5, y), jacobian(solved, wrt)(0.5, y), atol=1e-12)


# Least squares

T = np.linspace(0.0, 3.0, 30)
Y = 2 * np.exp(-0.7 * T) + 0.1 * np.sin(9 * T)


def decay(t, a, b):
    return a * np.exp(-b * t)


def decay_slopes(t, a, b):
    return np.stack([np.exp(-b * t), -t * a * np.exp(-b * t)], axis=-1)


def implicit_by_hand(loss_slope, p, y, scale=1.0):
    """-H^-1 d(gradient)/dy of half the sum of the losses, with H by differences of the gradient."""

    def gradient(p, y):
        left = decay(T, *p) - y
        return decay_slopes(T, *p).T @ (left * loss_slope(left**2 / scale**2))

    def differences(f, x):
        step = 1e-6
        return np.stack([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(len(x))], axis=-1)

    H, mixed = differences(lambda p: gradient(p, y), p), differences(lambda y: gradient(p, y), y)
    return -np.linalg.solve(H, mixed)


LOSSES = {
    "linear": lambda s: np.ones_like(s),
    "soft_l1": lambda s: (1 + s) ** -0.5,
    "huber": lambda s: np.where(s <= 1, 1.0, np.where(s <= 1, 1, s) ** -0.5),
    "cauchy": lambda s: 1 / (1 + s),
    "arctan": lambda s: 1 / (1 + s**2),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_least_squares_with_every_loss(loss, method):
    def solved(y):
        return optimize.least_squares(lambda p: decay(T, *p) - y, [1.0, 1.0], loss=loss, f_scale=0.08, method=method).x

    found = []
    J = jacobian(lambda y: found.append(solved(y)) or found[0])(Y)
    p = chainrule.value(found[0])
    np.testing.assert_allclose(p, solved(Y), rtol=1e-4)
    np.testing.assert_allclose(J, implicit_by_hand(LOSSES[loss], p, Y, 0.08), rtol=1e-5, atol=1e-7)


def test_the_results_of_least_squares():
    def fit(y):
        return optimize.least_squares(lambda p: decay(T, *p) - y, [1.0, 1.0])

    # The derivative of half the sum of squares is that of the residuals alone.
    np.testing.assert_allclose(grad(lambda y: fit(y).cost)(Y), -fit(Y).fun, atol=1e-6)
    np.testing.assert_allclose(grad(lambda y: np.sum(fit(y).fun ** 2) / 2)(Y), -fit(Y).fun, atol=1e-6)


def test_least_squares_within_bounds():
    def fit(y, **how):
        return optimize.least_squares(lambda p: decay(T, *p) - y, [1.0, 1.0], bounds=([0, 0], [1.9, 5]), **how).x

    J = jacobian(fit)(Y)
    assert np.all(J[0] == 0)
    np.testing.assert_allclose(J, jacobian(lambda y: fit(y, method="dogbox"))(Y), atol=1e-12)


FITS = {
    "plain": {},
    "sigma": {"sigma": 0.1 + T},
    "absolute": {"sigma": 0.1 + T, "absolute_sigma": True},
    "covariance": {"sigma": np.diag(0.1 + T) + 0.01},
    "bounds": {"bounds": ([0, 0], [1.7, 5])},
    "trf": {"method": "trf", "p0": [1.0, 2.0]},
}


@pytest.mark.parametrize("how", FITS)
def test_curve_fit(how):
    found = []

    def fit(y):
        popt, pcov = optimize.curve_fit(decay, T, y, **FITS[how])
        found.append((popt, pcov))
        return popt

    J = jacobian(fit)(Y)
    popt, pcov = map(chainrule.value, found[0])
    theirs, covariance = optimize.curve_fit(decay, T, Y, **FITS[how])
    np.testing.assert_allclose(popt, theirs, rtol=1e-5)
    np.testing.assert_allclose(pcov, covariance, rtol=1e-4)
    step = 1e-3 * np.cos(T)
    tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "jac": decay_slopes}
    ends = [optimize.curve_fit(decay, T, Y + sign * step, **FITS[how], **tight)[0] for sign in (1, -1)]
    np.testing.assert_allclose(J @ step, (ends[0] - ends[1]) / 2, atol=3e-8)


def test_the_covariance_of_curve_fit_moves_too():
    def line(x, a):
        return a * x

    def variance(y):  # of a slope: the scatter over the sum of squares
        return optimize.curve_fit(line, T, y)[1][0, 0]

    def closed(y):
        a = np.sum(T * y) / np.sum(T**2)
        return np.sum((y - a * T) ** 2) / (len(T) - 1) / np.sum(T**2)

    np.testing.assert_allclose(grad(variance)(Y), grad(closed)(Y), rtol=1e-9, atol=1e-12)


# Errors


def test_a_failed_solve_is_an_error_that_names_the_solver():
    with pytest.raises(SolutionError, match=r"scipy\.optimize\.fsolve: no solution was found"):
        grad(lambda a: optimize.fsolve(lambda x: x**2 + a, 1.0)[0])(1.0)
    with pytest.raises(SolutionError, match=r"scipy\.optimize\.brentq: no solution was found"):
        grad(lambda a: optimize.brentq(cube, 0.0, 10.0, args=(a,), maxiter=2))(8.0)
    with pytest.raises(SolutionError, match=r"scipy\.optimize\.minimize: no solution was found"):
        grad(lambda a: optimize.minimize(rosenbrock, [0, 0], ((1.0, a),), options={"maxiter": 2}).x[0])(8.0)
    with pytest.raises(SolutionError, match=r"scipy\.optimize\.fsolve: no solution was found"):
        jit(lambda a: optimize.fsolve(lambda x: x**2 + a, 1.0)[0])(1.0)


def test_a_singular_jacobian_is_an_error():
    with pytest.raises(
        SolutionError, match=r"scipy.optimize.fsolve: the Jacobian .* is singular at the solution \[0\.\]"
    ):
        grad(lambda a: optimize.fsolve(lambda x: x**2 - a, 0.0)[0])(0.0)
    with pytest.raises(SolutionError, match="singular"):
        jacobian(lambda a: optimize.minimize(lambda x: (x[0] + x[1] - a) ** 2, [0.0, 0.0]).x)(1.0)
    # Value and error are two things: the root itself is there.
    assert jit(lambda a: optimize.fsolve(lambda x: x**2 - a, 0.0)[0])(0.0) == 0


def test_a_multiple_root_or_a_kink_is_an_error():
    with pytest.raises(SolutionError, match=r"scipy\.optimize\.brentq"):
        grad(lambda a: optimize.brentq(lambda x: (x - a) ** 3, -1.0, 2.0))(0.3)
    with pytest.raises(SolutionError, match=r"scipy\.optimize\.minimize_scalar"):
        grad(lambda a: optimize.minimize_scalar(lambda x: np.abs(x - a) + 0.1 * x**2).x)(0.3)


def test_newton_with_entries_that_depend_on_each_other_is_an_error():
    A = np.array([[2.0, 0.1], [0.1, 3.0]])
    with pytest.raises(SolutionError, match=r"newton: the function mixes entries .* Use scipy.optimize.root"):
        jacobian(lambda a: optimize.newton(lambda x: A @ x - a, np.ones(2)))(np.ones(2))


def test_scipys_own_errors_come_through():
    with pytest.raises(ValueError, match="different signs"):
        grad(lambda a: optimize.brentq(lambda x: x**2 + a, 0.0, 1.0))(1.0)
    with pytest.raises(ValueError, match="x0 should have one axis"):
        grad(lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), np.ones((2, 2))).x[0])(1.0)
    with pytest.raises(ValueError, match="Jacobian is required"):
        grad(lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), [0.0], method="Newton-CG").x[0])(1.0)


def test_parts_of_a_result_without_derivative_say_so():
    def inverse(a):
        return optimize.minimize(lambda x: np.sum((x - a) ** 2), [0.0]).hess_inv[0, 0]

    with pytest.raises(TraceError, match="hess_inv of the result is not followed"):
        grad(inverse)(1.0)

    def counts(a):
        found = optimize.root(lambda x: x**2 - a, 1.0)
        assert found.success
        assert found.nfev > 1
        assert "converged" in found.message
        assert not hasattr(found, "unheard_of")
        return np.sum(found.x) + np.sum(found.fun)

    assert grad(counts)(4.0) == pytest.approx(0.25)


def test_a_decision_in_the_function():
    def f(x, a):
        return x - a if x > 0 else 2 * x - a

    def g(x, a):
        return chainrule.cond(x > 0, lambda: x - a, lambda: 2 * x - a)

    for way in (f, g):
        found = grad(lambda a: optimize.brentq(way, -5.0, 5.0, (a,)))  # noqa: B023
        assert [found(-1.0), found(1.0)] == [0.5, 1.0]


SINGLE = ("brent", "golden", "bracket", "fminbound")
BOXED = ("basinhopping", "differential_evolution", "dual_annealing", "shgo", "direct", "brute")


def searched(name, a):
    if name == "fminbound":
        how = (-1.0, 1.0)
    else:
        how = () if name in SINGLE else ([(-1.0, 1.0)],) if name in BOXED else ([0.0],)
    return np.sum(getattr(optimize, name)(lambda x: np.sum((x - a) ** 2), *how))


@pytest.mark.parametrize("name", ["fmin", "fmin_bfgs", "leastsq", *SINGLE, *BOXED[:4]])
def test_other_functions_are_refused_by_name(name):
    with pytest.raises(NoDerivativeError, match=rf"scipy\.optimize\.{name} is not followed"):
        grad(lambda a: searched(name, a))(0.5)


@pytest.mark.parametrize("name", ["fmin_cg", "fmin_powell", "broyden1", "newton_krylov", "direct", "brute"])
def test_functions_that_are_not_caught_lose_nothing_silently(name):
    with pytest.raises(TraceError, match="the derivative would be lost"):
        grad(lambda a: searched(name, a))(0.5)


def test_other_arguments_are_refused_by_name():
    def objective(x, a):
        return np.sum((x - a) ** 2)

    with pytest.raises(TraceError, match="a method of one's own"):
        grad(lambda a: optimize.minimize(objective, [0.0], (a,), method=lambda *args: None).x[0])(1.0)
    with pytest.raises(TraceError, match="complex"):
        grad(lambda a: optimize.newton(lambda z: z**2 + a, 1j).real)(1.0)
