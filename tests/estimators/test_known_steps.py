"""Fits that differ in numbers only share their code: in a process, and from one process to the next."""

import os
import subprocess
import sys

import numpy as np
import pytest

from chainrule.estimators import MLPClassifier, MLPRegressor, known_steps
from chainrule.nn.activations import ACTIVATIONS
from chainrule.train import compiled

pytestmark = [
    pytest.mark.interpreted("it counts what is compiled"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(157, 3)), RNG.integers(0, 3, 157)


@pytest.fixture(autouse=True)
def nothing_known(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(known_steps, "_known", type(known_steps._known)())


@pytest.fixture
def recorded(monkeypatch):
    """How often steps were recorded."""
    found = []
    monkeypatch.setattr(
        known_steps, "compile_steps", lambda *args, **named: found.append(1) or compiled.compile_steps(*args, **named)
    )
    return found


def fit(rows=157, kind=MLPClassifier, **settings):
    named = {"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 3, "tol": 0, **settings}
    return kind(**named).fit(X[:rows], Y[:rows])


def test_one_recording_serves_every_number_of_rows_and_every_strength(recorded):
    for rows in (157, 142, 100, 20):
        for settings in ({}, {"alpha": 3.0}, {"learning_rate_init": 0.1}, {"batch_size": 7}, {"beta_1": 0.5}):
            fit(rows, **settings)
    assert len(recorded) == 1


@pytest.mark.parametrize("rows", [1, 2, 3, 20, 128, 157])
def test_code_for_any_number_of_rows_does_what_numpy_does(rows, monkeypatch):
    found = fit(rows, MLPRegressor, max_iter=5)
    monkeypatch.setattr("chainrule.estimators.task.known_steps", lambda *_, **__: "not here")
    expected = fit(rows, MLPRegressor, max_iter=5)
    for a, b in zip(found.coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "sgd"},
        {"activation": "tanh"},
        {"l1": 0.1},
        {"clip_norm": 1.0},
        {"batch_norm": True},
        {"dropout": 0.5},
    ],
    ids=str,
)
def test_other_code_has_another_name(recorded, settings):
    fit()
    fit(**settings)
    assert len(recorded) == 2


def test_steps_are_found_on_disk(recorded, monkeypatch):
    before = fit()
    monkeypatch.setattr(known_steps, "_known", type(known_steps._known)())
    after = fit()
    assert len(recorded) == 1
    for a, b in zip(before.coefs_, after.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_row_of_activations_has_no_name_that_another_process_knows(recorded, monkeypatch):
    fit(activation=ACTIVATIONS["gelu"])
    monkeypatch.setattr(known_steps, "_known", type(known_steps._known)())
    fit(activation=ACTIVATIONS["gelu"])
    assert len(recorded) == 2


PROGRAM = """
import sys
import numpy as np
from chainrule.estimators import MLPClassifier

MLPClassifier((5,), random_state=0, max_iter=2).fit(np.eye(30, 4), np.arange(30) % 3)
print("chainrule.native.lowering" in sys.modules)
"""


def test_the_next_process_loads_no_translator():
    for expected in ("True", "False"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM], env=os.environ, capture_output=True, text=True
        )
        assert done.stdout.split() == [expected], done.stderr
