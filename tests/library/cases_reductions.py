"""Reductions made of primitives, running sums, sort, clip and norms."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import (
    NONZERO,
    POSITIVE,
    REALS,
    SEEDS,
    Call,
    Case,
    along,
    broadcast,
    distinct,
    distinct_sizes,
    each,
    fixed,
    reduced,
)
from tests.ops.cases_elementwise import off_grid, on_grid

DDOF = st.sampled_from((0, 1, 0.5))


@st.composite
def weighted(draw):
    """What np.average takes: an array, an axis and weights, one for each entry or each row."""
    call = draw(reduced(NONZERO, axes="one", empty=False))
    (_, here), *_ = call.leaves
    axis = call.params.get("axis")
    row = (here[axis],) if axis is not None and draw(st.booleans()) else here
    return Call(((REALS, here), (POSITIVE, row)), call.params, call.seed)


def average(x, weights, **params):
    return np.average(x, weights=weights, **params)


@st.composite
def normed(draw, *orders, ndim=1, stack=True, domain=NONZERO):
    """An array, the order of a norm, and the axes of its vectors or matrices."""
    here = draw(st.lists(st.sampled_from((2, 1, 3)), min_size=ndim, max_size=3 if stack else ndim).map(tuple))
    params = {"ord": draw(st.sampled_from(orders))}
    if len(here) > ndim or draw(st.booleans()):
        axes = tuple(draw(st.permutations(range(len(here))))[:ndim])
        params["axis"] = axes[0] - len(here) if ndim == 1 else axes
    if draw(st.booleans()):
        params["keepdims"] = draw(st.booleans())
    return Call(((domain, here),), params, draw(SEEDS))


def clipped(x, low, high):
    return np.clip(x, low, high)


def above(rng, shape):
    return off_grid(rng, shape) + 4.0


CASES = (
    Case("np.amax", np.amax, reduced(distinct, empty=False), complex=True),
    Case("np.amin", np.amin, reduced(distinct, empty=False), complex=True),
    Case("np.ptp", np.ptp, reduced(distinct, empty=False), complex=True),
    Case("np.mean", np.mean, reduced(REALS, empty=False), complex=True),
    Case("np.mean", np.mean, reduced(REALS, empty=False, dtype=st.just(np.float64)), label="of a dtype"),
    Case("np.average", np.average, reduced(REALS, axes="one", empty=False), complex=True),
    Case("np.average", average, weighted(), label="weighted"),
    Case("np.var", np.var, reduced(REALS, empty=False, ddof=DDOF).filter(lambda call: freedom(call) > 0), complex=True),
    Case("np.var", lambda x: np.var(x, mean=np.mean(x)), each(REALS, shape=st.just((3,))), label="with its mean"),
    Case("np.std", np.std, reduced(distinct, empty=False, ddof=DDOF).filter(lambda call: freedom(call) > 1)),
    Case("np.std", np.std, fixed((distinct, (2, 3)), axis=1), complex=True, label="complex"),
    Case("np.sort", np.sort, along(distinct), complex=True),
    Case("np.cumulative_sum", np.cumulative_sum, each(REALS, shape=st.just((3,))), complex=True),
    Case("np.cumulative_prod", np.cumulative_prod, fixed((REALS, ())), label="of a number"),
    Case(
        "np.cumulative_prod",
        lambda x: np.cumulative_prod(x, axis=1, include_initial=True),
        fixed((REALS, (2, 3))),
        complex=True,
    ),
    Case("np.clip", clipped, broadcast(off_grid, on_grid, above), complex=True),
    Case("np.clip", lambda x: np.array(0.3).clip(x - 0.5, x + 3), each(off_grid), label="by the method of an array"),
    Case("np.clip", lambda x: np.clip(x, -0.8, None) + np.clip(x, None, 0.4), each(off_grid), label="on one side"),
    Case("np.clip", lambda x: x.clip(min=-0.8, max=0.4) + x.clip(-0.4, 0.8), each(off_grid), label="by name"),
    Case("np.linalg.norm", np.linalg.norm, each(NONZERO), complex=True),
    Case("np.linalg.norm", np.linalg.norm, normed(None, 1, 2, 3, 1.5, -1, -2, 0), complex=True, label="of vectors"),
    Case("np.linalg.norm", np.linalg.norm, normed(np.inf, -np.inf, domain=distinct_sizes), label="largest of vectors"),
    Case(
        "np.linalg.norm",
        np.linalg.norm,
        normed(None, "fro", 1, -1, np.inf, -np.inf, ndim=2),
        complex=True,
        label="of matrices",
    ),
)


def freedom(call):
    """Entries that go into one result, minus ddof."""
    (_, here), *_ = call.leaves
    axis = call.params.get("axis")
    return np.size(np.sum(np.ones(here), axis=axis)) and np.prod(here) / np.size(
        np.sum(np.ones(here), axis=axis)
    ) - call.params.get("ddof", 0)
