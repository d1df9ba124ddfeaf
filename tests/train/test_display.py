"""Plain lines and the bar: what they say, and how seldom."""

import io
import threading
from types import SimpleNamespace

import pytest
from rich.console import Console
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, X

from chainrule import optim
from chainrule.train import Bar, Lines, display, fit, progress
from chainrule.train.callbacks import Table

START = NETWORK.initialize(0)
OPTIONS = {"optimizer": optim.sgd(0.1), "batch_size": 4, "rng": 0}


def lines(epochs, **options):
    stream = io.StringIO()
    found = fit(NETWORK, START, LOSS, X, T, **OPTIONS | options, epochs=epochs, progress=Lines(stream))
    return stream.getvalue().splitlines(), found


def test_a_line_says_epoch_loss_validation_and_rate():
    written, found = lines(2, validation=HELD_OUT)
    row = found.history[0]
    assert written[0] == f"epoch 1/2  loss {row.objective:.4f}  validation {row.validation:.4f}  rate 0.1000"
    assert len(written) == 2


@pytest.mark.parametrize("epochs", [1, 7, 20, 21, 100, 333])
def test_there_are_about_twenty_lines(epochs):
    written, _ = lines(epochs, batch_size=None)
    assert min(epochs, 10) <= len(written) <= 22
    assert written[0].startswith(f"epoch 1/{epochs} ")
    assert written[-1].startswith(f"epoch {epochs}/{epochs} ")
    assert len(set(written)) == len(written)


def test_the_last_epoch_has_a_line_when_the_run_ends_early():
    written, found = lines(1000, callbacks=[lambda state: state.epoch == 77], batch_size=None)
    assert found.state.epoch == 77
    assert [line.split("/")[0] for line in written] == ["epoch 1", "epoch 50", "epoch 77"]


def test_a_long_epoch_has_lines_of_its_own(monkeypatch):
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr("chainrule.train.display.time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr("chainrule.train.compiled._CHUNK_SECONDS", 0.0)
    written, _ = lines(1)
    assert len(written) > 1
    assert written[0].startswith("epoch 1/1 (")
    assert " %)  loss " in written[0]


def test_small_and_large_numbers_are_readable():
    written, _ = lines(1, optimizer=optim.sgd(3e-6), reduction="sum", regularizers=[lambda parameters: 1e7])
    assert written == ["epoch 1/1  loss 6.00e+07  rate 3.00e-06"]


def drawn(epochs, **options):
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    fit(NETWORK, START, LOSS, X, T, **OPTIONS | options, epochs=epochs, progress=Bar(console))
    return console.file.getvalue()


def test_the_bar_shows_epoch_loss_and_rate():
    text = drawn(3, validation=HELD_OUT)
    last = text.rpartition("epoch ")[2]
    assert last.startswith("3/3 ")
    for word in ("loss ", "validation ", "rate 0.1000"):
        assert word in last


def test_the_bar_shows_where_a_run_ended_early():
    assert drawn(9, callbacks=[lambda state: state.epoch == 4]).rpartition("epoch ")[2].startswith("4/9 ")


def test_the_bar_gives_the_terminal_back_after_an_error():
    def fail(state):
        raise ZeroDivisionError

    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with pytest.raises(ZeroDivisionError):
        fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=2, callbacks=[fail], progress=Bar(console))
    shown, hidden = "\x1b[?25h", "\x1b[?25l"
    text = console.file.getvalue()
    assert text.rindex(shown) > text.rindex(hidden)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_the_bar_and_all_else_lines(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(progress(Terminal()), Bar)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress(Terminal()), Lines)
    assert isinstance(progress(io.StringIO()), Lines)


def test_bars_of_several_threads_share_a_terminal():
    """Each is drawn below the others; the cursor goes up over all of them, and is given back once."""
    stream = io.StringIO()
    both = threading.Barrier(2, timeout=60)

    def train(seed):
        console = Console(file=stream, force_terminal=True, width=100, color_system=None)
        wait = [lambda state: both.wait() and None if state.epoch in (1, 2) else None]
        fit(
            NETWORK,
            START,
            LOSS,
            X,
            T,
            **OPTIONS | {"rng": seed},
            epochs=seed + 3,
            callbacks=wait,
            progress=Bar(console),
        )

    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = stream.getvalue()
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert text.count(hide) == text.count(show) == 1
    assert text.index(hide) < text.index(show)
    assert "epoch 3/3 " in text
    assert "epoch 4/4 " in text
    assert not display._drawn


def test_a_worker_process_writes_lines(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert type(progress(Terminal())) is Bar
    monkeypatch.setattr("multiprocessing.parent_process", lambda: object())
    assert type(progress(Terminal())) is Lines


class Calls:
    """A stream that notes each call of `write`."""

    def __init__(self):
        self.written = []

    def write(self, text):
        self.written.append(text)

    def flush(self):
        pass


def test_a_line_is_written_whole():
    stream = Calls()
    fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=3, progress=Lines(stream), callbacks=[Table(stream)])
    assert len(stream.written) == 3 + 4
    assert all(text.endswith("\n") for text in stream.written)
