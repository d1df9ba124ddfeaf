"""The lesson `descent`: errors, derivatives and paths by the formulas of the lecture."""

import numpy as np
import pytest
from tests.lessons.running import taught

every_seed = pytest.mark.parametrize("seed", range(6))


@every_seed
def test_claims_hold(seed):
    lesson = taught("descent", seed)
    assert [claim.text for claim in lesson.claims() if not claim.holds] == []


@every_seed
def test_the_staircase(seed):
    numbers = taught("descent", seed).numbers
    x, y = numbers["x"], numbers["y"]
    wrong = np.array([np.count_nonzero(np.where(4 * x + w0 > 0, 1, -1) != y) for w0 in numbers["w0"]])
    np.testing.assert_allclose(numbers["sign"], 4 * wrong / len(x))
    assert numbers["levels"] == len(set(wrong)) <= len(x) + 1
    assert not np.any(numbers["sign_slope"])


@every_seed
def test_the_smooth_curve_and_its_slope(seed):
    numbers = taught("descent", seed).numbers
    x, y, w0 = numbers["x"], numbers["y"], numbers["w0"][:, np.newaxis]
    h = np.tanh(4 * x + w0)
    np.testing.assert_allclose(numbers["tanh"], np.mean((h - y) ** 2, axis=1))
    np.testing.assert_allclose(numbers["tanh_slope"], np.mean(2 * (h - y) * (1 - h**2), axis=1), rtol=1e-9, atol=1e-18)
    assert np.all(numbers["tanh_slope"] != 0)
    assert numbers["gap"] < 0.02


@every_seed
def test_two_valleys_and_where_descents_end(seed):
    numbers = taught("descent", seed).numbers
    # A minimum lies where the slope goes from below 0 to above.
    slope, w0 = numbers["tanh_slope"], numbers["w0"]
    crossings = w0[1:][(slope[:-1] < 0) & (slope[1:] > 0)]
    np.testing.assert_allclose(numbers["minima"], crossings, atol=0.051)
    assert len(crossings) == 2
    # None climbed over the top between the valleys.
    x, y = numbers["x"], numbers["y"]
    top = w0[np.argmax(np.where(np.abs(w0) < 3, numbers["tanh"], -1))]
    for start, end, error in zip(numbers["starts"], numbers["ends"], numbers["end_errors"], strict=True):
        assert (start < top) == (end < top)
        assert error == pytest.approx(np.mean((np.tanh(4 * x + end) - y) ** 2))
        assert error <= np.mean((np.tanh(4 * x + start) - y) ** 2)


@every_seed
def test_paths_on_the_surface_by_hand(seed):
    numbers = taught("descent", seed).numbers
    x, y = numbers["x"], numbers["y"]
    for (w0, w1), (way, found) in numbers["walks"].items():
        for step in range(100):
            h = np.tanh(w0 + w1 * x)
            assert found[step] == pytest.approx(np.mean((h - y) ** 2))
            (layer,) = way[step]
            assert (layer["bias"][0], layer["weights"][0, 0]) == (pytest.approx(w0), pytest.approx(w1))
            common = 2 * (h - y) * (1 - h**2)
            w0, w1 = w0 - 0.2 * np.mean(common), w1 - 0.2 * np.mean(common * x)
    assert numbers["surface_ends"][-3.0, 0.0] == min(numbers["surface_ends"].values())


def test_rates():
    numbers = taught("descent").numbers
    quiet = numbers["rates"][0.2][1]
    near = quiet[-1] + 0.01 * (quiet[0] - quiet[-1])
    for rate, steps in numbers["taken"].items():
        found = numbers["rates"][rate][1]
        if steps is None:
            assert np.all(found > near)
        else:
            assert found[steps] <= near
            assert np.all(found[:steps] > near)
    assert numbers["rises"][0.2] == 0 < numbers["rises"][2.0]


def test_what_is_quoted_is_what_training_says():
    assert "activation sign, which decides and cannot learn" in taught("descent").numbers["refusal"]
