"""States that steps write over: the same bits, and nothing that anybody holds is touched."""

import io
import signal

import numpy as np
import pytest
from rich.console import Console
from tests.train.runs import LOSS, NETWORK, T, Watch, X, bits, same_bits, without_seconds

from chainrule import optim, tree
from chainrule.errors import DivergenceError
from chainrule.nn import Network
from chainrule.train import compiled, fit, in_place
from chainrule.train.display import Bar
from chainrule.train.in_place import is_held_once
from chainrule.train.state import TrainState

OPTIONS = {"optimizer": optim.adam(0.01), "batch_size": 5, "rng": 5, "epochs": 4}


@pytest.fixture
def spent(monkeypatch):
    """Every state is large; lists for each step whether it writes over the state before."""
    found = []

    def noted(state):
        found.append(is_held_once(state))
        return found[-1]

    monkeypatch.setattr(in_place, "LARGE", 0)
    monkeypatch.setattr(compiled, "is_held_once", noted)
    return found


def run(network=NETWORK, loss=LOSS, t=T, **changes):
    return fit(network, network.initialize(0), loss, X, t, **(OPTIONS | changes))


def test_the_bits_are_those_of_copies(spent, monkeypatch):
    found = run()
    # The caller holds what it has given.
    assert spent == [False] + [True] * 19
    monkeypatch.setattr(in_place, "LARGE", 1 << 60)
    expected = run()
    assert same_bits((found.parameters, found.state.optimizer), (expected.parameters, expected.state.optimizer))
    assert without_seconds(found.history) == without_seconds(expected.history)


def test_memory_stays_the_same(spent):
    places = []
    run(callbacks=[lambda state: places.append([x.ctypes.data for x in tree.leaves(state.parameters)])])
    assert places == places[:1] * 4


def test_what_shows_a_run_holds_no_arrays(spent):
    run(progress=Bar(Console(file=io.StringIO(), force_terminal=True)))
    assert spent == [False] + [True] * 19


HOLDS = {
    "the state": lambda state: state,
    "a layer": lambda state: state.parameters[0],
    "all moments": lambda state: state.optimizer,
    "an array": lambda state: state.parameters[1]["weights"],
    "a view": lambda state: state.parameters[0]["weights"][1:, 2],
}


@pytest.mark.parametrize("what", HOLDS)
@pytest.mark.parametrize("when", ["steps", "epochs"])
def test_what_somebody_holds_stays_as_it_is(spent, what, when):
    held, copies = [], []

    def hold(state):
        if state.step in (5, 6, 15):
            held.append(HOLDS[what](state))
            copies.append(bits((state.parameters, state.optimizer) if what == "the state" else held[-1]))

    found = run(**({"progress": Watch(hold)} if when == "steps" else {"callbacks": [hold]}))
    assert len(held) == (3 if when == "steps" else 2)
    for one, copy in zip(held, copies, strict=True):
        assert bits((one.parameters, one.optimizer) if what == "the state" else one) == copy
    # The caller holds the first one.
    assert spent.count(True) == 20 - 1 - len(held)
    assert same_bits(found.parameters, run().parameters)


def test_what_is_given_stays_as_it_is(spent):
    first = NETWORK.initialize(0)
    copy = bits(first)
    half = fit(NETWORK, first, LOSS, X, T, **(OPTIONS | {"epochs": 2}))
    assert bits(first) == copy
    copy = bits((half.parameters, half.state.optimizer))
    fit(NETWORK, half.state, LOSS, X, T, **OPTIONS)
    assert bits((half.parameters, half.state.optimizer)) == copy
    assert spent.count(True) == 20 - 2


def test_a_callback_may_put_other_arrays_into_the_state(spent):
    def shrink(state):
        state.parameters[0]["weights"] = state.parameters[0]["weights"] / 2
        state.parameters[0]["bias"][:] /= 2

    found = run(callbacks=[shrink])
    assert all(spent[1:])
    assert same_bits(found.parameters, run(callbacks=[shrink, lambda state: None]).parameters)


def test_a_state_that_holds_an_array_twice_is_copied():
    one = TrainState(({"a": np.ones(2), "b": np.ones(3)},), (), None, seed=0)
    two, view, turned, part = (TrainState(({"a": np.ones((3, 3))},), (), None, seed=0) for _ in range(4))
    two.parameters[0]["b"] = two.parameters[0]["a"]
    memory = np.ones((4, 3))
    view.parameters[0]["a"] = memory[1:]
    turned.parameters[0]["a"] = np.ones((4, 3), order="F")
    # Nothing else refers to the memory of which this is a part.
    part.parameters[0]["a"] = np.ones((4, 3))[1:]
    found = [is_held_once(state) for state in (one, two, view, turned, part)]
    assert found == [True, False, False, False, True]
    del memory
    assert is_held_once(view)


def test_arrays_of_more_than_a_page_are_written_over(spent):
    """What steps hand back lies where they choose in a larger memory, and counts as held by the state alone, too."""
    network = Network.of(X.shape[1], (400,), T.shape[1])
    assert max(x.nbytes for x in tree.leaves(network.initialize(0))) >= 1 << 12
    run(network, "squared")
    assert len(spent) > 1
    assert all(spent[1:])


LEAKY, PLAIN = Network.of(3, (6,), 2, "leaky_relu"), Network.of(3)


def root(outputs, targets):
    return np.sqrt(outputs[:, 0]) + outputs[:, 0]


#: The network, its start, targets, loss and rate of runs in which something is not finite, and what the error says.
DIVERGES = {
    "the objective": (LEAKY, LEAKY.initialize(0), T, "squared", 1e6, "diverged"),
    "the update": (LEAKY, LEAKY.initialize(0, np.float32), T, "squared", 1e39, "the update of"),
    "the gradient": (PLAIN, tree.map(np.zeros_like, PLAIN.initialize(0)), T[:, :1], root, 0.1, "the gradient by"),
}


@pytest.mark.parametrize("what", DIVERGES)
def test_divergence_is_told_as_by_copies(spent, what, monkeypatch):
    network, start, t, loss, rate, says = DIVERGES[what]
    told = []
    for large in (0, 1 << 60):
        monkeypatch.setattr(in_place, "LARGE", large)
        with pytest.raises(DivergenceError, match=says) as caught:
            # Nothing here holds what it starts from.
            fit(network, tree.map(np.copy, start), loss, X, t, optimizer=optim.sgd(rate), epochs=9, rng=5)
        told.append((str(caught.value), caught.value.layer, caught.value.step))
    assert told[0] == told[1]
    assert spent == [True] * len(spent)


def test_going_back_to_half_the_rate(spent, monkeypatch):
    options = {"optimizer": optim.sgd(10.0), "loss": "squared", "epochs": 3, "on_divergence": "halve"}
    network = Network.of(3, (6, 5), 2, "leaky_relu")
    found = run(network, **options)
    monkeypatch.setattr(in_place, "LARGE", 1 << 60)
    expected = run(network, **options)
    assert len(found.history.halvings) == len(expected.history.halvings) > 0
    assert same_bits(found.parameters, expected.parameters)


def test_a_second_ctrl_c_in_a_step_comes_after_it(spent, monkeypatch):
    """Where the state is written over there is none to go back to, until the step is done."""
    whole = run()
    real = compiled.CompiledSteps.whole
    count = 0

    def pressed(self, *arguments):
        nonlocal count
        count += 1
        if count == 7:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return real(self, *arguments)

    monkeypatch.setattr(compiled.CompiledSteps, "whole", pressed)
    found = run()
    assert found.interrupted
    assert (found.state.step, found.state.epoch, found.state.batch) == (7, 1, 2)
    assert same_bits(run(**{"epochs": 4}).parameters, whole.parameters)
    rest = fit(NETWORK, found.state, LOSS, X, T, **OPTIONS)
    assert same_bits(rest.parameters, whole.parameters)


def test_a_handler_that_breaks_in_leaves_no_state(spent, monkeypatch):
    def handler(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        real = compiled.CompiledSteps.whole

        def pressed(self, *arguments):
            if len(spent) == 3:
                signal.raise_signal(signal.SIGINT)
            return real(self, *arguments)

        monkeypatch.setattr(compiled.CompiledSteps, "whole", pressed)
        with pytest.raises(KeyboardInterrupt):
            run()
    finally:
        signal.signal(signal.SIGINT, before)
