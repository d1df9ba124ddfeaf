"""Copies with rows as columns: every size at the edges of the blocks, and no entry past the end is touched."""

import itertools

import numpy as np
import pytest
from tests.native.products import DTYPES, function_of, guarded

from chainrule.native.products_packing import ARGUMENTS, Packing


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("register_bytes", [16, 32, 64])
def test_transposed(dtype, register_bytes):
    lanes = register_bytes // dtype.itemsize
    packing = Packing(dtype, lanes, True)

    def write(e, *arguments):
        e.b.call(e.declared(packing.name, e.b.function.function_type.return_type, ARGUMENTS), arguments)

    call = function_of(write, ARGUMENTS)
    rng = np.random.default_rng(0)
    for columns, rows in itertools.product((1, 2, lanes - 1, lanes, 2 * lanes + 3), (1, 2, 3, 4, 5, 11, 16)):
        source = guarded(rng.normal(size=(columns, rows)).astype(dtype))
        target = guarded(np.zeros((rows, columns), dtype))
        call(source.ctypes.data, rows, columns, rows, target.ctypes.data, columns)
        np.testing.assert_array_equal(target, source.T)
