"""The loop: what a step is, which examples it sees, early stopping, resuming, and what is refused."""

import numpy as np
import pytest
from tests.train.runs import HELD_OUT, LOSS, NETWORK, RNG, T, Watch, X, bits, same_bits, stop_after, without_seconds

from chainrule import data, optim, tree
from chainrule.differentiate import grad
from chainrule.errors import DataError, OptionError
from chainrule.nn import L1, L2, Dense, Network, objective
from chainrule.train import TrainState, fit
from chainrule.train.evaluation import cost

START, STATE = NETWORK.initialize(0), NETWORK.initial_state()


def run(parameters=START, **changes):
    options = {"optimizer": optim.adam(0.01), "epochs": 3, "batch_size": 4, "rng": 5} | changes
    return fit(NETWORK, parameters, LOSS, X, T, **options)


BOTH_WAYS = pytest.mark.parametrize("compiled", [True, False])


@pytest.fixture
def single_steps(monkeypatch):
    """Chunks of one step each."""
    monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)


@BOTH_WAYS
def test_full_batch_descent_is_the_formula(compiled):
    found = run(optimizer=optim.sgd(0.3), batch_size=None, regularizers=[L2(0.1)], epochs=4, compiled=compiled)
    assert found.interpreted == (None if compiled else "compiled=False was given")
    expected, f = START, objective(NETWORK, LOSS, [L2(0.1)])
    for row in found.history:
        assert row.objective == pytest.approx(f(expected, STATE, X, T)[0])
        gradients, _ = grad(f, has_aux=True)(expected, STATE, X, T)
        expected = tree.map(lambda p, g: p - 0.3 * g, expected, gradients)
    for one, other in zip(tree.leaves(found.parameters), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4] * 5 + [3]), (1, [1] * 23), (23, [23]), (50, [23])])
def test_an_epoch_sees_every_example_once(batch_size, sizes):
    seen = []

    def loss(outputs, targets):
        seen.append(np.ravel(targets))
        return np.sum((outputs - targets[:, np.newaxis]) ** 2, axis=1)

    options = {"optimizer": optim.sgd(0.01), "epochs": 2, "batch_size": batch_size, "rng": 0, "compiled": False}
    fit(NETWORK, START, loss, X, np.arange(23), **options)
    steps = seen[1:]  # the first call looks whether the shapes fit
    assert [len(rows) for rows in steps] == sizes * 2
    first, second = np.concatenate(steps[: len(sizes)]), np.concatenate(steps[len(sizes) :])
    assert sorted(first) == sorted(second) == list(range(23))
    assert list(first) != list(second)


@BOTH_WAYS
@pytest.mark.parametrize(("batch_size", "steps"), [(4, 6), (1, 23), (23, 1), (50, 1), (None, 1)])
def test_the_gradients_of_an_epoch_are_those_of_every_example_once(batch_size, steps, compiled, single_steps):
    # The one parameter moves by its target times a power of 3, so that the digits tell which examples were seen.
    network = Network.of(1, (), 1, "identity", "identity")
    start = tree.map(np.zeros_like, network.initialize(0))
    targets = 3.0 ** np.arange(23)[:, np.newaxis]
    seen = []

    def loss(outputs, targets):
        return -np.sum(targets * outputs, axis=1)

    options = {"optimizer": optim.sgd(1.0), "epochs": 2, "batch_size": batch_size, "reduction": "sum", "rng": 0}
    progress = Watch(lambda state: seen.append(float(state.parameters[0]["bias"][0])))
    found = fit(network, start, loss, np.zeros((23, 1)), targets, **options, compiled=compiled, progress=progress)
    assert found.interpreted == (None if compiled else "compiled=False was given")
    assert len(seen) == 2 * steps
    assert seen[steps - 1] == np.sum(targets)
    assert seen[-1] == 2 * np.sum(targets)


def test_the_rows_of_the_history():
    found = run(optimizer=optim.sgd(optim.schedules.cosine(0.1, 18)), validation=HELD_OUT)
    assert [row.epoch for row in found.history] == [1, 2, 3]
    assert [row.steps for row in found.history] == [6, 12, 18]
    assert [row.rate for row in found.history] == [optim.schedules.cosine(0.1, 18)(k) for k in (5, 11, 17)]
    assert found.history[-1].validation == cost(NETWORK, LOSS, found.parameters, STATE, *HELD_OUT)
    assert all(row.seconds > 0 for row in found.history)
    arrays = found.history.arrays()
    assert list(arrays) == ["epoch", "steps", "objective", "validation", "rate", "seconds"]
    assert arrays["epoch"].dtype == np.int64
    np.testing.assert_array_equal(arrays["objective"], [row.objective for row in found.history])
    assert np.isnan(run().history.arrays()["validation"]).all()


@BOTH_WAYS
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_objective_of_an_epoch_with_a_short_last_minibatch(reduction, compiled):
    # With a rate of almost nothing the parameters stay, and the minibatches add up to the whole.
    found = run(optimizer=optim.sgd(1e-300), epochs=1, reduction=reduction, compiled=compiled)
    assert found.history[0].objective == pytest.approx(objective(NETWORK, LOSS, (), reduction)(START, STATE, X, T)[0])


def test_the_same_seed_gives_the_same_bits():
    one, same, other = run(rng=5), run(rng=np.random.default_rng(5)), run(rng=6)
    assert same_bits(one.parameters, same.parameters)
    assert without_seconds(one.history) == without_seconds(same.history)
    assert not same_bits(one.parameters, other.parameters)


def test_nothing_that_was_given_is_changed():
    before = bits((START, X, T))
    run()
    assert bits((START, X, T)) == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_keeps_the_precision_of_the_parameters(dtype):
    found = run(NETWORK.initialize(0, dtype), regularizers=[L1(0.01), L2(0.01)], validation=HELD_OUT)
    assert {leaf.dtype for leaf in tree.leaves(found.parameters)} == {np.dtype(dtype)}
    arrays = [leaf for leaf in tree.leaves(found.state.optimizer) if isinstance(leaf, np.ndarray)]
    assert {leaf.dtype for leaf in arrays} == {np.dtype(dtype)}


def test_lists_and_integers_are_welcome():
    network = Network.of(2, output="sigmoid")
    rows, targets = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [0], [0], [1]]
    found = fit(
        network, network.initialize(0), "binary_cross_entropy", rows, targets, optimizer=optim.sgd(1.0), epochs=2
    )
    assert found.history[1].objective < found.history[0].objective


OPTIMIZERS = {
    "sgd": optim.sgd(0.05),
    "nesterov": optim.sgd(0.05, 0.9, nesterov=True),
    "adam, cosine": optim.adam(optim.schedules.cosine(0.05, 30)),
    "adamw, clipped": optim.chain(optim.clip_by_global_norm(0.1), optim.adamw(optim.schedules.step(0.05, 4))),
}


@BOTH_WAYS
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("batch_size", [4, None])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
def test_a_run_that_goes_on_equals_one_that_never_stopped(optimizer, batch_size, reduction, compiled, monkeypatch):
    options = {
        "optimizer": optimizer,
        "batch_size": batch_size,
        "reduction": reduction,
        "epochs": 5,
        "validation": HELD_OUT,
        "patience": 4,
        "compiled": compiled,
    }
    whole = run(**options)
    monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)
    # In the middle of the first epoch, at its end, and later.
    for steps in (1, 2, 5, 6, 7) if batch_size else (1, 3):
        half = run(**options, progress=stop_after(steps))
        assert half.interrupted
        assert half.state.step == steps
        # Stopped between chunks of one step, it goes on with chunks of up to an epoch.
        monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.05)
        rest = run(half.state, **options | {"rng": None})
        monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)
        assert not rest.interrupted
        assert same_bits(rest.parameters, whole.parameters)
        assert same_bits(rest.state.parameters, whole.state.parameters)
        assert same_bits(rest.state.optimizer, whole.state.optimizer)
        assert without_seconds(rest.history) == without_seconds(whole.history)


def test_a_state_is_a_tree():
    state = run(validation=HELD_OUT).state
    leaves, structure = tree.flatten(state)
    again = structure.unflatten(leaves)
    assert isinstance(again, TrainState)
    assert same_bits(run(again, epochs=5).parameters, run(epochs=5, validation=HELD_OUT).parameters)


def test_a_run_that_is_over_does_nothing_more():
    found = run()
    again = run(found.state)
    assert again.state is found.state
    assert again.ended == "epochs"


def test_early_stopping_restores_the_best():
    # Targets that are noise: what is learned by heart makes the held-out cost rise.
    noise = np.eye(2)[RNG.integers(0, 2, len(X))]
    found = fit(NETWORK, START, LOSS, X, noise, optimizer=optim.adam(0.05), epochs=500, validation=HELD_OUT, patience=7)
    assert found.ended == "patience"
    assert not found.interrupted
    costs = [row.validation for row in found.history]
    best = int(np.argmin(costs))
    assert len(costs) == best + 1 + 7
    assert found.state.best.epoch == best + 1
    assert cost(NETWORK, LOSS, found.parameters, STATE, *HELD_OUT) == costs[best] == found.state.best.validation
    assert not same_bits(found.parameters, found.state.parameters)


def test_the_best_are_restored_when_the_epochs_run_out_too():
    noise = np.eye(2)[RNG.integers(0, 2, len(X))]
    options = {"optimizer": optim.adam(0.05), "epochs": 60, "validation": HELD_OUT}
    found = fit(NETWORK, START, LOSS, X, noise, **options, patience=100)
    assert found.ended == "epochs"
    assert cost(NETWORK, LOSS, found.parameters, STATE, *HELD_OUT) == min(row.validation for row in found.history)
    # Without patience, held-out data are watched and decide nothing.
    watched = fit(NETWORK, START, LOSS, X, noise, **options)
    assert same_bits(watched.parameters, found.state.parameters)


def test_callbacks_see_every_epoch_and_may_end_the_run():
    seen, also = [], []

    def stop_at_4(state):
        seen.append(state.epoch)
        return state.history[-1].epoch == 4

    found = run(epochs=10, callbacks=[stop_at_4, lambda state: also.append(state.step)])
    assert found.ended == "callback"
    assert seen == [1, 2, 3, 4]
    assert also == [6, 12, 18, 24]
    assert same_bits(found.parameters, run(epochs=4).parameters)


def test_nothing_is_printed(capsys):
    run()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs has to be a positive integer, found 0"),
        ({"epochs": 2.5}, "epochs has to be a positive integer, found 2.5"),
        ({"batch_size": 0}, "batch_size has to be a positive integer, found 0"),
        ({"patience": 0, "validation": HELD_OUT}, "patience has to be a positive integer, found 0"),
        ({"patience": 3}, "patience needs held-out data: give validation"),
        ({"reduction": "median"}, "reduction has to be 'mean' or 'sum'"),
    ],
)
def test_options_that_are_refused(changes, message):
    with pytest.raises(OptionError, match=message):
        run(**changes)


HOLED = X.copy()
HOLED[3, 1] = np.nan


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (HOLED, T, r"inputs\[3, 1\] is nan: numbers have to be finite$"),
        (X, np.where(T == 1, np.inf, T), r"targets\[0, \d\] is inf and 22 more entries like it: numbers have"),
        (X[:5], T, "5 inputs but 23 targets: every example needs a row in both"),
        (X[:0], T[:0], r"inputs have no examples: shape \(0, 3\)"),
        (X[:, :2], T, r"the network expects 3 inputs, x has shape \(23, 2\)"),
        (X, T[:, :1], "found outputs .* and targets"),
        (X, np.argmax(T, axis=1), r"integer labels give np.eye\(2\)"),
        (X, T + 0.5, "targets, row 0: the loss cross_entropy expects one-hot rows"),
        (X.astype(str), T, "inputs have to be real numbers, found dtype <U"),
        (X + 1j, T, "inputs have to be real numbers, found dtype complex128"),
    ],
)
@pytest.mark.parametrize("held_out", [False, True])
def test_data_that_are_refused(inputs, targets, message, held_out):
    given = {"validation": (inputs, targets)} if held_out else {}
    train = (X, T) if held_out else (inputs, targets)
    with pytest.raises(DataError, match=message) as caught:
        fit(NETWORK, START, LOSS, *train, optimizer=optim.adam(), epochs=1, **given)
    assert str(caught.value).startswith("in the held-out data, ") == held_out


def test_values_too_large_for_the_precision_are_refused():
    start = NETWORK.initialize(0, np.float32)
    message = (
        r"inputs\[0, 0\] is 1e\+300 and 5 more entries like it: too large for float32 parameters: "
        "scale the inputs, or use float64"
    )
    with pytest.raises(DataError, match=message):
        fit(NETWORK, start, LOSS, np.full((2, 3), 1e300), T[:2], optimizer=optim.adam(), epochs=1)


def test_parameters_that_are_refused():
    broken = tree.map(lambda p: p * np.nan, START)
    with pytest.raises(DataError, match=r"parameters\[0\]\['weights'\] has entries that are NaN"):
        run(broken)
    with pytest.raises(OptionError, match="real floating-point numbers, found dtype int64"):
        run(tree.map(lambda p: p.astype(np.int64), START))


def test_a_network_that_decides_is_not_trained():
    network = Network(3, (Dense(4, "sign"), Dense(2, "softmax")))
    with pytest.raises(OptionError, match="layer 1 of 2 has the activation sign, which decides and cannot learn"):
        fit(network, network.initialize(0), LOSS, X, T, optimizer=optim.adam(), epochs=1)


def test_a_loss_that_does_not_fit_the_output():
    network = Network.of(3, outputs=2, output="tanh")
    with pytest.raises(OptionError, match="does not fit the output activation tanh: use softmax"):
        fit(network, network.initialize(0), LOSS, X, T, optimizer=optim.adam(), epochs=1)


def test_xor_is_solved():
    network = Network.of(2, (4,), 1, "tanh", "sigmoid")
    X2, T2 = data.xor()
    found = fit(network, network.initialize(0), "binary_cross_entropy", X2, T2, optimizer=optim.sgd(1.0), epochs=2000)
    np.testing.assert_allclose(network.apply(found.parameters, network.initial_state(), X2)[0], T2, atol=0.05)


def test_the_band_is_solved_by_hidden_units_and_not_without():
    X2, T2 = data.band(400, np.random.default_rng(0))
    fresh, right = data.band(400, np.random.default_rng(1))
    accuracy = {}
    for hidden in ((), (2,), (4,)):
        network = Network.of(2, hidden, 1, "tanh", "sigmoid")
        found = fit(
            network,
            network.initialize(0),
            "binary_cross_entropy",
            X2,
            T2,
            optimizer=optim.adam(0.02),
            epochs=100,
            batch_size=20,
            rng=0,
        )
        accuracy[hidden] = np.mean((network.apply(found.parameters, network.initial_state(), fresh)[0] > 0.5) == right)
    assert accuracy[()] < 0.75
    assert accuracy[2,] > 0.95
    assert accuracy[4,] > 0.98
