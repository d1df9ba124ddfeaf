"""`ScipyFunction`: one function as what SciPy's optimisers and solvers take."""

import collections
import dataclasses
import functools
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import optimize
from scipy.integrate import solve_ivp

import chainrule
from chainrule.bridges import ScipyFunction
from chainrule.errors import OptionError, TraceError

BOTH = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
Line = collections.namedtuple("Line", ["slope", "level"])


@dataclasses.dataclass
class Net:
    w: object
    b: object


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])


def of_a_net(p, x, *, power):
    """Of a nested tree: nothing in it is linear, and second derivatives mix all leaves."""
    hidden = np.tanh(x @ p["net"].w + p["net"].b)
    line = p["line"]
    return np.mean(hidden**power) * line.slope + np.sum(p["net"].b ** 2) * line.level**2


def tree_of(dtype=np.float64):
    rng = np.random.default_rng(0)
    net = Net(rng.normal(size=(2, 3)).astype(dtype), rng.normal(size=3).astype(dtype))
    return {"net": net, "line": Line(0.5, np.float64(1.5))}


X = np.random.default_rng(1).normal(size=(4, 2))


def decay(p, x, t):
    return {"misfit": p["a"] * np.exp(-p["b"] * x) - t, "size": 0.1 * p["b"][0]}


PLACES = np.linspace(0, 1, 7)
SEEN = 2 * np.exp(-3 * PLACES)


def differences(f, x, step=1e-6):
    return np.array([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(len(x))]).T


@BOTH
class TestNumber:
    def test_value_and_derivatives(self, compiled):
        found = ScipyFunction(of_a_net, tree_of(), (X,), {"power": 2}, compiled=compiled)
        x = found.x0
        assert x.shape == (11,)
        assert x.dtype == np.float64
        assert isinstance(found.fun(x), float)
        assert found.fun(x) == pytest.approx(of_a_net(tree_of(), X, power=2), rel=1e-14)
        np.testing.assert_allclose(found.jac(x), differences(found.fun, x), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(found.hess(x), differences(found.jac, x), rtol=1e-7, atol=1e-9)
        p = np.arange(11.0)
        np.testing.assert_allclose(found.hessp(x, p), found.hess(x) @ p, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(found.hess(x, np.array([3.0])), 3 * found.hess(x), rtol=1e-12)
        value, gradient = found.fun_and_jac(x)
        assert value == pytest.approx(found.fun(x), rel=1e-14)
        np.testing.assert_array_equal(gradient, found.jac(x))

    def test_order_of_the_vector(self, compiled):
        found = ScipyFunction(of_a_net, tree_of(), (X,), {"power": 2}, compiled=compiled)
        p = tree_of()
        wanted = [*p["net"].w.ravel(), *p["net"].b, p["line"].slope, p["line"].level]
        np.testing.assert_array_equal(found.x0, wanted)
        np.testing.assert_array_equal(found.vector(p), wanted)
        gradient = found.tree(found.jac(found.x0))
        wanted = chainrule.grad(of_a_net)(p, X, power=2)
        np.testing.assert_allclose(gradient["net"].w, wanted["net"].w, rtol=1e-12)
        assert gradient["line"].level == pytest.approx(wanted["line"].level)
        assert type(gradient["line"].slope) is float
        assert type(gradient["line"].level) is np.float64

    def test_single_precision(self, compiled):
        p = {"w": np.array([0.5, 2.0], np.float32), "b": 1.0}
        seen = []

        def f(p):
            seen.append(p["w"].dtype)
            return np.sum(np.exp(p["w"])) * p["b"]

        found = ScipyFunction(f, p, compiled=compiled)
        x = found.x0
        gradient, hessian = found.jac(x), found.hess(x)
        assert {*seen} == {np.dtype(np.float32)}
        assert (x.dtype, gradient.dtype, hessian.dtype) == (np.float64,) * 3
        np.testing.assert_allclose(gradient, [*np.exp(x[:2]), np.sum(np.exp(x[:2]))], rtol=1e-6)
        assert found.tree(x)["w"].dtype == np.float32


@BOTH
class TestOutputs:
    def test_value_and_derivatives(self, compiled):
        found = ScipyFunction(decay, {"a": np.float32(1.5), "b": np.array([2.0])}, (PLACES, SEEN), compiled=compiled)
        x = found.x0
        assert found.fun(x).shape == (8,)
        assert found.jac(x).shape == (8, 2)
        np.testing.assert_allclose(found.jac(x)[:, 0], [*np.exp(-2 * PLACES), 0], rtol=1e-6)
        np.testing.assert_allclose(found.jac(x)[:, 1], [*(-1.5 * PLACES * np.exp(-2 * PLACES)), 0.1], rtol=1e-6)
        v = np.arange(8.0)
        moved = differences(lambda x: v @ found.jac(x), x, 1e-3)
        np.testing.assert_allclose(found.hess(x, v), moved, rtol=1e-4, atol=1e-3)

    def test_a_matrix_of_outputs(self, compiled):
        found = ScipyFunction(lambda x: np.outer(x, x), np.array([1.0, 2.0, 3.0]), compiled=compiled)
        assert found.fun(found.x0).shape == (9,)
        np.testing.assert_allclose(found.jac(found.x0), differences(found.fun, found.x0), atol=1e-8)

    def test_outputs_that_are_none(self, compiled):
        found = ScipyFunction(lambda x: x[1:1], np.ones(2), compiled=compiled)
        assert found.fun(found.x0).shape == (0,)
        assert found.jac(found.x0).shape == (0, 2)

    def test_an_output_that_depends_on_nothing(self, compiled):
        found = ScipyFunction(lambda p: [p["a"] ** 2, 3.0], {"a": 2.0, "b": np.ones(2)}, compiled=compiled)
        np.testing.assert_array_equal(found.fun(found.x0), [4.0, 3.0])
        np.testing.assert_array_equal(found.jac(found.x0), [[4.0, 0, 0], [0, 0, 0]])

    def test_least_squares(self, compiled):
        found = ScipyFunction(decay, {"a": 1.0, "b": np.array([1.0])}, (PLACES, SEEN), compiled=compiled)
        ours = optimize.least_squares(found.fun, found.x0, jac=found.jac, gtol=1e-12)
        theirs = optimize.least_squares(found.fun, found.x0, jac="3-point", gtol=1e-12)
        np.testing.assert_allclose(ours.x, theirs.x, rtol=1e-6)
        assert ours.optimality < 1e-6
        for method in ("dogbox", "lm"):
            same = optimize.least_squares(found.fun, found.x0, jac=found.jac, method=method)
            np.testing.assert_allclose(same.x, ours.x, rtol=1e-5)

    @pytest.mark.parametrize("method", ["hybr", "lm"])
    def test_root(self, compiled, method):
        def equations(p):
            return [p["x"] + 0.5 * (p["x"] - p["y"]) ** 3 - 1, 0.5 * (p["y"] - p["x"]) ** 3 + p["y"]]

        found = ScipyFunction(equations, {"x": 0.0, "y": 0.0}, compiled=compiled)
        solution = optimize.root(found.fun, found.x0, jac=found.jac, method=method)
        assert solution.success
        np.testing.assert_allclose(solution.x, [0.8411639, 0.1588361], rtol=1e-6)

    @pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
    def test_solve_ivp(self, compiled, method):
        def robertson(t, y, k):
            """H. H. Robertson, The solution of a set of reaction rate equations (1966)."""
            return [
                -0.04 * y[0] + k * y[1] * y[2],
                0.04 * y[0] - k * y[1] * y[2] - 3e7 * y[1] ** 2,
                3e7 * y[1] ** 2,
            ]

        found = ScipyFunction(robertson, np.array([1.0, 0.0, 0.0]), (1e4,), wrt=1, compiled=compiled)
        path = solve_ivp(
            found.fun, (0, 40.0), found.x0, jac=found.jac, method=method, rtol=1e-8, atol=[1e-12, 1e-14, 1e-12]
        )
        assert path.success
        # E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, and the manual of LSODE.
        np.testing.assert_allclose(path.y[:, -1], [7.1582706e-01, 9.1855348e-06, 2.8416375e-01], rtol=1e-5)


class TestOncePerPoint:
    """Interpreted, `f` runs once each time that something is computed."""

    def counted(self, **options):
        points = []

        def f(x):
            points.append(chainrule.value(x).tobytes())
            return rosenbrock(x)

        return ScipyFunction(f, START, compiled=False, **options), points

    def test_value_and_gradient_together(self):
        found, points = self.counted()
        found.jac(START)
        points.clear()
        x = START + 1.0
        found.fun(x), found.jac(x), found.fun(x.copy()), found.fun_and_jac(x)
        assert len(points) == 1

    def test_a_point_that_is_moved_in_place(self):
        found, points = self.counted()
        x = START.copy()
        first, slope = found.fun(x), found.jac(x)
        x[0] += 0.5
        assert found.fun(x) == pytest.approx(rosenbrock(x))
        assert found.fun(x) != first
        assert not np.array_equal(found.jac(x), slope)
        assert len({*points}) == 2

    def test_signed_zeros_and_nan_are_told_apart_by_their_bits(self):
        found = ScipyFunction(lambda x: np.sum(1 / x), np.array([0.0]))
        with np.errstate(divide="ignore"):
            assert found.fun(np.array([0.0])) == np.inf
            assert found.fun(np.array([-0.0])) == -np.inf
        assert np.isnan(found.fun(np.array([np.nan])))
        assert np.isnan(found.fun(np.array([np.nan])))

    def test_what_is_returned_is_the_callers(self):
        found, _ = self.counted()
        for compute in (found.jac, found.hess):
            first = compute(START)
            wanted = first.copy()
            first[...] = 0
            np.testing.assert_array_equal(compute(START), wanted)
        many = ScipyFunction(lambda x: x**2, START)
        many.fun(START)[...] = 0
        np.testing.assert_array_equal(many.fun(START), START**2)
        found.x0[...] = 0
        np.testing.assert_array_equal(found.x0, START)

    @pytest.mark.parametrize("method", ["BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP"])
    def test_minimisers_by_gradients(self, method):
        found, points = self.counted()
        found.fun_and_jac(START)
        told = optimize.minimize(found.fun, found.x0, jac=found.jac, method=method)
        np.testing.assert_allclose(told.x, 1, atol=1e-3)
        assert len(points) == len({*points})
        assert len(points) <= told.nfev

    @pytest.mark.parametrize(
        "method", ["Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr"]
    )
    def test_minimisers_by_second_derivatives(self, method):
        found, points = self.counted()
        found.fun_and_jac(START)
        start = np.full(5, 1.1)
        told = optimize.minimize(found.fun, start, jac=found.jac, hess=optimize.rosen_hess, method=method)
        np.testing.assert_allclose(told.x, 1, atol=1e-2)
        assert len(points) == len({*points})
        assert len(points) <= told.nfev + 1

    def test_without_gradients_none_is_computed(self):
        found, points = self.counted()
        told = optimize.minimize(found.fun, found.x0, method="Nelder-Mead", options={"maxiter": 50})
        assert len(points) <= told.nfev
        assert "value and gradient" not in found._kept

    def test_time_belongs_to_the_point(self):
        found = ScipyFunction(lambda t, y: t * y, np.ones(2), wrt=1)
        np.testing.assert_array_equal(found.fun(2.0, np.ones(2)), [2, 2])
        np.testing.assert_array_equal(found.fun(3.0, np.ones(2)), [3, 3])
        np.testing.assert_array_equal(found.jac(np.float64(4.0), np.ones(2)), 4 * np.eye(2))


class TestOtherUsers:
    def test_nonlinear_constraint(self):
        found = ScipyFunction(rosenbrock, [0.5, 0.2])
        disc = ScipyFunction(lambda x: np.array([np.sum(x**2), x[0] * x[1]]), [0.5, 0.2])
        limits = optimize.NonlinearConstraint(disc.fun, [-np.inf, -1], [1.0, 1.0], jac=disc.jac, hess=disc.hess)
        told = optimize.minimize(
            found.fun, found.x0, jac=found.jac, hess=found.hess, method="trust-constr", constraints=limits
        )
        np.testing.assert_allclose(told.x, [0.7864, 0.6177], atol=1e-3)

    def test_basin_hopping(self):
        found = ScipyFunction(lambda x: np.cos(14.5 * x[0] - 0.3) + (x[0] + 0.2) * x[0], [1.0])
        told = optimize.basinhopping(
            found.fun, found.x0, minimizer_kwargs={"method": "BFGS", "jac": found.jac}, niter=30, rng=0
        )
        assert told.x[0] == pytest.approx(-0.195, abs=1e-3)

    def test_workers(self):
        """Threads ask for different points at once."""
        found = ScipyFunction(rosenbrock, [0.0, 0.0])
        with ThreadPoolExecutor(4) as pool:
            told = optimize.differential_evolution(
                found.fun, [(-2, 2), (-2, 2)], workers=pool.map, updating="deferred", rng=0, maxiter=40
            )
            points = np.random.default_rng(0).normal(size=(200, 2))
            slopes = list(pool.map(found.jac, points))
        np.testing.assert_allclose(told.x, 1, atol=1e-3)
        np.testing.assert_allclose(slopes, [chainrule.grad(rosenbrock)(x) for x in points], rtol=1e-12)

    @pytest.mark.parametrize("compiled", [True, False])
    def test_pickle(self, compiled):
        found = ScipyFunction(of_a_net, tree_of(), (X,), {"power": 3}, compiled=compiled)
        found.jac(found.x0)
        again = pickle.loads(pickle.dumps(found))
        assert again._programs is found._programs
        np.testing.assert_array_equal(again.x0, found.x0)
        np.testing.assert_array_equal(again.jac(found.x0), found.jac(found.x0))
        ode = pickle.loads(pickle.dumps(ScipyFunction(np.multiply, np.ones(2), wrt=1)))
        np.testing.assert_array_equal(ode.fun(2.0, np.ones(2)), [2, 2])

    def test_other_kinds_of_functions(self):
        class Scaled:
            def __init__(self, factor):
                self.factor = factor

            def __call__(self, x):
                return self.factor * rosenbrock(x)

            def value(self, x):
                return self(x)

        wanted = 2 * chainrule.grad(rosenbrock)(START)
        for f in (
            chainrule.jit(lambda x: 2 * rosenbrock(x)),
            functools.partial(lambda a, x: a * rosenbrock(x), 2.0),
            Scaled(2.0),
            Scaled(2.0).value,
        ):
            found = ScipyFunction(f, START)
            np.testing.assert_allclose(found.jac(START), wanted, rtol=1e-12)
            np.testing.assert_allclose(found.hess(START) @ START, found.hessp(START, START), rtol=1e-12)

    def test_what_was_compiled_serves_objects_of_the_same_function(self):
        first, second = (ScipyFunction(rosenbrock, START) for _ in range(2))
        first.jac(START)
        assert first._programs is second._programs
        assert ScipyFunction(rosenbrock, START[:3])._programs is not first._programs
        assert ScipyFunction(rosenbrock, START, compiled=False)._programs is not first._programs
        scale = 2.0
        scaled = [ScipyFunction(lambda x: scale * x[0], START) for _ in range(2)]
        assert scaled[0]._programs is not scaled[1]._programs


class TestErrors:
    @pytest.mark.parametrize(
        ("x0", "told"),
        [
            ({"k": np.arange(3)}, r"x0\['k'\] has dtype int64"),
            ({"on": True}, r"x0\['on'\] is of type bool"),
            ((1.0, np.array([True])), r"x0\[1\] has dtype bool"),
            (np.ones(2) * 1j, "x0 has dtype complex128.*real and imaginary"),
            ("start", "x0 is of type str"),
            ([1.0, "a"], r"x0\[1\] is of type str"),
            (np.ma.ones(2), "x0 is of type MaskedArray"),
            ({}, "x0 holds no numbers"),
            (np.zeros((0, 2)), "x0 holds no numbers"),
        ],
    )
    def test_parameters_are_real(self, x0, told):
        with pytest.raises(OptionError, match=told):
            ScipyFunction(rosenbrock, x0)

    def test_a_list_of_numbers_is_an_array(self):
        found = ScipyFunction(rosenbrock, [1, np.float64(2.0)])
        assert found.fun([1.0, 2.0]) == 100
        assert isinstance(found.tree([1.0, 2.0]), np.ndarray)

    def test_python_integers_count_as_floats(self):
        assert ScipyFunction(lambda p: p["a"] ** 2, {"a": 3}).jac([3.0]) == [6.0]

    def test_arguments(self):
        with pytest.raises(OptionError, match="f should be a function, but is str"):
            ScipyFunction("f", START)
        with pytest.raises(OptionError, match=r"wrt should be 0, or 1 for a function of \(t, y\), found -1"):
            ScipyFunction(rosenbrock, START, wrt=-1)
        with pytest.raises(OptionError, match=r"args should be a tuple, but is ndarray: write args=\(data,\)"):
            ScipyFunction(rosenbrock, START, START)

    def test_points(self):
        found = ScipyFunction(rosenbrock, START)
        with pytest.raises(OptionError, match=r"float64 and shape \(3,\), expected float64 and shape \(5,\)"):
            found.fun(np.ones(3))
        with pytest.raises(OptionError, match="array of complex128"):
            found.jac(START * 1j)
        with pytest.raises(OptionError, match=r"2 arguments, expected 1 with wrt=0.*args of ScipyFunction"):
            found.fun(START, 2.0)
        with pytest.raises(OptionError, match=r"1 arguments, expected 2 with wrt=1"):
            ScipyFunction(np.multiply, START, wrt=1).jac(START)
        with pytest.raises(OptionError, match=r"p has shape \(2,\), expected \(5,\)"):
            found.hessp(START, np.ones(2))
        with pytest.raises(OptionError, match=r"vector has shape \(2,\), expected \(5,\)"):
            found.tree(np.ones(2))
        with pytest.raises(OptionError, match=r"tree has shape \(2,\), expected \(5,\)"):
            found.vector(np.ones(2))

    def test_what_f_returns(self):
        many = ScipyFunction(lambda x: x**2, START)
        with pytest.raises(OptionError, match=r"weights of its outputs as well: hess\(x, v\)"):
            many.hess(START)
        with pytest.raises(OptionError, match=r"v has shape \(1,\), but the outputs of f have \(5,\)"):
            many.hess(START, np.ones(1))
        with pytest.raises(OptionError, match=r"v has shape \(2,\), but the outputs of f have \(1,\)"):
            ScipyFunction(rosenbrock, START).hess(START, np.ones(2))
        with pytest.raises(TraceError, match=r"array of shape \(5,\); a gradient needs one real number"):
            many.fun_and_jac(START)
        with pytest.raises(TraceError, match=r"a gradient needs one real number"):
            many.hessp(START, START)
        with pytest.raises(OptionError, match="returned complex128, where SciPy takes real numbers"):
            ScipyFunction(lambda x: x * 1j, START).fun(START)
        with pytest.raises(TraceError, match="random draw"):
            ScipyFunction(lambda x: np.sum(x) * time.perf_counter(), START).fun(START)

    def test_traced_values(self):
        def given(c):
            return ScipyFunction(lambda x, c: np.sum((x - c) ** 2), START, (c,)).fun(START)

        def read(c):
            return ScipyFunction(lambda x: np.sum((x - c) ** 2), START).fun(START)

        for f in (given, read):
            with pytest.raises(TraceError, match=r"traced values.*call chainrule\.minimize(.|\n)*ScipyFunction"):
                chainrule.grad(f)(1.0)

    @BOTH
    def test_the_users_own_exceptions_pass(self, compiled):
        def stopped(x):
            raise KeyboardInterrupt

        found = ScipyFunction(stopped, START, compiled=compiled)
        with pytest.raises(KeyboardInterrupt):
            optimize.minimize(found.fun, found.x0, jac=found.jac)

    def test_repr(self):
        assert repr(ScipyFunction(rosenbrock, START)) == "<rosenbrock for SciPy, of 5 numbers>"
