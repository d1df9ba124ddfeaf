"""What a large number is modulo pi / 2, by Payne and Hanek's method.

x = m 2^e with a whole number m of 53 bits. Of 2 / pi only 192 bits matter for the quarter turn and the rest of
x 2 / pi: those before add multiples of four turns, those behind count less than 2^-137, while no double is nearer to a
multiple of pi / 2 than 2^-62 of it. (M. Payne, R. Hanek: Radian reduction for trigonometric functions, 1983.)
"""

from itertools import pairwise

import llvmlite.ir as ir

from chainrule.native.emitter import Emitter
from chainrule.native.math.number import Number
from chainrule.native.types import INT

__all__ = ["reduced"]

# floor(2^1280 * 2 / pi), after 64 bits of zero.
_TWO_OVER_PI = int(
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)

# pi / 2 as the nearest number and the rest.
HALF_PI = (1.5707963267948966, 6.123233995736766e-17)

_LONG = ir.IntType(128)


def reduced(x: Number) -> tuple[Number, Number]:
    """(r, q) with x = q pi / 2 + r modulo 2 pi and |r| <= pi / 4, for a finite double from 2^12 on; q is an integer."""
    e = x.e
    pair = e.b.call(_function(e), [x.value])
    return Number(e, e.b.extract_value(pair, 0)), Number(e, e.b.extract_value(pair, 1))


def _table(module: ir.Module) -> ir.GlobalVariable:
    words = [(_TWO_OVER_PI >> (64 * k)) & (2**64 - 1) for k in range(20, -1, -1)]
    kind = ir.ArrayType(INT, len(words))
    table = ir.GlobalVariable(module, kind, "chainrule.two_over_pi")
    table.linkage = "internal"
    table.global_constant = True
    table.initializer = ir.Constant(kind, [ir.Constant(INT, word) for word in words])
    return table


def _function(e: Emitter) -> ir.Function:
    known: ir.Function | None = e.module.globals.get("chainrule.reduced")
    if known is not None:
        return known
    double = ir.DoubleType()
    result = ir.LiteralStructType([double, INT])
    function = ir.Function(e.module, ir.FunctionType(result, [double]), "chainrule.reduced")
    function.linkage = "internal"
    inner = Emitter(function)
    b = inner.b
    bits = Number(inner, function.args[0]).bits()
    m = (bits & (2**52 - 1)) | 2**52
    # x = m 2^(exponent - 1075); the bits of 2 / pi up to weight 2^-(exponent - 1077) are multiples of four turns.
    offset = (bits >> 52) - (1075 + 2 - 64)
    start = b.gep(_table(e.module), [(offset >> 6).value], source_etype=INT)
    words = [b.load(b.gep(start, [inner.int(k)], source_etype=INT), typ=INT, align=8) for k in range(4)]
    shift = (offset & 63).value
    high, middle, low = (inner.intrinsic("llvm.fshl", one, following, shift) for one, following in pairwise(words))

    def product(word: ir.Value, carried: ir.Value) -> ir.Value:
        return b.add(b.mul(b.zext(word, _LONG), b.zext(m.value, _LONG)), b.zext(carried, _LONG))

    def upper(x: ir.Value) -> ir.Value:
        return b.trunc(b.lshr(x, ir.Constant(_LONG, 64)), INT)

    lowest = product(low, inner.int(0))
    next_one = product(middle, upper(lowest))
    top = Number(inner, b.trunc(product(high, upper(next_one)), INT))
    # Two bits of quarter turns, then the fraction; read as a signed number it goes from -1/2 to 1/2.
    quarters = ((top >> 61) + 1) >> 1
    below = b.trunc(next_one, INT)
    first = inner.intrinsic("llvm.fshl", top.value, below, inner.int(2))
    second = inner.intrinsic("llvm.fshl", below, b.trunc(lowest, INT), inner.int(2))
    fraction = b.or_(b.shl(b.zext(first, _LONG), ir.Constant(_LONG, 64)), b.zext(second, _LONG))
    negative = b.icmp_signed("<", fraction, ir.Constant(_LONG, 0))
    size = b.select(negative, b.neg(fraction), fraction)
    zeros = b.call(
        inner.declared("llvm.ctlz.i128", _LONG, [_LONG, ir.IntType(1)]), [size, ir.Constant(ir.IntType(1), 0)]
    )
    # 64 leading bits, as two numbers.
    leading = Number(inner, upper(b.shl(size, zeros)))
    low_bits = leading & 2047
    high_part, low_part = (Number(inner, b.uitofp(x.value, double)) for x in (leading - low_bits, low_bits))
    power = b.bitcast(b.shl(b.sub(inner.int(1023 - 64), b.trunc(zeros, INT)), inner.int(52)), double)
    r = high_part.fma(HALF_PI[0], high_part.fma(HALF_PI[1], low_part * HALF_PI[0])) * Number(inner, power)
    r = Number(inner, b.select(negative, (-r).value, r.value))
    filled = b.insert_value(ir.Constant(result, ir.Undefined), r.value, 0)
    b.ret(b.insert_value(filled, quarters.value, 1))
    return function
