"""Operations with several outputs: the tuple that they give, and the operation that picks one of its entries."""

from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, joint

__all__ = ["Outputs", "output"]


class Outputs(tuple[Any, ...]):
    """The values of an operation with several outputs.

    Like its node it has a shape and a dtype for each of them.
    """

    __slots__ = ()

    @property
    def shape(self) -> tuple[tuple[int, ...], ...]:
        """Shape of each output."""
        return tuple(shape_of(x) for x in self)

    @property
    def dtype(self) -> tuple[np.dtype[Any], ...]:
        """Data type of each output."""
        return tuple(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype for x in self)


def _output(x: Any, *, k: int) -> Any:
    return x[k]


def _infer_output(x: Any, *, k: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return x.shape[k], x.dtype[k]


def _weak_output(x: Any, *, k: int) -> bool:
    return bool(x.weak and x.weak[k])


def _refuse(*args: Any, **params: Any) -> Any:
    raise NotImplementedError("the passes themselves put a derivative into its place among those of the tuple")


#: One output of an operation with several; `k` says which.
output: Op = joint("output", _output, _infer_output, _refuse, _refuse, keeps=(), infer_weak=_weak_output)
