"""Functions that turn, delete, insert and repeat entries."""

import numpy as np
from hypothesis import strategies as st
from tests.library.cases_joining import cut
from tests.ops.case import REALS, SEEDS, Call, Case, each, fixed, shapes
from tests.ops.cases_shapes import INTO_COMPLEX, joined


@st.composite
def turned(draw):
    """An array, how often to turn it, and in which plane."""
    here = draw(shapes(2, 3))
    axes = tuple(draw(st.permutations(range(len(here))))[:2])
    return Call(((REALS, here),), {"k": draw(st.integers(-1, 4)), "axes": axes}, draw(SEEDS))


CASES = (
    Case("np.rot90", np.rot90, turned(), complex=True),
    Case("np.rollaxis", lambda x: (np.rollaxis(x, 2), np.rollaxis(x, 0, 3)), fixed((REALS, (2, 3, 4))), complex=True),
    Case("np.dstack", joined(np.dstack), each(REALS, REALS), complex=True),
    Case("np.dsplit", np.dsplit, cut(low=3, axis=2, equal=True), complex=True),
    Case(
        "np.unstack",
        lambda x: np.unstack(x, axis=-1),
        each(REALS, shape=shapes(1, 3)).filter(lambda c: c.leaves[0][1][-1]),
        complex=True,
    ),
    Case("np.diagflat", lambda x: np.diagflat(x, 1), each(REALS, shape=shapes(0, 2)), complex=True),
    Case("np.resize", lambda x: np.resize(x, (2, 4)), each(REALS), complex=True),
    Case("np.delete", lambda x: np.delete(x, [0, 2], axis=1), fixed((REALS, (2, 4))), complex=True),
    Case("np.delete", lambda x: np.delete(x, slice(1, 3)), fixed((REALS, (2, 3))), label="by a slice"),
    Case("np.insert", lambda x, y: np.insert(x, 1, y), fixed((REALS, (4,)), (REALS, (2,))), complex=INTO_COMPLEX),
    Case(
        "np.insert",
        lambda x, y: np.insert(x, [0, 2, 2], y, axis=1),
        fixed((REALS, (2, 3)), (REALS, (2, 1))),
        complex=INTO_COMPLEX,
        label="at several places",
    ),
    Case("np.insert", lambda x, y: np.insert(x, 1, y, axis=1), fixed((REALS, (2, 3)), (REALS, (2,))), label="a column"),
    Case("np.bincount", lambda w: np.bincount([0, 2, 2, 1], w, minlength=5), fixed((REALS, (4,)))),
    Case("np.astype", lambda x: np.astype(x, np.complex128), each(REALS), complex=True),
    Case("np.meshgrid", lambda x, y: np.meshgrid(x, y), fixed((REALS, (2,)), (REALS, (3,))), complex=True),
    Case(
        "np.meshgrid",
        lambda x, y: np.meshgrid(x, y, [1.0, 2.0], sparse=True, indexing="ij"),
        fixed((REALS, (2,)), (REALS, ())),
        label="sparse",
    ),
)
