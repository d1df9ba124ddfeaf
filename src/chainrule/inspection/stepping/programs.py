"""Graphs as small programs for the page: lists of instructions on flat arrays.

Shapes are known, so that every move of entries is a list of places, found by making the move with the numbers of the
places themselves. Five kinds of instruction are left: `map`, `take`, `put`, `reduce` and `matmul`.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.graph import Graph, Node
from chainrule.ops.axes import normalize_axes, shape_of

__all__ = ["FUNCTIONS", "instruction", "program"]

#: The elementwise functions as JavaScript has them. What they are differentiated to stands in the table of operations.
FUNCTIONS = {
    "np.add": "(a,b)=>a+b",
    "np.subtract": "(a,b)=>a-b",
    "np.multiply": "(a,b)=>a*b",
    "np.divide": "(a,b)=>a/b",
    "np.power": "(a,b)=>a**b",
    "np.float_power": "(a,b)=>a**b",
    "np.maximum": "(a,b)=>Math.max(a,b)",
    "np.minimum": "(a,b)=>Math.min(a,b)",
    "np.hypot": "(a,b)=>Math.hypot(a,b)",
    "np.arctan2": "(a,b)=>Math.atan2(a,b)",
    "np.floor_divide": "(a,b)=>Math.floor(a/b)",
    "np.logaddexp": "(a,b)=>a===b?a+Math.LN2:Math.max(a,b)+Math.log1p(Math.exp(-Math.abs(a-b)))",
    "np.negative": "a=>-a",
    "np.positive": "a=>a",
    "np.absolute": "a=>Math.abs(a)",
    "np.fabs": "a=>Math.abs(a)",
    "np.square": "a=>a*a",
    "np.sqrt": "a=>Math.sqrt(a)",
    "root": "a=>Math.sqrt(a)",
    "np.cbrt": "a=>Math.cbrt(a)",
    "np.reciprocal": "a=>1/a",
    "np.exp": "a=>Math.exp(a)",
    "np.exp2": "a=>2**a",
    "np.expm1": "a=>Math.expm1(a)",
    "np.log": "a=>Math.log(a)",
    "np.log2": "a=>Math.log2(a)",
    "np.log10": "a=>Math.log10(a)",
    "np.log1p": "a=>Math.log1p(a)",
    "np.sin": "a=>Math.sin(a)",
    "np.cos": "a=>Math.cos(a)",
    "np.tan": "a=>Math.tan(a)",
    "np.arcsin": "a=>Math.asin(a)",
    "np.arccos": "a=>Math.acos(a)",
    "np.arctan": "a=>Math.atan(a)",
    "np.sinh": "a=>Math.sinh(a)",
    "np.cosh": "a=>Math.cosh(a)",
    "np.tanh": "a=>Math.tanh(a)",
    "np.arcsinh": "a=>Math.asinh(a)",
    "np.arccosh": "a=>Math.acosh(a)",
    "np.arctanh": "a=>Math.atanh(a)",
    "np.sign": "a=>Math.sign(a)",
    "np.floor": "a=>Math.floor(a)",
    "np.ceil": "a=>Math.ceil(a)",
    "np.trunc": "a=>Math.trunc(a)",
    "np.real": "a=>a",
    "np.conjugate": "a=>a",
    "np.where": "(c,a,b)=>c?a:b",
    "np.equal": "(a,b)=>+(a===b)",
    "np.not_equal": "(a,b)=>+(a!==b)",
    "np.less": "(a,b)=>+(a<b)",
    "np.less_equal": "(a,b)=>+(a<=b)",
    "np.greater": "(a,b)=>+(a>b)",
    "np.greater_equal": "(a,b)=>+(a>=b)",
    "np.logical_and": "(a,b)=>+!!(a&&b)",
    "np.logical_or": "(a,b)=>+!!(a||b)",
    "np.logical_not": "a=>+!a",
    "np.isfinite": "a=>+Number.isFinite(a)",
    "np.isnan": "a=>+Number.isNaN(a)",
    "chainrule.relu": "a=>Math.max(a,0)",
    "chainrule.stop_gradient": "a=>a",
    "scipy.special.expit": "a=>1/(1+Math.exp(-a))",
    "scipy.special.log_expit": "a=>Math.min(a,0)-Math.log1p(Math.exp(-Math.abs(a)))",
    "scipy.special.expm1": "a=>Math.expm1(a)",
    "scipy.special.log1p": "a=>Math.log1p(a)",
    "scipy.special.xlogy": "(a,b)=>a===0?0:a*Math.log(b)",
    "scipy.special.xlog1py": "(a,b)=>a===0?0:a*Math.log1p(b)",
}

#: Operations that move entries of one array.
_MOVES = ("np.reshape", "np.transpose", "np.broadcast_to", "np.pad", "index")
_REDUCTIONS = {"np.sum": "sum", "np.prod": "prod", "np.max": "max", "np.min": "min"}

Instruction = dict[str, Any]


def program(graph: Graph, given: Mapping[Node, Any]) -> list[Instruction]:
    """Translate a graph.

    Parameters
    ----------
    graph : Graph
        With one output.
    given : mapping
        For each of its inputs what the page calls the value: a string.

    Returns
    -------
    list of dict
        Instructions; an input of one is a name, the number of an earlier instruction, or a list of numbers. The last
        one is the result.

    Raises
    ------
    OptionError
        For an operation that the page cannot compute.
    """
    made: dict[Node, Any] = dict(given)
    lines: list[Instruction] = []
    for node in graph.nodes:
        lines.append(instruction(node, [reference(x, made) for x in node.inputs]))
        made[node] = len(lines) - 1
    last = graph.outputs[0]
    if not isinstance(last, Node) or last not in graph.nodes:
        places = list(range(math.prod(shape_of(last))))
        lines.append({"kind": "take", "of": [reference(last, made)], "at": places})
    return lines


def reference(x: Any, made: Mapping[Node, Any]) -> Any:
    """What stands for an input of an instruction."""
    return made[x] if isinstance(x, Node) else [_json_number(v) for v in np.ravel(np.asarray(x, float)).tolist()]


def _json_number(x: float) -> Any:
    """JSON has no infinity and no NaN; JavaScript makes numbers of their names."""
    return x if math.isfinite(x) else "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def instruction(node: Node, inputs: list[Any]) -> Instruction:
    """Translate one operation; see `program`."""
    shapes = [shape_of(x) for x in node.inputs]
    if node.dtype.kind == "c":
        raise OptionError(f"the page cannot compute with complex numbers, found in {node.name}")
    if node.name in FUNCTIONS:
        at = [
            None if shape == node.shape else _places(np.broadcast_to(_numbers(shape), node.shape)) for shape in shapes
        ]
        return {"kind": "map", "f": node.name, "of": inputs, "at": at, "size": node.size}
    if node.name in ("astype", "np.copy"):
        return {"kind": "take", "of": inputs, "at": list(range(node.size))}
    if node.name in _MOVES and len(inputs) == 1:
        # Counted from 1, so that what np.pad adds is 0: an entry that comes from nowhere.
        return {"kind": "take", "of": inputs, "at": _places(node.op(_numbers(shapes[0]) + 1, **node.params) - 1)}
    if node.name == "np.concatenate":
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        numbers = [_numbers(shape) + end - math.prod(shape) for shape, end in zip(shapes, ends, strict=True)]
        return {"kind": "take", "of": inputs, "at": _places(node.op(*numbers, **node.params))}
    if node.name == "index_add" and len(inputs) == 1:
        target = np.arange(node.size).reshape(node.shape)[node.params["template"]]
        return {"kind": "put", "of": inputs, "at": _places(target), "size": node.size}
    if node.name in _REDUCTIONS:
        axes = normalize_axes(node.params.get("axis"), len(shapes[0]))
        kept = tuple(1 if k in axes else n for k, n in enumerate(shapes[0]))
        target = np.broadcast_to(np.arange(node.size).reshape(kept), shapes[0])
        f = _REDUCTIONS[node.name]
        return {"kind": "reduce", "f": f, "of": inputs, "at": _places(target), "size": node.size}
    if node.name == "np.matmul" and max(map(len, shapes)) <= 2:
        inner = shapes[0][-1]
        rows, columns = math.prod(shapes[0][:-1]), math.prod(shapes[1][1:])
        return {"kind": "matmul", "of": inputs, "dims": [rows, inner, columns]}
    raise OptionError(f"the page cannot compute {node.name}; explain(f)(...).derivation() shows it as text")


def _numbers(shape: tuple[int, ...]) -> Any:
    return np.arange(math.prod(shape)).reshape(shape)


def _places(x: Any) -> list[int]:
    return [int(place) for place in np.ravel(x)]
