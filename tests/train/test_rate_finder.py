"""The rate finder, on problems whose answer is known and on small networks."""

import sys
from dataclasses import FrozenInstanceError
from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from tests.train.runs import LOSS, NETWORK, T, X, bits, same_bits

from chainrule import optim
from chainrule.errors import DataError, OptionError
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.nn import Network, objective
from chainrule.nn.losses import loss
from chainrule.train import find_rate, fit

START = NETWORK.initialize(0)
DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = DIGITS / 16


def quadratic(scale=1.0, condition=1.0, **options):
    """Least squares without noise: the cost is a quadratic. Its greatest curvature, and the search."""
    rng = np.random.default_rng(0)
    x = scale * rng.normal(size=(100, 4)) * np.geomspace(1, condition**-0.5, 4)
    network = Network.of(4, (), 1, output="identity")
    with_ones = np.column_stack([x, np.ones(100)])
    curvature = np.linalg.eigvalsh(with_ones.T @ with_ones / 100).max()
    options = {"optimizer": optim.sgd} | options
    return curvature, find_rate(network, network.initialize(0), "half_squared", x, x @ np.ones((4, 1)), **options)


@pytest.mark.parametrize("condition", [1.0, 10.0, 1000.0])
@pytest.mark.parametrize("steps", [50, 200, 500])
def test_on_a_quadratic_it_is_below_the_edge_of_stability(condition, steps):
    """Gradient descent diverges where the rate exceeds 2 / curvature; a rate far below is slow."""
    curvature, found = quadratic(condition=condition, steps=steps, highest=1e3)
    assert 0.1 < found.suggestion * curvature < 2
    assert found.diverged
    assert found.rates[-1] * curvature > 2


@pytest.mark.parametrize("scale", [10.0, 100.0])
def test_inputs_that_are_larger_by_a_factor_have_a_rate_smaller_by_its_square(scale):
    curvatures, found = zip(quadratic(1.0, lowest=1e-9), quadratic(scale, lowest=1e-9), strict=True)
    np.testing.assert_allclose(found[0].suggestion / found[1].suggestion, curvatures[1] / curvatures[0], rtol=0.3)


def test_what_is_suggested_trains_a_network():
    network = Network.of(64, (50,), 10, activation="relu", output="softmax")
    start, targets = network.initialize(0), np.eye(10)[LABELS]

    def trained(rate):
        run = fit(network, start, LOSS, DIGITS, targets, optimizer=optim.adam(rate), epochs=5, batch_size=32, rng=0)
        return run.history[-1].objective

    found = find_rate(network, start, LOSS, DIGITS, targets, optimizer=optim.adam, batch_size=32, rng=0)
    around = [trained(found.suggestion * factor) for factor in (1 / 30, 1, 30)]
    assert around[1] < 0.3 * min(around[0], around[2])


def test_rates_grow_by_one_factor():
    _, found = quadratic(lowest=1e-4, highest=1e-1, steps=100)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-4, 1e-1, 100))
    assert not found.diverged
    assert len(found.losses) == len(found.smoothed) == 100
    assert str(found).endswith("higher rates were not tried")


@pytest.mark.parametrize(("reduction", "batch_size"), [("mean", None), ("mean", 4), ("mean", 7), ("sum", None)])
@pytest.mark.parametrize("compiled", [True, False])
def test_losses_are_those_of_the_steps(reduction, batch_size, compiled):
    """The rates are so small that the parameters hardly move."""
    rates = {"lowest": 1e-12, "highest": 1e-9, "steps": 60}
    x, t = (X[:1].repeat(23, 0), T[:1].repeat(23, 0)) if batch_size else (X, T)
    options = {"batch_size": batch_size, "reduction": reduction, "compiled": compiled, "rng": 0}
    found = find_rate(NETWORK, START, LOSS, x, t, optimizer=optim.sgd, **rates, **options).losses
    size = batch_size or 23
    rows = [min(size, 23 - at) for at in range(0, 23, size)]
    value = objective(NETWORK, loss(LOSS), (), reduction)
    expected = [value(START, NETWORK.initial_state(np.dtype(float)), x[:n], t[:n], None, True)[0] for n in rows]
    np.testing.assert_allclose(found, np.resize(expected, 60), rtol=1e-6)


def test_parameters_stay_as_they_are():
    before = bits(START)
    find_rate(NETWORK, START, LOSS, X, T, optimizer=optim.adam)
    assert bits(START) == before


def test_machine_code_and_numpy_find_the_same():
    options = {"optimizer": partial(optim.sgd, momentum=0.9), "batch_size": 8, "rng": 0, "highest": 1e3}
    one, other = (find_rate(NETWORK, START, LOSS, X, T, **options, compiled=c) for c in (True, False))
    np.testing.assert_allclose(one.losses[:100], other.losses[:100], rtol=1e-6)
    assert one.suggestion == pytest.approx(other.suggestion, rel=0.3)


def test_one_seed_gives_one_result():
    one, other = (find_rate(NETWORK, START, LOSS, X, T, optimizer=optim.adam, batch_size=4, rng=3) for _ in range(2))
    assert same_bits((one.losses, one.suggestion), (other.losses, other.suggestion))


def test_a_result_cannot_be_changed_and_says_what_it_is():
    _, found = quadratic(highest=1e3)
    with pytest.raises(FrozenInstanceError):
        found.suggestion = 1.0
    assert str(found).startswith(f"rate {found.suggestion:.3g}: a tenth of {10 * found.suggestion:.3g}, where the loss")
    assert str(found).endswith(f"; it diverged at {found.rates[-1]:.3g}")
    assert "it had not diverged at 20" in str(quadratic(highest=20.0, optimizer=optim.adam)[1])


def test_the_plot_shows_losses_and_suggestion():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    _, found = quadratic(highest=1e3)
    ax = found.plot()
    assert ax.get_xscale() == "log"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), found.losses)
    assert ax.lines[2].get_xdata()[0] == found.suggestion
    assert found.plot(ax) is ax
    plt.close("all")


def test_without_matplotlib_the_plot_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(OptionError, match=r'pip install "chainrule\[plot\]"'):
        quadratic()[1].plot()


@pytest.mark.parametrize("rates", [{"lowest": 1e3, "highest": 1e6}, {"lowest": 1e200, "highest": 1e300}])
def test_rates_that_are_all_too_high_are_an_error(rates):
    with pytest.raises(OptionError, match="the loss falls at no rate from"):
        quadratic(**rates)


def test_a_fall_that_may_be_chance_is_an_error():
    """Of targets that are noise nothing can be learned, least of all from one at a time."""
    noise = np.random.default_rng(0).normal(size=(500, 1))
    network = Network.of(1, (), 1, output="identity")
    zero = [{name: 0 * x for name, x in layer.items()} for layer in network.initialize(0)]
    with pytest.raises(OptionError, match="by more than chance"):
        find_rate(network, tuple(zero), "half_squared", noise[::-1], noise, optimizer=optim.sgd, batch_size=1, rng=0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lowest": 0.0}, "lowest has to be a positive finite number"),
        ({"highest": np.inf}, "highest has to be a positive finite number"),
        ({"lowest": 1.0, "highest": 1.0}, "lowest has to be less than highest, found 1.0 and 1.0"),
        ({"steps": 49}, "steps has to be at least 50, found 49"),
        ({"optimizer": optim.sgd(0.1)}, "optimizer has to make an optimiser for a rate, such as optim.adam"),
        ({"optimizer": "adam"}, "optimizer has to make an optimiser for a rate, such as optim.adam"),
    ],
)
def test_what_has_no_meaning_is_named(options, says):
    with pytest.raises(OptionError, match=says):
        quadratic(**options)


def test_data_are_checked():
    with pytest.raises(DataError):
        find_rate(NETWORK, START, LOSS, X[:, :2], T, optimizer=optim.sgd)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive"},
        {"early_stopping": True, "clip_norm": 1.0},
        {"dropout": 0.2, "learning_rate": optim.schedules.constant(1e-9)},
        {"batch_size": len(DIGITS)},
    ],
)
def test_an_estimator_finds_its_rate_and_stays_as_it_is(settings):
    model = MLPClassifier((30,), max_iter=3, n_iter_no_change=50, random_state=0, **settings)
    before = dict(vars(model))
    found = model.find_rate(DIGITS, LABELS)
    assert vars(model) == before
    assert 1e-3 < found.suggestion < 1
    again = model.find_rate(DIGITS, LABELS, sample_weight=np.ones(len(LABELS)))
    assert again.suggestion == pytest.approx(found.suggestion, rel=1.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_learns_with_its_rate():
    model = MLPClassifier((30,), max_iter=5, solver="sgd", random_state=0)
    slow = model.fit(DIGITS, LABELS).loss_
    rate = model.find_rate(DIGITS, LABELS).suggestion
    assert model.set_params(learning_rate_init=rate).fit(DIGITS, LABELS).loss_ < 0.3 * slow


def test_a_regressor_finds_its_rate():
    x = StandardScaler().fit_transform(np.random.default_rng(0).normal(size=(300, 5)))
    model = MLPRegressor(hidden_layer_sizes=(20,), solver="sgd", momentum=0.0, random_state=0)
    assert 1e-3 < model.find_rate(x, x[:, :2] @ [1.0, -1.0]).suggestion < 1


@pytest.mark.parametrize("solver", ["lbfgs", optim.adam(0.1)])
def test_a_solver_without_a_rate_that_can_change_is_named(solver):
    with pytest.raises(ValueError, match="find_rate needs solver='adam' or 'sgd'"):
        MLPClassifier(solver=solver).find_rate(DIGITS, LABELS)
