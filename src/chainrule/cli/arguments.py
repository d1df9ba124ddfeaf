"""The arguments of the command, and their help."""

import argparse
import csv
import difflib
import shutil
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from chainrule import __version__
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
        With ``command`` and the arguments of that command.

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
        "  chainrule info flowers.safetensors             see what is in the model\n\n"
        "chainrule COMMAND --help lists the options of a command.",
        formatter_class=layout,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"chainrule {__version__}")
    parser.set_defaults(command=None)
    group = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", parser_class=_Parser)
    commands: dict[str, _Parser] = {}
    for name, help_text, add in (
        ("train", "train a network on a file, test it, save it", _add_train),
        ("predict", "predict for the rows of a file, as CSV", _add_predict),
        ("info", "show a model's layers, data and training", _add_info),
        ("cache", "show or remove the machine code kept on disk", _add_cache),
    ):
        commands[name] = group.add_parser(
            name, help=help_text, formatter_class=layout, allow_abbrev=False, argument_default=None
        )
        add(commands[name])
    return parser, commands


_DATA = (
    "a CSV file whose first line names the columns; an NPZ file of arrays X and y, and X_test and y_test if there are "
    "any; a folder of MNIST's IDX files; or digits, which come with chainrule. CSV and IDX files may be gzipped"
)


def _add_train(parser: _Parser) -> None:
    parser.usage = "chainrule train DATA [--target COLUMN] [options]"
    parser.description = (
        "Train a network to predict the target columns from all others, test it on rows\n"
        "that it has not seen, check its gradient, and save it."
    )
    parser.epilog = (
        "examples:\n"
        "  chainrule train digits\n"
        "  chainrule train penguins.csv --target species --impute\n"
        "  chainrule train titanic.csv --target survived --impute --drop alive\n"
        "  chainrule train houses.csv --target price,rent --layers 64,32\n"
        "  chainrule train mnist/ --layers 30 --activation sigmoid --epochs 30\n"
        "  chainrule train mnist/ --checkpoint mnist.checkpoint --resume\n\n"
        "Ctrl-C ends training early: what was learned until then is tested and saved.\n"
        "Exit code: 0, or 130 after Ctrl-C. Nothing is written with 1, where training\n"
        "diverged, and 2, where the data or the options cannot be used."
    )
    data = parser.add_argument_group("data")
    data.add_argument("data", metavar="DATA", help=_DATA)
    data.add_argument(
        "-t", "--target", metavar="COLUMN", type=_names, action="extend", help="the column to predict; several: A,B"
    )
    data.add_argument("--drop", metavar="COLUMN", type=_names, action="extend", help="leave columns out; several: A,B")
    data.add_argument(
        "--text",
        metavar="COLUMN",
        type=_names,
        action="extend",
        help="take columns of a CSV file as text even if they look like numbers",
    )
    data.add_argument("--kind", choices=("classes", "numbers"), help="what the target is (default: by its values)")
    data.add_argument(
        "--impute", action="store_true", help="fill in missing inputs: the mean, or the most frequent text"
    )
    data.add_argument(
        "--test",
        metavar="PART",
        type=_number,
        help="part of the rows held out to test on, where the file sets none aside; 0 for none (default: 0.2)",
    )
    data.add_argument(
        "--validation",
        metavar="PART",
        type=_number,
        help="part of the other rows held out to stop early; 0 for none (default: 0.1 from 1000 rows on, otherwise 0)",
    )
    _add_network(parser)
    _add_training(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", "--output", metavar="MODEL", help="where to save the model (default: DATA's name, .safetensors)"
    )
    output.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="write all that training needs to go on into FILE, once a minute and at the end",
    )
    output.add_argument(
        "--checkpoint-every", metavar="N", type=_whole, help="write it at the end of every N epochs as well"
    )
    output.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint, if there is one, to the same model as if training had never stopped",
    )
    output.add_argument("-q", "--quiet", action="store_true", help="print only warnings and errors")


def _add_network(parser: _Parser) -> None:
    from chainrule.nn.activations import ACTIVATIONS
    from chainrule.nn.losses import LOSSES

    network = parser.add_argument_group("network")
    network.add_argument(
        "--layers",
        dest="hidden",
        metavar="UNITS",
        type=_sizes,
        help="units of the hidden layers, such as 64,32; none for no hidden layer (default: 100, from 1000 rows "
        "on 200)",
    )
    network.add_argument(
        "--activation",
        metavar="NAME",
        type=_words,
        help=f"activation of the hidden layers, or one for each: {', '.join(ACTIVATIONS)} (default: relu)",
    )
    network.add_argument(
        "--output-activation",
        dest="output_activation",
        metavar="NAME",
        help="activation of the output layer (default: by the loss)",
    )
    network.add_argument("--loss", metavar="NAME", help=f"{', '.join(LOSSES)} (default: by the target)")
    network.add_argument("--dtype", choices=("float32", "float64"), help="precision (default: float32)")


def _add_training(parser: _Parser) -> None:
    from chainrule.optim.optimizers import OPTIMIZERS
    from chainrule.optim.schedules import SCHEDULES

    training = parser.add_argument_group("training")
    training.add_argument("--optimizer", metavar="NAME", help=f"{', '.join(OPTIMIZERS)} (default: adam)")
    training.add_argument(
        "--rate",
        metavar="RATE",
        type=_number,
        help="the first learning rate (default: 0.1 for sgd, 0.01 for momentum and nesterov, 0.001 for adam and adamw)",
    )
    training.add_argument(
        "--momentum",
        metavar="PART",
        type=_number,
        help="part of the velocity left after a step, for sgd, momentum and nesterov (default: 0 for sgd, 0.9 for the "
        "others)",
    )
    training.add_argument(
        "--schedule", metavar="NAME", help=f"how the rate changes: {', '.join(SCHEDULES)} (default: cosine, down to 0)"
    )
    training.add_argument(
        "--batch",
        metavar="ROWS",
        type=_batch,
        help="rows of a minibatch; 1 is stochastic descent, all is full-batch descent (default: 32, from 10,000 rows "
        "on 128)",
    )
    training.add_argument(
        "--epochs",
        metavar="N",
        type=_whole,
        help="passes over the training rows, at most (default: as many as make 2000 steps, from 20 to 1000)",
    )
    training.add_argument(
        "--patience",
        metavar="N",
        type=_whole,
        help="stop after N epochs without gain on the validation rows, and take the best weights (default: 10)",
    )
    training.add_argument("--l1", metavar="STRENGTH", type=_number, help="add STRENGTH * sum |w| (default: 0)")
    training.add_argument("--l2", metavar="STRENGTH", type=_number, help="add STRENGTH / 2 * sum w^2 (default: 0)")
    training.add_argument(
        "--clip", metavar="NORM", type=_number, help="shorten gradients longer than NORM (default: no)"
    )
    training.add_argument(
        "--on-divergence",
        choices=("raise", "halve"),
        help="where numbers are no longer finite, end with an error (raise, the default), or go back to the best epoch "
        "and on with half the rate, ten times at most (halve)",
    )
    training.add_argument(
        "--seed", metavar="N", type=_whole, help="the same seed gives the same model, bit by bit (default: 0)"
    )


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
    parser.usage = "chainrule info MODEL"
    parser.description = "Show the layers of a model, the columns that it takes, and how it was trained."
    parser.add_argument("model", metavar="MODEL", help="a model file that chainrule train has saved")


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


def _names(text: str) -> tuple[str, ...]:
    """Split names as a line of CSV, so that a name with a comma in it can be quoted."""
    try:
        names = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    except csv.Error:
        names = ()
    if not names or not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} does not name columns, separated by commas and quoted as in CSV")
    return names


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _sizes(text: str) -> tuple[int, ...]:
    if text.strip().lower() == "none":
        return ()
    try:
        sizes = tuple(int(size) for size in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers from 1 on, such as 100 or 64,32; none is for no hidden layer"
        )
    return sizes


def _batch(text: str) -> int | str:
    if text != "all" and not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number from 1 on nor all")
    return text if text == "all" else int(text)


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
