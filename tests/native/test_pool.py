"""The pool: every slice once, the same bits from any number of threads, forks, signals, and no core kept busy."""

import ctypes
import os
import subprocess
import sys
import threading
import time

import llvmlite.ir as ir
import numpy as np
import pytest
from tests.native.products import factors

from chainrule.errors import OptionError
from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.imports import addresses, imported
from chainrule.native.pool import emit_parallel, pool, set_threads, threads, using_threads
from chainrule.native.products import Product, emit_product
from chainrule.native.types import INT, POINTER

posix = pytest.mark.skipif(sys.platform == "win32", reason="the pool has threads on POSIX systems")


def counting():
    """A function (counts, work, slices, regions) whose slice i adds 1 to counts[i], after some work."""
    module = machine.new_module("test")
    one = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, INT]), "one")
    e = Emitter(one)
    context, number = one.args
    counts, work = (e.b.load(e.b.gep(context, [e.int(i)], source_etype=INT), typ=INT) for i in range(2))
    with e.loop(e.int(0), work, carried=[number]) as loop:
        loop.carry = [e.b.add(e.b.mul(loop.carry[0], e.int(0x5851F42D4C957F2D)), loop.index)]
    place = e.b.inttoptr(e.b.add(counts, e.b.mul(number, e.int(8))), INT.as_pointer())
    # The work's result is used, so that it is done: it is added and taken away.
    e.b.atomic_rmw("add", place, loop.carry[0], "seq_cst")
    e.b.atomic_rmw("add", place, e.b.sub(e.int(1), loop.carry[0]), "seq_cst")
    e.b.ret_void()
    nested = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, INT]), "nested")
    e = Emitter(nested)
    emit_parallel(e, one, nested.args[0], e.int(5))
    e.b.ret_void()
    for name, slice_ in (("run", one), ("run_nested", nested)):
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, INT, INT]), name)
        e = Emitter(function)
        with e.loop(e.int(0), function.args[2]):
            emit_parallel(e, slice_, *function.args[:2])
        e.b.ret_void()
    library = machine.compiled(module, ("run", "run_nested"), addresses(imported(module)))

    def runner(name):
        call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(library.addresses[name])

        def run(counts, work=0, regions=1, slices=None):
            context = np.array([counts.ctypes.data, work], np.int64)
            call(context.ctypes.data, len(counts) if slices is None else slices, regions)

        run.library = library
        return run

    return runner("run"), runner("run_nested")


@pytest.fixture(scope="module")
def runners():
    return counting()


@pytest.fixture(params=[1, 2, 3, 5])
def number(request):
    with using_threads(request.param):
        yield request.param


@pytest.mark.parametrize("slices", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("work", [0, 300])
def test_every_slice_runs_once(runners, number, slices, work):
    counts = np.zeros(slices, np.int64)
    runners[0](counts, work, regions=50)
    np.testing.assert_array_equal(counts, 50)


def test_regions_after_a_rest(runners, number):
    """The threads sleep between the regions, and wake up."""
    counts = np.zeros(16, np.int64)
    for _ in range(20):
        runners[0](counts, 3000)
        time.sleep(0.002)
    np.testing.assert_array_equal(counts, 20)


def test_slices_that_start_a_region(runners, number):
    counts = np.zeros(5, np.int64)
    runners[1](counts, slices=30, regions=20)
    np.testing.assert_array_equal(counts, 600)


def test_several_python_threads_at_once(runners, number):
    arrays = [np.zeros(20, np.int64) for _ in range(4)]
    callers = [threading.Thread(target=runners[0], args=(counts, 200, 300)) for counts in arrays]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for counts in arrays:
        np.testing.assert_array_equal(counts, 300)


def test_the_number_of_threads_changes_while_they_work(runners):
    counts = np.zeros(40, np.int64)
    caller = threading.Thread(target=runners[0], args=(counts, 50, 2000))
    with using_threads(2):
        caller.start()
        for count in (5, 1, 3, 1, 2) * 5:
            set_threads(count)
            time.sleep(0.002)
        caller.join()
    np.testing.assert_array_equal(counts, 2000)


@posix
def test_threads_start_when_needed_and_end_when_there_are_too_many(runners):
    def started(count, seconds=5.0):
        end = time.monotonic() + seconds
        while pool().field("started").value != count and time.monotonic() < end:
            time.sleep(0.001)
        return pool().field("started").value

    with using_threads(1):
        assert started(0) == 0
        with using_threads(4):
            runners[0](np.zeros(1, np.int64))
            assert started(0) == 0, "there was nothing to share"
            runners[0](np.zeros(2, np.int64))
            assert started(3) == 3
        assert started(0) == 0


@posix
def test_idle_threads_sleep(runners):
    with using_threads(4):
        runners[0](np.zeros(8, np.int64), 100, 10)
        time.sleep(0.05)
        before = time.process_time()
        time.sleep(0.3)
        assert time.process_time() - before < 0.05


def test_products_have_the_same_bits_from_any_number_of_threads():
    m, n, k = 1000, 40, 30
    product = Product("NN", np.dtype(np.float32), None, n, k, 16)
    module = machine.new_module("test")
    one = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, INT]), "one")
    e = Emitter(one)
    a, b, c = (e.b.load(e.b.gep(one.args[0], [e.int(i)], source_etype=POINTER), typ=POINTER) for i in range(3))
    start = e.b.mul(one.args[1], e.int(64))
    stop = e.b.add(start, e.int(64))
    stop = e.b.select(e.b.icmp_signed("<", stop, e.int(m)), stop, e.int(m))
    emit_product(e, product, a, b, c, batch=e.int(m), rows=(start, stop))
    e.b.ret_void()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), "run")
    e = Emitter(function)
    emit_parallel(e, one, function.args[0], e.int(-(-m // 64)))
    e.b.ret_void()
    library = machine.compiled(module, ("run",), addresses(imported(module)))
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(library.addresses["run"])
    a, b, want = factors("NN", m, n, k, np.float32)
    results = []
    for count in (1, 2, 5):
        with using_threads(count):
            c = np.zeros((m, n), np.float32)
            context = np.array([x.ctypes.data for x in (a, b, c)], np.int64)
            call(context.ctypes.data)
            results.append(c)
    np.testing.assert_allclose(results[0], want, atol=1e-4)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def script(text, **environment):
    """Run a program of its own; what it prints."""
    program = "import signal\nfrom tests.native.test_pool import *\nrun, nested = counting()\n" + text
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@posix
def test_a_forked_child_starts_its_own_threads():
    text = """
counts = np.zeros(50, np.int64)
run(counts, 100, 20)
child = os.fork()
if child == 0:
    assert pool().field("started").value == 0
    run(counts, 100, 20)
    os._exit(0 if (counts == 40).all() and pool().field("started").value == 2 else 1)
print(os.waitpid(child, 0)[1])
run(counts, 100, 20)
print((counts == 40).all())
"""
    assert script(text, CHAINRULE_THREADS="3") == ["0", "True"]


@posix
def test_the_keyboard_interrupts_between_calls():
    text = """
counts = np.zeros(50, np.int64)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        run(counts, 100, 20)
    print("late")
except KeyboardInterrupt:
    print("interrupted")
"""
    assert script(text, CHAINRULE_THREADS="3") == ["interrupted"]


@posix
def test_a_signal_reaches_the_interpreter_while_threads_sleep():
    text = """
run(np.zeros(50, np.int64), 100, 20)
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
start = time.monotonic()
try:
    time.sleep(20)
except KeyboardInterrupt:
    print(time.monotonic() - start < 10)
"""
    assert script(text, CHAINRULE_THREADS="3") == ["True"]


def test_a_process_that_ends_while_threads_look_for_work():
    for _ in range(3):
        assert script("run(np.zeros(50, np.int64), 100, 20)\nprint('end')", CHAINRULE_THREADS="4") == ["end"]


def test_the_environment_chooses_the_number():
    assert script("print(threads())", CHAINRULE_THREADS="7") == ["7"]
    program = """
from chainrule.errors import OptionError
from chainrule.native.pool import threads
try:
    threads()
except OptionError as error:
    print(str(error).split()[3], "1 or more" in str(error))
"""
    for wrong in ("0", "-1", "many", ""):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "CHAINRULE_THREADS": wrong},
            capture_output=True,
            text=True,
        )
        assert done.stdout.split() == ["CHAINRULE_THREADS", "True"], done.stderr


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell")
def test_without_a_choice_the_cores_of_the_process_are_used():
    environment = {key: value for key, value in os.environ.items() if key != "CHAINRULE_THREADS"}
    program = "import os; from chainrule.native.pool import threads; print(threads() == len(os.sched_getaffinity(0)))"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["True"], done.stderr


def test_a_number_below_one():
    with pytest.raises(OptionError, match="0 threads"):
        set_threads(0)


def test_the_number_is_restored():
    before = threads()

    def failing():
        with using_threads(before + 3):
            assert threads() == before + 3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert threads() == before
