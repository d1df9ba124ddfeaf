"""From a prepared problem to a trained model and a report: what the command does, as a function."""

import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from chainrule.differentiate import check_gradient
from chainrule.differentiate.check import GradientReport
from chainrule.nn import Loss, Network, Parameters, objective, weighted, with_weights
from chainrule.nn.losses import LOSSES
from chainrule.random import random_state
from chainrule.train.checkpoint import Checkpoint
from chainrule.train.class_weights import example_weights
from chainrule.train.defaults import Settings, choose
from chainrule.train.evaluation import Scores, evaluate
from chainrule.train.loop import Fit, fit
from chainrule.train.model import Model, Record
from chainrule.train.options import Options
from chainrule.train.problem import Problem
from chainrule.train.running import Callback, Progress
from chainrule.train.task import Examples

__all__ = ["Beginning", "Report", "beginning", "measure", "train"]

_CHECKED_EXAMPLES = 16
_CHECKED_ENTRIES = 300
_PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Report:
    """What came of training.

    Attributes
    ----------
    settings : Settings
        With what was trained.
    fit : Fit
        History, and why training ended.
    results : dict of str to Scores
        How good the model is, beside the baseline, on the parts of the data that there are: ``"train"``,
        ``"validation"``, ``"test"``. All examples count alike here, also where classes have weights in training.
    gradient : GradientReport
        Gradient of the objective at the starting values, compared with central differences on some examples: as it is
        in training, with the weights of the classes, and the same units left out each time.
    """

    settings: Settings
    fit: Fit
    results: dict[str, Scores]
    gradient: GradientReport


def train(
    problem: Problem,
    options: Options | None = None,
    *,
    callbacks: Iterable[Callback] = (),
    progress: Progress | None = None,
    checkpoint: Checkpoint | str | PathLike[str] | None = None,
    resume: bool | str | PathLike[str] = False,
    on_divergence: Literal["raise", "halve"] = "raise",
) -> tuple[Model, Report]:
    """Train a network on a prepared problem, check its gradient, and measure it.

    Where classes have weights, the objective and the held-out cost in the history are weighted, and early stopping goes
    by them; the results are not.

    Parameters
    ----------
    problem : Problem
        From `prepare_problem`, with the same options.
    options : Options, optional
        What is not left to `choose`.
    progress : Progress, optional
        Shows how training gets on. By default nothing is printed.
    callbacks, checkpoint, resume, on_divergence
        As for `chainrule.train.fit`.

    Returns
    -------
    model : Model
        The trained model. After Ctrl-C it has learned what there was time for.
    report : Report
        What came of it.

    Raises
    ------
    OptionError
        Where options do not fit the problem.
    DataError
        Where the loss does not take the targets.
    CheckpointError
        Where a checkpoint cannot be written or read, or is that of another run.
    DivergenceError
        Where training diverges.

    Examples
    --------
    >>> from chainrule import data
    >>> from chainrule.train import Options, prepare_problem
    >>> model, report = train(prepare_problem(data.digits()), Options(epochs=10))
    >>> report.results["test"].measures["accuracy"] > 0.9
    True
    >>> report.gradient.ok
    True
    """
    settings = choose(problem, options)
    given = beginning(problem, settings)
    # Minibatches are small: a second thread costs more than it brings, and would change the bits with the machine.
    with threadpool_limits(limits=1, user_api="blas"):
        gradient = _gradient_check(given, settings)
        found = _fit(given, settings, callbacks, progress, checkpoint, resume, on_divergence)
        results = _results(given.network, settings, found, problem)
    network = given.network
    record = Record(
        settings=settings.to_description() | _halved(found),
        results=results,
        epochs=found.state.epoch,
        steps=found.state.step,
        seconds=round(sum(row.seconds for row in found.history) + found.state.seconds, 3),
        ended=found.ended,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
    )
    model = Model(network, found.parameters, found.network_state, settings.loss, problem.preparation, record)
    return model, Report(settings, found, results, gradient)


def measure(
    problem: Problem, options: Options, part: Literal["validation", "test"], on_divergence: Literal["raise", "halve"]
) -> Scores:
    """Train a network on a prepared problem, and say only how good it is on a held-out part of the data.

    Parameters
    ----------
    problem, options, on_divergence
        As for `train`.
    part : {"validation", "test"}
        What it is measured on.

    Returns
    -------
    Scores
        What `train` would report for this part.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C.
    ChainruleError
        As `train` does.

    Examples
    --------
    >>> from chainrule import data
    >>> from chainrule.train import Options, prepare_problem
    >>> problem, options = prepare_problem(data.digits()), Options(epochs=10)
    >>> scores = measure(problem, options, "test", "raise")
    >>> scores == train(problem, options)[1].results["test"]
    True
    """
    settings = choose(problem, options)
    given = beginning(problem, settings)
    with threadpool_limits(limits=1, user_api="blas"):
        found = _fit(given, settings, (), None, None, False, on_divergence)
        if found.interrupted:
            raise KeyboardInterrupt
        return _results(given.network, settings, found, problem, (part,))[part]


@dataclass(frozen=True, eq=False)
class Beginning:
    """What a run starts from.

    Attributes
    ----------
    network : Network
        The network.
    loss : Loss
        Its loss; where classes have weights, the weighted one.
    start : tuple of dicts of arrays
        Starting values.
    order : numpy.random.Generator
        Source of the order of examples and of what layers draw.
    examples : tuple of two arrays
        Inputs and targets; where classes have weights, these are one more column of the targets.
    validation : tuple of two arrays, or None
        The same of the held-out examples.
    """

    network: Network
    loss: Loss
    start: Parameters
    order: np.random.Generator
    examples: Examples
    validation: Examples | None


def beginning(problem: Problem, settings: Settings) -> Beginning:
    """Make what a run with these settings starts from, the same each time."""
    network = settings.network(problem.train[0].shape[1], problem.outputs)
    # The first stream is the one that rows are held out by, see `prepare_problem`.
    _, weights, order = np.random.default_rng(settings.seed).spawn(3)
    start = network.initialize(weights, settings.dtype)
    loss = LOSSES[settings.loss]
    if settings.class_weights is None:
        return Beginning(network, loss, start, order, problem.train, problem.validation)
    loss.check_targets(problem.train[1])
    held_out = problem.validation
    return Beginning(
        network,
        weighted(loss),
        start,
        order,
        _weighted(problem.train, settings.class_weights),
        None if held_out is None else _weighted(held_out, settings.class_weights),
    )


def _weighted(examples: Examples, class_weights: dict[str, float]) -> Examples:
    """The same examples, the weights of their classes beside the targets."""
    inputs, targets = examples
    return inputs, with_weights(targets, example_weights(class_weights, targets))


def _fit(
    given: Beginning,
    settings: Settings,
    callbacks: Iterable[Callback],
    progress: Progress | None,
    checkpoint: Checkpoint | str | PathLike[str] | None,
    resume: bool | str | PathLike[str],
    on_divergence: Literal["raise", "halve"],
) -> Fit:
    inputs, targets = given.examples
    return fit(
        given.network,
        given.start,
        given.loss,
        inputs,
        targets,
        optimizer=settings.transform(len(inputs)),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        regularizers=settings.regularizers,
        validation=given.validation,
        patience=settings.patience,
        rng=given.order,
        callbacks=callbacks,
        progress=progress,
        checkpoint=checkpoint,
        resume=resume,
        on_divergence=on_divergence,
    )


def _halved(found: Fit) -> dict[str, float]:
    """What the record says of a rate that was halved because training diverged."""
    return {"rate_factor": found.state.rate_factor} if found.history.halvings else {}


def _gradient_check(given: Beginning, settings: Settings) -> GradientReport:
    minimised = objective(given.network, given.loss, settings.regularizers)
    state, rng = given.network.initial_state(), random_state(settings.seed)
    x, targets = (array[:_CHECKED_EXAMPLES].astype(np.float64) for array in given.examples)
    return check_gradient(
        lambda parameters: minimised(parameters, state, x, targets, rng, True)[0],
        (given.start,),
        entries=_CHECKED_ENTRIES,
        rng=settings.seed,
    )


def _results(
    network: Network, settings: Settings, found: Fit, problem: Problem, parts: Sequence[str] = _PARTS
) -> dict[str, Scores]:
    with np.errstate(all="ignore"):
        return {
            name: evaluate(
                network,
                settings.loss,
                found.parameters,
                found.network_state,
                *examples,
                center=problem.center,
                target=problem.preparation.target,
            )
            for name in parts
            if (examples := getattr(problem, name)) is not None
        }


def _versions() -> dict[str, str]:
    from chainrule import __version__

    return {"chainrule": __version__, "numpy": np.__version__, "python": platform.python_version()}
