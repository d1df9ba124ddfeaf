"""scikit-learn's own checks of estimators, with no expected failures."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule.estimators import MLPClassifier, MLPRegressor

MARK = parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)]).mark
NAMES, CHECKS = MARK.args


# The checks fit for a few epochs.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# A list, since scikit-learn 1.6 gives a generator, which pytest warns of.
@pytest.mark.parametrize(NAMES, list(CHECKS), **MARK.kwargs)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_there_are_checks():
    assert test_scikit_learns_checks.pytestmark[0].args[1]
