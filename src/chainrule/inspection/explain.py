"""A small function explained: its forward pass, and the derivation of its derivative node by node."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import tree
from chainrule.differentiate.reverse import accumulate, local_derivative
from chainrule.errors import TraceError
from chainrule.evaluate import node_values
from chainrule.graph import Graph, Node
from chainrule.inspection.explain_names import Derivatives, derivatives_in, formula_text, names_of_values
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.text import render_table, value_text
from chainrule.inspection.unrolling import unrolled
from chainrule.trace import trace

if TYPE_CHECKING:
    from chainrule.inspection.expansion import Expanded

__all__ = ["Explanation", "Step", "Use", "explain"]


@dataclass(frozen=True)
class Use:
    """One place where a value is used, and so one path on which a derivative comes back.

    Attributes
    ----------
    by : str
        Name of the value computed from it.
    derivative : number or array
        Derivative of the output by that value.
    local : number, array or None
        Derivative of that value by this one; None where the operation moves entries or sums them, so that the local
        derivative is a matrix that is never formed.
    contribution : number or array
        What comes back on this path.
    """

    by: str
    derivative: Any
    local: Any
    contribution: Any


@dataclass(frozen=True)
class Step:
    """One node of the graph.

    Attributes
    ----------
    name : str
        ``v1``, ``v2`` and so on; an input has the name of its argument.
    formula : str
        How it is computed; empty for an input.
    value : number or array
        From the forward pass.
    uses : tuple of Use
        Where it is used, in the order of the backward pass.
    derivative : number or array
        Derivative of the output by it: the sum over its uses.
    group : str or None
        The NumPy function that the operation is a part of.
    """

    name: str
    formula: str
    value: Any
    uses: tuple[Use, ...]
    derivative: Any
    group: str | None

    @property
    def is_real(self) -> bool:
        """Whether a derivative comes back to it, unlike to a decision or an index."""
        return isinstance(self.value, tuple) or np.asarray(self.value).dtype.kind not in "biu"


@dataclass(frozen=True)
class Explanation:
    """What `explain` returns; printing it shows both tables.

    Attributes
    ----------
    name : str
        Name of the function.
    steps : tuple of Step
        Every node, inputs first, in topological order.
    graph : Graph
        What was recorded.
    values : dict
        The value of each node, in the order of `steps`.
    notation : Notation
        How derivatives are written.
    """

    name: str
    steps: tuple[Step, ...]
    graph: Graph = field(repr=False)
    values: dict[Node, Any] = field(repr=False)
    notation: Notation = field(repr=False)

    def __str__(self) -> str:
        steps = self.forward()
        # Without a step that is a part of some function, that column says nothing.
        width = 4 if any(row[3] for row in steps) else 3
        columns = ("", "computed as", "value", "part of")[:width]
        forward = render_table("forward", columns, [row[:width] for row in steps], numbers=(2,))
        backward = render_table("backward", ("", "", *self.heads), self.backward(), numbers=(3, 4))
        return f"{self.call}\n\n{forward}\n\n{backward}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from chainrule.inspection.html import explanation_html

        return explanation_html(self)

    @property
    def derivatives(self) -> Derivatives:
        """How the derivative by a value is written."""
        return derivatives_in(self.notation, (step.name for step in self.steps))

    @property
    def heads(self) -> tuple[str, str, str]:
        """Of the last columns of the table of the backward pass."""
        if self.notation.bars:
            return "error signal of what uses it", "local derivative", "error signal"
        return "derivative by what uses it", "local derivative", "derivative by it"

    @property
    def call(self) -> str:
        """The function with the values of its arguments."""
        inputs = [step for step in self.steps if not step.formula]
        return f"{self.name}({', '.join(f'{step.name} = {value_text(step.value)}' for step in inputs)})"

    def derivation(self) -> str:
        """Write the backward pass as a lecturer does at the board: every step with its symbols, then its numbers.

        Returns
        -------
        str
            A paragraph for each value, from the output back to the arguments. Where several paths meet, each has its
            line, and they are added.
        """
        from chainrule.inspection.explain_derivation import derivation_text

        return derivation_text(self)

    def markdown(self) -> str:
        """Write both passes in Markdown, with the formulas in LaTeX between dollar signs.

        Returns
        -------
        str
            A table of the forward pass, and the derivation.
        """
        from chainrule.inspection.explain_derivation import derivation_markdown

        return derivation_markdown(self)

    def latex(self) -> str:
        r"""Write both passes in LaTeX.

        Returns
        -------
        str
            Two environments ``aligned``, to stand between ``\\[`` and ``\\]``.
        """
        from chainrule.inspection.explain_derivation import derivation_latex

        return derivation_latex(self)

    def expanded(self) -> "Expanded":
        """Expand the derivative as in a calculus class: a sum over all paths, every factor written out each time.

        Returns
        -------
        Expanded
            The sum by each argument, how often each value is computed in it, and the number of multiplications beside
            that of the backward pass.
        """
        from chainrule.inspection.expansion import expanded

        return expanded(self)

    def html(self, path: str | Path | None = None) -> str:
        """Make a page on which one steps forward and backward through the drawn graph, and changes the inputs.

        Parameters
        ----------
        path : path, optional
            A file to write it to, too.

        Returns
        -------
        str
            The page; it needs nothing from elsewhere.

        Raises
        ------
        OptionError
            Where the function has an operation that the page cannot compute, which is named, or an array of more than
            64 entries.
        """
        from chainrule.inspection.stepping import stepping_page

        page = stepping_page(self)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def forward(self) -> list[tuple[str, ...]]:
        """Name, formula, value and group of every step that computes, as texts."""
        return [
            (step.name, step.formula, value_text(step.value), step.group or "") for step in self.steps if step.formula
        ]

    def backward(self) -> list[tuple[str, ...]]:
        """For every use of every value, from the last: name, sign, path, local derivative and derivative, as texts.

        Name and derivative stand once for a value that is used several times: in its first and in its last row.
        """
        rows: list[tuple[str, ...]] = []
        output = self.steps[-1].name
        for step in reversed(self.steps):
            if not step.is_real:
                continue  # A decision or an index: nothing comes back to it.
            derivative = value_text(step.derivative)
            if not step.uses:
                reason = "the output itself" if step.name == output else "not used, or only where the derivative is 0"
                rows.append((step.name, "", reason, "", derivative))
                continue
            for k, use in enumerate(step.uses):
                last = k == len(step.uses) - 1
                local = "a sum or a move of entries" if use.local is None else value_text(use.local)
                path = f"{value_text(use.derivative)} by {use.by}"
                rows.append(
                    (
                        step.name if k == 0 else "",
                        "" if k == 0 else "+",
                        path,
                        local,
                        derivative if last else "",
                    )
                )
        return rows


def explain(f: Callable[..., Any], *, notation: str | Notation = "chainrule") -> Callable[..., Explanation]:
    """Explain a function: every step forward, and how its derivative comes about on the way back.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number; best a small one. Of `scan`, `while_loop` and `cond` the
        steps that ran are shown.
    notation : str or Notation
        A key of `chainrule.inspection.NOTATIONS`: how derivatives are written, such as ``dC/dv1`` for Nielsen's cost,
        or with bars as Grosse does.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns an `Explanation`, which prints as two tables: the values in topological
        order, and backward the derivative of the output by each of them. A value that is used in several places has
        one line for each path; the products of the two derivatives on a line are added over the lines.

    Raises
    ------
    OptionError
        Where there is no such notation.
    TraceError
        Where `f` does something that cannot be followed, or does not return one real number.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import explain
    >>> explain(lambda w, x: (w * x - 1.0) ** 2 + w)(3.0, 2.0)
    <lambda>(w = 3, x = 2)
    <BLANKLINE>
    forward
         computed as   value
    ────────────────────────
    v1   w * x             6
    v2   v1 - 1.0          5
    v3   v2 ** 2          25
    v4   v3 + w           28
    <BLANKLINE>
    backward
             derivative by what uses it   local derivative   derivative by it
    ─────────────────────────────────────────────────────────────────────────
    v4       the output itself                                              1
    v3       1 by v4                                     1                  1
    v2       1 by v3                                    10                 10
    v1       10 by v2                                    1                 10
    x        10 by v1                                    3                 30
    w        1 by v4                                     1
         +   10 by v1                                    2                 21
    """
    written = notation_of(notation)

    def explained(*args: Any) -> Explanation:
        leaves = [float(leaf) if type(leaf) is int else leaf for leaf in tree.leaves(args)]
        graph = unrolled(trace(f)(*args), leaves)
        return _explanation(graph, node_values(graph, *leaves), written)

    return explained


def _explanation(graph: Graph, values: dict[Node, Any], notation: Notation) -> Explanation:
    output = _output(graph)
    order = list(values)
    entries = _tape(values)
    tape = [entries[node] for node in order if node.op is not None]
    derivatives = accumulate(
        tape, {entries[output]: np.ones((), output.dtype)[()]}, list(entries.values()), retain=True
    )
    found = dict(zip(order, derivatives, strict=True))
    names = names_of_values(order)
    uses: dict[Node, list[Use]] = {node: [] for node in order}
    for node in reversed(order):
        if node.op is None or found[node] is None or node.op.is_constant:
            continue
        for i, source in enumerate(node.inputs):
            if isinstance(source, Node):
                uses[source].append(_use(entries[node], i, found[node], names[node]))
    return Explanation(
        graph.name,
        tuple(
            Step(
                names[node],
                formula_text(node, names) if node.op is not None else "",
                values[node],
                tuple(uses[node]),
                found[node] if found[node] is not None else _zeros(node),
                node.group,
            )
            for node in order
        ),
        graph,
        values,
        notation,
    )


def _zeros(node: Node) -> Any:
    """The derivative by what the output does not depend on."""
    return [None] * len(node.shape) if isinstance(node.dtype, tuple) else np.zeros(node.shape)[()]


def _tape(values: dict[Node, Any]) -> dict[Node, Node]:
    """For each node of a graph one that holds the values that the rules of its derivative read."""
    made: dict[Node, Node] = {}
    for node in values:
        inputs = tuple(made[x] if isinstance(x, Node) else x for x in node.inputs)
        kept = (values[node], *(values[x] if isinstance(x, Node) else x for x in node.inputs))
        made[node] = Node(node.op, inputs, node.params, node.shape, node.dtype, node.weak, node.group, kept)
    return made


def _output(graph: Graph) -> Node:
    if len(graph.outputs) != 1 or not isinstance(graph.outputs[0], Node):
        raise TraceError(f"{graph.name} should return one real number that depends on its arguments to be explained.")
    output: Node = graph.outputs[0]
    if output.shape != () or output.dtype.kind != "f":
        raise TraceError(
            f"{graph.name} returned an array of shape {output.shape} and dtype {output.dtype}; to be explained it "
            "should return one real number."
        )
    return output


def _use(node: Node, i: int, derivative: Any, name: str) -> Use:
    values = node.kept
    source = node.inputs[i]
    # The contribution is what the one backward pass makes of this edge alone.
    inputs = tuple(source if k == i else value for k, value in enumerate(values[1:]))
    alone = Node(node.op, inputs, node.params, node.shape, node.dtype, node.weak, None, values)
    (contribution,) = accumulate([alone], {alone: derivative}, [source])
    if contribution is None:
        contribution = _zeros(source)
    local = None
    if node.op.partials is not None:
        with np.errstate(all="ignore"):
            local = local_derivative(node.op.partials[i], values)
    return Use(name, derivative, local, contribution)
