"""A small function explained: its forward pass, and the derivation of its derivative node by node."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate.reverse import accumulate, local_derivative
from chainrule.errors import TraceError
from chainrule.evaluate import node_values
from chainrule.graph import Graph, Node, constant_text
from chainrule.inspection.text import render_table, value_text
from chainrule.trace import trace

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


@dataclass(frozen=True)
class Explanation:
    """What `explain` returns; printing it shows both tables.

    Attributes
    ----------
    name : str
        Name of the function.
    steps : tuple of Step
        Every node, inputs first, in topological order.
    """

    name: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        inputs = [step for step in self.steps if not step.formula]
        call = f"{self.name}({', '.join(f'{step.name} = {value_text(step.value)}' for step in inputs)})"
        return f"{call}\n\n{self._forward()}\n\n{self._backward()}"

    __repr__ = __str__

    def _forward(self) -> str:
        rows = [
            (step.name, step.formula, value_text(step.value), step.group or "") for step in self.steps if step.formula
        ]
        columns = ["", "computed as", "value", "part of"]
        if not any(row[3] for row in rows):
            rows, columns = [row[:3] for row in rows], columns[:3]  # type: ignore[misc]
        return render_table("forward", columns, rows, numbers=(2,))

    def _backward(self) -> str:
        rows = []
        output = self.steps[-1].name
        for step in reversed(self.steps):
            if np.asarray(step.value).dtype.kind in "biu":
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
        columns = ("", "", "derivative by what uses it", "local derivative", "derivative by it")
        return render_table("backward", columns, rows, numbers=(3, 4))


def explain(f: Callable[..., Any]) -> Callable[..., Explanation]:
    """Explain a function: every step forward, and how its derivative comes about on the way back.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number; best a small one.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns an `Explanation`, which prints as two tables: the values in topological
        order, and backward the derivative of the output by each of them. A value that is used in several places has
        one line for each path; the products of the two derivatives on a line are added over the lines.

    Raises
    ------
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

    def explained(*args: Any) -> Explanation:
        graph = trace(f)(*args)
        leaves = [float(leaf) if type(leaf) is int else leaf for leaf in tree.leaves(args)]
        return _explanation(graph, node_values(graph, *leaves))

    return explained


def _explanation(graph: Graph, values: dict[Node, Any]) -> Explanation:
    output = _output(graph)
    order = list(values)
    entries = _tape(values)
    tape = [entries[node] for node in order if node.op is not None]
    derivatives = accumulate(tape, {entries[output]: 1.0}, list(entries.values()), retain=True)
    found = dict(zip(order, derivatives, strict=True))
    names = _names(order)
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
                _formula(node, names) if node.op is not None else "",
                values[node],
                tuple(uses[node]),
                found[node] if found[node] is not None else np.zeros(node.shape)[()],
                node.group,
            )
            for node in order
        ),
    )


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
        contribution = np.zeros(source.shape)[()]
    local = None
    if node.op.partials is not None:
        with np.errstate(all="ignore"):
            local = local_derivative(node.op.partials[i], values)
    return Use(name, derivative, local, contribution)


def _names(order: list[Node]) -> dict[Node, str]:
    count = itertools.count(1)
    return {node: node.name if node.op is None else f"v{next(count)}" for node in order}


_INFIX = {
    "np.add": "+",
    "np.subtract": "-",
    "np.multiply": "*",
    "np.divide": "/",
    "np.power": "**",
    "np.matmul": "@",
}


def _formula(node: Node, names: dict[Node, str]) -> str:
    texts = [names[x] if isinstance(x, Node) else constant_text(x) for x in node.inputs]
    if node.name in _INFIX:
        return f" {_INFIX[node.name]} ".join(texts)
    if node.name == "np.negative":
        return f"-{texts[0]}"
    if node.name == "index" and len(texts) == 1:
        return f"{texts[0]}[{', '.join(_index_text(part) for part in node.params['template'])}]"
    texts += [f"{name}={value!r}" for name, value in node.params.items() if value is not None and value is not False]
    return f"{node.name.rsplit('.', 1)[-1]}({', '.join(texts)})"


def _index_text(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends) + (f":{part.step}" if part.step is not None else "")
    return "..." if part is Ellipsis else str(part)
