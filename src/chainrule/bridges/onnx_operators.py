"""The table from chainrule's operations to ONNX operators.

A row takes the writer and a node, and returns the name of its result. What ONNX lacks is written in NumPy notation and
recorded: such a composition is a graph itself, and goes through the same table.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from chainrule.bridges import onnx_shapes as shapes
from chainrule.bridges.onnx_graph import Writer, common_dtype, refusal
from chainrule.graph import Graph, Node
from chainrule.native.math.error_functions import ERF_DOUBLE, SCALED_DOUBLE
from chainrule.ops.axes import normalize_axes, shape_of
from chainrule.trace import trace

__all__ = ["OPERATORS"]

Row: TypeAlias = Callable[[Writer, Node], str]


def _in_own_dtype(operator: str) -> Row:
    """The operator on inputs in the dtype of the result."""
    return lambda w, node: w.add(operator, *w.operands(node, node.dtype))


def _scaled(operator: str) -> Row:
    """The product or quotient; by one number, of 64 bits, as -(-x * number), which has the same bits.

    onnxruntime makes a factor that stands beside a product of matrices an attribute of that, of 32 bits whatever the
    type of the matrices. Between the two signs it leaves it alone.
    """

    def row(w: Writer, node: Node) -> str:
        operands = w.operands(node, node.dtype)
        numbers = [not isinstance(source, Node) and np.size(source) == 1 for source in node.inputs]
        if node.dtype != np.float64 or not any(numbers):
            return w.add(operator, *operands)
        k = numbers.index(False) if False in numbers else 0
        signed = [w.add("Neg", name) if place == k else name for place, name in enumerate(operands)]
        return w.add("Neg", w.add(operator, *signed))

    return row


def _in_common_dtype(operator: str) -> Row:
    """The operator on inputs in the dtype that they have in common, whatever the result is."""
    return lambda w, node: w.add(operator, *w.operands(node, common_dtype(node.inputs)))


def _of_booleans(operator: str) -> Row:
    return lambda w, node: w.add(operator, *w.operands(node, bool))


def _same(w: Writer, node: Node) -> str:
    return w.operand(node.inputs[0], node.dtype)


# Compositions.


def _expm1(x: Any) -> Any:
    # Exact near 0, where exp(x) - 1 has no digits left.
    return np.tanh(0.5 * x) * (np.exp(x) + 1)


def _log1p(x: Any) -> Any:
    # The rounding of 1 + x cancels in the quotient (Kahan).
    u = 1 + x
    exact = (u == 1) | np.isinf(u)
    return np.where(exact, np.where(u == 1, x, np.log(u)), np.log(u) * (x / np.where(exact, 1, u - 1)))


def _logaddexp(x: Any, y: Any) -> Any:
    distance = np.where(x == y, 0, np.abs(x - y))
    return np.maximum(x, y) + _log1p(np.exp(-distance))


def _sinh(x: Any) -> Any:
    grown = _expm1(np.abs(x))
    return np.sign(x) * 0.5 * (grown + grown / (grown + 1))


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    total: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def _erf(x: Any) -> Any:
    a = np.abs(x)
    near = np.minimum(a, 1.0)
    # From 6 on the result rounds to 1.
    far = np.minimum(np.maximum(a, 1.0), 6.0)
    middle = near + near * _polynomial(near * near, ERF_DOUBLE)
    tail = np.exp(-(far * far)) * _polynomial((far - 4) / (far + 4), SCALED_DOUBLE) / (1 + 2 * far)
    return np.sign(x) * np.where(a <= 1, middle, 1 - tail)


_COMPOSITIONS: dict[str, Callable[..., Any]] = {
    "np.square": lambda x: x * x,
    "np.expm1": _expm1,
    "scipy.special.expm1": _expm1,
    "np.log1p": _log1p,
    "scipy.special.log1p": _log1p,
    "np.exp2": lambda x: np.power(2, x),
    "np.log2": lambda x: np.log(x) / math.log(2.0),
    "np.log10": lambda x: np.log(x) / math.log(10.0),
    "np.logaddexp": _logaddexp,
    "scipy.special.log_expit": lambda x: -_logaddexp(0.0 * x, -x),
    "scipy.special.logit": lambda x: np.log(x / (1 - x)),
    "np.tan": lambda x: np.sin(x) / np.cos(x),
    "np.sinh": _sinh,
    "np.cosh": lambda x: 0.5 * (np.exp(x) + np.exp(-x)),
    "np.trunc": lambda x: np.sign(x) * np.floor(np.abs(x)),
    "np.isfinite": lambda x: ~(np.isnan(x) | np.isinf(x)),
}


@cache
def _recorded(f: Callable[..., Any], count: int, dtype: np.dtype[Any]) -> Graph:
    # Elementwise, so that one entry stands for any shape.
    with np.errstate(all="ignore"):
        return trace(f)(*[np.full(1, 0.5, dtype)] * count)


def _composed(f: Callable[..., Any]) -> Row:
    def row(w: Writer, node: Node) -> str:
        dtype = common_dtype(node.inputs)
        graph = _recorded(f, len(node.inputs), dtype if dtype.kind == "f" else np.dtype(np.float64))
        return w.write(graph, dict(zip(graph.inputs, w.operands(node, graph.inputs[0].dtype), strict=True)))[0]

    return row


def _in_32_bits(operator: str, f: Callable[..., Any]) -> Row:
    """The operator on 32-bit numbers; on others a composition."""
    own, other = _in_own_dtype(operator), _composed(f)
    return lambda w, node: (own if node.dtype == np.float32 else other)(w, node)


# Choices, reductions and products.


def _bitwise(operator: str) -> Row:
    def row(w: Writer, node: Node) -> str:
        # Of booleans the bitwise operators are the logical ones.
        if node.dtype != bool:
            raise refusal(node, f"dtype {node.dtype}")
        return w.add(operator, *w.operands(node, bool))

    return row


def _where(w: Writer, node: Node) -> str:
    condition, *branches = node.inputs
    return w.add("Where", w.operand(condition, bool), *(w.operand(branch, node.dtype) for branch in branches))


def _not_equal(w: Writer, node: Node) -> str:
    return w.add("Not", w.add("Equal", *w.operands(node, common_dtype(node.inputs))))


def _reduced(operator: str, w: Writer, node: Node, name: str) -> str:
    axes = normalize_axes(node.params.get("axis"), len(shape_of(node.inputs[0])))
    if not axes:
        return name
    return w.add(operator, name, w.integers(axes), keepdims=int(node.params.get("keepdims", False)))


def _reduction(operator: str) -> Row:
    return lambda w, node: _reduced(operator, w, node, w.operand(node.inputs[0], node.dtype))


def _test(operator: str) -> Row:
    def row(w: Writer, node: Node) -> str:
        given = w.cast(w.operand(node.inputs[0], bool), np.int32)
        return w.cast(_reduced(operator, w, node, given), bool)

    return row


def _count(w: Writer, node: Node) -> str:
    return _reduced("ReduceSum", w, node, w.cast(w.operand(node.inputs[0], bool), np.int64))


def _position(operator: str) -> Row:
    def row(w: Writer, node: Node) -> str:
        source, axis, keepdims = node.inputs[0], node.params.get("axis"), node.params.get("keepdims", False)
        name = w.as_it_is(source)
        if axis is None:
            if keepdims:
                raise refusal(node, "keepdims and no axis")
            name, axis = w.add("Reshape", name, w.integers([-1])), 0
        return w.add(operator, name, axis=axis % max(1, len(shape_of(source))), keepdims=int(keepdims))

    return row


def _cumulative_sum(w: Writer, node: Node) -> str:
    return w.add("CumSum", w.operand(node.inputs[0], node.dtype), w.constant(node.params["axis"], np.int64))


def _einsum(w: Writer, node: Node) -> str:
    return w.add("Einsum", *w.operands(node, node.dtype), equation=node.params["subscripts"])


OPERATORS: dict[str, Row] = {
    **{
        name: _in_own_dtype(operator)
        for name, operator in {
            "np.add": "Add",
            "np.subtract": "Sub",
            "np.power": "Pow",
            "np.float_power": "Pow",
            "np.maximum": "Max",
            "np.minimum": "Min",
            "np.negative": "Neg",
            "np.absolute": "Abs",
            "np.fabs": "Abs",
            "np.sqrt": "Sqrt",
            "root": "Sqrt",
            "np.reciprocal": "Reciprocal",
            "np.exp": "Exp",
            "np.log": "Log",
            "np.sin": "Sin",
            "np.cos": "Cos",
            "np.arcsin": "Asin",
            "np.arccos": "Acos",
            "np.arctan": "Atan",
            "np.arcsinh": "Asinh",
            "np.arccosh": "Acosh",
            "np.arctanh": "Atanh",
            "np.tanh": "Tanh",
            "np.sign": "Sign",
            "np.floor": "Floor",
            "np.ceil": "Ceil",
            "np.rint": "Round",
            "chainrule.relu": "Relu",
            "np.matmul": "MatMul",
        }.items()
    },
    **{
        name: _in_common_dtype(operator)
        for name, operator in {
            "np.equal": "Equal",
            "np.less": "Less",
            "np.less_equal": "LessOrEqual",
            "np.greater": "Greater",
            "np.greater_equal": "GreaterOrEqual",
            "np.isnan": "IsNaN",
            "np.isinf": "IsInf",
        }.items()
    },
    **{
        name: _of_booleans(operator)
        for name, operator in {
            "np.logical_and": "And",
            "np.logical_or": "Or",
            "np.logical_xor": "Xor",
            "np.logical_not": "Not",
        }.items()
    },
    **{
        name: _bitwise(operator)
        for name, operator in {
            "np.bitwise_and": "And",
            "np.bitwise_or": "Or",
            "np.bitwise_xor": "Xor",
            "np.invert": "Not",
        }.items()
    },
    **{name: _composed(f) for name, f in _COMPOSITIONS.items()},
    **dict.fromkeys(("np.positive", "chainrule.stop_gradient", "astype", "astype_integer"), _same),
    "np.multiply": _scaled("Mul"),
    "np.divide": _scaled("Div"),
    # onnxruntime has this operator for 32-bit numbers alone.
    "scipy.special.erf": _in_32_bits("Erf", _erf),
    # Here its operator has no relative precision on the left, and older ones cannot run x * sigmoid(x) in 64 bits.
    "scipy.special.expit": _in_32_bits("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
    "np.not_equal": _not_equal,
    "np.where": _where,
    "np.sum": _reduction("ReduceSum"),
    "np.prod": _reduction("ReduceProd"),
    "np.max": _reduction("ReduceMax"),
    "np.min": _reduction("ReduceMin"),
    "np.any": _test("ReduceMax"),
    "np.all": _test("ReduceMin"),
    "np.count_nonzero": _count,
    "np.argmax": _position("ArgMax"),
    "np.argmin": _position("ArgMin"),
    "np.cumsum": _cumulative_sum,
    "np.einsum": _einsum,
    "np.reshape": shapes.reshape,
    "np.transpose": shapes.transpose,
    "np.broadcast_to": shapes.broadcast,
    "np.concatenate": shapes.concatenate,
    "np.pad": shapes.pad,
    "index": shapes.index,
}
