"""Columns of text that are probably something else: numbers with a typing mistake, or names of the rows."""

import numpy as np

from chainrule.data.columns import Text, number
from chainrule.data.table import Table

__all__ = ["mistaken_number", "too_many_texts"]

_CATEGORIES_AT_MOST = 1000
_CATEGORIES_UNQUESTIONED = 50
_REPEATED_AT_LEAST_FROM = 10


def mistaken_number(column: Text, table: Table) -> str | None:
    """Say what is wrong where a column of text looks like a numeric one with mistakes, else return None.

    It does if many different numbers stand in it, and text only in one cell, in up to a twentieth of the
    cells, or in up to half of them with at most three different texts (which then stand for missing
    values). One-hot encoded, each of its numbers would become a category of its own.

    Returns
    -------
    str or None
        A message that names the row and the column.
    """
    if column.declared:
        return None
    counts = column.counts()
    numeric = np.array([number(category) is not None for category in column.categories], dtype=bool)
    number_cells, text_cells = int(counts[numeric].sum()), int(counts[~numeric].sum())
    cells = number_cells + text_cells
    different_numbers, different_texts = int(np.sum(counts[numeric] > 0)), int(np.sum(counts[~numeric] > 0))
    few_cells = text_cells <= max(1, cells / 20)
    many_numbers = different_numbers > 10 or (different_numbers >= 4 and 2 * different_numbers > number_cells)
    stands_for_missing = different_texts <= 3 and text_cells <= cells / 2 and different_numbers > 20
    if not text_cells or not ((few_cells and many_numbers) or stands_for_missing):
        return None
    is_text = np.append(~numeric, False)[column.codes]
    row = int(np.argmax(is_text))
    more = f", and {text_cells - 1} more such cells" if text_cells > 1 else ""
    return (
        f"{table.source}: {table.place(row)}, column {column.name!r}: text in a numeric column: "
        f"{column.categories[column.codes[row]]!r}{more}, while {number_cells} cells are numbers; "
        "correct the text, or leave the cell empty if the value is missing"
    )


def too_many_texts(column: Text) -> str | None:
    """Say why a column of text names rows rather than groups them, else return None.

    It does if no text occurs twice in ten rows or more, if there are more than 50 different texts, each in
    less than two rows on average, or if there are more than 1000.
    """
    counts = column.counts()
    different, cells = int(np.sum(counts > 0)), int(counts.sum())
    unique = different == cells >= _REPEATED_AT_LEAST_FROM
    rare = different > _CATEGORIES_UNQUESTIONED and 2 * different > cells
    if not (unique or rare or different > _CATEGORIES_AT_MOST):
        return None
    example = column.categories[int(np.flatnonzero(counts)[0])]
    shown = example if len(example) <= 40 else f"{example[:37]}..."
    return f"it holds {different} different values in {cells} rows (such as {shown!r}), too many for categories"
