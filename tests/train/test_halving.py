"""A run that diverges goes back, and on with half the rate: when it did is written down, and part of the state."""

import io

import numpy as np
import pytest
from rich.console import Console
from tests.train.runs import T, X, same_bits, stop_after, without_seconds

from chainrule import optim
from chainrule.errors import DivergenceError, OptionError
from chainrule.nn import Network
from chainrule.train import Bar, Lines, fit
from chainrule.train.halving import MOST_HALVINGS

NETWORK = Network.of(3, (5,), 2, activation="relu", output="identity")
START = NETWORK.initialize(0)


def run(rate=40.0, **options):
    given = {
        "parameters": START,
        "loss": "squared",
        "epochs": 30,
        "optimizer": optim.sgd(rate),
        "on_divergence": "halve",
    }
    given |= options
    return fit(NETWORK, given.pop("parameters"), given.pop("loss"), X, T, **given)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("batch_size", [None, 4])
def test_it_goes_on_until_it_learns(compiled, batch_size):
    with pytest.raises(DivergenceError):
        run(on_divergence="raise", epochs=300)
    found = run(compiled=compiled, batch_size=batch_size, rng=0, epochs=300)
    halvings = found.history.halvings
    assert 1 <= len(halvings) <= MOST_HALVINGS
    assert found.ended == "epochs"
    assert len(found.history) == 300
    assert [row.epoch for row in found.history] == list(range(1, 301))
    assert found.state.rate_factor == 0.5 ** len(halvings)
    assert found.history[-1].rate == 40.0 * found.state.rate_factor
    assert found.history[-1].objective < found.history[0].objective
    assert all(halving.reason.startswith("training diverged at step") for halving in halvings)
    assert all(halving.back_to < halving.epoch for halving in halvings)


def test_it_ends_as_a_run_of_the_smaller_rate_that_starts_there():
    """Where the good state is the start, what follows is a run of that rate: powers of two change no bits."""
    found = run(rate=40.0, epochs=20)
    assert {halving.back_to for halving in found.history.halvings} == {0}
    plain = run(rate=40.0 * found.state.rate_factor, epochs=20, on_divergence="raise")
    assert same_bits(found.parameters, plain.parameters)
    assert without_seconds(found.history) == without_seconds(plain.history)


def test_a_state_that_was_about_to_diverge_is_not_gone_back_to():
    """Steps of growing size are finite for some epochs; the objective was lowest before them."""
    schedule = optim.schedules.step(1e-3, every=10, factor=1e5)
    found = run(optimizer=optim.sgd(schedule), epochs=19)
    first = found.history.halvings[0]
    assert first.epoch > first.back_to + 1
    assert first.back_to == 10


def test_compiled_and_interpreted_go_back_alike():
    one, other = run(batch_size=8, rng=1), run(batch_size=8, rng=1, compiled=False)
    where = [[(h.epoch, h.step, h.back_to) for h in found.history.halvings] for found in (one, other)]
    assert where[0] == where[1]
    np.testing.assert_allclose(one.parameters[0]["weights"], other.parameters[0]["weights"], rtol=1e-6)


def test_there_is_an_end_to_it():
    with pytest.raises(DivergenceError, match=r"training diverged at step .*\. The rate was halved 10 times$"):
        run(rate=1e30)


def test_held_out_data_that_diverge():
    validation = np.full((2, 3), 1e200), np.zeros((2, 2))
    with pytest.raises(DivergenceError, match=r"on the held-out data.*halved 10 times"):
        run(rate=0.1, validation=validation, epochs=3)


def test_without_divergence_nothing_changes():
    one, other = run(rate=0.01, batch_size=4, rng=0), run(rate=0.01, batch_size=4, rng=0, on_divergence="raise")
    assert same_bits(one.parameters, other.parameters)
    assert one.history.halvings == ()
    assert other.state.good is None


def test_the_rate_stays_halved_when_the_run_goes_on(tmp_path):
    whole = run(epochs=40)
    factor = whole.state.rate_factor
    assert factor < 1
    half = run(epochs=20)
    assert half.state.rate_factor == factor
    for on_divergence in ("halve", "raise"):
        rest = run(epochs=40, parameters=half.state, on_divergence=on_divergence)
        assert same_bits(rest.parameters, whole.parameters)
        assert rest.history.halvings == whole.history.halvings
        assert (rest.state.good is None) == (on_divergence == "raise")


@pytest.mark.parametrize("batch_size", [None, 4])
def test_it_goes_on_from_a_checkpoint_to_the_same_bits(batch_size, tmp_path):
    options = {"batch_size": batch_size, "rng": 3, "epochs": 25}
    whole = run(**options)
    assert whole.history.halvings
    for stop in range(1, whole.state.step, max(1, whole.state.step // 12)):
        path = tmp_path / f"run{stop}"
        run(**options, checkpoint=path, progress=stop_after(stop))
        found = run(**options, checkpoint=path, resume=True)
        assert same_bits(found.parameters, whole.parameters)
        assert without_seconds(found.history) == without_seconds(whole.history)
        assert found.history.halvings == whole.history.halvings


def test_early_stopping_counts_from_the_state_gone_back_to():
    validation = X[:8], T[:8]
    found = run(validation=validation, patience=5, epochs=200)
    assert found.history.halvings
    assert found.state.best.epoch <= found.state.epoch


def test_lines_and_bar_say_so():
    stream = io.StringIO()
    found = run(progress=Lines(stream))
    first = found.history.halvings[0]
    line = f"diverged at step {first.step} (epoch {first.epoch}): back to "
    assert line in stream.getvalue()
    assert ", with half the rate" in stream.getvalue()
    assert f"rate {found.history[-1].rate:.4f}"[:9] in stream.getvalue()
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    run(progress=Bar(console))
    assert line in console.file.getvalue()


def test_other_words():
    with pytest.raises(OptionError, match="on_divergence has to be 'raise' or 'halve', found 'stop'"):
        run(on_divergence="stop")
