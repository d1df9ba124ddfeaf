"""Products and the loops that follow them, slice by slice: the same bits as one after the other."""

import numpy as np
import pytest

from chainrule import trace
from chainrule.native.grouping import Followed
from chainrule.native.pool import using_threads
from chainrule.native.program import Program
from chainrule.passes import optimized

RNG = np.random.default_rng(0)
DTYPES = (np.float32, np.float64)


def random(dtype, *shape):
    return RNG.normal(size=shape).astype(dtype)


def layer(x, w, b, m):
    """A layer's product, its bias and what comes out."""
    return np.maximum(x @ w + b, 0)


def update(x, w, b, m):
    """An update that reads a gradient by the weights, beside a weight and a mean."""
    gradient = x.T @ b
    mean = 0.9 * m + 0.1 * gradient
    return w - 0.01 * mean / (np.sqrt(gradient * gradient) + 1), mean


def twice(x, w, b, m):
    """A product that is read after the loop, too."""
    y = x @ w
    return np.tanh(y) + b, y @ w.T


def result(x, w, b, m):
    """A product that is a result itself."""
    y = x @ w
    return y, y * y + 1


def back(x, w, b, m):
    """A product with a transposed factor, of which rows are copied for each slice."""
    return np.where(x > 0, m @ w.T, 0)


CASES = {
    "layer": (layer, [(300, 150), (150, 120), (120,), ()]),
    "layer, with a large factor": (layer, [(170, 701), (701, 201), (201,), ()]),
    "update": (update, [(70, 301), (301, 203), (70, 203), (301, 203)]),
    "update, of large weights": (update, [(33, 601), (601, 307), (33, 307), (601, 307)]),
    "read twice": (twice, [(200, 150), (150, 301), (301,), ()]),
    "a result": (result, [(200, 150), (150, 301), (), ()]),
    "transposed": (back, [(200, 201), (201, 150), (), (200, 150)]),
}


def program_of(name, dtype):
    f, shapes = CASES[name]
    arguments = [random(dtype, *shape) for shape in shapes]
    return f, arguments, Program(optimized(trace(f)(*arguments)))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_they_are_put_together(name, dtype):
    _, _, program = program_of(name, dtype)
    (found,) = (part for part in program.parts if isinstance(part, Followed))
    assert bool(found.local) == (name not in ("read twice", "a result"))
    # What never leaves the stack has no memory of the workspace.
    assert all(program.memory.lives[program.places[node]] is None for node in found.local)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_results_are_those_of_numpy_with_the_same_bits_for_any_number_of_threads(name, dtype):
    f, arguments, program = program_of(name, dtype)
    want = f(*arguments)
    want = want if isinstance(want, tuple) else (want,)
    kept = None
    for count in (1, 2, 3, 7):
        with using_threads(count):
            found = program(*arguments)
        for x, y in zip(found, want, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e3 * np.finfo(dtype).eps * np.abs(y).max())
        if kept is not None:
            assert all(np.array_equal(x, y) for x, y in zip(found, kept, strict=True))
        kept = found


def test_a_loop_that_writes_over_a_factor_comes_after_the_whole_product():
    x, w = random(np.float32, 300, 300), random(np.float32, 300, 300)

    def f(w, x):
        return w - 0.1 * (x @ w)

    program = Program(optimized(trace(f)(w, x)), {0: 0})
    assert not any(isinstance(part, Followed) for part in program.parts)
    for count in (1, 2):
        with using_threads(count):
            np.testing.assert_allclose(program(w, x)[0], f(w, x), rtol=1e-4, atol=1e-4)


def test_a_loop_that_reads_other_rows_of_the_product_comes_after_all_of_it():
    x, w = random(np.float64, 300, 100), random(np.float64, 100, 300)

    def f(x, w):
        y = x @ w
        return y + y.T

    def shifted(x, w):
        y = x @ w
        return np.concatenate([y[1:], y[:1]]) * 2.0

    for g in (f, shifted):
        program = Program(optimized(trace(g)(x, w)))
        assert not any(isinstance(part, Followed) for part in program.parts)
        with using_threads(2):
            np.testing.assert_allclose(program(x, w)[0], g(x, w), rtol=1e-12, atol=1e-10)
