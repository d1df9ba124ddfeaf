"""Work in a thread beside: waited for, raised where it is asked for, and over before a process forks."""

import os
import threading

import llvmlite.binding as llvm
import numpy as np
import pytest
from tests.native.test_training import steps

from chainrule import nn, optim, train
from chainrule.native import beside, machine, products_parts, shuffling
from chainrule.native.beside import begun
from chainrule.native.machine import begun_code, new_module, object_code
from chainrule.native.products_parts import emit_part
from chainrule.train import compiled

pytestmark = pytest.mark.interpreted("it counts what is compiled")
PART = "chainrule.tile.float32.4.3.2"


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Nothing on disk, and nothing in memory."""
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(products_parts, "_addresses", {})
    compiled._translated.cache_clear()
    shuffling._object_code.cache_clear()
    shuffling._function.cache_clear()


def part():
    module = new_module("products")
    emit_part(module, PART)
    return module


def test_what_is_begun_runs_in_another_thread_and_is_waited_for():
    go = threading.Event()

    def work():
        assert go.wait(60)
        return threading.get_ident()

    wait = begun(work)
    go.set()
    found = wait()
    assert found != threading.get_ident()
    assert wait() == found


def test_what_it_raises_is_raised_where_it_is_waited_for():
    def work():
        raise KeyError("not there")

    wait = begun(work)
    for _ in range(2):
        with pytest.raises(KeyError, match="not there"):
            wait()
    assert not beside._under_way


def test_where_there_can_be_no_thread_the_caller_does_it(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert begun(threading.get_ident)() == threading.get_ident()
    assert not beside._under_way


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_waits_for_what_is_under_way():
    entered, done = threading.Event(), []

    def work():
        entered.set()
        done.append(sum(range(10**6)))

    begun(work)
    assert entered.wait(60)
    child = os.fork()
    if child == 0:
        os._exit(0 if done else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_code_begun_is_the_code():
    code = object_code(part())
    waits = [begun_code(part()), begun_code(str(part()))]
    assert [wait() == code for wait in waits] == [True, True]


def test_a_module_goes_before_its_context():
    """Whoever disposes of them in another order ends the process."""
    made = []
    emit = machine._emitted

    def emitted(target, parsed, context):
        made.append((parsed, context))
        return emit(target, parsed, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "_emitted", emitted)
        begun_code(part())()
    (parsed, context), *others = made
    assert not others
    assert parsed.closed
    assert context.closed


def test_code_is_emitted_without_the_lock_of_llvmlite():
    locked = llvm.ffi.lib.LLVMPY_TargetMachineEmitToMemory
    assert type(machine._emit()) is not type(locked)
    assert machine._emit().argtypes == locked.argtypes


def test_parts_are_made_while_the_code_that_calls_them_is(empty, monkeypatch):
    events = []
    emit, translate = machine._emitted, products_parts._translated
    made = threading.Event()

    def emitted(*args):
        assert made.wait(60)  # The parts do not wait for it.
        events.append("code")
        return emit(*args)

    def translated(name):
        found = translate(name)
        events.append("part")
        made.set()
        return found

    monkeypatch.setattr(machine, "_emitted", emitted)
    monkeypatch.setattr(products_parts, "_translated", translated)

    def f(state, rate, clock, x, t):
        w, before, count = state
        return w - rate * (x.T @ np.tanh(x @ w)), before * 1.0, count + 1, np.sum(x @ w)

    steps(f)
    assert events.index("code") > events.index("part")


def test_the_shuffle_is_begun_before_the_step_is_recorded(empty, monkeypatch):
    events = []
    record, begin = compiled.step_graph, machine.begun_code
    monkeypatch.setattr(compiled, "step_graph", lambda *args: events.append("recorded") or record(*args))
    monkeypatch.setattr(machine, "begun_code", lambda x: events.append("begun") or begin(x))
    network = nn.Network.of(4, [5], 3, "tanh", "softmax")
    x, targets = np.eye(8, 4), np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
    start = network.initialize(0)
    train.fit(network, start, "cross_entropy", x, targets, optimizer=optim.adam(0.1), epochs=1, batch_size=4, rng=0)
    assert events == ["begun", "recorded", "begun"]
