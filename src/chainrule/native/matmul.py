"""np.matmul: which of its forms the emitted products compute, and how their rows are shared out to threads."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access
from chainrule.native.emitter import Emitter
from chainrule.native.pool import context_of, emit_parallel, emit_threads, slice_function
from chainrule.native.products import Product, emit_product, most_rows, slice_rows
from chainrule.native.products_by_blocks import block_of, emit_by_blocks
from chainrule.native.products_packed import FEWEST_ROWS, copies_of, emit_packed, rows_of_copy
from chainrule.native.products_tiles import minimum
from chainrule.native.sizes import LEADING, ONE, ZERO, Size, size_of
from chainrule.native.types import INT, POINTER

__all__ = [
    "Factors",
    "as_matrices",
    "emit_matmul",
    "factors_of",
    "has_products",
    "matrices",
    "rows_and_slices",
    "start_of",
]

#: Rows that a batch of open length is taken to have when it is decided whether threads may be worth asking.
_USUAL_BATCH = 256


@dataclass(frozen=True)
class Factors:
    """A matrix product as the emitted products know it.

    Attributes
    ----------
    product : Product
        Sizes and form.
    a, b : Access
        Where the factors stand, as matrices.
    batch : Size
        The size that the product leaves open.
    """

    product: Product
    a: Access
    b: Access
    batch: Size

    @property
    def in_blocks(self) -> "Factors":
        """The same for so many rows of the batch as there are at hand."""
        p = self.product
        product = replace(p, k=None) if p.form == "TN" else replace(p, m=None)
        return replace(self, product=product, batch=LEADING)


def factors_of(node: Node, access: Callable[[Any], Access]) -> Factors | None:
    """Describe a product that is one of two matrices.

    Parameters
    ----------
    node : Node
        A node of np.matmul.
    access : callable
        Where the entries of an input stand.

    Returns
    -------
    Factors or None
        None for stacks of matrices that are not the rows of one, integers, lengths of 0, and sizes or strides that
        follow from n where a product needs numbers.
    """
    if not has_products(node):
        return None
    a, b = as_matrices(*map(access, node.inputs))
    a, b = _rows_of_one(_without_ones(a)), _without_ones(b)
    return matrices(node.dtype, a, b) if len(a.shape) == len(b.shape) == 2 else None


def has_products(node: Node) -> bool:
    """True for a dtype that is multiplied in tiles."""
    dtype = node.dtype
    return dtype.kind == "f" and dtype.itemsize in (4, 8) and all(x.dtype == dtype for x in node.inputs)


def as_matrices(a: Access, b: Access) -> tuple[Access, Access]:
    """The factors as matrices, or stacks of them.

    A vector is a row or a column, as np.matmul takes it. In place of a row times a matrix stands the transposed matrix
    times a column: the same numbers in the same order.
    """
    if len(a.shape) == 1:
        a = replace(a, shape=(ONE, *a.shape), strides=(ZERO, *a.strides))
    if len(b.shape) == 1:
        b = replace(b, shape=(*b.shape, ONE), strides=(*b.strides, ZERO))
    return (_turned(b), _turned(a)) if a.shape[-2] == ONE and b.shape[-1] != ONE else (a, b)


def _turned(x: Access) -> Access:
    shape, strides = ((*pair[:-2], pair[-1], pair[-2]) for pair in (x.shape, x.strides))
    return replace(x, shape=shape, strides=strides)


def _without_ones(access: Access) -> Access:
    """A stack without leading axes of length 1."""
    more = len(access.shape) - 2
    first = next((k for k in range(more) if access.shape[k] != ONE), more)
    return replace(access, shape=access.shape[first:], strides=access.strides[first:])


def _rows_of_one(access: Access) -> Access:
    """A stack of matrices as the one that has all their rows, where these follow each other."""
    *outer, column = zip(access.shape, access.strides, strict=True)
    height, step = ONE, ZERO
    for length, stride in reversed(outer):
        if length == ONE:
            continue
        if height != ONE and stride != height * step:
            return access
        step = step if height != ONE else stride
        height = height * length
    return replace(access, shape=(height, column[0]), strides=(step, column[1]))


def matrices(dtype: np.dtype[Any], a: Access, b: Access) -> Factors | None:
    """Describe the product of two matrices.

    Parameters
    ----------
    dtype : numpy.dtype
        Of both.
    a, b : Access
        With two axes.

    Returns
    -------
    Factors or None
        None where the emitted products have no such form.
    """
    (m, k), n = a.shape, b.shape[1]
    if ZERO in (m, k, n) or not n.is_known:
        return None  # Of lengths of 0 there is nothing to multiply; the plain loops make what is left.
    for (left, a_step), (right, b_step) in itertools.product(_stored(a), _stored(b)):
        form = _FORMS.get((left, right))
        needed, batch = (m, k) if left else (k, m)
        if form is not None and needed.is_known and a_step.is_known and b_step.is_known:
            sizes = (m.known() if m.is_known else None, n.known(), k.known() if k.is_known else None)
            product = Product(form, dtype, *sizes, machine.lanes(dtype), strides=(a_step.known(), b_step.known(), None))
            return Factors(product, a, b, batch)
    return None


_FORMS: dict[tuple[bool, bool], Literal["NN", "NT", "TN"]] = {
    (False, False): "NN",
    (False, True): "NT",
    (True, False): "TN",
}


def _stored(access: Access) -> Iterator[tuple[bool, Size]]:
    """How a factor may be said to stand: whether transposed, and the step from row to row of what is stored."""
    (row, column), (height, width) = access.strides, access.shape
    if column == ONE or width == ONE:
        yield False, row if height != ONE else width
    if row == ONE or height == ONE:
        yield True, column if width != ONE else height


def emit_matmul(
    program: Any, e: Emitter, n: ir.Value, node: Node, factors: Factors, target: Access, base: Any, name: str
) -> None:
    """Write a product; rows of a large one in slices that the pool's threads share.

    Parameters
    ----------
    program : object
        Makes buffers: for sums that are made by blocks, see `products_by_blocks`, and for copies of the factors of a
        large product, see `products_packed`. ``in_regions`` has the operations that threads share otherwise.
    e : Emitter
        Where the instructions go.
    n : Value
        The leading size.
    node : Node
        The product.
    factors : Factors
        What `factors_of` says of it.
    target : Access
        Where the result goes; a buffer of its own.
    base : callable
        The pointer to a buffer.
    name : str
        Of the function that computes a slice.
    """
    product = factors.product
    pointers = [start_of(e, n, access, node.dtype, base) for access in (factors.a, factors.b, target)]
    if block_of(product) is not None:
        emit_by_blocks(program, e, product, pointers, (node, "blocks"), base, name)
        return
    batch = factors.batch.emit(e, n)
    copies = None if node in program.in_regions else copies_of(product)
    if copies is None:
        _emit_by_rows(e, product, pointers, batch, name)
        return
    left, right = ((node, side) for side in ("left", "right"))
    height = factors.batch if product.m is None else size_of(product.m)
    program.own(left, (rows_of_copy(product, height), size_of(copies[0])), product.dtype)
    program.own(right, (size_of(copies[1]),), product.dtype)
    held = base(left), base(right)
    if None not in (product.m, product.k):
        emit_packed(e, product, pointers, batch, held, name)
        return
    with e.b.if_else(e.b.icmp_signed(">=", batch, e.int(FEWEST_ROWS))) as (many, few):
        with many:
            emit_packed(e, product, pointers, batch, held, name)
        with few:
            _emit_by_rows(e, product, pointers, batch, name)


def _emit_by_rows(e: Emitter, product: Product, pointers: Sequence[ir.Value], batch: ir.Value, name: str) -> None:
    """Write a product of the factors as they stand, in slices of rows."""
    if _usual_rows(product) <= slice_rows(product):
        emit_product(e, product, *pointers, batch=batch)
        return
    part = _slice_function(e, product, name)
    total = batch if product.m is None else e.int(product.m)
    rows, count = rows_and_slices(e, product, total, most_rows(product))
    context = context_of(e, [*pointers, batch, rows])
    with e.b.if_else(e.b.icmp_signed(">", count, e.int(1))) as (many, one):
        with many:
            emit_parallel(e, part, context, count)
        with one:
            e.b.call(part, [context, e.int(0)])


def _usual_rows(product: Product) -> int:
    return _USUAL_BATCH if product.m is None else product.m


def rows_and_slices(e: Emitter, product: Product, total: ir.Value, most: int) -> tuple[ir.Value, ir.Value]:
    """How many rows a slice has, and how many slices there are; no bit of a row depends on the slice that it is in."""
    least, b = slice_rows(product), e.b

    def shares(whole: ir.Value, part: ir.Value) -> ir.Value:
        return b.sdiv(b.add(whole, b.sub(part, e.int(1))), part)

    if least == most:
        return e.int(least), shares(total, e.int(least))
    # Two for each thread: one that is interrupted then holds up the others for half as long.
    rows = b.mul(shares(total, b.mul(emit_threads(e), e.int(2 * least))), e.int(least))
    rows = minimum(e, b.select(b.icmp_signed(">", rows, e.int(0)), rows, e.int(least)), e.int(most))
    return rows, shares(total, rows)


def _slice_function(outer: Emitter, product: Product, name: str) -> ir.Function:
    """A function (context, number) that computes one slice of the rows."""
    e, (a, b, c, batch, rows), number = slice_function(outer.module, name, [POINTER, POINTER, POINTER, INT, INT])
    total = batch if product.m is None else e.int(product.m)
    start = e.b.mul(number, rows)
    stop = e.b.add(start, rows)
    stop = e.b.select(e.b.icmp_signed("<", stop, total), stop, total)
    emit_product(e, product, a, b, c, batch=batch, rows=(start, stop))
    e.b.ret_void()
    return e.b.function


def start_of(e: Emitter, n: ir.Value, access: Access, dtype: np.dtype[Any], base: Any) -> ir.Value:
    """Address of an array's first entry."""
    return e.address(base(access.buffer), access.offset.emit(e, n), dtype)
