"""Functions that join arrays, take them apart, or choose between them."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import LENGTHS, REALS, SEEDS, Call, Case, each, fixed, in_double, shapes
from tests.ops.cases_shapes import joined, parts

LISTS = shapes(1, 1)


@st.composite
def stacked(draw, several=True):
    """Up to three arrays of one shape, and where the new axis goes."""
    here = draw(shapes())
    count = draw(st.integers(1, 3))
    axis = draw(st.integers(-len(here) - 1, len(here)))
    return Call(((REALS, here),) * count, {"axis": axis} if axis or draw(st.booleans()) else {}, draw(SEEDS))


@st.composite
def differing(draw, axis, low, high=3):
    """Up to three arrays that differ in length along `axis`, the one that the function joins along."""
    here = draw(shapes(low, high))
    leaves = []
    for _ in range(draw(st.integers(1, 3))):
        part = list(here)
        if len(part) > axis:
            part[axis] = draw(LENGTHS)
        leaves.append((REALS, tuple(part)))
    return Call(tuple(leaves), {}, draw(SEEDS))


@st.composite
def cut(draw, low=1, axis=True, equal=False):
    """An array and where to cut it: into a number of pieces, or at given places."""
    here = list(draw(shapes(low)))
    along = draw(st.integers(-len(here), len(here) - 1)) if axis is True else min(axis, len(here) - 1)
    params = {"axis": along} if axis is True else {}
    if draw(st.booleans()):
        count = draw(st.integers(1, 3))
        if equal:
            here[along] = count * draw(st.integers(0, 2))
        where = count
    else:
        where = draw(st.lists(st.integers(-1, 5), max_size=3))
    return Call(((REALS, tuple(here)),), {"indices_or_sections": where, **params}, draw(SEEDS))


CASES = (
    Case(
        "np.concatenate",
        lambda x: np.concatenate([x, [np.sum(x)]]),
        fixed((REALS, (3,))),
        label="with a list of numbers",
    ),
    Case("np.stack", joined(np.stack), stacked(), complex=True),
    Case(
        "np.stack", lambda x, y: np.stack([x, np.ones(x.shape), y], 0), each(REALS, REALS), label="with a plain array"
    ),
    Case(
        "np.block",
        lambda x, y: np.block([[x, np.ones((2, 3))], [y, 2.0 * x]]),
        fixed((REALS, (2, 3)), (REALS, (2, 3))),
        complex=True,
    ),
    Case("np.block", lambda x, y: np.block([x, y, 1.0]), fixed((REALS, (2,)), (REALS, ())), label="of a vector"),
    Case("np.linspace", lambda x, y: np.linspace(x, y, 5), each(REALS, REALS), complex=True),
    Case("np.linspace", lambda x: np.linspace(x, 2.0, 4, endpoint=False), each(REALS), label="without the end"),
    Case("np.linspace", lambda x: np.linspace(1.0, x, 3, axis=-1), each(REALS), label="along the last axis"),
    Case(
        # Exponents in single precision may be rounded in another place than NumPy's, which a base in double shows.
        "np.logspace",
        in_double(lambda x, y, b: np.logspace(x, y, 4, base=b + 3)),
        fixed(*((REALS, ()),) * 3),
        complex=True,
    ),
    Case("np.hstack", joined(np.hstack), differing(1, 2), complex=True),
    Case("np.hstack", joined(np.hstack), differing(0, 0, 1), label="of vectors"),
    Case("np.vstack", joined(np.vstack), differing(0, 2), complex=True),
    Case("np.vstack", joined(np.vstack), each(REALS, REALS, shape=shapes(0, 1)), label="of vectors"),
    Case("np.column_stack", joined(np.column_stack), each(REALS, REALS, shape=shapes(1, 2)), complex=True),
    Case(
        "np.column_stack",
        joined(np.column_stack),
        fixed((REALS, (3,)), (REALS, (3, 2))),
        label="of a vector and a matrix",
    ),
    Case("np.append", np.append, each(REALS, REALS), complex=True),
    Case(
        "np.append",
        lambda x, y, **axis: np.append(x, y, **axis),
        parts().filter(lambda call: len(call.leaves) == 2),
        label="along an axis",
    ),
    Case("np.append", lambda x: np.append(x, [1.0, 2.0]), each(REALS, shape=LISTS), label="of a list"),
    Case("np.split", np.split, cut(equal=True), complex=True),
    Case("np.array_split", np.array_split, cut(), complex=True),
    Case("np.hsplit", np.hsplit, cut(axis=1, equal=True), complex=True),
    Case("np.vsplit", np.vsplit, cut(low=2, axis=0, equal=True), complex=True),
)
