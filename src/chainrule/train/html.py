"""Histories, runs and models as a notebook shows them."""

from typing import Any
from xml.etree.ElementTree import Element

from chainrule import tree
from chainrule.data import Preparation
from chainrule.data.features import Feature, OneHot
from chainrule.data.targets import NumberTarget
from chainrule.html import Series, curve, element, facts, panel, table
from chainrule.nn.html import network_parts
from chainrule.train.evaluation import Scores
from chainrule.train.loop import Fit
from chainrule.train.model import Model, Record
from chainrule.train.state import Best, History, TrainState

__all__ = ["fit_html", "history_html", "history_parts", "model_html"]

#: Epochs in the table under the curve.
_LAST = 5
_ENDED = {
    "epochs": "all epochs were done",
    "patience": "the held-out cost did not fall any more",
    "callback": "a callback ended it",
    "interrupt": "interrupted",
}
# Settings that the tables above say already.
_IN_THE_NETWORK = ("hidden", "activations", "output", "loss", "dtype")


def history_html(history: History, best: Best | None = None) -> str:
    """Show a history.

    Parameters
    ----------
    history : History
        The history.
    best : Best, optional
        What was best on held-out data: its epoch gets a ring.

    Returns
    -------
    str
        A fragment of HTML: the curve of objective and held-out cost, and the last epochs.

    Examples
    --------
    >>> from chainrule.train.state import Epoch
    >>> "objective: 0.25 at first" in history_html(History((Epoch(1, 10, 0.25, None, 0.1, 0.02),)))
    True
    """
    return panel(*history_parts(history, best))


def running_html(text: str, done: int, whole: int, state: TrainState) -> str:
    """Show a run under way: a line of text, a bar over its steps, and the curve; the table comes at the end."""
    bar = element("progress", f"{100 * done // whole} %", value=done, max=whole, aria_label="Steps of the run")
    return panel(element("p", text), bar, *([_curve(state.history, state.best)] if len(state.history) else []))


def standing(state: TrainState, epochs: int) -> str:
    """Write where a run stands, with the numbers of its last whole epoch."""
    text = f"epoch {state.epoch:,} of {epochs:,}"
    if not len(state.history):
        return text
    row = state.history[-1]
    named = {"objective": row.objective, "held-out cost": row.validation, "rate": row.rate}
    return ", ".join([text, *(f"{name} {number(value)}" for name, value in named.items() if value is not None)])


def history_parts(history: History, best: Best | None = None) -> list[Element]:
    """Return what `history_html` shows, to stand in another fragment, with a ring at the epoch of `best`."""
    if not len(history):
        return [element("p", "History: no epoch has been done.")]
    notes = [element("p", str(halving)) for halving in history.halvings]
    return [_curve(history, best), *notes, _epochs(history)]


def _curve(history: History, best: Best | None) -> Element:
    arrays = history.arrays()
    lines = [Series("objective", arrays["epoch"], arrays["objective"])]
    if history[-1].validation is not None:
        mark = None if best is None else best.epoch - history[0].epoch
        name = "held-out cost" + ("" if mark is None else " (ring: lowest)")
        lines.append(Series(name, arrays["epoch"], arrays["validation"], mark))
    return curve(lines)


def _epochs(history: History) -> Element:
    rows = history.rows[-_LAST:]
    heads = ["epoch", "steps", "objective", "held-out cost", "rate", "seconds"]
    cells = [
        (
            f"{row.epoch:,}",
            f"{row.steps:,}",
            number(row.objective),
            number(row.validation),
            number(row.rate),
            f"{row.seconds:.3g}",
        )
        for row in rows
    ]
    # A column without numbers says nothing.
    kept = [k for k in range(len(heads)) if any(line[k] for line in cells)]
    count = len(history)
    caption = f"History: {count:,} epoch{'s' if count > 1 else ''}" + (f", the last {len(rows)}" * (count > len(rows)))
    return table(
        caption, [heads[k] for k in kept], [[line[k] for k in kept] for line in cells], numbers=range(len(kept))
    )


def number(value: float | None) -> str:
    """Write a number with five significant digits; nothing for None."""
    return "" if value is None else f"{value:.5g}"


def fit_html(found: Fit) -> str:
    """Show what a run gave.

    Parameters
    ----------
    found : Fit
        What `fit` returned.

    Returns
    -------
    str
        A fragment of HTML: why it ended and where it stands, and its history.
    """
    state, best = found.state, found.state.best
    rows = found.history.rows
    seconds = sum(row.seconds for row in rows) + state.seconds
    pairs = {
        "ended": _ENDED[found.ended],
        "epochs": f"{state.epoch:,} ({state.step:,} steps, {seconds:.3g} s)",
        "parameters": f"{sum(x.size for x in tree.leaves(found.parameters)):,}",
    }
    if rows:
        pairs["objective"] = number(rows[-1].objective)
    if best is not None:
        pairs["lowest held-out cost"] = f"{number(best.validation)} at epoch {best.epoch:,}"
    if found.interpreted is not None:
        pairs["ran in NumPy"] = found.interpreted
    return panel(facts("Fit", pairs), *history_parts(found.history, best))


def model_html(model: Model) -> str:
    """Show a model.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    str
        A fragment of HTML: its network, how its data are prepared, how it was trained and how good it is.
    """
    parts = [facts("Model", {"loss": model.loss, "dtype": model.dtype.name}), *network_parts(model.network)]
    if model.preparation is not None:
        parts += _preparation(model.preparation)
    if model.record is not None:
        parts += _record(model.record)
    return panel(*parts)


def _preparation(preparation: Preparation) -> list[Element]:
    rows = [row for feature in preparation.features for row in _columns(feature)]
    target = preparation.target
    if isinstance(target, NumberTarget):
        rows += [
            (name, "target, numbers", _scaled(mean, scale))
            for name, mean, scale in zip(target.names, target.means, target.scales, strict=True)
        ]
    else:
        rows.append((target.name, "target, classes", ", ".join(target.classes)))
    missing = "filled with the mean or the most frequent text" if preparation.impute else "refused"
    notes = [f"Missing values are {missing}.", *preparation.notes]
    return [table("Preparation", ("column", "kind", "values"), rows), *(element("p", note) for note in notes)]


def _columns(feature: Feature) -> list[tuple[str, str, str]]:
    if isinstance(feature, OneHot):
        return [(feature.name, "text", ", ".join(feature.categories))]
    count = len(feature.names)
    means, scales = (values * count if len(values) == 1 else values for values in (feature.means, feature.scales))
    return [
        (name, "numbers", _scaled(mean, scale)) for name, mean, scale in zip(feature.names, means, scales, strict=True)
    ]


def _scaled(mean: float, scale: float) -> str:
    return "as they are" if (mean, scale) == (0, 1) else f"mean {mean:.6g}, deviation {scale:.6g}"


def _record(record: Record) -> list[Element]:
    settings = {name: value for name, value in record.settings.items() if name not in _IN_THE_NETWORK}
    pairs = {name: _text(value) for name, value in settings.items() if value is not None}
    pairs |= {
        "done": f"{record.epochs:,} epochs ({record.steps:,} steps, {record.seconds:.3g} s)",
        "ended": _ENDED.get(record.ended, record.ended),
        "date": record.date,
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
    }
    results = [_results(record.results)] if record.results else []
    return [*results, facts("Training", {name: text for name, text in pairs.items() if text})]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _results(results: dict[str, Scores]) -> Element:
    """Lay out measures as rows, and for each part of the data its value and the baseline's."""
    measures = list(dict.fromkeys(name for scores in results.values() for name in scores.measures))
    rows = [
        (
            measure,
            *(
                number(found.get(measure))
                for scores in results.values()
                for found in (scores.measures, scores.baseline)
            ),
        )
        for measure in measures
    ]
    heads = [
        head for part, scores in results.items() for head in (f"{part} ({scores.examples:,})", f"{part}, baseline")
    ]
    return table("Results, by part of the data (examples)", ("measure", *heads), rows, numbers=range(1, 1 + len(heads)))
