"""`recompute`: a function whose intermediate values are computed again in the backward pass instead of being kept."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.evaluate import runner
from chainrule.graph import Graph, Node
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs
from chainrule.trace.buffer import settled
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.record import record
from chainrule.trace.symbolic import Body, Symbolic, open_body, value_of
from chainrule.trace.tracer import Tracer
from chainrule.transforms.bodies import kind_of, name_of
from chainrule.transforms.replay import outputs_of, owned, pull_through, push_through

__all__ = ["recompute"]


def recompute(f: Callable[..., Any]) -> Callable[..., Any]:
    """Keep no intermediate values of a function for the backward pass; they are computed again there.

    Parameters
    ----------
    f : callable
        A function in plain NumPy. Arrays, traced values and floats among its arguments and results, in trees too, are
        followed; anything else is handed on. It may read traced values from outside.

    Returns
    -------
    callable
        The same function. Under a derivative it is one operation, for which the arguments and what it reads from
        outside are kept, and nothing else.

    Raises
    ------
    TraceError
        Where `f` does what cannot be followed, or returns what is neither an array nor a number.

    Notes
    -----
    `f` runs once; what it did is recorded without values, and that is what is computed again. Decisions that it takes
    on values are taken once. The price is about one further evaluation for each derivative. A chain of n steps in
    blocks of sqrt(n) needs memory for 2 sqrt(n) values instead of n (T. Chen, B. Xu, C. Zhang and C. Guestrin, Training
    deep nets with sublinear memory cost, 2016).

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import grad, recompute
    >>> @recompute
    ... def block(x):
    ...     for _ in range(8):
    ...         x = np.tanh(x)
    ...     return x
    >>> float(np.round(grad(lambda x: np.sum(block(block(x))))(np.zeros(3))[0], 6))
    1.0
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten((args, kwargs))
        leaves = [settled(leaf) for leaf in leaves]
        followed = [k for k, leaf in enumerate(leaves) if _is_followed(leaf)]
        # In the body of a loop, and in a batch, the arguments have no values.
        known = all(_value(leaves[k]) is not NO_VALUE for k in followed)
        with open_body(f, values=known) as body:
            handles = [_enter(leaves[k], k, body) for k in followed]
            nodes = [handle.node for handle in handles]
            inside = list(leaves)
            for k, handle in zip(followed, handles, strict=True):
                inside[k] = handle
            own_args, own_kwargs = structure.unflatten(inside)
            results, result_structure = tree.flatten(f(*own_args, **own_kwargs))
            results = [settled(leaf) for leaf in results]
            places = [k for k, leaf in enumerate(results) if isinstance(leaf, Symbolic) and leaf.recording is body]
            graph = body.graph(nodes, [results[k] for k in places], name_of(f))
        values = [results[k].value for k in places]
        inputs = [*(leaves[k] for k in followed), *body.captured, *body.arrays]
        for k, y in zip(places, _apply(inputs, graph, values), strict=True):
            results[k] = y
        return result_structure.unflatten(results)

    return call


def _is_followed(x: Any) -> bool:
    return isinstance(x, (Tracer, float, complex, np.ndarray, np.inexact)) and kind_of(x) is not None


def _value(x: Any) -> Any:
    return value_of(x) if isinstance(x, Tracer) else x


def _enter(x: Any, number: int, body: Body) -> Symbolic:
    kind = kind_of(x)
    assert kind is not None, "a leaf that is followed is a number or an array"
    name = x.node.name if isinstance(x, Tracer) and x.node.op is None else f"x{number}"
    return body.input(name, kind.shape, kind.dtype, kind.weak, _value(x))  # type: ignore[no-any-return]


def _apply(inputs: Sequence[Any], graph: Graph, values: list[Any]) -> list[Any]:
    """Record the operation; its values are there already, unless they are different at an inner level."""
    known = not any(value is NO_VALUE for value in values)

    def compute(*found: Any) -> Any:
        if any(isinstance(x, Tracer) for x in found):
            return record(recompute_op, found, {"body": graph}, compute)
        return Outputs(values) if known else recompute_op(*found, body=graph)

    if not values:
        return []
    return outputs_of(compute(*inputs), len(values))


def _run(*inputs: Any, body: Graph) -> Outputs:
    return Outputs(owned(runner(body)(*inputs), inputs, body))


def _infer(*inputs: Any, body: Graph) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    outputs = Outputs(body.outputs)
    return outputs.shape, outputs.dtype


def _weak(*inputs: Any, body: Graph) -> tuple[bool, ...]:
    return tuple(x.weak if isinstance(x, Node) else not hasattr(x, "dtype") for x in body.outputs)


def _pull(wanted: tuple[bool, ...], g: list[Any], ans: Any, *inputs: Any, body: Graph) -> list[Any]:
    asked = tuple(w and x.dtype.kind in "fc" for w, x in zip(wanted, body.inputs, strict=True))
    return pull_through(body, inputs, asked, g)


def _push(tangents: list[Any], ans: Any, *inputs: Any, body: Graph) -> list[Any]:
    given = [t if x.dtype.kind in "fc" else None for t, x in zip(tangents, body.inputs, strict=True)]
    return push_through(body, inputs, given)


recompute_op: Op = joint("chainrule.recompute", _run, _infer, _pull, _push, keeps=(-1,), infer_weak=_weak)
