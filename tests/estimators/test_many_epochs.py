"""Epochs that run as machine code one after the other end, and change their rate, where single ones do."""

import numpy as np
import pytest

from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.train import running

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(60, 3)), RNG.integers(0, 3, 60)
CASES = [
    {"learning_rate_init": 0.05, "tol": 1e-2},
    {"learning_rate_init": 0.05, "tol": 1e-2, "n_iter_no_change": 1},
    {"learning_rate_init": 0.02, "tol": 5e-3, "batch_size": 7},
    {"learning_rate_init": 0.02, "tol": 5e-3, "batch_size": 7, "shuffle": False},
    {"learning_rate_init": 0.5, "tol": 1e-3, "solver": "sgd", "learning_rate": "adaptive", "max_iter": 600},
    {"learning_rate_init": 0.5, "tol": 1e-3, "solver": "sgd", "learning_rate": "adaptive", "batch_size": 13},
    {"learning_rate_init": 0.5, "tol": 1e-2, "solver": "sgd", "learning_rate": "invscaling"},
    {"n_iter_no_change": np.inf, "max_iter": 40},
]


@pytest.fixture
def taken(monkeypatch):
    """Epochs that each call took."""
    found = []
    several = running.several_epochs

    def noted(task, state, *others):
        after = several(task, state, *others)
        if after is not None:
            found.append(after.epoch - state.epoch)
        return after

    monkeypatch.setattr(running, "several_epochs", noted)
    return found


def pair(kind, **settings):
    """A fit whose epochs run together, after one that has made the code, and one whose epochs run one by one."""
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 300} | settings
    for one in ({"max_iter": 2, "random_state": 0}, {}):
        together = kind(**settings | one).fit(X, Y)
    return together, kind(**settings, callbacks=[lambda _: False]).fit(X, Y)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("settings", CASES, ids=str)
def test_the_same_bits(kind, settings, taken):
    together, single = pair(kind, **settings)
    assert together.loss_curve_ == single.loss_curve_
    for name in ("n_iter_", "t_", "best_loss_", "loss_", "converged_", "_no_improvement_count"):
        assert getattr(together, name) == getattr(single, name)
    for name in ("coefs_", "intercepts_"):
        assert all(np.array_equal(a, b) for a, b in zip(getattr(together, name), getattr(single, name), strict=True))
    if settings.get("learning_rate") != "invscaling" and together.n_iter_ > 20:
        assert max(taken) > 2


@pytest.mark.interpreted("it counts calls")
def test_a_fit_that_ends_early_takes_few_calls(taken):
    pair(MLPClassifier, learning_rate_init=0.05, tol=1e-2)
    taken.clear()
    model = MLPClassifier((8,), learning_rate_init=0.05, tol=1e-2, random_state=0).fit(X, Y)
    assert model.converged_
    assert model.n_iter_ > 12
    assert max(taken) > 11


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_generator_is_left_as_by_epochs_one_by_one(kind):
    settings = {"learning_rate_init": 0.05, "tol": 1e-2, "batch_size": 7}
    kind(hidden_layer_sizes=(8,), **settings, random_state=0).fit(X, Y)
    left = []
    for callbacks in (None, [lambda _: False]):
        rng = np.random.RandomState(5)
        for _ in range(2):
            kind(hidden_layer_sizes=(8,), **settings, random_state=rng, callbacks=callbacks).fit(X, Y)
        left.append(rng.random_sample())
    assert left[0] == left[1]
