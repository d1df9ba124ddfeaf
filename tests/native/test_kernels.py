"""Operations that run in loops of their own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.running import check_traced

from chainrule import grad, scan, trace
from chainrule.native.computing import CONVERSIONS
from chainrule.native.elementwise import FUNCTIONS
from chainrule.native.elementwise import WITHOUT as NUMBERS_WITHOUT
from chainrule.native.grouping import REDUCTIONS
from chainrule.native.kernels import KERNELS, WITHOUT
from chainrule.native.program import Program
from chainrule.ops import PRIMITIVES

# A share of what the profile asks for, since each example is compiled.
few = settings(max_examples=max(3, settings().max_examples // 10))

RNG = np.random.default_rng(0)

LENGTHS = dict(zip("abcd", (2, 3, 4, 5), strict=True))


@st.composite
def sums_of_products(draw):
    """Subscripts of one to three factors, in any order of letters, and the factors."""
    terms = draw(
        st.lists(st.lists(st.sampled_from("abcd"), max_size=3, unique=True).map("".join), min_size=1, max_size=3)
    )
    letters = sorted(set("".join(terms)))
    result = "".join(draw(st.permutations([k for k in letters if draw(st.booleans())])))
    dtypes = [draw(st.sampled_from((np.float64, np.float32, np.int64))) for _ in terms]
    ones = [{k for k in term if draw(st.integers(0, 9)) == 0} for term in terms]
    shapes = [tuple(1 if k in one else LENGTHS[k] for k in term) for term, one in zip(terms, ones, strict=True)]
    factors = [np.asarray(RNG.integers(-3, 4, shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    return f"{','.join(terms)}->{result}", factors


@few
@given(sums_of_products())
def test_einsum(drawn):
    subscripts, factors = drawn
    check_traced(lambda *xs: np.einsum(subscripts, *xs), *factors)


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ji,jk->ki", "ij,kj->ik", "ij,j->i", "i,ij->j", "i,i->"])
def test_einsum_that_is_a_product_is_one(subscripts):
    terms = subscripts.partition("->")[0].split(",")
    x, y = (RNG.normal(size=tuple({"i": 3, "j": 4, "k": 5}[k] for k in term)) for term in terms)
    program = check_traced(lambda x, y: np.einsum(subscripts, x, y), x, y)
    assert program.is_native
    assert not any(node.op.name == "np.einsum" for node in program.graph.nodes)


def test_einsum_of_stacks_and_its_gradient():
    def f(x, y):
        return np.sum(np.einsum("aij,ajk->aik", x, y) ** 2)

    args = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 4, 5))
    assert check_traced(f, *args).is_native
    assert check_traced(grad(f), *args).is_native


MASK = np.array([[True, False, True], [False, True, True]])


@pytest.mark.parametrize(
    "write",
    [
        lambda a, x: (MASK, x),
        lambda a, x: (MASK, np.arange(4.0) * x),
        lambda a, x: (MASK[:, 0], x),
        lambda a, x: ((slice(None), MASK[1]), np.ones((2, 2)) * x),
        lambda a, x: ((0, MASK[1]), x),
        lambda a, x: (np.zeros((2, 3), bool), x),
        lambda a, x: ((np.array([0, 1, 0]), np.array([1, 1, 1])), np.arange(3.0) * x),
        lambda a, x: ((Ellipsis, -1), x),
        lambda a, x: ((slice(None, None, -1), slice(1, None)), np.ones(2) * x),
    ],
)
def test_assignment(write):
    def f(x):
        a = np.ones((2, 3)) * x
        place, item = write(a, x)
        a[place] = item
        return a, np.sum(a * a)

    assert check_traced(f, 1.5).is_native
    assert check_traced(grad(lambda x: f(x)[1]), 1.5).is_native


@few
@given(st.integers(0, 2**20))
def test_a_mask_that_is_known_picks(seed):
    rng = np.random.default_rng(seed)
    mask = rng.uniform(size=tuple(rng.integers(0, 4, rng.integers(1, 3)))) < 0.5
    x = rng.normal(size=(*mask.shape, 2))

    def f(x):
        return x[mask], np.sum(x[mask] ** 2)

    assert check_traced(f, x).is_native
    assert check_traced(grad(lambda x: f(x)[1]), x).is_native


@few
@given(st.integers(0, 2**20))
def test_index_arrays(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, 3))
    x = rng.normal(size=shape)
    picked = [rng.integers(-n, n, tuple(rng.integers(1, 4, rng.integers(0, 3)))) for n in shape]
    a, b = picked[0].reshape(-1)[:2], picked[2].reshape(-1)[:1]
    for place in ((picked[0],), (slice(None), picked[1]), (a, slice(None, None, -1), b), (0, picked[1][..., None])):
        assert check_traced(lambda x, place=place: x[place], x).is_native
        assert check_traced(grad(lambda x, place=place: np.sum(x[place] ** 2)), x).is_native


def looked_up(x, k):
    return x[k] * 2


def assigned(x, k):
    a = np.zeros(4)
    a[k] = x[0]
    return a


def in_a_loop(x, k):
    return scan(lambda c, _: (c, x[c]), k, length=3)[1]


@pytest.mark.parametrize("f", [looked_up, assigned, in_a_loop])
def test_an_index_out_of_range_is_numpys_error(f):
    program = Program(trace(f)(np.arange(4.0), np.int64(1)))
    np.testing.assert_array_equal(program(np.arange(4.0), np.int64(-3)), program(np.arange(4.0), np.int64(1)))
    for k in (4, -5, 1 << 40):
        with pytest.raises(IndexError, match="out of bounds"):
            program(np.arange(4.0), np.int64(k))


@few
@given(st.integers(0, 2**20), st.sampled_from((np.float64, np.float32, np.int32, np.bool_)))
def test_along_an_axis(seed, dtype):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, rng.integers(1, 4)))
    x = np.asarray(rng.integers(-2, 3, shape), dtype)
    axis = int(rng.integers(-len(shape), len(shape)))
    for function in (np.cumsum, np.cumprod, np.argmax, np.argmin, np.flip):
        check_traced(lambda x, function=function: function(x, axis=axis), x)
        check_traced(lambda x, function=function: function(x.T, axis=axis), x)


def test_nan_is_the_largest_and_the_smallest():
    x = np.array([1.0, np.nan, 3.0, np.nan])
    check_traced(lambda x: (np.argmax(x), np.argmin(x)), x)


@few
@given(st.integers(0, 2**20))
def test_joining(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)).astype(np.float32)
    axis = int(rng.integers(-2, 2))
    before, after = (int(k) for k in rng.integers(0, 3, 2))

    def f(x, y):
        joined = np.concatenate([x, y.T.reshape(2, 3), x * 0], axis=axis)
        return joined, np.pad(joined, ((before, after), (0, before))), joined.T.reshape(-1)

    assert check_traced(f, x, y).is_native


def test_sorting_runs_through_numpy():
    program = Program(trace(lambda x: np.sort(x))(np.array([3.0, 1.0, 2.0])))
    assert not program.is_native


#: What stands in compiled graphs alone (see chainrule.native.factoring).
AFTER_FACTORING = {"lu_kept", "solve_by_lu", "inv_by_lu", "det_by_lu", "slogdet_by_lu", "cofactors_by_lu"}


def test_every_operation_has_a_native_form_or_a_reason():
    elsewhere = FUNCTIONS.keys() | NUMBERS_WITHOUT.keys() | REDUCTIONS | CONVERSIONS | {"np.transpose"}
    assert PRIMITIVES.keys() == (KERNELS.keys() - AFTER_FACTORING) | WITHOUT.keys() | elsewhere
    assert not KERNELS.keys() & WITHOUT.keys()
    assert all(WITHOUT.values())


@few
@given(st.integers(0, 2**20), st.sampled_from((np.float64, np.float32, np.int32)))
def test_convolving(seed, dtype):
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(-3, 4, rng.integers(1, 30)).astype(dtype) for _ in range(2))
    assert check_traced(np.convolve, x, y).is_native
    assert check_traced(lambda x, y: np.convolve(x[::-1], y[::2]), x, y).is_native
    if dtype is not np.int32:
        f = grad(lambda x, y: np.sum(np.convolve(x, y) ** 2), ("x", "y"))
        assert check_traced(f, x, y).is_native


@pytest.mark.parametrize("x", [(3, 4), (1, 4), (4,)], ids=str)
@pytest.mark.parametrize("y", [((), (4,)), ((), (4, 2)), ((2,), (4, 2)), ((4, 1), (4, 2)), ((1,), (4, 1))], ids=str)
def test_products_with_a_repeated_row(x, y):
    """What is broadcast stands in memory once: the step from row to row, or from column to column, is 0."""
    given, shape = y
    a, b = RNG.normal(size=x), RNG.normal(size=given)

    def left(a, b):
        return a @ np.broadcast_to(b, shape)

    def right(a, b):
        return np.broadcast_to(b, shape).T @ a.T

    for f in (left, right):
        check_traced(f, a, b)


SEARCHED = (np.float64, np.float32, np.int32, np.uint8)


@few
@given(st.integers(0, 2**20), st.sampled_from(SEARCHED), st.sampled_from(SEARCHED))
def test_searching(seed, one, other):
    rng = np.random.default_rng(seed)
    a = np.sort(rng.integers(0, 9, rng.integers(0, 20))).astype(one)
    v = rng.integers(0, 10, tuple(rng.integers(0, 4, rng.integers(0, 3)))).astype(other)
    for side in ("left", "right"):
        f = check_traced(lambda a, v, side=side: np.searchsorted(a, v, side), a, v)
        assert f.is_native
        check_traced(lambda a, side=side: np.searchsorted(a, 3, side), a)


def test_searching_for_nan():
    a = np.array([-np.inf, 0.0, 1.0, np.inf, np.nan, np.nan])
    for side in ("left", "right"):
        assert check_traced(lambda a, side=side: np.searchsorted(a, a, side), a).is_native
    x = np.linspace(-1, 2, 31)
    assert check_traced(
        grad(lambda y: np.sum(np.interp(x, np.arange(4.0), y) ** 2)), np.ones(4) * a[1:3].sum()
    ).is_native


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, np.bool_])
@pytest.mark.parametrize("columns", [1, 8, 37])
def test_whole_rows(dtype, columns):
    x = np.asarray(RNG.integers(-9, 9, (6, 2, columns)), dtype)
    k = np.array([[0, 5, -1], [2, 2, 0]])
    item = np.asarray(RNG.integers(-9, 9, (2, 3, 2, columns)), dtype)

    def assigned(x, item):
        a = np.logical_not(x) if dtype is np.bool_ else x * 2
        a[k] = item
        return a

    for f in (
        lambda x: x[k],
        lambda x: x[k, 1],
        lambda x: x[k, :, None],
        lambda x: x[::2][k % 3],
        lambda x: x[:, k % 2],
    ):
        assert check_traced(f, x).is_native
    assert check_traced(assigned, x, item).is_native
    for axis in range(3):
        assert check_traced(lambda x, axis=axis: np.cumsum(x, axis=axis), x).is_native
        assert check_traced(lambda x, axis=axis: np.cumprod(x[::-1], axis=axis), x).is_native
    if np.dtype(dtype).kind == "f":
        for f in (
            lambda x: np.sum(x[k] * item),
            lambda x: np.sum(x[k, 1] ** 2),
            lambda x: np.sum(np.cumsum(x, 0) ** 2),
        ):
            assert check_traced(grad(f), x).is_native


def test_rows_at_traced_places():
    x = RNG.normal(size=(6, 20))

    def f(x, k):
        a = np.zeros((6, 20))
        np.add.at(a, k, x[k] * 2)
        return a

    assert check_traced(f, x, np.array([1, 1, 5, 0, -1])).is_native
    program = Program(trace(f)(x, np.array([1, 1])))
    with pytest.raises(IndexError, match="out of bounds"):
        program(x, np.array([1, 6]))
