"""Solving and factoring matrices of a few numbers as straight code: every entry in a register of its own.

A register holds a number, or, with one matrix of a stack in each lane, a vector. What decides on the way, such as which
row has the largest entry, are choices between registers, so that all lanes run alike.
"""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.ir as ir
import numpy as np

from chainrule.graph import Node
from chainrule.native.elementwise import FUNCTIONS
from chainrule.native.emitter import Emitter

__all__ = ["Matrix", "Writer", "small_dense"]

#: Rows of registers.
Matrix = list[list[ir.Value]]
#: A result in rows, and where it is left to NumPy to say whether there is one.
_Found = tuple[list[Matrix], ir.Value]


def small_dense(e: Emitter, node: Node, dtype: np.dtype[Any], *operands: Matrix) -> _Found:
    """Write an operation on small matrices.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    node : Node
        The operation, for its name and parameters.
    dtype : numpy.dtype
        What it is computed in.
    *operands : list of list of Value
        Its inputs, of that dtype.

    Returns
    -------
    results : list of matrices
        One for each output; a number is a matrix of one row and column.
    doubtful : Value
        A bit, or one in each lane: true where rounding decides whether a matrix is singular or positive definite, where
        a pivot is NaN, and where a determinant leaves the range of the numbers on the way.
    """
    return _WRITERS[node.op.name](_Registers(e, dtype), node, *operands)


class Writer:
    """Writes what is the same of numbers in any registers.

    Parameters
    ----------
    e : Emitter
        Where the instructions go.
    dtype : numpy.dtype
        What is computed in.
    """

    def __init__(self, e: Emitter, dtype: np.dtype[Any]) -> None:
        self.e, self.b, self.dtype = e, e.b, dtype
        self._eps, self._tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)

    def absolute(self, x: ir.Value) -> ir.Value:
        """Without its sign."""
        return self.e.intrinsic("llvm.fabs", x)

    def less(self, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
        """X - y * z."""
        return self.e.fma(self.b.fneg(y), z, x)

    def doubtful(self, pivot: ir.Value, size: ir.Value, rows: int) -> ir.Value:
        """Say whether a pivot is as small as the errors of rounding, given the entries that it came from; or NaN."""
        limit = self.b.fmul(size, self.e.const(rows * self._eps, size.type))
        limit = self.e.intrinsic("llvm.maxnum", limit, self.e.const(self._tiny, size.type))
        return self.b.not_(self.b.fcmp_ordered(">", pivot, limit))

    def times(self, x: ir.Value, y: ir.Value) -> tuple[ir.Value, ir.Value]:
        """A product, and whether it came near the ends of the range of the numbers."""
        info = np.finfo(self.dtype)
        found = self.b.fmul(x, y)
        size = self.absolute(found)
        fits = [
            self.b.fcmp_ordered(">", size, self.e.const(float(info.tiny), size.type)),
            self.b.fcmp_ordered("<", size, self.e.const(float(info.max), size.type)),
        ]
        return found, self.b.not_(self.b.and_(*fits))


class _Registers(Writer):
    """Matrices of registers."""

    def identity(self, rows: int, like: ir.Type) -> Matrix:
        """Ones on the diagonal."""
        return [[self.e.const(int(i == j), like) for j in range(rows)] for i in range(rows)]

    def solved(self, upper: Matrix, right: Matrix) -> Matrix:
        """Solve with an upper triangular matrix, from its last row on."""
        n = len(upper)
        found: Matrix = [[] for _ in range(n)]
        for i in reversed(range(n)):
            line = right[i]
            for k in range(i + 1, n):
                line = [self.less(x, upper[i][k], y) for x, y in zip(line, found[k], strict=True)]
            found[i] = [self.b.fdiv(x, upper[i][i]) for x in line]
        return found

    def eliminated(self, a: Matrix, right: Matrix) -> tuple[Matrix, Matrix, ir.Value, ir.Value]:
        """Eliminate below the diagonal with the largest pivots: upper triangle, right-hand sides, sign, doubt."""
        b, n = self.b, len(a)
        rows = [[*line, *more] for line, more in zip(a, right, strict=True)]
        sizes = [self._largest([line[j] for line in a]) for j in range(n)]
        one = self.e.const(1, a[0][0].type)
        sign: ir.Value = one
        doubts = []
        for j in range(n):
            for i in range(j + 1, n):
                larger = b.fcmp_ordered(">", self.absolute(rows[i][j]), self.absolute(rows[j][j]))
                top, other = rows[j], rows[i]
                rows[j] = [*top[:j], *(b.select(larger, y, x) for x, y in zip(top[j:], other[j:], strict=True))]
                rows[i] = [*other[:j], *(b.select(larger, x, y) for x, y in zip(top[j:], other[j:], strict=True))]
                sign = b.select(larger, b.fneg(sign), sign)
            doubts.append(self.doubtful(self.absolute(rows[j][j]), sizes[j], n))
            for i in range(j + 1, n):
                factor = b.fdiv(rows[i][j], rows[j][j])
                rest = zip(rows[i][j + 1 :], rows[j][j + 1 :], strict=True)
                rows[i] = [*rows[i][: j + 1], *(self.less(x, factor, y) for x, y in rest)]
        return [line[:n] for line in rows], [line[n:] for line in rows], sign, self.any(doubts)

    def _largest(self, xs: Sequence[ir.Value]) -> ir.Value:
        found = self.absolute(xs[0])
        for x in xs[1:]:
            found = self.e.intrinsic("llvm.maxnum", found, self.absolute(x))
        return found

    def any(self, bits: Sequence[ir.Value]) -> ir.Value:
        """True where one of them is."""
        found = bits[0]
        for bit in bits[1:]:
            found = self.b.or_(found, bit)
        return found

    def product(self, upper: Matrix, sign: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The product of a diagonal, and whether it came near the ends of the range of the numbers on its way."""
        found, doubts = sign, []
        for k, line in enumerate(upper):
            found, leaves = self.times(found, line[k])
            doubts.append(leaves)
        return found, self.any(doubts)


def _solve(w: _Registers, node: Node, x: Matrix, y: Matrix) -> _Found:
    upper, right, _, doubt = w.eliminated(x, y)
    return [w.solved(upper, right)], doubt


def _inv(w: _Registers, node: Node, x: Matrix) -> _Found:
    return _solve(w, node, x, w.identity(len(x), x[0][0].type))


def _det(w: _Registers, node: Node, x: Matrix) -> _Found:
    upper, _, sign, doubt = w.eliminated(x, [[] for _ in x])
    whole, leaves = w.product(upper, sign)
    return [[[whole]]], w.b.or_(doubt, leaves)


def _cofactors(w: _Registers, node: Node, x: Matrix) -> _Found:
    upper, right, sign, doubt = w.eliminated(x, w.identity(len(x), x[0][0].type))
    whole, leaves = w.product(upper, sign)
    inverse = w.solved(upper, right)
    found = [[w.b.fmul(whole, line[i]) for line in inverse] for i in range(len(x))]
    return [found], w.b.or_(doubt, leaves)


def _slogdet(w: _Registers, node: Node, x: Matrix) -> _Found:
    upper, _, sign, doubt = w.eliminated(x, [[] for _ in x])
    whole, leaves = w.product(upper, sign)
    side = w.e.intrinsic("llvm.copysign", w.e.const(1, whole.type), whole)
    log = FUNCTIONS["np.log"](w.e, w.dtype, w.absolute(whole))
    return [[[side]], [[log]]], w.b.or_(doubt, leaves)


def _cholesky(w: _Registers, node: Node, x: Matrix) -> _Found:
    b, n = w.b, len(x)
    zero = w.e.const(0, x[0][0].type)
    found: Matrix = [[zero] * n for _ in range(n)]
    doubts = []
    for j in range(n):
        pivot = x[j][j]
        for k in range(j):
            pivot = w.less(pivot, found[j][k], found[j][k])
        doubts.append(w.doubtful(pivot, x[j][j], n))
        found[j][j] = w.e.intrinsic("llvm.sqrt", pivot)
        for i in range(j + 1, n):
            entry = x[i][j]
            for k in range(j):
                entry = w.less(entry, found[i][k], found[j][k])
            found[i][j] = b.fdiv(entry, found[j][j])
    return [found], w.any(doubts)


def _cholesky_pullback(w: _Registers, node: Node, x: Matrix, y: Matrix) -> _Found:
    # As `chainrule.native.dense_cholesky` does it, row by row from the end.
    b, n = w.b, len(x)
    zero, half = (w.e.const(value, x[0][0].type) for value in (0, 0.5))
    found: Matrix = [[zero] * n for _ in range(n)]
    for i in reversed(range(n)):
        after = range(i + 1, n)
        line = {j: y[j][i] for j in after}
        for k in after:
            line = {j: w.less(value, x[k][i], found[k][j]) for j, value in line.items()}
        entry = y[i][i]
        for j, value in line.items():
            found[i][j] = found[j][i] = b.fdiv(value, x[i][i])
            entry = w.less(entry, x[j][i], found[i][j])
        found[i][i] = b.fdiv(entry, x[i][i])
    doubt = w.any([b.fcmp_ordered("==", x[k][k], zero) for k in range(n)])
    return [[[b.fmul(half, value) for value in line] for line in found]], doubt


def _triangular(w: _Registers, node: Node, x: Matrix, y: Matrix) -> _Found:
    n, params = len(x), node.params
    t = [[x[j][i] if params["trans"] else x[i][j] for j in range(n)] for i in range(n)]
    if params["unit_diagonal"]:
        one = w.e.const(1, x[0][0].type)
        t = [[one if i == j else t[i][j] for j in range(n)] for i in range(n)]
    zero = w.e.const(0, x[0][0].type)
    doubt = w.any([w.b.fcmp_ordered("==", t[k][k], zero) for k in range(n)])
    if params["lower"] != bool(params["trans"]):
        # A lower triangle, read from its end, is an upper one.
        turned = w.solved([line[::-1] for line in t[::-1]], y[::-1])
        return [turned[::-1]], doubt
    return [w.solved(t, y)], doubt


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
