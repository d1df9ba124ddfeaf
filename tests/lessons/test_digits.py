"""The lesson `digits`: features, distances and errors computed again from its numbers, and other files."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from tests.lessons.running import taught

from chainrule.data import minibatches
from chainrule.errors import DataError
from chainrule.lessons import Options, run
from chainrule.lessons.digits import features_of, separations

SEEDS = (0, 1, 2)
every_seed = pytest.mark.parametrize("seed", SEEDS)


@every_seed
def test_claims_hold(seed):
    lesson = taught("digits", seed)
    assert [claim.text for claim in lesson.claims() if not claim.holds] == []


def forward(parameters, X):
    first, last = parameters
    return np.tanh(np.tanh(X @ first["weights"] + first["bias"]) @ last["weights"] + last["bias"])


def test_features_one_by_one():
    image = np.random.default_rng(0).uniform(-1, 1, (5, 5))
    n = len(image)
    across = np.mean([abs(image[i, j] - image[i, n - 1 - j]) for i in range(n) for j in range(n)])
    down = np.mean([abs(image[i, j] - image[n - 1 - i, j]) for i in range(n) for j in range(n)])
    ((intensity, symmetry),) = features_of(image[np.newaxis])
    np.testing.assert_allclose([intensity, symmetry], [image.mean(), -(across + down) / 2])
    twice_symmetric = (image + image[::-1]) + (image + image[::-1])[:, ::-1]
    assert abs(features_of(twice_symmetric[np.newaxis])[0, 1]) < 1e-15


def test_distances_in_standard_deviations():
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], 5000)
    features = rng.normal(size=(10000, 2)) * [2.0, 0.5] + np.where(labels == "a", 3.0, 0.0)[:, np.newaxis] * [2.0, 0.0]
    found = separations(features, labels)
    assert found["a"] == pytest.approx(3.0, abs=0.1)
    assert found["a"] == pytest.approx(found["b"])


def test_the_digit_that_stands_out():
    X, y = load_digits(return_X_y=True)
    features = features_of(X.reshape(-1, 8, 8) / 8 - 1)
    found = separations(features, y)
    numbers = taught("digits").numbers
    assert numbers["digit"] == max(found, key=found.get) == "0"
    np.testing.assert_allclose(list(numbers["distances"].values()), list(found.values()))


@every_seed
def test_examples_are_half_of_the_digit_and_none_is_held_out_and_learned(seed):
    numbers = taught("digits", seed).numbers
    for X, T in (numbers["train"], numbers["test"]):
        assert len(X) == len(T)
        assert abs(np.mean(T)) < 0.03
    X = numbers["train"][0]
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1)


@every_seed
def test_gradient_descent_by_hand(seed):
    """The formulas of the lecture, for some steps from the same start."""
    numbers = taught("digits", seed).numbers
    X, T = numbers["train"]
    parameters = numbers["network"].initialize(seed)
    errors = []
    for _ in range(20):
        (first, last) = parameters
        a = np.tanh(X @ first["weights"] + first["bias"])
        y = np.tanh(a @ last["weights"] + last["bias"])
        errors.append(np.mean((y - T) ** 2))
        delta2 = 2 * (y - T) * (1 - y**2) / len(X)
        delta1 = delta2 @ last["weights"].T * (1 - a**2)
        rate = numbers["rate"]
        parameters = (
            {"weights": first["weights"] - rate * X.T @ delta1, "bias": first["bias"] - rate * delta1.sum(axis=0)},
            {"weights": last["weights"] - rate * a.T @ delta2, "bias": last["bias"] - rate * delta2.sum(axis=0)},
        )
    np.testing.assert_allclose(numbers["gradient"].objectives[:20], errors, rtol=1e-10)


@every_seed
def test_the_race(seed):
    numbers = taught("digits", seed).numbers
    X, T = numbers["train"]
    gradient, stochastic = numbers["gradient"], numbers["stochastic"]
    count = len(X)
    # One step of gradient descent sees every example, one of the stochastic kind a single one.
    np.testing.assert_array_equal(gradient.examples, gradient.steps * count)
    np.testing.assert_array_equal(stochastic.examples, stochastic.steps)
    assert {1, count} <= set(stochastic.steps.tolist())
    assert np.all(np.diff(stochastic.steps) > 0)
    for run_ in (gradient, stochastic):
        assert run_.errors[-1] == pytest.approx(np.mean((forward(run_.parameters, X) - T) ** 2))
    assert numbers["beside"] == gradient.objectives[count]
    ratio = numbers["ratio"]
    assert gradient.objectives[ratio] <= numbers["first"] < gradient.objectives[ratio - 1]
    assert ratio >= 10
    assert numbers["wrong_test"] == np.mean(
        np.sign(forward(stochastic.parameters, numbers["test"][0])) != numbers["test"][1]
    )


def test_the_first_step_of_the_stochastic_kind_is_one_example():
    """From the start, one step on the first image of the order that the seed draws."""
    numbers = taught("digits").numbers
    X, T = numbers["train"]
    rng = np.random.default_rng(0)
    row = rng.permutation(len(X))[0]
    first, last = numbers["network"].initialize(0)
    a = np.tanh(X[row] @ first["weights"] + first["bias"])
    y = np.tanh(a @ last["weights"] + last["bias"])
    delta2 = 2 * (y - T[row]) * (1 - y**2)
    delta1 = last["weights"] @ delta2 * (1 - a**2)
    rate = numbers["rate"]
    stepped = (
        {"weights": first["weights"] - rate * np.outer(X[row], delta1), "bias": first["bias"] - rate * delta1},
        {"weights": last["weights"] - rate * np.outer(a, delta2), "bias": last["bias"] - rate * delta2},
    )
    assert numbers["stochastic"].errors[0] == pytest.approx(np.mean((forward(stepped, X) - T) ** 2))
    assert next(minibatches(3, 1, rng)).shape == (1,)


def usps_lines(per_digit=40, digits=(0, 1)):
    """Rings for 0 and strokes for 1, 16 x 16, with noise; each tenth has the label of another digit."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 16))
    shapes = {0: np.abs(np.hypot(across, down) - 0.7) < 0.2, 1: np.abs(across - 0.2) < 0.15}
    for digit in digits:
        for number in range(per_digit):
            image = np.clip(np.where(shapes[digit], 1.0, -1.0) + rng.normal(0, 0.3, (16, 16)), -1, 1)
            label = digits[-1 - digits.index(digit)] if number % 10 == 0 else digit
            yield f"{label}.0000 " + " ".join(f"{x:.3f}" for x in image.ravel()) + " "


def test_a_file_of_the_postal_service(tmp_path):
    path = tmp_path / "zip.train"
    path.write_text("\n".join(usps_lines()) + "\n")
    lesson = run("digits", Options(source=path))
    assert set(lesson.numbers["distances"]) == {"0", "1"}
    assert [claim.text for claim in lesson.claims() if not claim.holds] == []
    assert lesson.numbers["wrong_test"] < 0.2
    text = " ".join(part for section in lesson.sections for part in section.parts if isinstance(part, str))
    assert "80 images, of zip.train" in text
    assert "16 x 16" in text


def test_files_that_are_none(tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("\n".join(usps_lines(digits=(1,))) + "\n")
    with pytest.raises(DataError, match="at least two digits with 20 images each are needed; found 1: 40"):
        run("digits", Options(source=path))
    path.write_text("a,label\n1,x\n2,y\n")
    with pytest.raises(
        DataError, match=r"one.txt: square images with a label each are needed, .* found 2 columns, a, label"
    ):
        run("digits", Options(source=path))
    with pytest.raises(DataError, match="nowhere"):
        run("digits", Options(source=tmp_path / "nowhere.gz"))
