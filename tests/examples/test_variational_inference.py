import numpy as np
from examples.variational_inference import best_gaussian, examples_to_learn, fit, log_joint, main, negative_elbo, unpack
from numpy.testing import assert_allclose

from chainrule import grad, hessian

X, T = examples_to_learn(80, 3)


def test_factor_has_the_entries_below_its_diagonal():
    m, L = unpack(np.array([1.0, 2.0, 3.0, 0.0, np.log(2.0), np.log(3.0), 4.0, 5.0, 6.0]), 3)
    assert_allclose(m, [1, 2, 3])
    assert_allclose(L, [[1, 0, 0], [4, 2, 0], [5, 6, 3]])


def test_best_gaussian_solves_its_equations_by_many_draws():
    m, S = best_gaussian(X, T)
    w = np.random.default_rng(0).multivariate_normal(m, S, size=20_000)

    def total(w):
        return log_joint(w[None, :], X, T)[0]

    slopes = grad(lambda w: np.sum(log_joint(w, X, T)))(w)
    assert_allclose(np.mean(slopes, axis=0), 0, atol=4 * np.std(slopes) / np.sqrt(len(w)))
    curvature = np.mean([hessian(total)(row) for row in w[:400]], axis=0)
    assert_allclose(-np.linalg.inv(curvature), S, rtol=0.05, atol=0.05 * np.max(S))


def test_fit_comes_close_to_the_best_gaussian():
    m, L = unpack(fit(X, T, steps=1500), 3)
    mean, covariance = best_gaussian(X, T)
    sd = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(m - mean) < 0.1 * sd)
    assert_allclose(np.linalg.norm(L, axis=1), sd, rtol=0.1)


def test_bound_is_largest_at_the_best_gaussian():
    m, S = best_gaussian(X, T)
    L = np.linalg.cholesky(S)
    best = np.concatenate([m, np.log(np.diag(L)), L[np.tril_indices(3, -1)]])
    half = np.random.default_rng(0).normal(size=(20_000, 3))
    noise = np.concatenate([half, -half])  # antithetic: the means of odd functions are exact
    slope = grad(negative_elbo)(best, noise, X, T)
    assert_allclose(slope, 0, atol=0.05)
    assert np.max(np.abs(grad(negative_elbo)(best + 0.3, noise[::50], X, T))) > 0.5


def test_main_in_small(capsys):
    main(examples=40, features=2, steps=300)
    told = capsys.readouterr().out
    assert "gradient check: passed" in told
    assert "SciPy's finite differences" in told
