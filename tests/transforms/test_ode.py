"""Solutions of differential equations, in every mode, against closed forms and finite differences.

A linear system y' = A y has the solution expm(A t) y0, whose derivatives chainrule takes by other rules.
"""

import importlib.util
import warnings

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose
from scipy.integrate import odeint, solve_ivp

from chainrule import TraceError, cond, grad, hessian, jacobian, jit, jvp, scan, trace, vectorize, vjp
from chainrule.errors import SolutionError
from chainrule.evaluate import evaluate
from chainrule.graph import verify

A = np.array([[-0.4, 1.3], [-1.1, -0.2]])
Y0 = np.array([1.0, -0.5])
TS = np.array([0.0, 0.3, 0.9, 1.0])
TIGHT = {"rtol": 1e-11, "atol": 1e-11}
# What the derivatives of such solutions are held to.
CLOSE = {"rtol": 1e-7, "atol": 1e-8}
METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")


def by_odeint(a, y0, ts, **options):
    return odeint(lambda y, t, a: a @ y, y0, ts, args=(a,), **{**TIGHT, **options})


def by_solve_ivp(a, y0, ts, method="DOP853", **options):
    found = solve_ivp(lambda t, y, a: a @ y, (ts[0], ts[-1]), y0, method, ts, args=(a,), **{**TIGHT, **options})
    return found.y.T


def closed(a, y0, ts):
    return np.stack([scipy.linalg.expm(a * (t - ts[0])) @ y0 for t in ts])


def weighted(solution):
    """One number of a solution, to which every output contributes."""
    return lambda a, y0, ts: np.sum(np.sin(solution(a, y0, ts) + np.arange(2)))


@pytest.mark.parametrize("solution", [by_odeint, by_solve_ivp])
class TestLinearSystem:
    def test_value(self, solution):
        recorded = evaluate(trace(solution)(A, Y0, TS), A, Y0, TS)[0]
        assert_allclose(recorded, closed(A, Y0, TS), rtol=1e-9)
        assert_allclose(recorded, solution(A, Y0, TS), rtol=1e-12)

    def test_reverse(self, solution):
        found = grad(weighted(solution), (0, 1, 2))(A, Y0, TS)
        for part, expected in zip(found, grad(weighted(closed), (0, 1, 2))(A, Y0, TS), strict=True):
            assert_allclose(part, expected, **CLOSE)

    def test_forward(self, solution):
        rng = np.random.default_rng(0)
        tangents = tuple(rng.normal(size=x.shape) for x in (A, Y0, TS))
        for only in (slice(0, 1), slice(1, 2), slice(2, 3), slice(0, 3)):
            chosen = tuple(t if k in range(*only.indices(3)) else 0 * t for k, t in enumerate(tangents))
            found = jvp(solution, (A, Y0, TS), chosen)[1]
            assert_allclose(found, jvp(closed, (A, Y0, TS), chosen)[1], **CLOSE)

    def test_second_order(self, solution):
        def twice(f):
            # Reverse over reverse, of everything by everything.
            return grad(lambda *x: sum(np.sum(np.sin(part)) for part in grad(f, (0, 1, 2))(*x)), (0, 1, 2))

        found = twice(weighted(solution))(A, Y0, TS)
        for part, expected in zip(found, twice(weighted(closed))(A, Y0, TS), strict=True):
            assert_allclose(part, expected, rtol=1e-6, atol=1e-7)

    def test_hessian(self, solution):
        def of(f):
            return hessian(lambda y0: weighted(f)(A, y0, TS))(Y0)

        assert_allclose(of(solution), of(closed), rtol=1e-6, atol=1e-7)

    @pytest.mark.parametrize("wrt", [0, 1, 2])
    def test_jacobian(self, solution, wrt):
        # By columns several directions are solved beside one state, by rows one adjoint after the other.
        x = (A, Y0, TS)[wrt]

        def of(f):
            return lambda x: f(*(x if k == wrt else y for k, y in enumerate((A, Y0, TS))))

        for found in (jacobian(of(solution))(x), jit(jacobian(of(solution)))(x)):
            assert_allclose(found, jacobian(of(closed))(x), **CLOSE)
        rows = jacobian(lambda x: of(solution)(x)[-1, :1])(x)
        assert_allclose(rows, jacobian(of(closed))(x)[-1, :1], **CLOSE)

    def test_compiled(self, solution):
        f = grad(weighted(solution), (0, 1, 2))
        for part, expected in zip(jit(f)(A, Y0, TS), f(A, Y0, TS), strict=True):
            assert_allclose(part, expected, rtol=1e-9, atol=1e-10)
        assert_allclose(grad(jit(weighted(solution)))(A, Y0, TS), f(A, Y0, TS)[0], rtol=1e-9)

    def test_vectorized(self, solution):
        many = np.stack([Y0, 2 * Y0, -Y0])
        f = grad(weighted(solution))
        assert_allclose(vectorize(f, (None, 0, None))(A, many, TS), [f(A, y0, TS) for y0 in many], rtol=1e-9)
        g = grad(lambda y0: np.sum(vectorize(lambda y0: weighted(solution)(A, y0, TS))(y0)))
        assert_allclose(g(many), [grad(weighted(solution), 1)(A, y0, TS) for y0 in many], rtol=1e-9)

    def test_backwards_in_time(self, solution):
        found = grad(weighted(solution), (0, 1, 2))(A, Y0, TS[::-1])
        for part, expected in zip(found, grad(weighted(closed), (0, 1, 2))(A, Y0, TS[::-1]), strict=True):
            assert_allclose(part, expected, **CLOSE)

    def test_single_precision(self, solution):
        # SciPy solves in double precision, whatever it is given; the derivative has the dtype of what it is by.
        a = A.astype(np.float32)
        found = grad(weighted(solution))(a, Y0, TS)
        assert found.dtype == np.float32
        assert_allclose(found, grad(weighted(closed))(A, Y0, TS), rtol=1e-5, atol=1e-6)
        assert trace(solution)(a, Y0, TS).outputs[0].dtype == np.float64


def test_third_derivative_by_a_captured_rate():
    def last(k):
        return odeint(lambda y, t: -k * y, [1.0, 2.0], [0.0, 1.0], **TIGHT)[1, 1]

    f = last
    for sign in (-1.0, 1.0, -1.0):
        f = grad(f)
        assert_allclose(f(0.7), sign * 2 * np.exp(-0.7), rtol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_every_method(method):
    def last(solution):
        return lambda a: np.sum(solution(a, Y0, TS)[-1] ** 2)

    options = {"rtol": 1e-7, "atol": 1e-9}
    found = grad(last(lambda *x: by_solve_ivp(*x, method=method, **options)))(A)
    assert_allclose(found, grad(last(closed))(A), rtol=2e-4)


def lotka_volterra(y, t, a, b, c, d):
    u, v = y
    return [a * u - b * u * v, -c * v + d * u * v]


RATES = np.array([1.5, 1.0, 3.0, 1.0])


EVERY_HALF_YEAR = np.linspace(0, 10, 21)


def prey_and_hunters(rates, y0, **options):
    return np.sum(odeint(lotka_volterra, y0, EVERY_HALF_YEAR, args=tuple(rates), **options) ** 2)


def differences(f, x, h=1e-3):
    """Central differences of fourth order."""
    steps = h * np.eye(len(x))
    return np.array([(8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h) for e in steps])


def test_against_differences():
    tight = {"rtol": 1e-13, "atol": 1e-13, "mxstep": 5000}
    by_rates, by_start = grad(prey_and_hunters, (0, 1))(RATES, np.ones(2), **tight)
    assert_allclose(by_rates, differences(lambda x: prey_and_hunters(x, np.ones(2), **tight), RATES), rtol=1e-6)
    assert_allclose(by_start, differences(lambda x: prey_and_hunters(RATES, x, **tight), np.ones(2)), rtol=1e-6)


@pytest.mark.parametrize("tolerance", [1e-5, 1e-7, 1e-9, 1e-11])
def test_the_error_of_the_derivative_is_of_the_order_of_that_of_the_value(tolerance):
    exact = prey_and_hunters(RATES, np.ones(2), rtol=1e-13, atol=1e-13, mxstep=5000)
    slope = grad(prey_and_hunters)(RATES, np.ones(2), rtol=1e-13, atol=1e-13, mxstep=5000)
    options = {"rtol": tolerance, "atol": tolerance, "mxstep": 5000}
    of_value = abs(prey_and_hunters(RATES, np.ones(2), **options) / exact - 1)
    backward = grad(prey_and_hunters)(RATES, np.ones(2), **options)
    forward = jvp(lambda x: prey_and_hunters(x, np.ones(2), **options), (RATES,), (np.ones(4),))[1]
    assert of_value < 100 * tolerance
    assert np.max(np.abs(backward - slope)) < 200 * tolerance * np.max(np.abs(slope))
    assert abs(forward - np.sum(slope)) < 500 * tolerance * np.max(np.abs(slope))


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is in the bench extra")
def test_against_jax():
    import jax
    import jax.numpy as jnp
    from jax.experimental.ode import odeint as theirs

    def loss(rates):
        def rate(y, t, r):
            return jnp.array([r[0] * y[0] - r[1] * y[0] * y[1], -r[2] * y[1] + r[3] * y[0] * y[1]])

        ts = jnp.linspace(0, 10, 21)
        return jnp.sum(theirs(rate, jnp.ones(2), ts, rates, rtol=1e-10, atol=1e-10) ** 2)

    with jax.enable_x64(True):
        expected = np.array(jax.grad(loss)(jnp.array(RATES)))
    found = grad(prey_and_hunters)(RATES, np.ones(2), rtol=1e-10, atol=1e-10)
    assert_allclose(found, expected, rtol=1e-6)


# Stiff systems, whose state cannot be solved backwards.


def robertson(y, t, k1, k2, k3):
    a, b, c = y
    return [-k1 * a + k3 * b * c, k1 * a - k3 * b * c - k2 * b**2, k2 * b**2]


K = np.array([0.04, 3e7, 1e4])
ROBERTSON_TIMES = np.array([0.0, 0.4, 40.0, 4000.0])


def remaining(k):
    return odeint(robertson, [1.0, 0.0, 0.0], ROBERTSON_TIMES, args=tuple(k), rtol=1e-8, atol=1e-11)[-1, 0]


def test_stiff_system():
    # The sensitivity equations are stable where the system is: forward mode is the oracle of reverse mode.
    forward = np.array([jvp(remaining, (K,), (e,))[1] for e in np.eye(3) * K])
    assert_allclose(grad(remaining)(K) * K, forward, rtol=1e-5)
    assert_allclose(forward, differences(lambda x: remaining(x * K), np.ones(3), 1e-2), rtol=1e-3)


def test_second_derivatives_of_a_stiff_system():
    def of(k):
        return remaining(k * K)

    ones = np.ones(3)
    found = hessian(of)(ones)
    expected = np.array([differences(lambda k, i=i: grad(of)(k)[i], ones, 1e-2) for i in range(3)])
    assert_allclose(found, expected, atol=2e-5)
    twice = grad(lambda k: grad(of)(k)[0])(ones)
    assert_allclose(twice, found[0], rtol=1e-5)
    assert_allclose(jit(lambda k: grad(lambda k: grad(of)(k)[0])(k))(ones), twice, rtol=1e-6)


@pytest.mark.parametrize("method", ["BDF", "LSODA"])
def test_second_derivatives_by_implicit_methods(method):
    # y' = -k (y - cos t), y = (k^2 cos t + k sin t) / (1 + k^2) after the transient.
    def lag(k, begin):
        found = solve_ivp(
            lambda t, y: -k * (y - np.cos(t)), (begin, 2.0), [1.0], method, [1.0, 2.0], rtol=1e-7, atol=1e-9
        )
        return found.y[0, -1]

    def closed(k):
        return (k**2 * np.cos(2.0) + k * np.sin(2.0)) / (1 + k**2)

    assert_allclose(grad(grad(lag))(200.0, 0.0), grad(grad(closed))(200.0), rtol=2e-2)
    assert_allclose(grad(lambda t: grad(lag)(200.0, t))(0.0), 0.0, atol=1e-6)


@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_implicit_methods_at_a_fast_rate(method):
    # y' = -k (y - cos t) follows cos t; one over k is the lag, to first order.
    def lag(k):
        found = solve_ivp(
            lambda t, y: -k * (y - np.cos(t)), (0.0, 2.0), [1.0], method, [1.0, 2.0], rtol=1e-8, atol=1e-10
        )
        return found.y[0, -1]

    k = 1e4
    # y = (k^2 cos t + k sin t) / (1 + k^2) after the transient.
    t = 2.0
    expected = (2 * k * np.cos(t) + np.sin(t)) / (1 + k**2) - (k**2 * np.cos(t) + k * np.sin(t)) * 2 * k / (
        1 + k**2
    ) ** 2
    assert_allclose(grad(lag)(k), expected, rtol=1e-4)


def test_many_parameters():
    """With many the derivatives by them are integrals, and no components of a system."""
    rng = np.random.default_rng(1)
    weights = (rng.normal(size=(12, 6)) / 3, rng.normal(size=(6, 12)) / 3)

    def last(weights):
        w, v = weights
        return np.sum(
            odeint(lambda y, t: v @ np.tanh(w @ y) - y, np.linspace(0, 1, 6), [0.0, 1.0, 2.0], **TIGHT)[-1] ** 2
        )

    tangent = tuple(rng.normal(size=w.shape) for w in weights)
    found = grad(last)(weights)
    assert sum(w.size for w in weights) > 64
    along = sum(np.sum(a * b) for a, b in zip(found, tangent, strict=True))
    assert_allclose(along, jvp(last, (weights,), (tangent,))[1], rtol=1e-7)


# How systems are written.


def test_ways_to_hand_in():
    exact = -0.5 * np.exp(-0.5 * 1.2) / 0.5 * 1.2  # the derivative of exp(-k t) by k at k = 0.5
    ways = {
        "closure": lambda k: odeint(lambda y, t: -k * y, 1.0, [0.0, 1.2]),
        "args": lambda k: odeint(lambda y, t, k: -k * y, [1.0], [0.0, 1.2], args=(k,)),
        "one argument": lambda k: odeint(lambda y, t, k: [-k * y[0]], [1.0], [0.0, 1.2], (k,)),
        "dict": lambda k: odeint(lambda y, t, p: -p["k"] * y, [1.0], [0.0, 1.2], args=({"k": k},)),
        "time first": lambda k: odeint(lambda t, y, k: -k * y, [1.0], [0.0, 1.2], args=(k,), tfirst=True),
        "array filled": lambda k: odeint(filled, [1.0], [0.0, 1.2], args=(k,)),
        "default": lambda k: odeint(lambda y, t, k=k: -k * y, [1.0], [0.0, 1.2]),
        "object": lambda k: odeint(Decay(k).rate, [1.0], [0.0, 1.2]),
        "solve_ivp": lambda k: solve_ivp(lambda t, y: -k * y, (0.0, 1.2), [1.0], rtol=1e-8, atol=1e-8).y.T,
    }
    for name, way in ways.items():
        assert_allclose(grad(lambda k, way=way: way(k)[-1, 0])(0.5), exact, rtol=1e-5, err_msg=name)


def filled(y, t, k):
    rate = np.zeros(1)
    rate[0] = -k * y[0]
    return rate


class Decay:
    def __init__(self, k):
        self.k = k

    def rate(self, y, t):
        return -self.k * y


def test_nothing_traced_goes_to_scipy():
    calls = []

    def rate(y, t):
        calls.append(type(y))
        return -y

    grad(lambda k: k * odeint(rate, 1.0, [0.0, 1.0])[-1, 0])(2.0)
    assert set(calls) == {np.ndarray}


def test_steps_that_the_solver_chose():
    def area(k):
        found = solve_ivp(lambda t, y: -k * y, (0.0, 2.0), [1.0], rtol=1e-9, atol=1e-9)
        assert found.success
        assert len(found.t) == found.y.shape[1] > 5
        return found.y[0, -1]

    assert_allclose(grad(area)(0.7), -2 * np.exp(-1.4), rtol=1e-7)

    def at(end):
        return solve_ivp(lambda t, y: -y, (0.0, end), [1.0], rtol=1e-9, atol=1e-9).y[0, -1]

    assert_allclose(grad(at)(1.5), -np.exp(-1.5), rtol=1e-7)


def test_result_has_what_scipys_has():
    seen = []

    def f(k):
        seen.append(solve_ivp(lambda t, y: -k * y, (0.0, 1.0), [1.0], t_eval=[0.5, 1.0]))
        return seen[0].y[0, -1]

    grad(f)(1.0)
    plain = solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], t_eval=[0.5, 1.0])
    assert set(seen[0]) == set(plain)
    assert (seen[0].success, seen[0].status, seen[0].message) == (plain.success, plain.status, plain.message)


def test_inside_a_scan():
    def pulses(k):
        def step(y, _):
            return odeint(lambda y, t: -k * y, y, [0.0, 0.5], **TIGHT)[-1] + 1.0, None

        return scan(step, np.ones(1), length=3)[0][0]

    d = np.exp(-0.35)
    assert_allclose(grad(pulses)(0.7), -0.5 * (d + 2 * d**2 + 3 * d**3), rtol=1e-7)


def test_a_choice_by_cond():
    # A dose that ends at t = 1.
    def level(dose):
        def rate(y, t):
            return cond(t < 1.0, lambda: dose - y, lambda: -y)

        return odeint(rate, [0.0], [0.0, 1.0, 2.0], **TIGHT)[-1, 0]

    assert_allclose(grad(level)(3.0), (1 - np.exp(-1)) * np.exp(-1), rtol=1e-6)


def test_complex_state():
    def last(w, y0):
        found = solve_ivp(lambda t, y: 1j * w * y, (0.0, 1.3), y0, **TIGHT)
        return np.abs(found.y[0, -1] - 1) ** 2

    def exact(w, y0):
        return np.abs(np.exp(1.3j * w) * y0[0] - 1) ** 2

    y0 = np.array([0.6 + 0.8j])
    for part, expected in zip(grad(last, (0, 1))(0.7, y0), grad(exact, (0, 1))(0.7, y0), strict=True):
        assert_allclose(part, expected, **CLOSE)
    assert_allclose(grad(last)(0.7 + 0.1j, y0), grad(exact)(0.7 + 0.1j, y0), **CLOSE)
    assert_allclose(jvp(last, (0.7, y0), (1.0, 1j * y0))[1], jvp(exact, (0.7, y0), (1.0, 1j * y0))[1], **CLOSE)


def test_a_zero_stays_zero():
    # sqrt has an infinite derivative at 0, and nothing depends on it there.
    def last(y0):
        return odeint(lambda y, t: [-y[0], np.where(y[1] > 0, np.sqrt(y[1]), 0.0)], y0, [0.0, 1.0], **TIGHT)[-1, 0]

    with np.errstate(all="ignore"):
        assert_allclose(grad(last)(np.array([2.0, 0.0])), [np.exp(-1), 0.0], rtol=1e-7)


def test_equal_times():
    ts = np.array([0.0, 0.5, 0.5, 1.0])
    found = jacobian(lambda y0: odeint(lambda y, t: -y, y0, ts, **TIGHT)[:, 0])(np.ones(1))
    assert_allclose(found[:, 0], np.exp(-ts), rtol=1e-7)


def test_graph_is_right_for_other_values():
    graph = trace(by_odeint)(A, Y0, TS)
    verify(graph)
    assert_allclose(evaluate(graph, 2 * A, -Y0, 0.5 * TS)[0], closed(2 * A, -Y0, 0.5 * TS), rtol=1e-8)


def test_an_objective_in_a_tiny_unit():
    # The tolerances hold for the derivative whatever the unit of what is differentiated.
    big = grad(lambda y0: prey_and_hunters(RATES, y0))(np.ones(2))
    tiny = grad(lambda y0: 1e-30 * prey_and_hunters(RATES, y0))(np.ones(2))
    assert_allclose(tiny * 1e30, big, rtol=1e-12)


def test_tolerances_of_each_component():
    def f(atol):
        return grad(lambda y0: np.sum(odeint(lambda y, t: A @ y, y0, TS, rtol=1e-9, atol=atol)[-1]))(Y0)

    assert_allclose(f(np.array([1e-9, 1e-10])), f(1e-9), rtol=1e-6)


# What is refused.


REFUSED = {
    "rtol=": lambda k: solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], rtol=k).y,
    "method='other'": lambda k: solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], method="other").y,
    "full_output=": lambda k: odeint(lambda y, t: -k * y, 1.0, [0, 1], full_output=True)[0],
    "atol=": lambda k: odeint(lambda y, t: -k * y, 1.0, [0, 1], atol=k),
    "rate of change of 1 components": lambda k: odeint(lambda y, t: [-k, k], 1.0, [0, 1]),
    "returned NoneType": lambda k: odeint(lambda y, t: [-k * y, None][1], 1.0, [0, k]),
    "complex numbers for a real state": lambda k: odeint(lambda y, t: 1j * k * y, 1.0, [0, 1]),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_is_refused(told):
    with pytest.raises(TraceError, match=told) as problem:
        grad(lambda k: np.sum(REFUSED[told](k)))(2.0)
    assert "test_ode.py" in str(problem.value)


def test_times_outside_of_the_interval():
    with pytest.raises(ValueError, match="not within t_span"):
        grad(lambda k: solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], t_eval=[0.5, 1.5]).y[0, -1])(1.0)
    with pytest.raises(ValueError, match="monotonic"):
        grad(lambda k: odeint(lambda y, t: -k * y, 1.0, [0.0, 1.0, 0.5])[-1, 0])(1.0)


def test_times_chosen_by_the_solver_need_values():
    f = jit(grad(lambda k: np.sum(solve_ivp(lambda t, y: -k * y, (0, 1), [1.0]).y)))
    with pytest.raises(TraceError, match="t_eval="):
        f(1.0)


@pytest.mark.parametrize("solved", ["odeint", "solve_ivp", "solve_ivp with times"])
def test_a_solution_that_fails(solved, capfd):
    def f(y0):
        if solved == "odeint":
            return odeint(lambda y, t: y**2, y0, [0.0, 2.0])[-1, 0]
        return solve_ivp(lambda t, y: y**2, (0, 2), [y0], t_eval=[1.0, 2.0] if "times" in solved else None).y[0, -1]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SolutionError, match=r"scipy\.integrate.*stopped.* from 0 to 2"):
            grad(f)(1.0)
    assert capfd.readouterr().out.count("\n") < 5


def test_nan_in_the_derivative_that_arrives():
    _, pull = vjp(lambda y0: odeint(lambda y, t: -y, y0, [0.0, 1.0]), np.ones(1))
    assert np.isnan(pull(np.full((2, 1), np.nan))[0]).all()


@pytest.mark.parametrize("compiled", [False, True])
def test_a_gradient_in_the_right_hand_side(compiled):
    # Hamilton's equations of an oscillator, q'' = -w^2 q, from its energy.
    def energy(q, p, w):
        return 0.5 * p**2 + 0.5 * (w * q) ** 2

    def position(w):
        def rate(y, t):
            by_q, by_p = grad(energy, (0, 1))(y[0], y[1], w)
            return [by_p, -by_q]

        return odeint(rate, [1.0, 0.0], [0.0, 2.0], **TIGHT)[-1, 0]

    f = grad(position)
    assert_allclose((jit(f) if compiled else f)(1.3), -2 * np.sin(2.6), rtol=1e-7)


@pytest.mark.parametrize("damping", [0.1, 0.5, 2.0])
def test_a_state_that_forgets_its_past(damping):
    # Backwards, a pendulum with friction is pushed: over one long interval the state would not come back.
    def angle(c):
        def rate(y, t):
            return [y[1], -damping * y[1] - c * np.sin(y[0]) + np.cos(t)]

        return odeint(rate, [1.0, 0.0], [0.0, 40.0], rtol=1e-9, atol=1e-9, mxstep=5000)[-1, 0]

    assert_allclose(grad(angle)(1.5), jvp(angle, (1.5,), (1.0,))[1], rtol=1e-5)


def lorenz(t, y, p):
    return [p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]]


@pytest.mark.parametrize("method", ["RK45", "DOP853"])
def test_a_state_that_runs_away_on_its_way_back_is_stored(method):
    # Backwards the attractor repels: followed for seconds and more, until the state was infinite.
    p, ends = np.array([10.0, 28.0, 8 / 3]), np.linspace(0.0, 4.0, 3)

    def loss(p, method=method, rtol=1e-7):
        return np.sum(
            solve_ivp(
                lorenz, (0.0, 4.0), [1.0, 1.0, 20.0], method, ends, args=(p,), rtol=rtol, atol=rtol, max_step=1.0
            ).y[0]
        )

    exact = jacobian(lambda p: loss(p, "DOP853", 1e-11), mode="forward")(p)
    assert_allclose(grad(loss)(p), exact, rtol=1e-2)


def test_tight_tolerances_of_a_stiff_system():
    # Newton's steps of BDF end nowhere on the stored state; the adjoint is then solved by LSODA.
    times = np.array([0.0, 0.4, 4.0, 40.0, 400.0])

    def loss(k):
        found = solve_ivp(
            lambda t, y: robertson(y, t, *k), (0.0, 400.0), [1.0, 0.0, 0.0], "BDF", times, rtol=1e-10, atol=1e-13
        )
        return np.sum(found.y[0, 1:] ** 2)

    k = np.array([0.04, 3e7, 1e4])
    direction = k * np.array([1.0, -0.5, 0.3]) * 1e-4
    slope = (loss(k + direction) - loss(k - direction)) / 2
    assert_allclose(grad(loss)(k) @ direction, slope, rtol=1e-5)
