"""The derivation of a derivative, written out as at the board."""

import re
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.inspection.explain import Explanation, Step
from chainrule.inspection.explain_edges import Edge, edges_of
from chainrule.inspection.explain_names import Derivatives, names_of_values
from chainrule.inspection.formulas import latex_constant, latex_name, latex_operation
from chainrule.inspection.numpy_expressions import Expression
from chainrule.inspection.text import value_text

__all__ = ["derivation_latex", "derivation_markdown", "derivation_text"]

_COUNTS = {1: "once", 2: "twice", 3: "three times", 4: "four times"}


def _differentiable(explanation: Explanation) -> list[Step]:
    """The values that a derivative comes back to, from the last; decisions and indices are not among them."""
    return [step for step in reversed(explanation.steps) if step.is_real]


def derivation_text(explanation: Explanation) -> str:
    """What `Explanation.derivation` returns."""
    by = explanation.derivatives
    edges = edges_of(explanation)
    formulas = {step.name: step.formula for step in explanation.steps}
    output = explanation.steps[-1].name
    paragraphs = [f"{explanation.call}\n{by.letter} is {output}, the output, so {by.text(output)} = 1."]
    for step in _differentiable(explanation):
        if step.name == output:
            continue
        own, total = edges[step.name], by.text(step.name)
        if not own:
            paragraphs.append(f"{step.name} is not used where the output depends on it: {total} = 0.")
            continue
        places = " and ".join(f"{edge.by} = {formulas[edge.by]}" for edge in own)
        lines = [f"{step.name} is used {_COUNTS.get(len(own), f'{len(own)} times')}, in {places}."]
        if len(own) == 1:
            lines.append(f"    {total} = {_line(own[0], step, by)}")
        else:
            lines[0] = f"{lines[0][:-1]}: {len(own)} paths meet here, and what comes back on them is added."
            lines += [f"    through {edge.by}: {_line(edge, step, by)}" for edge in own]
            numbers = " + ".join(_signed(value_text(edge.use.contribution)) for edge in own)
            lines.append(f"    {total} = {numbers} = {value_text(step.derivative)}")
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def _signed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number


def _line(edge: Edge, step: Step, by: Derivatives) -> str:
    """One path: symbols, then the formula of the table, then numbers."""
    arrives = by.text(edge.by)
    result = value_text(edge.use.contribution)
    if not edge.is_factor:
        return f"{edge.text.text} = {result}"
    numbers = f"{_signed(value_text(edge.use.derivative))} * {_signed(value_text(edge.use.local))}"
    summed = ", summed over the entries that share it" if _is_summed(edge, step) else ""
    return f"{arrives} * d{edge.by}/d{step.name} = {edge.product(arrives)} = {numbers} = {result}{summed}"


def _is_summed(edge: Edge, step: Step) -> bool:
    return np.size(edge.use.derivative) > np.size(step.value)


def derivation_markdown(explanation: Explanation) -> str:
    """What `Explanation.markdown` returns."""
    by = explanation.derivatives
    edges = edges_of(explanation)
    lines = [f"`{explanation.call}`", "", "| | computed as | value |", "| --- | --- | --- |"]
    for step, formula in _forward(explanation):
        lines.append(f"| ${latex_name(step.name)}$ | ${formula}$ | {value_text(step.value)} |")
    output = explanation.steps[-1].name
    lines += ["", f"${by.latex_letter} = {latex_name(output)}$ is the output:", ""]
    lines.append(f"$${by.latex(output)} = 1$$")
    for step in _differentiable(explanation):
        own = edges[step.name]
        if step.name != output and own:
            if len(own) > 1:
                lines += ["", f"{len(own)} paths meet at ${latex_name(step.name)}$ and are added:"]
            lines += ["", f"$${_sum(own, step, by)}$$"]
    return "\n".join(lines)


def derivation_latex(explanation: Explanation) -> str:
    """What `Explanation.latex` returns."""
    by = explanation.derivatives
    edges = edges_of(explanation)
    forward = [rf"{latex_name(s.name)} &= {formula} = {_number(s.value)} \\" for s, formula in _forward(explanation)]
    output = explanation.steps[-1].name
    backward = [rf"{by.latex(output)} &= 1 \\"]
    for step in _differentiable(explanation):
        own = edges[step.name]
        if step.name != output and own:
            backward.append(_sum(own, step, by).replace(" = ", " &= ", 1) + r" \\")
    begin, end = r"\begin{aligned}", r"\end{aligned}"
    return "\n".join([begin, *forward, end, "", begin, *backward, end])


def _forward(explanation: Explanation) -> list[tuple[Step, str]]:
    names = names_of_values(explanation.values)
    written = []
    for node, step in zip(explanation.values, explanation.steps, strict=True):
        if node.op is not None:
            parts = [
                Expression(latex_name(names[x])) if isinstance(x, Node) else latex_constant(x) for x in node.inputs
            ]
            written.append((step, latex_operation(node, parts).text))
    return written


def _sum(own: tuple[Edge, ...], step: Step, by: Derivatives) -> str:
    products = " + ".join(edge.latex_product(by.latex(edge.by)) for edge in own)
    numbers = " + ".join(_signed(_number(edge.use.contribution)) for edge in own)
    total = _number(step.derivative)
    middle = f" = {numbers}" if len(own) > 1 else ""
    return f"{by.latex(step.name)} = {products}{middle} = {total}"


def _number(x: Any) -> str:
    text = value_text(x)
    if np.ndim(x):
        return rf"\text{{{text}}}"
    return re.sub(r"e([+-])0*(\d+)", lambda m: rf" \cdot 10^{{{'-' if m[1] == '-' else ''}{m[2]}}}", text)
