"""Emitted products against NumPy: forms, sizes around every edge of the blocks, slices and strides."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.products import DTYPES, FORMS, compiled_product, factors, guarded, run, tolerance

from chainrule.native.products import Product, scratch_bytes, slice_rows
from chainrule.native.products_blocks import FAR, INNER, TURNED, WHOLE, blocks, own_loop, without_rest
from chainrule.native.products_dots import DotLoop
from chainrule.native.products_narrow import NarrowLoop
from chainrule.native.products_parts import part_addresses

REGISTERS = (16, 32, 64)  # bytes


def product_of(form, m, n, k, dtype=DTYPES[0], register_bytes=64, **options):
    """A product whose batch has no fixed length."""
    sizes = {"m": m, "n": n, "k": None} if form == "TN" else {"m": None, "n": n, "k": k}
    return Product(form, dtype, **sizes, lanes=register_bytes // dtype.itemsize, **options)


def check(product, m, n, k, *, behind=True, seed=0):
    """One product, between pages that may not be touched, with an array C full of NaN."""
    a, b, want = factors(product.form, m, n, k, product.dtype, seed)
    a, b, c = (guarded(x, behind=behind) for x in (a, b, np.full((m, n), np.nan, product.dtype)))
    before = a.copy(), b.copy()
    batch = k if product.form == "TN" else m
    run(compiled_product(product), a, b, c, batch)
    np.testing.assert_allclose(c, want, rtol=0, atol=tolerance(k, product.dtype))
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])
    return c


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("register_bytes", REGISTERS)
@settings(max_examples=12)
@given(data=st.data())
def test_random_sizes(form, dtype, register_bytes, data):
    m, n, k = (data.draw(st.integers(1, 70), label=name) for name in "mnk")
    product = product_of(form, m, n, k, dtype, register_bytes)
    check(product, m, n, k, behind=data.draw(st.booleans(), label="behind"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [1, 15, 16, 17, 47, 48, 49, 64])
def test_every_number_of_rows(form, n):
    """The last tile of a column of tiles is filled in part, in every way it can be."""
    product = product_of(form, 20, n, 3)
    for rows in range(36):
        m, k = (20, rows) if form == "TN" else (rows, 3)
        check(product, m, n, k, behind=rows % 2 == 0)


@pytest.mark.parametrize("m", range(1, 36))
def test_every_number_of_rows_known_in_advance(m):
    for n in (1, 3, 16, 50):
        check(product_of("TN", m, n, 9), m, n, 9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_batch_of_one_known_in_advance(form, dtype):
    for m, n, k in [(1, 10, 2), (1, 1, 10), (1, 300, 70), (7, 9, 1)]:
        product = Product(form, dtype, m, n, k, 64 // dtype.itemsize)
        check(product, m, n, k)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("accumulates", [False, True])
@pytest.mark.parametrize("n", [1, 7])
def test_empty_batch(form, accumulates, n):
    product = product_of(form, 5, n, 3, accumulates=accumulates)
    m, k = (5, 0) if form == "TN" else (0, 3)
    a, b, want = factors(form, m, n, k, product.dtype)
    c = np.ones((m, n), product.dtype)
    run(compiled_product(product), a, b, c, 0)
    np.testing.assert_array_equal(c, want + accumulates)


@pytest.mark.parametrize("form", ["NN", "TN"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("register_bytes", REGISTERS)
@pytest.mark.parametrize("accumulates", [False, True])
def test_matrix_and_vector(form, dtype, register_bytes, accumulates):
    lanes = register_bytes // dtype.itemsize
    for m, k in [(1, 1), (7, lanes), (8, 2 * lanes + 1), (9, 3), (4 * lanes, 20), (8 * lanes + 1, 19), (1100, 17)]:
        product = product_of(form, m, 1, k, dtype, register_bytes, accumulates=accumulates)
        a, b, want = factors(form, m, 1, k, dtype)
        a, b, c = (guarded(x, behind=behind) for x, behind in ((a, True), (b, False), (np.ones((m, 1), dtype), True)))
        run(compiled_product(product), a, b, c, k if form == "TN" else m)
        np.testing.assert_allclose(c, want + accumulates, rtol=0, atol=tolerance(k, dtype))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("register_bytes", REGISTERS)
@pytest.mark.parametrize("accumulates", [False, True])
def test_few_columns(form, dtype, register_bytes, accumulates):
    """Loops of their own: every number of columns, rows and inner lengths at the edges of the blocks."""
    lanes = register_bytes // dtype.itemsize
    heights = (1, lanes - 1, lanes, 2 * lanes) if form == "TN" else (1, lanes, 2 * lanes + 1)
    inner = (1, 3, 4, 25) if form == "TN" else (lanes // 2, lanes, 5 * lanes - 1)
    tried = 0
    for n, m, k in itertools.product(range(2, 10), heights, inner):
        product = product_of(form, m, n, k, dtype, register_bytes, accumulates=accumulates)
        if not isinstance(own_loop(product), NarrowLoop | DotLoop):
            continue
        tried += 1
        a, b, want = factors(form, m, n, k, dtype)
        a, b, c = (guarded(x, behind=behind) for x, behind in ((a, True), (b, True), (np.ones((m, n), dtype), True)))
        run(compiled_product(product), a, b, c, k if form == "TN" else m)
        np.testing.assert_allclose(c, want + accumulates, rtol=0, atol=tolerance(k, dtype))
    assert tried or (form != "TN" and lanes < 16)


@pytest.mark.parametrize(("form", "m", "n", "k"), [("NN", 40, 3, 32), ("NT", 40, 4, 50), ("TN", 30, 3, 21)])
def test_few_columns_in_slices(form, m, n, k):
    product = product_of(form, m, n, k)
    assert isinstance(own_loop(product), NarrowLoop | DotLoop)
    a, b, _ = factors(form, m, n, k, product.dtype)
    whole, parts = (np.full((m, n), np.nan, product.dtype) for _ in range(2))
    batch = k if form == "TN" else m
    run(compiled_product(product), a, b, whole, batch)
    for rows in itertools.pairwise([0, 1, 16, 17, 29, m]):
        run(compiled_product(product), a, b, parts, batch, rows)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("accumulates", [False, True])
def test_last_columns_by_themselves(form, dtype, accumulates):
    """Of columns that would fill little of a register each row gets no register of its own, in slices as in one go."""
    lanes = 64 // dtype.itemsize
    tried = 0
    for rest, m, k in itertools.product((2, 3, 4), (1, 15, 33, 64), (17, 64)):
        product = product_of(form, m, 3 * lanes + rest, k, dtype, accumulates=accumulates)
        if without_rest(product) is None:
            continue
        tried += 1
        a, b, want = factors(form, m, product.n, k, dtype)
        before = np.ones((m, product.n), dtype)
        a, b, c, parts = (guarded(x, behind=True) for x in (a, b, before, before))
        batch = k if form == "TN" else m
        run(compiled_product(product), a, b, c, batch)
        np.testing.assert_allclose(c, want + accumulates, rtol=0, atol=tolerance(k, dtype))
        for rows in itertools.pairwise(sorted({0, m // 2, m})):
            run(compiled_product(product), a, b, parts, batch, rows)
        np.testing.assert_array_equal(parts, c)
    assert tried or (form != "TN" and lanes < 16)


@pytest.mark.parametrize("m", [50, 90, 2000])
def test_columns_of_a_vector_by_rows_in_slices(m):
    """Bits of a column depend neither on the slice nor on how many others it has."""
    product = product_of("TN", m, 1, 23, DTYPES[1])
    a, b, _ = factors("TN", m, 1, 23, product.dtype)
    whole, parts = (np.full((m, 1), np.nan) for _ in range(2))
    run(compiled_product(product), a, b, whole, 23)
    for rows in itertools.pairwise([0, 1, 17, 18, 40, m - 3, m]):
        run(compiled_product(product), a, b, parts, 23, rows)
    np.testing.assert_array_equal(parts, whole)


LARGE = {
    "several inner blocks": ("NN", 33, 20, 2 * INNER + 5, DTYPES[0]),
    "several inner blocks of the batch": ("TN", 40, 50, 2 * INNER + 5, DTYPES[1]),
    "several blocks of rows": ("NN", 600, 40, 16, DTYPES[0]),
    "rows of B far apart": ("NN", 70, FAR // 8 + 5, 40, DTYPES[1]),
    "rows of B far apart, inner blocks": ("NN", 9, FAR // 4 + 7, INNER + 9, DTYPES[0]),
    "transposed as a whole, blocks of rows": ("NT", 600, 100, 64, DTYPES[0]),
    "transposed as a whole, inner blocks": ("NT", 300, 30, INNER + 13, DTYPES[0]),
    "transposed by panels": ("NT", 50, 210, 200, DTYPES[1]),
    "transposed by panels, inner blocks": ("NT", 50, 90, INNER + 130, DTYPES[1]),
    "turned": ("TN", 2 * TURNED + 3, 5, INNER + 9, DTYPES[0]),
}


@pytest.mark.parametrize("register_bytes", REGISTERS)
@pytest.mark.parametrize("case", LARGE)
def test_large(case, register_bytes):
    form, m, n, k, dtype = LARGE[case]
    check(product_of(form, m, n, k, dtype, register_bytes), m, n, k)


def test_the_large_cases_are_cut_as_their_names_say():
    cut = {case: blocks(product_of(*LARGE[case])) for case in LARGE}
    assert all(cut[case].inner < LARGE[case][3] for case in cut if "inner" in case)
    assert {case for case in cut if cut[case].packing is not None} == {
        case for case in cut if "transposed" in case or "far apart" in case
    }
    assert {case for case in cut if cut[case].whole} == {case for case in cut if "as a whole" in case}
    assert {case for case in cut if cut[case].turned} == {"turned"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [1, 5, 50])
def test_adds_to_what_is_there(form, n):
    product = product_of(form, 37, n, 11, accumulates=True)
    a, b, want = factors(form, 37, n, 11, product.dtype)
    c = guarded(np.arange(37 * n, dtype=product.dtype).reshape(37, n))
    want += c
    run(compiled_product(product), a, b, c, 11 if form == "TN" else 37)
    np.testing.assert_allclose(c, want, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("m", "n", "k"), [(37, 50, 11), (70, 5, 9), (3, 16, 4)])
def test_rows_that_do_not_follow_each_other(form, m, n, k):
    a, b, want = factors(form, m, n, k, np.float32)
    wide = [np.full((x.shape[0], x.shape[1] + extra), 7, np.float32) for x, extra in ((a, 3), (b, 1), (want, 5))]
    for x, part in zip(wide, (a, b), strict=False):
        x[:, : part.shape[1]] = part
    product = product_of(form, m, n, k, strides=tuple(x.shape[1] for x in wide))
    run(compiled_product(product), *wide, k if form == "TN" else m)
    np.testing.assert_allclose(wide[2][:, :n], want, rtol=0, atol=tolerance(k, np.float32))
    np.testing.assert_array_equal(wide[2][:, n:], 7)


CUTS = ([0, 1, 2, 5, 100], [0, 37, 38, 100], [0, 16, 32, 48, 64, 80, 96, 100], [0, 50, 50, 100])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("n", "k"), [(1, 30), (5, 700), (50, 20), (1030, 9)])
def test_bits_do_not_depend_on_the_slices(form, n, k):
    product = product_of(form, 100, n, k)
    a, b, _ = factors(form, 100, n, k, product.dtype)
    batch = k if form == "TN" else 100
    whole = np.full((100, n), np.nan, product.dtype)
    run(compiled_product(product), a, b, whole, batch)
    for cuts in CUTS:
        parts = np.full((100, n), np.nan, product.dtype)
        for rows in itertools.pairwise(cuts):
            run(compiled_product(product), a, b, parts, batch, rows)
        np.testing.assert_array_equal(parts, whole)


def test_other_rows_are_left_alone():
    product = product_of("NN", 40, 20, 8)
    a, b, want = factors("NN", 40, 20, 8, product.dtype)
    c = np.full((40, 20), 7, product.dtype)
    run(compiled_product(product), a, b, c, 40, (9, 30))
    np.testing.assert_allclose(c[9:30], want[9:30], atol=1e-5)
    np.testing.assert_array_equal(np.delete(c, range(9, 30), axis=0), 7)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [3, 40])
def test_nan_and_infinity_stay_in_their_rows_and_columns(form, n):
    left, right = np.ones((20, 9), np.float32), np.ones((9, n), np.float32)
    left[4, 3], left[6, 8], right[2, 1], right[5, 2] = np.nan, np.inf, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        want = left @ right
    a = np.ascontiguousarray(left.T) if form == "TN" else left
    b = np.ascontiguousarray(right.T) if form == "NT" else right
    c = np.zeros((20, n), np.float32)
    run(compiled_product(product_of(form, 20, n, 9)), a, b, c, 9 if form == "TN" else 20)
    np.testing.assert_array_equal(c, want)


@pytest.mark.parametrize("case", LARGE)
def test_scratch_memory_is_as_large_as_told(case):
    form, m, n, k, dtype = LARGE[case]
    product = product_of(form, m, n, k, dtype)
    a, b, want = factors(form, m, n, k, dtype)
    assert scratch_bytes(product) <= WHOLE
    scratch = guarded(np.zeros(scratch_bytes(product), np.uint8))
    c = np.full((m, n), np.nan, dtype)
    run(compiled_product(product, own_scratch=True), a, b, c, k if form == "TN" else m, extra=scratch)
    np.testing.assert_allclose(c, want, rtol=0, atol=tolerance(k, dtype))


@pytest.mark.parametrize(("form", "missing"), [("NN", "k"), ("NT", "k"), ("TN", "m")])
def test_a_size_that_must_be_known(form, missing):
    sizes = {"m": 3, "n": 4, "k": 5, missing: None}
    with pytest.raises(ValueError, match=f"{form} needs {missing}"):
        Product(form, DTYPES[0], **sizes, lanes=16)


def test_parts_of_products_have_known_names():
    with pytest.raises(KeyError):
        part_addresses(["chainrule.nothing.float32.16.1"])
    name = "chainrule.pack.float32.16.0"
    assert part_addresses([name]) == part_addresses([name])


@pytest.mark.parametrize(
    ("form", "n", "k", "rows"),
    [
        ("NN", 4, 4, 256),
        ("NN", 100, 64, 48),
        ("NN", 512, 784, 16),
        ("NT", 100, 10, 256),
        ("NT", 512, 784, 64),
        ("NN", 4096, 1024, 128),
        ("NN", 1, 500, 256),
        ("TN", 1, 100_000, 256),
    ],
)
def test_rows_of_a_slice(form, n, k, rows):
    assert slice_rows(product_of(form, 1, n, k)) == rows
