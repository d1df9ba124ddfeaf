"""Numbers, arrays and tables as plain text."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["number_text", "render_table", "value_text"]

#: Arrays up to this many entries are written out.
_WRITTEN_OUT = 6


def number_text(x: float | complex) -> str:
    """Write a number with six significant digits."""
    return f"{x:.6g}"


def value_text(x: Any) -> str:
    """Write a number or a small array as it is, and a larger one by its shape and root mean square.

    Of an operation with several outputs the values stand in parentheses, with a 0 for a derivative that is not there.
    """
    if isinstance(x, tuple | list):
        return f"({'; '.join('0' if one is None else value_text(one) for one in x)})"
    x = np.asarray(x)
    if x.ndim == 0:
        return str(x) if x.dtype.kind in "biu" else number_text(x.item())
    if x.size <= _WRITTEN_OUT:
        return np.array2string(x, precision=4, separator=", ", floatmode="maxprec").replace("\n", "")
    return f"{x.shape}, rms {number_text(float(np.sqrt(np.mean(np.abs(x) ** 2))))}"


def render_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    narrow: bool = False,
) -> str:
    """Lay out a table as plain text, without colours or frames.

    Parameters
    ----------
    title : str
        What stands above it.
    columns : sequence of str
        The heads.
    rows : iterable of sequences of str
        The cells.
    numbers : sequence of int
        Columns that are set flush right.
    narrow : bool
        Whether there are two blanks between columns, for tables with many; otherwise three.

    Returns
    -------
    str
        Lines without trailing blanks.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0) if narrow else (0, 1))
    for k, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if k in numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    out = io.StringIO()
    # In a notebook a console would show the table there and write nothing.
    console = Console(file=out, width=10_000, color_system=None, force_terminal=False, force_jupyter=False)
    console.print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([title, *(line for line in lines if line)])
