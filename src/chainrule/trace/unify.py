"""Two recordings of one function at two numbers of rows, made into one graph for every number.

Both graphs are walked side by side. Where they agree the part is kept; where two numbers differ the one number
``factor * n + offset`` (or ``c / n``) that fits both stands in their place. Two points do not prove a formula, so
whoever unifies compares the result with recordings at further sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.graph import Graph, Node, constant_text, topological_order
from chainrule.lengths import Length, Quotient
from chainrule.ops import PRIMITIVES
from chainrule.ops.op import Op
from chainrule.ops.reductions import cumsum
from chainrule.ops.shapes import broadcast_to

__all__ = ["Mismatch", "Recorded", "difference", "unified"]


@dataclass(frozen=True)
class Recorded:
    """What a function recorded for one number of rows.

    Attributes
    ----------
    graph : Graph
        The operations.
    rows : int
        The leading size.
    lines : dict
        The user's line behind each node, as `chainrule.errors.user_line` writes it.
    """

    graph: Graph
    rows: int
    lines: dict[Node, str] = field(default_factory=dict)


class Mismatch(Exception):
    """Two graphs differ in a way that no formula in the number of rows explains.

    Attributes
    ----------
    line : str
        The user's line where that shows first; empty where there is none.
    """

    def __init__(self, what: str, line: str = "") -> None:
        super().__init__(what)
        self.line = line


def unified(a: Recorded, b: Recorded) -> Graph:
    """Make one graph of two recordings.

    Parameters
    ----------
    a, b : Recorded
        The same function recorded at two different numbers of rows.

    Returns
    -------
    Graph
        With lengths and constants as formulas in n (see `chainrule.lengths`).

    Raises
    ------
    Mismatch
        Where the graphs differ in anything but numbers that grow with the rows.
    """
    return _Walk(a, b).graph(a.graph, b.graph)


def difference(a: Recorded, b: Recorded) -> Mismatch | None:
    """Say where two recordings for one number of rows differ; None where they agree in every number."""
    try:
        _Walk(a, b).graph(a.graph, b.graph)
    except Mismatch as found:
        return found
    return None


class _Walk:
    """The walk along two graphs; where both have one number of rows, only equal numbers fit."""

    def __init__(self, a: Recorded, b: Recorded) -> None:
        self._a, self._b = a, b
        self._lines = a.lines

    def graph(self, a: Graph, b: Graph) -> Graph:
        if len(a.inputs) != len(b.inputs) or len(a.outputs) != len(b.outputs):
            raise Mismatch(f"{a.name} has another number of inputs or outputs")
        made: dict[Node, Node] = {}
        partner: dict[Node, Node] = {}
        for x, y in zip(a.inputs, b.inputs, strict=True):
            partner[x] = y
            made[x] = self._node(x, y, (), made)
        orders = ([n for n in topological_order(g.outputs) if n.op is not None] for g in (a, b))
        for x, y in self._pairs(*orders):
            if not _same_op(x.op, y.op) or len(x.inputs) != len(y.inputs):
                raise Mismatch(f"{y.name} stands where {x.name} stood", self._line(x))
            sources = [self._source(s, t, x, made, partner) for s, t in zip(x.inputs, y.inputs, strict=True)]
            partner[x] = y
            made[x] = self._node(x, y, tuple(sources), made)
        outputs = [self._source(s, t, None, made, partner) for s, t in zip(a.outputs, b.outputs, strict=True)]
        return Graph((made[x] for x in a.inputs), outputs, a.name)

    def _pairs(self, a: Sequence[Node], b: Sequence[Node]) -> list[tuple[Node, Node]]:
        if len(a) == len(b):
            return list(zip(a, b, strict=True))
        for x, y in zip(a, b, strict=False):
            if not _same_op(x.op, y.op):
                break
        else:
            x = max(a, b, key=len)[min(len(a), len(b)) :][0]
        line = self._line(x) or self._b.lines.get(x, "")
        raise Mismatch(f"there are {len(b)} operations where there were {len(a)}", line)

    def _line(self, x: Node | None) -> str:
        return "" if x is None else self._lines.get(x, "")

    def _node(self, x: Node, y: Node, sources: tuple[Any, ...], made: dict[Node, Node]) -> Node:
        if x.dtype != y.dtype or x.weak != y.weak:
            raise Mismatch(f"{x.name} gives {y.dtype} where it gave {x.dtype}", self._line(x))
        params = {name: self._value(v, y.params.get(name), x, name) for name, v in x.params.items()}
        shape = self._value(x.shape, y.shape, x, "shape")
        return Node(x.op, sources, params, shape, x.dtype, x.weak, x.group)

    def _source(self, s: Any, t: Any, reader: Node | None, made: dict[Node, Node], partner: dict[Node, Node]) -> Any:
        if isinstance(s, Node) and isinstance(t, Node):
            if partner.get(s) is not t:
                name = "the result" if reader is None else reader.name
                raise Mismatch(f"{name} reads another value", self._line(reader))
            return made[s]
        if isinstance(s, Node) or isinstance(t, Node):
            raise Mismatch("a constant stands where a computed value stood, or the other way round", self._line(reader))
        return self._constant(s, t, reader)

    def _constant(self, s: Any, t: Any, reader: Node | None) -> Any:
        if not isinstance(s, np.ndarray) or not isinstance(t, np.ndarray) or s.shape == t.shape:
            return self._value(s, t, reader, "a constant")
        if s.dtype == t.dtype and s.ndim == t.ndim and s.size and t.size:
            shape = self._value(s.shape, t.shape, reader, "a constant's shape")
            first = s.flat[0]
            if _all_same(s, first) and _all_same(t, t.flat[0]):
                entry = self._value(first, t.flat[0], reader, "a constant")
                return Node(broadcast_to, (entry,), {"shape": shape}, shape, s.dtype)
            if s.size == max(s.shape) > 1 and s.dtype.kind in "iuf":
                step = s.flat[1] - first
                if all(np.array_equal(x.ravel(), first + step * np.arange(x.size, dtype=x.dtype)) for x in (s, t)):
                    return _counting(first, step, shape)
        raise Mismatch(
            f"the constant {constant_text(t)} at {self._b.rows} rows is not the {constant_text(s)} at {self._a.rows} "
            "rows made longer",
            self._line(reader),
        )

    def _value(self, s: Any, t: Any, reader: Node | None, what: str) -> Any:
        if s is t:
            return s
        if type(s) is type(t):
            if isinstance(s, tuple) and len(s) == len(t):
                return tuple(self._value(p, q, reader, what) for p, q in zip(s, t, strict=True))
            if isinstance(s, slice):
                parts = ((s.start, t.start), (s.stop, t.stop), (s.step, t.step))
                return slice(*(self._value(p, q, reader, what) for p, q in parts))
            if isinstance(s, Graph):
                return self.graph(s, t)
            if isinstance(s, np.ndarray):
                if s.shape == t.shape and s.dtype == t.dtype and _bits(s) == _bits(t):
                    return s
            elif _same(s, t):
                return s
            elif isinstance(s, (int, float, np.integer, np.floating)) and not isinstance(s, bool):
                fitted = self._fitted(s, t)
                if fitted is not None:
                    return fitted
        if _short(s) == _short(t):
            raise Mismatch(f"{what}, {_short(t)}, has other numbers than before", self._line(reader))
        raise Mismatch(f"{what} is {_short(t)} where it was {_short(s)}", self._line(reader))

    def _fitted(self, s: Any, t: Any) -> Length | Quotient | None:
        """The formula in n through two numbers."""
        m, n = self._a.rows, self._b.rows
        if m == n or not (np.isfinite(s) and np.isfinite(t)):
            return None
        kind = type(s)
        if s == int(s) and t == int(t):
            factor, rest = divmod(int(t) - int(s), n - m)
            return None if rest else Length(factor, int(s) - factor * m, kind)
        # c / n, c / (n - 1): the number c that makes both exact, a whole one if possible.
        for offset in (0, -1):
            exact = float(s) * (m + offset)
            for c in (round(exact, 0), round(exact, 9)):
                if kind(c / (m + offset)) == s and kind(c / (n + offset)) == t:
                    return Quotient(c, Length(1, offset), kind)
        return _whole_part(s, t, m, n, kind)


def _whole_part(s: Any, t: Any, m: int, n: int, kind: Any) -> Quotient | None:
    """``c / (k n + offset)`` with a small whole number c, as a mean over more than the rows has it."""
    if min(abs(s), abs(t)) < _LEAST_PART:
        return None
    for c in (1.0, -1.0, 2.0, -2.0):
        a, b = (round(c / float(x)) for x in (s, t))
        factor, rest = divmod(b - a, n - m)
        if not rest and factor > 0 and min(a, b) > 0 and kind(c / a) == s and kind(c / b) == t:
            return Quotient(c, Length(factor, a - factor * m), kind)
    return None


#: Numbers of entries are below the inverse of this.
_LEAST_PART = 2.0**-50


def _counting(first: Any, step: Any, shape: tuple[Any, ...]) -> Node:
    """Numbers from `first` by `step` along the one axis that is longer than 1, as of np.arange.

    ``first + step * k`` with the integers k as running sums of ones.
    """
    dtype, axis = first.dtype, next(k for k, length in enumerate(shape) if length != 1)
    ones = Node(broadcast_to, (dtype.type(1),), {"shape": shape}, shape, dtype)
    counted = Node(cumsum, (ones,), {"axis": axis}, shape, dtype)
    before = Node(PRIMITIVES["np.subtract"], (counted, dtype.type(1)), {}, shape, dtype)
    scaled = Node(PRIMITIVES["np.multiply"], (before, step), {}, shape, dtype)
    return Node(PRIMITIVES["np.add"], (scaled, first), {}, shape, dtype)


def _same_op(a: Op, b: Op) -> bool:
    """Compare operations; one that a function defines anew at every call is the same where its code and values are."""
    if a is b:
        return True
    f, g = getattr(a.evaluate, "__code__", None), getattr(b.evaluate, "__code__", None)
    cells = [[cell.cell_contents for cell in getattr(op.evaluate, "__closure__", None) or ()] for op in (a, b)]
    return (
        f is not None
        and f is g
        and a.name == b.name
        and all(x is y or (type(x) is type(y) and _same(x, y)) for x, y in zip(*cells, strict=True))
    )


def _same(s: Any, t: Any) -> bool:
    if isinstance(s, np.ndarray):
        return s.shape == t.shape and s.dtype == t.dtype and _bits(s) == _bits(t)
    if isinstance(s, (float, complex, np.inexact)):
        return _bits(np.asarray(s)) == _bits(np.asarray(t))
    return bool(s == t)


def _bits(x: np.ndarray[Any, Any]) -> bytes:
    return x.tobytes()


def _all_same(x: np.ndarray[Any, Any], first: Any) -> bool:
    return bool(np.all((x == first) | ((x != x) & (first != first))))


def _short(x: Any) -> str:
    return constant_text(x) if isinstance(x, (np.ndarray, np.generic)) else repr(x)
