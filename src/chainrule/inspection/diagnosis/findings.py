"""What the numbers of a diagnosis mean, in plain words, and what to try."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from chainrule.inspection.diagnosis.measures import LayerDiagnosis
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import NOTATIONS

if TYPE_CHECKING:
    from chainrule.inspection.diagnosis.diagnosis import Diagnosis

__all__ = ["Finding", "findings_of", "listed", "noise_text", "per_cent", "short"]

#: Two thirds of all examples and units in the flat part, and a third of a layer's units dead: half of the former, and a
#: quarter of the latter, are common at the end of runs that have learned well.
_SATURATED, _DEAD = 2 / 3, 1 / 3
#: A fifth of the outputs that are wrong and hardly learn.
_WRONG = 0.2
#: Sensitivities a thousand times smaller, or larger, in the first layer than in the last: one rate cannot suit both.
_SHRINKS = 1e-3
#: Examples can hardly be told apart: their differ by less than a hundredth of their size.
_CONSTANT = 0.01
#: Features a hundred times larger than the median one, or a hundred times farther from 0 than they spread: gradient
#: descent then needs a rate that is 10^4 times too small for the others, the ratio of the squares (Y. LeCun, L. Bottou,
#: G. Orr and K.-R. Mueller, Efficient BackProp, 1998, sections 4.3 and 5.1).
_SCALES = 100.0
#: Steps of a thousandth of the weights are usual (A. Karpathy, notes of Stanford's CS231n, on babysitting the learning
#: process). A tenth changes most of a layer in a few steps; a millionth takes a million steps.
_LARGE_STEP, _SMALL_STEP = 0.1, 1e-6


@dataclass(frozen=True)
class Finding:
    """One thing that was found; printing it gives the sentence.

    Attributes
    ----------
    kind : str
        One of ``"not finite"``, ``"saturated"``, ``"wrong and flat"``, ``"dead"``, ``"vanishing"``, ``"exploding"``,
        ``"equal"``, ``"constant"``, ``"scales"``, ``"large steps"``, ``"small steps"``, and over a run ``"stopped"``.
    layer : int or None
        The number of the layer, from 1; 0 for the inputs, None for the network.
    text : str
        What was found, with numbers.
    advice : str
        What to try.
    notation : Notation
        Which says how the layer is counted where the sentence is shown.
    """

    kind: str
    layer: int | None
    text: str
    advice: str
    notation: Notation = field(default=NOTATIONS["chainrule"], repr=False)

    def __str__(self) -> str:
        where = "" if self.layer is None else "inputs: "
        if self.layer:
            where = f"layer {self.notation.number(self.layer)}: "
        return f"{where}{self.text}; {self.advice}"


def per_cent(share: float) -> str:
    """Write a share, with a digit after the point where it is small."""
    number = 100 * share
    if 0 < number < 0.05:
        return "< 0.1 %"
    return f"{number:.0f} %" if number == 0 or number >= 9.95 else f"{number:.1f} %"


def short(x: float) -> str:
    """Write a number with two digits, as ``0.0012``, ``35`` and ``1.2e-07``."""
    if np.isnan(x):
        return ""
    return f"{x:.0f}" if 10 <= abs(x) < 1e5 else f"{x:.2g}"


def listed(findings: Sequence[Finding]) -> str:
    """Write findings one below the other, in lines of a page's width."""
    said = [str(one) for one in findings] or ["nothing stands out"]
    return "\n".join(textwrap.fill(text, 116, initial_indent="- ", subsequent_indent="  ") for text in said)


def noise_text(scale: float, examples: int) -> str:
    """Write a noise scale; an infinite one is more than the sample can tell."""
    return f"> {examples}" if np.isinf(scale) else short(scale)


def findings_of(found: "Diagnosis") -> tuple[Finding, ...]:
    """List what stands out in a diagnosis.

    Parameters
    ----------
    found : Diagnosis
        The numbers.

    Returns
    -------
    tuple of Finding
        None of them where nothing does: the network as a whole first, then the layers in order.
    """
    broken = [one for one in found.layers if not np.isfinite([one.signal, one.sensitivity, one.gradient]).all()]
    if broken:
        return (
            Finding(
                "not finite",
                broken[0].number,
                "signals, sensitivities or gradients are not finite",
                "try a lower rate, smaller starting weights, or inputs of a smaller size",
            ),
        )
    return (
        *_across(found),
        *_constant(found),
        *_of_inputs(found),
        *(one for layer in found.layers for one in _of_layer(found, layer)),
    )


def _across(found: "Diagnosis") -> Iterator[Finding]:
    first, last = found.layers[0], found.layers[-1]
    steps = len(found.layers) - 1
    if steps == 0 or last.sensitivity == 0:
        return
    ratio = first.sensitivity / last.sensitivity
    if _SHRINKS < ratio < 1 / _SHRINKS:
        return
    hidden = found.layers[:-1]
    weights, slopes = (_mean_factor([getattr(x, name) for x in hidden]) for name in ("by_weights", "by_activation"))
    size = "0 times" if ratio == 0 else f"{short(ratio)} times"
    text = (
        f"sensitivities of the first layer are {size} those of the last; a layer multiplies them by {short(weights)} "
        f"(weights) and {short(slopes)} (slopes of the activations) on the way back"
    )
    if ratio >= 1 / _SHRINKS:
        yield Finding("exploding", None, text, "try smaller starting weights (Glorot, He), clipping, or normalisation")
        return
    sigmoids = sum(one.layer.activation_row.name == "sigmoid" for one in hidden)
    if sigmoids:
        text += (
            f", where the sigmoid's slope is at most 1/4, so that {sigmoids} of them leave at most {0.25**sigmoids:.2g}"
        )
    tries = [
        *(["relu or tanh in place of sigmoid" if sigmoids else "relu"] if slopes < 0.5 else []),
        *(["larger starting weights (Glorot, He)"] if weights < 0.7 else []),
        "residual connections or normalisation",
    ]
    yield Finding("vanishing", None, text, f"try {', '.join(tries)}")


def _mean_factor(factors: list[float]) -> float:
    """Geometric mean; 0 where one of them is 0, or nothing came back that could be multiplied."""
    whole = np.nan_to_num(np.asarray(factors), nan=0.0)
    return float(np.exp(np.mean(np.log(whole)))) if np.all(whole > 0) else 0.0


def _constant(found: "Diagnosis") -> Iterator[Finding]:
    """The first layer in which examples hardly differ any more, where they do at first."""
    if found.examples == 1 or not np.any(found.input_spread > 0):
        return
    for one in found.layers[:-1]:
        spread = float(np.sqrt(np.mean(np.square(one.signal_spread, dtype=np.float64))))
        if one.signal > 0 and spread < _CONSTANT * one.signal:
            yield Finding(
                "constant",
                one.number,
                f"signals differ between examples by {per_cent(spread / one.signal)} of their size: the layers before "
                "have lost what tells the examples apart",
                "try larger starting weights (Glorot, He), tanh or relu, residual connections or normalisation",
            )
            return


def _of_inputs(found: "Diagnosis") -> Iterator[Finding]:
    # The first columns of an embedding hold codes of categories, which have no size.
    codes = len(getattr(found.layers[0].layer, "categories", ()))
    means, spreads = found.input_mean[codes:], found.input_spread[codes:]
    sizes = np.hypot(means, spreads)
    used = sizes > 0
    if not np.any(used):
        return
    advice = "try inputs with mean 0 and standard deviation 1 (StandardScaler, or Preparation)"
    largest, median = float(np.max(sizes)), float(np.median(sizes[used]))
    if largest > _SCALES * median:
        k = int(np.argmax(sizes))
        text = f"feature {k + codes} is of size {short(largest)}, the median feature of {short(median)}"
        yield Finding("scales", 0, text, advice)
        return
    far = (np.abs(means) > _SCALES * spreads) & (spreads > 0)
    if np.any(far):
        k = int(np.argmax(far))
        text = f"feature {k + codes} is {short(means[k])} with a standard deviation of {short(spreads[k])}"
        yield Finding("scales", 0, text, advice)


def _of_layer(found: "Diagnosis", one: LayerDiagnosis) -> Iterator[Finding]:
    name = one.layer.activation_row.name
    is_last = one is found.layers[-1]
    last = found.layers[-1].sensitivity
    if not is_last and one.saturated_share >= _SATURATED:
        beside = f", sensitivities {short(one.sensitivity / last)} of the last layer's" if last else ""
        yield Finding(
            "saturated",
            one.number,
            f"{per_cent(one.saturated_share)} of units and examples are in the flat part of {name}, where its slope is "
            f"below a tenth of the largest: signals are of size {short(one.signal)}{beside}",
            "try smaller starting weights (Glorot), scaled inputs, or relu",
        )
    if is_last and found.flat_and_wrong >= _WRONG:
        yield Finding(
            "wrong and flat",
            one.number,
            f"{per_cent(found.flat_and_wrong)} of the outputs are wrong and in the flat part of {name}, and with "
            f"{found.loss.name} its slope multiplies the sensitivities, so that they hardly learn",
            "try cross-entropy, whose sensitivities are the errors themselves",
        )
    if not is_last and one.dead_share >= _DEAD:
        yield Finding(
            "dead",
            one.number,
            f"{round(one.dead_share * one.units)} of {one.units} units ({per_cent(one.dead_share)}) have slope 0 for "
            "every example, and do not learn",
            "try a lower rate, starting biases of 0.01, leaky relu or elu",
        )
    if not is_last and one.equal:
        same = ", ".join(map(str, one.equal[0][:5])) + (" ..." if len(one.equal[0]) > 5 else "")
        yield Finding(
            "equal",
            one.number,
            f"{sum(map(len, one.equal))} of {one.units} units are equal to another one in signals and sensitivities "
            f"(such as {same}), and stay so, as their gradients are equal",
            "try random starting weights",
        )
    if one.update_ratio > _LARGE_STEP:
        yield Finding(
            "large steps",
            one.number,
            f"a step is {per_cent(one.update_ratio)} of the weights",
            "try a lower rate; 0.1 % is usual",
        )
    elif one.update_ratio < _SMALL_STEP:
        yield Finding(
            "small steps",
            one.number,
            f"a step is {short(one.update_ratio)} of the weights",
            "try a higher rate; 0.001 is usual",
        )
