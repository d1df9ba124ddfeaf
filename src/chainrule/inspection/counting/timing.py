"""How long the pieces of a training step take as machine code, each by itself, and the whole."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from chainrule.differentiate import value_and_grad, vjp
from chainrule.inspection.counting.least_seconds import least_seconds
from chainrule.inspection.counting.pieces import before_parameters, cost_of, forward_of, sources, stream_of
from chainrule.inspection.opened import Opened
from chainrule.jit import jit
from chainrule.nn.objective import objective

__all__ = ["Seconds", "measured_pieces", "measured_whole"]

Seconds = tuple[float, float]
"""Forward alone, and forward and backward."""

#: The shortest time that is measured, and how often.
_LEAST, _TIMES = 0.005, 10


def measured_pieces(parts: Opened) -> list[Seconds]:
    """Measure each layer, and the loss as the last one.

    Parameters
    ----------
    parts : Opened
        Network, loss, and data of the size that is measured.

    Returns
    -------
    list of tuples of float
        For each its forward pass, and that with the derivatives by its parameters and, where layers that learn come
        before it, its inputs.
    """
    rng, first = stream_of(parts), before_parameters(parts)
    passes, _ = parts.network.forward(parts.parameters, parts.state, parts.inputs, rng or None, True)
    values = [parts.inputs, *(one.activation for one in passes)]
    found = []
    for k, place in enumerate(parts.network.places):
        before = [values[source] for source in sources(place, k)]
        layer = forward_of(parts, k, rng)
        forward, both = _pair(layer, by_inputs=max(sources(place, k)) > first)
        found.append(_both(forward, forward if k < first else both, parts.parameters[k], *before))
    by_signal = parts.network.places[-1].layer.activation_row in parts.loss.from_signal
    outputs = passes[-1].signal if by_signal else passes[-1].activation

    cost = cost_of(parts)
    found.append(_both(jit(cost), jit(value_and_grad(cost)), outputs, parts.targets))
    return found


def measured_whole(parts: Opened) -> Seconds:
    """Measure the objective alone, and with its gradient."""
    whole = objective(parts.network, parts.loss, parts.regularizers)
    state, rng = parts.state, stream_of(parts) or None

    def cost(parameters: Any, x: Any, targets: Any) -> Any:
        return whole(parameters, state, x, targets, rng, True)[0]

    return _both(jit(cost), jit(value_and_grad(cost)), parts.parameters, parts.inputs, parts.targets)


def _pair(layer: Callable[..., Any], by_inputs: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def both(parameters: Any, *before: Any) -> Any:
        if by_inputs:
            value, pull = vjp(layer, parameters, *before)
        else:
            value, pull = vjp(lambda own: layer(own, *before), parameters)
        return value, pull(np.ones_like(value))

    return jit(layer), jit(both)


def _both(forward: Callable[..., Any], both: Callable[..., Any], *args: Any) -> Seconds:
    one, other = least_seconds(partial(forward, *args), partial(both, *args), times=_TIMES, shortest=_LEAST)
    return one, other
