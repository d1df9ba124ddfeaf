"""Rows of tables found by name, with an error that helps where there is none."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from chainrule.errors import OptionError

__all__ = ["look_up"]

Row = TypeVar("Row")


def look_up(kind: str, table: Mapping[str, Row], name: str) -> Row:
    """Find a row of `table` by its name.

    Parameters
    ----------
    kind : str
        What the table holds, for the error message.
    table : mapping of str to row
        The rows by name.
    name : str
        The name looked for.

    Returns
    -------
    row
        ``table[name]``.

    Raises
    ------
    OptionError
        Where there is no such row; the message suggests the closest name and lists all of them.

    Examples
    --------
    >>> look_up("colour", {"red": 1, "blue": 2}, "blue")
    2
    >>> look_up("colour", {"red": 1, "blue": 2}, "Blu")
    Traceback (most recent call last):
        ...
    chainrule.errors.OptionError: unknown colour 'Blu': did you mean 'blue'? The choices are red, blue
    """
    if isinstance(name, str) and name in table:
        return table[name]
    spelt = str(name).lower().replace("-", "_").replace(" ", "_")
    close = difflib.get_close_matches(spelt, table, n=1)
    suggestion = f": did you mean {close[0]!r}? The" if close else ": the"
    raise OptionError(f"unknown {kind} {name!r}{suggestion} choices are {', '.join(table)}")
