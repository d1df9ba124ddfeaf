"""From a prepared problem to a trained model and a report: what the command does, as a function."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from chainrule.differentiate import check_gradient
from chainrule.differentiate.check import GradientReport
from chainrule.nn import Network, Parameters, objective
from chainrule.train.checkpoint import Checkpoint
from chainrule.train.defaults import Settings, choose
from chainrule.train.evaluation import Scores, evaluate
from chainrule.train.loop import Fit, fit
from chainrule.train.model import Model, Record
from chainrule.train.options import Options
from chainrule.train.problem import Problem
from chainrule.train.running import Progress

__all__ = ["Report", "train"]

_CHECKED_EXAMPLES = 16
_CHECKED_ENTRIES = 300


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
        ``"validation"``, ``"test"``.
    gradient : GradientReport
        Gradient of the objective at the starting values, compared with central differences on some examples.
    """

    settings: Settings
    fit: Fit
    results: dict[str, Scores]
    gradient: GradientReport


def train(
    problem: Problem,
    options: Options | None = None,
    *,
    progress: Progress | None = None,
    checkpoint: Checkpoint | str | PathLike[str] | None = None,
    resume: bool | str | PathLike[str] = False,
    on_divergence: Literal["raise", "halve"] = "raise",
) -> tuple[Model, Report]:
    """Train a network on a prepared problem, check its gradient, and measure it.

    Parameters
    ----------
    problem : Problem
        From `prepare_problem`, with the same options.
    options : Options, optional
        What is not left to `choose`.
    progress : Progress, optional
        Shows how training gets on. By default nothing is printed.
    checkpoint, resume, on_divergence
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
    inputs, targets = problem.train
    network = settings.network(inputs.shape[1], problem.outputs)
    # The first stream is the one that rows are held out by, see `prepare_problem`.
    _, weights, order = np.random.default_rng(settings.seed).spawn(3)
    start = network.initialize(weights, settings.dtype)
    # Minibatches are small: a second thread costs more than it brings, and would change the bits with the machine.
    with threadpool_limits(limits=1, user_api="blas"):
        gradient = _gradient_check(network, settings, start, problem)
        found = fit(
            network,
            start,
            settings.loss,
            inputs,
            targets,
            optimizer=settings.transform(len(inputs)),
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            regularizers=settings.regularizers,
            validation=problem.validation,
            patience=settings.patience,
            rng=order,
            progress=progress,
            checkpoint=checkpoint,
            resume=resume,
            on_divergence=on_divergence,
        )
        results = _results(network, settings, found, problem)
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


def _halved(found: Fit) -> dict[str, float]:
    """What the record says of a rate that was halved because training diverged."""
    return {"rate_factor": found.state.rate_factor} if found.history.halvings else {}


def _gradient_check(network: Network, settings: Settings, start: Parameters, problem: Problem) -> GradientReport:
    minimised = objective(network, settings.loss, settings.regularizers)
    state = network.initial_state()
    x, targets = (array[:_CHECKED_EXAMPLES].astype(np.float64) for array in problem.train)
    return check_gradient(
        lambda parameters: minimised(parameters, state, x, targets)[0],
        (start,),
        entries=_CHECKED_ENTRIES,
        rng=settings.seed,
    )


def _results(network: Network, settings: Settings, found: Fit, problem: Problem) -> dict[str, Scores]:
    parts = {"train": problem.train, "validation": problem.validation, "test": problem.test}
    with np.errstate(all="ignore"):
        return {
            name: evaluate(
                network,
                settings.loss,
                found.parameters,
                found.network_state,
                *part,
                center=problem.center,
                target=problem.preparation.target,
            )
            for name, part in parts.items()
            if part is not None
        }


def _versions() -> dict[str, str]:
    from chainrule import __version__

    return {"chainrule": __version__, "numpy": np.__version__, "python": platform.python_version()}
