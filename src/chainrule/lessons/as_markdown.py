"""A lesson as a page of Markdown, beside files of its figures, and the page that lists all."""

import re
from collections.abc import Iterator, Mapping, Sequence

from chainrule.lessons import Entry
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Part, Table
from chainrule.lessons.writing import cell_text, claim_text, figure_names, numeric_columns, spans

__all__ = ["as_markdown", "index_markdown", "masked"]

_NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)(?: × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")
_EXPONENT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
#: What starts mark-up wherever it stands in a line.
_SPECIAL = re.compile(r"([\\*_\[\]<>|#])")


def as_markdown(lesson: Lesson, places: Sequence[str] = ()) -> str:
    """Write a lesson as Markdown.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    places : sequence of str
        Where its figures are, seen from the page; by default they are called ``figures/NAME-1.svg`` and so on.

    Returns
    -------
    str
        The page, each paragraph on one line.

    Examples
    --------
    >>> from chainrule.lessons import Section
    >>> lesson = Lesson("sums", "Sums", "One sum.", (Section("A sum", (Formula("1 + 1 = 2"),)),), {})
    >>> print(as_markdown(lesson))
    # Sums
    <BLANKLINE>
    One sum.
    <BLANKLINE>
    ## A sum
    <BLANKLINE>
    > 1 + 1 = 2
    <BLANKLINE>
    """
    return "".join(block for block, _ in _blocks(lesson, places))


def masked(lesson: Lesson, text: str) -> tuple[str, list[float]]:
    """Take the numbers out of a page of a lesson, to compare it with another one.

    Parameters
    ----------
    lesson : Lesson
        A run of the lesson.
    text : str
        What `as_markdown` made of that run, or of another one on whatever machine.

    Returns
    -------
    text : str
        The page, with # for every number. Of a block about times or rounding errors only its place is left.
    numbers : list of float
        Those of all other blocks, from first to last: up to rounding they are the same on every machine.

    Raises
    ------
    ValueError
        Where the page has fewer lines than that of `lesson`.
    """
    lines = text.splitlines(keepends=True)
    pieces: list[str] = []
    numbers: list[float] = []
    for block, measured in _blocks(lesson):
        count = block.count("\n")
        own, lines = "".join(lines[:count]), lines[count:]
        if own.count("\n") != count:
            raise ValueError(f"the page of {lesson.name} has too few lines: it ends before {block[:40]!r}")
        pieces.append("measured\n" * count if measured else _NUMBER.sub("#", own))
        if not measured:
            numbers += [_value(*found) for found in _NUMBER.findall(own)]
    return "".join([*pieces, *lines]), numbers


def _value(digits: str, exponent: str) -> float:
    """Read ``1,234.5``, and ``7.3 × 10⁻⁹`` in two parts."""
    return float(digits.replace(",", "") + (f"e{exponent.translate(_EXPONENT)}" if exponent else ""))


def index_markdown(lessons: Mapping[str, Entry], summaries: Mapping[str, str], folder: str) -> str:
    """Write the table of lessons, each with a link to its page in `folder` and with its summary."""
    rows = [f"| [{entry.title}]({folder}/{name}.md) | {_text(summaries[name])} |" for name, entry in lessons.items()]
    return "\n".join(["| lesson | what it shows |", "| --- | --- |", *rows, ""])


def _blocks(lesson: Lesson, places: Sequence[str] = ()) -> Iterator[tuple[str, bool]]:
    """Go through the blocks of a page, and say which are about times or rounding errors."""
    left = iter(places or [f"figures/{name}.svg" for name in figure_names(lesson)])
    yield f"# {_text(lesson.title)}\n\n{_text(lesson.summary)}\n", False
    for section in lesson.sections:
        yield f"\n## {_text(section.title)}\n", False
        for part in section.parts:
            place = next(left) if isinstance(part, Figure) else ""
            measured = bool(getattr(part, "measured", False))
            yield f"\n{_part(part, place)}\n", measured


def _part(part: Part, place: str) -> str:
    if isinstance(part, str):
        return _text(part)
    if isinstance(part, Claim):
        return f"{'✓' if part.holds else '✗'} {_text(claim_text(part))}"
    if isinstance(part, Formula):
        return f"> {_escaped(part.text)}"
    if isinstance(part, Table):
        right = numeric_columns(part)
        rules = ["---:" if k in right else "---" for k in range(len(part.heads))]
        rows = [[_text(cell_text(cell)) for cell in row] for row in part.rows]
        lines = [" | ".join(row) for row in ([_text(head) for head in part.heads], rules, *rows)]
        return "\n".join([f"{_text(part.title)}:", "", *(f"| {line} |" for line in lines)])
    if isinstance(part, Figure):
        return f"![{_escaped(part.alt)}]({place})\n\n*{_escaped(part.title)}*"
    assert isinstance(part, Code)
    stripped = part.text.strip("\n")
    return f"```python\n{stripped}\n```"


def _text(text: str) -> str:
    return "".join(f"`{piece}`" if is_code else _escaped(piece) for piece, is_code in spans(text))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
