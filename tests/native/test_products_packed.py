"""Large products: the copies of their factors, at every edge of panels, blocks and parts, for any number of threads."""

import itertools

import numpy as np
import pytest
from tests.native.products import DTYPES, FORMS, factors, function_of, guarded, tolerance

from chainrule import jit
from chainrule.native.pool import using_threads
from chainrule.native.products import Product
from chainrule.native.products_blocks import FAR, INNER
from chainrule.native.products_packed import FEWEST_ROWS, ROWS, copies_of, emit_packed, rows_of_copy
from chainrule.native.sizes import size_of
from chainrule.native.types import INT, POINTER

F32, F64 = DTYPES
REGISTERS = (64, 32)


def product_of(form, m, n, k, dtype, register_bytes=64, **options):
    return Product(form, dtype, m, n, k, register_bytes // dtype.itemsize, **options)


def check(product, m, n, k, before=np.nan, stride=None):
    """The product, with copies that end where memory ends; C is what it is called with."""
    a, b, want = factors(product.form, m, n, k, product.dtype)
    c = np.full((m, stride or n), before, product.dtype)
    left, right = copies_of(product)
    rows = rows_of_copy(product, size_of(m)).known()
    copies = [guarded(np.full(size, np.nan, product.dtype)) for size in (left * rows, right)]
    call = function_of(
        lambda e, a, b, c, left, right, batch: emit_packed(e, product, (a, b, c), batch, (left, right), "run.slice"),
        [POINTER] * 5 + [INT],
    )
    arrays = guarded(a), guarded(b), c, *copies
    call(*(x.ctypes.data for x in arrays), k if product.form == "TN" else m)
    return c, want


SIZES = {
    "one part": (512, 1024, 512),
    "a row too many": (513, 1024, INNER + 1),
    "panels that leave nothing": (4 * ROWS + 127, 1104, 600),
    "narrow panels": (600, 1048, 2 * INNER - 1),
    "a panel of one column": (520, 1025, 3 * INNER),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("register_bytes", REGISTERS)
@pytest.mark.parametrize("case", SIZES)
def test_edges(form, dtype, register_bytes, case):
    m, n, k = SIZES[case]
    k = max(k, FAR // dtype.itemsize) if form == "NT" else k
    c, want = check(product_of(form, m, n, k, dtype, register_bytes), m, n, k)
    np.testing.assert_allclose(c, want, rtol=0, atol=tolerance(k, dtype))


@pytest.mark.parametrize("form", FORMS)
def test_adds_to_what_is_there(form):
    m, n, k = 530, 1040, 1024
    c, want = check(product_of(form, m, n, k, F32, accumulates=True), m, n, k, before=3)
    np.testing.assert_allclose(c, want + 3, rtol=0, atol=tolerance(k, F32))


def test_rows_of_the_result_that_do_not_follow_each_other():
    m, n, k = 530, 1040, 600
    product = product_of("NN", m, n, k, F32, strides=(None, None, n + 5))
    c, want = check(product, m, n, k, before=7, stride=n + 5)
    np.testing.assert_allclose(c[:, :n], want, rtol=0, atol=tolerance(k, F32))
    np.testing.assert_array_equal(c[:, n:], 7)


def test_small_products_are_computed_as_they_stand():
    assert copies_of(product_of("NN", FEWEST_ROWS - 1, 1024, 1024, F32)) is None
    assert copies_of(product_of("NN", 1024, FAR // 4 - 1, 1024, F32)) is None
    assert copies_of(product_of("TN", 1024, 1024, FEWEST_ROWS - 1, F32)) is None
    assert copies_of(product_of("NN", None, 1024, 1024, F32)) is not None


PRODUCTS = {"NN": lambda a, b: a @ b, "NT": lambda a, b: a @ b.T, "TN": lambda a, b: a.T @ b}


@pytest.mark.parametrize("form", FORMS)
def test_bits_do_not_depend_on_threads(form):
    a, b, want = factors(form, 700, 1100, 1030, F32)
    found = []
    for threads in (1, 2, 3):
        with using_threads(threads):
            found.append(jit(PRODUCTS[form])(a, b))
    np.testing.assert_allclose(found[0], want, rtol=0, atol=tolerance(1030, F32))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize("form", ["NN", "NT"])
def test_bits_of_a_row_do_not_depend_on_the_others(form):
    """For any number of rows there is one program, with copies from some number on."""
    a, b, _ = factors(form, 2 * FEWEST_ROWS, 1024, 1030, F32)
    f = jit(PRODUCTS[form])
    found = [f(a[:rows], b) for rows in (3, 100, FEWEST_ROWS - 1, FEWEST_ROWS, 600, 2 * FEWEST_ROWS)]
    assert len(f.stages().events) == 2
    for one, other in itertools.pairwise(found):
        np.testing.assert_array_equal(other[: len(one)], one)


def test_sums_over_any_number_of_rows():
    a, b, _ = factors("TN", 600, 1100, 1300, F32)
    f = jit(PRODUCTS["TN"])
    for rows in (3, 100, FEWEST_ROWS - 1, FEWEST_ROWS, 2 * INNER, 1300):
        found = f(a[:rows], b[:rows])
        want = a[:rows].T.astype(np.float64) @ b[:rows]
        np.testing.assert_allclose(found, want, rtol=0, atol=tolerance(rows, F32))
    assert len(f.stages().events) == 2


def test_in_a_loop_that_runs_them_again():
    from chainrule import scan

    a, b, _ = factors("NN", 512, 1024, 1024, F32)
    b /= 40

    def powers(a, b):
        return scan(lambda x, _: (x @ b, None), a, None, length=3)[0]

    found = jit(powers)(a, b)
    want = a.astype(np.float64) @ b @ b @ b
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-3)
