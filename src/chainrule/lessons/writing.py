"""What the three forms of a lesson share: code within a text, cells of a table, names of files."""

import re
from collections.abc import Iterator

from chainrule.lessons.lesson import Claim, Lesson, Table
from chainrule.lessons.numerals import numeral

__all__ = ["FAILED", "cell_text", "claim_text", "figure_names", "numeric_columns", "spans", "typeset"]

#: A hyphen that stands for a minus: before a digit, and not within a word or between numbers.
_MINUS = re.compile(r"(?<![\w\-/.])-(?=\d)")

#: What stands before a claim that the numbers of a run do not bear out, as with data of one's own.
FAILED = "Not so in this run: "


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """Split a text at its backquotes, and give its numbers a true minus sign outside of code.

    Yields
    ------
    tuple of str and bool
        A piece that is not empty, and whether it is code.

    Raises
    ------
    ValueError
        Where a backquote has no second one.

    Examples
    --------
    >>> list(spans("call `f(-1)` for -1"))
    [('call ', False), ('f(-1)', True), (' for −1', False)]
    """
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        raise ValueError(f"a backquote has no second one in {text!r}")
    return ((piece if k % 2 else _MINUS.sub("−", piece), bool(k % 2)) for k, piece in enumerate(pieces) if piece)


def typeset(text: str) -> str:
    """Put a text together again from its `spans`.

    Examples
    --------
    >>> typeset("call `f(-1)` for -1")
    'call `f(-1)` for −1'
    """
    return "".join(f"`{piece}`" if is_code else piece for piece, is_code in spans(text))


def claim_text(claim: Claim) -> str:
    """What a claim says, with a word before it where it does not hold."""
    return claim.text if claim.holds else FAILED + claim.text


def cell_text(cell: str | float | int) -> str:
    """Write a cell of a table: a float with four significant digits, a whole number with its thousands set apart.

    Examples
    --------
    >>> cell_text(0.123456), cell_text(10000), cell_text(1.5e-9), cell_text("tanh")
    ('0.1235', '10,000', '1.500 × 10⁻⁹', 'tanh')
    """
    if isinstance(cell, str):
        return typeset(cell)
    return typeset(f"{cell:,}") if isinstance(cell, int) else numeral(cell, 4)


def numeric_columns(table: Table) -> tuple[int, ...]:
    """Columns in which every cell is a number, looks like one, or is empty: they are set flush right."""
    columns = range(len(table.heads))
    return tuple(k for k in columns if table.rows and all(_is_number(row[k]) for row in table.rows))


def _is_number(cell: str | float | int) -> bool:
    return not isinstance(cell, str) or not cell or cell[:1].isdigit() or (cell[:1] in "+-−" and cell[1:2].isdigit())


def figure_names(lesson: Lesson) -> list[str]:
    """Names of the files of the figures, without an ending: ``digits-1``, ``digits-2`` and so on."""
    return [f"{lesson.name}-{k}" for k, _ in enumerate(lesson.figures(), start=1)]
