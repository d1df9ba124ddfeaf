"""Schedules of the rate."""

import math

import numpy as np
import pytest

from chainrule.errors import OptionError
from chainrule.optim.schedules import SCHEDULES, as_schedule, constant, cosine, step


def test_table():
    assert {"constant": constant, "step": step, "cosine": cosine} == SCHEDULES


def test_constant():
    assert {constant(0.3)(k) for k in (0, 1, 10**9)} == {0.3}


def test_step():
    thirds = step(0.9, every=5, factor=1 / 3)
    np.testing.assert_allclose([thirds(k) for k in (0, 4, 5, 9, 10)], [0.9, 0.9, 0.3, 0.3, 0.1])


def test_cosine():
    fall = cosine(0.5, steps=8, floor=0.1)
    np.testing.assert_allclose([fall(k) for k in (0, 4, 8, 9, 1000)], [0.5, 0.3, 0.1, 0.1, 0.1])
    assert fall(2) == pytest.approx(0.1 + 0.2 * (1 + math.cos(math.pi / 4)))
    assert all(fall(k) > fall(k + 1) for k in range(8))


def test_numbers_and_schedules():
    assert as_schedule(0.2)(7) == 0.2
    assert as_schedule(np.float32(0.5))(0) == 0.5
    fall = cosine(0.5, 8)
    assert as_schedule(fall) is fall


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(0.0), "the rate has to be a positive finite number, found 0.0"),
        (lambda: constant(math.nan), "the rate has to be a positive finite number, found nan"),
        (lambda: constant("0.1"), "the rate has to be a positive finite number, found '0.1'"),
        (lambda: as_schedule(-0.1), "the rate has to be a positive finite number, found -0.1"),
        (lambda: step(0.1, 0), "every has to be a positive integer, found 0"),
        (lambda: step(0.1, 3, factor=0), "the factor of a step schedule has to be a positive"),
        (lambda: cosine(0.1, 2.5), "steps has to be a positive integer, found 2.5"),
        (
            lambda: cosine(0.1, 10, floor=0.2),
            "the floor of a cosine schedule has to be from 0 to the rate 0.1",
        ),
        (lambda: cosine(math.inf, 10), "the rate has to be a positive finite number, found inf"),
    ],
)
def test_bad_options(make, message):
    with pytest.raises(OptionError, match=message):
        make()
