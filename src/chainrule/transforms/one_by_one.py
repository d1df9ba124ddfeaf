"""Operations that are done to a batch one example after the other: as a scan over the examples."""

from collections.abc import Callable
from typing import Any

from chainrule.ops.batching import BATCHING
from chainrule.ops.op import Op
from chainrule.ops.outputs import Outputs
from chainrule.trace.batch import BatchedOutputs
from chainrule.trace.symbolic import open_body
from chainrule.transforms.loop_bodies import Flags
from chainrule.transforms.loops import run_loop, scan_op
from chainrule.transforms.replay import outputs_of

__all__ = ["done_one_by_one"]


def done_one_by_one(op: Op) -> None:
    """Let an operation be done to the examples of a batch one after the other.

    Parameters
    ----------
    op : Op
        Its parameters may be graphs and whatever else, the same for all examples.
    """
    BATCHING[op.name] = _rule(op)


def _rule(op: Op) -> Callable[..., Any]:
    def rule(size: int, args: tuple[Any, ...], batched: Flags, **params: Any) -> Any:
        with open_body() as level:
            # A scan takes what it goes along first, and then what is the same for all.
            order = sorted(range(len(args)), key=lambda k: not batched[k])
            inputs: list[Any] = [None] * len(args)
            for k in order:
                x = args[k]
                shape, weak = (x.shape[1:], False) if batched[k] else (getattr(x, "shape", ()), not hasattr(x, "dtype"))
                dtype = getattr(x, "dtype", type(x))
                inputs[k] = level.input(f"x{k}", shape, dtype, weak or bool(getattr(x, "weak", False)))
            ans = op(*inputs, **params)
            several = isinstance(ans.dtype, tuple)
            ends = outputs_of(ans, len(ans.dtype)) if several else [ans]
            body = level.graph([inputs[k].node for k in order], ends, op.name)
        found = run_loop(
            scan_op,
            [*(args[k] for k in order), *level.arrays],
            {"body": body, "carries": 0, "sequences": sum(batched), "length": size, "reverse": False},
        )
        return BatchedOutputs(Outputs(found), (True,) * len(found)) if several else found[0]

    return rule
