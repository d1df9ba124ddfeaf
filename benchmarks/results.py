"""What a benchmark has measured: printed as a table, and written as a file of numbers and a drawing."""

import csv
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.plots import dots

__all__ = ["Result", "add_output", "show", "text"]


@dataclass(frozen=True)
class Result:
    """A table of numbers.

    Attributes
    ----------
    name : str
        Of its files.
    title : str
        What was measured, in which unit.
    columns : tuple of str
        Names; the first is of what a row is about.
    rows : sequence of sequences of str, int, float or None
        An entry for each column; None where something was not measured.
    drawn : tuple of str
        Columns of numbers that become dots of the drawing; without any there is none.
    axis : str
        What the drawing's horizontal axis says.
    log : bool
        Whether it is logarithmic.
    limit : float, optional
        Where it has a vertical line.
    note : str
        Printed below the table.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | int | float | None]]
    drawn: tuple[str, ...] = ()
    axis: str = ""
    log: bool = True
    limit: float | None = None
    note: str = ""


def add_output(parser: ArgumentParser) -> None:
    """Give a benchmark the option `--out`."""
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write each table there, as CSV and drawn as PNG")


def show(result: Result, folder: Path | None) -> None:
    """Print a result, and write it to NAME.csv and NAME.png where there is a folder to write to."""
    table = Table()
    for k, column in enumerate(result.columns):
        table.add_column(column, justify="right" if k else "left")
    for row in result.rows:
        table.add_row(*map(text, row))
    console = Console(width=160, highlight=False)
    console.print(f"\n{result.title}", table, result.note, sep="\n")
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{result.name}.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(result.columns)
        writer.writerows([f"{x:.6g}" if isinstance(x, float) else x for x in row] for row in result.rows)
    if result.drawn:
        names = [str(row[0]) for row in result.rows]
        series = {name: [row[result.columns.index(name)] for row in result.rows] for name in result.drawn}
        dots(
            folder / f"{result.name}.png",
            result.title,
            result.axis,
            names,
            series,
            log=result.log,
            limit=result.limit,
        )


def text(value: str | int | float | None) -> str:
    """Three digits of a number."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")
    return f"{value:,}" if isinstance(value, int) else value
