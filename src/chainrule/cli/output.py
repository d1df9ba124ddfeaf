"""What the commands print and write: tables, counts, files."""

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import TextWrapper

from chainrule.errors import DataError, OptionError
from chainrule.inspection.text import render_table
from chainrule.nn import Network
from chainrule.train import Scores

__all__ = ["check_place", "describe_network", "named_lines", "scores_table", "table", "write_file"]

_NONE = "-"
_WIDTH = 100


def describe_network(network: Network) -> str:
    """Write a network in one line.

    Examples
    --------
    >>> describe_network(Network.of(64, (100,), 10, "relu", "softmax"))
    '64 inputs, 100 relu, 10 softmax (7,510 parameters)'
    """
    layers = [f"{place.units:,} {place.layer.text}" for place in network.places]
    inputs = f"{network.inputs:,} input{'' if network.inputs == 1 else 's'}"
    return f"{', '.join([inputs, *layers])} ({network.count_parameters():,} parameters)"


def named_lines(lines: Mapping[str, str]) -> str:
    """Write a line for each name, the texts flush below each other and wrapped at 100 columns.

    Examples
    --------
    >>> print(named_lines({"target": "tip, numbers", "rows": "244"}))
    target  tip, numbers
    rows    244
    """
    width = max(map(len, lines), default=0)
    wrap = TextWrapper(_WIDTH, subsequent_indent=" " * (width + 2), break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrap.fill(f"{name:{width}}  {text}") for name, text in lines.items())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> str:
    """Lay out a table; `numbers` are the columns set flush right."""
    return render_table("", heads, rows, numbers=numbers).removeprefix("\n")


def scores_table(results: Mapping[str, Scores]) -> str:
    """Lay out results by part of the data, and by target where there are several, the baseline's beside them.

    Examples
    --------
    >>> print(scores_table({"test": Scores(360, {"cost": 0.1, "accuracy": 0.975}, {"accuracy": 0.1})}))
           rows   accuracy   baseline   cost
    ────────────────────────────────────────
    test    360    97.50 %    10.00 %    0.1
    """
    if any("accuracy" in scores.measures for scores in results.values()):
        heads = ["", "rows", "accuracy", "baseline", "cost"]
        return table(heads, [_of_classes(part, scores) for part, scores in results.items()], range(1, 5))
    heads = ["", "target", "rows", "R²", "RMSE", "baseline", "MAE", "baseline"]
    rows = [_of_numbers(part, scores, name) for part, scores in results.items() for name in _targets(scores)]
    if not any(row[1] for row in rows):
        heads, rows = ["", *heads[2:]], [[row[0], *row[2:]] for row in rows]
    return table(heads, rows, [i for i, head in enumerate(heads) if head not in ("", "target")])


def _of_classes(part: str, scores: Scores) -> list[str]:
    accuracy = (each.get("accuracy") for each in (scores.measures, scores.baseline))
    percent = [_NONE if x is None else f"{100 * x:.2f} %" for x in accuracy]
    return [part, f"{scores.examples:,}", *percent, _short(scores.measures.get("cost"))]


def _targets(scores: Scores) -> list[str]:
    """The names of the target columns where there are several, otherwise an empty name."""
    return [name.removeprefix("r2 of ") for name in scores.measures if name.startswith("r2 of ")] or [""]


def _of_numbers(part: str, scores: Scores, target: str) -> list[str]:
    ending = f" of {target}" if target else ""
    r2 = scores.measures.get(f"r2{ending}")
    cells = [part, target, f"{scores.examples:,}", _NONE if r2 is None else f"{r2:.4f}"]
    for measure in ("rmse", "mae"):
        cells += [_short(each.get(measure + ending)) for each in (scores.measures, scores.baseline)]
    return cells


def _short(value: float | None) -> str:
    return _NONE if value is None else f"{value:.4g}"


def check_place(path: Path, inputs: Iterable[str]) -> None:
    """Raise where a file could not be written, or is one of those that are read."""
    if path.is_dir():
        raise OptionError(f"{path}: the predictions cannot be written (it is a folder; name a file in it)")
    for name in inputs:
        if path.exists() and os.path.exists(name) and path.samefile(name):
            raise OptionError(f"{path}: the predictions would replace what they are made from; name another file")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise DataError(f"{path}: the predictions cannot be written (there is no folder {folder})")
    if not os.access(folder, os.W_OK):
        raise DataError(f"{path}: the predictions cannot be written (permission denied)")


def write_file(path: Path, raw: bytes) -> None:
    """Write a whole file or none: beside its place first, then renamed. A pipe or device is written to."""
    place = path.resolve()
    direct = place.exists() and not place.is_file()
    temporary = place if direct else place.with_name(f".{place.name}.{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(raw)
        if not direct:
            os.replace(temporary, place)
    except OSError as error:
        raise DataError(f"{path}: the predictions cannot be written ({error.strerror})") from error
    finally:
        if not direct:
            temporary.unlink(missing_ok=True)
