"""Which operations share one loop.

Elementwise operations over one shape, and reductions of what they compute, are put into one group and run entry by
entry, so that what is between them stays in registers. Where rows are short and sums along them are needed, as in a
softmax over some classes, a group runs row by row instead, several rows side by side, and such sums stay in registers
too. Two groups are joined only where nothing computed between them is needed: groups and what they need stay a directed
graph without cycles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chainrule.graph import Graph, Node
from chainrule.native.access import Access, shape_sizes, strangers
from chainrule.native.sizes import ONE, Size
from chainrule.native.windows import windows_of
from chainrule.ops.axes import normalize_axes

__all__ = ["REDUCTIONS", "Domain", "Followed", "Group", "grouped"]

#: Reductions that are computed in the loop which makes what they reduce.
REDUCTIONS = frozenset({"np.sum", "np.max", "np.min", "np.prod", "np.any", "np.all", "np.count_nonzero"})


#: Rows of up to so many entries are held in registers, one for each column.
_WIDEST_ROW = 16
#: With fewer rows most of a register would be empty.
_FEWEST_ROWS = 4


@dataclass(frozen=True)
class Domain:
    """What a loop runs over.

    Attributes
    ----------
    shape : tuple of Size
        A shape, entry by entry; or the number of rows alone.
    by_rows : bool
        Whether whole rows are handled.
    """

    shape: tuple[Size, ...]
    by_rows: bool = False


@dataclass(eq=False)
class Group:
    """Operations that run in one loop, or one operation that runs by itself.

    Attributes
    ----------
    domain : Domain or None
        What the loop runs over; None for an operation by itself.
    nodes : list of Node
        In topological order.
    in_blocks : bool
        Whether it runs over so many rows as it is told, though the graph knows their number.
    """

    domain: Domain | None
    nodes: list[Node] = field(default_factory=list)
    number: int = 0
    reach: int = 0  # The groups that have to run before, and this one, as bits.
    before: dict[int, bool] = field(default_factory=dict)  # Direct ones; True where their loop has to have ended.
    in_blocks: bool = False


@dataclass(frozen=True, eq=False)
class Followed:
    """A product and the loop that follows it, slice by slice of their rows.

    Attributes
    ----------
    product, loop : Group
        Both of them.
    rows : int
        Of a slice, at most.
    local : tuple of Node
        The product, where nothing but the loop reads it.
    """

    product: Group
    loop: Group
    rows: int
    local: tuple[Node, ...] = ()

    @property
    def groups(self) -> list[Group]:
        """Both, in order."""
        return [self.product, self.loop]


def grouped(
    graph: Graph, is_elementwise: Callable[[Node], bool], views: Mapping[Node, Access]
) -> tuple[list[Group], dict[Node, Access]]:
    """Divide the operations of a graph into groups.

    Parameters
    ----------
    graph : Graph
        After the passes.
    is_elementwise : callable
        Says of an operation whether it can run in a loop.
    views : mapping
        The operations that move no entries.

    Returns
    -------
    groups : list of Group
        In an order in which they can run.
    views : dict
        Those of `views` that belong to no group.
    """
    grouping = _Grouping(graph, is_elementwise, views)
    return grouping.run(graph), grouping.views


class _Grouping:
    def __init__(self, graph: Graph, is_elementwise: Callable[[Node], bool], views: Mapping[Node, Access]) -> None:
        self._outside = strangers(graph)
        self._elementwise = {
            node for node in graph.nodes if node not in views and node not in self._outside and is_elementwise(node)
        }
        #: What is put together of parts; see `chainrule.native.windows`.
        self._put_together = {
            node for node in graph.nodes if node not in self._outside and windows_of(node) is not None
        }
        self._elementwise |= self._put_together
        self.views = dict(views)
        self._groups: dict[int, Group] = {}
        self._count = 0
        self._home: dict[Node, Group] = {}
        self._readers: dict[Node, list[Node]] = {}
        #: Shapes of which rows are summed.
        self._rows = {
            shape_sizes(node.inputs[0].shape)
            for node in graph.nodes
            if node not in self._outside and self._sums_short_rows(node)
        }

    @staticmethod
    def _sums_short_rows(node: Node) -> bool:
        if not _is_along_rows(node) or not 1 < _width(node.inputs[0]) <= _WIDEST_ROW:
            return False
        rows = shape_sizes(node.inputs[0].shape)[0]
        return not rows.is_known or rows.known() >= _FEWEST_ROWS

    def run(self, graph: Graph) -> list[Group]:
        order = {node: k for k, node in enumerate(graph.nodes)}
        for node in order:
            domain = self._domain(node)
            if node in self.views:
                if domain is None or not domain.by_rows:
                    continue
                del self.views[node]
            if domain is None:
                self._new(node, None, self._needs(node, None))
            else:
                self._add(node, domain)
        for group in self._groups.values():
            group.nodes.sort(key=order.__getitem__)
        return self._sorted(order)

    def _domain(self, node: Node) -> Domain | None:
        if node in self._outside:
            return None
        is_reduction = node.op.name in REDUCTIONS and isinstance(node.inputs[0], Node)
        if is_reduction or node in self._elementwise:
            shape = shape_sizes(node.inputs[0].shape if is_reduction else node.shape)
            by_rows = None if node in self._put_together else self._by_rows(shape)
            return by_rows or Domain(shape)
        if node.op.name == "np.reshape" and node in self.views:
            # A column as a vector, or the other way round, of what a loop over rows has at hand.
            source = node.inputs[0]
            home = self._home.get(source)
            has_rows = home is not None and home.domain is not None and home.domain.by_rows
            if home is not None and has_rows and not _is_over_rows(source) and _is_column(node, source):
                return home.domain
        return None

    def _by_rows(self, shape: tuple[Size, ...]) -> Domain | None:
        for rows in self._rows:
            if shape[:1] == rows[:1] and shape[1:] in ((), (ONE,), rows[1:]):
                return Domain(rows[:1], by_rows=True)
        return None

    def _needs(self, node: Node, joined: Domain | None) -> dict[int, bool]:
        """The groups that a node reads, and whether they have to have ended; a loop over `joined` could take it up."""
        found: dict[int, bool] = {}
        for source in node.inputs:
            if not isinstance(source, Node):
                continue
            moved = False
            if source in self.views:
                source, moved = self.views[source].buffer, True
            home = self._home.get(source)
            if home is None:
                continue
            soft = not moved and joined is not None and home.domain == joined and self._is_at_hand(source, node, joined)
            found[home.number] = found.get(home.number, False) or not soft
        return found

    def _is_at_hand(self, source: Node, node: Node, domain: Domain) -> bool:
        """True where the loop that computes `source` has it in a register when it comes to `node`."""
        if not domain.by_rows:
            return source in self._elementwise and shape_sizes(source.shape) == domain.shape
        if _is_over_rows(source):
            return False
        # A vector beside a matrix is a row of it for NumPy.
        return node.op.name in _ONE_INPUT or len(source.shape) == max(len(source.shape), len(node.shape))

    def _new(self, node: Node, domain: Domain | None, needs: dict[int, bool]) -> Group:
        group = Group(domain, [node], self._count, before=needs)
        self._count += 1
        group.reach = 1 << group.number
        for number in needs:
            group.reach |= self._groups[number].reach
        self._groups[group.number] = group
        self._home[node] = group
        return group

    def _add(self, node: Node, domain: Domain) -> None:
        group = self._new(node, domain, self._needs(node, domain))
        # What it reads comes first; what reads the same follows, so that one loop reads it for all.
        near = [number for number, hard in group.before.items() if not hard]
        siblings = [
            self._home[other].number
            for source in node.inputs
            if isinstance(source, Node)
            for other in self._readers.get(source, ())
            if self._home[other].domain == domain
        ]
        for number in dict.fromkeys([*near, *siblings]):
            other = self._groups.get(number)
            if other is not None and other is not group and self._can_join(other, group):
                group = self._join(other, group)
        for source in node.inputs:
            if isinstance(source, Node):
                self._readers.setdefault(source, []).append(node)

    def _can_join(self, a: Group, b: Group) -> bool:
        if a.before.get(b.number, False) or b.before.get(a.number, False):
            return False
        return not any(self._groups[p].reach >> a.number & 1 for p in b.before if p != a.number) and not any(
            self._groups[p].reach >> b.number & 1 for p in a.before if p != b.number
        )

    def _join(self, a: Group, b: Group) -> Group:
        """Put the operations of `b` into `a`."""
        a.nodes += b.nodes
        for node in b.nodes:
            self._home[node] = a
        a.before = {k: v for k, v in _merged(a.before, b.before).items() if k not in (a.number, b.number)}
        a.reach = (a.reach | b.reach) & ~(1 << b.number)
        del self._groups[b.number]
        for group in self._groups.values():
            if b.number in group.before:
                hard = group.before.pop(b.number)
                group.before[a.number] = group.before.get(a.number, False) or hard
            if group.reach >> b.number & 1:
                group.reach = group.reach & ~(1 << b.number) | a.reach
            elif group.reach >> a.number & 1:
                group.reach |= a.reach
        return a

    def _sorted(self, order: dict[Node, int]) -> list[Group]:
        """Groups after what they need; of those that could be next, the one that was recorded first."""
        waiting = sorted(self._groups.values(), key=lambda group: order[group.nodes[-1]])
        done: set[int] = set()
        found: list[Group] = []
        while waiting:
            following = next(group for group in waiting if group.before.keys() <= done)
            waiting.remove(following)
            done.add(following.number)
            found.append(following)
        return found


_ONE_INPUT = REDUCTIONS | {"np.reshape"}


def _width(x: Node) -> int:
    """Length of a row; 0 where it is not known, or there are no rows."""
    if len(x.shape) != 2:
        return 0
    length = shape_sizes(x.shape)[1]
    return length.known() if length.is_known else 0


def _is_along_rows(node: Node) -> bool:
    """True for a reduction of each row of a matrix."""
    if node.op is None or node.op.name not in REDUCTIONS or not isinstance(node.inputs[0], Node):
        return False
    return len(node.inputs[0].shape) == 2 and normalize_axes(node.params["axis"], 2) == (1,)


def _is_over_rows(node: Node) -> bool:
    """True for a reduction that is not of each row: over the rows, or over everything."""
    return node.op is not None and node.op.name in REDUCTIONS and not _is_along_rows(node)


def _is_column(a: Node, b: Node) -> bool:
    """True for a vector and the same numbers as a column."""
    short, long = sorted((shape_sizes(a.shape), shape_sizes(b.shape)), key=len)
    return len(short) == 1 and long == (*short, ONE)


def _merged(a: dict[int, bool], b: dict[int, bool]) -> dict[int, bool]:
    return {k: a.get(k, False) or b.get(k, False) for k in (*a, *b)}
