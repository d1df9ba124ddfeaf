"""A recorded graph as ONNX nodes: names, constants, conversions and the number of rows; the operations are a table."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.graph import Graph, Node
from chainrule.lengths import Length, Quotient

__all__ = ["IR_VERSION", "ML_OPSET", "OPSET", "Writer", "element_type", "onnx_package"]

#: The operator set: the first in which every reduction takes its axes as an input.
OPSET = 18
#: That of ``ai.onnx.ml``, for texts.
ML_OPSET = 3
#: The file format that came with the operator set.
IR_VERSION = 8


def onnx_package() -> ModuleType:
    """Import the onnx package, or say how to install it."""
    try:
        import onnx
    except ImportError as error:
        raise OptionError(f'writing ONNX needs the onnx package ({error}): pip install "chainrule[onnx]"') from error
    return onnx


def element_type(dtype: Any) -> int:
    """ONNX's number of a dtype; of `str` for text."""
    onnx = onnx_package()
    if dtype is str:
        return int(onnx.TensorProto.STRING)
    return int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


class Writer:
    """ONNX nodes and constants in the order in which they compute.

    Parameters
    ----------
    rows_of : str
        Name of a tensor whose first axis is the leading size.
    taken : iterable of str
        Names that inputs and outputs have.

    Attributes
    ----------
    nodes, constants : list
        What the onnx package's helper made.
    """

    def __init__(self, rows_of: str, taken: Iterable[str] = ()) -> None:
        onnx = onnx_package()
        self._helper = onnx.helper
        self._from_array = onnx.numpy_helper.from_array
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.rows_of = rows_of
        self._names: dict[Node, str] = {}
        self._known: dict[Any, str] = {}
        self._taken = frozenset(taken)
        self._count = 0

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Append a node of one output, and return the output's name."""
        self._count += 1
        name = self._free(f"{operator}_{self._count}")
        self.nodes.append(
            self._helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes)
        )
        return name

    def _free(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        return name

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Hold an array, once for each content, and return its name."""
        array = np.asarray(value, dtype, order="C")
        key = (array.dtype.str, array.shape, str(array.tolist()) if array.dtype.hasobject else array.tobytes())
        if key not in self._known:
            self._known[key] = self._free(f"constant_{len(self.constants)}")
            self.constants.append(self._from_array(array, self._known[key]))
        return self._known[key]

    def rows(self) -> str:
        """The leading size, int64 of shape (1,)."""
        if "rows" not in self._known:
            self._known["rows"] = self.add("Shape", self.rows_of, start=0, end=1)
        return self._known["rows"]

    def integers(self, numbers: Iterable[Any]) -> str:
        """Whole numbers, of which some may follow from the number of rows; int64 of shape (count,)."""
        listed = list(numbers)
        if not any(isinstance(number, Length) for number in listed):
            return self.constant(listed, np.int64)
        return self.add("Concat", *(self._integer(number) for number in listed), axis=0)

    def _integer(self, number: Any) -> str:
        if not isinstance(number, Length):
            return self.constant([number], np.int64)
        found = self.rows()
        if number.factor != 1:
            found = self.add("Mul", found, self.constant([number.factor], np.int64))
        return self.add("Add", found, self.constant([number.offset], np.int64)) if number.offset else found

    def cast(self, name: str, dtype: Any) -> str:
        """Convert to a dtype."""
        return self.add("Cast", name, to=element_type(dtype))

    def operand(self, source: Any, dtype: Any) -> str:
        """An input of a node in the dtype in which the node computes."""
        dtype = np.dtype(dtype)
        if isinstance(source, Node):
            name = self._names[source]
            return name if source.dtype == dtype else self.cast(name, dtype)
        if isinstance(source, Length):
            number = self.add("Squeeze", self._integer(source), self.constant([0], np.int64))
            return self.cast(number, dtype)
        if isinstance(source, Quotient):
            return self.add("Div", self.constant(source.numerator, dtype), self.operand(source.length, dtype))
        return self.constant(source, dtype)

    def operands(self, node: Node, dtype: Any) -> tuple[str, ...]:
        """All inputs of a node, as `operand` gives them."""
        return tuple(self.operand(source, dtype) for source in node.inputs)

    def as_it_is(self, source: Any) -> str:
        """An input of a node in its own dtype."""
        return self.operand(source, dtype_of(source))

    def write(self, graph: Graph, inputs: Mapping[Node, str]) -> list[str]:
        """Append the nodes of a graph.

        Parameters
        ----------
        graph : Graph
            What is computed.
        inputs : mapping of Node to str
            The tensor of each input of the graph.

        Returns
        -------
        list of str
            The tensor of each output.

        Raises
        ------
        OptionError
            For an operation that has no row in `chainrule.bridges.onnx_operators.OPERATORS`.
        """
        from chainrule.bridges.onnx_operators import OPERATORS

        self._names.update(inputs)
        for node in graph.nodes:
            row = OPERATORS.get(node.name)
            if row is None:
                raise OptionError(f"{_named(node)} has no counterpart in ONNX that is known here")
            self._names[node] = row(self, node)
        return [self.as_it_is(output) for output in graph.outputs]


def dtype_of(source: Any) -> np.dtype[Any]:
    """Dtype of an input of a node."""
    if isinstance(source, Length | Quotient):
        return np.dtype(type(source.kind(1)))
    found: np.dtype[Any] = source.dtype if hasattr(source, "dtype") else np.asarray(source).dtype
    return found


def common_dtype(sources: Iterable[Any]) -> np.dtype[Any]:
    """The dtype in which NumPy computes with these inputs: Python numbers do not widen it."""
    return np.result_type(*(_sample(source) for source in sources))


def _sample(source: Any) -> Any:
    if type(source) in (bool, int, float):
        return source
    if isinstance(source, Length | Quotient):
        return source.kind(1)
    return {"f": 1.0, "i": 1, "b": True}[source.dtype.kind] if getattr(source, "weak", False) else source.dtype


def _named(node: Node) -> str:
    """An operation, and the function of NumPy's or SciPy's that it is a part of."""
    return f"{node.name} (in {node.group})" if node.group and node.group != node.name else node.name


def refusal(node: Node, what: str) -> OptionError:
    """The error for a form of an operation that cannot be written."""
    return OptionError(f"{_named(node)} with {what} has no counterpart in ONNX that is known here")


def texts(values: Iterable[str]) -> NDArray[Any]:
    """Texts as ONNX holds them."""
    return np.array(list(values), dtype=object)
