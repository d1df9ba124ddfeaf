"""`ScipyFunction` with sparse Jacobians and Hessians."""

import numpy as np
import pytest
from scipy import optimize, sparse
from scipy.integrate import solve_ivp

from chainrule.bridges import ScipyFunction


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "interpreted"])
class TestSparse:
    """Broyden's tridiagonal system (Math. Comp. 19, 1965), as a tree."""

    def system(self, p, scale):
        x = p["x"]
        below, above = np.concatenate([[0.0], x[:-1]]), np.concatenate([x[1:], [0.0]])
        return {"main": (3 - 2 * x) * x - below - 2 * above + 1, "scaled": scale * p["y"] ** 2 - 1}

    def test_jacobian_and_hessian(self, compiled):
        x0 = {"x": np.linspace(-1, 0, 8), "y": np.array([0.5], np.float32)}
        thin = ScipyFunction(self.system, x0, (4.0,), sparse=True, compiled=compiled)
        full = ScipyFunction(self.system, x0, (4.0,), compiled=compiled)
        jacobian = thin.jac(thin.x0)
        assert isinstance(jacobian, sparse.csr_array)
        assert jacobian.dtype == np.float64
        assert jacobian.nnz == 3 * 8 - 2 + 1
        np.testing.assert_allclose(jacobian.toarray(), full.jac(full.x0), rtol=1e-12)
        v = np.arange(9.0)
        hessian = thin.hess(thin.x0, v)
        assert hessian.nnz <= 9
        np.testing.assert_allclose(hessian.toarray(), full.hess(full.x0, v), rtol=1e-6)
        jacobian.data[:] = 0
        assert np.any(thin.jac(thin.x0).data != 0)

    def test_least_squares(self, compiled):
        x0 = {"x": np.full(50, -1.0), "y": np.array([0.6])}
        found = ScipyFunction(self.system, x0, (4.0,), sparse=True, compiled=compiled)
        told = optimize.least_squares(found.fun, found.x0, jac=found.jac)
        assert told.cost < 1e-16
        assert found.tree(told.x)["y"] == pytest.approx(0.5)

    def test_trust_constr(self, compiled):
        def chain(x):
            return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

        start = np.full(10, 0.8)
        cost = ScipyFunction(chain, start, sparse=True, compiled=compiled)
        assert cost.hess(start).nnz == 28
        side = ScipyFunction(lambda x: x[1:] * x[:-1], start, sparse=True, compiled=compiled)
        limits = optimize.NonlinearConstraint(side.fun, -np.inf, 0.9, jac=side.jac, hess=side.hess)
        told = optimize.minimize(
            cost.fun, start, jac=cost.jac, hess=cost.hess, method="trust-constr", constraints=limits
        )
        assert told.constr_violation < 1e-8
        assert told.fun < chain(start)
        assert sparse.issparse(told.jac[0])

    def test_solve_ivp(self, compiled):
        def heat(t, u, rate):
            padded = np.concatenate([[0.0], u, [0.0]])
            return rate * (padded[2:] - 2 * u + padded[:-2]) * 31**2

        u = np.sin(np.pi * np.arange(1, 31) / 31)
        found = ScipyFunction(heat, u, (0.1,), wrt=1, sparse=True, compiled=compiled)
        path = solve_ivp(found.fun, (0, 1), found.x0, jac=found.jac, method="BDF", rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(path.y[:, -1], np.exp(-0.1 * np.pi**2) * u, rtol=2e-3)
        assert path.njev < 10
