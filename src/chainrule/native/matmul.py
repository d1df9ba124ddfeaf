"""np.matmul: which of its forms the emitted products compute, and how their rows are shared out to threads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.access import Access
from chainrule.native.emitter import Emitter
from chainrule.native.pool import emit_parallel
from chainrule.native.products import Product, emit_product, slice_rows
from chainrule.native.sizes import ONE, Size
from chainrule.native.types import INT, POINTER

__all__ = ["Factors", "emit_matmul", "factors_of"]

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
        Where the factors stand.
    batch : Size
        The size that the product leaves open.
    """

    product: Product
    a: Access
    b: Access
    batch: Size


def factors_of(node: Node, access: Callable[[Any], Access]) -> Factors | None:
    """Describe a product of two matrices, a matrix and a vector, or two vectors.

    Parameters
    ----------
    node : Node
        A node of np.matmul.
    access : callable
        Where the entries of an input stand.

    Returns
    -------
    Factors or None
        None for stacks of matrices, integers, lengths of 0, and sizes or strides that follow from n where a product
        needs numbers.
    """
    x, y = node.inputs
    dtype = node.dtype
    if dtype.kind != "f" or dtype.itemsize not in (4, 8) or x.dtype != dtype or y.dtype != dtype:
        return None
    a, b = access(x), access(y)
    if len(a.shape) > 2 or len(b.shape) > 2:
        return None
    m, k = ((ONE,) * (2 - len(a.shape)) + a.shape)[:2]
    n = b.shape[1] if len(b.shape) == 2 else ONE
    left = _stored(a, is_row=True)
    right = _stored(b, is_row=False)
    if left is None or right is None or not n.is_known:
        return None
    form = _FORMS.get((left[0], right[0]))
    if form is None:
        return None
    known_m, known_n, known_k = (size.known() if size.is_known else None for size in (m, n, k))
    needed, open_size = (known_m, k) if form == "TN" else (known_k, m)
    if 0 in (known_m, known_n, known_k):
        return None  # There is nothing to multiply; the plain loops make what is left.
    if needed is None or known_n is None or not (left[1].is_known and right[1].is_known):
        return None
    m_or_open, k_or_open = (known_m, None) if form == "TN" else (None, known_k)
    strides = (left[1].known(), right[1].known(), None)
    product = Product(form, dtype, m_or_open, known_n, k_or_open, machine.lanes(dtype), strides=strides)
    return Factors(product, a, b, open_size)


_FORMS: dict[tuple[bool, bool], Literal["NN", "NT", "TN"]] = {
    (False, False): "NN",
    (False, True): "NT",
    (True, False): "TN",
}


def _stored(access: Access, *, is_row: bool) -> tuple[bool, Size] | None:
    """Whether a factor stands transposed, and the step from row to row of what is stored; None for other layouts."""
    if len(access.shape) == 1:
        (stride,), (length,) = access.strides, access.shape
        if is_row:
            # One row: how far the next one would be does not matter.
            return (False, length) if stride == ONE or length == ONE else None
        return False, stride
    (row, column), (height, width) = access.strides, access.shape
    if column == ONE or width == ONE:
        return False, row if height != ONE else width
    if row == ONE or height == ONE:
        return True, column
    return None


def emit_matmul(e: Emitter, n: ir.Value, node: Node, factors: Factors, target: Access, base: Any, name: str) -> None:
    """Write a product; rows of a large one in slices that the pool's threads share.

    Parameters
    ----------
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
    pointers = [_start(e, n, access, node.dtype, base) for access in (factors.a, factors.b, target)]
    batch = factors.batch.emit(e, n)
    rows = slice_rows(product)
    if _usual_rows(product) <= rows:
        emit_product(e, product, *pointers, batch=batch)
        return
    part = _slice_function(e, product, rows, name)
    context = e.b.bitcast(e.b.alloca(INT, 4), POINTER)
    for place, x in enumerate([*pointers, batch]):
        word = x if x.type == INT else e.b.ptrtoint(x, INT)
        e.store(word, context, e.int(place), np.dtype(np.int64))
    total = batch if product.m is None else e.int(product.m)
    count = e.b.sdiv(e.b.add(total, e.int(rows - 1)), e.int(rows))
    with e.b.if_else(e.b.icmp_signed(">", count, e.int(1))) as (many, one):
        with many:
            emit_parallel(e, part, context, count)
        with one:
            e.b.call(part, [context, e.int(0)])


def _usual_rows(product: Product) -> int:
    return _USUAL_BATCH if product.m is None else product.m


def _slice_function(outer: Emitter, product: Product, rows: int, name: str) -> ir.Function:
    """A function (context, number) that computes one slice of the rows."""
    function = ir.Function(outer.module, ir.FunctionType(ir.VoidType(), [POINTER, INT]), name)
    function.linkage = "internal"
    e = Emitter(function)
    context, number = function.args
    words = [e.b.load(e.b.gep(context, [e.int(k)], source_etype=INT), typ=INT) for k in range(4)]
    a, b, c = (e.b.inttoptr(word, POINTER) for word in words[:3])
    total = words[3] if product.m is None else e.int(product.m)
    start = e.b.mul(number, e.int(rows))
    stop = e.b.add(start, e.int(rows))
    stop = e.b.select(e.b.icmp_signed("<", stop, total), stop, total)
    emit_product(e, product, a, b, c, batch=words[3], rows=(start, stop))
    e.b.ret_void()
    return function


def _start(e: Emitter, n: ir.Value, access: Access, dtype: np.dtype[Any], base: Any) -> ir.Value:
    return e.address(base(access.buffer), access.offset.emit(e, n), dtype)
