"""The edges of an explained function: on each the local derivative as a formula and as a number."""

from dataclasses import dataclass

from chainrule.graph import Graph, Node
from chainrule.inspection.explain import Explanation, Use
from chainrule.inspection.explain_names import names_of_values
from chainrule.inspection.formulas import latex_name, latex_text, plain_text
from chainrule.inspection.local_formulas import contribution_graph, local_graph
from chainrule.inspection.numpy_expressions import UNARY, Expression

__all__ = ["Edge", "edges_of"]


@dataclass(frozen=True)
class Edge:
    """The way of a derivative from one value back to one that it was computed from.

    Attributes
    ----------
    source : str
        Name of the value that is differentiated by.
    by : str
        Name of the value computed from it.
    is_factor : bool
        True where the local derivative is a factor. Otherwise, for sums, products of matrices and moves of entries,
        `text` is the whole contribution.
    text, latex : Expression
        The formula that the table of operations states, in terms of the named values.
    reads : tuple of str
        The values that the formula reads.
    use : Use
        The numbers.
    graph : Graph or None
        The formula; None where it is no formula but a program, as for a loop.
    arguments : tuple of str
        What the inputs of the graph are: values by name, and the derivative that arrives as ``d:`` and a name.
    """

    source: str
    by: str
    is_factor: bool
    text: Expression
    latex: Expression
    reads: tuple[str, ...]
    use: Use
    graph: Graph | None
    arguments: tuple[str, ...]

    def product(self, derivative: str) -> str:
        """The contribution as text, given the name of the derivative that arrives."""
        return f"{derivative} * {self.text.within(UNARY + 1)}" if self.is_factor else self.text.text

    def latex_product(self, derivative: str) -> str:
        """The contribution in LaTeX."""
        if not self.is_factor:
            return self.latex.text
        local = self.latex.text if self.latex.place > UNARY else rf"\left({self.latex.text}\right)"
        return rf"{derivative} \cdot {local}"


def edges_of(explanation: Explanation) -> dict[str, tuple[Edge, ...]]:
    """List, for each value, the edges on which its derivative arrives, in the order of its uses.

    Parameters
    ----------
    explanation : Explanation
        The explained function.

    Returns
    -------
    dict of str to tuple of Edge
        By the name of the value.
    """
    order = list(explanation.values)
    names = names_of_values(order)
    uses = {step.name: iter(step.uses) for step in explanation.steps}
    found: dict[str, list[Edge]] = {step.name: [] for step in explanation.steps}
    reached = {step.name for step in explanation.steps if step.uses} | {explanation.steps[-1].name}
    for node in reversed(order):
        if node.op is None or node.op.is_constant or names[node] not in reached:
            continue
        for i, source in enumerate(node.inputs):
            use = next(uses[names[source]], None) if isinstance(source, Node) else None
            if use is not None and isinstance(source, Node):
                found[names[source]].append(_edge(explanation, node, i, names, use))
    return {name: tuple(edges) for name, edges in found.items()}


def _edge(explanation: Explanation, node: Node, i: int, names: dict[Node, str], use: Use) -> Edge:
    values = explanation.values
    own = (values[node], *(values[x] if isinstance(x, Node) else x for x in node.inputs))
    whole = (names[node], *(names[x] if isinstance(x, Node) else "" for x in node.inputs))
    source = whole[i + 1]
    local = local_graph(node, i, own)
    if local is not None:
        graph, places = local
        reads = tuple(whole[k] for k in places)
        latex = latex_text(graph, [latex_name(name) for name in reads])
        return Edge(source, use.by, True, plain_text(graph, reads), latex, reads, use, graph, reads)
    contribution = contribution_graph(node, i, use.derivative, own)
    given = tuple(name for name in whole if name)
    derivatives = explanation.derivatives
    arrives = derivatives.text(names[node])
    if contribution is None:
        text = Expression(f"pulled back through {node.name}({arrives})")
        return Edge(source, use.by, False, text, Expression(rf"\text{{{node.name}}}"), given, use, None, ())
    fraction = derivatives.latex(names[node])
    arguments = (f"d:{names[node]}", *given)
    used = {x for inner in contribution.nodes for x in inner.inputs if isinstance(x, Node)}
    reads = tuple(name for name, x in zip(arguments, contribution.inputs, strict=True) if x in used and name in given)
    # A bar is part of its letter, and needs no parentheses.
    symbol = Expression(arrives) if derivatives.bars else arrives
    text = plain_text(contribution, (symbol, *given))
    latex = latex_text(contribution, (fraction, *map(latex_name, given)))
    return Edge(source, use.by, False, text, latex, reads, use, contribution, arguments)
