"""The steps of fits before, in this process or an earlier one: fits that differ in numbers only share their code."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import tree
from chainrule.native.garbage import collector_paused
from chainrule.train.compiled import CompiledSteps, Pace, batch_sizes, compile_steps
from chainrule.train.in_place import is_large
from chainrule.train.state import TrainState

if TYPE_CHECKING:
    from chainrule.native.bench import Steps

__all__ = ["known_steps"]

#: Translations that are kept in memory: a search over some dozens of settings finds all of its own again.
_KEPT = 128
#: The rooms that make a graph of a network's name; those that make code of it the key knows by itself.
_ROOMS = ("differentiate", "estimators", "library", "nn", "optim", "train", "tree")


@dataclass(frozen=True, eq=False)
class _Kept:
    """Steps, and the pace of fits with them, by the rows of a minibatch."""

    steps: "Steps"
    paces: defaultdict[int, Pace] = field(default_factory=lambda: defaultdict(Pace))

    def of(self, task: Any, state: TrainState) -> CompiledSteps:
        """The steps for a task."""
        sizes = batch_sizes(task)
        finite = len(tree.leaves((state.parameters, state.network_state)))
        paced = self.paces[sizes[0]]
        return CompiledSteps(dict.fromkeys(sizes, self.steps), finite, paced, guarded=is_large(state))


_known: OrderedDict[Hashable, _Kept] = OrderedDict()
_guard = threading.Lock()


def known_steps(task: Any, state: TrainState, *, at_hand: bool = False) -> CompiledSteps | str | None:
    """Find the steps of a task, or make them and keep them.

    Parameters
    ----------
    task : EstimatorTask
        The task; no function of the user's is in it.
    state : TrainState
        A state of the run; only structure, shapes and dtypes are read.
    at_hand : bool
        Whether only those in memory will do.

    Returns
    -------
    CompiledSteps, str or None
        As for `chainrule.train.compiled.compile_steps`; None where none are at hand.
    """
    key = _key(task)
    with _guard:
        kept = _known.get(key)
        if kept is not None:
            _known.move_to_end(key)
    if kept is not None or at_hand:
        return None if kept is None else kept.of(task, state)
    steps = _on_disk(key)
    if steps is None:
        made = compile_steps(task, state, any_rows=True)
        if isinstance(made, str):
            return made
        steps, *others = set(made.by_rows.values())
        if others:
            # Code that knows the numbers of rows serves this fit only.
            return made
        _keep_on_disk(key, steps)
    kept = _Kept(steps)
    with _guard:
        _known[key] = kept
        if len(_known) > _KEPT:
            _known.popitem(last=False)
    return kept.of(task, state)


def _key(task: Any) -> Hashable:
    return (
        task.network,
        task.loss.name,
        task.kind,
        task.factor,
        task.has_weights,
        task.mean_over_outputs,
        task.inputs.dtype.str,
        task.targets.shape[1:],
    )


def _on_disk(key: Hashable) -> "Steps | None":
    if not _is_plain(key):
        return None
    # Loaded by who trains, not by who only makes predictions. All that is loaded lives as long as the process: a
    # collection of cycles meanwhile would take longer than the loading.
    with collector_paused():
        from chainrule.native.kept_steps import kept

        return kept(_name(key))


def _keep_on_disk(key: Hashable, steps: "Steps") -> None:
    if _is_plain(key):
        from chainrule.native.kept_steps import keep

        keep(_name(key), steps)


def _name(key: Hashable) -> str:
    from chainrule.native.cache import key_of

    return key_of("steps of an estimator", np.__version__, repr(key), rooms=_ROOMS)


def _is_plain(key: Any) -> bool:
    """True where the text of a key says all about it, to another process too: there is no function in it."""
    if isinstance(key, tuple):
        return all(map(_is_plain, key))
    if is_dataclass(key) and not isinstance(key, type):
        return all(_is_plain(getattr(key, field.name)) for field in fields(key))
    return key is None or type(key) in (bool, int, float, str)
