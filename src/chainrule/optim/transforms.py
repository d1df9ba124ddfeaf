"""Gradient transforms: what stands between gradients and the updates that are added to the parameters.

A transform is two pure functions, ``init(parameters) -> state`` and ``update(gradients, state, parameters) ->
(updates, state)``. A state is a plain tree of arrays and integers, so that a saved run goes on as it would
have. Python numbers multiply arrays, so that float32 stays float32.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from typing import Any, ParamSpec, TypeAlias

import numpy as np

from chainrule import tree
from chainrule.errors import OptionError
from chainrule.optim.schedules import Schedule, as_schedule, check_positive
from chainrule.trace import Tracer

__all__ = [
    "Transform",
    "add_decayed_weights",
    "apply_updates",
    "chain",
    "clip_by_global_norm",
    "momentum",
    "scale",
    "scale_by_adam",
    "scale_by_rate",
]

Tree: TypeAlias = Any
"""Arrays in nested tuples, lists, dicts, named tuples and dataclasses."""


@dataclass(frozen=True)
class Transform:
    """Two pure functions.

    Attributes
    ----------
    init : callable
        ``init(parameters)`` gives the state before the first step.
    update : callable
        ``update(gradients, state, parameters)`` gives updates in the structure of the parameters, and the
        next state. It changes none of its arguments.
    rate : callable or None
        The rate by step, for displays; None where the transform has none.

    Examples
    --------
    >>> halve = scale(0.5)
    >>> updates, state = halve.update([np.array([2.0])], halve.init([np.array([1.0])]), [np.array([1.0])])
    >>> updates
    [array([1.])]
    """

    init: Callable[[Tree], Tree]
    update: Callable[[Tree, Tree, Tree], tuple[Tree, Tree]]
    rate: Schedule | None = None
    _made: Callable[[], "Transform"] | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return "Transform(...)" if self._made is None else _call_text(self._made)

    def __reduce__(self) -> tuple[Any, ...]:
        # Functions that enclose numbers cannot be pickled; what made them can.
        return (Transform, (self.init, self.update, self.rate)) if self._made is None else (self._made, ())

    def __deepcopy__(self, memo: Any) -> "Transform":
        return self


_P = ParamSpec("_P")


def _remembered(factory: Callable[_P, Transform]) -> Callable[_P, Transform]:
    """Let the transforms of a function know what they were made of, by which pickle makes them again."""

    @wraps(factory)
    def make(*arguments: _P.args, **named: _P.kwargs) -> Transform:
        return replace(factory(*arguments, **named), _made=partial(make, *arguments, **named))

    return make


def _call_text(made: Any) -> str:
    """Write what a transform or a schedule was made of as a call: ``scale_by_rate(constant(rate=0.1))``."""
    if not isinstance(made, partial):
        return repr(made)
    arguments = [_call_text(value) for value in made.args]
    arguments += [f"{name}={_call_text(value)}" for name, value in made.keywords.items()]
    # Schedules are functions of a module that stand behind the public ones.
    return f"{made.func.__name__.removeprefix('_')}({', '.join(arguments)})"


def apply_updates(parameters: Tree, updates: Tree) -> Tree:
    """Add updates to parameters.

    Parameters
    ----------
    parameters, updates : tree of arrays
        Two trees of one structure.

    Returns
    -------
    tree of arrays
        New parameters; the arguments stay as they are.

    Examples
    --------
    >>> apply_updates({"w": np.array([1.0])}, {"w": np.array([-0.25])})
    {'w': array([0.75])}
    """
    return tree.map(lambda p, u: p + u, parameters, updates)


@_remembered
def chain(*transforms: Transform) -> Transform:
    """Apply transforms one after the other.

    Parameters
    ----------
    *transforms : Transform
        The first one gets the gradients, each other one the updates of the one before.

    Returns
    -------
    Transform
        All of them as one; its state is the tuple of their states.

    Examples
    --------
    >>> both = chain(scale(0.5), scale(-1.0))
    >>> both.update(np.array([2.0]), both.init(np.array([1.0])), np.array([1.0]))[0]
    array([-1.])
    """

    def init(parameters: Tree) -> Tree:
        return tuple(transform.init(parameters) for transform in transforms)

    def update(gradients: Tree, state: Tree, parameters: Tree) -> tuple[Tree, Tree]:
        states = []
        for transform, old in zip(transforms, state, strict=True):
            gradients, new = transform.update(gradients, old, parameters)
            states.append(new)
        return gradients, tuple(states)

    rates = [transform.rate for transform in transforms if transform.rate is not None]
    return Transform(init, update, rates[-1] if rates else None)


def _stateless(update: Callable[[Tree, Tree], Tree]) -> Transform:
    return Transform(lambda parameters: (), lambda gradients, state, parameters: (update(gradients, parameters), ()))


@_remembered
def scale(factor: float) -> Transform:
    """Multiply by a number.

    Parameters
    ----------
    factor : float
        The number.

    Returns
    -------
    Transform
        Updates are ``factor * gradients``.

    Examples
    --------
    >>> scale(-0.1).update(np.array([2.0]), (), np.array([1.0]))[0]
    array([-0.2])
    """
    factor = float(factor)
    return _stateless(lambda gradients, parameters: tree.map(lambda g: factor * g, gradients))


@_remembered
def scale_by_rate(rate: float | Schedule) -> Transform:
    """Step downhill: multiply by minus the rate.

    Parameters
    ----------
    rate : float or callable
        The rate, or a schedule, a function from the step (counted from 0) to the rate.

    Returns
    -------
    Transform
        Updates are ``-rate(step) * gradients``; the state counts the steps.

    Examples
    --------
    >>> descend = scale_by_rate(0.1)
    >>> descend.update(np.array([2.0]), descend.init(np.array([1.0])), np.array([1.0]))
    (array([-0.2]), {'step': 1})
    """
    schedule = as_schedule(rate)

    def update(gradients: Tree, state: Tree, parameters: Tree) -> tuple[Tree, Tree]:
        step = _number(state["step"], int)
        now = _number(schedule(step), float)
        return tree.map(lambda g: _in_dtype(-now, g) * g, gradients), {"step": step + 1}

    return Transform(lambda parameters: {"step": 0}, update, schedule)


@_remembered
def momentum(decay: float, nesterov: bool = False) -> Transform:
    """Accumulate gradients into a velocity.

    Parameters
    ----------
    decay : float
        Part of the velocity that is left after a step, at least 0 and below 1.
    nesterov : bool
        Whether to look one step ahead.

    Returns
    -------
    Transform
        ``velocity = decay * velocity + gradients``; updates are the velocity, or with `nesterov` ``gradients
        + decay * velocity``, which is Nesterov's method written for the parameters at the point looked ahead
        to (Sutskever, Martens, Dahl and Hinton, On the importance of initialization and momentum in deep
        learning, 2013).

    Raises
    ------
    OptionError
        For a decay outside of [0, 1).

    Examples
    --------
    >>> heavy = momentum(0.5)
    >>> w = np.array([1.0])
    >>> updates, state = heavy.update(np.array([1.0]), heavy.init(w), w)
    >>> heavy.update(np.array([1.0]), state, w)[0]
    array([1.5])
    """
    decay = _check_decay("the decay of momentum", decay)

    def update(gradients: Tree, state: Tree, parameters: Tree) -> tuple[Tree, Tree]:
        velocity = tree.map(lambda v, g: decay * v + g, state["velocity"], gradients)
        updates = tree.map(lambda v, g: g + decay * v, velocity, gradients) if nesterov else velocity
        return updates, {"velocity": velocity}

    return Transform(lambda parameters: {"velocity": tree.map(np.zeros_like, parameters)}, update)


@_remembered
def scale_by_adam(b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Transform:
    """Divide a running mean of the gradients by the root of a running mean of their squares.

    Parameters
    ----------
    b1, b2 : float
        Decay of the running mean of the gradients and of the squared gradients, at least 0 and below 1.
    eps : float
        Added to the root, positive.

    Returns
    -------
    Transform
        Updates are ``m / (1 - b1**t) / (sqrt(v / (1 - b2**t)) + eps)`` at step t = 1, 2, ...; Kingma and Ba,
        Adam: a method for stochastic optimization, 2015, algorithm 1.

    Raises
    ------
    OptionError
        For a decay outside of [0, 1), or `eps` that is not positive.

    Examples
    --------
    >>> adam = scale_by_adam()
    >>> w = np.zeros(2)
    >>> adam.update(np.array([100.0, 0.01]), adam.init(w), w)[0].round(3)
    array([1., 1.])
    """
    b1, b2, eps = _check_decay("b1", b1), _check_decay("b2", b2), check_positive("eps", eps)

    def init(parameters: Tree) -> Tree:
        return {
            "step": 0,
            "mean": tree.map(np.zeros_like, parameters),
            "square": tree.map(np.zeros_like, parameters),
        }

    def update(gradients: Tree, state: Tree, parameters: Tree) -> tuple[Tree, Tree]:
        step = _number(state["step"], int) + 1
        mean = tree.map(lambda m, g: b1 * m + (1 - b1) * g, state["mean"], gradients)
        square = tree.map(lambda v, g: b2 * v + (1 - b2) * (g * g), state["square"], gradients)
        # Both means start at 0; dividing by the weight they have gathered takes that start out of them.
        scale_mean, scale_square = 1 / (1 - b1**step), 1 / (1 - b2**step)
        updates = tree.map(
            lambda m, v: scale_mean * m / (np.sqrt(scale_square * v) + eps),
            mean,
            square,
        )
        return updates, {"step": step, "mean": mean, "square": square}

    return Transform(init, update)


@_remembered
def add_decayed_weights(strength: float) -> Transform:
    """Add ``strength * weights``: the weights shrink by themselves; biases and slopes do not.

    Weights are the arrays of two or more dimensions.

    Parameters
    ----------
    strength : float
        At least 0.

    Returns
    -------
    Transform
        Updates are ``gradients + strength * weights``.

    Raises
    ------
    OptionError
        For a negative strength, and from ``init`` where no array has two or more dimensions.

    Examples
    --------
    >>> parameters = {"weights": np.array([[2.0]]), "bias": np.array([2.0])}
    >>> gradients = {"weights": np.array([[1.0]]), "bias": np.array([1.0])}
    >>> add_decayed_weights(0.1).update(gradients, (), parameters)[0]
    {'weights': array([[1.2]]), 'bias': array([1.])}
    """
    strength = float(strength)
    if not 0 <= strength < math.inf:
        raise OptionError(f"the strength of weight decay has to be a finite number of at least 0, found {strength}")

    def init(parameters: Tree) -> Tree:
        if not any(np.ndim(p) >= 2 for p in tree.leaves(parameters)):
            raise OptionError(
                "weight decay shrinks arrays of two or more dimensions, and the parameters have none: leave "
                "the decay out, or add a penalty to the objective"
            )
        return ()

    def update(gradients: Tree, state: Tree, parameters: Tree) -> tuple[Tree, Tree]:
        return tree.map(lambda g, p: g + strength * p if np.ndim(p) >= 2 else g, gradients, parameters), ()

    return Transform(init, update)


@_remembered
def clip_by_global_norm(max_norm: float) -> Transform:
    """Shorten the gradients, taken together as one vector, to a length of at most `max_norm`.

    Parameters
    ----------
    max_norm : float
        Greatest length, positive.

    Returns
    -------
    Transform
        Updates are ``gradients * min(1, max_norm / norm)``.

    Raises
    ------
    OptionError
        For a `max_norm` that is not positive.

    Examples
    --------
    >>> clip_by_global_norm(1.0).update([np.array([3.0]), np.array([4.0])], (), None)[0]
    [array([0.6]), array([0.8])]
    """
    max_norm = check_positive("max_norm", max_norm)

    def clip(gradients: Tree, parameters: Tree) -> Tree:
        leaves = tree.leaves(gradients)
        # In units of the largest entry: the squares of gradients that explode would overflow, and those are
        # what clipping is there for. An infinite gradient gives NaN, which the next loss shows.
        unit: Any = max_norm
        for g in leaves:
            unit = np.maximum(unit, np.max(np.abs(g))) if getattr(g, "size", 1) else unit
        with np.errstate(invalid="ignore"):
            norm = np.sqrt(sum(np.sum(np.square(g / unit)) for g in leaves))
        limit = max_norm / unit
        factor = limit / np.maximum(norm, limit)
        return tree.map(lambda g: g * factor.astype(getattr(g, "dtype", float)), gradients)

    return _stateless(clip)


def _number(x: Any, kind: type) -> Any:
    """A Python number: NumPy's scalars, from a saved state or a schedule of one's own, would widen float32.

    A traced value stays one: a step that is compiled counts for itself.
    """
    return x if isinstance(x, Tracer) else kind(x)


def _in_dtype(number: Any, g: Any) -> Any:
    """A Python number as it is, and a traced one in the dtype of what it multiplies."""
    return number.astype(g.dtype) if isinstance(number, Tracer) else number


def _check_decay(name: str, decay: float) -> float:
    decay = float(decay)
    if not 0 <= decay < 1:
        raise OptionError(f"{name} has to be at least 0 and below 1, found {decay}")
    return decay
