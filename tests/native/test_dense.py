"""Matrices solved and factored in machine code: as NumPy and SciPy do it, errors included."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.native.running import check, check_traced

from chainrule import cond, grad, hessian, jit, scan, trace, value_and_grad, vectorize
from chainrule.native.dense import DENSE
from chainrule.native.dense_products import ARGUMENTS, dense_name
from chainrule.native.imports import addresses
from chainrule.native.pool import using_threads
from chainrule.native.program import Program
from chainrule.ops import PRIMITIVES
from chainrule.ops.cholesky import pullback
from chainrule.ops.linalg import solve_triangular

# A share of what the profile asks for, since each example is compiled.
few = settings(max_examples=max(4, settings().max_examples // 10))

RNG = np.random.default_rng(0)
STACKS = [(), (1,), (3,), (40,), (2, 3), (0,)]


def general(rng, shape, n, dtype=np.float64):
    """Matrices that are far from singular, with rows that have to be exchanged."""
    return (rng.normal(size=(*shape, n, n)) + 2 * np.eye(n)[rng.permutation(n)]).astype(dtype)


def definite(rng, shape, n, dtype=np.float64):
    """Symmetric matrices with positive eigenvalues."""
    x = rng.normal(size=(*shape, n, n))
    return (x @ x.mT + n * np.eye(n)).astype(dtype)


def triangular(trans, lower, ones):
    return lambda x, y: solve_triangular(x, y, trans=trans, lower=lower, unit_diagonal=ones)


OPERATIONS = {
    "solve": (general, 3, np.linalg.solve),
    "solve transposed": (general, 2, lambda x, y: np.linalg.solve(x.mT, y)),
    "inv": (general, 0, np.linalg.inv),
    "det": (general, 0, np.linalg.det),
    "slogdet": (general, 0, np.linalg.slogdet),
    "cholesky": (definite, 0, np.linalg.cholesky),
    "cofactors": (general, 0, PRIMITIVES["cofactors"]),
    "pullback of the factor": (
        definite,
        0,
        lambda x: pullback(np.linalg.cholesky(x), np.sin(np.arange(x.shape[-1], dtype=x.dtype))[:, None] * x),
    ),
    **{
        f"triangular {trans} {lower} {ones}": (definite, 2, triangular(trans, lower, ones))
        for trans in (0, 1)
        for lower in (False, True)
        for ones in (False, True)
    },
}


def test_the_table_names_operations():
    of_factors = {"lu_kept", *(f"{name}_by_lu" for name in ("solve", "inv", "det", "slogdet", "cofactors"))}
    assert of_factors < DENSE.keys() <= PRIMITIVES.keys() | of_factors
    assert len(DENSE) == 14


@pytest.mark.parametrize("name", OPERATIONS)
@few
@given(seed=st.integers(0, 2**20), dtype=st.sampled_from((np.float64, np.float32)))
def test_as_numpy(name, seed, dtype):
    rng = np.random.default_rng(seed)
    make, columns, f = OPERATIONS[name]
    shape, n = STACKS[rng.integers(len(STACKS))], int(rng.choice([1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 33]))
    x = make(rng, shape, n, dtype)
    if "True" in name:  # With ones on the diagonal entries beside it must be small, or the solution grows.
        x = x / dtype(2 * n)
    args = (x, rng.normal(size=(*shape, n, columns)).astype(dtype)) if columns else (x,)
    assert check_traced(f, *args, ulps=1 << 14).is_native


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_matrix_in_each_lane(name, dtype):
    make, columns, f = OPERATIONS[name]
    for n in (7, 12):
        x = make(RNG, (19,), n, dtype)
        if "True" in name:
            x = x / dtype(2 * n)
        args = (x, RNG.normal(size=(19, n, columns)).astype(dtype)) if columns else (x,)
        assert check_traced(f, *args, ulps=1 << 16).is_native


@pytest.mark.parametrize("n", [6, 8])
def test_one_matrix_of_many_that_cannot_be_solved(n):
    x = general(RNG, (40,), n)
    x[17] = 1
    for f in (np.linalg.inv, lambda x: np.linalg.solve(x, np.ones((n, 9)))):
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            jit(f)(x)
    for f in (np.linalg.det, PRIMITIVES["cofactors"]):
        np.testing.assert_allclose(jit(f)(x), f(x), rtol=1e-9, atol=1e-9)
    indefinite = definite(RNG, (40,), n)
    indefinite[39] -= 100 * np.eye(n)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        jit(np.linalg.cholesky)(indefinite)


@pytest.mark.parametrize("shapes", [((3, 1), (4,)), ((), (5,)), ((9,), ()), ((2, 1, 3), (2, 1))])
@pytest.mark.parametrize("n", [2, 6])
def test_stacks_that_broadcast(shapes, n):
    x, y = general(RNG, shapes[0], n), RNG.normal(size=(*shapes[1], n, 2))
    assert check_traced(np.linalg.solve, x, y, ulps=1 << 14).is_native
    f = triangular(1, False, False)
    assert check_traced(f, definite(RNG, shapes[0], n), y, ulps=1 << 14).is_native


@pytest.mark.parametrize("n", [3, 6])
def test_dtypes_are_numpys(n):
    x, y = general(RNG, (), n), RNG.normal(size=(n, 2))
    whole = np.round(10 * x).astype(np.int64)
    for args in ((whole, y), (x.astype(np.float32), y), (x, y.astype(np.float32)), (whole, whole)):
        assert check_traced(np.linalg.solve, *args, ulps=1 << 14).is_native
    for f in (np.linalg.inv, np.linalg.det, np.linalg.slogdet):
        assert check_traced(f, whole, ulps=1 << 14).is_native
    assert check_traced(np.linalg.cholesky, (whole @ whole.T), ulps=1 << 14).is_native
    assert not check_traced(np.linalg.solve, x + 1j, y).is_native


def test_only_one_triangle_is_read():
    for n in (3, 9):
        x = definite(RNG, (), n)
        upper = np.triu(np.full((n, n), np.nan), 1)
        np.testing.assert_array_equal(*(Program(trace(np.linalg.cholesky)(x))(a)[0] for a in (x, x + upper)))
        f = triangular(0, True, False)
        y = np.ones((n, 1))
        program = Program(trace(f)(x, y))
        np.testing.assert_array_equal(program(x, y)[0], program(x + upper, y)[0])


def test_constant_matrices():
    x, y = general(RNG, (), 3), general(RNG, (4,), 6)
    assert check_traced(lambda t: np.linalg.solve(x, t[:, None]), np.ones(3), ulps=1 << 12).is_native
    assert check_traced(lambda t: np.linalg.solve(y, t), np.ones((6, 1)), ulps=1 << 12).is_native


@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("ones", [False, True])
def test_triangular_systems_with_a_vector(trans, lower, ones):
    for n, dtype in ((1, float), (6, float), (8, np.float32), (17, float), (45, np.float32), (100, float)):
        x = (RNG.normal(size=(n, n)) / n + np.eye(n)).astype(dtype)
        # What stands in the other triangle is not read.
        x[np.triu_indices(n, 1) if lower else np.tril_indices(n, -1)] = np.nan
        y = RNG.normal(size=n).astype(dtype)
        for turn in (lambda a: a, np.transpose):
            compiled = jit(
                lambda a, y, turn=turn: scipy.linalg.solve_triangular(
                    turn(a), y, trans, lower, ones, check_finite=False
                )
            )
            for a in (np.ascontiguousarray(turn(x)), np.asfortranarray(turn(x))):
                want = scipy.linalg.solve_triangular(x, y, trans, lower, ones, check_finite=False)
                np.testing.assert_allclose(compiled(a, y), want, rtol=1e-4 if dtype is np.float32 else 1e-11, atol=1e-5)


# Singular, indefinite and undefined

BAD = {
    "zeros": lambda n: np.zeros((n, n)),
    "a row twice": lambda n: np.ones((n, n)),
    "indefinite": lambda n: np.diag(np.arange(n) - 1.0),
    "tenths": lambda n: np.outer(np.arange(1, n + 1) / 10, np.arange(3, n + 3) / 10),
    "NaN": lambda n: np.full((n, n), np.nan),
    "one NaN": lambda n: np.where(np.arange(n * n).reshape(n, n) == 1, np.nan, np.eye(n)),
    "infinite": lambda n: np.diag(np.full(n, np.inf)),
    "huge": lambda n: 1e200 * np.eye(n),
    "tiny": lambda n: 1e-200 * np.eye(n),
    "denormal": lambda n: 5e-324 * np.eye(n),
    "nearly singular": lambda n: np.ones((n, n)) + 1e-15 * np.eye(n),
}


def outcome(f, *args):
    with np.errstate(all="ignore"):
        try:
            return f(*args)
        except np.linalg.LinAlgError as error:
            return type(error), str(error)


@pytest.mark.parametrize("n", [2, 3, 4, 6, 17])
@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_solved_is_as_in_numpy(name, n):
    x = BAD[name](n)
    y = np.ones((n, 1))
    tolerance = 0.2 if name == "nearly singular" else 1e-12
    for f in (
        np.linalg.inv,
        np.linalg.det,
        np.linalg.slogdet,
        np.linalg.cholesky,
        lambda x: np.linalg.solve(x, y),
        lambda x: solve_triangular(x, y, trans=0, lower=True, unit_diagonal=False),
        lambda x: np.linalg.inv(np.stack([np.eye(n), x])),
    ):
        program = Program(trace(f)(general(RNG, (), n) if f is not np.linalg.cholesky else definite(RNG, (), n)))
        found, want = outcome(program, x), outcome(f, x)
        if isinstance(want, tuple) and isinstance(want[0], type):
            assert found == want
        else:
            want = want if isinstance(want, tuple) else (want,)
            both = [np.hstack([*map(np.ravel, xs)]) for xs in (found, want)]
            # What is left of 1 - 1 with rounding, times itself and so on.
            np.testing.assert_allclose(*both, rtol=tolerance, atol=1e-25 if name == "nearly singular" else 0)


@pytest.mark.parametrize("n", [2, 5])
def test_errors_come_out_of_loops_and_branches(n):
    def f(x):
        return scan(lambda c, t: (c, np.linalg.solve(x * t, np.ones(n))), 0.0, np.array([1.0, 0.0, 2.0]))[1]

    x = general(RNG, (), n)
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        jit(f)(x)

    def g(x, s):
        return cond(s > 0, np.linalg.inv, lambda x: x, x)

    zero = np.zeros((n, n))
    compiled = jit(g)
    np.testing.assert_array_equal(compiled(zero, -1.0), zero)
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        compiled(zero, 1.0)
    np.testing.assert_allclose(compiled(np.eye(n), 1.0), np.eye(n))


def test_large_determinants_keep_their_logarithm():
    x = definite(RNG, (), 200)
    sign, log = Program(trace(np.linalg.slogdet)(x))(x)
    assert sign == 1
    assert log > np.log(np.finfo(float).max)
    np.testing.assert_allclose(log, np.linalg.slogdet(x)[1], rtol=1e-13)
    for scale in (1e-3, 3e-4, 2e-3):
        check_traced(np.linalg.det, scale * x, ulps=1 << 20)


@pytest.mark.parametrize("n", [100, 260])
def test_large_matrices(n):
    x, s, y = general(RNG, (), n), definite(RNG, (), n), RNG.normal(size=(n, 3))
    for f, args in (
        (np.linalg.solve, (x, y)),
        (np.linalg.inv, (x,)),
        (np.linalg.slogdet, (x,)),
        (np.linalg.cholesky, (s,)),
        (lambda x, y: scipy.linalg.solve_triangular(x, y, trans=1), (s, y)),
    ):
        assert check_traced(f, *args, ulps=1 << 20).is_native


def test_equations_with_a_cholesky_factor_are_triangular():
    x, y = definite(RNG, (2,), 5), RNG.normal(size=(2, 5, 2))

    def f(x, y):
        factor = np.linalg.cholesky(x)
        return np.linalg.solve(factor.mT, np.linalg.solve(factor, y)), np.linalg.solve(x.mT, y)

    program = check_traced(f, x, y, ulps=1 << 14)
    names = [node.op.name for node in program.graph.nodes]
    assert names.count("scipy.linalg.solve_triangular") == 2
    assert names.count("np.linalg.solve") == 1
    assert check_traced(grad(lambda x, y: np.sum(f(x, y)[0] ** 2)), x, y, ulps=1 << 18).is_native


SHARED = {
    "solve": (lambda x, y: np.sum(np.linalg.solve(x, y) ** 2), ["solve_by_lu", "solve_by_lu"]),
    "solve transposed": (lambda x, y: np.sum(np.linalg.solve(x.mT, y) ** 2), ["solve_by_lu", "solve_by_lu"]),
    "slogdet": (lambda x, y: np.sum(np.linalg.slogdet(x)[1]), ["slogdet_by_lu", "inv_by_lu"]),
    "det": (lambda x, y: np.sum(np.linalg.det(x)), ["det_by_lu", "cofactors_by_lu"]),
    "several": (
        lambda x, y: np.sum(np.linalg.inv(x.mT) * x) + np.sum(np.linalg.slogdet(x)[1]) + np.sum(np.linalg.inv(x)),
        ["inv_by_lu", "slogdet_by_lu"],
    ),
}


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_matrix_is_factored_once(name, shape):
    f, taken = SHARED[name]
    for n, dtype in ((13, np.float64), (20, np.float32), (130, np.float64)):
        x, y = general(RNG, shape, n, dtype), RNG.normal(size=(*shape, n, 2)).astype(dtype)
        program = check_traced(value_and_grad(f, (0, 1)), x, y, ulps=1 << 20)
        names = [node.op.name for node in program.graph.nodes]
        assert names.count("lu_kept") == 1
        assert [each for each in names if each.endswith("_by_lu")] == taken
        assert not any(each.startswith("np.linalg.") for each in names)


def test_what_is_factored_once_is_as_in_numpy_where_it_is_singular():
    n = 12
    singular, regular = np.ones((n, n)), general(RNG, (), n)

    def both(x):
        return np.linalg.solve(x, np.ones(n)), np.linalg.inv(x.T)

    def determinants(x):
        return np.linalg.det(x), np.linalg.slogdet(x)

    for f in (both, determinants):
        program = Program(trace(f)(regular))
        assert "lu_kept" in [node.op.name for node in program.graph.nodes]
        found, want = outcome(program, singular), outcome(f, singular)
        if f is both:
            assert found == want == (np.linalg.LinAlgError, "Singular matrix")
        else:
            np.testing.assert_array_equal(np.hstack(found), np.hstack([want[0], *want[1]]))


def test_matrices_of_other_dtypes_or_few_rows_are_factored_by_themselves():
    x, y = general(RNG, (), 12, np.float32), RNG.normal(size=(12, 2))
    program = check_traced(lambda x, y: (np.linalg.solve(x, y), np.linalg.det(x)), x, y, ulps=1 << 20)
    assert "lu_kept" not in [node.op.name for node in program.graph.nodes]
    program = check_traced(lambda x: (np.linalg.inv(x), np.linalg.det(x)), general(RNG, (), 8), ulps=1 << 14)
    assert "lu_kept" not in [node.op.name for node in program.graph.nodes]


# Derivatives, loops and threads


@pytest.mark.parametrize("n", [2, 3, 6])
def test_derivatives_are_native(n):
    x, y = definite(RNG, (), n), RNG.normal(size=n)
    weights = RNG.normal(size=(n, n))
    for f in (
        lambda x: np.sum(np.linalg.solve(x, y) ** 2),
        lambda x: np.sum(np.linalg.inv(x) * weights),
        np.linalg.det,
        lambda x: np.linalg.slogdet(x)[1],
        lambda x: np.sum(np.linalg.cholesky(x) * weights),
        lambda x: np.sum(scipy.linalg.solve_triangular(x, y, lower=True) ** 2),
        lambda x: np.sum(scipy.linalg.cho_solve(scipy.linalg.cho_factor(x), y) ** 2),
    ):
        assert check_traced(grad(f), x, ulps=1 << 16).is_native
        assert check_traced(grad(lambda x, f=f: np.sum(grad(f)(x) * weights)), x, ulps=1 << 20).is_native


@pytest.mark.parametrize(("n", "p"), [(2, 1), (2, 2), (4, 3), (6, 2)])
def test_a_kalman_filter_is_one_native_segment(n, p):
    forward, seen = 0.9 * np.eye(n) + 0.1 * np.eye(n, k=1), np.eye(p, n)

    def likelihood(theta, y):
        def step(carry, observed):
            mean, spread = carry
            mean, spread = forward @ mean, forward @ spread @ forward.T + np.exp(theta[0]) * np.eye(n)
            error = observed - seen @ mean
            variance = seen @ spread @ seen.T + np.exp(theta[1]) * np.eye(p)
            gain = np.linalg.solve(variance, seen @ spread).T
            log = -0.5 * (np.linalg.slogdet(variance)[1] + error @ np.linalg.solve(variance, error))
            return (mean + gain @ error, spread - gain @ variance @ gain.T), log

        return np.sum(scan(step, (np.zeros(n), np.eye(n)), y)[1])

    args = np.array([0.1, -0.2]), RNG.normal(size=(12, p))
    assert check_traced(likelihood, *args, ulps=1 << 14).is_native
    assert check_traced(grad(likelihood), *args, ulps=1 << 16).is_native
    np.testing.assert_allclose(jit(grad(likelihood))(*args), grad(likelihood)(*args), rtol=1e-9)


@pytest.mark.parametrize("n", [3, 4, 6, 20])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_results_do_not_depend_on_threads(n, dtype):
    x, y = general(RNG, (3001,), n, dtype), RNG.normal(size=(3001, n, 2)).astype(dtype)
    program = Program(trace(lambda x, y: (np.linalg.solve(x, y), *np.linalg.slogdet(x)))(x, y))
    found = []
    for count in (1, 2, 5):
        with using_threads(count):
            found.append(program(x, y))
    for a, b, c in zip(*found, strict=True):
        assert a.tobytes() == b.tobytes() == c.tobytes()
    np.testing.assert_allclose(found[0][0], np.linalg.solve(x, y), rtol=0.1, atol=1e-2 if dtype is np.float32 else 1e-9)


def test_large_results_do_not_depend_on_threads():
    x, y = definite(RNG, (), 260), RNG.normal(size=(260, 200))

    def f(x, y):
        factor = np.linalg.cholesky(x)
        by_factor = pullback(factor, y @ y.T)
        solved = np.linalg.solve(x + 1, y)
        return factor, np.linalg.solve(factor, y), np.linalg.solve(factor.T, y), solved, np.linalg.inv(x), by_factor

    program = Program(trace(f)(x, y))
    found = []
    for count in (1, 2, 5):
        with using_threads(count):
            found.append(program(x, y))
    for a, b, c in zip(*found, strict=True):
        assert a.tobytes() == b.tobytes() == c.tobytes()
    np.testing.assert_allclose(found[0][3], np.linalg.solve(x + 1, y), rtol=1e-9, atol=1e-12)
    shared = jit(value_and_grad(lambda x: np.linalg.slogdet(x)[1] + np.sum(np.linalg.solve(x, y) ** 2)))
    with using_threads(1):
        value, slope = shared(x)
    for count in (2, 5):
        with using_threads(count):
            again, same = shared(x)
            assert again == value
            assert same.tobytes() == slope.tobytes()


def test_functions_are_found_by_name():
    names = [dense_name(function, np.dtype(dtype)) for function in ARGUMENTS for dtype in (np.float32, np.float64)]
    found = addresses(names)
    assert len(set(found.values())) == len(names)
    with pytest.raises(KeyError):
        addresses([dense_name("unknown", np.dtype(np.float64))])


@pytest.mark.parametrize("n", [3, 5])
def test_a_stack_of_any_length(n):
    def f(x, y):
        return np.linalg.solve(x, y), np.linalg.cholesky(x @ x.mT + np.eye(n))

    compiled = jit(f)
    for rows in (4, 5, 1, 7, 8, 9, 100, 0, 2000):
        x, y = general(RNG, (rows,), n), RNG.normal(size=(rows, n, 1))
        for found, want in zip(compiled(x, y), f(x, y), strict=True):
            np.testing.assert_allclose(found, want, rtol=1e-7, atol=1e-9)


def test_matrices_of_any_size():
    def f(x):
        k = np.exp(-((x[:, None] - x) ** 2)) + 0.1 * np.eye(len(x))
        factor = np.linalg.cholesky(k)
        return np.sum(np.linalg.solve(k, x) * x) + np.sum(np.log(np.diagonal(factor))) + np.linalg.slogdet(k)[1]

    compiled = jit(f)
    for n in (5, 6, 1, 17, 40, 3):
        x = RNG.normal(size=n)
        np.testing.assert_allclose(compiled(x), f(x), rtol=1e-10)
    assert not compiled.stages().through_numpy


def test_vectorized():
    x = definite(RNG, (30,), 3)
    f = vectorize(grad(lambda x: np.linalg.slogdet(x)[1] + np.linalg.solve(x, np.ones(3))[0]))
    graph = trace(f)(x)
    assert check(graph, x, ulps=1 << 12).is_native


@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("lower", [False, True])
def test_triangular_systems_of_a_batch(trans, lower):
    x, y = definite(RNG, (4,), 3), RNG.normal(size=(3, 2))
    f = triangular(trans, lower, False)
    found = check_traced(vectorize(lambda x: f(x, y)), x, ulps=1 << 14)
    assert found.is_native
    np.testing.assert_allclose(found(x)[0], np.stack([f(one, y) for one in x]), rtol=1e-12)
    other = check_traced(vectorize(lambda x: np.sum(f(x, y) ** 3)), x, ulps=1 << 14)
    curved = vectorize(hessian(lambda x: np.sum(f(x, y) ** 3)))(x)
    assert other.is_native
    np.testing.assert_allclose(curved[1], hessian(lambda x: np.sum(f(x, y) ** 3))(x[1]), rtol=1e-8, atol=1e-10)
