"""The history of a run as a CSV file that grows with it."""

import os
from dataclasses import fields, replace
from os import PathLike

from chainrule.errors import DataError
from chainrule.train.state import Epoch, History, TrainState

__all__ = ["CSVLog"]

_COLUMNS = tuple(column.name for column in fields(Epoch))
_HEADER = ",".join(_COLUMNS) + "\n"
_WHOLE = ("epoch", "steps")


class CSVLog:
    """Keep the history of a run in a CSV file: after every epoch the file holds its rows, one for each epoch.

    The columns are the attributes of `Epoch`; what is None is an empty field, and every number reads back as it was. A
    row is written whole or, where the machine fails, is left out when the run goes on. A run that goes on adds to the
    file of its earlier part: rows that are there are not repeated, and those of epochs that it does again are replaced.
    So a log belongs to one run.

    Parameters
    ----------
    path : path-like
        The file. What it holds has to be the log of this run, or nothing.

    Raises
    ------
    DataError
        Where the file holds anything else, or cannot be written; in the first epoch, where it is the log of another
        run.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from chainrule import data, nn, optim
    >>> from chainrule.train import fit
    >>> network = nn.Network.of(2, output="sigmoid")
    >>> X, T = data.xor()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "run.csv")
    ...     run = fit(network, network.initialize(0), "binary_cross_entropy", X, T, optimizer=optim.sgd(0.5),
    ...               epochs=2, callbacks=[CSVLog(path)])
    ...     print(path.read_text())
    epoch,steps,objective,validation,rate,seconds
    1,1,0.71...,,0.5,...
    2,2,0.71...,,0.5,...
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = os.path.abspath(path)
        # The length of the file, and the history that it holds; None where it has to be looked at first.
        self._held: tuple[int, History] | None = None
        self._read()
        if not os.path.isdir(os.path.dirname(self._path)):
            raise DataError(f"{self._path}: the log cannot be written (there is no such folder)")

    def __call__(self, state: TrainState) -> None:
        """Bring the file up to the history."""
        count, size = self._held_of(state.history)
        text = "".join(map(_line, state.history.rows[count:]))
        raw = (text if size else _HEADER + text).encode()
        self._append(raw, size)
        self._held = size + len(raw), state.history

    def __getstate__(self) -> dict[str, object]:
        # A copy, such as in another process, looks at the file first.
        return {"_path": self._path, "_held": None}

    def _held_of(self, history: History) -> tuple[int, int]:
        """How many rows of a history the file holds, and its length up to there: what follows is done again."""
        rows, has_gone_back = history.rows, False
        if self._held is not None:
            size, held = self._held
            if os.path.exists(self._path) and os.path.getsize(self._path) == size:
                if len(held) <= len(rows) and rows[len(held) - 1] == held[-1]:
                    return len(held), size
                has_gone_back = len(history.halvings) > len(held.halvings)
        lines = self._read()
        found = [_parsed(self._path, number, line) for number, line in enumerate(lines[1:], 2)]
        kept = min(len(found), len(rows))
        for number, (old, new) in enumerate(zip(found, rows, strict=False)):
            if replace(old, seconds=new.seconds) != new:
                if has_gone_back:
                    kept = number
                    break
                raise DataError(
                    f"{self._path}: this is the log of another run: its epoch {old.epoch} has the objective "
                    f"{old.objective!r}, that of this run {new.objective!r}. Remove it, or name another file"
                )
        return kept, sum(len(line.encode()) for line in lines[: kept + 1])

    def _read(self) -> list[str]:
        """The whole lines of the file."""
        try:
            with open(self._path, "rb") as file:
                raw = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise DataError(f"{self._path}: the log cannot be read ({error.strerror})") from error
        if not (raw.startswith(_HEADER.encode()) or _HEADER.encode().startswith(raw)):
            raise DataError(
                f"{self._path}: there is a file already that is no log of a run, and it is not overwritten: name "
                "another file"
            )
        lines = raw.decode(errors="replace").splitlines(keepends=True)
        return lines if raw.endswith(b"\n") else lines[:-1]

    def _append(self, raw: bytes, size: int) -> None:
        """Cut the file off where it is right up to, and write what follows in one go."""
        try:
            with open(self._path, "ab", buffering=0) as file:
                file.truncate(size)
                try:
                    written = file.write(raw)
                    if written != len(raw):
                        file.write(raw[written:])
                except OSError:
                    file.truncate(size)
                    raise
        except OSError as error:
            raise DataError(f"{self._path}: the log cannot be written ({error.strerror})") from error


def _line(row: Epoch) -> str:
    values = (getattr(row, name) for name in _COLUMNS)
    return ",".join("" if value is None else repr(value) for value in values) + "\n"


def _parsed(path: str, number: int, line: str) -> Epoch:
    texts = line.rstrip("\r\n").split(",")
    try:
        values = {
            name: None if not text else int(text) if name in _WHOLE else float(text)
            for name, text in zip(_COLUMNS, texts, strict=True)
        }
    except ValueError:
        raise DataError(f"{path}: line {number} is no row of the log of a run: name another file") from None
    return Epoch(**values)  # type: ignore[arg-type]  # the columns are its fields
