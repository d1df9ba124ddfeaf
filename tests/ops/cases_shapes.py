"""Operations that move entries: reshape, transpose, broadcast, join, index, convert."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.ops.case import (
    LENGTHS,
    NONZERO,
    NOT_EMPTY,
    REALS,
    SEEDS,
    ZERO,
    Call,
    Case,
    between_integers,
    distinct,
    each,
    mask,
    shapes,
)

from chainrule.ops.shapes import SLOT, index_add


@st.composite
def reshaped(draw):
    """An array and another shape for its entries, one length of it left open at times."""
    here = draw(shapes())
    size = int(np.prod(here))
    wanted = draw(st.permutations((*here, 1)).map(tuple)) if draw(st.booleans()) else (size,)
    if draw(st.booleans()):
        wanted = (wanted[0] * int(np.prod(wanted[1:])),)
    if size and draw(st.booleans()):
        wanted = (-1, *wanted[1:])
    return Call(((REALS, here),), {"shape": wanted[0] if len(wanted) == 1 else wanted}, draw(SEEDS))


@st.composite
def permuted(draw):
    """An array and the order of its axes."""
    here = draw(shapes())
    order = draw(st.permutations(range(len(here))))
    axes = tuple(k - len(here) * draw(st.booleans()) for k in order)
    return Call(((REALS, here),), {"axes": axes} if draw(st.booleans()) else {}, draw(SEEDS))


@st.composite
def stretched(draw):
    """An array and a shape that it broadcasts to."""
    whole = draw(shapes())
    here = tuple(1 if draw(st.booleans()) else n for n in whole[draw(st.integers(0, len(whole))) :])
    return Call(((REALS, here),), {"shape": whole}, draw(SEEDS))


@st.composite
def parts(draw, low=1):
    """Up to three arrays that differ in length along one axis."""
    here = draw(shapes(low, 3))
    axis = draw(st.integers(-len(here), len(here) - 1)) if here else 0
    leaves = []
    for _ in range(draw(st.integers(1, 3))):
        part = list(here)
        if here:
            part[axis] = draw(LENGTHS)
        leaves.append((REALS, tuple(part)))
    return Call(tuple(leaves), {"axis": axis} if axis or draw(st.booleans()) else {}, draw(SEEDS))


@st.composite
def padded(draw):
    """An array and the widths around it, in the forms that NumPy takes."""
    here = draw(shapes(1))
    width = st.integers(0, 2)
    pair = st.tuples(width, width)
    widths = draw(st.one_of(width, pair, st.tuples(*(pair for _ in here)), st.tuples(pair)))
    return Call(((REALS, here),), {"pad_width": widths}, draw(SEEDS))


@st.composite
def keyed(draw, keys, lengths=NOT_EMPTY):
    """An array and an index expression for it, drawn by `keys` from its shape."""
    here = draw(shapes(1, 3, lengths))
    return Call(((REALS, here),), {"key": draw(keys(here))}, draw(SEEDS))


@st.composite
def assigned(draw, keys, lengths=NOT_EMPTY):
    """An array, an index expression for it, and what goes there: one number, or one for each entry."""
    here = draw(shapes(1, 3, lengths))
    key = draw(keys(here))
    item = np.zeros(here)[key].shape if draw(st.booleans()) else ()
    return Call(((REALS, here), (REALS, item)), {"key": key}, draw(SEEDS))


def basic_keys(here):
    """Integers, slices, None and Ellipsis."""
    return hnp.basic_indices(here, allow_newaxis=True)


def array_keys(here):
    """One integer array for each axis; entries may come twice."""
    return hnp.integer_array_indices(here, result_shape=hnp.array_shapes(max_dims=2, max_side=3, min_side=0))


@st.composite
def mixed_keys(draw, here):
    """Integer arrays or lists among slices, an integer and None; the advanced axes may stand apart."""
    parts = []
    length = draw(st.integers(1, 3))
    for n in here:
        fancy = st.lists(st.integers(-n, n - 1), min_size=length, max_size=length)
        parts.append(
            draw(st.one_of(fancy, fancy.map(np.array), st.integers(-n, n - 1), st.just(slice(None, None, -1))))
        )
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts)


def mask_keys(here):
    """One truth value for each entry, or for each entry along the first axis."""
    return st.one_of(hnp.arrays(bool, here), hnp.arrays(bool, here[:1]))


@st.composite
def scattered(draw):
    """What `index_add` takes: values, where they go (places may come twice), and a length."""
    length, count = draw(NOT_EMPTY), draw(LENGTHS)
    places = draw(st.lists(st.integers(-length, length - 1), min_size=count, max_size=count))
    return Call(((REALS, (count, 2)),), {"places": np.array(places, int), "length": length}, draw(SEEDS))


def joined(function):
    """The function of several arrays that joins them."""
    return lambda *arrays, **params: function(arrays, **params)


def indexed(x, *, key):
    return x[key]


def assign(x, item, *, key):
    y = x * 1.0
    y[key] = item
    return y


def ordered(x):
    return x[np.argsort(x)] * x[x.argmin()]


def scatter(x, *, places, length):
    return index_add(x, places, template=(SLOT,), shape=(length, 2))


#: Complex values go into complex arrays alone: into real ones NumPy writes their real part, with a warning.
INTO_COMPLEX = ((0, 1), (0,))

CASES = (
    Case("np.reshape", lambda x, shape: np.reshape(x, shape), reshaped(), complex=True),
    Case("np.reshape", lambda x, shape: x.reshape(shape), reshaped(), label="method"),
    Case("np.transpose", np.transpose, permuted(), complex=True),
    Case("np.transpose", lambda x: x.T, each(REALS, shape=shapes(1)), label="T"),
    Case("np.broadcast_to", np.broadcast_to, stretched(), complex=True),
    Case("np.concatenate", joined(np.concatenate), parts(), complex=True),
    Case(
        "np.concatenate",
        lambda x, y: np.concatenate([x, [1.0], y]),
        each(REALS, REALS, shape=shapes(1, 1)),
        complex=True,
        label="with a list",
    ),
    Case("np.concatenate", joined(lambda a: np.concatenate(a, axis=None)), each(REALS, REALS), label="axis None"),
    Case("np.pad", np.pad, padded(), complex=True),
    Case("index", indexed, keyed(basic_keys, LENGTHS), complex=True, label="basic"),
    Case("index", indexed, keyed(array_keys), complex=True, label="by arrays"),
    Case("index", indexed, keyed(mixed_keys), complex=True, label="mixed"),
    Case("index", indexed, keyed(mask_keys, LENGTHS), complex=True, label="by masks"),
    Case("index", lambda x, m: x[m], each(REALS, mask), complex=True, label="by a mask of its shape"),
    Case("index", lambda x: x[x > 0], each(NONZERO), looks=True, label="by its own test"),
    Case(
        "index",
        lambda x: x[np.argsort(x)] * x[x.argmin()],
        each(distinct, shape=st.tuples(NOT_EMPTY)),
        label="by order",
    ),
    Case("index_set", assign, assigned(basic_keys, LENGTHS), complex=INTO_COMPLEX, label="basic"),
    Case("index_set", assign, assigned(array_keys), complex=INTO_COMPLEX, label="by arrays"),
    Case("index_set", assign, assigned(mixed_keys), label="mixed"),
    Case("index_set", assign, assigned(mask_keys, LENGTHS), label="by masks"),
    Case(
        "index_set",
        lambda x, y, **key: assign(x * (1 + 0j), y, **key),
        assigned(basic_keys),
        complex=True,
        label="complex",
    ),
    Case("index_add", scatter, scattered(), complex=True),
    Case("astype", lambda x: x.astype(np.float64), each(REALS)),
    Case("astype", lambda x: x.astype(np.complex128), each(REALS), complex=True, label="to complex"),
    Case("astype_integer", lambda x: x.astype(int), each(between_integers), ZERO),
    Case("astype_integer", lambda x: x.astype(bool), each(between_integers), ZERO, complex=True, label="to bool"),
)
