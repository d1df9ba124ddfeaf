"""From what a file holds to a model: it is good, repeatable, recorded and checked."""

import numpy as np
import pytest
from tests.train.runs import same_bits, without_seconds
from threadpoolctl import threadpool_info

from chainrule.data import Dataset, Table, band, digits, xor
from chainrule.errors import DivergenceError
from chainrule.train import Options, load, prepare_problem, save, train


def dataset(columns, target):
    return Dataset(Table.of(columns), None, (target,) if isinstance(target, str) else target)


@pytest.fixture(scope="module")
def read_digits():
    problem = prepare_problem(digits())
    return problem, *train(problem)


def test_digits(read_digits):
    problem, model, report = read_digits
    scores = report.results["test"]
    assert scores.measures["accuracy"] >= 0.97
    assert scores.baseline["accuracy"] < 0.15
    assert scores.examples == len(problem.test[0])
    assert report.results["train"].measures["accuracy"] > scores.measures["accuracy"]
    assert report.gradient.ok
    assert report.gradient.largest_error < 1e-6
    assert 200 <= len(report.gradient.entries) <= 500
    assert {leaf.dtype for layer in model.parameters for leaf in layer.values()} == {np.dtype(np.float32)}


def test_the_record(read_digits, tmp_path):
    _, model, report = read_digits
    record = model.record
    assert record.results == report.results
    assert (record.epochs, record.ended) == (report.fit.state.epoch, report.fit.ended)
    assert record.settings["seed"] == 0
    assert record.settings["optimizer"] == "adam"
    assert set(record.versions) == {"chainrule", "numpy", "python"}
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.record == record
    table = digits().table
    np.testing.assert_array_equal(again.predict(table), model.predict(table))


def test_the_same_seed_gives_the_same_bits():
    options = Options(epochs=3, seed=4)
    (one, first), (same, second) = (train(prepare_problem(digits(), options), options) for _ in range(2))
    assert same_bits(one.parameters, same.parameters)
    assert without_seconds(first.fit.history) == without_seconds(second.fit.history)
    assert first.results == second.results
    other, _ = train(prepare_problem(digits(), Options(seed=5)), Options(epochs=3, seed=5))
    assert not same_bits(one.parameters, other.parameters)


def test_the_number_of_blas_threads_is_as_before():
    before = [pool["num_threads"] for pool in threadpool_info()]
    during = []
    options = Options(epochs=1, test=0)
    problem = prepare_problem(dataset({"x": np.arange(20.0), "y": ["a", "b"] * 10}, "y"), options)

    class Look:
        def begin(self, task, state, epochs):
            during.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

        def step(self, state):
            pass

        epoch = step

        def end(self):
            pass

    train(problem, options, progress=Look())
    assert set(during) == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_four_rows_of_exclusive_or():
    x, t = xor()
    options = Options(test=0, hidden=(4,), activation="tanh", rate=0.05)
    problem = prepare_problem(dataset({"x": x, "either": t[:, 0]}, "either"), options)
    model, report = train(problem, options)
    assert report.results["train"].measures["accuracy"] == 1.0
    assert list(report.results) == ["train"]
    assert list(model.predict(x)) == ["0", "1", "1", "0"]


def test_the_band():
    x, t = band(1500, np.random.default_rng(0))
    data = dataset({"x": x, "inside": t[:, 0]}, "inside")
    model, report = train(prepare_problem(data), Options(hidden=(4,), activation="tanh", rate=0.02))
    assert report.results["test"].measures["accuracy"] > 0.97
    assert report.results["test"].baseline["accuracy"] < 0.6
    _, straight = train(prepare_problem(data), Options(hidden=()))
    assert straight.results["test"].measures["accuracy"] < 0.75
    assert model.predict(x[:3]).shape == (3,)


def test_several_numbers():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    columns = {"x": x, "sum": 1000 + x.sum(axis=1), "product": x[:, 0] * x[:, 1] / 1000}
    data = dataset(columns, ("sum", "product"))
    model, report = train(prepare_problem(data), Options(epochs=100, rate=0.01))
    measures = report.results["test"].measures
    assert measures["r2 of sum"] > 0.98
    assert measures["r2 of product"] > 0.9
    assert report.results["test"].baseline["r2"] < 0.1
    np.testing.assert_allclose(model.predict(x)[:, 0], columns["sum"], atol=1)


def test_counts():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    data = dataset({"x": x, "count": rng.poisson(np.exp(2 + 0.8 * x)).astype(float)}, "count")
    options = Options(loss="poisson", kind="numbers", hidden=(), optimizer="adam", rate=0.05, epochs=100)
    model, report = train(prepare_problem(data, options), options)
    assert report.results["test"].measures["r2"] > 0.7
    np.testing.assert_allclose(model.predict(np.array([0.0])), [[np.exp(2)]], rtol=0.1)
    assert report.gradient.ok


def test_divergence_goes_through():
    options = Options(optimizer="sgd", rate=1e6, schedule="constant")
    problem = prepare_problem(dataset({"x": np.arange(50.0), "y": np.arange(50.0) ** 2}, "y"), options)
    with pytest.raises(DivergenceError, match=r"Lower the rate \(it was 1e\+06\)"):
        train(problem, options)
