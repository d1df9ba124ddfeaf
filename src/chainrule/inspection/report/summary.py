"""The first sections of a report: what was trained, how good it is, and how its objective fell."""

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from chainrule.data.table import counted
from chainrule.differentiate.check import GradientReport
from chainrule.html import element, facts, figure, table
from chainrule.inspection import drawings
from chainrule.inspection.diagnosis import Finding
from chainrule.inspection.report.decisions import WIDTH
from chainrule.inspection.report.subject import Subject
from chainrule.inspection.words import describe_ending, score_cells, share, short
from chainrule.train import Fit, History, Report, Scores

__all__ = ["history_of", "in_short", "learning", "summary"]

#: A curve whose largest value is so many times its least is drawn on a logarithmic axis.
_DECADES = 20.0
_UNEVEN = 0.01
#: A held-out cost that ends so many times higher than its least value has risen.
_ROSE = 1.05
_PARTS = {
    "test": "rows that it has not seen",
    "validation": "rows held out to stop training by",
    "train": "rows that it was trained on",
}


def summary(
    subject: Subject, run: Any, about: Mapping[str, str], check: GradientReport, findings: tuple[Finding, ...]
) -> list[Element]:
    """What it is, what is remarkable, the scores beside the baseline, and with what it was trained."""
    parts = [
        element("p", verdict(subject)),
        element("ul", *(element("li", one) for one in in_short(run, check, findings))),
        scores(subject.results),
        element("p", _baseline(subject), class_="note"),
    ]
    if about:
        parts.append(facts("The run", about))
    if subject.notes:
        notes = [element("li", note[0].upper() + note[1:] + ".") for note in subject.notes]
        parts += [element("h3", "On the data"), element("ul", *notes)]
    return parts


def verdict(subject: Subject) -> str:
    """What the network does, and how well, beside what a constant would reach."""
    folds = _folds(subject)
    part = folds if folds is not None and subject.held_out == "train" else subject.held_out
    found = subject.results[part]
    rows = f"{found.examples:,} {_PARTS.get(part, 'rows, each by a network that has not seen it,')}"
    if "accuracy" in found.measures:
        right, often = found.measures["accuracy"], found.baseline["accuracy"]
        if subject.classes is None:
            text = f"It decides {len(subject.target_names)} labels: of {rows} {share(right)} have all of them right, "
        else:
            text = f"It tells the {len(subject.classes)} classes of {subject.target_names[0]} apart: "
            text += f"of {rows} it gets {share(right)} right, "
        text += f"where always giving what is most frequent would get {share(often)}."
        better = right > often
    else:
        names = [name for name in found.measures if name == "rmse" or name.startswith("rmse of ")]
        errors = [
            f"{name.removeprefix('rmse of ') if len(names) > 1 else ''} {short(found.measures[name])} "
            f"(the mean of the training rows: {short(found.baseline[name])})".strip()
            for name in names[:4]
        ]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        what = subject.target_names[0] if len(names) == 1 else f"{len(names)} numbers"
        text = f"It predicts {what}: on {rows} its error is, as the root of the mean square, {'; '.join(errors)}{more}."
        better = found.measures["r2"] > 0
    if not better:
        text += " It is no better than that constant."
    if part == "train":
        text += " No rows were held out: what to expect on new ones is not known."
    return text


def in_short(run: Any, check: GradientReport, findings: tuple[Finding, ...]) -> list[str]:
    """What to know first, a sentence each."""
    found = []
    fit = run.fit if isinstance(run, Report) else run
    if isinstance(fit, Fit):
        ending = describe_ending(fit.ended, fit.state.epoch)
        best = fit.state.best
        if best is not None:
            ending += f"; the weights are those of epoch {best.epoch}, where the held-out cost was least"
        found.append(f"{ending[0].upper()}{ending[1:]}.")
        found += [f"{str(one)[0].upper()}{str(one)[1:]}." for one in fit.history.halvings]
        if fit.interpreted is not None:
            found.append(f"Steps ran in NumPy, not as machine code: {fit.interpreted}.")
    verdict = "agrees" if check.ok else "does NOT agree"
    found.append(
        f"The gradient {verdict} with {check.against}: the largest relative error of {len(check.entries):,} "
        f"derivatives is {check.largest_error:.1e}."
    )
    count = len(findings)
    told = f"{counted(count, 'thing')}: see below" if count else "nothing"
    found.append(f"Its diagnosis finds {told}.")
    return found


def scores(results: Mapping[str, Scores]) -> Element:
    """The scores by part of the data."""
    heads, rows = score_cells(results, balanced=_uneven(results))
    numbers = [k for k, head in enumerate(heads) if head not in ("", "target")]
    return table("Scores", ["part", *heads[1:]], rows, numbers=numbers)


def _uneven(results: Mapping[str, Scores]) -> bool:
    """Whether the mean over the classes says something else than the mean over the rows."""
    return any(
        abs(found.measures.get("balanced_accuracy", right) - right) > _UNEVEN
        for found in results.values()
        if (right := found.measures.get("accuracy")) is not None
    )


def _baseline(subject: Subject) -> str:
    of_classes = any("accuracy" in found.measures for found in subject.results.values())
    constant = "the most frequent class of the training rows" if of_classes else "the mean of the training rows"
    text = f"The baseline always gives {constant}. "
    if of_classes:
        text += f"The cost is the mean of the loss {subject.loss.name}."
        if _uneven(subject.results):
            text += " Balanced: the mean over the classes of the part of each that is right."
    else:
        text += "RMSE and MAE are in the units of the target; R² is the part of the variance that is explained."
    if (folds := _folds(subject)) is not None:
        text += f" {folds}: the mean over folds, each tested with a network that was trained on the others."
    return text


def _folds(subject: Subject) -> str | None:
    """What the results of a cross-validation are called, where there was one."""
    return next((name for name in subject.results if name.endswith(" folds")), None)


def history_of(run: Any) -> History | None:
    """The history of a run, where it has one."""
    fit = run.fit if isinstance(run, Report) else run
    found = fit if isinstance(fit, History) else getattr(fit, "history", None)
    return found if isinstance(found, History) else None


def learning(run: Any) -> list[Element]:
    """The objective and the held-out cost, epoch by epoch."""
    history = history_of(run)
    values = np.array(run.loss_curve_) if history is None else history.arrays()["objective"]
    if not len(values):
        return [element("p", "No whole epoch was done.")]
    held_out = np.array([]) if history is None else history.arrays()["validation"]
    seen = np.concatenate([values, held_out[np.isfinite(held_out)]])
    is_log = bool(np.all(seen > 0)) and seen.max() > _DECADES * seen.min()
    shown = run if history is None else history
    drawn = drawings.learning_curves(shown, scale="log" if is_log else "linear")
    text = f"The objective was {short(float(values[0]))} over the first epoch"
    text += f" and {short(float(values[-1]))} over the last." if len(values) > 1 else ", which was the only one."
    if len(held_out) and np.all(np.isfinite(held_out)):
        least = int(np.argmin(held_out))
        text += f" The held-out cost was least, {short(held_out[least])}, after epoch {least + 1}"
        if held_out[-1] > _ROSE * held_out[least]:
            text += f", and {short(held_out[-1])} after the last: by then it learned its training rows by heart"
        text += "."
    note = "Objective of an epoch: the mean over its minibatches, each before its step, with the regularisers."
    drawn.set_size_inches(WIDTH, 3.6)
    return [element("p", text), figure(drawn, "Learning curves.", text, note)]
