"""The lesson `single-unit` against sums of sigmoids and the rule, written out."""

import itertools

import numpy as np
import pytest
from tests.lessons.running import SEEDS, programs, taught

from chainrule.lessons import surfaces as made


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_holds(seed):
    claims = list(taught("single-unit", seed).claims())
    assert len(claims) >= 12
    assert [claim.text for claim in claims if not claim.holds] == []


def test_surfaces_are_sums_of_sigmoids():
    direction = np.array([0.6, 0.8])
    points = np.random.default_rng(0).uniform(-2, 2, (50, 2))
    u, v = points @ direction, points @ np.array([-0.8, 0.6])
    across, along = (sigmoid(8 * (s + 0.6)) + sigmoid(8 * (0.6 - s)) - 1 for s in (u, v))
    expected = {
        made.cliff: sigmoid(4 * u),
        made.ridge: across,
        made.crossing: across + along,
        made.tower: sigmoid(12 * (across + along - 1.5)),
    }
    for make, values in expected.items():
        network, parameters = make(direction, 4.0) if make is made.cliff else make(direction)
        np.testing.assert_allclose(made.outputs(network, parameters, points), values, rtol=1e-9, atol=1e-14)


def test_cliff_is_a_quarter_as_steep_as_its_weights_are_long():
    for length, found in taught("single-unit", 3).numbers["cliffs"].items():
        assert found["slope"] == pytest.approx(length / 4, rel=1e-12)
        assert found["width"] == pytest.approx(2 * np.log(9) / length, rel=1e-4)
        assert found["along"] < 1e-12


@pytest.mark.parametrize("seed", SEEDS)
def test_update_is_the_rule_of_the_textbook(seed):
    one = taught("single-unit", seed).numbers["update"]
    x = np.array([1.0, *one["x"]])
    total = one["before"] @ x
    a = sigmoid(total)
    expected = 0.3 * (1 - a) * a * (1 - a) * x
    np.testing.assert_allclose(one["added"], expected, rtol=1e-12)
    np.testing.assert_allclose(one["after"] - one["before"], expected, rtol=1e-9)
    assert one["residual"] < 1e-12


def test_error_slope_and_product_by_signal():
    found = taught("single-unit", 0).numbers["by signal"]
    a = sigmoid(found["signal"])
    np.testing.assert_allclose(found["product"], a * a * (1 - a), rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_line_gets_more_than_three_corners(seed):
    assert max(taught("single-unit", seed).numbers["shares"]["exclusive or of two bits"]) <= 0.75
    np.testing.assert_allclose(taught("single-unit", seed).numbers["unsolved"], 0.5, atol=1e-3)


def test_majority_learned_by_the_rule_in_a_loop():
    rng = np.random.default_rng(0)
    X = rng.choice([-1.0, 1.0], (320, 11))
    t = (X.sum(axis=1) > 0).astype(float)
    w, b = np.zeros(11), 0.0
    for _ in range(100):
        for x, target in zip(X, t, strict=True):
            a = sigmoid(x @ w + b)
            change = 0.3 * (target - a) * a * (1 - a)
            w, b = w + change * x, b + change
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=11)))
    assert np.mean((every @ w + b > 0) == (every.sum(axis=1) > 0)) > 0.98


def test_two_of_the_sixteen_functions_of_two_bits_resist_a_line():
    corners = np.array(list(itertools.product([0, 1], repeat=2)))
    # With weights -1, 0, 1 and these thresholds every line that parts corners has a stand-in.
    lines = itertools.product((-1, 0, 1), (-1, 0, 1), (-1.5, -0.5, 0.5, 1.5))
    parted = {tuple(corners @ (w1, w2) > threshold) for w1, w2, threshold in lines}
    every = set(itertools.product([False, True], repeat=4))
    assert every - parted == {(False, True, True, False), (True, False, False, True)}


def test_exercises_show_what_they_ask_for(capsys):
    towers, rule = programs("single-unit")
    exec(towers, {})
    heights = np.array(capsys.readouterr().out.replace("[", " ").replace("]", " ").split(), float)
    np.testing.assert_allclose(heights, [1, -0.5, 0], atol=0.01)
    exec(rule, {})
    assert "modified errors" in capsys.readouterr().out
