"""The table and the CSV log: what they hold after runs that end, break off and go on."""

import csv
import io
import os
import pickle
import subprocess
import sys

import pytest
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, X

from chainrule import optim
from chainrule.errors import DataError
from chainrule.nn import Network
from chainrule.train import Epoch, fit
from chainrule.train.callbacks import CSVLog, Table

START = NETWORK.initialize(0)
OPTIONS = {"optimizer": optim.sgd(0.1), "batch_size": 4, "rng": 0}


def run(epochs, callbacks, start=START, **options):
    return fit(NETWORK, start, LOSS, X, T, **OPTIONS | options, epochs=epochs, callbacks=callbacks)


def rows_of(path):
    with open(path, newline="") as file:
        names = ("epoch", "steps")
        return tuple(
            Epoch(**{k: None if v == "" else int(v) if k in names else float(v) for k, v in row.items()})
            for row in csv.DictReader(file)
        )


def numbers(rows):
    return [(row.epoch, row.steps, row.objective, row.validation, row.rate) for row in rows]


def stop_at(epoch):
    return lambda state: state.epoch == epoch


@pytest.mark.parametrize("options", [{}, {"validation": HELD_OUT}, {"batch_size": None}])
def test_the_log_holds_the_history_to_the_last_bit(tmp_path, options):
    found = run(7, [CSVLog(tmp_path / "run.csv")], **options)
    assert rows_of(tmp_path / "run.csv") == found.history.rows


def test_a_row_is_there_as_soon_as_its_epoch_is_over(tmp_path):
    seen = []
    run(3, [CSVLog(tmp_path / "run.csv"), lambda state: seen.append(len(rows_of(tmp_path / "run.csv")))])
    assert seen == [1, 2, 3]


def test_a_run_that_goes_on_adds_to_its_log(tmp_path):
    log = tmp_path / "run.csv"
    first = run(9, [CSVLog(log), stop_at(4)])
    found = run(9, [CSVLog(log)], first.state)
    assert rows_of(log) == found.history.rows
    assert len(found.history) == 9


def test_epochs_after_the_checkpoint_are_replaced(tmp_path):
    """Killed after epoch 7, the run goes on from its checkpoint of epoch 4."""
    log = tmp_path / "run.csv"
    states = {}
    run(7, [CSVLog(log), lambda state: states.setdefault(state.epoch, state) and None])
    assert [row.epoch for row in rows_of(log)] == list(range(1, 8))
    found = run(6, [CSVLog(log)], states[4])
    assert numbers(rows_of(log)) == numbers(found.history)
    assert [row.epoch for row in rows_of(log)] == [1, 2, 3, 4, 5, 6]


def test_rows_that_the_log_lacks_are_written_when_the_run_goes_on(tmp_path):
    first = run(3, [])
    found = run(5, [CSVLog(tmp_path / "run.csv")], first.state)
    assert rows_of(tmp_path / "run.csv") == found.history.rows


def diverging(callbacks):
    """A run that goes back to its start, with half the rate, until it learns."""
    network = Network.of(3, (5,), 2, activation="relu", output="identity")
    optimizer = optim.sgd(40.0)
    return fit(
        network,
        network.initialize(0),
        "squared",
        X,
        T,
        optimizer=optimizer,
        epochs=12,
        batch_size=4,
        rng=0,
        callbacks=callbacks,
        on_divergence="halve",
    )


def test_rows_of_epochs_that_were_taken_back_are_not_kept(tmp_path):
    log = tmp_path / "run.csv"
    most = []
    found = diverging([CSVLog(log), lambda state: most.append(state.epoch)])
    assert found.history.halvings
    assert len(most) > len(set(most))
    assert rows_of(log) == found.history.rows


def test_the_torn_row_of_a_crash_is_left_out(tmp_path):
    log = tmp_path / "run.csv"
    first = run(9, [CSVLog(log), stop_at(4)])
    with open(log, "a") as file:
        file.write("5,30,0.4")
    found = run(9, [CSVLog(log)], first.state)
    assert rows_of(log) == found.history.rows


@pytest.mark.parametrize("left", [0, 5, 20])
def test_a_crash_within_the_names_of_the_columns_is_no_other_file(tmp_path, left):
    log = tmp_path / "run.csv"
    log.write_text("epoch,steps,objective,validation,rate,seconds\n"[:left])
    assert rows_of(log) == () or left
    found = run(2, [CSVLog(log)])
    assert rows_of(log) == found.history.rows


@pytest.mark.parametrize("text", ["my notes\n", "epoch,loss\n1,0.5\n", "epoch,steps,objective\n", "\x00\xff"])
def test_another_file_is_not_overwritten(tmp_path, text):
    log = tmp_path / "notes.csv"
    log.write_text(text)
    with pytest.raises(DataError, match=r"notes\.csv: there is a file already that is no log of a run"):
        CSVLog(log)
    assert log.read_text() == text


@pytest.mark.parametrize("line", ["1,6,0.5,,0.1\n", "1,6,half,,0.1,0.1\n", "one,6,0.5,,0.1,0.1\n", "x\n"])
def test_a_log_with_a_line_of_something_else_is_not_overwritten(tmp_path, line):
    log = tmp_path / "run.csv"
    log.write_text(text := "epoch,steps,objective,validation,rate,seconds\n" + line)
    with pytest.raises(DataError, match="line 2 is no row of the log of a run"):
        run(1, [CSVLog(log)])
    assert log.read_text() == text


def test_the_log_of_another_run_is_not_overwritten(tmp_path):
    log = tmp_path / "run.csv"
    run(3, [CSVLog(log)])
    before = log.read_bytes()
    with pytest.raises(DataError, match="this is the log of another run: its epoch 1 has the objective 0"):
        run(3, [CSVLog(log)], rng=1)
    assert log.read_bytes() == before


def test_the_same_run_may_start_again(tmp_path):
    log = CSVLog(tmp_path / "run.csv")
    run(5, [log])
    found = run(3, [log])
    assert numbers(rows_of(tmp_path / "run.csv")) == numbers(found.history)


def test_a_log_that_is_changed_beside_the_run_is_put_right(tmp_path):
    log = tmp_path / "run.csv"

    def remove(state):
        if state.epoch == 2:
            os.unlink(log)

    found = run(4, [CSVLog(log), remove])
    assert rows_of(log) == found.history.rows


def test_a_folder_that_is_missing_is_found_before_the_run(tmp_path):
    with pytest.raises(DataError, match="the log cannot be written"):
        CSVLog(tmp_path / "no" / "run.csv")
    with pytest.raises(DataError, match="the log cannot be read"):
        CSVLog(tmp_path)


_SMALL = """
import resource, signal, sys
sys.path.insert(0, ".")
from tests.train.runs import LOSS, NETWORK, T, X
from chainrule import optim
from chainrule.train import fit
from chainrule.train.callbacks import CSVLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))
fit(NETWORK, NETWORK.initialize(0), LOSS, X, T, optimizer=optim.sgd(0.1), epochs=100, rng=0, compiled=False,
    callbacks=[CSVLog(sys.argv[1])])
"""


def test_a_full_disk_leaves_whole_rows(tmp_path):
    log = tmp_path / "run.csv"
    done = subprocess.run([sys.executable, "-c", _SMALL, log], capture_output=True, text=True)
    assert "the log cannot be written" in done.stderr.splitlines()[-1]
    assert log.read_bytes().endswith(b"\n")
    assert [row.epoch for row in rows_of(log)] == list(range(1, len(rows_of(log)) + 1))
    assert 0 < len(rows_of(log)) < 100


def test_a_copy_in_another_process_looks_at_the_file_first(tmp_path):
    log = CSVLog(tmp_path / "run.csv")
    first = run(4, [log])
    found = run(6, [pickle.loads(pickle.dumps(log))], first.state)
    assert rows_of(tmp_path / "run.csv") == found.history.rows


def table(epochs, start=START, **options):
    stream = io.StringIO()
    found = run(epochs, [Table(stream)], start, **options)
    return stream.getvalue().splitlines(), found


def test_the_table_has_a_line_for_every_epoch():
    lines, found = table(3, validation=HELD_OUT)
    assert lines[0].split() == ["epoch", "steps", "objective", "validation", "rate", "seconds"]
    assert [line.split()[:2] for line in lines[1:]] == [["1", "6"], ["2", "12"], ["3", "18"]]
    assert lines[2].split()[2] == f"{found.history[1].objective:.4f}"
    assert len({len(line) for line in lines}) == 1


def test_the_table_leaves_out_what_there_is_not():
    lines, _ = table(1)
    assert lines[0].split() == ["epoch", "steps", "objective", "rate", "seconds"]


def test_the_table_goes_to_standard_output(capsys):
    run(1, [Table()])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_every_run_has_the_names_of_the_columns():
    stream = io.StringIO()
    one = Table(stream)
    run(2, [one])
    run(2, [one])
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["epoch", "1", "2"] * 2


def test_the_table_says_that_a_run_has_gone_back():
    stream = io.StringIO()
    diverging([Table(stream)])
    lines = stream.getvalue().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("diverged at step "))
    assert lines[first + 1] == lines[0]


def test_a_true_result_ends_the_run():
    found = run(100, [lambda state: state.history[-1].objective < 0.6])
    assert found.ended == "callback"
    assert found.history[-1].objective < 0.6 <= found.history[-2].objective
