"""How good settings are on rows that are not trained on: in the folds of a cross-validation, and in a random search."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from chainrule.data import Dataset
from chainrule.errors import ChainruleError, OptionError
from chainrule.nn.layers import check_size
from chainrule.train.evaluation import Scores
from chainrule.train.options import Options
from chainrule.train.problem import Problem, prepare_fold, prepare_problem, without_test_rows
from chainrule.train.session import measure
from chainrule.train.space import Space
from chainrule.train.workers import do_all

__all__ = ["Search", "Trial", "cross_validate", "mean_scores", "random_search", "spread_of_scores"]

OnDivergence: TypeAlias = Literal["raise", "halve"]


@dataclass(frozen=True)
class Trial:
    """One draw of a search.

    Attributes
    ----------
    number : int
        Which one, from 1 on.
    chosen : dict
        What was drawn, by the names of `Options`.
    scores : tuple of Scores
        How good it is on the held-out rows: one, or one for each fold.
    failure : ChainruleError or None
        Why it has no scores, such as a loss that diverged.
    """

    number: int
    chosen: dict[str, Any]
    scores: tuple[Scores, ...] = ()
    failure: ChainruleError | None = None


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    trials : tuple of Trial
        Those that are done, in the order in which they were drawn.
    measure : str
        What they are compared by: the accuracy, the balanced accuracy where classes have weights, or r2.
    interrupted : bool
        Whether Ctrl-C ended the search.
    """

    trials: tuple[Trial, ...]
    measure: str
    interrupted: bool = False

    @property
    def ranking(self) -> tuple[Trial, ...]:
        """The trials, the best one first: by their mean score, then by their mean cost; those that failed are last."""
        return tuple(sorted(self.trials, key=self._key))

    @property
    def best(self) -> Trial | None:
        """The best trial; None where all have failed."""
        first = self.ranking[:1]
        return first[0] if first and first[0].scores else None

    def _key(self, trial: Trial) -> tuple[float, float, int]:
        if not trial.scores:
            return math.inf, math.inf, trial.number
        mean = mean_scores(trial.scores).measures
        score, cost = mean.get(self.measure, math.nan), mean["cost"]
        return (-score if math.isfinite(score) else math.inf, cost if math.isfinite(cost) else math.inf, trial.number)


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The mean of each measure over folds; its examples are those of all folds."""
    return _over_folds(scores, np.mean, sum(one.examples for one in scores))


def spread_of_scores(scores: Sequence[Scores]) -> Scores:
    """The standard deviation of each measure over two folds or more, with one degree of freedom less."""
    return _over_folds(scores, lambda values: np.std(values, ddof=1), 0)


def _over_folds(scores: Sequence[Scores], compute: Callable[[list[float]], Any], examples: int) -> Scores:
    def each(of: Callable[[Scores], dict[str, float]]) -> dict[str, float]:
        with np.errstate(all="ignore"):
            return {name: float(compute([of(one)[name] for one in scores])) for name in of(scores[0])}

    return Scores(examples, each(lambda one: one.measures), each(lambda one: one.baseline))


def cross_validate(
    dataset: Dataset,
    folds: int,
    options: Options | None = None,
    *,
    jobs: int = 1,
    on_divergence: OnDivergence = "raise",
    progress: Callable[[Scores], None] | None = None,
) -> tuple[Scores, ...]:
    """Measure settings on every row, each time with a network that was trained on the other folds.

    Parameters
    ----------
    dataset : Dataset
        As `chainrule.data.read` returns it. The rows that it sets aside for testing are in no fold.
    folds : int
        How many there are, from 2 on; see `prepare_fold`.
    options : Options, optional
        As for `train`; its test rows are in no fold either, so give ``test=0`` to measure on all rows.
    jobs : int
        Number of processes; the scores do not depend on it.
    on_divergence : {"raise", "halve"}
        As for `train`.
    progress : callable, optional
        Called with the scores of every fold when it is done.

    Returns
    -------
    tuple of Scores
        One for each fold.

    Raises
    ------
    ChainruleError
        As `prepare_fold` and `train` do.

    Examples
    --------
    >>> from chainrule import data
    >>> scores = cross_validate(data.digits(), 3, Options(test=0, epochs=10))
    >>> [fold.examples for fold in scores], mean_scores(scores).measures["accuracy"] > 0.9
    ([599, 599, 599], True)
    """
    options = options or Options()
    work = _Work(without_test_rows(dataset, options), options, folds, on_divergence)
    found: dict[int, Scores] = {}
    for number, result in do_all(_measure, work, [({}, fold) for fold in range(folds)], jobs):
        if isinstance(result, ChainruleError):
            raise result
        found[number] = result
        if progress is not None:
            progress(result)
    return tuple(found[fold] for fold in range(folds))


def random_search(
    dataset: Dataset,
    space: Space,
    trials: int,
    options: Options | None = None,
    *,
    folds: int | None = None,
    jobs: int = 1,
    on_divergence: OnDivergence = "raise",
    progress: Callable[[Trial, Search], None] | None = None,
) -> Search:
    """Train with settings drawn at random, and compare them on rows that none of them is trained on.

    These are the validation rows, or with `folds` all that are not for testing. The test rows are not looked at.

    Parameters
    ----------
    dataset : Dataset
        As `chainrule.data.read` returns it.
    space : Space
        What is drawn.
    trials : int
        How many draws there are. Those of a longer search with the same seed begin with them.
    options : Options, optional
        All that is not drawn; its `validation` has to be given, and above 0, where there are no folds.
    folds : int, optional
        Compare by cross-validation with so many folds.
    jobs : int
        Number of processes; what is found does not depend on it.
    on_divergence : {"raise", "halve"}
        As for `train`.
    progress : callable, optional
        Called with every trial when it is done, and the search so far.

    Returns
    -------
    Search
        The trials. A trial that fails is one of them. After Ctrl-C those that were done.

    Raises
    ------
    OptionError
        For a number out of its range, or where nothing is held out to compare on.
    DataError
        Where the table cannot be prepared.

    Examples
    --------
    >>> from chainrule import data
    >>> from chainrule.train.space import Range
    >>> options = Options(epochs=3, validation=0.2)
    >>> found = random_search(data.digits(), Space({"rate": (Range(1e-3, 1e-1),)}), 3, options)
    >>> [trial.chosen["rate"] for trial in found.trials]
    [0.0602, 0.0498, 0.058]
    >>> found.best == found.ranking[0]
    True
    """
    options = options or Options()
    count = check_size("trials", trials)
    if folds is None and not options.validation:
        raise OptionError(
            "a search compares on rows that are not trained on: hold some out with --validation (validation), or ask "
            "for folds with --cv (folds)"
        )
    drawn = [space.draw(np.random.default_rng((options.seed, _DRAWS, number))) for number in range(count)]
    if folds is None:
        work = _Work(dataset, options, None, on_divergence)
        if dataset.test is not None:
            work = _Work(replace(dataset, test=None), replace(options, test=0.0), None, on_divergence)
    else:
        work = _Work(without_test_rows(dataset, options), options, folds, on_divergence)
    # Whatever is wrong with the data is said before anything is drawn.
    measured_by = _measure_of(work.problem(0), options)
    parts = [(chosen, fold) for chosen in drawn for fold in range(folds or 1)]
    found = Search((), measured_by)
    try:
        for trial in _trials(work, drawn, parts, folds or 1, jobs):
            trials_done = sorted((*found.trials, trial), key=lambda one: one.number)
            found = replace(found, trials=tuple(trials_done))
            if progress is not None:
                progress(trial, found)
    except KeyboardInterrupt:
        found = replace(found, interrupted=True)
    return found


# What tells the draws of a search from other uses of its seed.
_DRAWS = 1


def _measure_of(problem: Problem, options: Options) -> str:
    if problem.preparation.classes is None:
        return "r2"
    return "accuracy" if options.class_weight is None else "balanced_accuracy"


def _trials(
    work: "_Work", drawn: list[dict[str, Any]], parts: list[tuple[dict[str, Any], int]], folds: int, jobs: int
) -> Iterator[Trial]:
    """The trials, as they are done; a trial that failed in one fold has failed."""
    found: list[dict[int, Any]] = [{} for _ in drawn]
    for number, result in do_all(_measure, work, parts, jobs):
        trial, fold = divmod(number, folds)
        found[trial][fold] = result
        if len(found[trial]) < folds:
            continue
        results = [found[trial][i] for i in range(folds)]
        failure = next((one for one in results if isinstance(one, ChainruleError)), None)
        yield Trial(trial + 1, drawn[trial], () if failure else tuple(results), failure)


@dataclass(eq=False)
class _Work:
    """What all trials share; the arrays that were made last are kept beside it."""

    dataset: Dataset
    options: Options
    folds: int | None
    on_divergence: OnDivergence
    _kept: dict[int, Problem] = field(default_factory=dict)

    def problem(self, fold: int) -> Problem:
        """The arrays of a fold; those of the others are forgotten, since they may be large."""
        if fold not in self._kept:
            self._kept.clear()
            if self.folds is None:
                self._kept[fold] = prepare_problem(self.dataset, self.options)
            else:
                self._kept[fold] = prepare_fold(self.dataset, self.folds, fold, self.options)
        return self._kept[fold]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}


def _measure(work: _Work, part: tuple[dict[str, Any], int]) -> Scores:
    chosen, fold = part
    options = replace(work.options, **chosen)
    return measure(work.problem(fold), options, "validation" if work.folds is None else "test", work.on_divergence)
