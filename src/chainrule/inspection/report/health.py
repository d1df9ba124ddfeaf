"""How the network was while it learned and at the end: the diagnosis, and the certificate of the gradient check."""

import re
from xml.etree.ElementTree import Element

import numpy as np

from chainrule.data.table import counted
from chainrule.differentiate.check import Comparison, GradientReport
from chainrule.html import element, figure, table
from chainrule.inspection import drawings
from chainrule.inspection.diagnosis import Diagnosis, Finding, Watch
from chainrule.inspection.drawings.watched import Quantity
from chainrule.inspection.words import short

__all__ = ["certificate", "diagnosed", "watched"]

#: Numbers of a gradient check that are shown.
_SHOWN = 8


def watched(watch: Watch, batch_size: int) -> list[Element]:
    """What `Watch` saw: four curves, findings, and the numbers."""
    looks = f"{counted(len(watch.epochs), 'look')}, after epoch{'s' if len(watch.epochs) > 1 else ''} "
    title, heads, rows = watch.table()
    parts = [
        element(
            "p",
            f"{looks}{_enumerated(watch.epochs)}, at a fixed sample of {title.rpartition(' at ')[2]}, "
            "without what layers leave out at random.",
        ),
        _findings(watch.findings, "Nothing stood out at any look."),
    ]
    if len(watch.epochs) > 1:
        parts.append(element("div", *_curves(watch, batch_size), class_="pair"))
    numbers = table("Look by look", heads, rows, numbers=range(len(heads)))
    return [*parts, element("details", element("summary", "The numbers, look by look"), numbers)]


def _enumerated(epochs: tuple[int, ...]) -> str:
    if len(epochs) <= 4:
        return ", ".join(map(str, epochs))
    return f"{epochs[0]}, {epochs[1]}, …, {epochs[-1]}"


def _curves(watch: Watch, batch_size: int) -> list[Element]:
    found = watch.arrays()
    made = []
    first, last = found["sensitivity"][:, 0], found["sensitivity"][:, -1]
    if np.any(np.isfinite(found["sensitivity"]) & (found["sensitivity"] > 0)):
        note = "Derivatives of the loss by the signals. They should be of like size in all layers."
        if len(watch.diagnoses[-1].layers) > 1 and last[-1] > 0:
            note += f" At the last look the first layer's are {short(float(first[-1] / last[-1]))} times the last's."
        made.append(_curve(watch, "sensitivities", "Sensitivities.", note))
    flat = np.stack([found["saturated"], found["dead"]])[:, :, :-1]
    if np.any(np.isfinite(flat)):
        note = "Where the activation is flat, nothing comes back through it: the weights below get no gradient."
        made.append(_curve(watch, "flat", "Flat or dead units.", note))
    if np.any(np.isfinite(found["moved"])):
        note = "Length of the change over the length of the parameters, for each epoch: the update ratio."
        made.append(_curve(watch, "moved", "How far the layers move.", note))
    noise = found["whole noise_scale"]
    if np.count_nonzero(np.isfinite(noise) & (noise > 0)) > 2:
        note = (
            f"The batch size at which noise and gradient are of one size; a step took {counted(batch_size, 'row')}. "
            "It grows as the gradient vanishes."
        )
        missing = int(np.count_nonzero(~np.isfinite(noise)))
        if missing:
            note += f" At {counted(missing, 'look')} it was larger than the sample can tell."
        made.append(_curve(watch, "noise scale", "Noise scale.", note))
    return made


def _curve(watch: Watch, quantity: Quantity, title: str, note: str) -> Element:
    drawn = drawings.watch_curves(watch, quantity)
    drawn.set_size_inches(4.8, 3.4)
    return figure(drawn, title, f"{quantity[0].upper()}{quantity[1:]} by epoch. {note}", note)


def _findings(findings: tuple[Finding, ...], none: str) -> Element:
    if not findings:
        return element("p", none)
    return element("ul", *(element("li", str(one)[0].upper() + str(one)[1:] + ".") for one in findings))


def diagnosed(found: Diagnosis) -> list[Element]:
    """The network as it is now: findings, and the numbers of each layer."""
    title, heads, rows = found.table()
    numbers = [k for k, head in enumerate(heads) if head != "activation"]
    return [
        element("p", title[0].upper() + title[1:] + "."),
        _findings(found.findings, "Nothing stands out."),
        table("Layer by layer", heads, rows, numbers=numbers),
        element(
            "p",
            "flat: share of examples and units where the activation is flat, or dead; of last: sensitivities over "
            "those of the last layer, the product of by weights and by slopes over the layers after; condition: of the "
            "signals' covariance; noise scale: the batch size at which the noise of a minibatch's gradient is as large "
            "as the gradient.",
            class_="note",
        ),
    ]


def certificate(check: GradientReport, where: str) -> list[Element]:
    """The numbers that were compared, the largest error, and what it means."""
    compared = [row for row in (*check.entries, *check.directions) if not row.at_kink]
    size = f"{len(check.entries):,} of its {check.size:,} entries"
    if len(check.entries) == check.size:
        size = f"all of its {check.size:,} entries"
    text = (
        f"Training goes by the derivative of the graph of the objective. {where} it was compared with {check.against}, "
        f"which need nothing but values of the objective: {size}, and the slope in "
        f"{counted(len(check.directions), 'random direction')}."
    )
    meaning = f"The largest relative error is {check.largest_error:.1e}; up to {check.tolerance:.0e} passes."
    if check.ok:
        verdict = f"Passed. {meaning} That is the rounding of the differences: no derivative is wrong."
    else:
        wrong = sum(not row.error <= check.tolerance for row in compared)
        verdict = (
            f"FAILED. {meaning} {counted(wrong, 'number')} of {len(compared):,} differ: do not trust this training."
        )
    kinks = ""
    if check.kinks:
        kinks = f" {check.kinks:,} of the entries are at a kink, as relu has at 0, where no difference can tell."
    shown = [*_first(check.entries), *check.directions]
    rows = [
        (
            element("code", _place(row.place)),
            "kink" if row.at_kink else f"{row.error:.1e}",
            f"{row.derivative:.10g}",
            f"{row.reference:.10g}",
        )
        for row in shown
    ]
    caption = "Largest errors first, then the directions"
    return [
        element("p", text),
        element("p", element("b", verdict), kinks),
        table(
            caption, ("derivative by", "relative error", "from the graph", "by differences"), rows, numbers=(1, 2, 3)
        ),
        element(
            "p",
            "The relative error is the distance of both over the larger one, or over a thousandth of the gradient's "
            "largest entry where that is more.",
            class_="note",
        ),
    ]


def _first(entries: tuple[Comparison, ...]) -> list[Comparison]:
    kept = [row for row in entries if not row.at_kink]
    return sorted(kept, key=lambda row: -row.error if row.error == row.error else -np.inf)[:_SHOWN]


def _place(place: str) -> str:
    """``layer 1: weights[3, 0]`` for ``parameters[0]['weights'][3, 0]``."""
    found = re.fullmatch(r"\w+\[(\d+)\]\['(\w+)'\](.*)", place)
    return f"layer {int(found[1]) + 1}: {found[2]}{found[3]}" if found else place
