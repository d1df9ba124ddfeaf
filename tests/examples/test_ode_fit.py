import numpy as np
from examples.ode_fit import TRUE, N, epidemic, fit, main, new_cases, residuals
from numpy.testing import assert_allclose

from chainrule import check_gradient, jacobian

DAYS, REPORTED = epidemic(60, seed=1)


def test_everyone_is_counted_once():
    # All who fall ill were susceptible: the epidemic ends with what its final size says.
    p = np.log([0.6, 0.6, 30.0, 0.5, 0.2, 1000.0])
    total = np.sum(new_cases(p, np.arange(400.0)))
    share = total / N
    start = 1 - 1000 / N
    assert_allclose(np.log((1 - share) / start), -0.6 / 0.2 * share, rtol=1e-3)


def test_jacobian():
    def total(log_p):
        return np.sum(residuals(log_p, DAYS, REPORTED) ** 2)

    assert check_gradient(total, (np.log(TRUE),)).ok


def test_fit_finds_the_truth_again():
    found = fit(DAYS, REPORTED, jacobian(residuals))
    assert found.success
    assert np.max(np.abs(found.grad)) < 1e-3
    sd = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    assert np.all(np.abs(found.x - np.log(TRUE)) < 4 * sd)
    assert 20 < 2 * found.cost < 120


def test_main_in_small(capsys):
    main(last_day=45, repeats=1)
    told = capsys.readouterr().out
    assert "each case infected" in told
    assert "SciPy's finite differences" in told
