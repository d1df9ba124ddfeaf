"""Single operations and constants as NumPy expressions in text."""

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import OptionError
from chainrule.graph import Node
from chainrule.ops import PRIMITIVES
from chainrule.ops.shapes import SLOT

__all__ = [
    "ATOM",
    "PLUS",
    "POWER",
    "TIMES",
    "UNARY",
    "Expression",
    "constant_expression",
    "index_text",
    "is_long",
    "operation_expression",
    "wrapped",
]

#: Places in Python's order of precedence; what stands lower is put in brackets within what stands higher.
ATOM, POWER, UNARY, TIMES, PLUS, COMPARED = 9, 8, 7, 6, 5, 3

_INFIX = {
    "np.add": ("+", PLUS),
    "np.subtract": ("-", PLUS),
    "np.multiply": ("*", TIMES),
    "np.divide": ("/", TIMES),
    "np.matmul": ("@", TIMES),
    "np.power": ("**", POWER),
    "np.equal": ("==", COMPARED),
    "np.not_equal": ("!=", COMPARED),
    "np.less": ("<", COMPARED),
    "np.less_equal": ("<=", COMPARED),
    "np.greater": (">", COMPARED),
    "np.greater_equal": (">=", COMPARED),
}

#: Operations of this package that NumPy has under another name.
_RENAMED = {
    "root": "np.sqrt",
    **{name: name for name in ("philox", "philox_advance", "cofactors", "cholesky_pullback", "permutation_of_pivots")},
    "elliptic_integral": "elliptic_integral",
}

_WRITTEN_INLINE = 6

#: Longer lines are broken.
_WIDTH = 100


class Expression(NamedTuple):
    """Text, and its place in the order of precedence."""

    text: str
    place: int = ATOM

    def within(self, place: int) -> str:
        """The text, in brackets where it would be read wrongly as a part of something of this place."""
        return self.text if self.place >= place else f"({self.text})"


def constant_expression(value: Any, *, plain: bool = False) -> Expression:
    """Write a constant so that it evaluates to the same value and dtype.

    Parameters
    ----------
    value : number or array
        The constant.
    plain : bool
        True where a float64 number may be written as a Python number, since what it meets is float64 anyway.

    Returns
    -------
    Expression
        Such as ``np.array([1.0, 2.0])``.
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return Expression(_array_text(value))
    if isinstance(value, (np.ndarray, np.generic)):
        dtype, number = value.dtype, value.item()
        if not (plain and dtype == np.float64):
            return Expression(f"np.{dtype.name if dtype.kind != 'b' else 'bool_'}({_number_text(number)})")
        value = number
    text = _number_text(value)
    return Expression(text, UNARY if text.startswith("-") else ATOM)


def _number_text(x: Any) -> str:
    if isinstance(x, complex):
        return f"complex({_number_text(x.real)}, {_number_text(x.imag)})"
    if isinstance(x, float) and not np.isfinite(x):
        return "np.nan" if np.isnan(x) else ("np.inf" if x > 0 else "-np.inf")
    return repr(x)


def _array_text(value: Any) -> str:
    dtype = "" if value.dtype == np.float64 else f", {_dtype_text(value.dtype)}"
    shape = repr(value.shape if value.ndim > 1 else value.shape[0])
    first = value.flat[0] if value.size else value.dtype.type(0)
    # Bits are compared, since -0.0 equals 0.0, and NaN nothing.
    if not value.size or (value.size > 1 and value.tobytes() == np.full(value.shape, first).tobytes()):
        if not value.size or value.tobytes().count(0) == value.nbytes:
            return f"np.zeros({shape}{dtype})"
        if first == 1:
            return f"np.ones({shape}{dtype})"
        return f"np.full({shape}, {_number_text(first.item())}{dtype})"
    if value.dtype == np.intp and value.ndim == 1 and value.size > 2 and np.array_equal(value, np.arange(value.size)):
        return f"np.arange({value.size})"
    default = value.dtype in (np.dtype(np.intp), np.dtype(bool))
    return f"np.array({_nested_text(value.tolist())}{'' if default else dtype})"


def _nested_text(x: Any) -> str:
    return f"[{', '.join(map(_nested_text, x))}]" if isinstance(x, list) else _number_text(x)


def _dtype_text(dtype: Any) -> str:
    return "bool" if dtype.kind == "b" else f"np.{dtype.name}"


def is_long(value: Any) -> bool:
    """Say whether a constant deserves a name of its own."""
    return isinstance(value, np.ndarray) and value.size > _WRITTEN_INLINE and len(_array_text(value)) > 40


def wrapped(start: str, text: str) -> str:
    """Write a statement of a function's body such as ``return ...``, over several lines where it is long."""
    line = f"    {start} {text}"
    # A break within a key such as 'two words' would change it.
    if len(line) <= _WIDTH or re.search(r"'[^',]*\s[^',]*'", text):
        return line
    indent = " " * 8
    lines = textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join([f"    {start} (", *lines, "    )"])


def index_text(template: Sequence[Any], arrays: Sequence[str]) -> str:
    """Write what stands in the brackets of an index expression."""
    remaining = iter(arrays)
    parts = [next(remaining) if part is SLOT else _part_text(part) for part in template]
    return ", ".join(parts) if parts else "()"


def _part_text(part: Any) -> str:
    if isinstance(part, slice):
        start, stop = ("" if end is None else str(int(end)) for end in (part.start, part.stop))
        return f"{start}:{stop}" + (f":{int(part.step)}" if part.step is not None else "")
    if part is None or part is Ellipsis:
        return "None" if part is None else "..."
    return repr(bool(part)) if isinstance(part, (bool, np.bool_)) else str(int(part))


def operation_expression(
    node: Node, parts: Sequence[Expression], numbers: Sequence[bool], *, loose: bool = False
) -> Expression:
    """Write one operation.

    Parameters
    ----------
    node : Node
        The operation.
    parts : sequence of Expression
        Its inputs.
    numbers : sequence of bool
        Which of them are Python numbers in the text.
    loose : bool
        True where it makes no difference whether a number is one of Python's or of NumPy's, since no value in the
        function has fewer digits.

    Returns
    -------
    Expression
        A number of Python's where the node is one.

    Raises
    ------
    OptionError
        Where the operation has no form in plain NumPy.
    """
    made = _infix(node, parts, numbers, loose)
    if made is not None:
        return made
    special = _SPECIAL.get(node.name)
    if special is not None:
        made = special(node, [_as_array(part, one) for part, one in zip(parts, numbers, strict=True)])
    elif node.name in _RENAMED or node.name.startswith(("np.", "scipy.special.", "scipy.linalg.", "scipy.fft.")):
        params = node.params
        axis = params.get("axis")
        if isinstance(axis, tuple) and len(axis) == len(node.inputs[0].shape):
            params = params | {"axis": None}
        made = _called(_RENAMED.get(node.name, node.name), [part.text for part in parts], params)
    else:
        raise OptionError(
            f"to_numpy: the operation {node.name} has no form in plain NumPy; write what it does with a Python loop, "
            "branch or function, which is recorded operation by operation"
        )
    return Expression(f"{made.within(ATOM)}.item()") if node.weak is True else made


def _infix(node: Node, parts: Sequence[Expression], numbers: Sequence[bool], loose: bool) -> Expression | None:
    """The operation by its sign; None where the function says something else."""
    # Of two Python numbers the sign makes a Python number, the function one of NumPy's.
    if all(numbers) and node.weak is not True and not loose:
        return None
    if node.name == "np.negative":
        return Expression(f"-{parts[0].within(UNARY)}", UNARY)
    if node.name not in _INFIX or (all(numbers) and not _is_safe(node)):
        return None
    sign, place = _INFIX[node.name]
    # A power is read from the right, a comparison is not chained, and all else is read from the left.
    left = parts[0].within(place if place in (TIMES, PLUS) else place + 1)
    return Expression(f"{left} {sign} {parts[1].within(place + 1)}", place)


def _is_safe(node: Node) -> bool:
    """Python raises where NumPy has infinity or NaN, and makes complex numbers of roots of negative numbers."""
    last = node.inputs[-1]
    if node.name == "np.power":
        return isinstance(last, (int, float)) and last in (1, 2, 3)
    return node.name != "np.divide" or (isinstance(last, (int, float)) and last != 0)


def _called(name: str, texts: Sequence[str], params: dict[str, Any]) -> Expression:
    # What is None or False is what NumPy takes where nothing is said.
    params = {
        key: value[0] if key == "axis" and isinstance(value, tuple) and len(value) == 1 else value
        for key, value in params.items()
    }
    named = [f"{key}={value!r}" for key, value in params.items() if value is not None and value is not False]
    return Expression(f"{name}({', '.join([*texts, *named])})")


def _as_array(part: Expression, is_number: bool) -> Expression:
    """A Python number has neither methods nor entries."""
    return Expression(f"np.asarray({part.text})") if is_number else part


def _transposed(node: Node, parts: Sequence[Expression]) -> Expression:
    axes = tuple(node.params["axes"])
    if axes == tuple(range(len(axes)))[::-1]:
        return Expression(f"{parts[0].within(ATOM)}.T")
    if axes == (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2):
        return Expression(f"{parts[0].within(ATOM)}.mT")
    return Expression(f"np.transpose({parts[0].text}, {axes})")


def _converted(node: Node, parts: Sequence[Expression]) -> Expression:
    dtype = _dtype_text(node.params["dtype"])
    if node.shape == ():
        return Expression(f"np.asarray({parts[0].text}).astype({dtype})[()]")
    return Expression(f"{parts[0].within(ATOM)}.astype({dtype})")


def _einsum(node: Node, parts: Sequence[Expression]) -> Expression:
    dtypes = {getattr(x, "dtype", None) for x in node.inputs}
    texts = [part.text for part in parts]
    if len(parts) > 2 and len(dtypes) > 1:
        texts = [f"{part.within(ATOM)}.astype({_dtype_text(node.dtype)})" for part in parts]
    order = ", optimize=True" if len(parts) > 2 else ""
    return Expression(f'np.einsum("{node.params["subscripts"]}", {", ".join(texts)}{order})')


def _indexed(node: Node, parts: Sequence[Expression]) -> Expression:
    arrays = [part.text for part in parts[1:]]
    return Expression(f"{parts[0].within(ATOM)}[{index_text(node.params['template'], arrays)}]")


def _with_shape(name: str) -> Callable[[Node, Sequence[Expression]], Expression]:
    def written(node: Node, parts: Sequence[Expression]) -> Expression:
        return Expression(f"{name}({parts[0].text}, {node.params['shape']})")

    return written


def _real_power_series(name: str) -> Callable[[Node, Sequence[Expression]], Expression]:
    def written(node: Node, parts: Sequence[Expression]) -> Expression:
        call = f"scipy.linalg.{name}({', '.join([parts[0].text, *map(repr, node.params.values())])})"
        # SciPy gives some real results as complex numbers.
        return Expression(call if node.dtype.kind == "c" else f"np.real({call})")

    return written


def _part_of(name: str, k: int) -> Callable[[Node, Sequence[Expression]], Expression]:
    """One of several results of a function of scipy.special."""
    return lambda node, parts: Expression(f"scipy.special.{name}({', '.join(part.text for part in parts)})[{k}]")


def _by_shapes(node: Node, parts: Sequence[Expression]) -> Expression:
    name, _, letters = node.name.partition("_by_")
    times = letters.count("a") + letters.count("v"), letters.count("b")
    call = f"by_shapes({name!r}, {times[0]}, {times[1]}, {', '.join(part.text for part in parts)})"
    return Expression(call if node.dtype == np.float64 else f"{call}.astype(np.{node.dtype})")


_SPECIAL: dict[str, Callable[[Node, Sequence[Expression]], Expression]] = {
    "np.reshape": _with_shape("np.reshape"),
    "np.broadcast_to": _with_shape("np.broadcast_to"),
    "np.transpose": _transposed,
    "np.concatenate": lambda node, parts: Expression(
        f"np.concatenate([{', '.join(part.text for part in parts)}], axis={node.params['axis']})"
    ),
    "np.pad": lambda node, parts: Expression(f"np.pad({parts[0].text}, {node.params['widths']})"),
    "np.einsum": _einsum,
    "np.linalg.svd": lambda node, parts: Expression(f"np.linalg.svd({parts[0].text}, full_matrices=False)"),
    "np.linalg.eigh": lambda node, parts: Expression(f"np.linalg.eigh({parts[0].text}, {node.params['uplo']!r})"),
    "scipy.linalg.solve_banded": lambda node, parts: Expression(
        f"scipy.linalg.solve_banded({node.params['lower'], node.params['upper']}, {parts[0].text}, {parts[1].text})"
    ),
    **{f"scipy.linalg.{name}": _real_power_series(name) for name in ("logm", "sqrtm", "fractional_matrix_power")},
    **{
        name: _part_of(function, k)
        for function, names in {
            "sici": ("sine_integral", "cosine_integral"),
            "shichi": ("sinh_integral", "cosh_integral"),
            "fresnel": ("fresnel_sine", "fresnel_cosine"),
            "airy": ("airy_ai", "airy_ai_slope", "airy_bi", "airy_bi_slope"),
            "ellipj": ("jacobi_sn", "jacobi_cn", "jacobi_dn", "jacobi_ph"),
        }.items()
        for k, name in enumerate(names)
    },
    **{name: _by_shapes for name in PRIMITIVES if name.startswith(("gammainc_by_", "betainc_by_", "stdtr_by_"))},
    "lu_factors": lambda node, parts: Expression(f"scipy.linalg.lu_factor({parts[0].text})[0]"),
    "lu_pivots": lambda node, parts: Expression(f"scipy.linalg.lu_factor({parts[0].text})[1]"),
    "lu_permutation": lambda node, parts: Expression(
        f"np.argsort(scipy.linalg.lu({parts[0].text}, p_indices=True)[0], axis=-1)"
    ),
    "qr_permutation": lambda node, parts: Expression(f"scipy.linalg.qr({parts[0].text}, mode='r', pivoting=True)[1]"),
    "index": _indexed,
    "output": lambda node, parts: Expression(f"{parts[0].within(ATOM)}[{node.params['k']}]"),
    "astype": _converted,
    "astype_integer": _converted,
    "chainrule.relu": lambda node, parts: Expression(f"np.maximum({parts[0].text}, 0)"),
    "chainrule.stop_gradient": lambda node, parts: parts[0],
}
