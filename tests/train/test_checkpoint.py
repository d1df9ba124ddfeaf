"""Checkpoints: a run that stops anywhere and goes on from its file ends with the same bits as one that does not."""

import json
import os
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, Watch, X, bits, same_bits, stop_after, without_seconds

from chainrule import optim, tree
from chainrule.errors import CheckpointError, OptionError
from chainrule.nn import L1, L2, BatchNorm, Dense, Dropout, Network
from chainrule.train import Checkpoint, fit
from chainrule.train.identity import describe_value

START = NETWORK.initialize(0)
OPTIONS = {"optimizer": optim.adam(0.01), "batch_size": 4, "rng": 5, "epochs": 6}
STEPS = 6


def run(path=None, **options):
    given = {"network": NETWORK, "parameters": START, "loss": LOSS, "inputs": X, "targets": T} | OPTIONS | options
    return fit(**given, **({} if path is None else {"checkpoint": path}))


def same_state(one, other):
    """Everything but the time that it took."""
    assert type(one.history.rows) is type(other.history.rows)
    assert without_seconds(one.history) == without_seconds(other.history)
    assert one.history.halvings == other.history.halvings
    for name in ("parameters", "network_state", "optimizer"):
        assert same_bits(getattr(one, name), getattr(other, name))
        kinds = [[type(leaf) for leaf in tree.leaves(getattr(state, name))] for state in (one, other)]
        assert kinds[0] == kinds[1]
    for name in ("seed", "epoch", "batch", "step", "total"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.best is None) == (other.best is None)
    if one.best is not None:
        assert (one.best.epoch, one.best.validation) == (other.best.epoch, other.best.validation)
        assert same_bits(one.best.parameters, other.best.parameters)
        assert same_bits(one.best.network_state, other.best.network_state)
    for name in ("began", "good"):
        assert (getattr(one, name) is None) == (getattr(other, name) is None)
        if getattr(one, name) is not None:
            same_state(getattr(one, name), getattr(other, name))


LAYERED = Network(3, (Dense(4, "identity"), BatchNorm("tanh"), Dropout(0.3), Dense(2, "softmax")))
RUNS = {
    "adam": {},
    "float32": {"parameters": NETWORK.initialize(0, np.float32)},
    "momentum": {"optimizer": optim.sgd(0.1, momentum=0.9, nesterov=True)},
    "schedule and clipping": {
        "optimizer": optim.chain(optim.clip_by_global_norm(0.5), optim.adam(optim.schedules.cosine(0.1, 36)))
    },
    "no state": {"optimizer": optim.scale(-0.1)},
    "all rows a step": {"batch_size": None, "epochs": 30},
    "held-out data": {"validation": HELD_OUT, "patience": 3, "epochs": 40, "optimizer": optim.adam(0.1)},
    "layers that draw and carry": {"network": LAYERED, "parameters": LAYERED.initialize(0), "batch_size": 5},
    "sum": {"reduction": "sum", "regularizers": [L2(0.1)]},
    "interpreted": {"compiled": False},
    "goes back": {"on_divergence": "halve", "loss": "squared", "optimizer": optim.sgd(1e4), "batch_size": 8},
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_stops_and_goes_on_ends_with_the_same_bits(name, tmp_path):
    options = RUNS[name]
    whole = run(**options)
    rng = np.random.default_rng(0)
    for _ in range(3):
        path = tmp_path / f"{rng.integers(1000)}"
        for stop in sorted(rng.integers(1, whole.state.step + 1, 3)):
            # Another seed is not looked at when a run goes on.
            run(path, **options, resume=True, progress=stop_after(stop))
        found = run(path, **options, resume=True)
        assert found.ended == whole.ended
        assert same_bits(found.parameters, whole.parameters)
        same_state(found.state, whole.state)


def test_the_file_gives_back_the_state(tmp_path):
    path = tmp_path / "run"
    options = {"validation": HELD_OUT, "progress": stop_after(15), "on_divergence": "halve"}
    state = run(path, **options).state
    assert state.batch > 0
    assert state.good is not None
    assert state.began is not None
    seen = []

    class First(Watch):
        def begin(self, task, state, epochs):
            seen.append(state)
            raise KeyboardInterrupt

    before = path.read_bytes()
    again = run(path, **options | {"progress": First(), "resume": True})
    same_state(seen[0], state)
    assert seen[0].seconds == state.seconds
    assert seen[0].history == state.history
    assert again.interrupted
    assert path.read_bytes() == before


def test_more_epochs_may_follow(tmp_path):
    run(tmp_path / "run", epochs=3)
    found = run(tmp_path / "run", resume=True)
    same_state(found.state, run().state)


def test_a_run_that_is_done_is_done(tmp_path):
    first = run(tmp_path / "run")
    before = (tmp_path / "run").read_bytes()
    again = run(tmp_path / "run", resume=True)
    same_state(first.state, again.state)
    assert again.ended == "epochs"
    assert (tmp_path / "run").read_bytes() == before


def test_resume_without_a_file_starts(tmp_path):
    same_state(run(tmp_path / "run", resume=True).state, run().state)


def test_the_seed_is_that_of_the_file(tmp_path):
    whole = run(rng=None)
    path = tmp_path / "run"
    first = run(path, rng=None, epochs=2)
    assert run(path, rng=None, resume=True).state.seed == first.state.seed != whole.state.seed


def test_one_file_is_read_and_another_written(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    run(one, epochs=2)
    before = one.read_bytes()
    found = run(other, resume=one)
    same_state(found.state, run().state)
    assert one.read_bytes() == before
    same_state(run(resume=other, epochs=1).state, found.state)


# When it is written.


def written(monkeypatch, checkpoint, **options):
    """The steps after which checkpoints are written."""
    from chainrule.train import checkpoint as module

    seen = []
    write = module.Keeper._write

    def note(keeper, state):
        seen.append(state.step)
        write(keeper, state)

    monkeypatch.setattr(module.Keeper, "_write", note)
    run(checkpoint, **options)
    return seen


def test_every_so_many_epochs_and_at_the_end(tmp_path, monkeypatch):
    path = tmp_path / "run"
    assert written(monkeypatch, Checkpoint(path, every=2), epochs=5) == [2 * STEPS, 4 * STEPS, 5 * STEPS]


def test_the_end_is_not_written_twice(tmp_path, monkeypatch):
    assert written(monkeypatch, Checkpoint(tmp_path / "run", every=3), epochs=3) == [3 * STEPS]


def test_every_so_many_seconds_within_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)
    found = written(monkeypatch, Checkpoint(tmp_path / "run", seconds=0.0), epochs=1)
    assert found == [1, 2, 3, 4, 5, 6, 6]


def test_a_long_time_is_the_end(tmp_path, monkeypatch):
    assert written(monkeypatch, tmp_path / "run", epochs=3) == [3 * STEPS]
    assert written(monkeypatch, Checkpoint(tmp_path / "never", seconds=None), epochs=3) == [3 * STEPS]


def test_a_run_that_a_callback_ends_is_written(tmp_path):
    run(tmp_path / "run", callbacks=[lambda state: state.epoch == 2])
    same_state(run(tmp_path / "run", resume=True).state, run().state)


@pytest.mark.parametrize(("name", "value"), [("every", 0), ("every", 1.5), ("seconds", -1.0), ("seconds", np.inf)])
def test_schedules_that_are_none(name, value):
    with pytest.raises(OptionError, match=name):
        Checkpoint("run", **{name: value})


# What must be the same.


def other_loss(outputs, targets):
    return np.sum((outputs - targets) ** 2, axis=1)


OTHERS = {
    "the network (layers[0].units was 5, now it is 6)": {
        "network": (other := Network.of(3, (6,), 2, activation="tanh", output="softmax")),
        "parameters": other.initialize(0),
    },
    "the network (layers[0].activation was 'tanh', now it is 'relu')": {
        "network": (other := Network.of(3, (5,), 2, activation="relu", output="softmax")),
        "parameters": other.initialize(0),
    },
    "the precision (it was 'float64', now it is 'float32')": {"parameters": NETWORK.initialize(0, np.float32)},
    "the loss (it was 'cross_entropy', now it is 'squared')": {"loss": "squared"},
    "the loss (it was 'cross_entropy', now it is tests.train.test_checkpoint.other_loss)": {"loss": other_loss},
    "the regularizers ([0].strength was 0.5, now it is 0.25)": {"regularizers": [L1(0.25)]},
    "the regularizers ([0].kind was 'L1', now it is 'L2')": {"regularizers": [L2(0.5)]},
    "the reduction (it was 'mean', now it is 'sum')": {"reduction": "sum"},
    "the optimizer (transforms[1].schedule.rate was 0.01, now it is 0.02)": {"optimizer": optim.adam(0.02)},
    "the optimizer (it was chainrule.optim.transforms.chain.update, now it is chainrule.optim": {
        "optimizer": optim.sgd(0.01)
    },
    "the batch_size (it was 4, now it is 5)": {"batch_size": 5},
    "the inputs (shape was [23, 3], now it is [22, 3]); the targets (shape was [23, 2], now": {
        "inputs": X[:-1],
        "targets": T[:-1],
    },
    "the inputs (they have the same shape, but other numbers). Give": {"inputs": X[::-1]},
    "the validation (it was None, now it is 2 of them)": {"validation": HELD_OUT},
}


@pytest.mark.parametrize("what", OTHERS)
def test_the_checkpoint_of_another_run(what, tmp_path):
    path = tmp_path / "run"
    run(path, regularizers=[L1(0.5)], epochs=2)
    before = path.read_bytes()
    with pytest.raises(CheckpointError) as caught:
        run(path, **{"regularizers": [L1(0.5)]} | OTHERS[what], resume=True)
    assert str(caught.value).startswith(f"{path}: this is the checkpoint of another run. What differs: {what}")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run"]


def test_what_functions_of_one_s_own_enclose_must_be_the_same(tmp_path):
    def power(exponent):
        return lambda outputs, targets: np.sum((outputs - targets) ** exponent, axis=1)

    run(tmp_path / "run", loss=power(2), epochs=2)
    run(tmp_path / "run", loss=power(2), resume=True)
    with pytest.raises(CheckpointError, match=r"the loss \(exponent was 2, now it is 4\)"):
        run(tmp_path / "run", loss=power(4), resume=True)


def test_values_of_every_kind_can_be_described():
    class Own:
        def method(self, x):
            return x

    @dataclass
    class Data:
        inner: object

    def later():
        return missing

    data = Data(None)
    data.inner = data
    described = describe_value(
        [Own(), Own().method, data, later, np.exp, partial(np.add, 1, out=None), {1: np.float32(2)}, np.inf, Own, {3}]
    )
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    own, method, cycle, function, ufunc, part, *rest = described
    assert own["kind"].endswith("Own")
    assert method["function"]["function"].endswith("Own.method")
    assert cycle == {"kind": "Data", "inner": "itself"}
    assert function["missing"] == "not set"
    assert ufunc["name"] == "exp"
    assert (part["arguments"], part["out"]) == ([1], None)
    assert rest[:2] == [{"1": 2.0}, "inf"]
    if not described:
        missing = None


def test_a_file_is_not_replaced_by_a_run_that_starts_anew(tmp_path):
    run(tmp_path / "run", epochs=1)
    (tmp_path / "text").write_text("mine")
    (tmp_path / "empty").touch()
    for name in ("run", "text"):
        with pytest.raises(CheckpointError, match=r"there is a file already.*resume=True"):
            run(tmp_path / name)
        with pytest.raises(CheckpointError, match="there is a file already"):
            run(tmp_path / name, resume=tmp_path / "other")
    run(tmp_path / "empty")
    assert (tmp_path / "text").read_text() == "mine"


def test_resume_needs_something_to_go_on_from(tmp_path):
    with pytest.raises(OptionError, match="resume=True goes on from the file of checkpoint"):
        run(resume=True)
    with pytest.raises(CheckpointError, match="no such file"):
        run(resume=tmp_path / "run")
    run(tmp_path / "run", epochs=1)
    with pytest.raises(OptionError, match="a run goes on from one state"):
        run(tmp_path / "run", resume=True, parameters=run(epochs=1).state)


# What a file cannot hold.


def test_a_state_that_is_no_numbers(tmp_path):
    odd = optim.Transform(
        lambda parameters: {"name": "odd"}, lambda g, state, p: (tree.map(lambda x: -0.1 * x, g), state)
    )
    with pytest.raises(OptionError, match=r"a checkpoint cannot hold optimizer\['name'\], which is of type str"):
        run(tmp_path / "run", optimizer=odd)
    assert os.listdir(tmp_path) == []


def test_a_state_whose_structure_changes(tmp_path):
    odd = optim.Transform(lambda parameters: None, lambda g, state, p: (tree.map(lambda x: -0.1 * x, g), 1.0))
    with pytest.raises(OptionError, match="changes its structure"):
        run(tmp_path / "run", optimizer=odd)
    assert os.listdir(tmp_path) == []


def test_numbers_of_every_kind_come_back(tmp_path):
    first = {
        "whole": 3,
        "real": 0.5,
        "yes": True,
        "scalar": np.float32(2.5),
        "bytes": np.arange(3, dtype=np.uint8),
        "infinite": np.array([np.inf, np.nan, -0.0]),
        "none": np.zeros((0, 2)),
    }
    odd = optim.Transform(lambda parameters: first, lambda g, state, p: (tree.map(lambda x: -0.1 * x, g), state))
    run(tmp_path / "run", optimizer=odd, epochs=1, compiled=False)
    found = run(tmp_path / "run", optimizer=odd, epochs=1, compiled=False, resume=True).state.optimizer
    assert list(found) == list(first)
    assert [type(leaf) for leaf in found.values()] == [type(leaf) for leaf in first.values()]
    assert bits(found) == bits(first)
