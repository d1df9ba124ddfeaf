"""Differences along an axis and what is made of them."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import (
    POSITIVE,
    REALS,
    SEEDS,
    Call,
    Case,
    along,
    between,
    distinct,
    fixed,
    in_double,
    shapes,
)

LONG = st.sampled_from((3, 4, 5))


def ascending(rng, shape):
    """Distinct numbers in order, at even distances but for some noise."""
    return 8 * np.sort(distinct(rng, shape))


def between_steps(rng, shape):
    """Numbers inside of and beyond four ascending ones, away from them."""
    return rng.choice([-9.0, -2.0, 0.0, 2.0, 9.0], shape) + rng.uniform(-0.3, 0.3, shape)


def places(rng, shape):
    """Four ascending numbers around -3, -1, 1 and 3."""
    return np.array([-3.0, -1.0, 1.0, 3.0]) + rng.uniform(-0.4, 0.4, shape)


@st.composite
def differing(draw):
    """An array, how often to take differences, and along which axis."""
    call = draw(along(REALS, whole=False))
    return Call(call.leaves, call.params | {"n": draw(st.integers(0, 3))}, draw(SEEDS))


def steep(rng, shape):
    """Angles that jump by more than half a turn here and there, never by nearly that."""
    return np.cumsum(rng.choice([0.5, 4.0, -5.0], shape) + rng.uniform(-0.2, 0.2, shape), axis=-1)


CASES = (
    Case("np.diff", np.diff, differing(), complex=True),
    Case(
        "np.diff",
        lambda x, y: np.diff(x, axis=0, prepend=0.0, append=y),
        fixed((REALS, (3, 2)), (REALS, (1, 2))),
        label="with ends",
    ),
    Case(
        "np.ediff1d",
        np.ediff1d,
        along(REALS, shape=shapes(1, 2)).map(lambda c: Call(c.leaves, {}, c.seed)),
        complex=True,
    ),
    Case(
        "np.ediff1d",
        lambda x, y: np.ediff1d(x, to_end=y, to_begin=[1.0, 2.0]),
        fixed((REALS, (4,)), (REALS, (2,))),
        complex=((0, 1), (0,)),
        label="with ends",
    ),
    Case("np.trapezoid", np.trapezoid, along(REALS, whole=False), complex=True),
    Case(
        "np.trapezoid", lambda y, x: np.trapezoid(y, x, axis=0), fixed((REALS, (4, 2)), (REALS, (4,))), label="over x"
    ),
    Case(
        "np.trapezoid",
        lambda y, x: np.trapezoid(y, x),
        fixed((REALS, (2, 4)), (REALS, (2, 4))),
        complex=True,
        label="over rows",
    ),
    Case("np.gradient", np.gradient, along(REALS, whole=False, shape=shapes(1, 2, LONG)), complex=True),
    Case(
        "np.gradient",
        lambda f, h, x: np.gradient(f, h, x, edge_order=2),
        fixed((REALS, (3, 4)), (POSITIVE, ()), (ascending, (4,))),
        complex=((0, 1, 2), (0,)),
        label="with distances",
    ),
    Case(
        "np.gradient",
        lambda f, h: np.gradient(f, h, edge_order=2),
        fixed((REALS, (3, 3)), (POSITIVE, ())),
        label="even",
    ),
    Case(
        "np.unwrap",
        np.unwrap,
        along(steep, whole=False, empty=False, shape=shapes(1, 2, LONG)).map(lambda c: Call(c.leaves, {}, c.seed)),
    ),
    Case("np.interp", np.interp, fixed((between_steps, (2, 3)), (places, (4,)), (REALS, (4,))), complex=((2,),)),
    Case(
        "np.interp",
        # Of numbers of type complex64 NumPy drops the imaginary part in right=.
        in_double(lambda x, fp: np.interp(x, [-3.0, -1.0, 1.0, 3.0], fp, left=0.0, right=fp[1])),
        fixed((between_steps, ()), (REALS, (4,))),
        complex=((1,),),
        label="with values outside",
    ),
    Case(
        "np.interp",
        lambda x, xp, fp: np.interp(x, xp, fp, period=9.0),
        fixed((between(1.6, 2.4), (3,)), (places, (4,)), (REALS, (4,))),
        complex=((2,),),
        label="with a period",
    ),
)
