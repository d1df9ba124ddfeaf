"""Whole matrices of derivatives: `jacobian` and `hessian`, several rows or columns in one pass along the tape."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from chainrule.differentiate.arguments import Selection
from chainrule.differentiate.chunks import backward_bytes, checked_memory, chunk_length, copies_of, forward_bytes
from chainrule.differentiate.derivatives import Arguments, grad
from chainrule.differentiate.recorded import Recorded, kind_of
from chainrule.errors import OptionError, TraceError
from chainrule.graph import Node
from chainrule.ops.axes import shape_of
from chainrule.trace.batch import Batch, all_examples, batched
from chainrule.trace.tracer import Tracer

__all__ = ["hessian", "jacobian"]

#: Bytes that the arrays of one chunk may take, unless the caller says otherwise: 64 MiB. A larger chunk is
#: not faster, since it is too large for a processor's caches (benchmarks/hessian.py).
_MEMORY = 2**26


def jacobian(
    f: Callable[..., Any],
    wrt: Arguments = 0,
    *,
    mode: Literal["forward", "reverse"] | None = None,
    memory: int = _MEMORY,
) -> Callable[..., Any]:
    """Make the function that computes all derivatives of the outputs of `f` by the entries of its arguments.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns an array, a number, or a tree of them.
    wrt : int, str or a sequence of them
        The arguments to differentiate by, by position or name: arrays, numbers or trees. A sequence gives a tuple.
    mode : {"forward", "reverse"} or None
        Forward takes a direction for each entry of the arguments, reverse one for each entry of the output. None takes
        the smaller number.
    memory : int
        Bytes that the arrays of derivatives along the tape may take, besides the result itself. As many directions go
        along the tape at once as fit, which is computed from the sizes on the tape; at least one goes. The default is
        64 MiB.

    Returns
    -------
    callable
        Takes the arguments of `f`. For one array and one argument it returns an array of the output's shape followed
        by the argument's. For a tree of outputs it returns that tree, in each leaf the tree of the arguments, in each
        leaf of that such an array.

    Raises
    ------
    TraceError
        Where `f` does something that cannot be followed.
    OptionError
        For an unknown mode or argument, or a memory that is not a positive number of bytes.

    Notes
    -----
    `f` runs once. The directions of a chunk are a batch, as in `vectorize`. Every operation has a rule for that; only
    the rule of a `custom_gradient` may refuse, if it takes a decision on the derivative that it is given, and then the
    directions go one by one. Within another derivative the memory holds for each chunk, but what the outer one has to
    keep comes on top.

    For a complex argument z = u + iv the derivative is df/du - i df/dv of the real part of the output: f' where f is
    holomorphic. For a real argument and a complex output it is the complex derivative. Both modes agree in that.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import jacobian
    >>> jacobian(lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ x)(np.ones(2))
    array([[1., 2.],
           [3., 4.]])
    >>> jacobian(lambda a, b: {"product": a * b}, (0, 1))(2.0, np.array([3.0, 4.0]))
    {'product': (array([3., 4.]), array([[2., 0.],
           [0., 2.]]))}
    """
    if mode not in ("forward", "reverse", None):
        raise OptionError(f"mode should be 'forward', 'reverse' or None, found {mode!r}")
    checked_memory(memory)
    selection = Selection(f, wrt)

    @functools.wraps(f)
    def matrix(*args: Any, **kwargs: Any) -> Any:
        # Recorded once, whatever the number of passes along the tape, and whichever way they go.
        recorded = Recorded(selection, args, kwargs, copies=False)
        forward = _forward_is_cheaper(recorded) if mode is None else mode == "forward"
        blocks = _by_columns(recorded, memory) if forward else _by_rows(recorded, memory)
        return recorded.structure.unflatten(recorded.rebuild(row) for row in blocks)

    return matrix


def hessian(f: Callable[..., Any], wrt: Arguments = 0, *, memory: int = _MEMORY) -> Callable[..., Any]:
    """Make the function that computes all second derivatives of `f`, by forward mode over reverse mode.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number.
    wrt : int, str or a sequence of them
        The arguments: arrays, numbers or trees.
    memory : int
        As in `jacobian`: bytes for the derivatives that go along the tape of the gradient at once, besides the result
        itself. The default is 64 MiB.

    Returns
    -------
    callable
        Takes the arguments of `f`. For one argument it returns an array of the argument's shape twice over; for trees
        and several arguments their structure twice over, with such a block for each pair.

    Raises
    ------
    TraceError, OptionError
        As `grad` and `jacobian`.

    Notes
    -----
    It is the Jacobian of the gradient, and is not made symmetric afterwards: how far it is from that shows the
    rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import hessian
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f, wrt), wrt, mode="forward", memory=memory)


def _forward_is_cheaper(recorded: Recorded) -> bool:
    """Whether fewer passes go forward than backward; where numbers are complex some take two."""
    sources = recorded.call.sources
    some_real = any(x.dtype.kind == "f" for x in sources)
    columns = sum(x.size * (1 + (x.dtype.kind == "c")) for x in sources)
    rows = sum(math.prod(shape_of(y)) * (1 + (kind_of(y) == "c" and some_real)) for y in recorded.values)
    return columns < rows


def _by_columns(recorded: Recorded, memory: int) -> list[list[Any]]:
    """For each output its blocks, one for each argument: directions of the arguments are pushed forward."""
    outer = _outer_size(recorded)
    sources = recorded.call.sources
    ends = [node for node in recorded.nodes if node is not None]
    blocks: list[list[Any]] = [[] for _ in recorded.values]
    for k, x in enumerate(sources):
        matrices = [_Matrix(1, math.prod(shape_of(y)), x.size, _common_dtype(y, x)) for y in recorded.values]
        length = chunk_length(x.size, outer * forward_bytes(recorded.entries, [x], ends), memory)
        for parts in _chunks(functools.partial(recorded.push_one, k), x, length):
            for matrix, part in zip(matrices, parts, strict=True):
                matrix.add(part)
        for row, matrix, y in zip(blocks, matrices, recorded.values, strict=True):
            row.append(matrix.finished(shape_of(y) + x.shape))
    return blocks


def _by_rows(recorded: Recorded, memory: int) -> list[list[Any]]:
    """For each output its blocks, one for each argument: derivatives by the outputs are pulled back."""
    outer = _outer_size(recorded)
    sources = recorded.call.sources
    blocks = []
    for k, (y, node) in enumerate(zip(recorded.values, recorded.nodes, strict=True)):
        matrices = [_Matrix(0, math.prod(shape_of(y)), x.size, _common_dtype(y, x)) for x in sources]
        if node is not None:
            length = chunk_length(node.size, outer * backward_bytes(recorded.entries, [node]), memory)
            for parts in _chunks(functools.partial(recorded.pull_one, k), node, length):
                for matrix, part in zip(matrices, parts, strict=True):
                    matrix.add(part)
        blocks.append([matrix.finished(shape_of(y) + x.shape) for matrix, x in zip(matrices, sources, strict=True)])
    return blocks


def _chunks(run: Callable[[Any], list[Any]], node: Node, length: int) -> Iterator[list[Any]]:
    """The results for every array of a node's shape with one entry 1 and the others 0, along a first axis of each."""
    start = 0
    while start < node.size:
        stop = min(start + length, node.size)
        if stop - start == 1:
            one = complex(1) if node.dtype.kind == "c" else 1.0
            units = one if node.weak else _units(node, start, stop)[0]
            yield [np.reshape(part, (1, *shape_of(part))) for part in run(units)]
        else:
            batch = Batch(stop - start)
            try:
                found = run(batched(_units(node, start, stop), batch))
            except (TraceError, ValueError) as problem:
                # NumPy hides the real reason behind an error of its own.
                if not isinstance(problem, TraceError) and not isinstance(problem.__cause__, TraceError):
                    raise
                length = 1
                continue
            yield [all_examples(part, batch) for part in found]
        start = stop


def _units(node: Node, start: int, stop: int) -> Any:
    units = np.zeros((stop - start, node.size), node.dtype)
    np.fill_diagonal(units[:, start:stop], 1)
    return units.reshape(stop - start, *node.shape)


class _Matrix:
    """A matrix that is made part by part, in one array where nothing is traced.

    Parameters
    ----------
    axis : int
        Along which axis the parts stand; each comes with its own rows or columns along its first axis.
    rows, columns : int
        The sizes.
    dtype : numpy.dtype
        Of the whole.
    """

    __slots__ = ("_axis", "_filled", "_parts", "_whole")

    def __init__(self, axis: int, rows: int, columns: int, dtype: np.dtype[Any]) -> None:
        self._axis = axis
        self._whole = np.zeros((rows, columns), dtype)
        self._parts: list[Any] = []
        self._filled = 0

    def add(self, part: Any) -> None:
        """Put the next part in its place."""
        count = shape_of(part)[0]
        part = np.reshape(part, (count, self._whole.shape[1 - self._axis]))
        part = part.T if self._axis == 1 else part
        if not isinstance(part, Tracer):
            place = (slice(None),) * self._axis + (slice(self._filled, self._filled + count),)
            self._whole[place] = part
            part = self._whole[place]
        self._parts.append(part)
        self._filled += count

    def finished(self, shape: tuple[int, ...]) -> Any:
        """The whole in a shape of its own."""
        if any(isinstance(part, Tracer) for part in self._parts):
            return np.reshape(np.concatenate(self._parts, axis=self._axis), shape)
        return self._whole.reshape(shape)[()]


def _outer_size(recorded: Recorded) -> int:
    return copies_of([*recorded.values, *(handle.value for handle in recorded.call.handles)])


def _common_dtype(y: Any, x: Node) -> np.dtype[Any]:
    """The dtype of derivatives of `y` by `x`, by NumPy's rules for their product."""
    numbers = [one for one in (y, x) if kind_of(one) in "fc"]
    return np.result_type(*(one.dtype if _is_strong(one) else 1j if kind_of(one) == "c" else 1.0 for one in numbers))


def _is_strong(x: Any) -> bool:
    return hasattr(x, "dtype") and not getattr(x, "weak", False)
