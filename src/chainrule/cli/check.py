"""`chainrule check`: the backpropagation of a Python file, compared with the derivative of the graph."""

import argparse
import linecache
import runpy
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chainrule.cli.exit_codes import WRONG
from chainrule.errors import ChainruleError, DataError, OptionError
from chainrule.inspection import BackpropCheck, check_backprop, exercise

__all__ = ["check"]

_OPTIONS = ("parameters", "state", "loss", "regularizers", "weights", "notation", "rtol", "atol")


def check(arguments: argparse.Namespace) -> int:
    """Run ``arguments.file``, check its gradients, print what was found."""
    path = Path(arguments.file).resolve()
    if not path.is_file():
        raise DataError(f"there is no file {arguments.file}")
    names = _guarded(lambda: _run(path), path)
    if "gradients" not in names:
        raise OptionError(f"{arguments.file} should define gradients: a list of arrays, or a function that returns one")
    found = _found(names, path, "hint" if arguments.hint else "full", arguments.notation)
    print(found)
    return 0 if found else WRONG


def _run(path: Path) -> dict[str, Any]:
    before = list(sys.path)
    sys.path.insert(0, str(path.parent))
    try:
        return runpy.run_path(str(path), run_name="chainrule_check")
    finally:
        sys.path[:] = before


def _found(names: dict[str, Any], path: Path, feedback: str, notation: str | None) -> BackpropCheck:
    theirs = names["gradients"]
    if callable(theirs):
        function = theirs

        def theirs(parameters: Any, X: Any, y: Any) -> Any:
            return _guarded(lambda: function(parameters, X, y), path)

    given = {name: names[name] for name in _OPTIONS if name in names}
    if notation is not None:
        given["notation"] = notation
    if "exercise" in names:
        # Only the number is in the file: the network is drawn from it again.
        drawn = exercise(names["exercise"], notation=given.get("notation", "chainrule"))
        return drawn.check(theirs, feedback=feedback)
    model = names.get("model", names.get("network"))
    missing = [name for name, value in (("network", model), ("X", names.get("X"))) if value is None]
    if missing:
        raise OptionError(f"{path.name} should define {' and '.join(missing)}, or exercise = SEED")
    return check_backprop(theirs, model, names["X"], names.get("y"), feedback=feedback, **given)


def _guarded(call: Callable[[], Any], path: Path) -> Any:
    """Run somebody's code; what it raises becomes one line that shows theirs."""
    try:
        return call()
    except SystemExit as ended:
        raise DataError(f"{path.name} ended the program itself (exit code {ended.code})") from None
    except SyntaxError as error:
        source = (error.text or "").strip()
        raise DataError(f"{Path(error.filename or path).name}, line {error.lineno}: {source}: {error.msg}") from None
    except Exception as error:
        if isinstance(error, ChainruleError) and not _own(error, path):
            raise
        raise DataError(f"{_place(error, path)}: {type(error).__name__}: {error}") from None


def _own(error: BaseException, path: Path) -> list[traceback.FrameSummary]:
    """The frames of the file and of those beside it."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if Path(frame.filename).resolve().parent == path.parent]


def _place(error: BaseException, path: Path) -> str:
    frames = _own(error, path)
    if not frames:
        return path.name
    last = frames[-1]
    where = f", in {last.name}" if last.name != "<module>" else ""
    source = (last.line or linecache.getline(last.filename, last.lineno or 0)).strip()
    return f"{Path(last.filename).name}, line {last.lineno}{where}: {source}"
