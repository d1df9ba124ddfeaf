"""What the commands print and write: tables, counts, files."""

import math
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import TextWrapper, fill

from chainrule.data.table import listed
from chainrule.errors import DataError, OptionError
from chainrule.inspection.text import render_table
from chainrule.inspection.words import describe_network, score_cells, share, short
from chainrule.nn import Network
from chainrule.train import Scores

__all__ = [
    "check_place",
    "describe_network",
    "describe_weights",
    "layers_table",
    "named_lines",
    "scores_table",
    "share",
    "short",
    "table",
    "write_file",
]

_WIDTH = 100


def describe_weights(weights: Mapping[str, float]) -> str:
    """Write weights of classes in one line, as the command takes them.

    Examples
    --------
    >>> describe_weights({"no": 0.5, "yes": 2.5})
    'no=0.5, yes=2.5'
    """
    return listed([f"{name}={weight:.4g}" for name, weight in weights.items()])


def named_lines(lines: Mapping[str, str], width: int = 0) -> str:
    """Write a line for each name, the texts flush below each other and wrapped at 100 columns, or the terminal's fewer.

    `width` is that of the widest name, where more lines follow.

    Examples
    --------
    >>> print(named_lines({"target": "tip, numbers", "rows": "244"}))
    target  tip, numbers
    rows    244
    """
    width = max(width, *map(len, lines))
    columns = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
    wrap = TextWrapper(columns, subsequent_indent=" " * (width + 2), break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrap.fill(f"{name:{width}}  {text}") for name, text in lines.items())


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int], narrow: bool = False) -> str:
    """Lay out a table; `numbers` are the columns set flush right, and a `narrow` one has many columns."""
    return render_table("", heads, rows, numbers=numbers, narrow=narrow).removeprefix("\n")


def layers_table(network: Network) -> str:
    """Lay out the layers of a network, with the shapes of their parameters."""
    rows = []
    parts = zip(network.places, network.shapes(), network.state_shapes(), strict=True)
    for number, (place, shapes, state) in enumerate(parts, start=1):
        sizes = _sizes(shapes) + (f", state: {_sizes(state)}" if state else "")
        count = sum(math.prod(shape) for shape in shapes.values())
        rows.append([str(number), str(place.units), place.layer.text, sizes, f"{count:,}"])
    return table(["layer", "units", "activation", "shapes", "parameters"], rows, numbers=(0, 1, 4))


def _sizes(shapes: dict[str, tuple[int, ...]]) -> str:
    return " ".join(f"{name} {shape}" for name, shape in shapes.items())


def sentence(text: str) -> str:
    """Break a line at the width of the terminal; elsewhere it stays whole, for whoever searches for it."""
    width = shutil.get_terminal_size().columns
    return fill(text, width, break_long_words=False, break_on_hyphens=False) if sys.stdout.isatty() else text


def scores_table(results: Mapping[str, Scores], balanced: bool = False) -> str:
    """Lay out results by part of the data, and by target where there are several, the baseline's beside them.

    With `balanced` there is a column for the balanced accuracy.

    Examples
    --------
    >>> print(scores_table({"test": Scores(360, {"cost": 0.1, "accuracy": 0.975}, {"accuracy": 0.1})}))
           rows   accuracy   baseline   cost
    ────────────────────────────────────────
    test    360    97.50 %    10.00 %    0.1
    """
    heads, rows = score_cells(results, balanced)
    return table(heads, rows, [i for i, head in enumerate(heads) if head not in ("", "target")])


def check_place(path: Path, inputs: Iterable[str], what: str = "the predictions") -> None:
    """Raise where a file could not be written, or is one of those that are read."""
    if path.is_dir():
        raise OptionError(f"{path}: {what} cannot be written (it is a folder; name a file in it)")
    for name in inputs:
        if path.exists() and os.path.exists(name) and path.samefile(name):
            raise OptionError(f"{path}: {what} would replace what is read; name another file")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise DataError(f"{path}: {what} cannot be written (there is no folder {folder})")
    if not os.access(folder, os.W_OK):
        raise DataError(f"{path}: {what} cannot be written (permission denied)")


def write_file(path: Path, raw: bytes, what: str = "the predictions") -> None:
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
        raise DataError(f"{path}: {what} cannot be written ({error.strerror})") from error
    finally:
        if not direct:
            temporary.unlink(missing_ok=True)
