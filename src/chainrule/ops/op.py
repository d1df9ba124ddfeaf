"""What one row of the table of primitive operations says.

A rule is written in NumPy notation with four names: `x`, `y` (and `c`) are the inputs, `ans` is the output, `g` the
incoming derivative. Given arrays it computes; given traced values it is recorded, so that derivatives of derivatives
need nothing else.
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of

__all__ = [
    "Op",
    "Partial",
    "copy_of",
    "elementwise",
    "joint",
    "multilinear",
    "of_arrays",
    "piecewise_constant",
    "structural",
]

Rule = Callable[..., Any]


class Partial:
    """The partial derivative of an elementwise operation by one of its inputs, and what it reads.

    Attributes
    ----------
    constant : int or float or None
        The derivative where it is the same number everywhere, such as 1 for a sum.
    rule : callable or None
        The formula otherwise.
    reads : tuple of int
        What the formula takes, in its own order: 0 for `ans`, 1 and on for the inputs.
    single : int
        The one thing that the formula reads, where it reads one; -1 otherwise.
    pair : tuple of int, or None
        The two things that the formula reads, where it reads two.
    takes_g : bool
        True where the formula takes `g` first and returns the whole contribution: because that is shorter (g / y), or
        because it picks `g` or 0, so that a zero derivative meets even an infinite `g` as 0.
    """

    __slots__ = ("constant", "pair", "reads", "rule", "single", "takes_g")

    def __init__(self, stated: float | Rule, names: tuple[str, ...]) -> None:
        self.constant: float | None = None
        self.rule: Rule | None = None
        self.reads: tuple[int, ...] = ()
        self.takes_g = False
        self.single = -1
        self.pair: tuple[int, int] | None = None
        if not callable(stated):
            self.constant = stated
            return
        # The code object tells the names in a hundredth of the time that inspect.signature takes, at every import.
        read = stated.__code__.co_varnames[: stated.__code__.co_argcount]
        self.rule = stated
        self.takes_g = read[:1] == ("g",)
        self.reads = tuple(("ans", *names).index(name) for name in read if name != "g")
        if len(self.reads) == 1:
            self.single = self.reads[0]
        elif len(self.reads) == 2:
            self.pair = (self.reads[0], self.reads[1])


class Op:
    """One primitive operation.

    Attributes
    ----------
    name : str
        As a NumPy user writes it, such as ``np.exp``.
    evaluate : callable
        Arrays and parameters in, array out: the meaning of the operation.
    infer : callable
        Inputs (anything with shape and dtype, or Python numbers) and parameters in, shape and dtype out; with several
        outputs a tuple of shapes and a tuple of dtypes.
    infer_weak : callable or None
        Inputs and parameters in; out, for each output, whether it is a Python number. None: a result is one where
        evaluation makes one of Python numbers.
    partials : tuple of (Partial or None), or None
        For an elementwise operation, one for each input; None stands where there is no rule.
    transpose : callable or None
        For a structural operation: ``transpose(i, g, ans, *inputs, **params)`` is the contribution to input `i`.
        What the operation does not keep is handed over as a node, which has a shape and a dtype, but no value.
    push : callable or None
        The forward rule: ``push(i, t, ans, *inputs, **params)`` is the contribution of the tangent `t` of input `i`.
        None for an operation that is linear in each input by itself: there it is the operation with `t` in the place
        of the input.
    pull_all : callable or None
        ``pull_all(wanted, g, ans, *inputs, **params)`` lists the contributions to all inputs at once, None where
        there is none; `wanted` says of each input whether its contribution is asked for. With several outputs `g` is
        a list, with None for what nobody used. It stands in the place of `transpose`.
    push_all : callable or None
        The forward rule that goes with it: ``push_all(tangents, ans, *inputs, **params)``, with None for an input
        that has no tangent, is the tangent of the output, or the list of them.
    keeps : frozenset of int
        What the backward pass must have the value of: 0 for `ans`, 1 and on for the inputs; -1 for all inputs.
    is_complete : bool
        True where there is a rule for every input.
    is_constant : bool
        True for a piecewise constant operation: its derivative is zero by rule.
    is_view : bool
        True where NumPy's result can share the memory of the input, so that a write into one is seen in the other.
    is_multilinear : bool
        True for a product of its inputs, whose derivative by one input is the product of `g` and the others.
    """

    __slots__ = (
        "evaluate",
        "infer",
        "infer_weak",
        "is_complete",
        "is_constant",
        "is_multilinear",
        "is_view",
        "keeps",
        "keeps_ans",
        "keeps_x",
        "keeps_y",
        "name",
        "partials",
        "pull_all",
        "push",
        "push_all",
        "transpose",
    )

    def __init__(
        self,
        name: str,
        evaluate: Rule,
        infer: Rule,
        *,
        partials: tuple[Partial | None, ...] | None = None,
        transpose: Rule | None = None,
        push: Rule | None = None,
        pull_all: Rule | None = None,
        push_all: Rule | None = None,
        infer_weak: Rule | None = None,
        keeps: frozenset[int] = frozenset(),
        is_constant: bool = False,
        is_multilinear: bool = False,
    ) -> None:
        self.name = name
        self.evaluate = evaluate
        self.infer = infer
        self.partials = partials
        self.transpose = transpose
        self.push = push
        self.pull_all = pull_all
        self.push_all = push_all
        self.infer_weak = infer_weak
        self.keeps = keeps
        self.keeps_ans = 0 in keeps
        self.keeps_x = 1 in keeps or -1 in keeps
        self.keeps_y = 2 in keeps or -1 in keeps
        self.is_constant = is_constant
        self.is_multilinear = is_multilinear
        self.is_complete = (
            transpose is not None
            or is_constant
            or pull_all is not None
            or (partials is not None and None not in partials)
        )
        self.is_view = name in ("index", "np.reshape", "np.transpose")

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Compute on arrays, or record where one of the inputs is traced.

        A traced value makes itself known by a method `__chainrule_record__`, so that this table needs to know nothing
        of recording.
        """
        for argument in args:
            record = getattr(type(argument), "__chainrule_record__", None)
            if record is not None:
                return record(self, args, params)
        return self.evaluate(*args, **params)

    def has_derivative(self, i: int) -> bool:
        """Say whether there is a rule for the derivative by input `i`."""
        return self.is_complete or (self.partials is not None and self.partials[i] is not None)


def of_arrays(function: Any) -> Any:
    """A NumPy function without what it does for the sake of other arguments than plain arrays.

    Parameters
    ----------
    function : callable
        A function of NumPy that is no ufunc.

    Returns
    -------
    callable
        The Python code behind its protocol, where there is some. It is a copy, since a recording exchanges the code of
        the function itself (see `chainrule.trace.hooks`).
    """
    behind = getattr(function, "_implementation", None)
    return copy_of(behind) if isinstance(behind, FunctionType) else function


def copy_of(function: FunctionType) -> FunctionType:
    """A function that keeps the code which this one has now."""
    copied = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copied.__kwdefaults__ = function.__kwdefaults__
    return copied


def _infer_elementwise(evaluate: Rule) -> Rule:
    def infer(*inputs: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
        shapes = {shape_of(x) for x in inputs}
        # A length that is not known while recording (None) can only meet itself.
        shape = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)
        return shape, _result_dtype(evaluate, inputs)

    return infer


def _result_dtype(evaluate: Rule, inputs: tuple[Any, ...]) -> np.dtype[Any]:
    # One entry of each dtype goes through the function itself, so that NumPy's promotion rules are what decides.
    ones = [np.ones((), x.dtype)[()] if _is_strong(x) else _python_one(x) for x in inputs]
    with np.errstate(all="ignore"):
        return np.asarray(evaluate(*ones)).dtype


def _is_strong(x: Any) -> bool:
    return hasattr(x, "dtype") and not getattr(x, "weak", False)


def _python_one(x: Any) -> bool | int | float | complex:
    kind = x.dtype.kind if hasattr(x, "dtype") else type(x)
    return {"f": 1.0, "c": 1 + 0j, "i": 1, "b": True, float: 1.0, complex: 1 + 0j, int: 1, bool: True}[kind]


_NAMES = {1: ("x",), 2: ("x", "y"), 3: ("c", "x", "y"), 4: ("b", "c", "x", "y")}


def elementwise(name: str, evaluate: Rule, *partials: float | Rule | None) -> Op:
    """State an elementwise operation by its partial derivatives.

    Parameters
    ----------
    name : str
        As a NumPy user writes it.
    evaluate : callable
        The function on arrays.
    *partials : number, callable or None
        One for each input. A number is a constant derivative; a formula names what it reads among `ans`, `x`, `y`
        (`c`, `x`, `y` for three inputs, `b` before them for four); with `g` as its first name it returns the whole
        contribution; None: no rule.

    Returns
    -------
    Op
        The row.
    """
    names = _NAMES[len(partials)]
    rows = tuple(None if stated is None else Partial(stated, names) for stated in partials)
    keeps = frozenset(position for row in rows if row is not None for position in row.reads)
    return Op(name, evaluate, _infer_elementwise(evaluate), partials=rows, keeps=keeps)


def piecewise_constant(name: str, evaluate: Rule, infer: Rule | None = None) -> Op:
    """State an operation whose derivative is zero wherever it exists; elementwise unless `infer` says otherwise."""
    return Op(name, evaluate, infer or _infer_elementwise(evaluate), is_constant=True)


def structural(
    name: str, evaluate: Rule, infer: Rule, transpose: Rule, push: Rule | None = None, keeps: tuple[int, ...] = ()
) -> Op:
    """State an operation by its forward rule and the transpose of it (see `Op`)."""
    return Op(name, evaluate, infer, transpose=transpose, push=push, keeps=frozenset(keeps))


def multilinear(name: str, evaluate: Rule, infer: Rule, transpose: Rule, keeps: tuple[int, ...]) -> Op:
    """State a product of several arrays by the transpose of its derivative (see `Op`)."""
    return Op(name, evaluate, infer, transpose=transpose, keeps=frozenset(keeps), is_multilinear=True)


def joint(
    name: str,
    evaluate: Rule,
    infer: Rule,
    pull_all: Rule,
    push_all: Rule,
    *,
    keeps: tuple[int, ...],
    infer_weak: Rule | None = None,
) -> Op:
    """State an operation by rules for all of its inputs (and outputs) at once (see `Op`)."""
    return Op(
        name, evaluate, infer, pull_all=pull_all, push_all=push_all, keeps=frozenset(keeps), infer_weak=infer_weak
    )
