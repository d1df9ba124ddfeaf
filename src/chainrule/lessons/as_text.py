"""A lesson for the terminal."""

from collections.abc import Mapping
from textwrap import TextWrapper, indent

from chainrule.inspection.text import render_table
from chainrule.lessons import Entry
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Part, Table
from chainrule.lessons.writing import cell_text, claim_text, numeric_columns, typeset

__all__ = ["as_text", "list_text"]


def as_text(lesson: Lesson, width: int = 80) -> str:
    """Write a lesson as plain text.

    Parameters
    ----------
    lesson : Lesson
        The lesson; its figures are named and not drawn.
    width : int
        Columns at which paragraphs are broken; formulas, tables and programs keep their lines.

    Returns
    -------
    str
        Lines without trailing blanks. A claim begins with ✓, or with ✗ where it does not hold.

    Examples
    --------
    >>> from chainrule.lessons import Claim, Section
    >>> lesson = Lesson("sums", "Sums", "One sum.", (Section("A sum", (Claim("1 + 1 is 2.", 1 + 1 == 2),)),), {})
    >>> print(as_text(lesson))
    Sums
    ====
    <BLANKLINE>
    One sum.
    <BLANKLINE>
    A sum
    -----
    <BLANKLINE>
    ✓ 1 + 1 is 2.
    """
    blocks = [f"{lesson.title}\n{'=' * len(lesson.title)}", _wrapped(lesson.summary, width)]
    for section in lesson.sections:
        blocks.append(f"{section.title}\n{'-' * len(section.title)}")
        blocks += [_part(part, width) for part in section.parts]
    return "\n\n".join(blocks)


def list_text(lessons: Mapping[str, Entry], width: int = 80) -> str:
    """Write the table of lessons, a line each."""
    left = max(map(len, lessons)) + 2
    lines = []
    for name, entry in lessons.items():
        text = entry.title + (f" (--data: {entry.data})" if entry.data else "")
        wrapper = TextWrapper(width, initial_indent=f"{name:{left}}", subsequent_indent=" " * left)
        lines.append(wrapper.fill(text))
    return "\n".join(lines)


def _part(part: Part, width: int) -> str:
    if isinstance(part, str):
        return _wrapped(part, width)
    if isinstance(part, Claim):
        return _wrapped(claim_text(part), width, "✓ " if part.holds else "✗ ")
    if isinstance(part, Formula):
        return f"    {part.text}"
    if isinstance(part, Table):
        rows = [[cell_text(cell) for cell in row] for row in part.rows]
        return _wrapped(part.title, width) + render_table("", part.heads, rows, numbers=numeric_columns(part))
    if isinstance(part, Figure):
        return _wrapped(f"[figure] {part.title}: {part.alt}", width)
    assert isinstance(part, Code)
    return indent(part.text.strip("\n"), "    ")


def _wrapped(text: str, width: int, first: str = "") -> str:
    return TextWrapper(
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    ).fill(typeset(text))
