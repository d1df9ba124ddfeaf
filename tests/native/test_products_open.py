"""Products of which two or all lengths follow from the leading size: values, edges of the tiles, strides, threads."""

import numpy as np
import pytest
from tests.native.running import assert_close

from chainrule import grad, jit
from chainrule.native.matmul import factors_of
from chainrule.native.pool import using_threads
from chainrule.native.products_open import open_product_of
from chainrule.native.program import Program
from chainrule.native.stacks import stack_of
from chainrule.passes import optimized
from chainrule.trace.sizes import trace_every_size

RNG = np.random.default_rng(0)
DTYPES = [np.float32, np.float64]
#: Around the sizes of tiles, of slices, and of parts of the inner length.
SIZES = (1, 2, 7, 17, 48, 127, 129, 600)

CASES = {
    "a matrix and its transpose": lambda x, y: x @ x.T,
    "two matrices": lambda x, y: x @ y.T,
    "every second column": lambda x, y: x[:, ::2] @ y[:, :3].T,
    "columns turned round": lambda x, y: x[:, ::-1] @ y.T,
    "all lengths but one": lambda x, y: (x @ y.T) @ x,
    "all lengths": lambda x, y: (x @ y.T) @ (y @ x.T),
    "from the left": lambda x, y: (x @ y.T).T @ x,
    "with a column": lambda x, y: (x @ y.T) @ x[:, 0],
    "with a row": lambda x, y: y[:, 0] @ (x @ y.T),
    "of one column": lambda x, y: x[:, :1] @ y[:, :1].T,
}


def opened(f, shape, dtype=np.float64):
    samples = [RNG.normal(size=(4, *shape)).astype(dtype) for _ in range(2)]
    graph = trace_every_size(f, samples, ["x", "y"], [True, True], careful=False)
    assert graph.specialized is None
    return Program(optimized(graph))


def data(n, d, dtype=np.float64):
    return [RNG.normal(size=(n, d)).astype(dtype) for _ in range(2)]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("case", CASES)
def test_values(case, dtype):
    f = CASES[case]
    program = opened(f, (5,), dtype)
    for n in SIZES:
        x, y = data(n, 5, dtype)
        assert_close(program(x, y), [f(x, y)], ulps=4096, dtype=dtype)


@pytest.mark.parametrize("d", [1, 3, 16, 50, 513, 1100])
def test_inner_lengths(d):
    program = opened(lambda x, y: x @ y.T, (d,))
    for n in (2, 50, 140):
        x, y = data(n, d)
        assert_close(program(x, y), [x @ y.T])


@pytest.mark.parametrize("case", CASES)
def test_no_product_is_left_to_plain_loops(case):
    program = opened(CASES[case], (5,))
    products = [node for node in program.graph.nodes if node.op.name == "np.matmul"]
    ways = [
        [way(node, program.access) is not None for way in (factors_of, stack_of, open_product_of)] for node in products
    ]
    assert products or case == "of one column"
    assert all(map(any, ways))
    if case == "all lengths":
        assert [way[2] for way in ways] == [True] * 3
        assert not any(way[0] or way[1] for way in ways)


def test_integers_stacks_and_scattered_entries_have_no_such_form():
    def forms(f, dtype=np.float64):
        program = opened(f, (4,), dtype)
        return [open_product_of(node, program.access) for node in program.graph.nodes if node.op.name == "np.matmul"]

    assert forms(lambda x, y: x @ y.T, np.int64) == [None]
    assert forms(lambda x, y: x[:, ::2] @ (y[:, ::2]).T) == [None]
    assert forms(lambda x, y: x[:, :, None] @ y[:, None, :]) in ([], [None])


def test_nan_and_infinity_stay_in_their_rows_and_columns():
    program = opened(lambda x, y: x @ y.T, (5,))
    x, y = data(150, 5)
    x[3, 1], y[140, 2] = np.nan, np.inf
    with np.errstate(all="ignore"):
        expected = x @ y.T
    (found,) = program(x, y)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


def test_the_same_bits_for_any_number_of_threads():
    f = CASES["all lengths"]
    program = opened(f, (9,))
    x, y = data(700, 9)
    found = []
    for count in (1, 2, 3):
        with using_threads(count):
            found.append(program(x, y)[0])
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
    # A row does not depend on those beside it.
    (few,) = opened(CASES["two matrices"], (9,))(x[:20], y[:20])
    (many,) = opened(CASES["two matrices"], (9,))(x, y)
    assert few.tobytes() == np.ascontiguousarray(many[:20, :20]).tobytes()


def test_a_kernel_and_its_derivative():
    def energy(x, alpha):
        s = np.sum(x * x, axis=1)
        return alpha @ np.exp(-(s[:, None] + s - 2 * (x @ x.T))) @ alpha

    compiled = jit(grad(energy, (0, 1)))
    for n in (20, 30, 200):
        x, alpha = RNG.normal(size=(n, 4)) / 3, RNG.normal(size=n)
        for found, expected in zip(compiled(x, alpha), grad(energy, (0, 1))(x, alpha), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    assert not compiled.stages().through_numpy
