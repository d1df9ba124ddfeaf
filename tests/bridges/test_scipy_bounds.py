"""Bounds and constraints of `chainrule.minimize`, on trees."""

import collections
import dataclasses

import numpy as np
import pytest
from scipy import optimize

from chainrule import minimize
from chainrule.errors import OptionError

Pair = collections.namedtuple("Pair", ["x", "y"])
START = np.array([1.05, 1.1, 1.2])
TARGET = np.array([0.4, -0.2])


@dataclasses.dataclass(frozen=True)
class Rates:
    up: object
    down: object


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def separable(p):
    return np.sum(np.cosh(p["rates"].up - TARGET)) + (p["rates"].down - 0.4) ** 2 + (p["level"] - 0.5) ** 2


class TestBounds:
    @pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead", "Powell", "COBYQA"])
    def test_tree(self, method):
        bounds = {"rates": Rates(([[0.1, -np.inf]], 0.2), None), "level": (None, 0.25)}
        found = minimize(
            separable, {"rates": Rates(np.full((1, 2), 0.15), 0.3), "level": 0.0}, (), method, bounds=bounds
        )
        np.testing.assert_allclose(found.x["rates"].up, [[0.2, -0.2]], atol=2e-3)
        assert found.x["level"] == pytest.approx(0.25, abs=2e-3)
        assert found.x["rates"].down == pytest.approx(0.4, abs=2e-3)

    @pytest.mark.parametrize(
        "bounds",
        [
            [(None, 0.5), (-1, None), (0.0, 2.0)],
            np.array([[-np.inf, 0.5], [-1, np.inf], [0, 2]]),
            optimize.Bounds([-np.inf, -1, 0], [0.5, np.inf, 2]),
        ],
        ids=["pairs", "array", "Bounds"],
    )
    def test_as_scipy_takes_them(self, bounds):
        found = minimize(rosenbrock, START, bounds=bounds)
        wanted = optimize.minimize(optimize.rosen, START, jac=optimize.rosen_der, bounds=bounds)
        np.testing.assert_allclose(found.x, wanted.x, rtol=1e-6)
        assert found.x[0] == 0.5

    def test_one_pair_for_a_whole_array(self):
        found = minimize(rosenbrock, START[:2], bounds=(None, 0.5))
        assert np.max(found.x) == 0.5
        # Two numbers, two pairs: a pair for each of them, as SciPy reads it.
        found = minimize(rosenbrock, START[:2], bounds=((0, 0.5), (0, 2)))
        np.testing.assert_allclose(found.x, [0.5, 0.25], atol=1e-6)

    @pytest.mark.parametrize(
        ("bounds", "told"),
        [
            ({"level": (0, 1)}, r"bounds should be like x0"),
            ({"rates": None, "other": None}, "bounds has no 'level', which x0 has; None stands for no bound"),
            ({"rates": None, "level": 3.0}, r"bounds\['level'\] should be a pair \(lower, upper\) or None, found 3.0"),
            ({"rates": (0, 1), "level": None}, r"bounds\['rates'\] should be like x0"),
            (
                {"rates": Rates((np.zeros(3), None), None), "level": None},
                r"lower bound in bounds\['rates'\]\['up'\] has shape \(3,\), which does not fit the shape \(1, 2\)",
            ),
            ([(0, 1)] * 4, "bounds should be like x0"),
            (optimize.Bounds(np.zeros(3), 1.0), r"bounds.lb has shape \(3,\), but x0 holds 4 numbers"),
        ],
    )
    def test_that_do_not_fit(self, bounds, told):
        with pytest.raises(OptionError, match=told):
            minimize(separable, {"rates": Rates(np.zeros((1, 2)), 0.3), "level": 0.0}, bounds=bounds)

    def test_that_do_not_fit_an_array(self):
        with pytest.raises(OptionError, match="bounds has 2 pairs, but x0 holds 3 numbers"):
            minimize(rosenbrock, START, bounds=[(0, 1), (0, 1)])
        with pytest.raises(OptionError, match=r"bounds\[1\] should be a pair"):
            minimize(rosenbrock, START, bounds=[(0, 1), 3.0, (0, 1)])


def in_the_disc(p):
    return {"radius": p.x**2 + p.y**2, "right": p.x}


class TestConstraints:
    """The Rosenbrock function in the unit disc is least at (0.7864, 0.6177)."""

    def cost(self, p):
        return 100 * (p.y - p.x**2) ** 2 + (1 - p.x) ** 2

    @pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYLA", "COBYQA"])
    def test_nonlinear(self, method):
        disc = optimize.NonlinearConstraint(in_the_disc, [0, 0], [1, np.inf])
        found = minimize(self.cost, Pair(0.5, 0.2), method=method, constraints=disc)
        assert type(found.x) is Pair
        np.testing.assert_allclose(found.x, [0.7864, 0.6177], atol=1e-2 if method == "COBYLA" else 1e-3)

    @pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYLA"])
    def test_dicts(self, method):
        disc = [
            {"type": "ineq", "fun": lambda p, r: r - p.x**2 - p.y**2, "args": (1.0,)},
            {"type": "ineq", "fun": lambda p: p.x},
        ]
        found = minimize(self.cost, Pair(0.5, 0.2), method=method, constraints=disc)
        np.testing.assert_allclose(found.x, [0.7864, 0.6177], atol=1e-2 if method == "COBYLA" else 1e-3)

    @pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
    def test_equality_and_linear(self, method):
        circle = {"type": "eq", "fun": lambda p: p.x**2 + p.y**2 - 1}
        line = optimize.LinearConstraint([[1.0, 0.0]], -np.inf, 0.6)
        found = minimize(self.cost, Pair(0.5, 0.2), method=method, constraints=[circle, line])
        np.testing.assert_allclose(found.x, [0.6, 0.8], atol=1e-4)

    def test_second_derivatives_are_handed_over(self):
        """They are asked for by trust-constr only, so that nothing is compiled for others."""
        calls = []

        def circle(p):
            calls.append(type(p.x))
            return p.x**2 + p.y**2

        limits = optimize.NonlinearConstraint(circle, 1, 1)
        slsqp = minimize(self.cost, Pair(0.5, 0.2), method="slsqp", constraints=limits, compiled=False)
        assert len(calls) <= 2 * slsqp.nfev + 2
        exact = minimize(self.cost, Pair(0.5, 0.2), method="trust-constr", constraints=limits)
        np.testing.assert_allclose(exact.x, slsqp.x, atol=1e-4)
        assert exact.constr_nhev[0] > 0
        assert type(exact.jac) is list

    @pytest.mark.parametrize(
        ("constraint", "told"),
        [
            (optimize.NonlinearConstraint(in_the_disc, 0, 1, jac=lambda p: p), "a jac of its own: leave it out"),
            (optimize.NonlinearConstraint(in_the_disc, 0, 1, hess=lambda p, v: p), "a hess of its own: leave it out"),
            ({"type": "eq", "fun": in_the_disc, "jac": in_the_disc}, r"constraints\[0\] has a jac of its own"),
            ({"type": "below", "fun": in_the_disc}, r"constraints\[0\] should be a LinearConstraint"),
            ({"type": "eq"}, r"constraints\[0\] should be a LinearConstraint"),
            ([in_the_disc], r"constraints\[0\] should be a LinearConstraint"),
            (
                optimize.LinearConstraint(np.eye(3)),
                r"constraints\[0\]: its matrix has 3 columns, but x0 holds 2 numbers",
            ),
        ],
    )
    def test_that_do_not_fit(self, constraint, told):
        with pytest.raises(OptionError, match=told):
            minimize(self.cost, Pair(0.5, 0.2), constraints=constraint)
