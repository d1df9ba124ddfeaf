"""The arguments of `chainrule train`, and their help."""

import argparse

from chainrule.cli import argument_types as types

__all__ = ["add_train"]

_DATA = (
    "a CSV or Parquet file with named columns; an NPZ file of arrays X and y, and X_test and y_test if there are "
    "any; a folder of MNIST's IDX files; or digits, which come with chainrule. CSV and IDX files may be gzipped"
)


def add_train(parser: argparse.ArgumentParser) -> None:
    """Add them to the parser of the sub-command."""
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
        "  chainrule train mnist/ --checkpoint mnist.checkpoint --resume\n"
        "  chainrule train tips.csv --target tip --cv 5\n"
        "  chainrule train tips.csv --target tip --report tips.html\n"
        "  chainrule train digits --search 20 --space rate=1e-4:1e-2 layers=16:256\n\n"
        "Ctrl-C ends training early: what was learned until then is tested and saved.\n"
        "Exit code: 0, or 130 after Ctrl-C. Nothing is written with 1, where training\n"
        "diverged, and 2, where the data or the options cannot be used."
    )
    data = parser.add_argument_group("data")
    data.add_argument("data", metavar="DATA", help=_DATA)
    data.add_argument(
        "-t",
        "--target",
        metavar="COLUMN",
        type=types.names,
        action="extend",
        help="the column to predict; several: A,B",
    )
    data.add_argument(
        "--drop", metavar="COLUMN", type=types.names, action="extend", help="leave columns out; several: A,B"
    )
    data.add_argument(
        "--text",
        metavar="COLUMN",
        type=types.names,
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
        type=types.number,
        help="part of the rows held out to test on, where the file sets none aside; 0 for none (default: 0.2)",
    )
    data.add_argument(
        "--validation",
        metavar="PART",
        type=types.number,
        help="part of the other rows held out to stop early; 0 for none (default: 0.1 from 1000 rows on, otherwise 0)",
    )
    _add_network(parser)
    _add_training(parser)
    _add_comparing(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", "--output", metavar="MODEL", help="where to save the model (default: DATA's name, .safetensors)"
    )
    output.add_argument(
        "--report",
        metavar="PAGE",
        help="write a page (HTML) on the run: curves, decisions, diagnosis, gradient check, cost, how to reproduce it",
    )
    output.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="write all that training needs to go on into FILE, once a minute and at the end",
    )
    output.add_argument(
        "--checkpoint-every",
        metavar="N",
        type=types.whole,
        help="write it at the end of every N epochs as well",
    )
    output.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint, if there is one, to the same model as if training had never stopped",
    )
    output.add_argument("-q", "--quiet", action="store_true", help="print only warnings and errors")


def _add_comparing(parser: argparse.ArgumentParser) -> None:
    comparing = parser.add_argument_group("comparing")
    comparing.add_argument(
        "--cv",
        metavar="FOLDS",
        type=types.whole,
        help="cross-validate before the model is trained on all rows: each fold is tested with a network that was "
        "trained on the others",
    )
    comparing.add_argument(
        "--search",
        metavar="N",
        type=types.whole,
        help="try N settings drawn at random, compare them on the validation rows, or with --cv by cross-validation, "
        "and train the best",
    )
    comparing.add_argument(
        "--space",
        metavar="NAME=VALUE",
        nargs="+",
        action="extend",
        help="what --search draws from: an option and its value, or LOW:HIGH; a name that is given several times is a "
        "choice, as in rate=1e-4:1e-2 layers=50 layers=10:99,10:99",
    )
    comparing.add_argument(
        "--jobs",
        metavar="N",
        type=types.whole,
        help="processes for --cv and --search, each of one thread; results do not depend on it (default: one for each "
        "core)",
    )


def _add_network(parser: argparse.ArgumentParser) -> None:
    from chainrule.nn.activations import ACTIVATIONS
    from chainrule.nn.losses import LOSSES

    network = parser.add_argument_group("network")
    network.add_argument(
        "--layers",
        dest="hidden",
        metavar="UNITS",
        type=types.sizes,
        help="units of the hidden layers, such as 64,32; none for no hidden layer (default: 100, from 1000 rows "
        "on 200)",
    )
    network.add_argument(
        "--activation",
        metavar="NAME",
        type=types.words,
        help=f"activation of the hidden layers, or one for each: {', '.join(ACTIVATIONS)} (default: relu)",
    )
    network.add_argument(
        "--dropout",
        metavar="RATE",
        type=types.rates,
        help="part of the units of the hidden layers that a training step leaves out, or one for each layer (default: "
        "0)",
    )
    norm = network.add_mutually_exclusive_group()
    for kind, over in (("batch", "over the rows of a minibatch"), ("layer", "over the units of the layer")):
        norm.add_argument(
            f"--{kind}-norm",
            dest="normalization",
            action="store_const",
            const=kind,
            help=f"normalise the signals of the hidden layers {over}",
        )
    network.add_argument(
        "--output-activation",
        dest="output_activation",
        metavar="NAME",
        help="activation of the output layer (default: by the loss)",
    )
    network.add_argument("--loss", metavar="NAME", help=f"{', '.join(LOSSES)} (default: by the target)")
    network.add_argument(
        "--class-weight",
        metavar="WEIGHT",
        type=types.weight,
        nargs="+",
        action="extend",
        help="balanced, so that all classes count alike in training; or LABEL=WEIGHT for some of them, such as yes=5 "
        "(default: all rows count alike)",
    )
    network.add_argument("--dtype", choices=("float32", "float64"), help="precision (default: float32)")


def _add_training(parser: argparse.ArgumentParser) -> None:
    from chainrule.optim.optimizers import OPTIMIZERS
    from chainrule.optim.schedules import SCHEDULES

    training = parser.add_argument_group("training")
    training.add_argument("--optimizer", metavar="NAME", help=f"{', '.join(OPTIMIZERS)} (default: adam)")
    training.add_argument(
        "--rate",
        metavar="RATE",
        type=types.number,
        help="the first learning rate (default: 0.1 for sgd, 0.01 for momentum and nesterov, 0.001 for adam and adamw)",
    )
    training.add_argument(
        "--momentum",
        metavar="PART",
        type=types.number,
        help="part of the velocity left after a step, for sgd, momentum and nesterov (default: 0 for sgd, 0.9 for the "
        "others)",
    )
    training.add_argument(
        "--schedule", metavar="NAME", help=f"how the rate changes: {', '.join(SCHEDULES)} (default: cosine, down to 0)"
    )
    training.add_argument(
        "--batch",
        metavar="ROWS",
        type=types.batch,
        help="rows of a minibatch; 1 is stochastic descent, all is full-batch descent (default: 32, from 10,000 rows "
        "on 128)",
    )
    training.add_argument(
        "--epochs",
        metavar="N",
        type=types.whole,
        help="passes over the training rows, at most (default: as many as make 2000 steps, from 20 to 1000)",
    )
    training.add_argument(
        "--patience",
        metavar="N",
        type=types.whole,
        help="stop after N epochs without gain on the validation rows, and take the best weights (default: 10)",
    )
    training.add_argument("--l1", metavar="STRENGTH", type=types.number, help="add STRENGTH * sum |w| (default: 0)")
    training.add_argument("--l2", metavar="STRENGTH", type=types.number, help="add STRENGTH / 2 * sum w^2 (default: 0)")
    training.add_argument(
        "--clip", metavar="NORM", type=types.number, help="shorten gradients longer than NORM (default: no)"
    )
    training.add_argument(
        "--on-divergence",
        choices=("raise", "halve"),
        help="where numbers are no longer finite, end with an error (raise, the default), or go back to the best epoch "
        "and on with half the rate, ten times at most (halve)",
    )
    training.add_argument(
        "--seed",
        metavar="N",
        type=types.whole,
        help="the same seed gives the same model, bit by bit (default: 0)",
    )
