"""A program for people to read: what runs in which order, what shares a loop, and where each value stands."""

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.graph import Graph, Node, names_of, operation_text, type_text
from chainrule.native.control_bodies import quick_form
from chainrule.native.grouping import Followed, Group
from chainrule.native.lowering import through_numpy
from chainrule.native.program import TROUBLE_PLACE, Program
from chainrule.native.regions import Region
from chainrule.native.sharing import is_shared
from chainrule.native.sizes import Size
from chainrule.native.touching import Part, groups_of

__all__ = ["memory_lines", "run_lines"]

#: Longer lines do not push the places of all others to the right.
_WIDEST = 100


def run_lines(program: Program, n: int) -> Iterator[str]:
    """List what runs, in its order, and where the value of each operation stands.

    Parameters
    ----------
    program : Program
        The program.
    n : int
        The leading size for which places are told, where it is open.

    Yields
    ------
    str
        A line.
    """
    places = _Places(program, n)
    shown: set[Node] = set()
    rows: list[tuple[str, str]] = []
    indent = "   "
    for number, part in enumerate(program.parts, 1):
        rows.append((f"{number}. {_title(part)}", ""))
        for group in groups_of(part):
            inner = indent
            if not isinstance(part, Group):
                rows.append((f"{indent}{_title(group)}", ""))
                inner = 2 * indent
            nodes = [x for node in group.nodes for x in (node, *places.outputs_of(node))]
            shown.update(nodes)
            rows += [(inner + places.operation(node), places.where(node)) for node in nodes]
    views = [node for node in program.graph.nodes if node not in shown]
    if views:
        rows.append(("Views, for which nothing runs", ""))
        rows += [(indent + places.operation(node), places.where(node)) for node in views]
    width = max((len(left) for left, right in rows if right and len(left) <= _WIDEST), default=0)
    for left, right in rows:
        yield f"{left:<{width}}  {right}" if right else left


def memory_lines(program: Program, sizes: Sequence[int]) -> Iterator[str]:
    """Say how much memory a call takes besides its arguments and results.

    Parameters
    ----------
    program : Program
        The program.
    sizes : sequence of int
        The leading sizes to tell it for.

    Yields
    ------
    str
        A line.
    """
    seen = {program.places[node] for node in program.graph.nodes if node in program.places}
    for n in sizes:
        total, starts = program.layout(n)
        alone = sum(program.buffers[place].bytes(n) for place in starts)
        at = f" for {n} rows" if program.graph.is_open else ""
        inner = len(starts.keys() - seen - {TROUBLE_PLACE})
        inside = f", {inner} of them inside of loops, branches and blocks" if inner else ""
        saved = f"; side by side they would take {alone}" if alone > total else ""
        yield f"workspace{at}: {total} bytes for {_counted(len(starts), 'value')}{inside}{saved}"
    if program.constants:
        held = sum(array.nbytes for array in program.constants.values())
        yield f"held with the program: {held} bytes of {_counted(len(program.constants), 'constant array')}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _title(part: Part) -> str:
    """What a part of a program is."""
    if isinstance(part, Followed):
        return f"Slices of up to {part.rows} rows of a product, each read while it is in the cache, shared by threads"
    if isinstance(part, Region):
        threads = ", shared by threads" if part.is_shared else ""
        return f"Blocks of {part.block} rows, each through all of this{threads}"
    if part.domain is None:
        return "Through NumPy, for lack of a native form" if through_numpy(part) else _name(part.nodes[0])
    if not part.domain.shape:
        return "Numbers"
    over = " x ".join(map(_size, part.domain.shape))
    what = f"One loop over {over} {'rows' if part.domain.by_rows else 'entries'}"
    return f"{what}, shared by threads" if is_shared(part) else what


def _name(node: Node) -> str:
    """What an operation by itself is."""
    name = _NAMES.get(node.op.name, "By itself")
    body = node.params.get("body")
    if isinstance(body, Graph) and quick_form(body) is not None:
        return f"{name}, without the care for infinite derivatives unless a NaN comes out"
    return name


_NAMES = {
    "np.matmul": "Product",
    "np.einsum": "Product",
    "chainrule.cond": "Branch",
    "chainrule.scan": "Loop of a fixed number of steps",
    "chainrule.while_loop": "Loop",
}


def _size(size: Size) -> str:
    """A length as a formula in the leading size."""
    terms = [
        str(c) if power == 0 else f"{'' if c == 1 else c}n{f'^{power}' if power > 1 else ''}"
        for power, c in reversed(list(enumerate(size.coefficients)))
        if c
    ]
    return " + ".join(terms) or "0"


class _Places:
    """Where the values of a program stand, in words."""

    def __init__(self, program: Program, n: int) -> None:
        self._program, self._n = program, n
        self._names = names_of(program.graph)
        _, self._starts = program.layout(n)
        self._outputs: dict[Node, list[Node]] = {}
        for node in program.graph.nodes:
            if node.op.name == "output":
                self._outputs.setdefault(node.inputs[0], []).append(node)
        self._arguments = {program.places[x]: x.name for x in program.graph.inputs}
        self._results: dict[int, int] = {}
        for k, x in enumerate(program.graph.outputs):
            if isinstance(x, Node):
                self._results.setdefault(program.places[x], k)
        several = [part for part in program.parts if isinstance(part, Region | Followed)]
        self._local = {
            node: "slice" if isinstance(part, Followed) else "block" for part in several for node in part.local
        }
        self._in_numpy = {node for group in program.groups if through_numpy(group) for node in group.nodes}
        # In a place that loops write over, the value before, and the number of the loop that ends it.
        self._over: dict[Node, Node] = {}
        self._ended: dict[Node, int] = {}
        held: dict[int, Node] = {}
        for number, part in enumerate(program.parts, 1):
            nodes = [x for group in groups_of(part) for node in group.nodes for x in (node, *self.outputs_of(node))]
            for node in nodes:
                place = program.places.get(node)
                if place in held and place not in self._results:
                    self._over[node] = held[place]
                    self._ended[held[place]] = number
                if place is not None:
                    held[place] = node
        self._last = [-1 if life is None else life[1] for life in program.memory.lives]

    def outputs_of(self, node: Node) -> list[Node]:
        """The outputs that are read of an operation with several."""
        return self._outputs.get(node, [])

    def operation(self, node: Node) -> str:
        """An operation and its value's type."""
        return f"{self._names[node]} = {operation_text(node, self._names)}  {type_text(node)}"

    def where(self, node: Node) -> str:
        """Where its value stands."""
        if isinstance(node.dtype, tuple):
            return ""
        program = self._program
        place = program.places.get(node)
        if place is None:
            view = self._viewed(node)
            return "in registers" if view is None else f"a view of {view}"
        if place in self._results:
            over = self._arguments.get(place)
            return f"result {self._results[place]}" + ("" if over is None else f", written over {over}")
        if node in self._local:
            return f"on the stack of a {self._local[node]}"
        source = node.inputs[0] if node.op.name == "output" else node
        if source in self._in_numpy:
            return "an array of NumPy's"
        if None in node.shape:
            return "memory that grows while it runs"
        size = program.buffers[place].bytes(self._n)
        until = self._ended.get(node, self._last[place] + 1)
        kept = f"until {until}" if until <= len(program.parts) else "until the end"
        over = f", over {self._names[self._over[node]]}" if node in self._over else ""
        return f"workspace at byte {self._starts[place]}, {size} bytes, {kept}{over}"

    def _viewed(self, node: Node) -> str | None:
        """What a view shows."""
        try:
            buffer: Any = self._program.access(node).buffer
        except KeyError:
            return None
        return self._names[buffer] if isinstance(buffer, Node) else "a constant array"
