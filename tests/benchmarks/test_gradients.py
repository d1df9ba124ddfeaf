"""What is measured as a gradient: chainrule's is the one by hand, and the one by hand is right."""

import numpy as np
import pytest
from benchmarks.gradients import contestants, libraries
from benchmarks.gradients.cases import CASES, QUICK
from benchmarks.gradients.gaussian_process import GAUSSIAN_PROCESS
from benchmarks.gradients.gmm import GMM
from benchmarks.gradients.k_means import K_MEANS
from benchmarks.gradients.kalman import KALMAN
from benchmarks.gradients.log_sum_exp import LOG_SUM_EXP
from benchmarks.gradients.logistic import LOGISTIC
from benchmarks.gradients.lstm import LSTM
from benchmarks.gradients.objective import Case
from benchmarks.gradients.rk4 import RK4
from benchmarks.gradients.rosenbrock import ROSENBROCK
from benchmarks.gradients.systems import SYSTEMS

TINY = (
    Case("GMM", GMM, (3, 2, 7)),
    Case("GMM of one coordinate", GMM, (1, 2, 5)),
    Case("LSTM", LSTM, (2, 4)),
    Case("LSTM, scan", LSTM, (2, 4), scan=True),
    Case("Rosenbrock", ROSENBROCK, (5,)),
    Case("logistic regression", LOGISTIC, (7, 3)),
    Case("log-sum-exp", LOG_SUM_EXP, (6,)),
    Case("RK4", RK4, (2,)),
    Case("RK4, scan", RK4, (3,), scan=True),
    Case("k-means", K_MEANS, (20, 3, 2)),
    Case("Kalman filter", KALMAN, (3, 2, 6)),
    Case("Kalman filter, scan", KALMAN, (3, 1, 6), scan=True),
    Case("Gaussian process", GAUSSIAN_PROCESS, (7,)),
    Case("systems", SYSTEMS, (5, 3)),
)


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
@pytest.mark.parametrize("make", [contestants.compiled, contestants.interpreted], ids=lambda make: make.__name__)
def test_chainrule_gives_the_derivative_by_hand(case, make):
    calls, seconds = make(case, 1)(2)
    assert calls == 2
    assert seconds > 0


@pytest.mark.parametrize("case", [c for c in TINY if c.objective is not K_MEANS], ids=lambda case: case.name)
def test_the_derivative_by_hand_is_that_of_the_function(case):
    parameters, constants = case.data()
    library, rng = libraries.numpy(scan=False), np.random.default_rng(1)

    def f(*parameters):
        return case.objective.value(library, *parameters, *constants)

    found, *gradients = case.objective.by_hand(*parameters, *constants)
    np.testing.assert_allclose(found, f(*parameters), rtol=1e-12)
    direction = [rng.normal(size=p.shape) for p in parameters]
    ahead, behind = (f(*(p + sign * 1e-6 * v for p, v in zip(parameters, direction, strict=True))) for sign in (1, -1))
    slope = sum(np.sum(g * v) for g, v in zip(gradients, direction, strict=True))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-6)


def test_newtons_step_of_k_means_leads_to_the_mean_of_the_members():
    (centres,), (x,) = Case("", K_MEANS, (20, 3, 2)).data()
    (step,) = K_MEANS.by_hand(centres, x)
    nearest = np.argmin(np.sum((x[:, None] - centres) ** 2, axis=2), axis=1)
    means = [x[nearest == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(centres - step, means, rtol=1e-12)


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_autograd_agrees(case):
    pytest.importorskip("autograd")
    assert contestants.autograd(case, 1)(1)[0] == 1


def test_a_wrong_derivative_is_noticed():
    case = Case("", ROSENBROCK, (5,))
    found, gradient = ROSENBROCK.by_hand(*case.data()[0])
    with pytest.raises(AssertionError, match="20% of the numbers differ"):
        contestants.checked(case, lambda: (found, gradient * [1, 1, 1, 1, 1.0001]))


def test_a_derivative_without_numbers_is_noticed():
    case = Case("", LOG_SUM_EXP, (5,))
    with pytest.raises(AssertionError, match="100% of the numbers differ"):
        contestants.checked(case, lambda: (np.nan, np.zeros(5)))


def test_every_quick_case_is_one_of_the_cases():
    assert len(QUICK) == 11
    assert len({case.name for case in CASES}) == len(CASES)
