"""Sparse matrices of every format as constants, with traced entries, and what is refused."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.sparse import linalg
from tests.library.cases_sparse import COLUMNS, ROWS, with_entries
from tests.library.cases_sparse import A as SQUARE

from chainrule import (
    NoDerivativeError,
    TraceError,
    grad,
    hessian,
    jacobian,
    jit,
    sparse_jacobian,
    trace,
    value,
    vectorize,
)

FORMATS = ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")
WIDE = sparse.random_array((3, 4), density=0.5, rng=np.random.default_rng(0), format="csr")
DENSE = WIDE.toarray()
x = np.random.default_rng(1).normal(size=4)
y = np.random.default_rng(2).normal(size=3)


def of_kind(kind, form):
    return getattr(sparse, f"{form}_{kind}")(WIDE)


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format(form, kind):
    B = of_kind(kind, form)
    for f, plain, point in [
        (lambda x: B @ x, lambda x: DENSE @ x, x),
        (lambda x: B.dot(x**2), lambda x: DENSE @ x**2, x),
        (lambda y: y @ B, lambda y: y @ DENSE, y),
        (lambda y: B.T @ y, lambda y: DENSE.T @ y, y),
        (lambda x: B @ np.outer(x, x), lambda x: DENSE @ np.outer(x, x), x),
        (lambda y: np.outer(y, y) @ B, lambda y: np.outer(y, y) @ DENSE, y),
    ]:
        assert_allclose(f(point), plain(point))
        for mode in ("forward", "reverse"):
            assert_allclose(jacobian(f, mode=mode)(point), jacobian(plain)(point), rtol=1e-12, atol=1e-14)
        found = hessian(lambda point, f=f: np.sum(np.sin(f(point))))(point)
        assert_allclose(found, hessian(lambda point, g=plain: np.sum(np.sin(g(point))))(point), rtol=1e-10, atol=1e-12)
        both = np.stack([point, 2 * point])
        assert_allclose(vectorize(f)(both), [plain(row) for row in both], rtol=1e-12)
        if form != "lil":
            assert_allclose(jit(f)(point), plain(point), rtol=1e-12)


def test_star_is_the_product_of_matrices_for_the_older_classes_alone():
    B = sparse.csr_matrix(WIDE)
    assert_allclose(jacobian(lambda x: B * x)(x), DENSE)
    assert_allclose(jacobian(lambda y: y * B)(y), DENSE.T)
    assert_allclose(jacobian(lambda x: (WIDE * x).toarray())(x), jacobian(lambda x: DENSE * x)(x))
    assert_allclose(jacobian(lambda x: (x * WIDE).toarray())(x), jacobian(lambda x: DENSE * x)(x))


def test_numbers_and_arrays_with_a_constant_matrix():
    assert_allclose(
        grad(lambda a: np.sum((WIDE * a / 2 @ x) ** 2))(3.0), grad(lambda a: np.sum((DENSE * a / 2 @ x) ** 2))(3.0)
    )
    assert_allclose(jacobian(lambda x: WIDE + x)(x), jacobian(lambda x: DENSE + x)(x))
    assert_allclose(jacobian(lambda x: WIDE - x)(x), jacobian(lambda x: DENSE - x)(x))
    assert_allclose(jacobian(lambda x: WIDE.multiply(x).sum(axis=1))(x), DENSE)


def test_the_matrix_stays_sparse():
    graph = trace(lambda x: WIDE @ x)(x)
    (node,) = graph.nodes
    assert node.name == "sparse.matmul"
    assert [np.size(part) for part in node.inputs[2:]] == [WIDE.nnz, 4]
    large = sparse.eye_array(10**6, format="csr") * 2.0
    assert_allclose(grad(lambda x: np.sum(large @ x))(np.ones(10**6)), np.full(10**6, 2.0))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dia"])
@pytest.mark.parametrize("n", [4, 2000])
def test_what_is_compiled_sees_a_matrix_change(n, form):
    B = sparse.diags_array(np.arange(1.0, n + 1)).asformat(form)
    point = np.ones(n)
    f = jit(lambda x: B @ x)
    assert_allclose(f(point), np.arange(1.0, n + 1))
    B.data *= 2.0
    assert_allclose(f(point), 2 * np.arange(1.0, n + 1))
    if form in ("csr", "csc"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            B[0, 1] = 5.0
        assert_allclose(f(point)[0], 7.0)


@pytest.mark.interpreted("looks at what is compiled")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_run_natively(dtype):
    B = sparse.csr_array(WIDE, dtype=dtype)
    point = x.astype(dtype)
    for f, plain in [
        (lambda x: B @ x, lambda x: DENSE @ x),
        (lambda x: B.T @ (B @ x), lambda x: DENSE.T @ (DENSE @ x)),
        (lambda x: B @ np.outer(x, x), lambda x: DENSE @ np.outer(x, x)),
        (lambda x: B.T @ np.outer(x[:3], x), lambda x: DENSE.T @ np.outer(x[:3], x)),
        (grad(lambda x: np.sum((B @ x) ** 2)), grad(lambda x: np.sum((DENSE @ x) ** 2))),
    ]:
        compiled = jit(f)
        found = compiled(point)
        assert found.dtype == dtype
        assert_allclose(found, plain(x), rtol=1e-5 if dtype == np.float32 else 1e-12)
        assert compiled.stages().through_numpy == []


def test_no_rows_and_no_entries():
    for shape in [(0, 4), (3, 4), (4, 0)]:
        B = sparse.csr_array(shape)
        point = np.ones(shape[1])
        assert_array_equal(jacobian(lambda x: B @ x)(point), np.zeros(shape))  # noqa: B023
        assert_array_equal(jit(lambda x: B @ x)(point), np.zeros(shape[0]))  # noqa: B023


def test_patterns_of_products():
    assert_array_equal(sparse_jacobian(lambda x: WIDE @ np.sin(x)).plan(x).pattern.toarray(), DENSE != 0)
    assert_array_equal(sparse_jacobian(lambda y: y @ WIDE).plan(y).pattern.toarray(), DENSE.T != 0)
    X = np.outer(x, x)
    found = sparse_jacobian(lambda X: WIDE @ X).plan(X).pattern.toarray()
    assert_array_equal(found, np.kron(DENSE, np.eye(4)) != 0)
    data = SQUARE.data
    plan = sparse_jacobian(lambda data: with_entries(data) @ x).plan(data)
    assert_array_equal(plan.pattern.toarray(), np.arange(4)[:, None] == ROWS)


# Equations.


@pytest.mark.parametrize("form", FORMATS)
def test_equations_of_every_format(form):
    B = SQUARE.asformat(form)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sparse.SparseEfficiencyWarning)
        found = jacobian(lambda b: linalg.spsolve(B, b))(x)
    assert_allclose(found, np.linalg.inv(SQUARE.toarray()), rtol=1e-12)
    column = x[:, None]
    assert_allclose(jacobian(lambda b: linalg.spsolve(SQUARE, b))(column)[..., 0], found, rtol=1e-12)


def test_derivatives_by_the_entries_of_a_matrix():
    def dense(data, b):
        M = np.zeros((4, 4))
        M[ROWS, COLUMNS] = data + np.where(ROWS == COLUMNS, 2.0, 0.0)
        return np.linalg.solve(M, b)

    def solution(data, b):
        return linalg.spsolve(with_entries(data), b)

    data = SQUARE.data / 9
    for mode in ("forward", "reverse"):
        for a, b in zip(jacobian(solution, (0, 1), mode=mode)(data, x), jacobian(dense, (0, 1))(data, x), strict=True):
            assert_allclose(a, b, rtol=1e-10)
    found = hessian(lambda data: np.sum(solution(data, x) ** 2))(data)
    assert_allclose(found, hessian(lambda data: np.sum(dense(data, x) ** 2))(data), rtol=1e-9)
    compiled = jit(grad(lambda data: np.sum(solution(data, x) ** 2)))(data)
    assert_allclose(compiled, grad(lambda data: np.sum(dense(data, x) ** 2))(data), rtol=1e-10)
    many = np.stack([data, 1.1 * data])
    assert_allclose(vectorize(solution, (0, None))(many, x), [dense(row, x) for row in many], rtol=1e-10)


def test_entries_that_stand_twice_are_added():
    def f(a):
        return sparse.coo_array((np.stack([a, 2 * a, a]), ([0, 0, 1], [1, 1, 0])), shape=(2, 2))

    assert_allclose(grad(lambda a: np.sum(f(a).toarray()))(1.5), 4.0)
    assert_allclose(jacobian(lambda a: linalg.spsolve(f(a).tocsc(), np.ones(2)))(1.0), [-1, -1 / 3])


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix])
def test_traced_entries_in_rows_and_columns(make):
    plain = make(SQUARE)

    def f(data):
        return make((data, plain.indices, plain.indptr)) @ x

    for mode in ("forward", "reverse"):
        found = jacobian(f, mode=mode)(plain.data)
        assert_allclose(found @ plain.data, plain @ x)
        assert_allclose(
            np.sum(found, axis=0),
            x[plain.tocoo().col] if "csc" not in make.__name__ else np.repeat(x, np.diff(plain.indptr)),
        )


def test_a_singular_matrix_warns_as_scipy_does():
    B = sparse.csr_array(np.diag([1.0, 0.0]))
    with pytest.warns(linalg.MatrixRankWarning, match="exactly singular"):
        found = jacobian(lambda b: linalg.spsolve(B, b))(np.ones(2))
    assert np.all(np.isnan(found))


def test_a_matrix_that_is_written_into_has_other_factors():
    B = SQUARE.copy()
    first = jacobian(lambda b: linalg.spsolve(B, b))(x)
    B.data *= 2
    assert_allclose(jacobian(lambda b: linalg.spsolve(B, b))(x), first / 2)


# What is refused.


def refused(f, point, match):
    with pytest.raises(TraceError, match=match):
        grad(lambda x: np.sum(f(x)))(point)


def test_refusals_are_named():
    refused(lambda d: with_entries(d)[0, 0], SQUARE.data, "of a sparse matrix with traced entries is not followed")
    refused(lambda d: with_entries(d).diagonal(), SQUARE.data, "diagonal of a sparse matrix with traced entries")
    refused(lambda d: (with_entries(d) @ SQUARE).sum(), SQUARE.data, "product of two sparse matrices")
    refused(lambda d: (SQUARE @ with_entries(d)).sum(), SQUARE.data, "product of two sparse matrices")
    refused(lambda d: with_entries(d).multiply(SQUARE).sum(), SQUARE.data, "entry by entry of two sparse matrices")
    refused(lambda x: sparse.csr_array(np.outer(x, x)) @ x, x, "not as a dense matrix")
    refused(lambda x: sparse.dia_array((np.stack([x]), [0]), shape=(4, 4)) @ x, x, "diags_array")
    refused(lambda b: linalg.expm_multiply(SQUARE, b, stop=1), x, "start= and stop= are needed together")
    refused(lambda b: linalg.spsolve(SQUARE.toarray(), b), x, "a sparse matrix of scipy.sparse is needed")
    with pytest.raises(TraceError, match=r"A.tocsr\(\)"):
        jit(lambda x: WIDE.tolil() @ x)(x)
    assert issubclass(NoDerivativeError, TraceError)


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="cannot be multiplied"):
        grad(lambda y: np.sum(WIDE @ y))(y)
    with pytest.raises(ValueError, match="should be square"):
        grad(lambda y: np.sum(linalg.spsolve(WIDE, y)))(y)
    with pytest.raises(ValueError, match="right-hand side"):
        grad(lambda y: np.sum(linalg.spsolve(SQUARE, y)))(y)
    with pytest.raises(ValueError, match="entries for"):
        grad(lambda x: np.sum(sparse.csr_array((x, (ROWS, COLUMNS)), shape=(4, 4)) @ np.ones(4)))(x)
    with pytest.raises(ValueError, match="inconsistent shapes"):
        grad(lambda d: np.sum((with_entries(d) + WIDE).sum()))(SQUARE.data)


def test_scipy_is_itself_again_afterwards():
    seen = []

    def f(data):
        M = with_entries(data)
        assert sparse.issparse(M)
        assert isinstance(M, sparse.csr_array)
        seen.append((repr(M), M.shape, M.nnz, M.dtype, M.format, type(value(M.data))))
        return np.sum(M @ x)

    grad(f)(SQUARE.data)
    assert seen == [
        (
            "<traced sparse matrix of dtype float64, 7 stored entries, shape (4, 4)>",
            (4, 4),
            7,
            np.float64,
            "csr",
            np.ndarray,
        )
    ]
    assert type(with_entries(SQUARE.data)) is sparse.csr_array
    assert_allclose(with_entries(SQUARE.data)[0, 0], 5.0)
