"""How far a list of things is that are done one by one: a bar on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

__all__ = ["Counter", "counter"]


class Counter(Protocol):
    """Called when one more is done."""

    def __call__(self, done: int, line: str, best: str) -> None:
        """Show that so many are done: in lines what the last one gave, on a bar the best so far."""


@contextmanager
def counter(stream: TextIO, what: str, total: int) -> Iterator[Counter]:
    """Choose how to count on a stream.

    Parameters
    ----------
    stream : text file
        Such as ``sys.stderr``.
    what : str
        What is counted, such as ``"trial"``.
    total : int
        How many there are.

    Yields
    ------
    Counter
        A bar where the stream is a terminal that can move its cursor, otherwise a line for each.

    Examples
    --------
    >>> import sys
    >>> with counter(sys.stdout, "fold", 2) as count:
    ...     count(1, "accuracy 90.00 %", "")
    fold 1/2  accuracy 90.00 %
    """
    if stream.isatty():
        from rich.console import Console

        console = Console(file=stream)
        if console.is_terminal and not console.is_dumb_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[best]}"))
            with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
                line = bar.add_task(f"{what} 0/{total}", total=total, best="")
                yield lambda done, _, best: bar.update(
                    line, completed=done, description=f"{what} {done}/{total}", best=best
                )
            return
    yield lambda done, line, _: print(f"{what} {done}/{total}  {line}", file=stream, flush=True)
