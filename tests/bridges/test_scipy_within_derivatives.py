"""`chainrule.minimize` within a derivative: what it finds moves with what the function depends on."""

import collections

import numpy as np
import pytest
from scipy import optimize

import chainrule
from chainrule import minimize

Pair = collections.namedtuple("Pair", ["x", "y"])


class TestWithinDerivatives:
    """Ridge regression: the parameters move with the penalty, by the implicit function theorem."""

    x = np.vander(np.linspace(0, 1, 12), 4)
    t = np.sin(3 * np.linspace(0, 1, 12))

    def cost(self, p, penalty):
        return np.sum((self.x @ p.x + p.y - self.t) ** 2) + penalty * np.sum(p.x**2)

    def wanted(self, penalty):
        """Sum of squares of the weights, with its slope."""
        A = np.column_stack([self.x, np.ones(12)])
        keep = np.diag([1.0, 1, 1, 1, 0])
        solve = np.linalg.inv(A.T @ A + penalty * keep)
        w = solve @ A.T @ self.t
        return np.sum(w[:4] ** 2), 2 * (keep @ w) @ (-solve @ keep @ w)

    @pytest.mark.parametrize("method", ["BFGS", "trust-exact", "Newton-CG", "L-BFGS-B"])
    def test_the_parameters_move(self, method):
        def size(penalty):
            found = minimize(self.cost, Pair(np.zeros(4), 0.5), (penalty,), method, tol=1e-10)
            assert type(found.x) is Pair
            return np.sum(found.x.x**2)

        value, slope = chainrule.value_and_grad(size)(0.3)
        assert value == pytest.approx(self.wanted(0.3)[0], rel=1e-4)
        assert slope == pytest.approx(self.wanted(0.3)[1], rel=1e-4)

    def test_bounds_kwargs_and_what_the_function_reads(self):
        def level(target):
            found = minimize(
                lambda p, *, scale: scale * ((p["a"] - target) ** 2 + (p["b"] - target) ** 2),
                {"a": 0.0, "b": 0.0},
                kwargs={"scale": 2.0},
                bounds={"a": (None, 0.5), "b": None},
            )
            return 10 * found.x["a"] + found.x["b"]

        assert chainrule.grad(level)(2.0) == pytest.approx(1, abs=1e-6)
        assert chainrule.grad(level)(0.2) == pytest.approx(11, abs=1e-5)

    @pytest.mark.parametrize("form", ["dict", "NonlinearConstraint"])
    def test_constraints(self, form):
        """On the circle of radius r the nearest point to (c, 0.8 c) is r (1, 0.8) / sqrt(1.64)."""

        def first(r):
            def circle(p, *more):
                return p.x**2 + p.y**2 - r**2

            limit = {"type": "eq", "fun": circle, "args": ()}
            if form != "dict":
                limit = optimize.NonlinearConstraint(circle, 0, 0)
            cost = lambda p: (p.x - 3) ** 2 + (p.y - 2.4) ** 2  # noqa: E731
            return minimize(cost, Pair(1.0, 0.9), constraints=limit, tol=1e-12).x.x

        assert first(2.0) == pytest.approx(2 / np.sqrt(1.64), rel=1e-6)
        assert chainrule.grad(first)(2.0) == pytest.approx(1 / np.sqrt(1.64), rel=1e-6)

    def test_what_does_not_move_is_solved_as_ever(self):
        """The start and the data are made while something is recorded, and depend on nothing."""

        def f(c):
            found = minimize(lambda w, t: np.sum((w - t) ** 2), np.zeros(3), (np.ones(3),))
            assert isinstance(found.x, np.ndarray)
            return c * np.sum(found.x)

        assert chainrule.grad(f)(2.0) == pytest.approx(3)

    def test_a_start_that_is_traced_moves_nothing(self):
        def f(c):
            return minimize(lambda w: np.sum((w - 1.0) ** 2), c * np.ones(2), tol=1e-10).x[0]

        assert chainrule.grad(f)(2.0) == pytest.approx(0, abs=1e-9)
