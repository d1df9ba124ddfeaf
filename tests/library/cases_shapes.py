"""Functions that rearrange the entries of one array."""

import numpy as np
from hypothesis import strategies as st
from tests.library.cases_products import traced
from tests.ops.case import LENGTHS, NOT_EMPTY, REALS, SEEDS, Call, Case, along, broadcast, distinct, each, fixed, shapes


@st.composite
def two_axes(draw, first, second):
    """An array and two of its axes."""
    here = draw(shapes(1))
    axis = st.integers(-len(here), len(here) - 1)
    return Call(((REALS, here),), {first: draw(axis), second: draw(axis)}, draw(SEEDS))


@st.composite
def moved(draw):
    """An array, some of its axes and where they go."""
    here = draw(shapes(1))
    count = draw(st.integers(0, len(here)))
    source = tuple(draw(st.permutations(range(len(here))))[:count])
    destination = tuple(k - len(here) for k in draw(st.permutations(range(len(here))))[:count])
    return Call(((REALS, here),), {"source": source, "destination": destination}, draw(SEEDS))


@st.composite
def squeezed(draw):
    """An array with axes of length 1, and which of them to give up."""
    here = draw(shapes(0, 3, st.sampled_from((1, 2, 1, 0))))
    ones = [k for k, n in enumerate(here) if n == 1]
    params = draw(
        st.sampled_from(({}, {"axis": None}, {"axis": tuple(ones)}, *({"axis": k - len(here)} for k in ones)))
    )
    return Call(((REALS, here),), params, draw(SEEDS))


@st.composite
def widened(draw):
    """An array and the places of new axes."""
    here = draw(shapes())
    axis = st.integers(-len(here) - 1, len(here))
    return Call(((REALS, here),), {"axis": draw(st.one_of(axis, st.sampled_from(((0, 1), [0, -1], ()))))}, draw(SEEDS))


@st.composite
def taken(draw):
    """An array, indices into one axis of it, and what to do with those outside."""
    here = draw(shapes(1, 3, NOT_EMPTY))
    axis = draw(st.one_of(st.none(), st.integers(-len(here), len(here) - 1)))
    length = int(np.prod(here)) if axis is None else here[axis]
    mode = draw(st.sampled_from(("raise", "wrap", "clip")))
    reach = length if mode == "raise" else length + 3
    one = st.integers(-reach, reach - 1)
    indices = draw(
        st.one_of(
            one, st.lists(one, max_size=3), st.lists(st.lists(one, min_size=2, max_size=2), min_size=1, max_size=2)
        )
    )
    indices = np.array(indices, int) if draw(st.booleans()) or indices == [] else indices
    return Call(((REALS, here),), {"indices": indices, "axis": axis, "mode": mode}, draw(SEEDS))


@st.composite
def taken_along(draw):
    """What np.take_along_axis takes: one index for each place."""
    here = list(draw(shapes(1, 3, NOT_EMPTY)))
    axis = draw(st.integers(-len(here), len(here) - 1))
    length = here[axis]
    wanted = here.copy()
    wanted[axis] = draw(LENGTHS)
    indices = np.random.default_rng(draw(st.integers(0, 99))).integers(-length, length, wanted)
    return Call(((REALS, tuple(here)),), {"indices": indices, "axis": axis}, draw(SEEDS))


@st.composite
def repeated(draw):
    """An array, a count or one for each entry along an axis."""
    call = draw(along(REALS))
    (_, here), *_ = call.leaves
    axis = call.params.get("axis")
    length = int(np.prod(here)) if axis is None else here[axis]
    counts = st.lists(st.integers(0, 2), min_size=length, max_size=length)
    return Call(call.leaves, {"repeats": draw(st.one_of(st.integers(0, 3), counts)), **call.params}, call.seed)


TILES = st.one_of(st.integers(0, 3), st.lists(st.integers(0, 2), max_size=4).map(tuple)).map(
    lambda reps: {"reps": reps}
)


@st.composite
def rolled(draw):
    """An array, by how much to roll it, and along which axes."""
    here = draw(shapes(1))
    axis = st.integers(-len(here), len(here) - 1)
    shift = st.integers(-4, 4)
    params = draw(
        st.one_of(
            shift.map(lambda s: {"shift": s}),
            st.tuples(shift, axis).map(lambda t: {"shift": t[0], "axis": t[1]}),
            st.tuples(shift, shift, axis, axis).map(lambda t: {"shift": t[:2], "axis": t[2:]}),
            st.tuples(shift, axis, axis).map(lambda t: {"shift": t[0], "axis": t[1:]}),
        )
    )
    return Call(((REALS, here),), params, draw(SEEDS))


OFFSET = st.integers(-3, 3).map(lambda k: {"k": k})
MODES = ("edge", "wrap", "reflect", "symmetric")


@st.composite
def extended(draw):
    """An array padded from its own entries."""
    here = draw(shapes(1, 2, NOT_EMPTY))
    widths = draw(st.tuples(*(st.tuples(st.integers(0, 3), st.integers(0, 3)) for _ in here)))
    return Call(((REALS, here),), {"pad_width": widths, "mode": draw(st.sampled_from(MODES))}, draw(SEEDS))


def surrounded(x, corner):
    return np.pad(x, ((1, 2), (0, 1)), constant_values=corner)


CASES = (
    Case("np.ravel", np.ravel, each(REALS), complex=True),
    Case("np.swapaxes", np.swapaxes, two_axes("axis1", "axis2"), complex=True),
    Case("np.moveaxis", np.moveaxis, moved(), complex=True),
    Case("np.moveaxis", np.moveaxis, two_axes("source", "destination"), label="of one axis"),
    Case("np.squeeze", np.squeeze, squeezed(), complex=True),
    Case("np.expand_dims", np.expand_dims, widened(), complex=True),
    Case("np.broadcast_arrays", np.broadcast_arrays, broadcast(REALS, REALS), complex=True),
    Case("np.flip", np.flip, along(REALS), complex=True),
    Case("np.flip", np.flip, fixed((REALS, (2, 1, 3)), axis=(0, -1)), label="of two axes"),
    Case("np.flipud", np.flipud, each(REALS, shape=shapes(1)), complex=True),
    Case("np.fliplr", np.fliplr, each(REALS, shape=shapes(2)), complex=True),
    Case("np.take", np.take, taken(), complex=True),
    Case("np.take_along_axis", np.take_along_axis, taken_along(), complex=True),
    Case(
        "np.take_along_axis",
        lambda x: np.take_along_axis(x, np.argsort(x, axis=0), axis=0),
        each(distinct, shape=shapes(1)),
        label="by order",
    ),
    Case("np.repeat", np.repeat, repeated(), complex=True),
    Case("np.tile", np.tile, each(REALS, params=TILES), complex=True),
    Case("np.roll", np.roll, rolled(), complex=True),
    Case("np.diagonal", np.diagonal, traced(), complex=True),
    Case("np.diag", np.diag, each(REALS, shape=shapes(1, 2), params=OFFSET), complex=True),
    Case("np.tril", np.tril, each(REALS, shape=shapes(1, 3), params=OFFSET), complex=True),
    Case("np.triu", np.triu, each(REALS, shape=shapes(1, 3), params=OFFSET), complex=True),
    Case("np.copy", np.copy, each(REALS), complex=True),
    Case("np.pad", np.pad, extended(), complex=True, label="from its entries"),
    Case("np.pad", surrounded, fixed((REALS, (2, 3)), (REALS, ())), label="with a number"),
    Case("np.pad", surrounded, fixed((REALS, (2, 3)), (REALS, (2, 2))), label="with one for each side"),
    Case("np.nan_to_num", np.nan_to_num, each(REALS), complex=True),
)
