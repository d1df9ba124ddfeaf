"""Several epochs in one call: the same bits and rows as one after the other, and never where something looks."""

import numpy as np
import pytest
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, X, same_bits, without_seconds

from chainrule import optim
from chainrule.errors import DivergenceError
from chainrule.nn import BatchNorm, Dense, Dropout, Network
from chainrule.train import Checkpoint, fit, running

START = NETWORK.initialize(0)
DRAWING = Network(3, (Dense(6, "identity"), BatchNorm("relu"), Dropout(0.3), Dense(2, "softmax")))


@pytest.fixture
def taken(monkeypatch):
    """Epochs that each call took."""
    found = []
    several = running.several_epochs

    def noted(task, state, most, patience):
        after = several(task, state, most, patience)
        if after is not None:
            found.append(after.epoch - state.epoch)
        return after

    monkeypatch.setattr(running, "several_epochs", noted)
    return found


def run(network=NETWORK, **changes):
    options = {"optimizer": optim.adam(0.01), "epochs": 40, "batch_size": 5, "rng": 5} | changes
    return fit(network, network.initialize(0), LOSS, X, T, **options)


@pytest.mark.parametrize(
    ("network", "batch_size"),
    # Batch normalisation takes no minibatch of one row.
    [*((NETWORK, size) for size in (5, 1, 22, 23, None)), *((DRAWING, size) for size in (5, 21, None))],
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_same_bits_and_rows_as_one_by_one(taken, network, batch_size, reduction):
    optimizer = optim.adam(optim.schedules.cosine(0.02, 400))
    several = run(network, batch_size=batch_size, reduction=reduction, optimizer=optimizer)
    assert sum(taken) > 30
    count = len(taken)
    single = run(network, batch_size=batch_size, reduction=reduction, optimizer=optimizer, callbacks=[lambda _: False])
    assert len(taken) == count
    one, other = several.state, single.state
    assert same_bits(
        (one.parameters, one.network_state, one.optimizer), (other.parameters, other.network_state, other.optimizer)
    )
    assert (one.step, one.epoch, one.batch, one.total) == (other.step, other.epoch, other.batch, other.total)
    assert without_seconds(several.history) == without_seconds(single.history)
    assert all(row.seconds > 0 for row in several.history)


def test_nothing_is_skipped_that_looks_at_a_state(taken, tmp_path):
    run(validation=HELD_OUT)
    run(on_divergence="halve")
    assert not taken
    seen = []
    run(callbacks=[lambda state: seen.append(state.epoch)])
    assert seen == list(range(1, 41))
    assert not taken
    # A checkpoint every seven epochs: calls end there.
    run(checkpoint=Checkpoint(tmp_path / "run", every=7, seconds=None))
    assert np.all(np.isin(1 + np.cumsum(taken), [7, 14, 21, 28, 35, 40]))


def test_going_on_within_an_epoch(taken):
    class Press:
        def begin(self, task, state, epochs):
            pass

        def step(self, state):
            if state.step == 3:
                raise KeyboardInterrupt

        epoch = halved = end = lambda self, *_: None

    half = run(progress=Press(), compiled=False)
    assert (half.state.epoch, half.state.batch) == (0, 3)
    rest = fit(NETWORK, half.state, LOSS, X, T, optimizer=optim.adam(0.01), epochs=40, batch_size=5)
    whole = run()
    assert rest.history[-1].steps == whole.history[-1].steps == 200
    for one, other in zip(rest.parameters, whole.parameters, strict=True):
        np.testing.assert_allclose(one["weights"], other["weights"], rtol=1e-9)


@pytest.mark.parametrize("batch_size", [5, None])
def test_divergence_is_found_where_it_is(taken, batch_size):
    options = {"optimizer": optim.sgd(lambda step: np.where(step < 100, 0.1, 1e308)), "epochs": 500}
    with pytest.raises(DivergenceError) as several:
        run(batch_size=batch_size, **options)
    assert taken
    with pytest.raises(DivergenceError) as single:
        run(batch_size=batch_size, callbacks=[lambda _: False], **options)
    assert str(several.value) == str(single.value)
    assert several.value.step == single.value.step >= 100
