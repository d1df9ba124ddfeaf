"""Steps as machine code: what they compute is what the interpreter computes, or it says why it did not try."""

import gc
import threading
import tracemalloc

import numpy as np
import pytest
from tests.train.runs import HELD_OUT, LOSS, NETWORK, RNG, T, Watch, X, bits, close, same_bits, without_seconds

from chainrule import custom_gradient, optim, tree
from chainrule.errors import DivergenceError
from chainrule.nn import L1, L2, BatchNorm, Dense, Dropout, Embedding, LayerNorm, Network, Residual
from chainrule.nn.activations import ACTIVATIONS, Activation
from chainrule.nn.losses import LOSSES
from chainrule.train import compiled as module
from chainrule.train import fit
from chainrule.train.users_code import has_users_code

START = NETWORK.initialize(0)
#: What a run of a few steps may differ by: rounding, times what the steps make of it.
TOLERANCES = {np.float32: (2e-4, 2e-5), np.float64: (1e-11, 1e-12)}
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def run(network=NETWORK, parameters=None, loss=LOSS, x=X, t=T, dtype=np.float64, **changes):
    options = {"optimizer": optim.sgd(0.05), "epochs": 2, "batch_size": 5, "rng": 5} | changes
    return fit(network, network.initialize(0, dtype) if parameters is None else parameters, loss, x, t, **options)


def agree(dtype, **task):
    """Check a few steps compiled against interpreted: parameters, both states, history."""
    found, expected = run(**task, dtype=dtype), run(**task, dtype=dtype, compiled=False)
    assert found.interpreted is None
    assert expected.interpreted == "compiled=False was given"
    rtol, atol = TOLERANCES[dtype]
    both = [(fit.parameters, fit.network_state, fit.state.optimizer) for fit in (found, expected)]
    close(*both, rtol, atol)
    assert (found.state.step, found.state.seed) == (expected.state.step, expected.state.seed)
    for one, other in zip(found.history, expected.history, strict=True):
        assert one.objective == pytest.approx(other.objective, rel=rtol, abs=atol)
        assert (one.steps, one.rate) == (other.steps, other.rate)
    # What is exact stays exact: random numbers, counts.
    assert same_bits(run(**task, dtype=dtype).parameters, found.parameters)
    return found


LEARNING = [name for name, row in ACTIVATIONS.items() if row.learns]


@DTYPES
def test_activations(dtype):
    layers = [Dense(3, name) for name in LEARNING if name != "softmax"]
    agree(dtype, network=Network(3, (*layers, Dense(2, "softmax"))), batch_size=23, epochs=1)


@DTYPES
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, dtype):
    row = LOSSES[name]
    outputs = ["identity"] if row.outputs is None else [each.name for each in row.outputs]
    for output in outputs:
        agree(dtype, network=Network.of(3, (4,), 2, "tanh", output), loss=name, batch_size=None)


OPTIMIZERS = {
    "sgd, step": lambda: optim.sgd(optim.schedules.step(0.05, 3)),
    "momentum": lambda: optim.optimizer("momentum")(),
    "nesterov, cosine": lambda: optim.optimizer("nesterov")(rate=optim.schedules.cosine(0.05, 8)),
    "adam": lambda: optim.adam(0.01),
    "adamw, clipped": lambda: optim.chain(optim.clip_by_global_norm(0.1), optim.adamw(0.01)),
    "all transforms": lambda: optim.chain(
        optim.clip_by_global_norm(10.0),
        optim.add_decayed_weights(0.01),
        optim.scale_by_adam(),
        optim.momentum(0.5),
        optim.scale(0.5),
        optim.scale_by_rate(0.01),
    ),
}


@DTYPES
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisers(name, dtype):
    agree(dtype, optimizer=OPTIMIZERS[name]())


def test_every_named_optimiser_is_there():
    assert {name.partition(",")[0] for name in OPTIMIZERS} >= set(optim.OPTIMIZERS)


@DTYPES
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_regularisers(reduction, dtype):
    agree(dtype, regularizers=[L1(0.01), L2(0.02), lambda parameters: 0.1 * np.sum(parameters[0]["bias"] ** 4)])
    assert agree(dtype, reduction=reduction, optimizer=optim.sgd(0.01)).state.batch == 0


LAYERS = Network(
    3,
    (
        Embedding((4,), (2,)),
        Dense(6, "prelu"),
        BatchNorm("relu"),
        Dropout(0.3),
        Residual((Dense(5, "tanh"), Dropout(0.5), Dense(6, "identity"), BatchNorm())),
        LayerNorm(),
        Dense(2, "softmax"),
    ),
)
X_LAYERS = np.column_stack([RNG.integers(0, 4, 23), RNG.normal(size=(23, 2))])


@DTYPES
def test_layers(dtype):
    # Minibatches of 5 leave 3 over.
    agree(dtype, network=LAYERS, x=X_LAYERS)


def test_what_dropout_leaves_out_is_the_same():
    seen = {}
    for compiled in (True, False):
        # The gradient of the weights after it says what was let through.
        both = Network(3, (Dropout(0.4), Dense(3, "identity")))
        start = tree.map(np.zeros_like, both.initialize(0))
        start[1]["weights"][:] = np.eye(3)
        states = []
        fit(
            both,
            start,
            lambda outputs, targets: np.sum(targets * outputs, axis=1),
            np.ones((23, 3)),
            2.0 ** np.arange(69).reshape(23, 3) / 2.0**30,
            optimizer=optim.sgd(1.0),
            epochs=3,
            batch_size=1,
            reduction="sum",
            rng=3,
            compiled=compiled,
            callbacks=[lambda state, states=states: states.append(state.parameters[1]["weights"])],
        )
        seen[compiled] = states
    assert bits(seen[True]) == bits(seen[False])


def cube(z):
    return z**3


class Scale:
    """A layer of a user's own, with a state: a running mean of what it sees, and a count of the steps."""

    activation_row = ACTIVATIONS["identity"]


def my_sign_descent(rate):
    """An optimiser that keeps the parameters and gradients before, and hides NaN."""

    def update(gradients, state, parameters):
        updates = tree.map(lambda g: np.where(g > 0, -rate, rate).astype(g.dtype) * (g == g), gradients)
        return updates, {"count": state["count"] + 1, "before": parameters, "last": gradients}

    return optim.Transform(
        lambda parameters: {"count": 0, "before": parameters, "last": tree.map(np.zeros_like, parameters)}, update
    )


@DTYPES
def test_what_the_user_writes_in_numpy(dtype):
    network = Network(3, (Dense(4, Activation("cube", cube)), Dense(1, "identity")))
    weights = RNG.uniform(size=(2000,))

    def loss(outputs, targets):
        r = outputs[:, 0] - targets[:, 0]
        return np.where(np.abs(r) < 1, r**2, np.abs(r)) * np.mean(weights)

    rate = optim.scale_by_rate(lambda step: 0.1 / (1 + step))
    agree(dtype, network=network, loss=loss, t=X[:, :1], optimizer=rate)
    found = agree(dtype, network=network, loss=loss, t=X[:, :1], optimizer=my_sign_descent(0.01))
    assert found.state.optimizer["count"] == 10
    assert type(found.state.optimizer["count"]) is int
    moved = tree.map(lambda p, q: np.abs(p - q), found.parameters, found.state.optimizer["before"])
    close(moved, tree.map(lambda p: np.full_like(p, 0.01), moved), 1e-3)


@pytest.mark.parametrize("seconds", [0.0, 1e-4, 0.05, 10.0])
def test_chunks_make_no_difference(seconds, monkeypatch):
    whole = run(LAYERS, x=X_LAYERS, epochs=4)
    monkeypatch.setattr(module, "_CHUNK_SECONDS", seconds)
    seen = []
    other = run(LAYERS, x=X_LAYERS, epochs=4, progress=Watch(lambda state: seen.append(state.step)))
    assert len(seen) == 20 if seconds == 0.0 else len(seen) <= 20
    assert bits((whole.state.optimizer, whole.parameters, whole.network_state)) == bits(
        (other.state.optimizer, other.parameters, other.network_state)
    )
    assert without_seconds(whole.history) == without_seconds(other.history)


@pytest.mark.parametrize("batch_size", [5, None])
def test_examples_in_any_layout(batch_size):
    plain = run(batch_size=batch_size)
    wide = np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)
    for x in (np.asfortranarray(X), wide[::2, ::2], X.tolist()):
        assert same_bits(run(x=x, t=np.asfortranarray(T), batch_size=batch_size).parameters, plain.parameters)


def test_states_on_the_way_stay_what_they_were():
    states, copies = [], []

    def keep(state):
        states.append(state)
        copies.append(bits((state.parameters, state.optimizer)))

    run(optimizer=optim.adam(0.01), epochs=5, progress=Watch(keep))
    assert [bits((state.parameters, state.optimizer)) for state in states] == copies


def test_the_code_is_made_once():
    module._translated.cache_clear()
    run(optimizer=optim.adam(0.01))
    run(optimizer=optim.adam(0.01), rng=6, epochs=3)
    run(optimizer=optim.adam(0.01), x=X + 1)
    assert module._translated.cache_info().misses == 1
    run(optimizer=optim.adam(0.02))
    assert module._translated.cache_info().misses == 2


# What cannot be machine code


def decides(outputs, targets):
    return np.sum(outputs**2, axis=1) * (1 if np.sum(outputs) > 0 else 2)


def test_a_loss_that_decides_is_interpreted():
    found = run(Network.of(3, (), 2), loss=decides)
    assert "decision" in found.interpreted or "known" in found.interpreted
    assert "test_compiled.py" in found.interpreted
    assert same_bits(found.parameters, run(Network.of(3, (), 2), loss=decides, compiled=False).parameters)


def test_a_loss_that_draws_is_interpreted():
    found = run(Network.of(3, (), 2), loss=lambda a, t: np.sum(a * RNG.normal(size=2), axis=1))
    assert "does not do the same each time it is called" in found.interpreted
    assert "test_compiled.py" in found.interpreted


def test_an_optimiser_that_keeps_text_is_interpreted():
    plain = optim.sgd(0.1)
    odd = optim.Transform(
        lambda parameters: {"name": "mine", "state": plain.init(parameters)},
        lambda g, state, p: ((new := plain.update(g, state["state"], p))[0], state | {"state": new[1]}),
    )
    found = run(optimizer=odd)
    assert found.interpreted is not None
    assert same_bits(found.parameters, run(optimizer=plain, compiled=False).parameters)


def test_a_state_that_changes_its_structure_is_interpreted():
    def update(gradients, state, parameters):
        return tree.map(lambda g: -0.1 * g, gradients), 0.0 if state is None else state + 1.0

    odd = optim.Transform(lambda parameters: None, update)
    found = run(optimizer=odd)
    assert found.interpreted == "the state of the optimiser changes its structure in a step"
    assert found.state.optimizer == found.state.step - 1


def test_a_state_that_becomes_a_constant_is_interpreted():
    first = optim.Transform(
        lambda parameters: {"first": 1.0},
        lambda g, state, p: (tree.map(lambda x: (-0.1 - state["first"]) * x, g), {"first": 0.0}),
    )
    found = run(optimizer=first)
    assert "constant" in found.interpreted
    assert same_bits(found.parameters, run(optimizer=first, compiled=False).parameters)


def test_a_loss_that_needs_values_in_another_way_is_interpreted():
    def loss(outputs, targets):
        if "NO_VALUE" in repr(outputs):
            raise LookupError("where are the numbers?")
        return np.sum(outputs**2, axis=1)

    found = run(Network.of(3, (), 2), loss=loss)
    assert found.interpreted == "without values a step raised LookupError: where are the numbers?"


@pytest.mark.parametrize("rows", [7, 5])
def test_a_loss_that_depends_on_the_number_of_rows_has_code_for_each(rows):
    def loss(outputs, targets):
        squares = np.sum((outputs - targets) ** 2, axis=1)
        return np.tanh(squares) if len(outputs) == 3 else squares

    agree(np.float64, network=Network.of(3, (), 2), loss=loss, batch_size=rows)


def test_a_callback_may_change_what_the_loss_reads():
    seen = {}
    for compiled in (True, False):
        strength = np.ones(2)

        def loss(outputs, targets, strength=strength):
            return np.sum(strength * (outputs - targets) ** 2, axis=1)

        def change(state, strength=strength):
            strength[:] = state.epoch

        seen[compiled] = run(Network.of(3, (), 2), loss=loss, epochs=4, callbacks=[change], compiled=compiled)
        assert seen[compiled].interpreted == (None if compiled else "compiled=False was given")
    close(seen[True].parameters, seen[False].parameters, 1e-12)


@pytest.mark.parametrize("batch_size", [5, None])
def test_a_callback_may_put_other_arrays_into_the_state(batch_size):
    def shrink(state):
        state.parameters[0]["weights"] = state.parameters[0]["weights"] / 2
        state.parameters[0]["bias"][:] /= 2

    seen = [run(epochs=3, batch_size=batch_size, callbacks=[shrink], compiled=compiled) for compiled in (True, False)]
    close(seen[0].parameters, seen[1].parameters, 1e-12)


def test_users_code_is_told_from_this_package_s():
    ours = (LAYERS, optim.chain(optim.clip_by_global_norm(1.0), optim.adam(optim.schedules.cosine(0.1, 5))), L2(0.1))
    assert not has_users_code(*ours, *LOSSES.values(), *ACTIVATIONS.values())
    for mine in (cube, my_sign_descent(0.1), optim.adam(lambda step: 0.1), Dense(4, Activation("cube", cube)), Scale()):
        assert has_users_code(*ours, mine)


# Numbers that are not finite


def test_divergence_is_told_as_interpreted():
    network = Network.of(3, (6, 5), 2, "leaky_relu")
    told = []
    for compiled in (True, False):
        seen = []
        options = {"loss": "absolute", "optimizer": optim.sgd(1e6), "epochs": 100, "progress": Watch(seen.append)}
        with pytest.raises(DivergenceError) as caught:
            run(network, **options, compiled=compiled)
        told.append((caught.value.step, caught.value.layer, str(caught.value)))
        # The steps before it are shown, and none after it.
        assert seen[-1].step == caught.value.step
    assert told[0] == told[1]


@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize("chunk", [0.0, 0.05])
def test_a_zero_that_stays_zero_goes_on(hides, chunk, monkeypatch):
    # Where the first input is 0 the root's derivative is infinite, times a zero: that is zero by rule.
    monkeypatch.setattr(module, "_CHUNK_SECONDS", chunk)
    x = np.abs(X)
    x[11] = 0.0

    def loss(outputs, targets):
        return np.where(outputs[:, 0] > 0, np.sqrt(np.abs(outputs[:, 0])), 0.0) + targets[:, 0]

    network = Network.of(3, (), 1, "identity", "identity")
    start = tree.map(lambda p: np.abs(p) * (p.ndim == 2), network.initialize(0))
    keeps = optim.chain(*([my_sign_descent(1e-3)] if hides else [optim.scale(-1e-3)]))
    frozen = optim.Transform(
        keeps.init,
        lambda g, state, p: (
            (new := keeps.update(g, state, p)) and tree.map(lambda u: u * (np.ndim(u) == 2), new[0]),
            new[1],
        ),
    )
    options = {"loss": loss, "x": x, "parameters": start, "optimizer": frozen, "batch_size": 4}
    found, expected = run(network, **options), run(network, **options, compiled=False)
    assert found.interpreted is None
    close(found.parameters, expected.parameters, 1e-12)
    monkeypatch.setattr(module, "_CHUNK_SECONDS", 1.0)
    assert same_bits(run(network, **options).parameters, found.parameters)


def test_held_out_data_and_the_best_are_as_interpreted():
    options = {"optimizer": optim.adam(0.05), "epochs": 30, "validation": HELD_OUT, "patience": 5}
    found, expected = run(**options), run(**options, compiled=False)
    assert (found.ended, found.state.best.epoch) == (expected.ended, expected.state.best.epoch)
    close(found.parameters, expected.parameters, 1e-8)


def test_an_operation_made_anew_at_every_call():
    def loss(outputs, targets):
        square = custom_gradient(lambda g, ans, x: 2 * g * x)(lambda x: x**2)
        return np.sum(square(outputs - targets), axis=1)

    found = run(Network.of(3, (), 2), loss=loss)
    expected = run(Network.of(3, (), 2), loss=loss, compiled=False)
    close(found.parameters, expected.parameters, 1e-12)


def test_memory_of_a_chunk_does_not_grow_with_its_steps():
    network = Network.of(100, (50,), 2, "tanh", "softmax")
    x = RNG.normal(size=(4000, 100))
    t = np.eye(2)[(x[:, 0] > 0).astype(int)]
    start, options = network.initialize(0), {"optimizer": optim.adam(0.01), "batch_size": 20}
    fit(network, start, LOSS, x, t, **options, epochs=1, rng=0)
    gc.collect()
    tracemalloc.start()
    try:
        fit(network, start, LOSS, x, t, **options, epochs=2, rng=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Beside the recordings: the states before and after, each of three times the parameters, and a batch.
    assert peak < x.nbytes / 2


def test_runs_at_once_in_threads():
    options = {"network": LAYERS, "x": X_LAYERS, "epochs": 20, "optimizer": optim.adam(0.01)}
    expected = run(**options)
    found = {}
    threads = [threading.Thread(target=lambda k=k: found.update({k: run(**options)})) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same_bits(found[k].parameters, expected.parameters) for k in range(3))


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_precisions_without_machine_code(dtype):
    found = run(dtype=dtype)
    assert found.interpreted is not None
    assert {leaf.dtype for leaf in tree.leaves(found.parameters)} == {np.dtype(dtype)}
