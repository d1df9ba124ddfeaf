"""A recorded function as NumPy code in text: to be read, and to be run without this package."""

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.graph import Graph, Node
from chainrule.inspection.numpy_expressions import (
    ATOM,
    Expression,
    constant_expression,
    index_text,
    is_long,
    operation_expression,
    wrapped,
)
from chainrule.inspection.numpy_helpers import HELPERS
from chainrule.passes import optimized
from chainrule.trace import trace

__all__ = ["NumpyCode", "to_numpy"]

#: How long an expression may grow before what it computes gets a name.
_LONG = 60

#: What results are called, by operation; otherwise by the last part of the operation's name.
_WORDS = {
    "np.add": "total",
    "np.subtract": "difference",
    "np.multiply": "product",
    "np.matmul": "product",
    "np.einsum": "product",
    "np.divide": "quotient",
    "np.power": "power",
    "np.negative": "negated",
    "np.sum": "summed",
    "np.max": "largest",
    "np.min": "smallest",
    "np.where": "chosen",
    "np.reshape": "reshaped",
    "np.transpose": "transposed",
    "np.broadcast_to": "spread",
    "np.concatenate": "joined",
    "np.pad": "padded",
    "index": "part",
    "index_add": "placed",
    "index_set": "changed",
    "astype": "converted",
    "astype_integer": "converted",
}


@dataclass(frozen=True)
class NumpyCode:
    """NumPy code of a function; printing it shows the text, and calling it runs the text.

    Attributes
    ----------
    name : str
        Of the function in the text.
    text : str
        A module: imports, and one function with the arguments of the one that was recorded.
    """

    name: str
    text: str

    def __str__(self) -> str:
        return self.text.rstrip("\n")

    __repr__ = __str__

    def __call__(self, *args: Any) -> Any:
        """Run the text with arguments of the recorded shapes."""
        names: dict[str, Any] = {}
        exec(compile(self.text, f"<NumPy code of {self.name}>", "exec"), names)
        return names[self.name](*args)


def to_numpy(f: Callable[..., Any]) -> Callable[..., NumpyCode]:
    """Write a function, above all a derivative, as NumPy code.

    Parameters
    ----------
    f : callable
        A function in plain NumPy, or what `chainrule.grad` and its kin make of one.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns a `NumpyCode`. The code holds for arguments of these shapes and dtypes,
        and for the decisions that `f` takes on these values.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed.
    OptionError
        Where an operation has no form in plain NumPy (`chainrule.scan` and its kin, rules of one's own), which is
        named, or the result is made of something else than tuples, lists and dicts.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import grad
    >>> from chainrule.inspection import to_numpy
    >>> def loss(w, x):
    ...     return np.sum(np.tanh(w * x) ** 2)
    >>> code = to_numpy(grad(loss))(0.5, np.array([1.0, 2.0, 3.0]))
    >>> print(code)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def grad_loss(w, x):
        tanh = np.tanh(w * x)
        return np.sum(2 * tanh * (1 - tanh * tanh) * x)
    >>> code(0.5, np.array([1.0, 2.0, 3.0])) == grad(loss)(0.5, np.array([1.0, 2.0, 3.0]))
    np.True_
    """

    def written(*args: Any) -> NumpyCode:
        graph = optimized(trace(f)(*args))
        # The structure of the result, which a graph does not hold. A function may write into its arguments.
        copies = tree.map(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, args)
        _, structure = tree.flatten(f(*copies))
        return _Writer(graph, _name_of(f)).code(structure)

    return written


def _name_of(f: Callable[..., Any]) -> str:
    """The function's name, with that of what made it, such as ``grad_loss``."""
    name = re.sub(r"\W+", "_", str(getattr(f, "__name__", "f"))).strip("_")
    name = "f" if name in ("", "lambda") else name
    maker = getattr(getattr(f, "__code__", None), "co_qualname", "").partition(".<locals>")[0]
    made = hasattr(f, "__wrapped__") and str(getattr(f, "__module__", "")) and maker.isidentifier()
    return f"{maker}_{name}" if made else name if name.isidentifier() and not keyword.iskeyword(name) else f"f_{name}"


class _Writer:
    """Writes one graph, statement by statement."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name
        self.nodes = graph.nodes
        self.lines: list[str] = []
        self.taken = {"np", "scipy", name, *keyword.kwlist, *HELPERS}
        self.found: dict[Node, Expression] = {}
        self.groups: dict[Node, set[str]] = {}
        self.constants: dict[int, str] = {}
        self.uses: dict[Node, int] = {}
        for x in (*(x for node in self.nodes for x in node.inputs), *graph.outputs):
            if isinstance(x, Node):
                self.uses[x] = self.uses.get(x, 0) + 1
        # An argument that is a tree is read where it stands: p['a'].
        self.arguments: dict[str, None] = {}
        for node in graph.inputs:
            root, rest = _split(node.name)
            self.arguments[root] = None
            self.found[node] = Expression(root + rest)
        self.taken |= set(self.arguments)
        # Where all is in double precision, it makes no difference which numbers are Python's.
        dtypes = {np.dtype(x.dtype) for node in (*graph.inputs, *self.nodes) for x in (node, *node.inputs) if _typed(x)}
        self.loose = all(dtype.kind in "biu" or dtype in (np.float64, np.complex128) for dtype in dtypes)
        self.numbers: set[Node] = set()

    def code(self, structure: tree.Structure) -> NumpyCode:
        for node in self.nodes:
            self._write(node)
        result = _result_text(structure.unflatten([_Text(self._source(x).text) for x in self.graph.outputs]))
        body = [f"def {self.name}({', '.join(self.arguments)}):", *self.lines, wrapped("return", result)]
        text = "\n".join(body) + "\n"
        helpers = [code for name, code in HELPERS.items() if re.search(rf"\b{name}\(", text)]
        text = "".join(f"\n{code}" for code in helpers) + "\n\n" + text
        used = [f"import scipy.{part}\n" for part in ("fft", "linalg", "special") if f"scipy.{part}." in text]
        return NumpyCode(self.name, "import numpy as np\n" + "".join(used) + text)

    def _write(self, node: Node) -> None:
        if node.name in ("index_add", "index_set"):
            self._write_change(node)
            return
        # Beside another float64 array or number a float64 constant is no wider than a Python number.
        plain = node.op.partials is not None and (
            self.loose or any(isinstance(x, Node) and x.weak is not True and x.dtype == np.float64 for x in node.inputs)
        )
        numbers = [self._is_number(x, plain) for x in node.inputs]
        parts = [self._source(x, plain=plain) for x in node.inputs]
        made = operation_expression(node, parts, numbers, loose=self.loose)
        if node.weak is True or (all(numbers) and made.place < ATOM):
            self.numbers.add(node)
        groups = {node.group} if node.group and node.group != node.name else set()
        for x in node.inputs:
            if isinstance(x, Node) and self.uses[x] == 1:
                groups |= self.groups.get(x, set())
        self.groups[node] = groups
        ends = len(self.graph.outputs) == 1 and self.graph.outputs[0] is node
        several = isinstance(node.dtype, tuple)
        if not several and self.uses[node] == 1 and (len(made.text) <= _LONG or ends):
            self.found[node] = made
            return
        self._assign(node, made.text)

    def _assign(self, node: Node, text: str) -> None:
        name = self._new(_WORDS.get(node.name, node.name.rpartition(".")[2]))
        comment = "  # " + ", ".join(sorted(self.groups.get(node, set()))) if self.groups.get(node) else ""
        self.lines.append(wrapped(f"{name} =", text) + comment)
        self.found[node] = Expression(name)
        self.groups[node] = set()

    def _write_change(self, node: Node) -> None:
        """What is assigned to, or added up, takes two statements."""
        texts = [self._source(x).text for x in node.inputs]
        first, arrays = (1, texts[1:]) if node.name == "index_add" else (2, texts[2:])
        where = index_text(node.params["template"], arrays)
        if first == 1:
            dtype = "" if node.dtype == np.float64 else f", np.{node.dtype.name}"
            self._assign(node, f"np.zeros({node.params['shape']}{dtype})")
            name = self.found[node].text
            add = f"np.add.at({name}, np.s_[{where}], {texts[0]})" if arrays else f"{name}[{where}] = {texts[0]}"
            self.lines.append(f"    {add}")
        else:
            self._assign(node, f"np.array({texts[0]})")
            self.lines.append(f"    {self.found[node].text}[{where}] = {texts[1]}")

    def _is_number(self, x: Any, plain: bool) -> bool:
        """Whether it is a Python number in the text."""
        if isinstance(x, Node):
            return x.weak is True or x in self.numbers
        return not isinstance(x, (np.ndarray, np.generic)) or (plain and np.ndim(x) == 0 and x.dtype == np.float64)

    def _source(self, x: Any, *, plain: bool = False) -> Expression:
        if isinstance(x, Node):
            return self.found[x]
        if not is_long(x):
            return constant_expression(x, plain=plain)
        if id(x) not in self.constants:
            self.constants[id(x)] = self._new("constant")
            self.lines.append(wrapped(f"{self.constants[id(x)]} =", constant_expression(x).text))
        return Expression(self.constants[id(x)])

    def _new(self, word: str) -> str:
        name, number = word, 1
        while name in self.taken:
            number += 1
            name = f"{word}{number}"
        self.taken.add(name)
        return name


def _typed(x: Any) -> bool:
    return isinstance(getattr(x, "dtype", None), np.dtype) and not getattr(x, "weak", False)


class _Text:
    """A leaf of the result."""

    def __init__(self, text: str) -> None:
        self.text = text


def _result_text(result: Any) -> str:
    if isinstance(result, _Text):
        return result.text
    if type(result) is dict:
        return "{" + ", ".join(f"{key!r}: {_result_text(x)}" for key, x in result.items()) + "}"
    if type(result) is list:
        return f"[{', '.join(map(_result_text, result))}]"
    # The results of np.linalg, named tuples, are tuples here.
    if type(result) is tuple or (isinstance(result, tuple) and type(result).__module__.startswith("numpy")):
        return f"({', '.join(map(_result_text, result))}{',' if len(result) == 1 else ''})"
    if result is None:
        return "None"
    raise OptionError(
        f"to_numpy: the result holds a {type(result).__name__}, which plain NumPy code does not have; return tuples, "
        "lists and dicts"
    )


def _split(path: str) -> tuple[str, str]:
    """An argument's name, and how one of its leaves is reached from there."""
    match = re.match(r"argument (\d+)|[^\[.]+", path)
    assert match is not None
    root = f"x{match[1]}" if match[1] is not None else match[0]
    return root, path[match.end() :]
