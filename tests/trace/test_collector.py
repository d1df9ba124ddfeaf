"""The collector of reference cycles is off in a long recording, and as it was afterwards."""

import gc
import threading

import numpy as np
import pytest

from chainrule import grad, trace
from chainrule.trace.collector import pause

LONG = 10_000


@pytest.fixture(autouse=True)
def _as_before():
    assert gc.isenabled()
    assert pause not in gc.callbacks
    # Young objects of other tests would make the first collection a larger one, old ones every later one a slow one.
    gc.freeze()
    yield
    gc.unfreeze()
    assert gc.isenabled()
    assert pause not in gc.callbacks


def chain(x, steps=LONG):
    for _ in range(steps):
        x = 0.999 * x + 0.001
    return x


@pytest.mark.parametrize("make", [grad, trace])
def test_off_in_a_long_recording(make):
    seen = []

    def f(x):
        seen.append(gc.isenabled())
        y = chain(x)
        seen.append(gc.isenabled())
        return y

    make(f)(2.0)
    assert seen == [True, False]
    assert gc.isenabled()


def test_left_alone_in_a_short_one():
    assert grad(lambda x: x * gc.isenabled())(2.0) == 1.0


def test_on_again_after_an_exception():
    def f(x):
        chain(x)
        assert not gc.isenabled()
        raise KeyError("in the middle")

    with pytest.raises(KeyError):
        grad(f)(2.0)
    assert gc.isenabled()


def test_a_recording_inside_does_not_switch_it_on():
    def f(x):
        y = chain(x)
        before = gc.isenabled()
        slope = grad(lambda z: z * y)(1.0)
        assert (before, gc.isenabled()) == (False, False)
        return slope

    np.testing.assert_allclose(grad(f)(2.0), 0.999**LONG, rtol=1e-9)


def test_who_switched_it_off_finds_it_off():
    def f(x):
        gc.collect()  # calls the callbacks all the same
        return chain(x)

    gc.disable()
    try:
        grad(f)(2.0)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_end_of_a_recording_in_another_thread_does_not_switch_it_on():
    def f(x):
        y = chain(x)
        other = threading.Thread(target=lambda: grad(np.sin)(1.0))
        other.start()
        other.join()
        assert not gc.isenabled()
        return y

    grad(f)(2.0)
    assert gc.isenabled()


def test_cycles_of_an_earlier_call_are_found_in_a_loop_of_long_recordings():
    """The collector is off within each, but gets to its turn between them."""

    class Knot:
        """Refers to itself, so that only the collector frees it."""

        alive = 0

        def __init__(self):
            self.itself = self
            Knot.alive += 1

        def __del__(self):
            Knot.alive -= 1

    def f(x):
        Knot()
        return chain(x, 3_000)

    for _ in range(30):
        grad(f)(2.0)
    assert Knot.alive < 30
