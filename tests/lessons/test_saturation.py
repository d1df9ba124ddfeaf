"""The lesson `saturation` against the formulas of the sigmoid, written out."""

import math

import numpy as np
import pytest
from tests.lessons.running import SEEDS, programs, taught


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_holds(seed):
    claims = list(taught("saturation", seed).claims())
    assert len(claims) >= 10
    assert [claim.text for claim in claims if not claim.holds] == []


def test_the_seed_moves_the_start():
    starts = {(taught("saturation", seed).numbers["w"], taught("saturation", seed).numbers["b"]) for seed in range(5)}
    assert len(starts) == 5
    assert all(abs(w - 5) <= 0.25 and abs(b) <= 0.1 for w, b in starts)


@pytest.mark.parametrize("seed", SEEDS)
def test_factors_of_the_sensitivity(seed):
    numbers = taught("saturation", seed).numbers
    x, t = np.array([[-1.0], [1.0]]), np.array([[1.0], [0.0]])
    a = sigmoid(numbers["w"] * x + numbers["b"])
    squared, entropy = (numbers["passes"][name].layers[0] for name in ("squared error", "cross-entropy"))
    for layer in (squared, entropy):
        np.testing.assert_allclose(layer.activations, a, rtol=1e-12)
        np.testing.assert_allclose(layer.slope, a * (1 - a), rtol=1e-12)
    np.testing.assert_allclose(squared.back, 2 * (a - t), rtol=1e-12)
    np.testing.assert_allclose(squared.sensitivities, 2 * (a - t) * a * (1 - a), rtol=1e-12)
    np.testing.assert_allclose(entropy.sensitivities, a - t, rtol=1e-12)
    for layer in (squared, entropy):
        np.testing.assert_allclose(layer.gradients["weights"].item(), np.mean(x * layer.sensitivities), rtol=1e-12)
        np.testing.assert_allclose(layer.gradients["bias"].item(), np.mean(layer.sensitivities), rtol=1e-9)


def test_cost_and_derivative_by_the_weight():
    by_weight = taught("saturation", 0).numbers["by weight"]
    w = by_weight["squared error"]["w"]
    assert (w[0], w[-1]) == (-4, 8)
    wrong = sigmoid(w)  # the error of both examples, by symmetry
    np.testing.assert_allclose(by_weight["squared error"]["cost"], wrong**2, rtol=1e-12)
    np.testing.assert_allclose(by_weight["squared error"]["derivative"], 2 * wrong**2 * (1 - wrong), rtol=1e-11)
    np.testing.assert_allclose(by_weight["cross-entropy"]["cost"], np.log1p(np.exp(w)), rtol=1e-12)
    np.testing.assert_allclose(by_weight["cross-entropy"]["derivative"], wrong, rtol=1e-12)
    # Of 2 a² (1 − a) the largest value is 8/27, at a = 2/3, which is w = log 2.
    assert by_weight["squared error"]["derivative"].max() == pytest.approx(8 / 27, rel=1e-4)


@pytest.mark.parametrize("start", [1, 3, 5, 7])
@pytest.mark.parametrize("name", ["squared error", "cross-entropy"])
def test_steps_of_descent_written_out(name, start):
    w, count = float(start), 0
    while sigmoid(w) >= 0.2:
        a = sigmoid(w)
        w -= 0.5 * (2 * a * a * (1 - a) if name == "squared error" else a)
        count += 1
    assert taught("saturation", 0).numbers["steps"][name, start] == count


def test_time_of_the_plateau_follows_its_integral():
    # Descent in continuous time: dt = dw / (rate · 2 a² (1 − a)); with ∫ dw / (a² (1 − a)) = ∫ da / (a³ (1 − a)²).
    def primitive(w):
        a = sigmoid(w)
        return 3 * math.log(a / (1 - a)) - 1 / (2 * a * a) - 2 / a + 1 / (1 - a)

    low = math.log(0.2 / 0.8)
    for start in (3, 5, 7):
        time = (primitive(start) - primitive(low)) / (2 * 0.5)
        assert taught("saturation", 0).numbers["steps"]["squared error", start] == pytest.approx(time, rel=0.02, abs=2)


def test_diagnosis_is_quoted_for_the_squared_error_alone():
    findings = taught("saturation", 0).numbers["findings"]
    assert "wrong and in the flat part" in findings["squared error"][0]
    assert findings["cross-entropy"] == []


def test_exercises_show_what_they_ask_for(capsys):
    flat, tanh = programs("saturation")
    exec(flat, {})
    for line in capsys.readouterr().out.splitlines():
        w, squared, entropy = map(float, line.split())
        a = sigmoid(w)
        assert squared == pytest.approx(2 * a * a * (1 - a), rel=1e-9)
        assert entropy == pytest.approx(a, rel=1e-12)
    exec(tanh, {})
    found = [float(number) for number in capsys.readouterr().out.strip("[]\n").split(",")]
    w = np.array([0.0, 1.0, 2.5, 5.0])
    np.testing.assert_allclose(found, 2 * (np.tanh(w) + 1) / np.cosh(w) ** 2, rtol=1e-9)
