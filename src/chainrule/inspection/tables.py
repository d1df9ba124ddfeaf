"""The table of a backward pass, in the words or the symbols of a notation."""

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.inspection.conversion import arrays_of
from chainrule.inspection.notation import Notation
from chainrule.inspection.text import number_text, value_text

if TYPE_CHECKING:
    from chainrule.inspection.quantities import Backprop

__all__ = ["backprop_table", "columns_of", "numeric"]

_QUANTITIES = ("signals", "activations", "back", "slope", "sensitivities")


def columns_of(seen: "Backprop", notation: Notation) -> tuple[str, ...]:
    """The quantities that have a column: those of every layer, and the gradients by what there is to be learned."""
    names: dict[str, None] = {}
    for layer in arrays_of(seen, notation, expanded=False):
        names.update(dict.fromkeys(name for name in layer if name.startswith("gradient by ")))
    return (*_QUANTITIES, *names)


def backprop_table(seen: "Backprop", notation: Notation) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
    """What `Backprop.table` returns."""
    examples, inputs = seen.layers[0].inputs.shape
    shapes = [f"{inputs}", *(f"{layer.signals.shape[1]:,} {layer.layer.text}" for layer in seen.layers)]
    value = number_text(notation.objective_factor(seen.loss, seen.total) * seen.objective)
    quantities = columns_of(seen, notation)
    lines = [
        f"backpropagation through {' - '.join(shapes)}, {examples} example{'s' if examples > 1 else ''}, "
        f"{_objective(seen, notation)} {value}"
    ]
    heads = quantities
    if notation.key != "chainrule":
        heads = tuple(notation.symbol(name) for name in quantities)
        lines.append(f"in the notation of {notation.source}")
        if examples > 1:
            pairs = zip(heads, quantities, strict=True)
            lines.append("; ".join(f"{head} {notation.word(name)}" for head, name in pairs))
    if examples == 1:
        rows = _one_example(arrays_of(seen, notation), quantities, notation)
        return "\n".join(lines), ("layer", "quantity", "symbol", "value"), rows
    lines.append("root mean squares over examples and units")
    rows = [
        (
            str(own["number"]),
            str(layer.signals.shape[1]),
            layer.layer.text,
            *(_rms(own[name]) if name in own else "" for name in quantities),
        )
        for layer, own in zip(seen.layers, arrays_of(seen, notation, expanded=False), strict=True)
    ]
    return "\n".join(lines), ("layer", "units", "activation", *heads), rows


def numeric(heads: tuple[str, ...]) -> tuple[int, ...]:
    """The columns of the table that hold numbers, to be set flush right."""
    return (0, 1, *range(3, len(heads))) if heads[1] == "units" else (0,)


def _one_example(
    arrays: tuple[dict[str, Any], ...], quantities: tuple[str, ...], notation: Notation
) -> list[tuple[str, ...]]:
    """A row for each quantity of each layer: numbers in place of averages need room."""
    return [
        (
            str(own["number"]) if name == "inputs" else "",
            notation.word(name),
            notation.symbol(name, own["number"] - notation.input_layer),
            value_text(own[name][0] if name in ("inputs", *_QUANTITIES) else own[name]),
        )
        for own in arrays
        for name in ("inputs", *quantities)
        if name in own
    ]


def _objective(seen: "Backprop", notation: Notation) -> str:
    if notation.key == "chainrule":
        return notation.word("objective")
    penalty = " + R" if any(layer.penalties for layer in seen.layers) else ""
    return f"{notation.symbol('objective')}{penalty} ="


def _rms(x: Any) -> str:
    return f"{float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))):.3g}" if x.size else "-"
