"""A derivative expanded as in a calculus class: a sum over paths, with everything written out each time it occurs."""

from collections import Counter
from dataclasses import dataclass

from chainrule.graph import Node
from chainrule.inspection.explain import Explanation
from chainrule.inspection.explain_edges import Edge, edges_of
from chainrule.inspection.explain_names import Derivatives, names_of_values
from chainrule.inspection.formulas import plain_constant, plain_operation, plain_text
from chainrule.inspection.numpy_expressions import TIMES, Expression
from chainrule.inspection.text import render_table

__all__ = ["Expanded", "Expansion", "expanded"]

#: Paths that are listed, and characters that are written for a term; what there is beyond is counted.
_LISTED = 8
_WRITTEN = 400


@dataclass(frozen=True)
class Expansion:
    """The derivative by one argument as a sum over paths.

    Attributes
    ----------
    by : str
        The argument.
    paths : int
        How many paths lead from the output to it, and so how many terms the sum has.
    terms : tuple of tuple of (str, str)
        For the first of them the values on the path, joined by arrows, and the product of the local derivatives,
        written out in terms of the arguments; of a long one the names of the factors.
    multiplications : int
        To multiply the factors of all terms.
    """

    by: str
    paths: int
    terms: tuple[tuple[str, str], ...]
    multiplications: int


@dataclass(frozen=True)
class Expanded:
    """What `Explanation.expanded` returns; printing it shows the sums and the counts.

    Attributes
    ----------
    derivatives : Derivatives
        How the derivative by an argument is written.
    by : tuple of Expansion
        One for each argument (for each leaf of a tree) that is a real number or an array of them.
    computed : dict of str to int
        How often each value of the forward pass is computed when all of these sums are evaluated as they are written;
        once in the forward pass.
    factors : dict of (str, str) to int
        How often the local derivative of one value by another stands in all sums; once in the backward pass.
    formulas : dict of str to str
        How each value is computed.
    multiplications : int
        Of factors, in all sums.
    backward : int
        Multiplications with a local derivative in one backward pass, which gives the derivatives by all arguments.
    """

    derivatives: Derivatives
    by: tuple[Expansion, ...]
    computed: dict[str, int]
    factors: dict[tuple[str, str], int]
    formulas: dict[str, str]
    multiplications: int
    backward: int

    def __str__(self) -> str:
        parts = []
        for one in self.by:
            head = f"{self.derivatives.text(one.by)}: {one.paths:,} path{'' if one.paths == 1 else 's'}"
            lines = [f"    {'+ ' if k else '  '}{text}    ({path})" for k, (path, text) in enumerate(one.terms)]
            more = one.paths - len(one.terms)
            parts.append("\n".join([head, *lines, *([f"    + {more:,} more"] if more else [])]))
        rows = [(name, self.formulas[name], f"{times:,}", "1") for name, times in self.computed.items() if times]
        rows += [(f"d{by}/d{of}", "", f"{times:,}", "1") for (by, of), times in self.factors.items() if times > 1]
        rows.append(("multiplications of factors", "", f"{self.multiplications:,}", f"{self.backward:,}"))
        heads = ("", "computed as", "expanded", "forward and backward pass")
        parts.append(render_table("how often each is computed", heads, rows, numbers=(2, 3)))
        return "\n\n".join(parts)

    __repr__ = __str__


def expanded(explanation: Explanation) -> Expanded:
    """What `Explanation.expanded` returns."""
    edges = edges_of(explanation)
    steps = {step.name: step for step in explanation.steps}
    output = explanation.steps[-1].name
    names = names_of_values(explanation.values)
    order = [step.name for step in explanation.steps]
    wanted = [step.name for step in explanation.steps if not step.formula and step.is_real]
    ways = _ways(order, edges, output)
    trees = _occurrences(explanation, names)
    written = _written_out(explanation, names)
    down = {name: _paths_down(order, edges, name) for name in wanted}
    factors: Counter[tuple[str, str]] = Counter()
    computed: Counter[str] = Counter()
    for own in edges.values():
        for edge in own:
            times = ways[edge.by] * sum(down[name][edge.source] for name in wanted)
            factors[edge.by, edge.source] += times
            for name in edge.reads:
                reads = times * _count(edge, name)
                for inner, within in trees[name].items():
                    computed[inner] += reads * within
    expansions = tuple(_expansion(name, ways[name], edges, output, written) for name in wanted)
    # A path of n edges has n factors, and so n - 1 products; the sum over all paths counts edges, less paths.
    products = {name: _products(name, ways, down, edges) for name in wanted}
    backward = sum(
        1 for own in edges.values() for edge in own if edge.by != output and any(down[n][edge.source] for n in wanted)
    )
    return Expanded(
        explanation.derivatives,
        tuple(Expansion(one.by, one.paths, one.terms, products[one.by]) for one in expansions),
        {name: computed[name] for name in order if steps[name].formula and name != output},
        dict(factors),
        {step.name: step.formula for step in explanation.steps},
        sum(products.values()),
        backward,
    )


Edges = dict[str, tuple[Edge, ...]]


def _ways(order: list[str], edges: Edges, output: str) -> dict[str, int]:
    """Number of paths from the output to each value."""
    ways = {output: 1}
    for name in reversed(order):
        if name != output:
            ways[name] = sum(ways[edge.by] for edge in edges[name])
    return ways


def _paths_down(order: list[str], edges: Edges, target: str) -> dict[str, int]:
    """Number of paths from each value down to `target`."""
    down = dict.fromkeys(order, 0)
    down[target] = 1
    into: dict[str, list[str]] = {name: [] for name in order}
    for own in edges.values():
        for edge in own:
            into[edge.by].append(edge.source)
    for name in order:
        if name != target:
            down[name] = sum(down[source] for source in into[name])
    return down


def _products(name: str, ways: dict[str, int], down: dict[str, dict[str, int]], edges: Edges) -> int:
    total = sum(ways[edge.by] * down[name][edge.source] for own in edges.values() for edge in own)
    return total - ways[name]


def _occurrences(explanation: Explanation, names: dict[Node, str]) -> dict[str, Counter[str]]:
    """How often each value occurs in each other when that is written out in terms of the arguments."""
    found: dict[str, Counter[str]] = {}
    for node in explanation.values:
        own: Counter[str] = Counter({names[node]: 1})
        for x in node.inputs:
            if isinstance(x, Node):
                own.update(found[names[x]])
        found[names[node]] = own
    return found


def _count(edge: Edge, name: str) -> int:
    """How often a formula reads a value: 1 - ans * ans reads it twice."""
    if not edge.is_factor or edge.graph is None:
        return 1
    node = edge.graph.inputs[edge.reads.index(name)]
    places: dict[Node, int] = {node: 1}
    for inner in edge.graph.nodes:
        places[inner] = sum(places.get(x, 0) for x in inner.inputs if isinstance(x, Node))
    last = edge.graph.outputs[0]
    return places.get(last, 0) if isinstance(last, Node) else 0


def _written_out(explanation: Explanation, names: dict[Node, str]) -> dict[str, Expression]:
    """Each value in terms of the arguments; a long one by its name."""
    made: dict[str, Expression] = {}
    for node in explanation.values:
        name = names[node]
        made[name] = Expression(name)
        if node.op is not None:
            parts = [made[names[x]] if isinstance(x, Node) else plain_constant(x) for x in node.inputs]
            text = plain_operation(node, parts)
            made[name] = text if len(text.text) <= _WRITTEN else made[name]
    return made


def _expansion(name: str, paths: int, edges: Edges, output: str, written: dict[str, Expression]) -> Expansion:
    terms: list[tuple[str, str]] = []
    stack: list[tuple[str, tuple[Edge, ...]]] = [(name, ())]
    while stack and len(terms) < _LISTED:
        here, path = stack.pop()
        if here == output:
            terms.append(_term(path, output, written))
        stack += [(edge.by, (edge, *path)) for edge in reversed(edges[here])]
    return Expansion(name, paths, tuple(terms), 0)


def _term(path: tuple[Edge, ...], output: str, written: dict[str, Expression]) -> tuple[str, str]:
    route = " → ".join([output, *(edge.source for edge in path)])
    factors = []
    for edge in path:
        if not edge.is_factor or edge.graph is None:
            factors.append(f"d{edge.by}/d{edge.source}")
        else:
            local = plain_text(edge.graph, [written[read] for read in edge.reads])
            factors.append(local.within(TIMES + 2))
    text = " * ".join(factors) or "1"
    if len(text) > _WRITTEN:
        text = " * ".join(f"d{edge.by}/d{edge.source}" for edge in path)
    return route, text
