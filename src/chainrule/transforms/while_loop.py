"""`while_loop`: a loop that ends on a condition as one operation."""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError, TraceError, user_line
from chainrule.transforms.bodies import Recorded, handed_out, name_of, record_body
from chainrule.transforms.carries import Carry, check_structure, settle_carry
from chainrule.transforms.loops import run_loop, while_op

__all__ = ["while_loop"]


def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    """Run a loop until a condition fails, as one operation of the graph.

    It computes what this loop does::

        carry = init
        while condition(carry):
            carry = body(carry)
        return carry

    Parameters
    ----------
    condition : callable
        Takes the carry and returns a Boolean, such as ``np.abs(error) > 1e-9``.
    body : callable
        Takes the carry and returns the next one. Both are recorded once and not run on values, so that a decision
        on one raises; use `cond`. Both may read traced values from outside.
    init : array, number or tree
        The carry to start with. The body must return the same tree, shapes and dtypes; a Python number takes the
        dtype of the array that the body makes of it.

    Returns
    -------
    array, number or tree
        The carry for which the condition failed.

    Raises
    ------
    TraceError
        Where a body takes a decision on a traced value, the carry changes its tree, shape or dtype, or the condition
        is not one Boolean.
    OptionError
        Where the carry has neither arrays nor numbers, or one of the two is no function.

    Notes
    -----
    Where a derivative is recorded, the loop counts its steps and stores the carry before each of them; in reverse it is
    a scan of that many steps, with derivatives of any order. Memory grows with the carry times the number of steps.
    Wrapped in `recompute`, it stores its start alone until the backward pass. The number of steps counts as constant.

    In `vectorize` with a condition that differs between the examples, the loop runs until all are done; those that
    are done keep their carry.

    The body gets arrays of its own, and so does who calls: what the body writes into its argument stays inside, and
    what it returns is a new array.

    Examples
    --------
    >>> from chainrule import grad, while_loop
    >>> def root(a):  # Newton's method for the square root
    ...     return while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), 1.0)
    >>> round(root(9.0), 9), round(grad(root)(9.0), 9)
    (3.0, 0.166666667)
    """
    carry = Carry("while_loop", init)
    if not carry.leaves:
        raise OptionError(f"while_loop: init has neither arrays nor numbers.{user_line()}")

    def arrange(leaves: list[Any]) -> tuple[Any]:
        return (carry.structure.unflatten(leaves),)

    def split(result: Any) -> tuple[list[tuple[str, Any]], Any]:
        check_structure("while_loop", body, carry.structure, tree.flatten(result)[1])
        return tree.leaves_with_paths(result, "carry"), carry.structure

    def split_condition(result: Any) -> tuple[list[tuple[str, Any]], Any]:
        return tree.leaves_with_paths(result, "the condition"), tree.flatten(result)[1]

    recorded = settle_carry(
        "while_loop", body, carry, lambda: record_body("while_loop", body, carry.inputs, arrange, split)
    )
    asked = record_body("while_loop", condition, carry.inputs, arrange, split_condition)
    _check_condition(condition, asked)
    outputs = run_loop(
        while_op,
        [*carry.converted_leaves(), *recorded.hidden, *asked.hidden],
        {
            "condition": asked.graph,
            "body": recorded.graph,
            "carries": len(carry.leaves),
            "captured": len(recorded.hidden),
        },
    )
    return handed_out(carry.structure, outputs[: len(carry.leaves)])


def _check_condition(condition: Callable[[Any], Any], asked: Recorded) -> None:
    kind = asked.kinds[0] if asked.structure == tree.LEAF else None
    if kind is None or kind.shape != () or kind.dtype != np.dtype(bool):
        found = "a tree" if kind is None else str(kind)
        raise TraceError(
            f"while_loop: {name_of(condition)} returned {found}, but one Boolean is needed; compare numbers, and join "
            f"several entries with np.any or np.all.{user_line()}"
        )
