"""SciPy's BLAS from native code: the same products, the integers it takes, and its threads kept out."""

import threading

import numpy as np
import pytest
from tests.native.products import DTYPES, FORMS, compiled_product, factors, run, tolerance

from chainrule.native import blas
from chainrule.native.blas import emit_blas_product, integer_bits, one_thread, prefers_blas, routine
from chainrule.native.products import Product


def product_of(form, m, n, k, dtype=DTYPES[0], **options):
    sizes = {"m": m, "n": n, "k": None} if form == "TN" else {"m": None, "n": n, "k": k}
    return Product(form, dtype, **sizes, lanes=16, **options)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (7, 5, 3), (40, 33, 70)])
@pytest.mark.parametrize("accumulates", [False, True])
def test_products(form, dtype, m, n, k, accumulates):
    a, b, want = factors(form, m, n, k, dtype)
    c = np.ones((m, n), dtype)
    call = compiled_product(product_of(form, m, n, k, dtype, accumulates=accumulates), emit=emit_blas_product)
    run(call, a, b, c, k if form == "TN" else m)
    np.testing.assert_allclose(c, want + accumulates, rtol=0, atol=tolerance(k, dtype))


@pytest.mark.parametrize("form", FORMS)
def test_rows_and_strides(form):
    m, n, k = 20, 6, 9
    a, b, want = factors(form, m, n, k, np.float64)
    wide = [np.pad(x, ((0, 0), (0, extra))) for x, extra in ((a, 3), (b, 2), (np.full((m, n), 7.0), 5))]
    product = product_of(form, m, n, k, DTYPES[1], strides=tuple(x.shape[1] for x in wide))
    run(compiled_product(product, emit=emit_blas_product), *wide, k if form == "TN" else m, (4, 11))
    np.testing.assert_allclose(wide[2][4:11, :n], want[4:11], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(np.delete(wide[2][:, :n], range(4, 11), axis=0), 7)
    np.testing.assert_array_equal(wide[2][:, n:], 0)


@pytest.mark.parametrize("form", FORMS)
def test_empty_batch(form):
    m, k = (5, 0) if form == "TN" else (0, 5)
    a, b, want = factors(form, m, 4, k, np.float32)
    c = np.ones((m, 4), np.float32)
    run(compiled_product(product_of(form, 5, 4, 5), emit=emit_blas_product), a, b, c, 0)
    np.testing.assert_array_equal(c, want)


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("int *", 32), ("int32_t *", 32), ("long *", 64), ("int64_t *", 64), ("long long *", 64)],
)
def test_width_of_integers(kind, bits):
    assert integer_bits(f"void (char *, char *, {kind}, {kind}, {kind}, float *)") == bits


def test_width_of_integers_that_is_not_known():
    with pytest.raises(ValueError, match="'blasint'"):
        integer_bits("void (char *, char *, blasint *, blasint *)")


def test_routines_are_found():
    assert routine("sgemm").address != routine("dgemm").address
    assert routine("sgemm").integer_bits in (32, 64)
    with pytest.raises(KeyError):
        routine("xgemm")


class Library:
    """What threadpoolctl knows of a library."""

    def __init__(self, num_threads):
        self.num_threads = num_threads
        self.calls = 0

    def set_num_threads(self, number):
        self.num_threads = number
        self.calls += 1


@pytest.fixture
def libraries(monkeypatch):
    found = [Library(4), Library(2)]
    monkeypatch.setattr(blas, "_libraries", lambda: found)
    return found


def test_one_thread_and_back(libraries):
    with one_thread():
        assert [x.num_threads for x in libraries] == [1, 1]
        with one_thread():
            assert [x.num_threads for x in libraries] == [1, 1]
        assert [x.num_threads for x in libraries] == [1, 1]
    assert [x.num_threads for x in libraries] == [4, 2]
    assert [x.calls for x in libraries] == [2, 2]


def test_one_thread_ends_with_an_exception(libraries):
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert [x.num_threads for x in libraries] == [4, 2]


def test_one_thread_in_several_threads(libraries):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(10)
    with one_thread():
        pass
    assert [x.num_threads for x in libraries] == [1, 1]
    leave.set()
    thread.join()
    assert [x.num_threads for x in libraries] == [4, 2]


def test_one_thread_without_a_known_library(monkeypatch):
    monkeypatch.setattr(blas, "_libraries", list)
    with one_thread():
        pass


def test_scipys_own_library_is_limited():
    from threadpoolctl import threadpool_info

    with one_thread():
        own = [x for x in threadpool_info() if x["user_api"] == "blas" and "scipy.libs" in x["filepath"]]
        assert all(x["num_threads"] == 1 for x in own)


@pytest.mark.parametrize("form", FORMS)
def test_where_blas_is_preferred(form):
    for n, register_bytes, preferred in [(2048, 64, False), (2048, 32, True), (64, 32, False), (64, 16, True)]:
        sizes = {"m": n, "k": None} if form == "TN" else {"m": None, "k": n}
        assert prefers_blas(Product(form, DTYPES[0], n=n, lanes=register_bytes // 4, **sizes)) is preferred
