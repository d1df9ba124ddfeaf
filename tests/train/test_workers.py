"""Work in several processes: the same results, errors that travel, and nothing that stays behind."""

import multiprocessing
import os
import pickle
import signal
import time

import pytest

from chainrule.errors import ChainruleError, CheckpointError, DivergenceError, OptionError
from chainrule.train.workers import do_all


def work(shared, piece):
    if piece == "diverge":
        raise DivergenceError("too far", layer=2, step=7)
    if piece == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if piece == "threads":
        from threadpoolctl import threadpool_info

        from chainrule.native.pool import threads

        return threads(), [pool["num_threads"] for pool in threadpool_info()], signal.getsignal(signal.SIGINT)
    if piece == "sleep":
        time.sleep(60)
    return shared * piece


def children():
    return set(multiprocessing.active_children())


def gone(before):
    """Whether all processes that were started since end soon."""
    # Joining them does not say so: the executor's own thread waits for them too, and whoever comes second is told that
    # there is no such process, before the first has written down that it ended.
    end = time.monotonic() + 30
    while not (ended := children() <= before) and time.monotonic() < end:
        time.sleep(0.01)
    return ended


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_piece_once(jobs):
    before = children()
    assert sorted(do_all(work, 3, list(range(7)), jobs)) == [(i, 3 * i) for i in range(7)]
    assert gone(before)


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_are_results(jobs):
    found = dict(do_all(work, 1, ["diverge", 5], jobs))
    assert found[1] == 5
    assert isinstance(found[0], DivergenceError)
    assert (str(found[0]), found[0].layer, found[0].step) == ("too far", 2, 7)


def test_a_process_has_one_thread_and_ignores_ctrl_c():
    for _, (native, pools, handler) in do_all(work, 1, ["threads", "threads"], 2):
        assert native == 1
        assert pools
        assert set(pools) == {1}
        assert handler == signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_that_dies_ends_nothing_else():
    before = children()
    found = dict(do_all(work, 1, ["die", "sleep"], 2))
    assert len(found) == 2
    assert isinstance(found[0], ChainruleError)
    assert "ended by itself" in str(found[0])
    assert gone(before)


def test_processes_end_when_nobody_waits_for_them():
    before = children()
    results = do_all(work, 1, ["sleep", "sleep", 4], 2)
    pieces = do_all(work, 1, [1, "sleep"], 2)
    assert next(pieces) == (0, 1)
    pieces.close()
    del results  # never begun
    assert gone(before)


@pytest.mark.parametrize(
    "error", [DivergenceError("x", layer=None, step=3), OptionError("x"), CheckpointError("x"), ChainruleError("x")]
)
def test_errors_travel(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.__dict__) == (str(error), error.__dict__)
