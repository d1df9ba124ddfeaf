"""Schedules: functions from the step, counted from 0, to the rate."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import TypeAlias

import numpy as np

from chainrule.errors import OptionError
from chainrule.nn.layers import check_size

__all__ = ["SCHEDULES", "Schedule", "as_schedule", "constant", "cosine", "step"]

Schedule: TypeAlias = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """Keep one rate.

    Parameters
    ----------
    rate : float
        The rate, positive.

    Returns
    -------
    callable
        Step to rate.

    Raises
    ------
    OptionError
        For a rate that is not positive and finite.

    Examples
    --------
    >>> constant(0.1)(1000)
    0.1
    """
    rate = check_positive("the rate", rate)
    return partial(_constant, rate=rate)


def _constant(step: int, *, rate: float) -> float:
    return rate


def step(rate: float, every: int, factor: float = 0.5) -> Schedule:
    """Multiply the rate by `factor` after every so many steps.

    Parameters
    ----------
    rate : float
        First rate, positive.
    every : int
        Number of steps between two changes, positive.
    factor : float
        What the rate is multiplied by, positive.

    Returns
    -------
    callable
        ``rate * factor**(step // every)``.

    Raises
    ------
    OptionError
        For a number that is not positive and finite.

    Examples
    --------
    >>> halve = step(0.8, every=10)
    >>> halve(9), halve(10), halve(20)
    (0.8, 0.4, 0.2)
    """
    rate, factor = check_positive("the rate", rate), check_positive("the factor of a step schedule", factor)
    every = check_size("every", every)
    return partial(_in_steps, rate=rate, every=every, factor=factor)


def _in_steps(step: int, *, rate: float, every: int, factor: float) -> float:
    return rate * factor ** (step // every)


def cosine(rate: float, steps: int, floor: float = 0.0) -> Schedule:
    """Fall from `rate` to `floor` along half a period of the cosine.

    Parameters
    ----------
    rate : float
        First rate, positive.
    steps : int
        Number of steps until the floor is reached, positive; it is kept from there on.
    floor : float
        Last rate, from 0 to `rate`.

    Returns
    -------
    callable
        ``floor + (rate - floor) * (1 + cos(pi * step / steps)) / 2``; Loshchilov and Hutter, SGDR: stochastic
        gradient descent with warm restarts, 2017, equation 5, without restarts.

    Raises
    ------
    OptionError
        For a rate or a number of steps that is not positive and finite, or a floor above the rate.

    Examples
    --------
    >>> fall = cosine(0.1, steps=100)
    >>> [round(float(fall(k)), 3) for k in (0, 50, 100, 200)]
    [0.1, 0.05, 0.0, 0.0]
    """
    rate, steps, floor = check_positive("the rate", rate), check_size("steps", steps), float(floor)
    if not 0 <= floor <= rate:
        raise OptionError(f"the floor of a cosine schedule has to be from 0 to the rate {rate}, found {floor}")
    return partial(_cosine, rate=rate, steps=steps, floor=floor)


def _cosine(step: int, *, rate: float, steps: int, floor: float) -> float:
    found: float = floor + (rate - floor) * (1 + np.cos(math.pi * np.minimum(step, steps) / steps)) / 2
    return found


SCHEDULES: dict[str, Callable[..., Schedule]] = {"constant": constant, "step": step, "cosine": cosine}
#: What each of them encloses numbers in.
FORMULAS: dict[str, Callable[..., float]] = {"constant": _constant, "step": _in_steps, "cosine": _cosine}


def as_schedule(rate: float | Schedule) -> Schedule:
    """Return a schedule as it is, and a number as the schedule that keeps it.

    Parameters
    ----------
    rate : float or callable
        A rate or a schedule.

    Returns
    -------
    callable
        Step to rate.

    Raises
    ------
    OptionError
        For a number that is not positive and finite.

    Examples
    --------
    >>> as_schedule(0.1)(5)
    0.1
    """
    return rate if callable(rate) else constant(rate)


def check_positive(name: str, value: float) -> float:
    """Return `value` as a float, or raise OptionError where it is not positive and finite."""
    if not isinstance(value, Real) or not 0 < value < math.inf:
        found = value if isinstance(value, Real) else repr(value)
        raise OptionError(f"{name} has to be a positive finite number, found {found}")
    return float(value)
