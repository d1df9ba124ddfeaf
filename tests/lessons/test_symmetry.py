"""The lesson `symmetry` against forward pass, gradient and descent written out."""

import math

import numpy as np
import pytest
from tests.lessons import running, textbook
from tests.lessons.running import SEEDS

from chainrule.lessons.symmetry_runs import EPOCHS, RATE, disguises, equal_units, gap

STRENGTH = 5e-3


def ran(seed):
    return running.taught("symmetry", seed)


def descended(start, X, T, epochs):
    """Gradient descent, written out."""
    now = start
    for _ in range(epochs):
        slope = textbook.gradient(now, X, T, STRENGTH)
        now = tuple(
            {name: layer[name] - RATE * step[name] for name in layer} for layer, step in zip(now, slope, strict=True)
        )
    return now


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_holds(seed):
    claims = list(ran(seed).claims())
    assert len(claims) >= 14
    assert [claim.text for claim in claims if not claim.holds] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_networks(seed):
    numbers = ran(seed).numbers
    X, T, trained = numbers["X"], numbers["T"], numbers["trained"]
    found = [parameters for _, _, parameters in disguises(trained)]
    assert len({tuple(textbook.vector(parameters).round(12)) for parameters in found}) == 8
    shown, cost = textbook.forward(trained, X)[1], textbook.cost(trained, X, T, STRENGTH)
    for parameters in found:
        np.testing.assert_allclose(textbook.forward(parameters, X)[1], shown, rtol=1e-12)
        assert textbook.cost(parameters, X, T, STRENGTH) == pytest.approx(cost, rel=1e-13)
        assert np.linalg.norm(textbook.vector(textbook.gradient(parameters, X, T, STRENGTH))) < 1e-6
    assert {float(row[-1]) for row in numbers["rows"]} == {round(cost, 6)}


def test_number_of_disguises():
    rng = np.random.default_rng(0)
    for units in (1, 2, 3, 4):
        parameters = (
            {"weights": rng.normal(size=(3, units)), "bias": rng.normal(size=units)},
            {"weights": rng.normal(size=(units, 2)), "bias": rng.normal(size=2)},
        )
        assert len(list(disguises(parameters))) == math.factorial(units) * 2**units
    assert ran(0).numbers["different"] == 48


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hills_between(seed):
    numbers = ran(seed).numbers
    X, T, trained = numbers["X"], numbers["T"], numbers["trained"]
    known = {(order, signs): parameters for order, signs, parameters in disguises(trained)}
    keys = (((1, 0), (1, 1)), ((0, 1), (-1, 1)), ((0, 1), (-1, -1)))
    for key, line in zip(keys, numbers["lines"].values(), strict=True):
        for share, found in zip(np.linspace(0, 1, len(line))[::10], line[::10], strict=True):
            mixed = tuple(
                {name: (1 - share) * layer[name] + share * other[name] for name in layer}
                for layer, other in zip(trained, known[key], strict=True)
            )
            assert found == pytest.approx(textbook.cost(mixed, X, T, STRENGTH), rel=1e-10)
        assert np.argmax(line) == len(line) // 2
        assert line[len(line) // 2] > 1.3 * line[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_units_stay_equal(seed):
    numbers = ran(seed).numbers
    X, T = numbers["X"], numbers["T"]
    start, run = equal_units(numbers["start"]), numbers["runs"]["equal"]
    assert np.array_equal(run["gaps"], np.zeros(EPOCHS + 1))
    assert all(row[2] == 0 for row in numbers["methods"])
    np.testing.assert_allclose(
        textbook.vector(run["parameters"]), textbook.vector(descended(start, X, T, EPOCHS)), rtol=1e-6
    )
    expected = textbook.cost(run["parameters"], X, T, STRENGTH)
    assert run["objective"][-1] == pytest.approx(expected, rel=1e-6)
    # From zeros only the bias of the output has a derivative: the mean of 1/2 − t.
    nothing = tuple({name: np.zeros_like(array) for name, array in layer.items()} for layer in start)
    slope = textbook.gradient(nothing, X, T, STRENGTH)
    assert not textbook.vector(slope)[:-1].any()
    assert numbers["gradient of zeros"] == 0
    np.testing.assert_allclose(slope[1]["bias"], np.mean(0.5 - T))


@pytest.mark.parametrize("seed", SEEDS)
def test_small_gaps_grow_by_the_curvature(seed):
    numbers = ran(seed).numbers
    X, T = numbers["X"], numbers["T"]
    end = numbers["runs"]["equal"]["parameters"]
    middle, h = textbook.vector(end), 1e-5
    hessian = np.array(
        [
            (
                textbook.vector(textbook.gradient(textbook.parameters_of(middle + h * unit, end), X, T, STRENGTH))
                - textbook.vector(textbook.gradient(textbook.parameters_of(middle - h * unit, end), X, T, STRENGTH))
            )
            / (2 * h)
            for unit in np.eye(len(middle))
        ]
    )
    values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    assert values[0] < 0 < values[1]
    assert numbers["lowest"] == pytest.approx(values[0], rel=1e-4)
    assert numbers["growth"] - 1 == pytest.approx(-RATE * values[0], rel=0.02)
    runs = numbers["runs"]
    assert runs["equal"]["parted"] is None
    assert 0 < runs["10⁻⁶ apart"]["parted"] < runs["10⁻¹² apart"]["parted"] < EPOCHS


@pytest.mark.parametrize("seed", SEEDS)
def test_what_breaks_it(seed):
    numbers = ran(seed).numbers
    X, T, runs = numbers["X"], numbers["T"], numbers["runs"]
    random = runs["drawn at random"]
    np.testing.assert_allclose(
        textbook.vector(random["parameters"]),
        textbook.vector(descended(numbers["start"], X, T, EPOCHS)),
        rtol=1e-6,
        atol=1e-9,
    )
    assert numbers["wrong"]["drawn at random"] < 0.02 < 0.1 < numbers["wrong"]["equal"]
    for name, run in runs.items():
        wrong = np.mean((textbook.forward(run["parameters"], X)[1] > 0.5) != (T == 1))
        assert numbers["wrong"][name] == pytest.approx(wrong)
    assert numbers["dropout"][0] == 0 < 0.05 < np.max(numbers["dropout"])


def test_gap():
    units = np.array([[1.0, 3.0]])
    parameters = ({"weights": units, "bias": np.zeros(2)}, {"weights": np.zeros((2, 1)), "bias": np.ones(1)})
    assert gap(parameters) == pytest.approx(math.sqrt(2) / math.sqrt(10))
    assert gap(equal_units(parameters)) == 0
    assert equal_units(parameters, 0.5)[0]["weights"].tolist() == [[1.0, 1.5]]
    assert parameters[0]["weights"].tolist() == [[1.0, 3.0]]
