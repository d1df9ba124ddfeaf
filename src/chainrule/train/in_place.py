"""Large states, which steps write over instead of keeping a copy of the one before: when that may be.

A copy is kept so that a step which diverges can be taken again, and because a state that somebody holds has to stay
what it is. The step of a large state leaves it as it is where a number is not finite; and whether anybody holds the
state follows from how many references Python counts.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.train.state import TrainState

__all__ = ["HELD_ONCE", "LARGE", "is_held_once", "is_large", "kept_unless"]

#: Bytes of parameters and of what optimisers carry from which on a second copy weighs more than the care.
LARGE = 1 << 26


def is_large(state: TrainState) -> bool:
    """Whether steps should write over a state."""
    return sum(x.nbytes for x in _arrays(state)) >= LARGE


def _arrays(state: TrainState) -> list[np.ndarray[Any, Any]]:
    leaves = tree.leaves((state.parameters, state.network_state, state.optimizer))
    return [x for x in leaves if isinstance(x, np.ndarray)]


def kept_unless(ok: Any, before: Any, after: Any, like: Any) -> Any:
    """Choose the arrays of a state after a step, or those before it.

    Parameters
    ----------
    ok : array of bool, shape ()
        Whether the step is taken.
    before, after : tree
        What goes from step to step, traced.
    like : tree
        The same, with values. Where it has numbers, those after the step are chosen: copies of them are kept.

    Returns
    -------
    tree
        The state to go on from.
    """

    def one(old: Any, new: Any, value: Any) -> Any:
        return np.where(ok, new, old) if isinstance(value, np.ndarray) and value.ndim else new

    return tree.map(one, before, after, like)


def is_held_once(state: TrainState) -> bool:
    """Whether a state's arrays, and all containers that they are in, are held by this state alone.

    Examples
    --------
    >>> state = TrainState(({"weights": np.ones(3)},), ({},), None, seed=0)
    >>> is_held_once(state)
    True
    >>> first_layer = state.parameters[0]
    >>> is_held_once(state)
    False
    """
    return _alone([state.parameters, state.network_state, state.optimizer])


def _alone(parts: list[Any]) -> bool:
    """Whether what a list holds, and some container, is held by nothing else; and so on below."""
    for k, part in enumerate(map(type, parts)):
        if part is np.ndarray:
            if not _has_its_memory(parts[k]) or _references(parts, k) != _TWO:
                return False
            continue
        below = tree.children(parts[k])
        # What has nothing in it leads nowhere, and Python has one empty tuple for all.
        if below and (_references(parts, k) != _TWO or not _alone(below)):
            return False
    return True


def _has_its_memory(x: np.ndarray[Any, Any]) -> bool:
    """Whether an array's memory is its own: made with it, or lying in a larger one that nothing else refers to."""
    if not (x.flags.writeable and x.flags.c_contiguous):
        return False
    if x.base is None:
        return x.flags.owndata
    return isinstance(x.base, np.ndarray) and x.base.flags.owndata and sys.getrefcount(x.base) == _OF_ONE_VIEW


def _references(parts: Sequence[Any], k: int) -> int:
    return sys.getrefcount(parts[k])


def _counted() -> tuple[int, int, int]:
    state, x = object(), object()
    container, parts, holder = [x], [x], [state]
    view = np.empty(2)[:1]
    del x
    return sys.getrefcount(state), _references(parts, 0) + len(container) - len(holder), sys.getrefcount(view.base)


#: References to what a variable of a function and one more hold, as Python counts them in the function; to what a
#: container and a list hold; and to the memory of one view.
HELD_ONCE, _TWO, _OF_ONE_VIEW = _counted()
