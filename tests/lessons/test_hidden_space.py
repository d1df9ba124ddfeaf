"""The lesson `hidden-space`: networks evaluated by hand, lines tried one by one."""

import numpy as np
import pytest
from tests.lessons.running import SEEDS, programs, taught

from chainrule.lessons.hidden_space import best_line


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


def shares_wrong(parameters, X, T):
    """A network with one hidden layer of tanh, or none, written out."""
    h = X
    for layer in parameters[:-1]:
        h = np.tanh(h @ layer["weights"] + layer["bias"])
    a = sigmoid(h @ parameters[-1]["weights"] + parameters[-1]["bias"])
    return np.mean((a > 0.5) != (T == 1)), -np.mean(T * np.log(a) + (1 - T) * np.log(1 - a))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_holds(seed):
    claims = list(taught("hidden-space", seed).claims())
    assert len(claims) >= 10
    assert [claim.text for claim in claims if not claim.holds] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_starts_are_as_the_network_written_out_says(seed):
    numbers = taught("hidden-space", seed).numbers
    X, T = numbers["X"], numbers["T"]
    assert np.array_equal(T[:, 0] == 1, np.abs(X[:, 0] + X[:, 1]) < 0.5)
    for start in (numbers["logistic"][0], numbers["best"], *numbers["starts"][16][:3], *numbers["longer"]):
        wrong, cost = shares_wrong(start.parameters, X, T)
        assert start.wrong == wrong
        # The history has the cost before the last step.
        assert start.cost == pytest.approx(cost, rel=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_logistic_regression_is_at_its_minimum(seed):
    numbers = taught("hidden-space", seed).numbers
    X, T = numbers["X"], numbers["T"]
    (layer,) = numbers["logistic"][0].parameters
    error = sigmoid(X @ layer["weights"] + layer["bias"]) - T
    np.testing.assert_allclose(X.T @ error / len(X), 0, atol=1e-6)
    np.testing.assert_allclose(error.mean(), 0, atol=1e-6)


def test_best_line_against_all_lines_of_a_fine_grid():
    rng = np.random.default_rng(7)
    X = rng.uniform(-1, 1, (30, 2))
    t = (np.abs(X.sum(axis=1)) < 0.5).astype(float)
    least = 1.0
    for angle in np.radians(np.arange(180)):
        along = X @ np.array([np.cos(angle), np.sin(angle)])
        for offset in (-9, *(along + 1e-9)):
            wrong = np.mean((along > offset) != (t == 1))
            least = min(least, wrong, 1 - wrong)
    assert best_line(X, t) == pytest.approx(least)


def test_two_units_set_by_hand_solve_it():
    numbers = taught("hidden-space", 0).numbers
    edge = {"weights": np.array([[20.0, 20.0], [20.0, 20.0]]), "bias": np.array([10.0, -10.0])}
    last = {"weights": np.array([[4.0], [-4.0]]), "bias": np.array([-4.0])}
    assert shares_wrong((edge, last), numbers["X"], numbers["T"])[0] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_hidden_space_is_parted_by_a_line(seed):
    numbers = taught("hidden-space", seed).numbers
    h, inside = numbers["activations"], numbers["T"][:, 0] == 1
    best = numbers["best"].parameters
    np.testing.assert_allclose(h, np.tanh(numbers["X"] @ best[0]["weights"] + best[0]["bias"]), rtol=1e-12)
    signal = h @ best[1]["weights"][:, 0] + best[1]["bias"][0]
    assert signal[inside].min() > 0 > signal[~inside].max()
    corners = {k: set(map(tuple, np.sign(h[inside == k]))) for k in (False, True)}
    assert len(corners[True]) == 1
    assert len(corners[False]) == 2
    assert not corners[True] & corners[False]


def test_exercise_counts_starts_that_solve_it(capsys):
    (program,) = programs("hidden-space")
    exec(program, {})
    assert 1 <= int(capsys.readouterr().out.split()[0]) <= 10
