"""One matrix solved or factored through memory."""

from collections.abc import Callable

import llvmlite.ir as ir

from chainrule.graph import Node
from chainrule.native import machine
from chainrule.native.dense_work import Factors, Operand, Target, Work
from chainrule.native.emitter import Emitter
from chainrule.native.types import register

__all__ = ["DENSE_ROWS"]

_NO = ir.Constant(ir.IntType(1), 0)


def _solve(e: Emitter, node: Node, target: Target, x: Operand, y: Operand) -> ir.Value:
    w, n, a = Work(e, target), x.rows, target.scratch
    right = e.address(a, n, w.dtype)
    w.copied(y, right, e.b.add(n, y.columns))
    f, doubt, _ = w.eliminated(x, a, y.columns)
    w.backward(a, f.row, f.column, right, f.row, n, y.columns)
    w.call("turn", right, e.int(1), f.row, target.results[0], y.columns, y.columns, n)
    return doubt


def _inv(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w, n = Work(e, target), x.rows
    f, doubt, _ = w.eliminated(x, target.scratch)
    turned = w.at(target.scratch, e.b.add(n, e.int(1)), n)
    w.inverse_transposed(f, turned)
    w.call("turn", turned, n, e.int(1), target.results[0], n, n, n)
    return doubt


def _cofactors(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w = Work(e, target)
    f, doubt, odd = w.eliminated(x, target.scratch)
    return e.b.or_(doubt, w.put_cofactors(f, odd, target.results[0]))


def _det(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w = Work(e, target)
    f, doubt, odd = w.eliminated(x, target.scratch)
    return e.b.or_(doubt, w.put_det(f, odd, target.results[0]))


def _slogdet(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w = Work(e, target)
    f, doubt, odd = w.eliminated(x, target.scratch)
    return e.b.or_(doubt, w.put_slogdet(f, odd, target.results))


# The same of a matrix whose factors are at hand: where these come from, what is doubtful has been said.


def _lu(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    return Work(e, target).eliminated(x, target.results[0])[1]


def _factors(w: Work, x: Operand) -> tuple[Factors, ir.Value]:
    """Factors as `_lu` leaves them, and whether their exchanges are odd in number."""
    e, b, n = w.e, w.b, x.columns
    f = Factors(x.pointer, x.row, x.column, w.at(x.pointer, n, x.row), n)
    with e.loop(e.int(0), n, carried=[_NO]) as loop:
        loop.carry = [b.xor(loop.carry[0], b.icmp_signed("!=", w.exchange(f, loop.index), loop.index))]
    return f, loop.carry[0]


def _solve_by_lu(e: Emitter, node: Node, target: Target, x: Operand, _: Operand, y: Operand) -> ir.Value:
    w, n, m, result = Work(e, target), x.columns, y.columns, target.results[0]
    f, _odd = _factors(w, x)
    w.copied(y, result, m)
    if node.params["trans"]:
        w.call("triangular", f.pointer, f.column, f.row, result, m, n, m, e.int(0))
        w.backward(f.pointer, f.column, f.row, result, m, n, m, ones=1)
        w.exchanged(f, result, m, m, backwards=True)
    else:
        w.exchanged(f, result, m, m, backwards=False)
        w.call("triangular", f.pointer, f.row, f.column, result, m, n, m, e.int(1))
        w.backward(f.pointer, f.row, f.column, result, m, n, m)
    return _NO


def _inv_by_lu(e: Emitter, node: Node, target: Target, x: Operand, _: Operand) -> ir.Value:
    w, n = Work(e, target), x.columns
    w.inverse_transposed(_factors(w, x)[0], target.scratch)
    w.call("turn", target.scratch, n, e.int(1), target.results[0], n, n, n)
    return _NO


def _cofactors_by_lu(e: Emitter, node: Node, target: Target, x: Operand, _: Operand) -> ir.Value:
    w = Work(e, target)
    return w.put_cofactors(*_factors(w, x), target.results[0])


def _det_by_lu(e: Emitter, node: Node, target: Target, x: Operand, _: Operand) -> ir.Value:
    w = Work(e, target)
    return w.put_det(*_factors(w, x), target.results[0])


def _slogdet_by_lu(e: Emitter, node: Node, target: Target, x: Operand, _: Operand) -> ir.Value:
    w = Work(e, target)
    return w.put_slogdet(*_factors(w, x), target.results)


# Triangles.


def _cholesky(e: Emitter, node: Node, target: Target, x: Operand) -> ir.Value:
    w, b, n, a = Work(e, target), e.b, x.rows, target.scratch
    turned = Operand(x.pointer, x.dtype, n, n, x.column, x.row)
    w.copied(turned, a, n)
    sizes = w.at(a, n, n)
    with e.loop(e.int(0), n) as loop:
        e.store(e.load(w.at(a, loop.index, b.add(n, e.int(1))), e.int(0), w.dtype), sizes, loop.index, w.dtype)
    found = w.call("cholesky", a, n, n, sizes, n)
    result = target.results[0]
    w.call("turn", a, n, e.int(1), result, n, n, n)
    lanes = machine.lanes(w.dtype)
    zero = e.const(0, register(w.dtype, lanes))
    with e.loop(e.int(0), n) as i:
        line = w.at(result, i.index, n)
        with e.loop(b.add(i.index, e.int(1)), n, lanes) as j:
            e.store(zero, line, j.index, w.dtype, e.tail_mask(j.index, n, lanes))
    return b.icmp_unsigned("!=", found, e.int(0))


def _cholesky_pullback(e: Emitter, node: Node, target: Target, x: Operand, y: Operand) -> ir.Value:
    w, b, n, result = Work(e, target), e.b, x.rows, target.results[0]
    one, zero = e.int(1), e.const(0, register(w.dtype))
    r, row, column = x.pointer, x.column, x.row  # The transpose of the lower factor.
    if x.dtype != w.dtype:
        w.copied(x, target.scratch, n)
        r, row, column = target.scratch, one, n
    w.copied(Operand(y.pointer, y.dtype, n, n, y.column, y.row), result, n)
    diagonal, lanes = b.add(row, column), machine.lanes(w.dtype)
    half = e.const(0.5, register(w.dtype, lanes))
    with e.loop(e.int(0), n, carried=[ir.Constant(ir.IntType(1), 0)]) as loop:
        line = w.at(result, loop.index, n)
        with e.loop(loop.index, n, lanes) as along:
            mask = e.tail_mask(along.index, n, lanes)
            value = b.fmul(half, e.load(line, along.index, w.dtype, lanes, mask))
            e.store(value, line, along.index, w.dtype, mask)
        entry = e.load(w.at(r, loop.index, diagonal), e.int(0), w.dtype)
        loop.carry = [b.or_(loop.carry[0], b.fcmp_ordered("==", entry, zero))]
    w.call("pull", r, row, column, result, n, n)
    return loop.carry[0]


def _triangular(e: Emitter, node: Node, target: Target, x: Operand, y: Operand) -> ir.Value:
    w, b, n, params = Work(e, target), e.b, x.rows, node.params
    result, step = target.results[0], y.columns
    w.copied(y, result, step)
    t, row, column = x.pointer, x.row, x.column
    if x.dtype != w.dtype:
        w.copied(x, target.scratch, n)
        t, row, column = target.scratch, n, e.int(1)
    if params["trans"]:
        row, column = column, row
    if params["lower"] == bool(params["trans"]):
        # An upper triangle, read from its end, is a lower one.
        last = b.sub(n, e.int(1))
        t, result = w.at(t, last, b.add(row, column)), w.at(result, last, step)
        row, column, step = b.neg(row), b.neg(column), b.neg(step)
    ones = e.int(int(params["unit_diagonal"]))
    found = w.call("triangular", t, row, column, result, step, n, y.columns, ones)
    return b.icmp_unsigned("!=", found, e.int(0))


DENSE_ROWS: dict[str, Callable[..., ir.Value]] = {
    "np.linalg.solve": _solve,
    "np.linalg.inv": _inv,
    "np.linalg.det": _det,
    "cofactors": _cofactors,
    "lu_kept": _lu,
    "solve_by_lu": _solve_by_lu,
    "inv_by_lu": _inv_by_lu,
    "det_by_lu": _det_by_lu,
    "slogdet_by_lu": _slogdet_by_lu,
    "cofactors_by_lu": _cofactors_by_lu,
    "np.linalg.slogdet": _slogdet,
    "np.linalg.cholesky": _cholesky,
    "cholesky_pullback": _cholesky_pullback,
    "scipy.linalg.solve_triangular": _triangular,
}
