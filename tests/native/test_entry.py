"""Entries: many results, failures half way, and the block of memory that calls hand on."""

import ctypes
import gc
import resource
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from chainrule import jit
from chainrule.evaluate import evaluate
from chainrule.native import entry_writer, workspace
from chainrule.native.entry import Only, entry_of
from chainrule.native.entry_code import EntryCode
from chainrule.native.garbage import collector_paused
from chainrule.native.program import Program
from chainrule.trace import trace


def program_of(f, *args):
    return Program(trace(f)(*args))


def entry_for(f, *args, nan=False):
    """An entry whose arguments are arrays or floats."""
    return entry_of(
        program_of(f, *args), [np.ndarray if isinstance(x, np.ndarray) else type(x) for x in args], (), (), nan=nan
    )


def several(count):
    """As many results, of different ranks and dtypes, as there are arguments."""

    def f(*args):
        return tuple(np.sum(x) if k % 7 == 3 else x[k % 2 :] * 2.0 + k for k, x in enumerate(args))

    return f, [
        np.arange(6.0).reshape((6,) if k % 3 else (3, 2)).astype(np.float32 if k % 5 == 1 else float)
        for k in range(count)
    ]


@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize("count", [1, 2, 160])
def test_results(count, nan):
    f, args = several(count)
    found = entry_for(f, *args, nan=nan).function(*args)
    expected = f(*args)
    for a, b in zip(found if count > 1 else (found,), expected, strict=True):
        assert (type(a), a.dtype, a.shape) == (type(b), b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)


def test_the_code_does_not_grow_with_the_number_of_arrays():
    def text_for(count):
        f, args = several(7 * count)
        program = program_of(lambda *x: [a for k, a in enumerate(f(*x)) if k % 7 != 3], *args)
        return str(EntryCode(program, [np.ndarray] * len(args), (), (), True).module)

    assert abs(len(text_for(20)) - len(text_for(2))) < 200


@pytest.mark.parametrize(
    "changed",
    [
        lambda x: x.astype(np.float32),
        lambda x: x.T,
        lambda x: x[:2],
        lambda x: x[0],
        lambda x: x[..., None],
        lambda x: x.tolist(),
        lambda x: 1.0,
        lambda x: None,
        lambda x: x.view(type("Own", (np.ndarray,), {})),
        lambda x: x.astype(">f8"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_an_entry_was_not_made_for(changed, place):
    args = [np.arange(12.0).reshape(3, 4) + k for k in range(3)]
    function = entry_for(lambda x, y, z: (x + y, y * z), *args).function
    assert function(*args) is not NotImplemented
    args[place] = changed(args[place])
    assert function(*args) is NotImplemented
    assert function(*args[:2]) is NotImplemented


def test_the_one_object_at_a_place():
    program = program_of(lambda x: x + 1.0, np.ones(2))
    function = entry_of(program, [Only("mode"), np.ndarray], (), (), nan=False).function
    np.testing.assert_array_equal(function("mode", np.ones(2)), [2.0, 2.0])
    assert function("other", np.ones(2)) is NotImplemented


def test_every_leading_size():
    rng = np.random.default_rng(0)
    f = jit(lambda x, y: (np.cumsum(x, axis=0), x @ y, np.sum(x), y * 2.0))
    y = rng.normal(size=(3, 2))
    for rows in (2, 3, 5, 2, 700, 4):
        x = rng.normal(size=(rows, 3))
        for a, b in zip(f(x, y), (np.cumsum(x, axis=0), x @ y, np.sum(x), y * 2.0), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


# Failures


@pytest.mark.parametrize("fails_at", [0, 1, 4])
def test_results_are_let_go_of_where_one_cannot_be_made(monkeypatch, fails_at):
    made = []
    increase, decrease = ctypes.pythonapi.Py_IncRef, ctypes.pythonapi.Py_DecRef

    @ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p, ctypes.c_int)
    def empty(rank, lengths, description, _order):
        decrease(ctypes.c_void_p(description))
        if len(made) == fails_at:
            return None
        array = np.empty(lengths[:rank])
        made.append(weakref.ref(array))
        increase(ctypes.py_object(array))
        return id(array)

    address = ctypes.cast(empty, ctypes.c_void_p).value
    known = {**entry_writer._functions(), "PyArray_Empty": address}
    monkeypatch.setattr(entry_writer, "_functions", lambda: known)
    x = np.ones(300_000)
    entry = entry_for(lambda x: tuple(np.cumsum(x * k)[k:] for k in range(5)), x)
    with pytest.raises(SystemError, match=r"without setting an exception|without exception set"):
        entry.function(x)
    assert len(made) == fails_at
    assert [array() for array in made] == [None] * fails_at
    # The memory of the call is there again.
    assert workspace.slot().bytes >= x.nbytes
    fails_at = -1
    for k, found in enumerate(entry.function(x)):
        np.testing.assert_array_equal(found, np.cumsum(x * k)[k:])


def test_a_result_that_is_nan_lets_go_of_all():
    x = np.ones(300_000)
    entry = entry_for(lambda x: (np.cumsum(x), np.log(x)), x, nan=True)
    assert entry.function(x) is not NotImplemented
    for place in (0, 7, x.size - 1):
        bad = x.copy()
        bad[place] = -1.0
        assert entry.function(bad) is NotImplemented
    assert entry.function(x) is not NotImplemented


# The block that is kept


def long(x):
    """Some intermediate arrays as long as the argument, and a result that is a number."""
    return np.sum(np.cumsum(np.cumsum(np.sin(x)) * 1e-3) * x)


def test_calls_hand_their_memory_on():
    x = np.linspace(0.0, 1.0, 3_000_000)
    function = entry_for(long, x).function
    function(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    found = [function(x) for _ in range(5)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1000
    np.testing.assert_allclose(found, long(x), rtol=1e-9)
    assert workspace.slot().bytes >= x.nbytes


def test_the_memory_goes_with_the_last_program():
    code = """
import gc, weakref
import numpy as np
from chainrule import jit
from chainrule.native import workspace
f = jit(lambda x: np.sum(np.cumsum(np.sin(x)) * x))
g = jit(lambda x: np.sum(np.cumsum(np.cos(x)) * x))
x = np.ones(3_000_000)
f(x), g(x)
slot = weakref.ref(workspace.slot())
word = slot()._word
del f
gc.collect()
print(slot().bytes >= x.nbytes, word.value != 0)
before = resident()
del g
gc.collect()
print(slot() is None, before - resident() > x.nbytes // 2, workspace.slot().bytes)
"""
    resident = """
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
"""
    found = subprocess.run([sys.executable, "-c", resident + code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True", "True", "True", "True", "0"]


def test_what_is_kept_has_a_bound(monkeypatch):
    monkeypatch.setattr(workspace, "KEPT", 1 << 23)
    slot = workspace.slot()
    large, small = np.ones(3_000_000), np.ones(200_000)
    before = slot.bytes
    large_entry = entry_for(long, large)
    large_entry.function(large)
    assert slot.bytes == before
    entry_for(long, small).function(small)
    assert slot.bytes >= small.nbytes


def test_the_larger_block_is_kept():
    slot = workspace.slot()
    sizes = [150_000, 600_000, 300_000]
    arguments = [np.ones(size) for size in sizes]
    functions = [entry_for(long, x).function for x in arguments]
    seen = []
    for function, x in zip(functions, arguments, strict=True):
        function(x)
        seen.append(slot.bytes)
    assert seen == sorted(seen)
    assert seen[1] >= 600_000 * 8


def test_threads_that_call_at_once():
    sizes = [150_000, 250_000, 400_000]
    rng = np.random.default_rng(0)
    cases = []
    for size in sizes:
        inputs = [rng.normal(size=size) for _ in range(4)]
        cases.append((entry_for(long, inputs[0]).function, inputs, [long(x) for x in inputs]))
    wrong = []
    start = threading.Barrier(6)

    def work(number):
        function, inputs, expected = cases[number % len(cases)]
        start.wait()
        for turn in range(60):
            k = (turn + number) % len(inputs)
            found = function(inputs[k])
            if not np.isclose(found, expected[k], rtol=1e-9):
                wrong.append((number, turn, found, expected[k]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert workspace.slot().bytes >= 150_000 * 8


# Layers that share their instructions


def test_layers_have_their_instructions_in_common():
    def network(x, *weights):
        for w in weights:
            x = np.tanh(x @ w) * 0.5
        return x

    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(8, 16)), [rng.normal(size=(16, 16)) for _ in range(30)]
    graph = trace(network)(x, *weights)
    program = Program(graph)
    np.testing.assert_allclose(program(x, *weights)[0], evaluate(graph, x, *weights)[0], rtol=1e-12)
    from chainrule.native.lowering import Lowering

    names = [f.name for f in Lowering(program.graph, {}).module.functions]
    assert len([name for name in names if name.endswith(".body")]) <= 6


# The collector


def test_the_collector_runs_again_after_a_pause():
    assert gc.isenabled()
    try:
        with collector_paused(), collector_paused():
            assert not gc.isenabled()
            raise RuntimeError
    except RuntimeError:
        assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    try:
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_pauses_of_several_threads():
    entered, leave = threading.Event(), threading.Event()

    def work():
        with collector_paused():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    with collector_paused():
        leave.set()
        thread.join()
        assert not gc.isenabled()
    assert gc.isenabled()
