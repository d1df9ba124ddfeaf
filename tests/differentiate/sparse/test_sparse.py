"""`sparse_jacobian` and `sparse_hessian` against the whole matrices of `jacobian` and `hessian`."""

import functools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from tests.programs.checks import REFUSALS
from tests.programs.generate import generate, load

import chainrule
from chainrule import (
    TraceError,
    cond,
    custom_gradient,
    grad,
    hessian,
    jacobian,
    jit,
    recompute,
    scan,
    sparse_hessian,
    sparse_jacobian,
    tree,
    vectorize,
    while_loop,
)
from chainrule.errors import OptionError

x = np.random.default_rng(0).normal(size=12)
table = np.array([3, 0, 0, 7, 11])
ones = np.ones((3, 4))


def filled(x):
    y = np.zeros(6)
    y[1:4] = x[:3] * x[3]
    y[0] += x[9]
    y[[5, 5]] = x[4:6]
    return y


def added_at(x):
    y = np.zeros(4)
    np.add.at(y, [0, 2, 2], x[:3])
    return y * x[3]


def stepped(x):
    total, steps = scan(lambda carry, a: (carry * a, carry + a), x[0], x[1:5])
    return np.concatenate([[total], steps])


#: For each the function, and the number of entries of its pattern.
FUNCTIONS = {
    "neighbours": (lambda x: x[1:] ** 2 - x[:-1], 22),
    "periodic": (lambda x: np.sin(x) * np.roll(x, 1), 24),
    "every third": (lambda x: x[::3] * x[1], 4 + 4),
    "index array": (lambda x: np.exp(x[table]), 5),
    "mask": (lambda x: x[np.arange(12) % 5 == 0], 3),
    "take": (lambda x: np.take(x, [[1, 2], [2, 3]]), 4),
    "assigned": (filled, 1 + 3 * 2 + 1),
    "added at": (added_at, 2 + 1 + 3 + 1),
    "concatenated": (lambda x: np.concatenate([x[:2], [1.0], x[:2] * x[2]]), 2 + 4),
    "stacked": (lambda x: np.stack([x[0] * x[1], x[2], 3.0]), 3),
    "padded": (lambda x: np.pad(x[:3], 2), 3),
    "turned": (lambda x: np.flip(np.reshape(x, (3, 4)).T, 0), 12),
    "broadcast": (lambda x: x[:3, None] * x[3:7], 24),
    "sum": (lambda x: np.sum(np.reshape(x, (3, 4)) ** 2, axis=0), 12),
    "sum of all": (lambda x: np.sum(x), 12),
    "product": (lambda x: np.prod(np.reshape(x, (3, 4)), axis=-1, keepdims=True), 12),
    "maximum": (lambda x: np.max(np.reshape(x, (3, 4)), axis=(0, 1)), 12),
    "running sum": (lambda x: np.cumsum(np.reshape(x, (3, 4)), axis=1), 3 * (1 + 2 + 3 + 4)),
    "running product": (lambda x: np.cumprod(x[:3]), 6),
    "difference": (lambda x: np.diff(x, 2), 30),
    "where": (lambda x: np.where(x > 0, x, np.roll(x, 1)), 24),
    "maximum of two": (lambda x: np.maximum(x[:6], x[6:]), 12),
    "sorted": (lambda x: np.sort(x) ** 2, 12),
    "matrix times vector": (lambda x: np.reshape(x, (3, 4)) @ np.arange(4.0), 12),
    "constant times matrix": (lambda x: np.ones((2, 3)) @ np.reshape(x, (3, 4)), 2 * 12),
    "vector times vector": (lambda x: x[:6] @ x[6:], 12),
    "stack of matrices": (lambda x: np.reshape(x[:8], (2, 2, 2)) @ np.reshape(x[8:], (2, 2)), 8 * 4),
    "einsum": (lambda x: np.einsum("ij,kj->ik", np.reshape(x[:6], (3, 2)), np.reshape(x[6:], (3, 2))), 9 * 4),
    "diagonal": (lambda x: np.einsum("ij,ij->j", np.reshape(x, (3, 4)), ones), 12),
    "outer": (lambda x: np.outer(x[:2], x[2:5]), 12),
    "convolved": (lambda x: np.convolve(x[:3], np.ones(2)), 4 + 2),
    "both convolved": (lambda x: np.convolve(x[:3], x[3:5]), 4 + 2 + 6),
    "transformed": (lambda x: np.real(np.fft.fft(np.reshape(x, (3, 4)))), 12 * 4),
    "solved": (lambda x: np.linalg.solve(np.reshape(x[:4], (2, 2)), np.reshape(x[4:8], (2, 2))), 4 * (4 + 2)),
    "stack solved": (lambda x: np.linalg.solve(np.reshape(x[:8], (2, 2, 2)), x[8:10]), 4 * (4 + 2)),
    "triangle": (lambda x: scipy.linalg.solve_triangular(np.reshape(x[:4], (2, 2)), x[4:6]), 2 * (4 + 2)),
    "determinants": (lambda x: np.linalg.det(np.reshape(x, (3, 2, 2))), 12),
    "inverses": (lambda x: np.linalg.inv(np.reshape(x, (3, 2, 2))), 3 * 16),
    "eigenvalues": (lambda x: np.linalg.eigvalsh(np.reshape(x, (3, 2, 2)) + np.eye(2)), 6 * 4),
    "float32": (lambda x: x[:3].astype(np.float32) ** 2, 3),
    "recomputed": (lambda x: recompute(np.sin)(x[:2]), 4),
    "branch": (lambda x: cond(True, np.sin, np.cos, x[:2]), 4),
    "loop": (stepped, 5 * 5),
    "repeated": (lambda x: while_loop(lambda c: np.sum(c) < 40.0, lambda c: c * 1.5 + 1.0, x[:3]), 9),
    "vectorized": (lambda x: vectorize(lambda a: a[1:] * a[0])(np.reshape(x, (3, 4))), 9 * 2),
    "own rule": (lambda x: custom_gradient(lambda g, ans, x: 2 * g * x)(np.square)(x[:2]), 4),
    "constant": (lambda x: np.ones(3), 0),
    "nothing differentiable": (lambda x: np.sign(x) * np.argmax(x), 0),
    "number": (lambda x: x[3], 1),
    "no entries": (lambda x: x[:0], 0),
}


def entries(matrix):
    """A sparse matrix as an array, after a look at its form."""
    assert isinstance(matrix, sparse.csr_array)
    assert matrix.has_canonical_format
    return matrix.toarray()


def dense(f, *point, wrt=0, of=jacobian):
    """The blocks of the whole matrix, joined: leaves of the outputs above each other, of the arguments side by side."""
    # A program may write into its arguments.
    value = f(*tree.map(np.copy, point))
    places = wrt if isinstance(wrt, tuple) else (wrt,)
    blocks = tree.leaves(of(f, places)(*point))
    columns = [np.size(leaf) for place in places for leaf in tree.leaves(point[place])]
    rows = [np.size(leaf) for leaf in tree.leaves(value)] if of is jacobian else columns
    grid = [
        [np.reshape(blocks[i * len(columns) + j], (m, n)) for j, n in enumerate(columns)] for i, m in enumerate(rows)
    ]
    return np.block(grid)


@pytest.mark.parametrize("mode", ["forward", "reverse", None])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian(name, mode):
    f, count = FUNCTIONS[name]
    derivative = sparse_jacobian(f, mode=mode)
    assert_allclose(entries(derivative(x)), dense(f, x), rtol=1e-12, atol=1e-13)
    plan = derivative.plan(x)
    assert plan.pattern.nnz == count
    assert plan.pattern.dtype == bool
    assert mode is None or plan.mode == mode
    assert plan.count <= min(plan.pattern.shape) or mode is not None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessian(name):
    f, _ = FUNCTIONS[name]

    def loss(x):
        y = f(x)
        return np.sum(np.sin(y) * np.cos(np.arange(np.size(y)).reshape(np.shape(y))))

    found = entries(sparse_hessian(loss)(x))
    assert_allclose(found, hessian(loss)(x), rtol=1e-9, atol=1e-10)
    assert_array_equal(found, found.T)


def check_refusal(problem, *texts):
    assert any(text in str(problem) for text in texts or REFUSALS), problem


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_programs(start):
    """Random programs: entries as of the whole matrix, and nothing outside of the pattern."""
    compared = 0
    for seed in range(start, start + 20):
        program = generate(seed)
        f = load(program.source, (scan, cond, while_loop))["program"]
        try:
            expected = dense(f, program.x, program.w, wrt=(0, 1))
            found = sparse_jacobian(f, (0, 1))(program.x, program.w)
        except TraceError as problem:
            check_refusal(problem)
            continue
        assert_allclose(entries(found), expected, rtol=1e-9, atol=1e-9 * np.max(np.abs(expected), initial=1.0))
        compared += 1
    assert compared >= 14


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_second_derivatives_of_programs(seed):
    program = generate(seed)
    loss = load(program.source, (scan, cond, while_loop))["loss"]
    try:
        expected = dense(loss, program.x, program.w, wrt=(0, 1), of=hessian)
    except TraceError as problem:
        check_refusal(problem)
        return
    found = entries(sparse_hessian(loss, (0, 1))(program.x, program.w))
    # The whole matrix is symmetric up to rounding.
    scale = np.max(np.abs(expected), initial=1.0)
    assert_allclose(found, expected, rtol=1e-7, atol=1e-7 * scale)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9))
def test_random_dependence(seed, m, n):
    """Sums of products of entries that are picked at random."""
    rng = np.random.default_rng(seed)
    places = rng.integers(0, n, (m, 2))
    weights = rng.normal(size=m)

    def f(x):
        return weights * x[places[:, 0]] * x[places[:, 1]]

    expected = np.zeros((m, n), bool)
    expected[np.arange(m)[:, None], places] = True
    point = rng.normal(size=n)
    assert_array_equal(sparse_jacobian(f).plan(point).pattern.toarray(), expected)
    assert_allclose(entries(sparse_jacobian(f)(point)), jacobian(f)(point), rtol=1e-12)


def test_a_hessian_of_terms_that_share_nothing_is_blocks():
    def loss(x):
        return np.sum(x[::2] ** 2 * np.exp(x[1::2])) + np.sum(3 * x)

    plan = sparse_hessian(loss).plan(x)
    assert_array_equal(plan.pattern.toarray(), np.kron(np.eye(6), np.ones((2, 2))) != 0)
    assert plan.count == 2
    assert plan.is_symmetric


def test_trees_of_arguments_and_outputs():
    def f(p, scale):
        return {"a": p["u"] * scale, "b": (p["v"][1:], np.sum(p["u"]))}

    point = {"u": np.arange(3.0), "v": np.ones((2, 2))}, 2.0
    found = sparse_jacobian(f, ("p", "scale"))(*point)
    assert found.shape == (3 + 2 + 1, 3 + 4 + 1)
    assert_allclose(entries(found), dense(f, *point, wrt=(0, 1)))
    by_scale = sparse_jacobian(f, "scale")(*point)
    assert_allclose(entries(by_scale), dense(f, *point, wrt=1))


def test_value_comes_along():
    value, matrix = sparse_jacobian(lambda x: {"y": x[1:] * x[:-1]}).with_value(x)
    assert_array_equal(value["y"], x[1:] * x[:-1])
    assert matrix.shape == (11, 12)
    gradient, matrix = sparse_hessian(lambda x: np.sum(x**3)).with_value(x)
    assert_allclose(gradient, 3 * x**2)
    assert_allclose(entries(matrix), np.diag(6 * x))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_types(mode):
    def f(x):
        return x[1:] ** 2 * x[:-1]

    single = sparse_jacobian(f, mode=mode)(x.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single.toarray(), jacobian(f)(x), rtol=1e-5)
    z = x + 1j * x[::-1]
    found = sparse_jacobian(f, mode=mode)(z)
    assert found.dtype == np.complex128
    assert_allclose(found.toarray(), jacobian(f)(z), rtol=1e-12)

    def mixed(x, z):
        return np.concatenate([z * x, np.abs(z) * (1 + 0j), [np.sum(x)]])

    point = x[:3], z[:3]
    assert_allclose(
        entries(sparse_jacobian(mixed, (0, 1), mode=mode)(*point)), dense(mixed, *point, wrt=(0, 1)), rtol=1e-12
    )


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("memory", [1, 2**12, 2**26])
def test_memory(memory, compiled):
    def f(x):
        return np.stack([x, np.roll(x, 1) * x, np.roll(x, 2) * x])

    for mode in ("forward", "reverse"):
        derivative = sparse_jacobian(f, mode=mode, memory=memory)
        found = (jit(derivative) if compiled else derivative)(x)
        assert_allclose(entries(found), dense(f, x), rtol=1e-12)


@pytest.mark.parametrize("shape", [(0,), (1,), (0, 3)])
def test_empty(shape):
    found = sparse_jacobian(lambda x: np.sin(x))(np.ones(shape))
    assert found.shape == (np.prod(shape), np.prod(shape))
    assert_allclose(found.toarray(), np.cos(1.0) * np.eye(np.prod(shape, dtype=int)))
    assert jit(sparse_jacobian(np.sin))(np.ones(shape)).shape == found.shape
    assert sparse_hessian(lambda x: np.sum(x**2))(np.ones(shape)).shape == found.shape


# Patterns that are given.


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csr_matrix])
def test_given_patterns(kind, make):
    def f(x):
        return x[1:] ** 2 - x[:-1]

    pattern = make(np.eye(11, 12) + np.eye(11, 12, k=1)).asformat(kind)
    for mode in ("forward", "reverse"):
        derivative = sparse_jacobian(f, pattern=pattern, mode=mode)
        assert_allclose(entries(derivative(x)), jacobian(f)(x))
        assert_allclose(entries(jit(derivative)(x)), jacobian(f)(x))
    assert sparse_jacobian(f, pattern=pattern.toarray()).plan(x).count == 2


def test_what_is_stored_counts_in_a_given_pattern():
    stored = sparse.coo_array((np.zeros(13), (np.r_[np.arange(12), 0], np.r_[np.arange(12), 5])))
    found = sparse_jacobian(np.sin, pattern=stored)(x)
    assert found.nnz == 13
    assert_allclose(found.toarray(), np.diag(np.cos(x)))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_an_entry_outside_of_a_given_pattern_is_found(mode, compiled):
    def f(x):
        return x**2 + 1e-3 * x[0]

    derivative = sparse_jacobian(f, pattern=np.eye(12), mode=mode)
    with pytest.raises(TraceError, match=r"outside of the pattern given, in (row|column)"):
        (jit(derivative) if compiled else derivative)(x)


def test_a_given_pattern_is_checked_at_every_call():
    def f(x):
        return x + np.maximum(x[0] - 5.0, 0.0) * np.ones(12)

    derivative = sparse_jacobian(f, pattern=np.eye(12))
    point = x.copy()
    derivative(point)
    point[0] = 6.0
    with pytest.raises(TraceError, match="outside of the pattern"):
        derivative(point)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_given_patterns_of_complex_functions(mode):
    z = x + 1j * x[::-1]
    found = sparse_jacobian(lambda z: z**2, pattern=np.eye(12), mode=mode)(z)
    assert_allclose(found.toarray(), np.diag(2 * z))
    with pytest.raises(TraceError, match="outside of the pattern"):
        sparse_jacobian(lambda z: z**2 + 1j * z[0], pattern=np.eye(12), mode=mode)(z)
    with pytest.raises(TraceError, match="outside of the pattern"):
        sparse_jacobian(lambda x: x * 1j + 1j * x[0], pattern=np.eye(12), mode=mode)(x)


def test_given_patterns_of_hessians():
    def loss(x):
        return np.sum(x[1:] * x[:-1] ** 2)

    half = np.eye(12) + np.eye(12, k=1)
    assert_allclose(entries(sparse_hessian(loss, pattern=half)(x)), hessian(loss)(x), rtol=1e-12)
    with pytest.raises(TraceError, match="outside of the pattern"):
        sparse_hessian(loss, pattern=np.eye(12))(x)


# Patterns that depend on the way that is taken.


def branching(x):
    if x[0] > 0:
        return x[1:] * x[:-1]
    y = x[1:].copy()
    for _ in range(2 if x[1] > 0 else 3):
        y = y * x[0]
    return y


@pytest.mark.parametrize("compiled", [False, True])
def test_another_branch_has_another_pattern(compiled):
    derivative = jit(sparse_jacobian(branching)) if compiled else sparse_jacobian(branching)
    for first, second in [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-2.0, 3.0)]:
        point = np.array([first, second, 0.5, 2.0])
        assert_allclose(entries(derivative(point)), jacobian(branching)(point), rtol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sort(x) ** 2,
        lambda x: x[np.argsort(-x)[:3]] * x[0],
        lambda x: x[x > 0.3],
        lambda x: np.array([x[int(chainrule.value(x[0]))], x[1]]),
    ],
    ids=["sorted", "the largest", "mask", "value as an index"],
)
def test_indices_that_depend_on_values(f, compiled):
    derivative = sparse_jacobian(f)
    if compiled:
        derivative = jit(derivative)
    compared = False
    for point in ([1.0, 2.0, 0.5, 3.0], [2.0, 0.1, 0.5, 0.6], [3.0, -1.0, 0.5, -2.0]):
        try:
            found = derivative(np.array(point))
        except TraceError as problem:
            # Without values this index is not known; that is said, and nothing wrong is computed.
            check_refusal(problem, "value")
            compared = compiled
            continue
        assert_allclose(entries(found), jacobian(f)(np.array(point)), rtol=1e-12)
        compared = True
    assert compared


@pytest.mark.parametrize("count", [10, 2000])
@pytest.mark.parametrize("compiled", [False, True])
def test_an_index_array_that_is_written_into(count, compiled):
    places = np.arange(count)

    def f(x):
        return x[places] ** 2

    point = np.random.default_rng(1).normal(size=count)
    derivative = jit(sparse_jacobian(f)) if compiled else sparse_jacobian(f)
    for _ in range(3):
        expected = sparse.csr_array((2 * point[places], (np.arange(count), places)), (count, count))
        assert abs(derivative(point) - expected).max() < 1e-12
        places[:] = places[::-1].copy()
        places[0] = 3


@pytest.mark.parametrize("compiled", [False, True])
def test_index_arrays_among_the_arguments(compiled):
    def f(x, where, mask):
        return x[where] * x[0], x[mask]

    derivative = sparse_jacobian(f)
    if compiled:
        derivative = jit(derivative)
    for shift, places in enumerate([np.array([1, 2, 2]), np.array([1, 5, 11]), np.array([1, 2, 2])]):
        mask = np.arange(12) % 3 == shift
        found = derivative(x, places, mask=mask)
        assert found.nnz == 6 + 4
        assert_allclose(entries(found), dense(functools.partial(f, where=places, mask=mask), x), rtol=1e-12)


def test_sizes_that_change():
    derivative = sparse_jacobian(lambda x: x[1:] * x[:-1])
    compiled = jit(derivative)
    for n in (3, 8, 5, 3, 20):
        assert derivative(np.ones(n)).nnz == 2 * (n - 1)
        assert_array_equal(compiled(np.ones(n)).toarray(), derivative(np.ones(n)).toarray())


def test_results_share_no_memory():
    derivative = sparse_jacobian(lambda x: x[1:] * x[:-1])
    first = derivative(np.arange(4.0))
    first.eliminate_zeros()
    first.data[:] = 7
    assert_allclose(derivative(np.arange(4.0)).toarray(), [[1, 0, 0, 0], [0, 2, 1, 0], [0, 0, 3, 2]])


@pytest.mark.interpreted("counts what is compiled")
def test_compiled_once():
    calls = []

    def f(x):
        calls.append(0)
        return x[1:] ** 2 * x[:-1]

    derivative = jit(sparse_jacobian(f))
    for k in range(5):
        assert_allclose(entries(derivative(x + k)), jacobian(lambda x: x[1:] ** 2 * x[:-1])(x + k), rtol=1e-12)
    assert len(calls) <= 4
    assert derivative.stages().compilations == 1
    assert derivative.stages().through_numpy == []
    assert derivative.plan(x).count == 2


@pytest.mark.parametrize(
    "name", ["neighbours", "assigned", "einsum", "solved", "running sum", "constant", "repeated", "loop"]
)
def test_compiled(name):
    f, _ = FUNCTIONS[name]
    assert_allclose(entries(jit(sparse_jacobian(f))(x)), dense(f, x), rtol=1e-10, atol=1e-12)

    def loss(x):
        return np.sum(np.sin(f(x)))

    assert_allclose(entries(jit(sparse_hessian(loss))(x)), hessian(loss)(x), rtol=1e-9, atol=1e-10)


def test_plans_are_told():
    derivative = sparse_jacobian(lambda x: x[1:] ** 2 - x[:-1])
    assert repr(derivative.plan(x)) == "<plan: 11 x 12, 22 entries, 2 colours, forward>"
    assert derivative.plan(x) is derivative.plan(2 * x)
    assert "symmetric" in repr(sparse_hessian(lambda x: np.sum(x**3)).plan(x))


# What is refused.


def test_mistakes_are_named():
    with pytest.raises(OptionError, match="mode should be"):
        sparse_jacobian(np.sin, mode="sideways")
    with pytest.raises(OptionError, match="memory should be"):
        sparse_jacobian(np.sin, memory=0)
    with pytest.raises(OptionError, match=r"pattern has shape \(3, 3\), but the derivative has shape \(12, 12\)"):
        sparse_jacobian(np.sin, pattern=np.eye(3))(x)
    with pytest.raises(OptionError, match="two axes, found 1"):
        sparse_jacobian(np.sin, pattern=np.ones(3))
    with pytest.raises(OptionError, match="by real arguments, but z is complex"):
        sparse_hessian(lambda z: np.sum(np.abs(z) ** 2))(x + 1j)
    with pytest.raises(OptionError, match="nothing is compiled"):
        sparse_jacobian(np.sin).stages()
    with pytest.raises(TraceError, match="inside of a function that is recorded itself"):
        grad(lambda x: np.sum(sparse_jacobian(np.sin)(x) @ np.ones(12)))(x)
    with pytest.raises(TraceError, match="inside of a function that is recorded itself"):
        jit(lambda x: sparse_jacobian(np.sin)(x))(x)


def test_no_pattern_to_be_found():
    with pytest.raises(TraceError, match=r"np.subtract, .*there is no sparse pattern to be found. Use jacobian or hvp"):
        sparse_jacobian(lambda x: x - np.mean(x))(np.ones(2**15))


def test_what_is_read_from_around_the_function():
    weights, width = np.arange(1.0, 1001.0), 1

    def f(x):
        return weights[width:] * x[width:] * x[:-width]

    def loss(x):
        return np.sum(f(x) ** 2)

    derivative, second = jit(sparse_jacobian(f)), jit(sparse_hessian(loss))
    point = np.random.default_rng(0).normal(size=1000)
    for _ in range(3):
        assert abs(derivative(point) - sparse_jacobian(f)(point)).max() < 1e-9
        assert abs(second(point) - sparse_hessian(loss)(point)).max() < 1e-5
        assert derivative(point).nnz == 2 * (1000 - width)
        weights *= 2.0
        width += 1


@pytest.mark.parametrize("compiled", [False, True])
def test_zero_stays_zero(compiled):
    def f(x):
        return np.where(x > 0, np.log(np.abs(x)), 0.0) * x[::-1] + np.where(x > 0, np.sqrt(x), x)

    def loss(x):
        return np.sum(f(x) ** 2)

    derivative, second = sparse_jacobian(f), sparse_hessian(loss)
    if compiled:
        derivative, second = jit(derivative), jit(second)
    for point in (np.array([0.0, 1.0, 2.0, 0.0]), np.array([1.0, 0.5, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 4.0])):
        with np.errstate(all="ignore"):
            assert_allclose(entries(derivative(point)), jacobian(f)(point), rtol=1e-12)
            assert_allclose(entries(second(point)), hessian(loss)(point), rtol=1e-10)
