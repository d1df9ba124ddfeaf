"""Matrix products of which any length may follow from the leading size, as in ``X @ X.T`` and ``(X @ X.T) @ X``.

They are computed in the tiles of other products, which take sizes and steps as they come. The right factor is copied
panel by panel. Rows of the result make slices of fixed size, and every sum runs along the inner length in order: an
entry's bits do not depend on the rows it is computed with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access
from chainrule.native.emitter import Emitter
from chainrule.native.matmul import as_matrices, has_products, start_of
from chainrule.native.pool import context_of, emit_parallel, slice_function
from chainrule.native.products_blocks import INNER, Blocks, Product, tiles
from chainrule.native.products_loops import Arrays, emit_inner, emit_panels
from chainrule.native.products_packing import Packing
from chainrule.native.products_tiles import minimum, on_stack
from chainrule.native.sizes import ONE, ZERO, Size
from chainrule.native.types import INT, POINTER

__all__ = ["OpenProduct", "emit_open_product", "open_product_of"]

#: Rows of a slice: each copies the right factor for itself, which is one step for as many multiplications.
_ROWS = 128


@dataclass(frozen=True)
class OpenProduct:
    """A product ``C[m, n] = A[m, k] @ B[k, n]``.

    Attributes
    ----------
    dtype : numpy.dtype
        Of all three.
    a, b : Access
        Where the factors stand.
    by_columns : bool
        True where entries of a column of B are neighbours, False where those of a row are.
    """

    dtype: np.dtype[Any]
    a: Access
    b: Access
    by_columns: bool

    @property
    def sizes(self) -> tuple[Size, Size, Size]:
        """The lengths m, n and k."""
        return (*self.a.shape[:1], *self.b.shape[1:], *self.a.shape[1:])  # type: ignore[return-value]

    @property
    def steps(self) -> tuple[Size, Size, Size]:
        """From row to row and along the inner length of A; between the rows of B, or its columns, as they stand."""
        return *self.a.strides, self.b.strides[1 if self.by_columns else 0]  # type: ignore[return-value]


def open_product_of(node: Node, access: Callable[[Any], Access]) -> OpenProduct | None:
    """Describe a product of two matrices of any lengths.

    Parameters
    ----------
    node : Node
        A node of np.matmul.
    access : callable
        Where the entries of an input stand.

    Returns
    -------
    OpenProduct or None
        None for stacks of matrices, integers, and a right factor without neighbours side by side.
    """
    if not has_products(node):
        return None
    a, b = as_matrices(*map(access, node.inputs))
    if not len(a.shape) == len(b.shape) == 2 or ZERO in (*a.shape, *b.shape):
        return None
    for axis in (1, 0):
        if b.strides[axis] == ONE or b.shape[axis] == ONE:
            return OpenProduct(node.dtype, a, b, axis == 0)
    return None


def emit_open_product(
    e: Emitter, n: ir.Value, product: OpenProduct, target: Access, base: Callable[[Any], ir.Value], name: str
) -> None:
    """Write a product; its rows in slices that the pool's threads share.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    n : Value
        The leading size.
    product : OpenProduct
        What `open_product_of` says of it.
    target : Access
        Where the result goes; a buffer of its own.
    base : callable
        The pointer to a buffer.
    name : str
        Of the function that computes a slice.
    """
    pointers = [start_of(e, n, access, product.dtype, base) for access in (product.a, product.b, target)]
    numbers = [size.emit(e, n) for size in (*product.sizes, *product.steps)]
    part = _slice_function(e.module, product, name)
    context = context_of(e, [*pointers, *numbers])
    count = e.b.sdiv(e.b.add(numbers[0], e.int(_ROWS - 1)), e.int(_ROWS))
    with e.b.if_else(e.b.icmp_signed(">", count, e.int(1))) as (many, one):
        with many:
            emit_parallel(e, part, context, count)
        with one:
            e.b.call(part, [context, e.int(0)])


def _slice_function(module: ir.Module, product: OpenProduct, name: str) -> ir.Function:
    """A function (context, number) that computes one slice of the rows."""
    e, words, number = slice_function(module, name, [POINTER] * 3 + [INT] * 6)
    a, b, c, rows, columns, inner, a_row, a_inner, b_step = words
    start = e.b.mul(number, e.int(_ROWS))
    some = start, minimum(e, e.b.add(start, e.int(_ROWS)), rows)
    _, n, _ = product.sizes
    known = n.known() if n.is_known else None
    stop = columns if known is None else e.int(known)
    cut = _blocks(product, known)
    scratch = on_stack(e, cut.inner * cut.wide.width * product.dtype.itemsize)
    x = Arrays(product.dtype, a, a_row, a_inner, b, b_step, c, columns)

    def one(part: tuple[ir.Value, ir.Value], adds: ir.Value) -> None:
        emit_panels(e, cut, x, some, (e.int(0), stop), known, part, adds, scratch, None)

    emit_inner(e, cut.inner, inner, one)
    e.b.ret_void()
    return e.b.function


def _blocks(product: OpenProduct, columns: int | None) -> Blocks:
    """Tiles for any number of rows: as wide as they get where the number of columns is open."""
    lanes = machine.lanes(product.dtype)
    like = Product("NN", product.dtype, None, columns or 3 * lanes, 1, lanes)
    wide, narrow = tiles(like, None, like.n, any_rest=columns is None)
    return Blocks(wide, narrow, INNER, 0, Packing(product.dtype, lanes, product.by_columns))
