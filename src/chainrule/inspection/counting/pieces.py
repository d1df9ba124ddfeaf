"""A training step, recorded so that every operation is known to be of one layer, forward or backward."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate import vjp
from chainrule.errors import OptionError
from chainrule.graph import Graph, Node, topological_order
from chainrule.inspection.opened import Opened
from chainrule.nn.places import PlacedLayer
from chainrule.random import random_state
from chainrule.trace.sizes import trace_every_size

__all__ = [
    "Recorded",
    "Step",
    "before_parameters",
    "cost_of",
    "forward_of",
    "recorded_step",
    "sources",
    "stream_of",
]


@dataclass(frozen=True, eq=False)
class Step:
    """The graph of the objective and its gradient, in pieces.

    Attributes
    ----------
    graph : Graph
        Its outputs are the objective and the gradients.
    forward, backward : tuple of lists of Node
        The operations of each layer, and of the loss with the regularisers as the last entry.
    """

    graph: Graph
    forward: tuple[list[Node], ...]
    backward: tuple[list[Node], ...]


def forward_of(parts: Opened, k: int, rng: Any) -> Callable[..., Any]:
    """What layer k, counted from 0, computes: a function of its parameters, its inputs and what is added to those.

    Of the last layer it is the signals alone where the loss is a function of them.
    """
    row, last = parts.network.places[k].layer, k == len(parts.network.places) - 1
    by_signal = last and row.activation_row in parts.loss.from_signal
    # It closes over what it needs and no more, since compiled code looks at all of it at every call.
    state, own = parts.state[k], parts.network.stream(rng or None, k)

    def layer(parameters: Any, x: Any, *added: Any) -> Any:
        for one in added:
            x = x + one
        signal = row.signal(parameters, state, x, own, True)[0]
        return signal if by_signal else row.activate(parameters, signal, own, True)

    return layer


def stream_of(parts: Opened) -> Any:
    """Where the layers draw from; an empty tuple where none draws."""
    return random_state(0) if any(place.layer.draws for place in parts.network.places) else ()


def sources(place: PlacedLayer, k: int) -> tuple[int, ...]:
    """The layers, counted from 1, whose activations go into layer k, counted from 0; 0 for the data."""
    return (k,) if place.skip is None else (k, place.skip)


def before_parameters(parts: Opened) -> int:
    """How many layers stand before the first one that learns: nothing is differentiated by what they make."""
    return next(k for k, one in enumerate(parts.parameters) if one)


def cost_of(parts: Opened) -> Callable[[Any, Any], Any]:
    """The mean loss, as a function of what the last layer's `forward_of` gives, and the targets."""
    row, loss = parts.network.places[-1].layer.activation_row, parts.loss
    by_signal = row in loss.from_signal

    def cost(outputs: Any, targets: Any) -> Any:
        return np.mean(loss.of_signal(outputs, row, targets) if by_signal else loss(outputs, targets))

    return cost


@dataclass(frozen=True, eq=False)
class Recorded:
    """A training step for every number of examples.

    Attributes
    ----------
    graph : Graph
        With everything as an output that tells its pieces apart; its leading size is open.
    examples : int
        The number of examples that it was recorded with.
    sizes : list of lists of int
        How many outputs each piece has: of the layers forward, of the loss, of the layers backward, last first.
    grown : list of int
        How many of those are gradients.
    """

    graph: Graph
    examples: int
    sizes: list[list[int]]
    grown: list[int]

    def at(self, examples: int) -> Step:
        """The step for one number of examples.

        Raises
        ------
        OptionError
            Where the step has another form for another number of examples.
        """
        if self.graph.is_open:
            return _in_pieces(self.graph.at(examples), self.sizes, self.grown)
        if examples != self.examples:
            raise OptionError(
                f"the step of this network is not of one form for every number of examples ({self.graph.specialized}): "
                f"it was counted for {self.examples} alone, not for {examples}"
            )
        return _in_pieces(self.graph, self.sizes, self.grown)


def recorded_step(parts: Opened) -> Recorded:
    """Record forward and backward, layer by layer.

    Each layer's backward pass is the derivative of its own forward pass, and they are chained as they are in the
    derivative of the whole: the operations are those of `chainrule.value_and_grad` of the objective.

    Parameters
    ----------
    parts : Opened
        Network, loss and data, of which the shapes and dtypes are read.

    Returns
    -------
    Recorded
        The step.
    """
    places = parts.network.places
    count, first, cost = len(places), before_parameters(parts), cost_of(parts)

    def step(parameters: Any, x: Any, targets: Any, rng: Any) -> Any:
        made: list[Any] = []
        pulls: list[Any] = []
        for k, place in enumerate(places):
            before = [made[source - 1] if source else x for source in sources(place, k)]
            value, pull = vjp(forward_of(parts, k, rng), parameters[k], *before)
            made.append(value)
            pulls.append(pull)
        value, pull = vjp(lambda outputs: cost(outputs, targets), made[-1])
        back: list[Any] = [None] * count
        back[-1] = pull(1.0)[0]
        penalties: Any = [{}] * count
        if parts.regularizers:
            penalty, pull = vjp(lambda p: sum(one(p) for one in parts.regularizers), parameters)
            value, penalties = value + penalty, pull(1.0)[0]
        by_loss = back[-1]
        received: list[Any] = []
        gradients: list[Any] = []
        for k in reversed(range(count)):
            if k < first:
                gradients.append({})
                received.append([])
                continue
            own, *by_inputs = pulls[k](back[k])
            gradients.append({name: g + penalties[k][name] if penalties[k] else g for name, g in own.items()})
            kept = [(source, g) for source, g in zip(sources(places[k], k), by_inputs, strict=True) if source > first]
            received.append([g for _, g in kept])
            for source, g in kept:
                known = back[source - 1]
                back[source - 1] = g if known is None else known + g
        outputs = ([[one] for one in made], [value, penalties, by_loss], list(zip(gradients, received, strict=True)))
        sizes[:] = [[len(tree.leaves(one)) for one in part] for part in outputs]
        grown[:] = [len(one) for one in gradients]
        return outputs

    sizes: list[list[int]] = []
    grown: list[int] = []
    rng = stream_of(parts)
    with np.errstate(all="ignore"):
        # Without the care for infinite derivatives, which compiled code takes only where a NaN comes out.
        graph = trace_every_size(
            step,
            (parts.parameters, parts.inputs, parts.targets, rng),
            ("parameters", "x", "targets", "rng"),
            (False, True, True, False),
            careful=False,
        )
    return Recorded(graph, len(parts.inputs), sizes, grown)


def _in_pieces(graph: Graph, sizes: list[list[int]], grown: list[int]) -> Step:
    """Give each operation to the first piece that needs it, in the order in which they run."""
    outputs = iter(graph.outputs)
    made, of_loss, of_layers = ([list(islice(outputs, n)) for n in part] for part in sizes)
    seen: set[Node] = set()

    def new(ends: Iterable[Any]) -> list[Node]:
        found = [node for node in topological_order(ends) if node.op is not None and node not in seen]
        seen.update(found)
        return found

    forward = [new(one) for one in made]
    forward.append(new(of_loss[0]))
    by_loss = new([*of_loss[1], *of_loss[2]])
    backward = [new(one) for one in of_layers][::-1]
    gradients = [one[:n] for one, n in zip(of_layers, grown, strict=True)][::-1]
    whole = Graph(graph.inputs, [*of_loss[0], *(g for one in gradients for g in one)], "step")
    return Step(whole, tuple(forward), (*backward, by_loss))
