"""Long loops in slices: the same bits as one after the other."""

import numpy as np
import pytest

from chainrule import trace
from chainrule.native.pool import using_threads
from chainrule.native.program import Program
from chainrule.native.sharing import SHARED_ENTRIES

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "shape", [(SHARED_ENTRIES,), (SHARED_ENTRIES + 1,), (200, 301), (3, 20_011), (70_001, 1), (40, 30, 50)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_entry_is_visited_once(shape, dtype):
    x, y = (RNG.normal(size=shape).astype(dtype) for _ in range(2))
    row = RNG.normal(size=shape[-1:]).astype(dtype)

    def f(x, y, row):
        z = x * row + y
        return z, z * z - x, x.T + y.T

    graph = trace(f)(x, y, row)
    program = Program(graph)
    for count in (1, 2, 5):
        with using_threads(count):
            for found, want in zip(program(x, y, row), f(x, y, row), strict=True):
                np.testing.assert_allclose(found, want, rtol=4 * np.finfo(dtype).eps, atol=1e-6)
