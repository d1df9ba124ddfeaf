"""Graphs as formulas, in one line of text or in LaTeX."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.graph import Graph, Node, constant_text
from chainrule.inspection.numpy_expressions import (
    ATOM,
    PLUS,
    POWER,
    TIMES,
    UNARY,
    Expression,
    constant_expression,
    operation_expression,
)

__all__ = [
    "latex_constant",
    "latex_name",
    "latex_operation",
    "latex_text",
    "plain_constant",
    "plain_operation",
    "plain_text",
]


#: Constant arrays up to this many entries are written out.
_WRITTEN_OUT = 6


def plain_text(graph: Graph, names: Sequence[str | Expression]) -> Expression:
    """Write what a graph computes in one line, as in NumPy without its prefix.

    Parameters
    ----------
    graph : Graph
        With one output.
    names : sequence of str or Expression
        What its inputs are called, or what stands for them.

    Returns
    -------
    Expression
        Text with its place in the order of precedence.
    """
    return _written(graph, [_named(name) for name in names], plain_operation, plain_constant)


def _written(
    graph: Graph,
    names: Sequence[Expression],
    operation: Callable[[Node, Sequence[Expression]], Expression],
    constant: Callable[[Any], Expression],
) -> Expression:
    made = dict(zip(graph.inputs, names, strict=True))

    def part(x: Any) -> Expression:
        return made[x] if isinstance(x, Node) else constant(x)

    for node in graph.nodes:
        made[node] = operation(node, [part(x) for x in node.inputs])
    return part(graph.outputs[0])


def plain_constant(x: Any) -> Expression:
    """Write a constant in plain text, a larger array by its type."""
    return Expression(constant_text(x)) if np.size(x) > _WRITTEN_OUT else constant_expression(x, plain=True)


def plain_operation(node: Node, parts: Sequence[Expression]) -> Expression:
    """Write one operation in plain text, from those of its inputs."""
    if _is_sign(node):
        return parts[1] if node.inputs[0] == 1 else Expression(f"-{parts[1].within(UNARY)}", UNARY)
    try:
        text = operation_expression(_strong(node), parts, [False] * len(parts), loose=True)
    except OptionError:
        text = Expression(f"{node.name}({', '.join(part.text for part in parts)})")
    return text._replace(text=re.sub(r"\b(np|scipy\.special)\.", "", text.text))


def _named(name: str | Expression) -> Expression:
    if isinstance(name, Expression):
        return name
    return Expression(name, ATOM if re.fullmatch(r"[\w\[\]'.]+", name) else TIMES)


def _strong(node: Node) -> Node:
    """The operation on NumPy's numbers: what is a Python number is of no matter to a formula."""
    return Node(node.op, node.inputs, node.params, node.shape, node.dtype, False, node.group)


def _is_sign(node: Node) -> bool:
    """A product with 1 or -1, such as remains of a rule whose incoming derivative is 1."""
    first = node.inputs[0]
    return node.name == "np.multiply" and not isinstance(first, Node) and np.ndim(first) == 0 and first in (1, -1)


_COMPARED = {
    "np.equal": "=",
    "np.not_equal": r"\ne",
    "np.less": "<",
    "np.less_equal": r"\le",
    "np.greater": ">",
    "np.greater_equal": r"\ge",
}

_FUNCTIONS = {
    "np.sin": r"\sin",
    "np.cos": r"\cos",
    "np.tan": r"\tan",
    "np.sinh": r"\sinh",
    "np.cosh": r"\cosh",
    "np.tanh": r"\tanh",
    "np.log": r"\ln",
    "np.arctan": r"\arctan",
    "np.arcsin": r"\arcsin",
    "np.arccos": r"\arccos",
    "np.maximum": r"\max",
    "np.minimum": r"\min",
    "scipy.special.expit": r"\sigma",
    "np.sign": r"\operatorname{sign}",
    "np.sum": r"\sum",
}


def latex_name(name: str) -> str:
    r"""Write the name of a value: ``v_{3}`` for ``v3``, ``\mathrm{rate}`` for ``rate``."""
    match = re.fullmatch(r"([A-Za-z])(\d*)", name)
    if match:
        return f"{match[1]}_{{{match[2]}}}" if match[2] else match[1]
    match = re.fullmatch(r"(\w+)((?:\[[^\]]*\])+)", name)
    if match:
        inside = re.sub(r"[\[\]']+", " ", match[2]).split()
        return f"{{{latex_name(match[1])}}}_{{\\mathrm{{{','.join(inside)}}}}}"
    return rf"\mathrm{{{_escaped(name)}}}"


def _escaped(text: str) -> str:
    return re.sub(r"([_%&#$])", r"\\\1", text)


def latex_text(graph: Graph, names: Sequence[str]) -> Expression:
    """Write what a graph computes in LaTeX.

    Parameters
    ----------
    graph : Graph
        With one output.
    names : sequence of str
        What its inputs are called, in LaTeX.

    Returns
    -------
    Expression
        LaTeX with its place in the order of precedence.
    """
    return _written(graph, [Expression(name) for name in names], _latex_without_ones, latex_constant)


def _latex_without_ones(node: Node, parts: Sequence[Expression]) -> Expression:
    if not _is_sign(node):
        return latex_operation(node, parts)
    return parts[1] if node.inputs[0] == 1 else Expression(f"-{_within(parts[1], UNARY)}", UNARY)


def latex_constant(x: Any) -> Expression:
    """Write a constant, a larger array by its shape."""
    if np.ndim(x):
        shape = r" \times ".join(map(str, np.shape(x)))
        return Expression(f"C_{{{shape}}}")
    value = x.item() if hasattr(x, "item") else x
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = re.sub(r"e([+-])0*(\d+)", lambda m: rf" \cdot 10^{{{'-' if m[1] == '-' else ''}{m[2]}}}", text)
    return Expression(text.replace("inf", r"\infty"), UNARY if text.startswith("-") else ATOM)


def latex_operation(node: Node, parts: Sequence[Expression]) -> Expression:
    """Write one operation in LaTeX, from those of its inputs."""
    name = node.name
    if name in ("np.add", "np.subtract"):
        sign = "+" if name == "np.add" else "-"
        return Expression(f"{_within(parts[0], PLUS)} {sign} {_within(parts[1], PLUS + 1)}", PLUS)
    if name in ("np.multiply", "np.matmul"):
        dot = r" \, " if name == "np.matmul" else r" \cdot "
        return Expression(f"{_within(parts[0], TIMES)}{dot}{_within(parts[1], TIMES + 1)}", TIMES)
    if name == "np.divide":
        return Expression(rf"\frac{{{parts[0].text}}}{{{parts[1].text}}}", TIMES)
    if name == "np.power":
        return Expression(f"{_within(parts[0], POWER + 1)}^{{{parts[1].text}}}", POWER)
    if name == "np.square":
        return Expression(f"{_within(parts[0], POWER + 1)}^{{2}}", POWER)
    if name == "np.negative":
        return Expression(f"-{_within(parts[0], UNARY)}", UNARY)
    if name == "np.exp":
        return Expression(f"e^{{{parts[0].text}}}", POWER)
    if name in ("np.sqrt", "root"):
        return Expression(rf"\sqrt{{{parts[0].text}}}")
    if name == "np.absolute":
        return Expression(rf"\left|{parts[0].text}\right|")
    if name == "np.transpose" and tuple(node.params["axes"]) == (1, 0):
        return Expression(f"{_within(parts[0], POWER + 1)}^{{\\top}}", POWER)
    if name in _COMPARED:
        return Expression(f"{parts[0].text} {_COMPARED[name]} {parts[1].text}", 0)
    if name == "np.where":
        chosen, other = parts[1].text, parts[2].text
        return Expression(
            rf"\begin{{cases}} {chosen} & {parts[0].text} \\ {other} & \text{{otherwise}} \end{{cases}}", 0
        )
    function = _FUNCTIONS.get(name, rf"\operatorname{{{_escaped(name.rpartition('.')[2])}}}")
    return Expression(rf"{function}\left({', '.join(part.text for part in parts)}\right)")


def _within(part: Expression, place: int) -> str:
    return part.text if part.place >= place else rf"\left({part.text}\right)"
