"""Solving and factoring stacks of matrices of some rows, one matrix in each lane: loops over entries that are vectors.

As `chainrule.native.dense_small` does it, from memory in place of registers.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.dense_small import Writer
from chainrule.native.elementwise import FUNCTIONS
from chainrule.native.emitter import Emitter, Loop
from chainrule.native.types import register

__all__ = ["Entries", "dense_in_lanes"]

_Found = tuple[list["Entries"], ir.Value]


class Entries:
    """A matrix of vectors in memory.

    Attributes
    ----------
    rows, columns : int
        Its lengths.
    """

    def __init__(self, e: Emitter, dtype: np.dtype[Any], rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self._e, self._kind = e, register(dtype, machine.lanes(dtype))
        with e.b.goto_entry_block():
            self._start = e.b.alloca(self._kind, rows * columns)

    def _at(self, i: ir.Value, j: ir.Value) -> ir.Value:
        b = self._e.b
        return b.gep(self._start, [b.add(b.mul(i, self._e.int(self.columns)), j)], source_etype=self._kind)

    def get(self, i: ir.Value, j: ir.Value) -> ir.Value:
        """Read an entry."""
        return self._e.b.load(self._at(i, j), typ=self._kind)

    def put(self, value: ir.Value, i: ir.Value, j: ir.Value) -> None:
        """Write an entry."""
        self._e.b.store(value, self._at(i, j))


def dense_in_lanes(e: Emitter, node: Node, dtype: np.dtype[Any], *operands: Entries) -> _Found:
    """Write an operation on matrices in lanes.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    node : Node
        The operation, for its name and parameters.
    dtype : numpy.dtype
        What it is computed in.
    *operands : Entries
        Its inputs, which are written over.

    Returns
    -------
    results : list of Entries
        One for each output; a number is a matrix of one row and column.
    doubtful : Value
        A bit in each lane, as `chainrule.native.dense_small.small_dense` says.
    """
    return _WRITERS[node.op.name](_Lanes(e, dtype), node, *operands)


class _Lanes(Writer):
    """Loops over rows and columns."""

    def __init__(self, e: Emitter, dtype: np.dtype[Any]) -> None:
        super().__init__(e, dtype)
        lanes = machine.lanes(dtype)
        self.one, self.zero = (e.const(value, register(dtype, lanes)) for value in (1, 0))
        self.no = ir.Constant(ir.VectorType(ir.IntType(1), lanes), None)

    def matrix(self, rows: int, columns: int) -> Entries:
        """Memory for one."""
        return Entries(self.e, self.dtype, rows, columns)

    def each(self, stop: int | ir.Value, start: int | ir.Value = 0, carried: Any = ()) -> AbstractContextManager[Loop]:
        """A loop over rows or columns."""
        first, last = (self.e.int(x) if isinstance(x, int) else x for x in (start, stop))
        return self.e.loop(first, last, 1, carried)

    def after(self, i: ir.Value) -> ir.Value:
        """The next row."""
        return self.b.add(i, self.e.int(1))

    def fill(self, x: Entries, value: Callable[[ir.Value, ir.Value], ir.Value]) -> Entries:
        """Write every entry."""
        with self.each(x.rows) as i, self.each(x.columns) as j:
            x.put(value(i.index, j.index), i.index, j.index)
        return x

    def unit(self, i: ir.Value, j: ir.Value) -> ir.Value:
        """An entry of the identity."""
        return self.b.select(self.b.icmp_signed("==", i, j), self.one, self.zero)

    def rest(self, value: ir.Value, stop: ir.Value, x: Any, y: Any, start: int | ir.Value = 0) -> ir.Value:
        """Value - sum_k x(k) y(k)."""
        with self.each(stop, start, [value]) as k:
            k.carry = [self.less(k.carry[0], x(k.index), y(k.index))]
        return k.carry[0]

    def eliminated(self, a: Entries, right: Entries | None) -> tuple[Entries, ir.Value, ir.Value]:
        """Eliminate below the diagonal with the largest pivots: both side by side, sign, doubt."""
        b, n = self.b, a.rows
        whole = self.matrix(n, n + (right.columns if right else 0))
        with self.each(n) as i:
            with self.each(n) as j:
                whole.put(a.get(i.index, j.index), i.index, j.index)
            if right:
                with self.each(right.columns) as j:
                    whole.put(right.get(i.index, j.index), i.index, b.add(j.index, self.e.int(n)))
        with self.each(n, carried=[self.one, self.no]) as steps:
            j = steps.index
            with self.each(n, carried=[self.zero]) as rows:
                rows.carry = [self.e.intrinsic("llvm.maxnum", rows.carry[0], self.absolute(a.get(rows.index, j)))]
            (size,) = rows.carry
            with self.each(n, self.after(j), [steps.carry[0]]) as rows:
                i = rows.index
                larger = b.fcmp_ordered(">", self.absolute(whole.get(i, j)), self.absolute(whole.get(j, j)))
                with self.each(whole.columns, j) as k:
                    top, other = whole.get(j, k.index), whole.get(i, k.index)
                    whole.put(b.select(larger, other, top), j, k.index)
                    whole.put(b.select(larger, top, other), i, k.index)
                rows.carry = [b.select(larger, b.fneg(rows.carry[0]), rows.carry[0])]
            pivot = whole.get(j, j)
            doubt = self.doubtful(self.absolute(pivot), size, n)
            with self.each(n, self.after(j)) as below:
                i = below.index
                factor = b.fdiv(whole.get(i, j), pivot)
                with self.each(whole.columns, self.after(j)) as k:
                    whole.put(self.less(whole.get(i, k.index), factor, whole.get(j, k.index)), i, k.index)
            steps.carry = [rows.carry[0], b.or_(steps.carry[1], doubt)]
        return whole, steps.carry[0], steps.carry[1]

    def solved(self, whole: Entries) -> Entries:
        """Solve with the upper triangle for the columns beside it."""
        b, n = self.b, whole.rows
        found = self.matrix(n, whole.columns - n)
        with self.each(n) as rows, self.each(found.columns) as columns:
            i, j = b.sub(self.e.int(n - 1), rows.index), columns.index
            left = whole.get(i, b.add(j, self.e.int(n)))
            left = self.rest(left, self.e.int(n), lambda k: whole.get(i, k), lambda k: found.get(k, j), self.after(i))
            found.put(b.fdiv(left, whole.get(i, i)), i, j)
        return found

    def along_diagonal(self, whole: Entries, sign: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The product of a diagonal, and whether it came near the ends of the range of the numbers on its way."""
        with self.each(whole.rows, carried=[sign, self.no]) as loop:
            found, leaves = self.times(loop.carry[0], whole.get(loop.index, loop.index))
            loop.carry = [found, self.b.or_(loop.carry[1], leaves)]
        return loop.carry[0], loop.carry[1]

    def number(self, value: ir.Value) -> Entries:
        """A matrix of one entry."""
        return self.fill(self.matrix(1, 1), lambda i, j: value)


def _solve(w: _Lanes, node: Node, x: Entries, y: Entries) -> _Found:
    whole, _, doubt = w.eliminated(x, y)
    return [w.solved(whole)], doubt


def _inv(w: _Lanes, node: Node, x: Entries) -> _Found:
    return _solve(w, node, x, w.fill(w.matrix(x.rows, x.rows), w.unit))


def _det(w: _Lanes, node: Node, x: Entries) -> _Found:
    whole, sign, doubt = w.eliminated(x, None)
    found, leaves = w.along_diagonal(whole, sign)
    return [w.number(found)], w.b.or_(doubt, leaves)


def _cofactors(w: _Lanes, node: Node, x: Entries) -> _Found:
    n = x.rows
    whole, sign, doubt = w.eliminated(x, w.fill(w.matrix(n, n), w.unit))
    det, leaves = w.along_diagonal(whole, sign)
    inverse = w.solved(whole)
    found = w.fill(w.matrix(n, n), lambda i, j: w.b.fmul(det, inverse.get(j, i)))
    return [found], w.b.or_(doubt, leaves)


def _slogdet(w: _Lanes, node: Node, x: Entries) -> _Found:
    whole, sign, doubt = w.eliminated(x, None)
    found, leaves = w.along_diagonal(whole, sign)
    side = w.e.intrinsic("llvm.copysign", w.one, found)
    log = FUNCTIONS["np.log"](w.e, w.dtype, w.absolute(found))
    return [w.number(side), w.number(log)], w.b.or_(doubt, leaves)


def _cholesky(w: _Lanes, node: Node, x: Entries) -> _Found:
    b, n = w.b, x.rows
    found = w.fill(w.matrix(n, n), lambda i, j: w.zero)
    with w.each(n, carried=[w.no]) as columns:
        j = columns.index
        pivot = w.rest(x.get(j, j), j, lambda k: found.get(j, k), lambda k: found.get(j, k))
        root = w.e.intrinsic("llvm.sqrt", pivot)
        found.put(root, j, j)
        columns.carry = [b.or_(columns.carry[0], w.doubtful(pivot, x.get(j, j), n))]
        with w.each(n, w.after(j)) as rows:
            i = rows.index
            entry = w.rest(x.get(i, j), j, lambda k: found.get(i, k), lambda k: found.get(j, k))
            found.put(b.fdiv(entry, root), i, j)
    return [found], columns.carry[0]


def _cholesky_pullback(w: _Lanes, node: Node, x: Entries, y: Entries) -> _Found:
    b, n = w.b, x.rows
    found = w.matrix(n, n)
    with w.each(n, carried=[w.no]) as rows:
        i = b.sub(w.e.int(n - 1), rows.index)
        root, after, end = x.get(i, i), w.after(i), w.e.int(n)
        with w.each(end, after) as columns:
            j = columns.index
            left = w.rest(y.get(j, i), end, lambda k: x.get(k, i), lambda k: found.get(k, j), after)
            value = b.fdiv(left, root)
            found.put(value, i, j)
        with w.each(end, after) as columns:
            found.put(found.get(i, columns.index), columns.index, i)
        left = w.rest(y.get(i, i), end, lambda k: x.get(k, i), lambda k: found.get(i, k), after)
        found.put(b.fdiv(left, root), i, i)
        rows.carry = [b.or_(rows.carry[0], b.fcmp_ordered("==", root, w.zero))]
    half = w.e.const(0.5, w.one.type)
    return [w.fill(found, lambda i, j: b.fmul(half, found.get(i, j)))], rows.carry[0]


def _triangular(w: _Lanes, node: Node, x: Entries, y: Entries) -> _Found:
    b, n, params = w.b, x.rows, node.params

    def entry(i: ir.Value, k: ir.Value) -> ir.Value:
        return x.get(k, i) if params["trans"] else x.get(i, k)

    is_lower = params["lower"] != bool(params["trans"])
    with w.each(n, carried=[w.no]) as rows:
        i = rows.index if is_lower else b.sub(w.e.int(n - 1), rows.index)
        start, stop = (w.e.int(0), i) if is_lower else (w.after(i), w.e.int(n))
        with w.each(y.columns) as columns:
            j = columns.index
            left = w.rest(y.get(i, j), stop, lambda k: entry(i, k), lambda k: y.get(k, j), start)
            y.put(left if params["unit_diagonal"] else b.fdiv(left, x.get(i, i)), i, j)
        zero = w.no if params["unit_diagonal"] else b.fcmp_ordered("==", x.get(i, i), w.zero)
        rows.carry = [b.or_(rows.carry[0], zero)]
    return [y], rows.carry[0]


_WRITERS: dict[str, Callable[..., _Found]] = {
    "np.linalg.solve": _solve,
    "np.linalg.inv": _inv,
    "np.linalg.det": _det,
    "cofactors": _cofactors,
    "np.linalg.slogdet": _slogdet,
    "np.linalg.cholesky": _cholesky,
    "cholesky_pullback": _cholesky_pullback,
    "scipy.linalg.solve_triangular": _triangular,
}
