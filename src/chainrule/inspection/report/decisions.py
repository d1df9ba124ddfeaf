"""What the network decides or predicts: a boundary, a confusion matrix, calibration, residuals."""

from xml.etree.ElementTree import Element

import numpy as np

from chainrule.data.table import counted
from chainrule.html import element, figure, table
from chainrule.inspection import drawings
from chainrule.inspection.report.subject import Subject
from chainrule.inspection.words import short

__all__ = ["WIDTH", "decisions"]

#: Inches of a figure that has to be read on a phone too, where one of 6.4 is shown at half its size.
WIDTH = 5.4
#: Classes up to which a matrix of that width has room for their names.
_NARROW = 12
#: Columns of the target of which residuals are drawn.
_COLUMNS = 4
#: Classes up to which their table is open from the start.
_LISTED = 20
#: Pairs of classes that are named.
_PAIRS = 5


def decisions(subject: Subject) -> list[Element]:
    """Figures for the task, on the part of the data that says what to expect on new ones."""
    part = subject.held_out
    said = {"train": "the training rows, as none were held out", "validation": "the validation rows"}
    where = element("p", f"Everything here is on {said.get(part, 'the test rows')}.", class_="note")
    if subject.classes is not None:
        return [where, *_of_classes(subject, part)]
    if subject.loss.name.endswith("cross_entropy"):
        return [where, _of_labels(subject, part)]
    return [where, *_of_numbers(subject, part)]


def _of_classes(subject: Subject, part: str) -> list[Element]:
    inputs, truth, model = subject.parts[part][0], subject.truth(part), subject.predictor()
    names = subject.classes or ()
    count = len(names)
    told, true = subject.codes(subject.outputs(part)), subject.codes(subject.parts[part][1])
    crossed = np.zeros((count, count), int)
    np.add.at(crossed, (true, told), 1)
    worst = _worst(crossed, names)
    parts: list[Element] = []
    if subject.plane is not None:
        plane = subject.plane
        drawn = drawings.decision_boundary(
            subject.predictor(over_plane=True),
            inputs.astype(np.float64) * plane.scales + plane.means,
            truth,
            names=plane.names,
        )
        alt = f"The plane of {plane.names[0]} and {plane.names[1]}, coloured by the class that is decided for."
        parts.append(figure(drawn, "Decision boundary.", alt, "Lines stand where two classes are equally good."))
    drawn = drawings.confusion_matrix(model, inputs, truth)
    if count <= _NARROW:
        drawn.set_size_inches(WIDTH, drawn.get_figheight() * WIDTH / drawn.get_figwidth())
    alt = f"Confusion matrix of {count} classes: {np.trace(crossed):,} of {len(true):,} right. {worst}"
    parts.append(figure(drawn, "Confusion matrix.", alt, worst))
    parts.append(_class_by_class(crossed, names))
    if subject.has_probabilities:
        drawn = drawings.calibration(model, inputs, truth)
        drawn.set_size_inches(WIDTH, 4.4)
        alt = "How often each class came, over the probability that was given for it."
        note = "On the grey line a probability of 0.8 comes true in eight cases of ten; points of few rows scatter."
        parts.append(figure(drawn, "Calibration.", alt, note))
    return parts


def _worst(crossed: np.ndarray, names: tuple[str, ...]) -> str:
    """The pairs that are confused most often, in words."""
    off = crossed - np.diag(np.diag(crossed))
    order = np.argsort(-off, axis=None, kind="stable")[:_PAIRS]
    pairs = [(int(k) // len(names), int(k) % len(names)) for k in order]
    said = [f"{names[i]} taken for {names[j]} ({off[i, j]:,})" for i, j in pairs if off[i, j]]
    return f"Most often confused: {', '.join(said)}." if said else "Nothing is confused."


def _class_by_class(crossed: np.ndarray, names: tuple[str, ...]) -> Element:
    rows = []
    for k, name in enumerate(names):
        there, said, right = int(crossed[k].sum()), int(crossed[:, k].sum()), int(crossed[k, k])
        found = f"{100 * right / there:.1f} %" if there else ""
        kept = f"{100 * right / said:.1f} %" if said else ""
        rows.append((name, f"{there:,}", found, f"{said:,}", kept))
    heads = ("class", "rows", "of these found", "times decided for", "of these right")
    listed = table("Class by class", heads, rows, numbers=range(1, 5))
    if len(names) <= _LISTED:
        return listed
    return element("details", element("summary", f"Class by class, {len(names)} of them"), listed)


def _of_labels(subject: Subject, part: str) -> Element:
    """Several columns of yes or no."""
    given, targets = subject.outputs(part) > 0.5, subject.parts[part][1] > 0.5
    rows = [
        (name, f"{np.count_nonzero(targets[:, k]):,}", f"{100 * np.mean(given[:, k] == targets[:, k]):.1f} %")
        for k, name in enumerate(subject.target_names)
    ]
    return table("Label by label", ("label", "rows with it", "right"), rows, numbers=(1, 2))


def _of_numbers(subject: Subject, part: str) -> list[Element]:
    inputs, truth, model = subject.parts[part][0], subject.truth(part), subject.predictor()
    predicted = subject.decoded(subject.outputs(part))
    parts: list[Element] = []
    width = truth.shape[1]
    for k, name in enumerate(subject.target_names[:_COLUMNS]):
        off = truth[:, k] - predicted[:, k]
        drawn = drawings.residuals(model, inputs, truth, output=k)
        of = f" of {name}" if width > 1 else ""
        drawn.set_size_inches(WIDTH, 3.6)
        size, low, high = (short(float(x)) for x in (np.sqrt(np.mean(off**2)), off.min(), off.max()))
        alt = f"Targets minus predictions{of} over the predictions: root mean square {size}, from {low} to {high}."
        note = "Points that fan out, or bend away from 0, are what the network has not learned."
        parts.append(figure(drawn, f"Residuals{of}.", alt, note))
    if width > _COLUMNS:
        parts.append(
            element("p", f"Not drawn: {counted(width - _COLUMNS, 'more column')} of the target.", class_="note")
        )
    if subject.plane is not None:
        plane = subject.plane
        points = inputs.astype(np.float64) * plane.scales + plane.means
        drawn = drawings.output_surface(
            subject.predictor(over_plane=True), points, truth, kind="contours", names=plane.names
        )
        alt = f"The prediction over {plane.names[0]} and {plane.names[1]}, with the targets in the same colours."
        parts.append(figure(drawn, "The prediction over both inputs.", alt))
    return parts
