"""Training of networks that carry a state and draw: the same bits from a seed, resumed or not."""

import numpy as np
import pytest
from tests.train.runs import bits, same_bits, stop_after, without_seconds

from chainrule import data, optim, random, tree
from chainrule.differentiate import grad
from chainrule.errors import DataError, DivergenceError
from chainrule.nn import BatchNorm, Dense, Dropout, Embedding, LayerNorm, Network, Residual, objective
from chainrule.train import Model, fit, load, save
from chainrule.train.evaluation import cost, outputs

RNG = np.random.default_rng(7)
NETWORK = Network(
    3,
    (
        Embedding((4,), (2,)),
        Dense(6, "identity"),
        BatchNorm("relu"),
        Dropout(0.3),
        Residual((Dense(5, "tanh"), Dropout(0.5), Dense(6, "identity"), BatchNorm())),
        LayerNorm(),
        Dense(2, "softmax"),
    ),
)
X = np.column_stack([RNG.integers(0, 4, 23), RNG.normal(size=(23, 2))])
T = np.eye(2)[(X[:, 1] * X[:, 2] > 0).astype(int)]
HELD_OUT = (X[::-2], T[::-2])
START = NETWORK.initialize(0)
LOSS = "cross_entropy"


def run(parameters=START, network=NETWORK, **changes):
    options = {"optimizer": optim.adam(0.01), "epochs": 3, "batch_size": 4, "rng": 5} | changes
    return fit(network, parameters, LOSS, X, T, **options)


def same_run(one, other):
    states = ((run.parameters, run.network_state, run.state.network_state, run.state.optimizer) for run in (one, other))
    return same_bits(*states) and without_seconds(one.history) == without_seconds(other.history)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_steps_are_those_of_the_formula(compiled):
    """Each step draws from a stream folded from the seed and its number, and the state goes from step to step."""
    found = run(optimizer=optim.sgd(0.1), batch_size=None, epochs=4, compiled=compiled)
    assert found.interpreted == (None if compiled else "compiled=False was given")
    seed = int(np.random.default_rng(5).integers(2**63))
    stream = random.random_state(np.random.SeedSequence(seed, spawn_key=(0,)))
    f = grad(objective(NETWORK, LOSS), has_aux=True)
    parameters, state = START, NETWORK.initial_state()
    for step in range(4):
        gradients, state = f(parameters, state, X, T, random.fold(stream, step), True)
        parameters = tree.map(lambda p, g: p - 0.1 * g, parameters, gradients)
    for one, other in zip(
        tree.leaves((found.parameters, found.network_state)), tree.leaves((parameters, state)), strict=True
    ):
        # Batch normalisation takes the bias before it away, whose gradient is zero but for rounding.
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-16)


def test_the_same_seed_gives_the_same_bits():
    assert same_run(run(), run(rng=np.random.default_rng(5)))
    # One batch of all examples has no order: what differs is what dropout leaves out.
    assert not same_bits(run(batch_size=None).parameters, run(batch_size=None, rng=6).parameters)


@pytest.mark.parametrize("batch_size", [4, None])
def test_a_run_that_goes_on_equals_one_that_never_stopped(batch_size, monkeypatch):
    options = {"batch_size": batch_size, "epochs": 5, "validation": HELD_OUT, "patience": 4}
    whole = run(**options)
    monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)
    most = 29 if batch_size else 4
    for steps in sorted(set(np.random.default_rng(0).integers(1, most, 6).tolist())):
        half = run(**options, progress=stop_after(steps))
        assert half.state.step == steps
        # A state is a tree: taken apart and put together it is the same one.
        leaves, structure = tree.flatten(half.state)
        assert same_run(run(structure.unflatten(leaves), **options | {"rng": None}), whole)


def test_nothing_that_was_given_is_changed():
    state = NETWORK.initial_state()
    before = bits((START, state, X, T))
    run(network_state=state)
    assert bits((START, state, X, T)) == before


def test_held_out_data_and_predictions_are_computed_as_after_training():
    found = run(validation=HELD_OUT)
    last = found.history[-1].validation
    assert last == cost(NETWORK, LOSS, found.parameters, found.network_state, *HELD_OUT)
    model = Model(NETWORK, found.parameters, found.network_state, LOSS)
    plain, _ = NETWORK.apply(found.parameters, found.network_state, X)
    np.testing.assert_array_equal(model.outputs(X), plain)
    np.testing.assert_array_equal(outputs(NETWORK, found.parameters, found.network_state, X), plain)
    # An example's prediction does not depend on the others.
    np.testing.assert_allclose(model.outputs(X[:1]), plain[:1], rtol=1e-12)


def test_the_best_have_the_state_that_belongs_to_them():
    noise = np.eye(2)[RNG.integers(0, 2, len(X))]
    options = {"optimizer": optim.adam(0.05), "epochs": 200, "validation": HELD_OUT, "patience": 5, "rng": 0}
    found = fit(NETWORK, START, LOSS, X, noise, **options)
    assert found.ended == "patience"
    best = found.state.best
    assert not same_bits(best.network_state, found.state.network_state)
    assert same_bits((found.parameters, found.network_state), (best.parameters, best.network_state))
    assert cost(NETWORK, LOSS, found.parameters, found.network_state, *HELD_OUT) == best.validation


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_keeps_the_precision_of_the_parameters(dtype):
    for state in (None, NETWORK.initial_state(np.float64)):
        found = run(NETWORK.initialize(0, dtype), network_state=state, validation=HELD_OUT)
        assert {leaf.dtype for leaf in tree.leaves((found.parameters, found.network_state))} == {np.dtype(dtype)}


def test_a_state_to_start_from():
    carried = run().network_state
    one, other = run(network_state=carried, epochs=1), run(epochs=1)
    assert not same_bits(one.network_state, other.network_state)
    again = run(run(epochs=1).state, network_state=carried, epochs=2)
    assert same_bits(again.network_state, run(epochs=2).network_state)


def test_states_that_are_refused():
    state = NETWORK.initial_state()
    with pytest.raises(
        DataError, match=r"network_state should hold arrays of the shapes .* as network.initial_state\(\)"
    ):
        run(network_state=state[1:])
    with pytest.raises(DataError, match="network_state should hold arrays of the shapes"):
        run(network_state=tree.map(lambda array: array[:2], state))
    with pytest.raises(DataError, match=r"network_state\[2\]\['mean'\] has entries that are NaN or infinite"):
        run(network_state=tree.map(lambda array: array * np.nan, state))


@pytest.mark.parametrize("batch_size", [1, 2, 11])
def test_a_minibatch_of_one_is_refused_before_the_first_step(batch_size):
    seen = []
    with pytest.raises(DataError, match="a batch of at least 2 examples, found 1: choose a batch size"):
        run(batch_size=batch_size, callbacks=[seen.append])
    assert seen == []
    # 23 examples make whole minibatches of 23, and leave 3 over from minibatches of 4.
    run(batch_size=23)


def test_an_infinite_activation_is_named_with_what_was_drawn():
    network = Network(3, (Dense(4, "exp"), Dropout(0.5), Dense(2, "softmax")))
    start = tree.map(lambda p: 1000 * np.ones_like(p), network.initialize(0))
    with pytest.raises(DivergenceError, match=r"activations of layer 1 of 3 are NaN or infinite.*\(exp\)"):
        fit(network, start, LOSS, np.ones((4, 3)), T[:4], optimizer=optim.sgd(0.1), epochs=1)


def test_a_running_variance_that_is_too_large_is_named():
    # The batch is normalised by it, so that the loss stays finite.
    network = Network(3, (BatchNorm(), Dense(2, "softmax")))
    x = np.float32(1e20) * RNG.normal(size=(4, 3)).astype(np.float32)
    with pytest.raises(DivergenceError, match="the update of the variance of layer 1 of 2 is NaN or infinite"):
        fit(network, network.initialize(0, np.float32), LOSS, x, T[:4], optimizer=optim.sgd(0.1), epochs=1)


def test_digits_are_learned_with_dropout_and_batch_normalisation(tmp_path):
    table = data.digits().table
    order = np.random.default_rng(0).permutation(len(table))
    problem = data.prepare(table, data.digits().targets)
    x, t = problem.inputs(table, np.float32)[order], problem.targets(table, np.float32)[order]
    network = Network(
        x.shape[1],
        (
            Dense(64, "identity"),
            BatchNorm("relu"),
            Dropout(0.2),
            Dense(64, "identity"),
            BatchNorm("relu"),
            Dropout(0.2),
            Dense(10, "softmax"),
        ),
    )
    start = network.initialize(0, np.float32)
    found = fit(network, start, LOSS, x[:1400], t[:1400], optimizer=optim.adam(0.005), epochs=15, batch_size=50, rng=0)
    model = Model(network, found.parameters, found.network_state, LOSS)
    right = np.argmax(t[1400:], axis=1)
    assert np.mean(model.predict(x[1400:]) == right) > 0.96
    # With the state before training the same parameters are no use.
    fresh = Model(network, found.parameters, network.initial_state(np.float32), LOSS)
    assert np.mean(fresh.predict(x[1400:]) == right) < 0.94
    save(model, tmp_path / "model")
    same = load(tmp_path / "model")
    assert bits(same.outputs(x)) == bits(model.outputs(x))
