"""A check as text and as HTML."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from chainrule.html import element, panel
from chainrule.inspection.checking.found import BackpropCheck, Difference, FoundSlip
from chainrule.inspection.checking.names import array_name

__all__ = ["summary", "whole_html", "whole_text"]

#: pytest shows as much of what it asserts.
_LONGEST = 235


def summary(check: BackpropCheck) -> str:
    """Say in a line what was found."""
    paragraphs = _lines(check)
    text = " ".join(line for line in paragraphs[:2] if not line.startswith("    ")).strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4].rstrip() + " ..."


def whole_text(check: BackpropCheck) -> str:
    """Say all that was found."""
    return "\n".join(_lines(check))


def whole_html(check: BackpropCheck) -> str:
    """Say all that was found, as a fragment of HTML."""
    first, *others = _lines(check)
    parts: list[Element] = [element("p", element("b", first))]
    parts += [
        element("p", element("code", line.strip()) if line.startswith("    ") else line) for line in others if line
    ]
    return panel(*parts)


def _lines(check: BackpropCheck) -> list[str]:
    if check.problems:
        return ["The arrays cannot be compared yet:", *(f"- {problem}" for problem in check.problems), *check.notes]
    if check.ok:
        return _right(check)
    return [*(_hint(check) if check.feedback == "hint" else _full(check)), *_notes(check)]


def _right(check: BackpropCheck) -> list[str]:
    if not check.conventions:
        return ["Right: every array agrees with backpropagation.", *_notes(check)]
    lines = ["Right, in another convention:", *(f"- {text}" for text in check.conventions)]
    lines += [f"or: {'; '.join(texts) if texts else 'as expected'}" for texts in check.alternatives]
    if check.notations:
        lines.append(f"This is the convention of {_listed(check.notations)}.")
    return [*lines, *_notes(check)]


def _notes(check: BackpropCheck) -> list[str]:
    notes = list(check.notes)
    if check.conventions and not check.ok:
        notes.append(f"Apart from that, these are conventions and no slips: {'; '.join(check.conventions)}.")
    return notes


def _hint(check: BackpropCheck) -> list[str]:
    if not check.slips:
        wrong = check.differences[0]
        lines = [
            f"Not right yet: look at the {_array(check, wrong)} first; those after it on the way back follow from it."
        ]
        return [*lines, *check.deductions]
    layers = tuple(dict.fromkeys(layer for slip in check.slips for layer in slip.layers))
    arrays = tuple(dict.fromkeys(array_name(slip.array, check.notation, layers) for slip in check.slips))
    lines = [f"Not right yet: look at the {' or the '.join(arrays)} of {_layers(check, layers)}."]
    lines += [f"Ask yourself: {text}" for text in dict.fromkeys(slip.question for slip in check.slips)]
    if not check.complete:
        lines.append("There is more after that: hand it in again.")
    return lines


def _full(check: BackpropCheck) -> list[str]:
    lines = []
    if check.slips:
        named = [_slip(check, slip) for slip in check.slips]
        lines.append(f"Not right: {named[0][0].lower()}{named[0][1:]}")
        lines += [f"It may also be, with the same numbers here: {text[0].lower()}{text[1:]}" for text in named[1:]]
        lines += [f"    {formula}" for formula in dict.fromkeys(slip.formula for slip in check.slips)]
        if not check.complete:
            lines.append(
                "This explains the first wrong array from the output backwards, and not all that come after it."
            )
    elif check.differences:
        wrong = check.differences[0]
        lines.append(
            f"Not right: the {_array(check, wrong)}, the first wrong array from the output backwards; no known slip."
        )
    lines += check.deductions
    lines += [f"- {_difference(check, wrong)}" for wrong in check.differences]
    return lines


def _slip(check: BackpropCheck, slip: FoundSlip) -> str:
    return f"{_layers(check, slip.layers)}, {array_name(slip.array, check.notation, slip.layers)}: {slip.sentence}."


def _layers(check: BackpropCheck, layers: Sequence[int]) -> str:
    shown = [str(check.notation.number(layer)) for layer in layers]
    own = f" ({check.notation.key}'s numbers)" if check.notation.input_layer else ""
    return f"layer{'s' if len(shown) > 1 else ''} {_listed(shown)}{own}"


def _array(check: BackpropCheck, wrong: Difference) -> str:
    return f"{array_name(wrong.array, check.notation, (wrong.layer,))} of {_layers(check, (wrong.layer,))}"


def _difference(check: BackpropCheck, wrong: Difference) -> str:
    many = f"{wrong.wrong} of {wrong.entries} entries" if wrong.entries > 1 else "it"
    differ = "differ" if wrong.entries > 1 else "differs"
    text = (
        f"{_array(check, wrong)}: {many} {differ}, most at {list(wrong.where)}, where {wrong.found:.6g} should be "
        f"{wrong.right:.6g}; largest size {wrong.found_size:.3g}, should be {wrong.right_size:.3g}"
    )
    return f"{text}; {wrong.remark}" if wrong.remark else text


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
