"""What emitted code calls from elsewhere is found by name."""

import llvmlite.ir as ir
import numpy as np
import pytest

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.imports import addresses, imported
from chainrule.native.pool import emit_parallel
from chainrule.native.products import Product, emit_product
from chainrule.native.types import INT, POINTER


def test_names_of_a_module():
    module = machine.new_module("test")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, INT]), "run")
    e = Emitter(function)
    *arrays, batch = function.args
    product = Product("NT", np.dtype(np.float32), None, 20, 7, 16)
    e.intrinsic("llvm.sqrt", e.const(2, ir.DoubleType()))
    for _ in range(2):
        emit_product(e, product, *arrays, batch=batch)
    emit_parallel(e, function, arrays[0], batch)
    e.b.ret_void()
    names = imported(module)
    assert set(names) == {
        "chainrule.pack.float32.16.1",
        "chainrule.strip.float32.16",
        "chainrule.tile.float32.16.8.2",
        "chainrule.parallel",
    }
    found = addresses(names)
    assert set(found) == set(names)
    assert all(found.values())
    assert found == addresses(reversed(names))


@pytest.mark.parametrize("name", ["printf", "chainrule.other", "chainrule.tile.float32.16"])
def test_names_that_are_not_known(name):
    with pytest.raises((KeyError, ValueError)):
        addresses([name])
