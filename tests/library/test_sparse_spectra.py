"""Least squares, eigenvalues and exponentials of sparse matrices, against dense closed forms, and what is refused."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.sparse import linalg

from chainrule import NoDerivativeError, SolutionError, TraceError, grad, hessian, jacobian, jit, value, vectorize

rng = np.random.default_rng(0)
TIGHT = {"atol": 1e-14, "btol": 1e-14}
TALL = sparse.csr_array(np.where(rng.uniform(size=(8, 5)) < 0.4, rng.normal(size=(8, 5)), 0) + 2 * np.eye(8, 5))
b, c = rng.normal(size=8), rng.normal(size=5)


def tall(data):
    return sparse.csr_array((data, TALL.indices, TALL.indptr), TALL.shape)


def agree(f, expected, points, *, rtol=1e-8):
    for k in range(len(points)):
        right = grad(expected, k)(*points)
        assert_allclose(grad(f, k)(*points), right, rtol=rtol, atol=1e-10)
        assert_allclose(jacobian(f, k, mode="forward")(*points), right, rtol=rtol, atol=1e-10)
        assert_allclose(jit(grad(f, k))(*points), right, rtol=rtol, atol=1e-10)


# Least squares.


@pytest.mark.parametrize("solver", [linalg.lsqr, linalg.lsmr])
def test_least_squares_by_entries_right_hand_side_damp_and_start(solver):
    def f(data, b, damp, x0):
        return np.sum(np.sin(c * solver(tall(data), b, damp, x0=x0, **TIGHT)[0]))

    def expected(data, b, damp, x0):
        A = tall(data).toarray()
        return np.sum(np.sin(c * np.linalg.solve(A.T @ A + damp**2 * np.eye(5), A.T @ b + damp**2 * x0)))

    points = (TALL.data, b, 0.7, rng.normal(size=5))
    agree(f, expected, points)
    assert_allclose(hessian(f, 2)(*points), hessian(expected, 2)(*points), rtol=1e-8)


def test_least_squares_of_what_has_no_full_rank():
    U, V = rng.normal(size=(6, 2)), rng.normal(size=(2, 4))

    def f(U, V):
        return np.sum(np.cos(linalg.lsqr(U @ V, b[:6], **TIGHT)[0]))

    def expected(U, V):
        return np.sum(np.cos(np.linalg.pinv(V) @ np.linalg.pinv(U) @ b[:6]))

    agree(f, expected, (U, V))
    # Where there are several solutions, that next to the start.
    start = rng.normal(size=4)
    found = jacobian(lambda x0: linalg.lsqr(U @ V, b[:6], x0=x0, **TIGHT)[0])(start)
    assert_allclose(found, np.eye(4) - np.linalg.pinv(V) @ V, atol=1e-8)


@pytest.mark.parametrize("solver", [linalg.lsqr, linalg.lsmr])
@pytest.mark.parametrize("damp", [0.0, 0.5])
def test_what_a_least_squares_solver_tells(solver, damp):
    plain = solver(TALL, b, damp, **TIGHT)
    seen = []

    def f(b):
        seen.append([value(x) for x in solver(TALL, b, damp, **TIGHT)[1:8]])
        return np.sum(solver(TALL, b, damp, **TIGHT)[3])

    slope = grad(f)(b)
    assert_allclose(seen[0], plain[1:8], rtol=1e-6, atol=1e-9)
    h = 1e-6 * rng.normal(size=8)
    assert_allclose(slope @ h, (f(b + h) - f(b - h)) / 2, rtol=1e-5)


def test_least_squares_that_end_without_a_solution():
    for f, match in (
        (lambda b: linalg.lsmr(TALL, b, maxiter=1)[0], r"lsmr: the problem was not solved .istop=7.*larger maxiter="),
        (lambda b: linalg.lsqr(TALL, b, iter_lim=1)[0], r"larger iter_lim="),
        (lambda b: linalg.lsqr(TALL, b, b[0] - b[0])[0], "damp= is traced and 0"),
        (lambda b: linalg.lsqr(TALL, b, calc_var=True)[0], "calc_var= is not followed"),
        (lambda b: linalg.lsqr(TALL, b, atol=b[0])[0], "argument atol= is not followed"),
    ):
        with pytest.raises((SolutionError, TraceError), match=match):
            grad(lambda b, f=f: np.sum(f(b)))(b)
    with pytest.raises(ValueError, match=r"A of shape \(8, 5\) and right-hand side of shape \(5,\)"):
        grad(lambda b: np.sum(linalg.lsqr(TALL, b)[0]))(c)


# Eigenvalues.

N = 9
d, v0 = rng.uniform(2, 3, N), np.ones(N)
WEIGHTS = rng.normal(size=(N, 2))


def whole(d):
    return np.diag(d) - 0.7 * np.eye(N, k=1) - 0.7 * np.eye(N, k=-1)


FORMS = {
    "array": whole,
    "sparse": lambda d: sparse.diags_array([d[1:] * 0 - 0.7, d, d[1:] * 0 - 0.7], offsets=[-1, 0, 1]).tocsc(),
    "function": lambda d: linalg.LinearOperator(
        (N, N),
        lambda x: d * x - 0.7 * np.concatenate([x[1:], [0.0]]) - 0.7 * np.concatenate([[0.0], x[:-1]]),
        dtype=float,
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{"which": "SA"}, {"which": "LM"}, {"sigma": 2.5}], ids=str)
def test_eigenvalues_and_vectors(form, options):
    plain = linalg.eigsh(whole(d), 2, v0=v0, **options)[0]
    places = [int(np.argmin(np.abs(np.linalg.eigvalsh(whole(d)) - w))) for w in plain]

    def size(w, v):
        return np.sum(np.sin(w)) + np.sum((WEIGHTS * v) ** 2) + np.sum(np.sum(WEIGHTS * v, axis=0) ** 4)

    def f(d):
        return size(*linalg.eigsh(FORMS[form](d), 2, v0=v0, **options))

    def expected(d):
        w, v = np.linalg.eigh(whole(d))
        return size(w[places], v[:, places])

    agree(f, expected, (d,))
    assert_allclose(hessian(f)(d), hessian(expected)(d), rtol=1e-7, atol=1e-8)
    both = vectorize(grad(f))(np.stack([d, d]))
    assert_allclose(both[1], grad(expected)(d), rtol=1e-8)


def test_eigenvalues_of_a_complex_matrix():
    H = rng.normal(size=(N, N)) + 1j * rng.normal(size=(N, N))

    def f(s):
        w, v = linalg.eigsh(s * H + np.conj(s * H).T, 2, which="SA", v0=v0 + 0j)
        return np.sum(np.sin(w)) + np.sum(np.abs(WEIGHTS * v) ** 4)

    def expected(s):
        w, v = np.linalg.eigh(s * H + np.conj(s * H).T)
        return np.sum(np.sin(w[:2])) + np.sum(np.abs(WEIGHTS * v[:, :2]) ** 4)

    assert_allclose(grad(f)(1.0 + 0.5j), grad(expected)(1.0 + 0.5j), rtol=1e-8)


@pytest.mark.parametrize("options", [{"which": name} for name in ("LM", "SM", "LA", "SA", "BE")] + [{"sigma": 2.0}])
def test_values_without_vectors_stand_in_scipys_order(options):
    seen = []

    def f(d):
        w = linalg.eigsh(whole(d), 4, v0=v0, return_eigenvectors=False, **options)
        seen.append(value(w))
        return np.sum(w)

    grad(f)(d - 2.5)
    assert_allclose(seen[0], linalg.eigsh(whole(d - 2.5), 4, v0=v0, return_eigenvectors=False, **options))


@pytest.mark.parametrize("count", [1, 2])
def test_vectors_of_eigenvalues_that_coincide_have_no_derivative(count):
    level, B = np.diag([1.0, 1.0, *range(2, N)]), WEIGHTS @ WEIGHTS.T

    def vectors(s):
        return np.sum(linalg.eigsh(level + s * B, count, which="SA", v0=v0 + np.arange(N))[1][0] ** 2)

    for derivative in (grad(vectors), jit(grad(vectors))):
        with pytest.raises(
            SolutionError, match="eigsh: an eigenvector has no derivative, since its eigenvalue coincid"
        ):
            derivative(0.0)
    # Their sum has one.
    total = grad(lambda s: np.sum(linalg.eigsh(level + s * B, 2, which="SA", v0=v0)[0]))
    assert_allclose(total(0.0), B[0, 0] + B[1, 1], rtol=1e-10)


def test_refusals_of_eigenvalues_are_named():
    for f, match in (
        (lambda d: linalg.eigsh(whole(d), 2, M=np.eye(N))[0], "argument M= is not followed"),
        (lambda d: linalg.eigsh(whole(d), 2, sigma=d[0])[0], "argument sigma= is not followed"),
        (lambda d: linalg.eigs(whole(d), 2)[0], "eigs is not followed by chainrule. Take eigsh"),
        (lambda d: linalg.svds(whole(d), 2)[1], "svds is not followed by chainrule. Take eigsh of A.T @ A"),
    ):
        with pytest.raises(TraceError, match=match):
            grad(lambda d, f=f: np.sum(f(d)))(d)


# Exponentials.

SQUARE = sparse.csr_array(np.where(rng.uniform(size=(4, 4)) < 0.5, rng.normal(size=(4, 4)), 0) + np.eye(4))


def square(data):
    return sparse.csr_array((data, SQUARE.indices, SQUARE.indptr), SQUARE.shape)


@pytest.mark.parametrize(("shape", "turned"), [((4,), False), ((4, 2), True)])
def test_exponentials_by_the_entries(shape, turned):
    x = rng.normal(size=shape)

    def f(data, x):
        A = square(data)
        return np.sum(np.sin(linalg.expm_multiply(A.T if turned else A, x)))

    def expected(data, x):
        A = square(data).toarray()
        return np.sum(np.sin(scipy.linalg.expm(A.T if turned else A) @ x))

    agree(f, expected, (SQUARE.data, x))
    assert_allclose(hessian(f, 1)(SQUARE.data, x), hessian(expected, 1)(SQUARE.data, x), rtol=1e-8)
    single = grad(f)(SQUARE.data.astype(np.float32), x.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single, grad(expected)(SQUARE.data, x), rtol=1e-4, atol=1e-5)
    many = vectorize(grad(f), (0, None))(np.stack([SQUARE.data, 0.5 * SQUARE.data]), x)
    assert_allclose(many[1], grad(expected)(0.5 * SQUARE.data, x), rtol=1e-8, atol=1e-10)


def test_exponentials_of_complex_numbers():
    x, entries = rng.normal(size=4) + 1j, SQUARE.data + 0.3j
    found = grad(lambda data: np.sum(np.abs(linalg.expm_multiply(square(data), x)) ** 2))(entries)
    expected = grad(lambda data: np.sum(np.abs(scipy.linalg.expm(square(data).toarray()) @ x) ** 2))(entries)
    assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_exponentials_at_several_times():
    x = rng.normal(size=4)

    def f(data, x, end):
        return np.sum(np.sin(linalg.expm_multiply(square(data), x, start=0.1, stop=end, num=3)))

    def expected(data, x, end):
        A = square(data).toarray()
        return np.sum(np.sin(np.stack([scipy.linalg.expm(t * A) @ x for t in np.linspace(0.1, end, 3)])))

    points = (SQUARE.data, x, 1.3)
    assert_allclose(f(*points), expected(*points), rtol=1e-12)
    for k in range(3):
        assert_allclose(grad(f, k)(*points), grad(expected, k)(*points), rtol=1e-8, atol=1e-10)
    shape = jacobian(lambda x: linalg.expm_multiply(SQUARE, x, start=0.0, stop=1.0))(x).shape
    assert shape == (50, 4, 4)


def test_a_second_derivative_by_the_entries_is_refused():
    with pytest.raises(
        NoDerivativeError, match=r"no second derivative by the entries of A. .* write scipy.linalg.expm"
    ):
        hessian(lambda data: np.sum(linalg.expm_multiply(square(data), np.ones(4))))(SQUARE.data)
