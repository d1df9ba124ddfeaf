"""The product of a sparse matrix with a vector or a matrix: row after row, entry after entry."""

import math

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.arrays import Array, Scene, nest, result_of
from chainrule.native.emitter import Emitter
from chainrule.native.types import register

__all__ = ["can_sparse_matmul", "emit_sparse_matmul"]

#: Multiplications up to which the product is emitted. SciPy's own loops are faster once the call itself costs nothing.
_MOST = 1 << 16


def can_sparse_matmul(node: Node) -> bool:
    """Say whether a product of a sparse matrix is emitted: one of real numbers and a few entries."""
    data, x = node.inputs[:2]
    sizes = (*data.shape, *x.shape[1:])
    are_arrays = all(isinstance(y, Node | np.ndarray) for y in node.inputs)
    return are_arrays and node.dtype.kind == "f" and all(type(k) is int for k in sizes) and math.prod(sizes) <= _MOST


def emit_sparse_matmul(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: object) -> None:
    """Write ``sparse.matmul``: sums over the entries of each row, or, transposed, entries added where they belong."""
    data, x, indices, indptr = (Array(e, n, scene.access(y), y.dtype, base) for y in node.inputs)
    result = result_of(scene, e, n, node, base)
    dtype, b = node.dtype, e.b
    kind = register(dtype)
    ends = x.shape[1:]

    def number(array: Array, k: ir.Value) -> ir.Value:
        found = array.load([k])
        return found if found.type == e.int(0).type else b.sext(found, e.int(0).type)

    def term(k: ir.Value, place: list[ir.Value]) -> ir.Value:
        entry = e.convert(data.load([k]), data.dtype, dtype)
        return b.fmul(entry, e.convert(x.load(place), x.dtype, dtype))

    def stretch(row: ir.Value) -> tuple[ir.Value, ir.Value]:
        return number(indptr, row), number(indptr, b.add(row, e.int(1)))

    if not node.params["transposed"] and not ends:
        with e.loop(e.int(0), result.shape[0]) as rows:
            with e.loop(*stretch(rows.index), carried=[e.const(0, kind)]) as loop:
                loop.carry = [b.fadd(loop.carry[0], term(loop.index, [number(indices, loop.index)]))]
            result.store(loop.carry[0], [rows.index])
        return
    nest(e, result.shape, lambda index: result.store(e.const(0, kind), index))
    with e.loop(e.int(0), b.sub(indptr.shape[0], e.int(1))) as rows:  # noqa: SIM117
        with e.loop(*stretch(rows.index)) as loop:
            there, k = number(indices, loop.index), loop.index
            target, source = (there, rows.index) if node.params["transposed"] else (rows.index, there)

            def one(
                rest: list[ir.Value], k: ir.Value = k, target: ir.Value = target, source: ir.Value = source
            ) -> None:
                before = result.load([target, *rest])
                result.store(b.fadd(before, term(k, [source, *rest])), [target, *rest])

            nest(e, ends, one)
