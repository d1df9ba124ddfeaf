"""Functions that write into an array they are given; here a copy, so that the argument stays as it is."""

import numpy as np
from hypothesis import strategies as st
from tests.library.cases_shapes import taken_along
from tests.ops.case import NOT_EMPTY, REALS, SEEDS, Call, Case, broadcast, each, fixed, mask, shapes
from tests.ops.cases_shapes import INTO_COMPLEX


@st.composite
def diagonals(draw):
    """A matrix and what goes on its diagonal: a number, or as many as there are, or fewer, which are repeated."""
    here = draw(shapes(2, 2, NOT_EMPTY))
    item = draw(st.sampled_from(((), (min(here),), (1,))))
    return Call(((REALS, here), (REALS, item)), {}, draw(SEEDS))


@st.composite
def put_along(draw):
    """What np.put_along_axis takes; no place comes twice, or the last value counts."""
    call = draw(taken_along())
    (_, here), *_ = call.leaves
    indices, axis = call.params["indices"], call.params["axis"]
    item = draw(st.sampled_from(((), indices.shape)))
    return Call(((REALS, here), (REALS, item)), {"indices": indices, "axis": axis}, call.seed)


def with_diagonal(x, values):
    y = x * 1.0
    np.fill_diagonal(y, values)
    return y


def with_entries(x, values, *, indices, axis):
    y = x * 1.0
    np.put_along_axis(y, indices, values, axis)
    return y


def copied(x, y, **where):
    result = np.atleast_1d(x * 1.0 + 0 * y)
    np.copyto(result, y, **where)
    return result


CASES = (
    Case("np.fill_diagonal", with_diagonal, diagonals(), complex=INTO_COMPLEX),
    Case("np.put_along_axis", with_entries, put_along(), complex=INTO_COMPLEX),
    Case("np.copyto", copied, broadcast(REALS, REALS), complex=True),
    Case("np.copyto", lambda x, y, m: copied(x, y, where=m), each(REALS, REALS, mask), label="with a mask"),
    Case("np.copyto", lambda x: copied(x, np.ones(2)), fixed((REALS, (3, 2))), label="of a plain array"),
)
