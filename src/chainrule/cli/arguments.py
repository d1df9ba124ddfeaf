"""The arguments of the command, and their help."""

import argparse
import difflib
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from chainrule import __version__
from chainrule.cli.argument_types import whole
from chainrule.cli.train_arguments import add_train
from chainrule.errors import OptionError
from chainrule.nn.lookup import look_up

__all__ = ["parse"]

_WIDEST = 100


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the arguments.

    Parameters
    ----------
    argv : sequence of str, optional
        What follows the name of the program; by default that of this process.

    Returns
    -------
    argparse.Namespace
        With ``command``, the arguments of that command, and as ``typed`` all of them as they were given.

    Raises
    ------
    OptionError
        For an argument that is missing, unknown or of another kind, in one line.
    SystemExit
        After the help or the version was printed.

    Examples
    --------
    >>> arguments = parse(["train", "tips.csv", "--target", "tip", "--layers", "32,16", "--seed", "1"])
    >>> arguments.data, arguments.target, arguments.hidden, arguments.seed
    ('tips.csv', ['tip'], (32, 16), 1)
    >>> parse(["train", "tips.csv", "--epoch", "3"])
    Traceback (most recent call last):
        ...
    chainrule.errors.OptionError: unknown option --epoch; did you mean --epochs? (see chainrule train --help)
    """
    parser, commands = _parser()
    arguments, extra = parser.parse_known_args(argv)
    if extra:
        _refuse(extra[0], commands[arguments.command])
    arguments.typed = list(sys.argv[1:] if argv is None else argv)
    return arguments


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, to be printed by whoever catches them."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message.removeprefix('argument ')} (see {self.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None:
            look_up(action.dest, dict.fromkeys(action.choices), value)


def _refuse(argument: str, command: argparse.ArgumentParser) -> NoReturn:
    if not argument.startswith("-"):
        command.error(f"one argument too many: {argument!r}")
    name = argument.partition("=")[0]
    known = [option for action in command._actions for option in action.option_strings]
    near = difflib.get_close_matches(name, known, n=1)
    command.error(f"unknown option {name}{f'; did you mean {near[0]}?' if near else ''}")


def _parser() -> tuple[_Parser, dict[str, _Parser]]:
    width = min(shutil.get_terminal_size().columns, _WIDEST) - 2
    layout: Any = partial(argparse.RawDescriptionHelpFormatter, width=width, max_help_position=30)
    parser = _Parser(
        prog="chainrule",
        description="Train a neural network on a table or on images, predict with it, look at it.",
        epilog="examples:\n"
        "  chainrule train digits                         learn to read digits\n"
        "  chainrule train flowers.csv --target species   learn a column from the others\n"
        "  chainrule predict flowers.safetensors new.csv  predict it for another file\n"
        "  chainrule info flowers.safetensors             see what is in the model\n"
        "  chainrule export flowers.safetensors out.onnx  take it elsewhere\n"
        "  chainrule check homework.py                    check your own backpropagation\n"
        "  chainrule lesson                               list the lessons\n\n"
        "chainrule COMMAND --help lists the options of a command.",
        formatter_class=layout,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"chainrule {__version__}")
    parser.set_defaults(command=None)
    group = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", parser_class=_Parser)
    commands: dict[str, _Parser] = {}
    for name, help_text, add in (
        ("train", "train a network on a file, test it, save it", add_train),
        ("predict", "predict for the rows of a file, as CSV", _add_predict),
        ("info", "show what is in a model or a checkpoint", _add_info),
        ("export", "write a model as ONNX, for other programs", _add_export),
        ("check", "check somebody's own backpropagation", _add_check),
        ("lesson", "run an experiment of the lecture notes", _add_lesson),
        ("cache", "show or remove the machine code kept on disk", _add_cache),
    ):
        commands[name] = group.add_parser(
            name, help=help_text, formatter_class=layout, allow_abbrev=False, argument_default=None
        )
        add(commands[name])
    return parser, commands


def _add_predict(parser: _Parser) -> None:
    parser.usage = "chainrule predict MODEL DATA [options]"
    parser.description = "Predict the target for every row, as CSV: a header line, then one line a row."
    parser.epilog = (
        "examples:\n"
        "  chainrule predict flowers.safetensors new.csv\n"
        "  chainrule predict flowers.safetensors new.csv --probabilities -o out.csv"
    )
    parser.add_argument("model", metavar="MODEL", help="a model file that chainrule train has saved")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="what chainrule train reads, with the input columns of training in any order; the target may be absent",
    )
    parser.add_argument(
        "--probabilities", action="store_true", help="write the probability of every class, one column a class"
    )
    parser.add_argument(
        "--rows",
        choices=("train", "test"),
        help="which rows of a file that sets test rows aside (default: its test rows)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write (default: standard output)")


def _add_info(parser: _Parser) -> None:
    parser.usage = "chainrule info FILE"
    parser.description = (
        "Show the layers of a model, the columns that it takes, and how it was trained;\n"
        "or what run a checkpoint is of, and how far it is."
    )
    parser.add_argument("model", metavar="FILE", help="a model or a checkpoint that chainrule has written")


def _add_export(parser: _Parser) -> None:
    parser.usage = "chainrule export MODEL FILE"
    parser.description = (
        "Write a model as ONNX: the network and what prepares its columns, to be run by\n"
        "onnxruntime and by whatever else reads ONNX."
    )
    parser.epilog = "examples:\n  chainrule export flowers.safetensors flowers.onnx"
    parser.add_argument("model", metavar="MODEL", help="a model file that chainrule has saved")
    parser.add_argument("output", metavar="FILE", help="where to write it, such as flowers.onnx")


def _add_check(parser: _Parser) -> None:
    parser.usage = "chainrule check FILE.py [options]"
    parser.description = (
        "Check somebody's own backpropagation: name the layer, the array and the likely slip.\n"
        "This runs the file, with all that it does: read one of a stranger's first."
    )
    parser.epilog = (
        "what the file defines:\n"
        "  gradients     a list with an entry for each layer, (weights, bias) or\n"
        "                (weights, bias, sensitivities), or a function\n"
        "                gradients(parameters, X, y) that returns one\n"
        "  exercise      the seed of an exercise, or else\n"
        "  network, X, y, parameters, loss, and perhaps regularizers, weights, notation\n\n"
        "It ends with 0 where the gradients are right, in whichever convention, and with 1\n"
        "where they are not."
    )
    parser.add_argument("file", metavar="FILE.py", help="a Python file")
    parser.add_argument("--hint", action="store_true", help="ask what leads to the slip, and do not name it")
    parser.add_argument("--notation", metavar="NAME", help="the convention that is expected, such as nielsen")


def _add_lesson(parser: _Parser) -> None:
    parser.usage = "chainrule lesson [NAME] [options]"
    parser.description = (
        "Run an experiment of the lecture notes: text, numbers and figures of this very run.\n"
        "Without a name, list the lessons."
    )
    parser.epilog = (
        "examples:\n"
        "  chainrule lesson descent                     read it here\n"
        "  chainrule lesson descent -o descent.html     with its figures, as a page\n"
        "  chainrule lesson digits --data zip.train.gz  on the digits of the US Postal Service\n"
        "  chainrule lesson --all -o lessons            every page, and an index"
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="which lesson")
    parser.add_argument("--all", action="store_true", help="run all lessons and write their pages")
    parser.add_argument(
        "--seed", type=whole, metavar="N", default=0, help="the same seed, the same lesson (default: 0)"
    )
    parser.add_argument("--data", metavar="PATH", help="data in place of the bundled digits (lessons digits and mnist)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PLACE",
        help="where the page goes: a file, with --all a folder (default: as text here)",
    )


def _add_cache(parser: _Parser) -> None:
    parser.usage = "chainrule cache ACTION"
    parser.description = (
        "Machine code is kept on disk, so that what was compiled once starts at once.\n"
        "What was not used for longest goes when there is no room; all of it may go at\n"
        "any time."
    )
    parser.epilog = (
        "environment:\n"
        "  CHAINRULE_CACHE_DIR   the folder (default: as the platform has it)\n"
        "  CHAINRULE_CACHE_SIZE  bytes that it may hold, such as 500M; 0 keeps nothing\n"
        "                        (default: 256M)"
    )
    parser.add_argument("action", metavar="ACTION", choices=("info", "clear"), help="info: show it; clear: remove it")
