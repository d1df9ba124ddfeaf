"""Ctrl-C: it ends a run between steps, wherever it comes, and nothing half done is kept."""

import os
import signal
import threading

import numpy as np
import pytest
from tests.train.runs import LOSS, NETWORK, T, Watch, X, same_bits

from chainrule import optim
from chainrule.nn.losses import LOSSES
from chainrule.train import fit
from chainrule.train.interrupts import noted_interrupts

START = NETWORK.initialize(0)
OPTIONS = {"optimizer": optim.adam(0.01), "batch_size": 4, "rng": 5}
# A loss that does more than compute does it at every step only where steps are interpreted.
INTERPRETED = OPTIONS | {"compiled": False}


class PressesCtrlC:
    """Cross-entropy that sends SIGINT to the process while it computes a call of a given number."""

    def __init__(self, *calls):
        self.calls = calls
        self.count = -1  # fit calls it once to see whether the shapes fit

    def __call__(self, outputs, targets):
        self.count += 1
        if self.count in self.calls:
            signal.raise_signal(signal.SIGINT)
        return LOSSES[LOSS].function(outputs, targets)


def after(steps):
    """Parameters after so many steps of a run that nothing disturbs."""
    seen = []

    progress = Watch(lambda state: seen.append(state.parameters))
    fit(NETWORK, START, PressesCtrlC(), X, T, **INTERPRETED, epochs=3, progress=progress)
    return seen[steps - 1]


@pytest.mark.parametrize("call", [1, 3, 6])
def test_ctrl_c_in_the_middle_of_a_step_ends_the_run_after_it(call):
    found = fit(NETWORK, START, PressesCtrlC(call), X, T, **INTERPRETED, epochs=50)
    assert found.interrupted
    assert found.ended == "interrupt"
    assert found.state.step == call
    assert same_bits(found.parameters, after(call))


def test_the_run_goes_on_afterwards_as_if_nothing_had_happened():
    half = fit(NETWORK, START, PressesCtrlC(8), X, T, **INTERPRETED, epochs=3)
    rest = fit(NETWORK, half.state, PressesCtrlC(), X, T, **INTERPRETED, epochs=3)
    whole = fit(NETWORK, START, PressesCtrlC(), X, T, **INTERPRETED, epochs=3)
    assert (half.state.epoch, half.state.batch) == (1, 2)
    assert same_bits(rest.parameters, whole.parameters)


def test_a_second_ctrl_c_leaves_a_step_and_keeps_the_one_before():
    # Both while the step's loss is computed: the first is noted, the second breaks in.
    class Twice(PressesCtrlC):
        def __call__(self, outputs, targets):
            if self.count + 1 in self.calls:
                signal.raise_signal(signal.SIGINT)
            return super().__call__(outputs, targets)

    found = fit(NETWORK, START, Twice(5), X, T, **INTERPRETED, epochs=50)
    assert found.interrupted
    assert found.state.step == 4
    assert found.state.batch == 4


def test_ctrl_c_ends_a_run_after_the_chunk_under_way(monkeypatch):
    monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)
    pressed = []

    def press(state):
        if state.epoch == 2 and not pressed:
            pressed.append(state)
            signal.raise_signal(signal.SIGINT)

    half = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=50, progress=Watch(press))
    assert half.interrupted
    assert half.interpreted is None
    assert half.state is pressed[0]
    rest = fit(NETWORK, half.state, LOSS, X, T, **OPTIONS, epochs=4)
    assert same_bits(rest.parameters, fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=4).parameters)


def test_ctrl_c_while_machine_code_runs():
    timers = []

    def press(state):
        if not timers:
            timers.append(threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)))
            timers[0].start()

    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=10_000_000, progress=Watch(press))
    timers[0].join()
    assert found.interrupted
    assert found.state.step == 6 * found.state.epoch + found.state.batch
    assert np.all(np.isfinite(found.parameters[0]["weights"]))


def test_a_second_ctrl_c_between_chunks_keeps_the_one_before(monkeypatch):
    monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)

    def press(state):
        if state.epoch == 2:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=50, progress=Watch(press))
    assert found.interrupted
    assert found.state.epoch == 2


def test_ctrl_c_before_the_first_step_keeps_the_start():
    class Impatient:
        def begin(self, task, state, epochs):
            raise KeyboardInterrupt

        def end(self):
            pass

    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=5, progress=Impatient())
    assert found.interrupted
    assert found.parameters is START
    assert len(found.history) == 0


def test_ctrl_c_in_a_callback():
    def press(state):
        signal.raise_signal(signal.SIGINT)

    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=5, callbacks=[press])
    assert found.interrupted
    assert len(found.history) == 1


def test_the_best_parameters_are_kept_too():
    options = INTERPRETED | {"epochs": 50, "validation": (X, 1 - T), "patience": 40}
    # The held-out targets are the opposite ones: the first epoch is the best.
    found = fit(NETWORK, START, PressesCtrlC(40), X, T, **options)
    assert found.interrupted
    assert found.state.best.epoch == 1
    assert same_bits(found.parameters, after(6))


def test_python_s_handler_is_back_afterwards():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    fit(NETWORK, START, PressesCtrlC(3), X, T, **INTERPRETED, epochs=5)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(ZeroDivisionError), noted_interrupts():
        _ = 1 / 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_handler_of_the_user_s_own_is_left_alone():
    caught = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        found = fit(NETWORK, START, PressesCtrlC(3), X, T, **INTERPRETED, epochs=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert caught == [signal.SIGINT]
    assert not found.interrupted


def test_other_threads_train_as_well():
    found = []

    def work():
        found.append(fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=2))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0].ended == "epochs"
    assert np.all(np.isfinite(found[0].parameters[0]["weights"]))
