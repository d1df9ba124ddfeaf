"""The lesson `numerical` against a gradient written out, and against what the analysis of rounding says."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.lessons import running, textbook
from tests.lessons.running import SEEDS


def ran(seed):
    return running.taught("numerical", seed)


def at(seed):
    """Parameters and data in float64, and the gradient there."""
    point = ran(seed).numbers["point"]
    parameters = tuple({name: array.astype(float) for name, array in layer.items()} for layer in point.parameters)
    X, T = point.X.astype(float), point.T.astype(float)
    return parameters, X, T, textbook.vector(textbook.gradient(parameters, X, T))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_but_those_on_times_holds(seed):
    claims = list(ran(seed).claims())
    assert len(claims) >= 11
    assert [claim.text for claim in claims if not claim.holds and "as long as" not in claim.text] == []
    assert all(claim.measured for claim in claims if "as long as" in claim.text)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_gradients_are_the_true_one(seed):
    *_, gradient = at(seed)
    numbers = ran(seed).numbers
    np.testing.assert_allclose(numbers["gradient"], gradient, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(numbers["differences"], gradient, rtol=0, atol=1e-8 * np.linalg.norm(gradient))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_right_arm_is_the_third_derivative(seed):
    parameters, X, T, gradient = at(seed)
    start = textbook.vector(parameters)
    third, h = np.zeros(len(start)), 1e-3
    for i, unit in enumerate(np.eye(len(start))):
        ahead, behind = (
            textbook.vector(textbook.gradient(textbook.parameters_of(start + step * unit, parameters), X, T))[i]
            for step in (h, -h)
        )
        third[i] = (ahead - 2 * gradient[i] + behind) / h**2
    foretold = np.linalg.norm(third) / 6 / np.linalg.norm(gradient)
    double, single = ran(seed).numbers["arms"]
    np.testing.assert_allclose(double.truncation / double.steps**2, foretold, rtol=1e-4)
    np.testing.assert_allclose(double.errors[5:11], foretold * double.steps[5:11] ** 2, rtol=0.02)
    np.testing.assert_allclose(single.errors[2:4], foretold * single.steps[2:4] ** 2, rtol=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_error_computed_by_hand(seed):
    parameters, X, T, gradient = at(seed)
    start, h = textbook.vector(parameters), 2.0**-10
    found = [
        (
            textbook.cost(textbook.parameters_of(start + h * unit, parameters), X, T)
            - textbook.cost(textbook.parameters_of(start - h * unit, parameters), X, T)
        )
        / (2 * h)
        for unit in np.eye(len(start))
    ]
    double, _ = ran(seed).numbers["arms"]
    assert double.steps[10] == h
    error = np.linalg.norm(found - gradient) / np.linalg.norm(gradient)
    assert double.errors[10] == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bottom_of_the_v(seed):
    for arm, eps, error in zip(ran(seed).numbers["arms"], (2**-52, 2**-23), (1e-8, 1e-2), strict=True):
        assert arm.eps == eps
        assert 0.1 < arm.steps[arm.best] / eps ** (1 / 3) < 10
        assert eps ** (2 / 3) / 10 < arm.errors[arm.best] < error
        # To the left of it the error is what eps / h says, to an order.
        left = slice(arm.best + 4, -1)
        assert np.all(arm.errors[left] < 3 * arm.rounding[left])
        assert np.all(arm.errors[left] > arm.rounding[left] / 10)
    double, single = ran(seed).numbers["arms"]
    assert double.backpropagation < 1e-14
    assert single.backpropagation < 1e-5 < 1e4 * single.backpropagation


def test_slopes_of_straight_lines():
    double, _ = ran(0).numbers["arms"]
    made = replace(double, errors=double.steps**2 + 1e-16 / double.steps)
    assert made.slopes == pytest.approx((2, -1), abs=0.02)


def test_passes_and_products():
    times = ran(0).numbers["times"]
    for one, units in zip(times, (4, 32, 128), strict=True):
        assert one.weights == 10 * units + units + units + 1
        assert one.passes == 2 * one.weights
        # Three products for each, but two for the first layer.
        assert one.ratio == pytest.approx((2 * 10 * units + 3 * units) / (11 * units))
        assert one.apart < 1e-6
        assert min(one.forward, one.both, one.differences) > 0
    assert ran(0).numbers["large"] == 784 * 100 + 100 + 100 * 10 + 10
    assert math.isfinite(ran(0).numbers["apart"])
