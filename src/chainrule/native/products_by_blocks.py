"""Sums over many rows, ``X.T @ D`` of a small result: by blocks of rows that the pool's threads share.

The rows of the result are too few to be shared out, so the sums are: a block of rows has sums of its own, which are
added up afterwards, in the order of the blocks. How long a block is depends on the sizes alone, and so do the bits.
"""

from dataclasses import replace
from typing import Any, Protocol

import llvmlite.ir as ir
import numpy as np

from chainrule.native import machine
from chainrule.native.emitter import Emitter
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.products import Product, emit_product, slice_rows
from chainrule.native.products_tiles import minimum
from chainrule.native.sizes import Size, size_of
from chainrule.native.types import POINTER, register

__all__ = ["block_of", "emit_by_blocks"]

#: Multiplications of a block: some 5 microseconds.
_BLOCK = 500_000
#: Of a product with a vector, which waits for memory.
_BLOCK_OF_VECTOR = _BLOCK // 8
#: Rows of a block are a multiple of it, and blocks so many at most.
_UNIT, _MOST = 64, 64
#: Bytes of all blocks' sums at most: they stay in the second cache.
_SUM_BYTES = 1 << 18


class _Program(Protocol):
    def own(self, key: Any, shape: tuple[Size, ...], dtype: np.dtype[Any]) -> Any: ...


def block_of(product: Product) -> int | None:
    """Rows of a block.

    Parameters
    ----------
    product : Product
        The product.

    Returns
    -------
    int or None
        None for a product that is not worth cutting, or is cut in other ways.
    """
    m, n, k = product.m, product.n, product.k
    if product.form != "TN" or not m or not k or (n > 1 and m > slice_rows(product)):
        return None
    rows = (_BLOCK_OF_VECTOR if n == 1 else _BLOCK) // (m * n)
    rows = max(-(-rows // _UNIT), -(-k // (_UNIT * _MOST)), 1) * _UNIT
    count = -(-k // rows)
    return rows if count > 1 and count * m * n * product.dtype.itemsize <= _SUM_BYTES else None


def emit_by_blocks(
    program: _Program, e: Emitter, product: Product, pointers: list[ir.Value], key: Any, base: Any, name: str
) -> None:
    """Write a product whose sums are made block by block.

    Parameters
    ----------
    program : object
        Makes a buffer for the sums of the blocks.
    e : Emitter
        Where the instructions go.
    product : Product
        One that `block_of` has a number for.
    pointers : list of Value
        Addresses of both factors and the result.
    key : object
        What the buffer is to be called.
    base : callable
        The pointer to a buffer.
    name : str
        Of the function that computes a block.
    """
    rows, size = block_of(product) or 0, (product.m or 0) * product.n
    count = -(-(product.k or 0) // max(rows, 1))
    program.own(key, (size_of(count * size),), product.dtype)
    part = _block_function(e.module, product, rows, name)
    partials = base(key)
    emit_parallel(e, part, context_of(e, [*pointers[:2], partials]), e.int(count))
    lanes = machine.lanes(product.dtype)
    with e.loop(e.int(0), e.int(size), lanes) as entries:
        mask = e.tail_mask(entries.index, e.int(size), lanes)
        with e.loop(e.int(0), e.int(count), 1, [e.const(0, register(product.dtype, lanes))]) as blocks:
            at = e.b.add(entries.index, e.b.mul(blocks.index, e.int(size)))
            blocks.carry = [e.b.fadd(blocks.carry[0], e.load(partials, at, product.dtype, lanes, mask))]
        e.store(blocks.carry[0], pointers[2], entries.index, product.dtype, mask)


def _block_function(module: ir.Module, product: Product, rows: int, name: str) -> ir.Function:
    """A function (context, number) that makes the sums of a block."""
    e, pointers, number = slice_function(module, name, [POINTER] * 3)
    start = e.b.mul(number, e.int(rows))
    length = minimum(e, e.int(rows), e.b.sub(e.int(product.k or 0), start))
    steps = (e.b.mul(start, e.int(product.a_steps[1])), e.b.mul(start, e.int(product.b_row)))
    size = e.int((product.m or 0) * product.n)
    moved = [
        e.address(x, step, product.dtype) for x, step in zip(pointers, (*steps, e.b.mul(number, size)), strict=True)
    ]
    emit_product(e, replace(product, k=None), *moved, batch=length)
    e.b.ret_void()
    return e.b.function
