"""`scan`: a loop with a fixed number of steps as one operation."""

import operator
from collections.abc import Callable
from typing import Any

from chainrule import tree
from chainrule.errors import OptionError, TraceError, user_line
from chainrule.trace.buffer import settled
from chainrule.transforms.bodies import Kind, handed_out, leaf_kinds, name_of, record_body, type_name
from chainrule.transforms.carries import Carry, check_structure, settle_carry
from chainrule.transforms.loops import run_loop, scan_op

__all__ = ["scan"]


def scan(f: Callable[..., Any], init: Any, xs: Any = None, length: int | None = None) -> tuple[Any, Any]:
    """Run a loop that carries a value from step to step and collects results, as one operation of the graph.

    It computes what this loop does::

        carry, ys = init, []
        for x in xs:                # along the first axis of every array in xs
            carry, y = f(carry, x)
            ys.append(y)
        return carry, np.stack(ys)

    Parameters
    ----------
    f : callable
        The body ``f(carry, x) -> (carry, y)``, in plain NumPy. It is recorded once and not run on values, so that a
        decision on one raises; use `cond`. `y` may be None. It may read traced values from outside.
    init : array, number or tree
        The carry to start with. The body must return the same tree, shapes and dtypes; a Python number takes the
        dtype of the array that the body makes of it.
    xs : array or tree of arrays, optional
        What to go along, by the first axis of every array. With None the body gets None for `x`.
    length : int, optional
        Number of steps; needed where `xs` has no arrays, and otherwise checked. 0 works.

    Returns
    -------
    carry : array, number or tree
        The last carry.
    ys : array or tree
        The results of all steps, along a new first axis.

    Raises
    ------
    TraceError
        Where the body takes a decision on a traced value, or the carry changes its tree, shape or dtype.
    OptionError
        Where the arrays of `xs` and `length` do not agree on the number of steps, or `f` is no function.

    Notes
    -----
    Where a derivative is recorded, the carry before each step is stored, and what a step computes from it is computed
    again in the backward pass: memory grows with the carry times the number of steps, not with the work of a step.
    Wrapped in `recompute`, the loop stores its start alone until the backward pass. The derivative is itself a scan, so
    that it has derivatives of any order.

    The body gets arrays of its own, and so does who calls: what the body writes into its arguments stays inside, and
    what it returns is a new array.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import grad, scan
    >>> def step(total, x):
    ...     total = 0.5 * total + x
    ...     return total, total
    >>> scan(step, 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(4.25), array([1.  , 2.5 , 4.25]))
    >>> grad(lambda xs: scan(step, 0.0, xs)[0])(np.array([1.0, 2.0, 3.0]))
    array([0.25, 0.5 , 1.  ])
    """
    carry = Carry("scan", init)
    rows = [(path, settled(leaf)) for path, leaf in tree.leaves_with_paths(xs, "xs")]
    kinds = leaf_kinds("scan", rows)
    steps = _steps(rows, kinds, length)
    x_structure = tree.flatten(xs)[1]
    entries = [(path, Kind(kind.shape[1:], kind.dtype)) for (path, _), kind in zip(rows, kinds, strict=True)]
    count = len(carry.leaves)

    def arrange(leaves: list[Any]) -> tuple[Any, Any]:
        return carry.structure.unflatten(leaves[:count]), x_structure.unflatten(leaves[count:])

    def split(result: Any) -> tuple[list[tuple[str, Any]], Any]:
        if not isinstance(result, tuple) or len(result) != 2:
            found = f"a tuple of {len(result)}" if isinstance(result, tuple) else type_name(result)
            raise TraceError(
                f"scan: {name_of(f)} should return a pair (carry, y), but returned {found}. Return (carry, None) "
                f"where there is nothing to collect.{user_line()}"
            )
        check_structure("scan", f, carry.structure, tree.flatten(result[0])[1])
        leaves = tree.leaves_with_paths(result[0], "carry") + tree.leaves_with_paths(result[1], "y")
        return leaves, tree.flatten(result[1])[1]

    recorded = settle_carry("scan", f, carry, lambda: record_body("scan", f, [*carry.inputs, *entries], arrange, split))
    outputs = run_loop(
        scan_op,
        [*carry.converted_leaves(), *(leaf for _, leaf in rows), *recorded.hidden],
        {"body": recorded.graph, "carries": count, "sequences": len(rows), "length": steps, "reverse": False},
    )
    last = handed_out(carry.structure, outputs[:count])
    return last, handed_out(recorded.structure, outputs[count : count + recorded.structure.size])


def _steps(rows: list[tuple[str, Any]], kinds: list[Kind], length: Any) -> int:
    """The number of steps, on which all arrays and `length` have to agree."""
    if length is not None and (isinstance(length, bool) or not hasattr(length, "__index__")):
        raise OptionError(f"scan: length should be a whole number of steps, but is {length!r}.{user_line()}")
    found = [] if length is None else [("length", operator.index(length))]
    if found and found[0][1] < 0:
        raise OptionError(f"scan: length should be 0 or more, but is {length}.{user_line()}")
    for (path, _), kind in zip(rows, kinds, strict=True):
        if not kind.shape:
            raise OptionError(f"scan: {path} is a number, but needs an axis to go along. Pass an array.{user_line()}")
        found.append((path, kind.shape[0]))
    if not found:
        raise OptionError(f"scan: without arrays in xs the number of steps is needed. Pass length=.{user_line()}")
    if len({steps for _, steps in found}) > 1:
        told = ", ".join(f"{path}: {steps}" for path, steps in found)
        raise OptionError(f"scan: the arrays of xs and length disagree on the number of steps: {told}.{user_line()}")
    return found[0][1]
