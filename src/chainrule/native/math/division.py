"""The remainder of a division of floats, exact for quotients of any size."""

import math

from chainrule.native.math.number import Number, where

__all__ = ["fmod"]


def fmod(x: Number, y: Number) -> Number:
    """The rest x - q y with the whole number q next to x / y towards 0.

    r - trunc(r / y) y is exact with one rounding, and the quotient as rounded is off by 1 at most where it has up to 53
    bits (24). Where it has more, what is left is smaller by that many bits, and the step is made again.
    """
    e = x.e
    b = e.b
    bound = abs(y)
    # Dividends that y meets in an infinite quotient meet a multiple of y by a power of two first.
    huge, tiny = x.pick((2.0**127, 2.0**23), (2.0**1023, 2.0**52))
    start, valid = abs(x), (abs(x) < math.inf) & (bound > 0.0)
    before = b.block
    body, after = b.append_basic_block("fmod"), b.append_basic_block("after")
    b.cbranch(((start >= bound) & valid).any(), body, after)
    b.position_at_end(body)
    phi = b.phi(x.value.type)
    phi.add_incoming(start.value, before)
    r = Number(e, phi)
    raised = bound * huge
    raised = where((abs(r) / raised).equals(math.inf), raised * tiny, raised)
    step = where((abs(r) / bound).equals(math.inf), raised, bound)
    left = where(abs(r) >= bound, (r / step).trunc().fma(-step, r), r)
    phi.add_incoming(left.value, b.block)
    b.cbranch(((abs(left) >= bound) & valid).any(), body, after)
    b.position_at_end(after)
    rest = b.phi(x.value.type)
    rest.add_incoming(start.value, before)
    rest.add_incoming(left.value, body)
    found = Number(e, rest)
    # The last quotient was rounded up where the rest is negative.
    found = where(found < 0.0, found + bound, found).with_sign(x)
    return where(y.is_nan(), y, where(valid, found, where(x.is_nan(), x, math.nan)))
