"""Matrix products for sizes known in advance, all but the length of the batch.

The three forms that a network needs, for a batch X, weights W and sensitivities D::

    NN   X @ W       signals forward
    NT   D @ W.T     sensitivities back
    TN   X.T @ D     gradient by the weights

What is written here are loops over blocks; the products themselves are computed tile by tile in registers by
functions that a process compiles once (`products_tiles`). How a result is cut into blocks depends on sizes only, and
every sum runs along the inner length in order: an entry's bits do not depend on the rows it is computed with.
The order of the loops follows Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication (2008).
"""

import llvmlite.ir as ir

from chainrule.native.emitter import Emitter
from chainrule.native.products_blocks import (
    Product,
    blocks,
    most_rows,
    own_loop,
    scratch_bytes,
    slice_rows,
    without_rest,
)
from chainrule.native.products_dots import DotLoop
from chainrule.native.products_loops import (
    Arrays,
    Following,
    Range,
    emit_dots,
    emit_inner,
    emit_narrow,
    emit_panels,
    emit_turned,
    emit_vector,
)
from chainrule.native.products_tiles import minimum, on_stack
from chainrule.native.products_vectors import VectorLoop

__all__ = ["Following", "Product", "Range", "emit_product", "most_rows", "scratch_bytes", "slice_rows"]


def emit_product(
    e: Emitter,
    product: Product,
    a: ir.Value,
    b: ir.Value,
    c: ir.Value,
    *,
    batch: ir.Value,
    rows: Range | None = None,
    scratch: ir.Value | None = None,
    following: Following | None = None,
) -> None:
    """Write a product.

    The module then calls functions from elsewhere: `imports.addresses` says where they stand.

    Parameters
    ----------
    e : Emitter
        Writes it.
    product : Product
        Sizes and form.
    a, b, c : Value
        Addresses of the arrays. C overlaps neither of the others.
    batch : Value
        The size that the product leaves open, as a 64-bit integer.
    rows : tuple of Value, optional
        First row of C to compute, and the one after the last; all of them by default. The bits of a row do not
        depend on it.
    scratch : Value, optional
        Address of memory of `scratch_bytes`, which slices that run at the same time do not share; it is taken from
        the stack by default.
    following : callable, optional
        What comes after the product and is asked for meanwhile, for one whose tiles ask.
    """
    m, k = (batch if x is None else e.int(x) for x in (product.m, product.k))
    rows = rows or (e.int(0), m)
    own = own_loop(product)
    if own is not None:
        if isinstance(own, VectorLoop):
            emit_vector(e, product, own, (a, b, c), k, rows)
        elif isinstance(own, DotLoop):
            emit_dots(e, product, own, (a, b, c), k, rows)
        else:
            emit_narrow(e, product, own, (a, b, c), k, rows)
        return
    if (split := without_rest(product)) is not None:
        most, rest = split
        emit_product(e, most, a, b, c, batch=batch, rows=rows, scratch=scratch, following=following)
        b = e.address(b, e.int(most.n * (product.b_row if product.form == "NT" else 1)), product.dtype)
        c = e.address(c, e.int(most.n), product.dtype)
        emit_product(e, rest, a, b, c, batch=batch, rows=rows, scratch=scratch)
        return
    cut = blocks(product)
    if scratch is None and scratch_bytes(product):
        scratch = on_stack(e, scratch_bytes(product))
    if cut.turned:
        emit_turned(e, product, cut, (a, b, c), k, rows, scratch)
        return
    x = Arrays(product.dtype, a, *product.a_steps, b, product.b_row, c, product.c_row)
    columns = e.int(0), e.int(product.n)

    def block(some: Range, first: ir.Value) -> None:
        def one(inner: Range, adds: ir.Value) -> None:
            emit_panels(e, cut, x, some, columns, product.n, inner, adds, scratch, first, following)

        emit_inner(e, cut.inner, k, one, accumulates=product.accumulates)

    if not cut.rows:
        block(rows, ir.Constant(ir.IntType(1), 1))
        return
    with e.loop(*rows, cut.rows) as loop:
        stop = minimum(e, e.b.add(loop.index, e.int(cut.rows)), rows[1])
        block((loop.index, stop), e.b.icmp_signed("==", loop.index, rows[0]))
