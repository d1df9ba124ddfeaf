"""Iterative solvers with operators and preconditioners, factors, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.sparse import linalg
from tests.library.cases_sparse import COLUMNS, ROWS, A
from tests.library.cases_sparse_solvers import S

import chainrule
from chainrule import NoDerivativeError, SolutionError, TraceError, grad, hessian, jacobian, jit, trace, vectorize
from chainrule.evaluate import evaluate

TIGHT = {"rtol": 1e-13}
N = 6
b = np.random.default_rng(0).normal(size=N)
IDENTITY = np.eye(N)
d = np.linspace(2.5, 3.5, N)


def chain(x, d):
    """The product with a tridiagonal matrix of d and -1, as a function."""
    return d * x - np.concatenate([x[1:], [0.0]]) - np.concatenate([[0.0], x[:-1]])


def dense(d):
    return np.diag(d) - np.eye(N, k=1) - np.eye(N, k=-1)


def size(solution):
    return lambda d, b: np.sum(solution(d, b) ** 2)


exact = size(lambda d, b: np.linalg.solve(dense(d), b))


OPERATORS = {
    "closure": lambda d: linalg.LinearOperator((N, N), matvec=lambda x: chain(x, d)),
    "closure with dtype": lambda d: linalg.LinearOperator((N, N), lambda x: chain(x, d), dtype=float),
    "sum": lambda d: linalg.LinearOperator((N, N), lambda x: chain(x, d)) + linalg.aslinearoperator(0 * IDENTITY),
    "product": lambda d: linalg.LinearOperator((N, N), lambda x: chain(x, d)) @ linalg.aslinearoperator(IDENTITY),
    "array": dense,
    "sparse": lambda d: sparse.diags_array([-np.ones(N - 1), d, -np.ones(N - 1)], offsets=[-1, 0, 1]),
    "class": lambda d: Chain(d),
    "object": lambda d: Plain(d),
}


class Chain(linalg.LinearOperator):
    def __init__(self, d):
        self.d = d
        super().__init__(float, (N, N))

    def _matvec(self, x):
        return chain(np.ravel(x), self.d)


class Plain:
    shape = (N, N)

    def __init__(self, d):
        self.d = d

    def matvec(self, x):
        return chain(x, self.d)


@pytest.mark.parametrize("form", OPERATORS)
@pytest.mark.parametrize("solver", ["cg", "gmres"])
def test_what_stands_for_a_matrix(solver, form):
    f = size(lambda d, b: getattr(linalg, solver)(OPERATORS[form](d), b, **TIGHT)[0])
    for k in (0, 1):
        assert_allclose(grad(f, k)(d, b), grad(exact, k)(d, b), rtol=1e-9)
    assert_allclose(hessian(f)(d, b), hessian(exact)(d, b), rtol=1e-8, atol=1e-10)
    assert_allclose(jit(grad(f))(d, b), grad(exact)(d, b), rtol=1e-9)
    many = np.stack([d, d + 1])
    assert_allclose(vectorize(grad(f), (0, None))(many, b), [grad(exact)(row, b) for row in many], rtol=1e-9)


def test_products_with_an_operator():
    rng = np.random.default_rng(1)
    M, X = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    plain = linalg.LinearOperator((3, 4), matvec=lambda x: M @ x, rmatvec=lambda y: M.T @ y, dtype=float)
    assert_allclose(jacobian(lambda x: plain @ x)(X[:, 0]), M)
    assert_allclose(jacobian(lambda x: plain.matvec(x))(X[:, :1]), jacobian(lambda x: M @ x)(X[:, :1]))
    assert_allclose(jacobian(lambda X: plain @ X)(X), jacobian(lambda X: M @ X)(X))
    assert_allclose(jacobian(lambda y: y @ plain)(X[:3, 0]), M.T)
    assert_allclose(jacobian(lambda y: plain.H @ y)(X[:3, 0]), M.T)
    scaled = grad(lambda a: np.sum(linalg.LinearOperator((3, 4), lambda x: a * (M @ x)) @ X[:, 0]))
    assert_allclose(scaled(2.0), np.sum(M @ X[:, 0]))
    both = jacobian(lambda M: linalg.aslinearoperator(M) @ X[:, 0] + linalg.aslinearoperator(M).T.H @ X[:, 0])
    assert_allclose(both(M), 2 * np.einsum("ij,k->ijk", np.eye(3), X[:, 0]))
    with pytest.raises(ValueError, match="a vector of 4 entries"):
        grad(lambda y: np.sum(plain.matvec(y)))(X[:3, 0])


def unsymmetric():
    # With powers of ten on the diagonal, so that a preconditioner makes a difference.
    return sparse.csc_array(sparse.diags_array([np.ones(199), 10.0 ** np.linspace(0, 6, 200)], offsets=[-1, 0]))


def turned(factors):
    return linalg.LinearOperator(factors.shape, factors.solve)


B = unsymmetric()
LARGE = np.random.default_rng(2).normal(size=200)

PRECONDITIONERS = {
    "factors": lambda: turned(linalg.spilu(B)),
    "with rmatvec": lambda: linalg.LinearOperator(B.shape, lambda x: x / B.diagonal(), lambda x: x / B.diagonal()),
    "sparse": lambda: sparse.diags_array(1 / B.diagonal()),
}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("name", PRECONDITIONERS)
def test_the_derivative_is_solved_with_the_transposed_preconditioner(name, inside):
    outside = PRECONDITIONERS[name]()

    def f(b, M=None):
        return np.sum(np.sin(linalg.gmres(B, b, M=M, maxiter=3, rtol=1e-11)[0]))

    def preconditioned(b):
        return f(b, PRECONDITIONERS[name]() if inside else outside)

    expected = grad(lambda b: np.sum(np.sin(linalg.spsolve(B, b))))(LARGE)
    assert_allclose(grad(preconditioned)(LARGE), expected, rtol=1e-6, atol=1e-9)
    assert_allclose(jit(grad(preconditioned))(LARGE), expected, rtol=1e-6, atol=1e-9)
    with pytest.raises(SolutionError, match="gmres: the system was not solved"):
        grad(f)(LARGE)


def test_a_preconditioner_of_what_is_traced_changes_nothing():
    def f(d, b):
        M = linalg.LinearOperator((N, N), lambda x: x / d)
        return linalg.bicgstab(OPERATORS["closure"](d), b, M=M, **TIGHT)[0]

    assert_allclose(grad(size(f))(d, b), grad(exact)(d, b), rtol=1e-9)
    assert_allclose(jit(grad(size(f)))(d, b), grad(exact)(d, b), rtol=1e-9)


def test_the_transpose_is_taken_even_where_the_method_asks_for_symmetry():
    # Conjugate gradients may converge for a matrix that is not quite symmetric.
    M = dense(d) + 0.05 * np.eye(N, k=2)
    found = jacobian(lambda b: linalg.cg(M, b, rtol=1e-13)[0], mode="reverse")(b)
    assert_allclose(found, np.linalg.inv(M), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_a_derivative_is_as_exact_as_the_solution_is_asked_to_be(tolerance):
    unit = 1e-4 * b
    for options in ({"rtol": tolerance}, {"rtol": 0.0, "atol": tolerance * np.linalg.norm(unit)}):
        found = grad(lambda u: np.sum(linalg.cg(dense(d), u, **options)[0][:2]))(unit)  # noqa: B023
        expected = np.linalg.solve(dense(d), [1, 1, 0, 0, 0, 0])
        assert np.linalg.norm(dense(d) @ (found - expected)) < 1.01 * tolerance * np.sqrt(2)


def test_start_and_shift_and_callback():
    seen = []

    def f(d, b):
        return linalg.minres(dense(d), b, shift=0.25, callback=lambda x: seen.append(type(x)), **TIGHT)[0]

    def expected(d, b):
        return np.linalg.solve(dense(d) - 0.25 * np.eye(N), b)

    assert_allclose(grad(size(f))(d, b), grad(size(expected))(d, b), rtol=1e-8)
    assert set(seen) == {np.ndarray}
    # The solution does not depend on where it starts.
    started = size(lambda d, b: linalg.cg(dense(d), b, x0=b / d, **TIGHT)[0])
    assert_allclose(grad(started)(d, b), grad(exact)(d, b), rtol=1e-9)
    started = size(lambda d, b: linalg.gmres(dense(d), b, x0="Mb", M=dense(1 / d), **TIGHT)[0])
    assert_allclose(grad(started)(d, b), grad(exact)(d, b), rtol=1e-9)


def test_graph_holds_for_other_values():
    f = size(lambda d, b: linalg.cg(OPERATORS["closure"](d), b, **TIGHT)[0])
    assert_allclose(evaluate(trace(f)(d, b), d + 1, 2 * b)[0], exact(d + 1, 2 * b), rtol=1e-10)


def test_what_is_compiled_sees_the_matrix_change():
    M = sparse.csc_array(S)
    for f in (lambda b: linalg.cg(M, b, **TIGHT)[0], lambda b: linalg.splu(M).solve(b)):
        compiled, point = jit(f), np.ones(4)
        first = compiled(point)
        M.data *= 2
        assert_allclose(compiled(point), first / 2, rtol=1e-10)


def test_single_precision_and_nan():
    f = jacobian(lambda b: linalg.cg(S.astype(np.float32), b, rtol=1e-6)[0])
    assert f(np.ones(4, np.float32)).dtype == np.float32
    assert_allclose(f(np.ones(4, np.float32)), np.linalg.inv(S.toarray()), rtol=1e-4, atol=1e-5)
    _, pull = chainrule.vjp(lambda b: linalg.cg(S, b)[0], np.ones(4))
    assert np.isnan(pull(np.full(4, np.nan))[0]).all()


# Factors.


def test_factors_are_scipys_own():
    seen = []

    def f(b):
        factors = linalg.splu(A.tocsc())
        plain = factors.solve(np.ones(4))
        seen.append((type(plain), factors.shape, factors.nnz, factors.L.shape, len(factors.perm_c)))
        return np.sum(factors.solve(b) * plain)

    at = np.arange(1.0, 5.0)
    assert_allclose(grad(f)(at), np.linalg.solve(A.toarray().T, np.linalg.solve(A.toarray(), np.ones(4))))
    assert seen == [(np.ndarray, (4, 4), linalg.splu(A.tocsc()).nnz, (4, 4), 4)]
    assert type(linalg.splu(A.tocsc())) is linalg.SuperLU


@pytest.mark.parametrize("kind", ["splu", "spilu"])
@pytest.mark.parametrize("trans", ["N", "T", "H"])
def test_transposed_systems(kind, trans):
    make = getattr(linalg, kind)
    rng = np.random.default_rng(3)
    M = sparse.csc_array(np.where(rng.uniform(size=(7, 7)) < 0.4, rng.normal(size=(7, 7)), 0) + 2 * np.eye(7)[::-1])
    options = {"drop_tol": 0.2} if kind == "spilu" else {}
    expected = make(M, **options).solve(np.eye(7), trans)
    found = jacobian(lambda b: make(M, **options).solve(b, trans))(np.ones(7))
    assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_refusals_are_named():
    for f, match in (
        (lambda b: linalg.cg(S, b, maxiter=1)[0], r"cg: the system was not solved to the tolerance \(info=1\)"),
        (lambda b: linalg.gmres(S, b, atol=b[0])[0], "argument atol= is not followed"),
        (lambda b: linalg.lgmres(S, b, outer_v=[])[0], "argument outer_v= is not followed"),
        (lambda b: linalg.minres(S, b, x0=b, shift=1.0)[0], "arguments x0= and shift= together"),
        (lambda b: linalg.qmr(S, b, M1=S)[0], "argument M1= is not followed"),
        (lambda b: linalg.spsolve_triangular(S, b, unit_diagonal=True), "argument unit_diagonal= is not followed"),
        (lambda b: linalg.cg(3.0, b)[0], "A is float; a sparse matrix, an array of two axes or a LinearOperator"),
    ):
        with pytest.raises((SolutionError, TraceError), match=match) as problem:
            grad(lambda b, f=f: np.sum(f(b)))(np.ones(4))
        assert "test_sparse_solvers.py" in str(problem.value)
    with pytest.raises(np.linalg.LinAlgError, match="A is not triangular"):
        grad(lambda b: np.sum(linalg.spsolve_triangular(S, b)))(np.ones(4))
    with pytest.raises(ValueError, match=r"A of shape \(4, 4\) and right-hand side of shape \(5,\)"):
        grad(lambda b: np.sum(linalg.cg(S, b)[0]))(np.ones(5))


def test_refusals_of_factors_are_named():
    def made(data):
        return sparse.csc_array((data, (ROWS, COLUMNS)), shape=(4, 4))

    with pytest.raises(NoDerivativeError, match="spilu has no derivative by the entries"):
        grad(lambda data: np.sum(linalg.spilu(made(data)).solve(np.ones(4))))(A.data)
    with pytest.raises(TraceError, match="L of the factors of a sparse matrix with traced entries"):
        grad(lambda data: np.sum(linalg.splu(made(data)).L))(A.data)
    before = linalg.splu(A.tocsc())
    with pytest.raises(TypeError, match="not Tracer") as problem:
        grad(lambda b: np.sum(before.solve(b)))(np.ones(4))
    assert "made inside the function" in problem.value.__notes__[0]
