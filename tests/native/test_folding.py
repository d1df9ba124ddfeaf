"""What is known while code is written is not computed when it runs; the results are the same."""

import llvmlite.ir as ir
import numpy as np
import pytest
from tests.native.products import function_of

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.folding import known
from chainrule.native.types import INT, POINTER

_INTEGER = np.dtype(np.int64)


def emitter():
    module = machine.new_module("test")
    return Emitter(ir.Function(module, ir.FunctionType(ir.VoidType(), [INT, ir.IntType(1)]), "run"))


def test_of_known_numbers_nothing_is_written():
    e = emitter()
    b, five, two = e.b, e.int(5), e.int(2)
    found = (
        b.add(five, two),
        b.sub(two, five),
        b.mul(five, two),
        b.udiv(five, two),
        b.select(b.icmp_signed("<", five, two), five, two),
    )
    assert [known(x) for x in found] == [7, -3, 10, 2, 2]
    assert not b.block.instructions


def test_neutral_numbers_leave_the_other():
    e = emitter()
    b, (x, bit) = e.b, e.b.function.args
    yes, no = (ir.Constant(ir.IntType(1), k) for k in (1, 0))
    assert b.add(x, e.int(0)) is b.add(e.int(0), x) is b.sub(x, e.int(0)) is b.mul(x, e.int(1)) is x
    assert b.and_(bit, yes) is b.or_(no, bit) is bit
    assert known(b.and_(no, bit)) == 0
    assert known(b.mul(x, e.int(0))) == 0
    assert not b.block.instructions


@pytest.mark.parametrize("operation", ["add", "mul"])
def test_what_does_not_fit_is_left_to_the_processor(operation):
    e = emitter()
    largest = e.int((1 << 63) - 1)
    assert known(getattr(e.b, operation)(largest, largest)) is None


def test_division_by_zero_is_not_folded():
    e = emitter()
    assert known(e.b.udiv(e.int(1), e.int(0))) is None


@pytest.mark.parametrize(("start", "stop", "step"), [(0, 0, 1), (3, 2, 1), (0, 1, 1), (2, 5, 3), (0, 7, 8), (0, 7, 3)])
def test_loops_of_known_length(start, stop, step):
    """None, one and several rounds: indices and what is carried are those of a loop of unknown length."""

    def write(e, target, first, last):
        sums = []
        for ends in ((e.int(start), e.int(stop)), (first, last)):
            with e.loop(*ends, step, [e.int(100)]) as loop:
                loop.carry = [e.b.add(e.b.mul(loop.carry[0], e.int(7)), loop.index)]
            sums.append(loop.carry[0])
        for k, x in enumerate(sums):
            e.store(x, target, e.int(k), _INTEGER)

    found = np.zeros(2, np.int64)
    function_of(write, [POINTER, INT, INT])(found.ctypes.data, start, stop)
    want = 100
    for index in range(start, stop, step):
        want = want * 7 + index
    assert found.tolist() == [want, want]


@pytest.mark.parametrize("count", [-(1 << 40), -1, 0, 1, 7, 15, 16, 17, 1 << 40])
def test_masks(count):
    """The same whether the number is known or not."""
    dtype = np.dtype(np.float32)

    def write(e, target, number):
        for k, stop in enumerate((e.int(count), number)):
            mask = e.tail_mask(e.int(0), stop, 16)
            e.store(e.const(1, ir.VectorType(ir.FloatType(), 16)), target, e.int(16 * k), dtype, mask)

    found = np.zeros((2, 16), np.float32)
    function_of(write, [POINTER, INT])(found.ctypes.data, count)
    assert (found == (np.arange(16) < count)).all()
