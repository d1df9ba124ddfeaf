"""The lesson `mnist`: from IDX files to a trained network, and its gradients from other frameworks."""

import math
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import optim
from chainrule.data import Dataset, digits, read, split
from chainrule.data.files import contents
from chainrule.differentiate import check_gradient
from chainrule.errors import DataError
from chainrule.inspection import drawings
from chainrule.lessons import figures_mnist
from chainrule.lessons.images import images_of
from chainrule.lessons.lesson import Claim, Code, Figure, Lesson, Options, Part, Section, Table
from chainrule.lessons.numerals import numeral
from chainrule.lessons.other_frameworks import FRAMEWORKS, installed
from chainrule.nn import Network
from chainrule.nn.network import Parameters
from chainrule.nn.objective import objective
from chainrule.train import Fit, Problem, fit, prepare_problem
from chainrule.train import Options as TrainOptions
from chainrule.train.evaluation import outputs

__all__ = ["lesson", "write_idx"]

Array = NDArray[Any]

_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_HELD_OUT = 0.2
_HIDDEN = 100
_RATE = 0.001
#: From so many examples on few passes over large minibatches are enough.
_MANY = 10_000
_FEW_PASSES, _PASSES = (4, 128), (30, 32)
#: Examples whose gradient is compared.
_COMPARED = 128
#: Relative errors: of differences, and of what is computed by the chain rule elsewhere.
_NEAR, _SAME = 1e-5, 1e-9
_LOSS = "cross_entropy"

_PROGRAM = """
from chainrule import data, nn, optim, train

problem = train.prepare_problem(data.digits())
network = nn.Network.of(64, (30,), 10, activation="relu", output="softmax")
settings = {"optimizer": optim.adam(0.003), "epochs": 5, "batch_size": 32, "rng": 0}
start = network.initialize(0)
run = train.fit(network, start, "cross_entropy", *problem.train, validation=problem.test, **settings)
print(run.history[-1].validation)
"""


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array of bytes as an IDX file: two zeros, 8 for bytes, the dimensions, each size, then the data.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels")
    ...     write_idx(path, np.array([7, 2], np.uint8))
    ...     path.read_bytes().hex(" ")
    '00 00 08 01 00 00 00 02 07 02'
    """
    sizes = np.array(array.shape, ">u4").tobytes()
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def lesson(options: Options) -> Lesson:
    """Run the lesson; `options.source` is a folder of IDX files, by default one of the bundled digits is made."""
    if options.source is None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_bundled(folder, options.seed)
            return _taught(folder, options, "the bundled digits of scikit-learn, in the same format")
    if not options.source.is_dir():
        raise DataError(f"{options.source}: a folder of IDX files is needed, called {', '.join(_NAMES)} (or .gz)")
    return _taught(options.source, options, options.source.name)


def _write_bundled(folder: Path, seed: int) -> None:
    images = images_of(digits(), "")
    grey = np.round((images.pixels + 1) * 127.5).astype(np.uint8)
    labels = images.labels.astype(np.uint8)
    parts = split(len(grey), _HELD_OUT, np.random.default_rng(seed), classes=labels)
    arrays = [array[rows] for rows in parts for array in (grey, labels)]
    for name, array in zip(_NAMES, arrays, strict=True):
        write_idx(folder / name, array)


def _taught(folder: Path, options: Options, what: str) -> Lesson:
    dataset = read(folder)
    problem = prepare_problem(dataset, TrainOptions(validation=0.0, dtype="float32", seed=options.seed))
    side = math.isqrt(problem.train[0].shape[1])
    classes = problem.preparation.classes or ()
    if problem.test is None or len(classes) < 3 or side * side != problem.train[0].shape[1]:
        raise DataError(f"{folder}: square images of at least three digits are needed, {_found(dataset)}")
    network = Network.of(side * side, (_HIDDEN,), len(classes), activation="relu", output="softmax")
    passes, batch_size = _FEW_PASSES if len(problem.train[0]) >= _MANY else _PASSES
    begun = perf_counter()
    run = fit(
        network,
        network.initialize(options.seed, np.float32),
        _LOSS,
        *problem.train,
        optimizer=optim.adam(_RATE),
        epochs=passes,
        batch_size=batch_size,
        validation=problem.test,
        rng=options.seed,
    )
    seconds = perf_counter() - begun
    numbers: dict[str, Any] = {
        "problem": problem,
        "network": network,
        "run": run,
        "seconds": seconds,
        "steps": int(run.history.arrays()["steps"][-1]),
        "batch_size": batch_size,
        "classes": classes,
        "given": {part: _given(network, run, getattr(problem, part)[0]) for part in ("train", "test")},
        "wrong": {part: _wrong(network, run, *getattr(problem, part)) for part in ("train", "test")},
        "differences": _differences(network, network.initialize(options.seed), problem),
    }
    return Lesson(
        "mnist",
        "From the files of MNIST to a trained network",
        "From four files of bytes to a network that reads handwritten digits; then the gradients of the same "
        "network from other frameworks, where they are installed, compared number by number.",
        (
            _files(folder, what, options.source is None, numbers),
            _training(numbers),
            _results(side, numbers),
            _elsewhere(numbers),
            _next(),
        ),
        numbers,
    )


def _found(dataset: Dataset) -> str:
    return f"found {len(dataset.table)} images of {len(dataset.table.names) - 1} pixels"


def _given(network: Network, run: Fit, X: Array) -> Array:
    found: Array = np.argmax(outputs(network, run.parameters, run.network_state, X), axis=1)
    return found


def _wrong(network: Network, run: Fit, X: Array, T: Array) -> int:
    return int(np.count_nonzero(_given(network, run, X) != np.argmax(T, axis=1)))


def _differences(network: Network, parameters: Parameters, problem: Problem) -> dict[str, float]:
    """The largest relative error of an entry of the gradient, by what it was compared with."""
    X, T = (np.asarray(array[:_COMPARED], np.float64) for array in problem.train)
    whole = objective(network, _LOSS)

    def cost(parameters: Parameters) -> Any:
        return whole(parameters, network.initial_state(), X, T)[0]

    found = {"central differences": check_gradient(cost, (parameters,)).largest_error}
    for module in installed():
        name, gradients = FRAMEWORKS[module]
        found[name] = check_gradient(cost, (parameters,), gradients(parameters, X, T), entries=10_000).largest_error
    return {name: float(error) for name, error in found.items()}


def _header(folder: Path) -> tuple[tuple[str, str, str | int], ...]:
    place = next(path for path in (folder / _NAMES[0], folder / f"{_NAMES[0]}.gz", *folder.iterdir()) if path.is_file())
    raw = contents(place)
    rows: list[tuple[str, str, str | int]] = [(raw[:4].hex(" "), "two zeros, 8 for bytes, the number of sizes", "")]
    meanings = ("images", "rows of pixels", "columns of pixels")
    for k, meaning in enumerate(meanings[: raw[3]], start=1):
        part = raw[4 * k : 4 * k + 4]
        rows.append((part.hex(" "), meaning, int.from_bytes(part, "big")))
    return tuple(rows)


def _files(folder: Path, what: str, bundled: bool, numbers: dict[str, Any]) -> Section:
    problem = numbers["problem"]
    train, test = (len(part[0]) for part in (problem.train, problem.test))
    own = (
        "You gave no files, so this lesson has written the digits that come with scikit-learn into a temporary "
        "folder, in MNIST's format and under its names: 8 x 8 pixels in place of 28 x 28, and a thirtieth of the "
        "images. With the real files it is `chainrule lesson mnist --data FOLDER`, and all that follows is the same."
    )
    return Section(
        "Four files of bytes",
        (
            "MNIST comes as four files: images and labels to learn from, images and labels to be tested on. The "
            "format is called IDX and is as simple as can be: a header of big-endian numbers, then one byte after "
            "the other, an image after the other, row by row. This is the header of the first file:",
            Table(f"The first bytes of {_NAMES[0]}", ("bytes", "meaning", "value"), _header(folder)),
            *([own] if bundled else []),
            f"These are {what}: {train:,} images to learn from and {test:,} to be tested on. The grey values become "
            "inputs with mean 0 and spread 1, and each label a row with a 1 in its column and 0 elsewhere.",
        ),
    )


def _training(numbers: dict[str, Any]) -> Section:
    network, run = numbers["network"], numbers["run"]
    history = run.history.arrays()
    passes = len(history["objective"])
    step = 1e6 * numbers["seconds"] / numbers["steps"]
    layers = [f"{network.inputs} inputs", f"{_HIDDEN} relu", f"{network.outputs} softmax"]
    return Section(
        "A network of one hidden layer",
        (
            f"{', '.join(layers)}: {network.count_parameters():,} weights. The loss is the cross-entropy, minus the "
            "log of the probability that the network gives to the right digit. Adam takes a step after every "
            f"{numbers['batch_size']} images, at the rate {_RATE}, and goes through all of them {passes} times.",
            Figure(
                "The cost while it learns",
                lambda: figures_mnist.learning(run),
                "Two falling curves by epoch: the cost of the training images goes towards 0, that of the test images "
                "levels out above it.",
            ),
            Claim(
                f"The cost of the training images falls from {history['objective'][0]:.3f} in the first epoch to "
                f"{history['objective'][-1]:.4f} in the last one.",
                bool(history["objective"][-1] < 0.5 * history["objective"][0]),
            ),
            Claim(
                f"That took {numbers['steps']:,} steps and {numbers['seconds']:.1f} seconds, {step:,.0f} millionths "
                "of a second a step, compilation and testing included.",
                step < 1e5,
                measured=True,
            ),
        ),
    )


def _results(side: int, numbers: dict[str, Any]) -> Section:
    problem, network, run, wrong = (numbers[name] for name in ("problem", "network", "run", "wrong"))
    X, T = problem.test
    shares = {part: 100 * wrong[part] / len(getattr(problem, part)[0]) for part in wrong}
    truth, given = np.argmax(T, axis=1), numbers["given"]["test"]
    missed = np.flatnonzero(truth != given)
    pictures = X.reshape(-1, side, side)
    chance = 100 * (1 - np.max(np.mean(T, axis=0)))
    parts: list[Part] = [
        "The network says which digit has the largest probability. What it was never shown is what counts:",
        Claim(
            f"Of the {len(X):,} test images {wrong['test']} are read wrongly, {shares['test']:.2f} %. Whoever "
            f"always says the most frequent digit is wrong {chance:.0f} % of the time.",
            shares["test"] < 10 < chance,
        ),
        Claim(
            f"Of the images that it learned from it gets {shares['train']:.2f} % wrong: less, since those it has seen.",
            shares["train"] < shares["test"],
        ),
        Figure(
            "Which digit was taken for which",
            lambda: drawings.confusion_matrix(network, X, T, parameters=run.parameters),
            "A square table of counts: large numbers on the diagonal, few beside it.",
        ),
    ]
    if len(missed):
        parts += [
            "These are some of those that it got wrong: what they are, and what it took them for.",
            Figure(
                "Test images that were read wrongly",
                lambda: figures_mnist.mistakes(pictures[missed], truth[missed], given[missed], numbers["classes"]),
                "Some handwritten digits, each with its label and what the network said.",
            ),
        ]
    return Section("What it reads, and what it does not", tuple(parts))


def _elsewhere(numbers: dict[str, Any]) -> Section:
    differences = numbers["differences"]
    frameworks = [name for name, _ in FRAMEWORKS.values()]
    rows = tuple((name, _error(differences.get(name))) for name in ("central differences", *frameworks))
    there = [name for name in frameworks if name in differences]
    said = (
        f"{' and '.join(there)} {'computes' if len(there) == 1 else 'compute'} the same gradient"
        if there
        else "Neither PyTorch nor JAX is installed here; central differences give the same gradient"
    )
    worst = max(differences[name] for name in there) if there else differences["central differences"]
    return Section(
        "The same gradient, elsewhere",
        (
            "A gradient has no opinion: it is right or wrong, and whoever computes it has to find the same numbers. "
            f"So take the weights with which training began and the first {_COMPARED} training images, compute the "
            "derivative of the cost by every weight, in double precision, and compare, entry by entry.",
            Table("Largest relative error of an entry", ("compared with", "error"), rows, measured=(1,)),
            Claim(f"{said}, to {numeral(worst, 1)} of itself.", worst < (_SAME if there else _NEAR), measured=True),
            "Central differences need no chain rule at all, only the cost; they are less exact, as the lesson "
            "`numerical` shows. They were taken at some weights and along some directions, since for all of them "
            "each weight needs forward passes of its own.",
        ),
    )


def _error(value: float | None) -> str:
    return "not installed here" if value is None else numeral(value, 1)


def _next() -> Section:
    return Section(
        "Try next",
        (
            "MNIST itself: `chainrule lesson mnist --data FOLDER`, with the four files, gzipped or not. Or leave "
            "the lesson and let the command choose network and rate: `chainrule train FOLDER`.",
            "As code it is a few lines:",
            Code(_PROGRAM),
        ),
    )
