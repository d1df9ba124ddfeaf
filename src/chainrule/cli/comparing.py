"""`--cv` and `--search` of `chainrule train`: what is measured before a model is trained."""

import argparse
import itertools
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from chainrule.cli.counting import Counter, counter
from chainrule.cli.output import named_lines, scores_table, share, short, table
from chainrule.cli.space import as_options, fields_of, space_of, space_text
from chainrule.data import Dataset
from chainrule.data.table import counted
from chainrule.errors import DivergenceError, OptionError
from chainrule.native.pool import threads
from chainrule.train import (
    Options,
    Problem,
    Scores,
    Search,
    Space,
    Trial,
    cross_validate,
    default_space,
    random_search,
)
from chainrule.train.search import mean_scores, spread_of_scores

__all__ = ["Compared", "check_comparing", "cross_validated", "for_search", "searched"]

# Of fewer rows a tenth says little; see also `chainrule.train.problem`.
_ENOUGH = 1000
_MEASURES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "r2": "R²"}


@dataclass(frozen=True)
class Compared:
    """What came of comparing.

    Attributes
    ----------
    options : Options
        With what the model is to be trained.
    results : dict of str to Scores
        What is known of it by cross-validation, to stand beside the results of its training.
    settings : dict
        For the record of training.
    interrupted : bool
        Whether Ctrl-C ended a search.
    """

    options: Options
    results: dict[str, Scores]
    settings: dict[str, int]
    interrupted: bool = False


def check_comparing(arguments: argparse.Namespace) -> None:
    """Raise OptionError where options do not go together, or a number is out of its range."""
    compares = arguments.search is not None or arguments.cv is not None
    if arguments.space and arguments.search is None:
        raise OptionError("--space says what --search draws from: give --search N, the number of draws")
    if arguments.jobs is not None and not compares:
        raise OptionError("--jobs is for --cv and --search; a single network is trained by one process")
    if arguments.checkpoint is not None and compares:
        raise OptionError("--checkpoint is for the training of one network: leave it out with --cv and --search")
    for name, least in (("search", 1), ("cv", 2), ("jobs", 1)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise OptionError(f"--{name} has to be a whole number from {least} on, found {value}")
    if arguments.search is not None and arguments.cv is None and arguments.validation == 0:
        raise OptionError("--search compares on validation rows: leave out --validation 0, or cross-validate with --cv")
    _asked(arguments)


def for_search(arguments: argparse.Namespace, options: Options, rows: int) -> Options:
    """The options with rows held out to compare on, where nothing else is said."""
    if arguments.cv is not None or options.validation is not None:
        return options
    return replace(options, validation=0.1 if rows >= _ENOUGH else 0.2)


def cross_validated(arguments: argparse.Namespace, dataset: Dataset, options: Options) -> Compared:
    """Cross-validate, and print a table with a row for each fold."""
    folds, jobs, done = arguments.cv, _jobs(arguments, arguments.cv), itertools.count(1)
    with _counted(arguments, "fold", folds) as count:
        scores = cross_validate(
            dataset,
            folds,
            options,
            jobs=jobs,
            on_divergence=arguments.on_divergence or "raise",
            progress=lambda scores: count(next(done), _scored((scores,), scores.headline), ""),
        )
    if not arguments.quiet:
        rows = {f"fold {number}": one for number, one in enumerate(scores, start=1)}
        rows |= {"mean": mean_scores(scores), "spread": spread_of_scores(scores)}
        print(f"{folds} folds done\n\n{scores_table(rows, balanced=options.class_weight is not None)}\n", flush=True)
    return Compared(options, _mean_row(scores), {"cv": folds})


def searched(arguments: argparse.Namespace, dataset: Dataset, problem: Problem, options: Options) -> Compared:
    """Search, print a table with a row for each trial, and choose the best."""
    space = _space(arguments, problem, options)
    trials, folds = arguments.search, arguments.cv
    jobs = _jobs(arguments, trials * (folds or 1))
    if not arguments.quiet:
        held_out = 0 if problem.validation is None else len(problem.validation[0])
        on = f"{folds} folds" if folds else counted(held_out, "validation row")
        processes = "1 process" if jobs == 1 else f"{jobs} processes"
        lines = {"search": f"{counted(trials, 'trial')} on {on}, {processes}", "space": space_text(space)}
        print(f"{named_lines(lines, width=8)}\n", flush=True)
    with _counted(arguments, "trial", trials) as count:

        def show(trial: Trial, so_far: Search) -> None:
            measure, best = so_far.measure, so_far.best
            score = _scored(trial.scores, measure) if trial.scores else _failure(trial)
            leader = "" if best is None else f"best {_scored(best.scores, measure)}"
            count(len(so_far.trials), f"{score}  {as_options(trial.chosen)}", leader)

        found = random_search(
            dataset,
            space,
            trials,
            options,
            folds=folds,
            jobs=jobs,
            on_divergence=arguments.on_divergence or "raise",
            progress=show,
        )
    if not found.trials:
        raise KeyboardInterrupt
    if not arguments.quiet:
        ended = "stopped by Ctrl-C after " if found.interrupted else ""
        done = "" if found.interrupted else " done"
        print(f"{ended}{counted(len(found.trials), 'trial')}{done}\n\n{_trials_table(found)}\n", flush=True)
    best = _best(found)
    settings = {"search": len(found.trials)} | ({"cv": folds} if folds else {})
    if not arguments.quiet:
        chosen = best.chosen if folds else best.chosen | _unusual(arguments, dataset, options)
        print(named_lines({"best": f"trial {best.number}: {as_options(chosen)}"}, width=8), flush=True)
    return Compared(
        replace(options, **best.chosen), _mean_row(best.scores) if folds else {}, settings, found.interrupted
    )


def _unusual(arguments: argparse.Namespace, dataset: Dataset, options: Options) -> dict[str, float | None]:
    """What training the best without a search needs beside its options: rows held out where few are not, otherwise."""
    few = arguments.validation is None and len(dataset.table) < _ENOUGH
    return {"validation": options.validation} if few else {}


def _best(found: Search) -> Trial:
    if found.best is not None:
        return found.best
    first = found.trials[0].failure
    message = f"{counted(len(found.trials), 'trial')}, and none of them gave a model; the first: {first}"
    if isinstance(first, DivergenceError):
        raise DivergenceError(message, layer=first.layer, step=first.step)
    raise OptionError(message)


def _asked(arguments: argparse.Namespace) -> Space:
    """What is asked for to be searched, which is not given as an option of its own."""
    asked = space_of(arguments.space or ())
    for name, entries in asked.entries.items():
        if getattr(arguments, _ARGUMENTS.get(name, name)) is not None:
            text = space_text(Space({name: entries[:1]}))
            raise OptionError(f"--space {text}: the same was given as an option of its own; give one of the two")
    return asked


# The arguments that are called otherwise than the options that they give.
_ARGUMENTS = {"batch_size": "batch"}


def _space(arguments: argparse.Namespace, problem: Problem, options: Options) -> Space:
    """What is asked for; otherwise what is usual and not given as an option."""
    if arguments.space:
        return _asked(arguments)
    usual = default_space(len(problem.train[0]), options)
    given = [name for name in usual.entries if getattr(arguments, _ARGUMENTS.get(name, name)) is not None]
    space = usual.without(given)
    if not space.entries:
        raise OptionError("--search has nothing to draw: every option that it would is given; name others with --space")
    return space


def _jobs(arguments: argparse.Namespace, pieces: int) -> int:
    return min(arguments.jobs or threads(), pieces)


def _counted(arguments: argparse.Namespace, what: str, total: int) -> AbstractContextManager[Counter]:
    return nullcontext(lambda done, line, best: None) if arguments.quiet else counter(sys.stderr, what, total)


def _mean_row(scores: Sequence[Scores]) -> dict[str, Scores]:
    return {f"{len(scores)} folds": mean_scores(scores)}


def _scored(scores: Sequence[Scores], measure: str) -> str:
    return f"{_MEASURES[measure]} {_score(scores, measure)}"


def _score(scores: Sequence[Scores], measure: str) -> str:
    """A score, with its spread over folds where there are several."""
    write = short if measure == "r2" else share
    mean = write(mean_scores(scores).measures[measure])
    if len(scores) == 1:
        return mean
    return f"{mean.removesuffix(' %')} ± {write(spread_of_scores(scores).measures[measure])}"


def _failure(trial: Trial) -> str:
    return "diverged" if isinstance(trial.failure, DivergenceError) else "failed"


def _trials_table(found: Search) -> str:
    """A row for each trial, the best first, and below it why trials failed for another reason than divergence."""
    names = list(fields_of(found.trials[0].chosen))
    rows = []
    for trial in found.ranking:
        cells = [_failure(trial), ""]
        if trial.scores:
            cells = [_score(trial.scores, found.measure), short(mean_scores(trial.scores).measures["cost"])]
        rows.append([str(trial.number), *cells, *fields_of(trial.chosen).values()])
    numeric = [i for i, name in enumerate(names, start=3) if name not in ("activation", "optimizer", "schedule")]
    text = table(
        ["trial", _MEASURES[found.measure].partition(" ")[0], "cost", *names], rows, (0, 1, 2, *numeric), narrow=True
    )
    reasons = [
        f"trial {trial.number} failed: {trial.failure}"
        for trial in found.trials
        if trial.failure is not None and not isinstance(trial.failure, DivergenceError)
    ]
    return "\n".join([text, *(["", *reasons] if reasons else [])])
