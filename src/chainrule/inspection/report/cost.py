"""What a step costs and what the network looks like, and how to run it again."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import numpy as np

from chainrule.data.table import counted
from chainrule.errors import OptionError
from chainrule.html import element, facts, figure, table
from chainrule.inspection import drawings
from chainrule.inspection.backprop import backprop
from chainrule.inspection.counting import count
from chainrule.inspection.report.subject import Subject
from chainrule.inspection.report.summary import history_of
from chainrule.inspection.words import short
from chainrule.nn.html import network_parts
from chainrule.optim import Transform
from chainrule.train import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["cost", "drawn_network", "reproducing"]

#: Layers up to which each is measured by itself, which takes some tenths of a second for each.
_MEASURED = 6
_SAME = "The same command on the same data, with the same versions, trains the same network bit by bit:"
_ENDED = "What was typed. Ctrl-C ended this run, so that the same command goes on for longer:"
#: Examples of the pass in the drawings.
_EXAMPLES = 16


def cost(subject: Subject, run: Any, batch_size: int, optimizer: Transform | None) -> list[Element]:
    """Multiplications, bytes and times, forward and backward."""
    measured = len(subject.network.places) <= _MEASURED
    inputs, targets, _ = subject.sample(batch_size)
    try:
        found = count(
            subject.network,
            batch_size,
            X=inputs,
            y=targets,
            parameters=subject.parameters,
            state=subject.state,
            loss=subject.minimised,
            regularizers=subject.regularizers,
            optimizer=optimizer,
            timed=measured,
        )
    except OptionError as error:
        return [element("p", f"Not counted: {error}.")]
    forward, backward = found.forward.multiplications, found.backward.multiplications
    text = (
        f"In a step on {counted(batch_size, 'row')} the matrix products of the forward pass take {forward:,} "
        f"multiplications and those of the backward pass {backward:,}: together {found.ratio:.2f} times the forward "
        "pass. "
        "Each layer has two products on the way back, for its weights and for its inputs, but the first needs only one."
    )
    title, heads, rows = found.table()
    parts = [
        element("p", text),
        _columns("Work, layer by layer", heads, rows, range(2, 6)),
        _columns("Memory and times, layer by layer", heads, rows, range(6, len(heads))),
        element("p", title[0].upper() + title[1:] + ". " + _notes(measured), class_="note"),
    ]
    history = history_of(run)
    if history is not None and len(history):
        parts.insert(1, element("p", _times(history)))
    return parts


def _columns(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], shown: Sequence[int]) -> Element:
    """Some columns of the table, with what names the rows before them."""
    first, *cells = [[f"{row[0]}: {row[1]}" if row[1] else row[0], *(row[k] for k in shown)] for row in (heads, *rows)]
    return table(caption, first, cells[:-1], numbers=range(1, 1 + len(shown)), foot=cells[-1])


def _times(history: History) -> str:
    """How long the steps took in training."""
    found = history.arrays()
    steps = np.diff(found["steps"], prepend=0)
    taken, seconds = history[-1].steps, short(float(np.sum(found["seconds"])))
    text = f"In training {taken:,} step{'' if taken == 1 else 's'} took {seconds} s, "
    if len(history) > 1:
        # The first epoch compiles the steps, where that was not kept from an earlier run.
        each = 1e6 * float(np.median(found["seconds"] / np.maximum(steps, 1)))
        text += f"in the median epoch {each:,.3g} µs a step, "
    return text + "with the optimiser, the order of the rows and the held-out cost."


def _notes(measured: bool) -> str:
    text = (
        "kept: what the forward pass computes and the backward pass reads; moved: bytes that operations read and write"
    )
    return text + ("; times as machine code on one thread, each piece by itself." if measured else ".")


def drawn_network(subject: Subject) -> list[Element]:
    """The layers, the network with a pass through it, and the graph of its objective."""
    inputs, targets, weights = subject.sample(_EXAMPLES)
    given: dict[str, Any] = {"parameters": subject.parameters, "state": subject.state, "loss": subject.minimised}
    given["regularizers"] = subject.regularizers

    def with_pass() -> "Figure":
        seen = backprop(subject.network, inputs, targets, weights=weights, **given)
        return drawings.network_drawing(subject.network, seen=seen)

    return [
        *network_parts(subject.network),
        _where_it_fits(
            with_pass,
            "The network, forward and back.",
            "Units and weights; below, what comes back.",
            f"On {len(inputs)} rows: lines are as wide as the weights, and below as what comes back through them.",
        ),
        element(
            "details",
            element("summary", "The graph of the objective, operation by operation"),
            _where_it_fits(
                lambda: drawings.architecture(subject.network, inputs, targets, **given),
                "The graph of the objective.",
                "Every operation of the objective with its shape, beside the layers.",
                "What is differentiated: every operation, in the colour of its layer.",
            ),
        ),
    ]


def _where_it_fits(draw: "Callable[[], Figure]", title: str, alt: str, caption: str) -> Element:
    """A drawing, or a sentence where the network is too large to be drawn."""
    try:
        return figure(draw(), title, alt, caption)
    except OptionError as error:
        return element("p", f"{title} Not drawn: {error}.", class_="note")


def reproducing(command: str | None, facts_of_run: Mapping[str, str], interrupted: bool) -> list[Element]:
    """The command, and everything that its result depends on."""
    parts: list[Element] = []
    if command is not None:
        parts += [
            element("p", _ENDED if interrupted else _SAME),
            element("pre", element("code", command), class_="wraps"),
        ]
    # Checksums are long, and break anywhere.
    shown = {name: element("code", text) if "sha256" in text else text for name, text in facts_of_run.items()}
    return [*parts, facts("What it depends on", shown)]
