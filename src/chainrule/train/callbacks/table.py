"""A table that grows by a line with every epoch."""

import sys
from dataclasses import fields
from typing import TextIO

from chainrule.train.display import short, write_line
from chainrule.train.state import Epoch, TrainState

__all__ = ["Table"]

_COLUMNS = tuple(column.name for column in fields(Epoch))
_WIDTH = 12


class Table:
    """Print a line for every epoch, under the names of its columns.

    Columns that the first epoch has no number for are left out. Lines are written whole, so that a file holds them as a
    terminal does, and several runs at once mix their lines and not their letters.

    Parameters
    ----------
    stream : text file, optional
        Where the lines go; by default to ``sys.stdout``.

    Examples
    --------
    >>> from chainrule import data, nn, optim
    >>> from chainrule.train import fit
    >>> network = nn.Network.of(2, output="sigmoid")
    >>> X, T = data.xor()
    >>> run = fit(network, network.initialize(0), "binary_cross_entropy", X, T, optimizer=optim.sgd(0.5),
    ...           epochs=2, callbacks=[Table()])
           epoch       steps   objective        rate     seconds
               1           1      0.7130      0.5000    ...
               2           2      0.7110      0.5000    ...
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._columns: tuple[str, ...] = ()
        self._last = self._halvings = 0

    def __call__(self, state: TrainState) -> None:
        """Print the line of the epoch that has just ended."""
        stream = sys.stdout if self._stream is None else self._stream
        row, halvings = state.history[-1], state.history.halvings
        if row.epoch <= self._last:
            # Another run, or one that has gone back.
            self._columns = ()
            if len(halvings) > self._halvings:
                write_line(stream, str(halvings[-1]))
        if not self._columns:
            self._columns = tuple(name for name in _COLUMNS if getattr(row, name) is not None)
            write_line(stream, "".join(f"{name:>{_WIDTH}}" for name in self._columns))
        write_line(stream, "".join(f"{_cell(row, name):>{_WIDTH}}" for name in self._columns))
        self._last, self._halvings = row.epoch, len(halvings)


def _cell(row: Epoch, name: str) -> str:
    value = getattr(row, name)
    return "" if value is None else short(value) if isinstance(value, float) else str(value)
