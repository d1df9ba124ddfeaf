"""Operations that run in loops of their own: what moves entries, what runs along an axis, products."""

from collections.abc import Callable
from typing import Any

import llvmlite.ir as ir

from chainrule.graph import Node
from chainrule.native.access import has_form
from chainrule.native.arrays import Array, Scene, along_rows, fill_zeros, nest, result_of
from chainrule.native.convolution import can_convolve, emit_convolution
from chainrule.native.dense import DENSE, can_solve
from chainrule.native.emitter import Emitter
from chainrule.native.indexing import INDEXING, can_index
from chainrule.native.random import RANDOM
from chainrule.native.searching import can_search, emit_search
from chainrule.native.sizes import product_of, size_of
from chainrule.native.sparse import can_sparse_matmul, emit_sparse_matmul
from chainrule.native.sums_of_products import can_sum, emit_any_matmul, emit_einsum
from chainrule.native.types import is_float, register
from chainrule.ops.axes import normalize_axes

__all__ = ["KERNELS", "WITHOUT", "can_run"]


def _copy(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """A reshape of what does not stand side by side: its entries one after the other."""
    source = Array(e, n, scene.access(node.inputs[0]), node.dtype, base)
    target = base(scene.access(node).buffer)
    place = _Counter(e)
    place.reset()

    def one(index: list[ir.Value]) -> None:
        e.store(source.load(index), target, place.following(), node.dtype)

    nest(e, source.shape, one)


class _Counter:
    """A running number in memory of the function, so that loops need not carry it; made before them."""

    def __init__(self, e: Emitter) -> None:
        self._e = e
        self._cell = e.b.alloca(ir.IntType(64))

    def reset(self) -> None:
        """Start from 0."""
        self._e.b.store(self._e.int(0), self._cell)

    def following(self) -> ir.Value:
        """The number, which then goes up by one."""
        now = self._e.b.load(self._cell, typ=ir.IntType(64))
        self._e.b.store(self._e.b.add(now, self._e.int(1)), self._cell)
        return now


def _concatenate(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    result = result_of(scene, e, n, node, base)
    axis = node.params["axis"] % len(node.shape)
    start: ir.Value = e.int(0)
    for part in node.inputs:
        source = Array(e, n, scene.access(part), part.dtype, base)

        def one(index: list[ir.Value], source: Array = source, start: ir.Value = start) -> None:
            there = [e.b.add(i, start) if k == axis else i for k, i in enumerate(index)]
            result.store(e.convert(source.load(index), source.dtype, node.dtype), there)

        nest(e, source.shape, one)
        start = e.b.add(start, source.shape[axis])


def _pad(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    result = result_of(scene, e, n, node, base)
    fill_zeros(e, n, result)
    source = Array(e, n, scene.access(node.inputs[0]), node.dtype, base)
    before = [size_of(width[0]).emit(e, n) for width in node.params["widths"]]
    nest(
        e,
        source.shape,
        lambda index: result.store(
            source.load(index), [e.b.add(i, start) for i, start in zip(index, before, strict=True)]
        ),
    )


def _running(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """Cumulative sums and products, along one axis."""
    result = result_of(scene, e, n, node, base)
    source = Array(e, n, scene.access(node.inputs[0]), node.inputs[0].dtype, base)
    axis = node.params["axis"]
    axis = (0 if axis is None else axis) % max(len(result.shape), 1)
    kind = register(node.dtype)
    multiply = node.op.name == "np.cumprod"
    others = [length for k, length in enumerate(source.shape) if k != axis]
    name = ("fmul", "mul") if multiply else ("fadd", "add")
    step = getattr(e.b, name[not is_float(kind)])
    if axis < len(result.shape) - 1 and source.dtype == node.dtype and source.access.is_contiguous:
        _running_rows(e, n, source, result, axis, step)
        return

    def along(index: list[ir.Value]) -> None:
        with e.loop(e.int(0), source.shape[axis], carried=[e.const(int(multiply), kind)]) as loop:
            here = [*index[:axis], loop.index, *index[axis:]]
            x = e.convert(source.load(here), source.dtype, node.dtype)
            total = step(loop.carry[0], x)
            result.store(total, here)
            loop.carry = [total]

    nest(e, others, along)


def _running_rows(
    e: Emitter, n: ir.Value, source: Array, result: Array, axis: int, step: Callable[[ir.Value, ir.Value], ir.Value]
) -> None:
    """Along an axis that is not the last: each row is made of the one before, entries side by side."""
    zeros = [e.int(0)] * (len(source.shape) - axis - 1)
    count = product_of(source.access.shape[axis + 1 :]).emit(e, n)

    def along(index: list[ir.Value]) -> None:
        first = [*index, e.int(0), *zeros]
        with e.b.if_then(e.b.icmp_signed(">", source.shape[axis], e.int(0))):
            along_rows(e, result.address(first), [source.address(first)], count, source.dtype)
        with e.loop(e.int(1), source.shape[axis]) as loop:
            here, before = ([*index, k, *zeros] for k in (loop.index, e.b.sub(loop.index, e.int(1))))
            rows = [result.address(before), source.address(here)]
            along_rows(e, result.address(here), rows, count, source.dtype, step)

    nest(e, source.shape[:axis], along)


def _arg_extreme(scene: Scene, e: Emitter, n: ir.Value, node: Node, base: Any) -> None:
    """Where the largest or smallest entry stands; the first of several, and of NaNs the first."""
    source = Array(e, n, scene.access(node.inputs[0]), node.inputs[0].dtype, base)
    axes = normalize_axes(node.params.get("axis"), len(source.shape))
    result = result_of(scene, e, n, node, base)
    b, dtype = e.b, source.dtype
    sign = ">" if node.op.name == "np.argmax" else "<"
    reduced = [source.shape[k] for k in axes]
    kept = [length for k, length in enumerate(source.shape) if k not in axes]
    keeps = len(result.shape) == len(source.shape)

    best, where, place = b.alloca(register(dtype)), b.alloca(ir.IntType(64)), _Counter(e)

    def one(outer: list[ir.Value]) -> None:
        place.reset()
        b.store(e.int(-1), where)

        def look(inner: list[ir.Value]) -> None:
            rest, found = iter(outer), iter(inner)
            index = [next(found) if k in axes else next(rest) for k in range(len(source.shape))]
            x, now = source.load(index), place.following()
            before = b.load(best, typ=register(dtype))
            first = b.icmp_signed("<", b.load(where, typ=ir.IntType(64)), e.int(0))
            if dtype.kind == "f":
                better = b.fcmp_ordered(sign, x, before)
                nan = b.and_(b.fcmp_unordered("uno", x, x), b.fcmp_ordered("ord", before, before))
                better = b.or_(better, nan)
            else:
                better = (b.icmp_signed if dtype.kind == "i" else b.icmp_unsigned)(sign, x, before)
            with b.if_then(b.or_(first, better)):
                b.store(x, best)
                b.store(now, where)

        nest(e, reduced, look)
        rest = iter(outer)
        there = [e.int(0) if k in axes else next(rest) for k in range(len(source.shape))] if keeps else outer
        result.store(b.load(where, typ=ir.IntType(64)), there)

    nest(e, kept, one)


_SIGNS = "the signs and the order of what LAPACK finds follow from its own steps"
_BRANCHES = "SciPy chooses a series, a degree or a Schur form by the matrix at hand"
_ROWS = "which rows LAPACK exchanges follows from its own rounding"
_COMPLEX = "complex numbers have no form in machine code"

#: Operations that run through NumPy, each with the reason.
WITHOUT: dict[str, str] = {
    "np.argsort": "NumPy sorts with vector instructions, and which of equal entries comes first is its own",
    **{f"np.linalg.{name}": _SIGNS for name in ("eig", "eigh", "svd", "qr", "pinv")},
    **{f"np.fft.{name}": _COMPLEX for name in ("fft", "ifft", "rfft", "irfft")},
    **{f"scipy.fft.{name}": "SciPy splits a length into factors by tables of its own" for name in ("dct", "dst")},
    **{
        f"scipy.linalg.{name}": _BRANCHES
        for name in (
            *("expm", "logm", "sqrtm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm"),
            *("fractional_matrix_power", "solve_sylvester"),
        )
    },
    **dict.fromkeys(("lu_pivots", "lu_permutation", "permutation_of_pivots", "qr_permutation", "lu_factors"), _ROWS),
    "scipy.linalg.solve_banded": "LAPACK's elimination of bands takes longer than the way there",
    "scipy.sparse.linalg.spsolve": "which entries fill in, SuperLU finds out by the values",
    "scipy.sparse.linalg.expm_multiply": _BRANCHES,
}

KERNELS: dict[str, Callable[[Any, Emitter, ir.Value, Node, Any], None]] = {
    "np.reshape": _copy,
    "np.concatenate": _concatenate,
    "np.pad": _pad,
    "np.cumsum": _running,
    "np.cumprod": _running,
    "np.argmax": _arg_extreme,
    "np.argmin": _arg_extreme,
    "np.searchsorted": emit_search,
    "np.convolve": emit_convolution,
    "np.matmul": emit_any_matmul,
    "np.einsum": emit_einsum,
    "sparse.matmul": emit_sparse_matmul,
    **DENSE,
    **INDEXING,
    **RANDOM,
}


#: What says of an operation whether its kernel can run.
_ASKED: dict[str, Callable[[Node], bool]] = {
    "np.einsum": can_sum,
    "np.searchsorted": can_search,
    "np.convolve": can_convolve,
    "sparse.matmul": can_sparse_matmul,
    **dict.fromkeys(INDEXING, can_index),
    **dict.fromkeys(DENSE, can_solve),
}


def can_run(node: Node) -> bool:
    """Say whether there is a native form of an operation that runs by itself."""
    name = node.op.name
    if name in RANDOM:
        return all(len(x.shape) == 1 for x in node.inputs)
    if name not in KERNELS or not has_form(node) or not all(map(has_form, node.inputs)):
        return False
    return name not in _ASKED or _ASKED[name](node)
