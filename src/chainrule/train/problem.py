"""From what a file holds to arrays: which examples are trained on, which are held out, and what is remarkable."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import Dataset, Preparation, Table, leaks, prepare, split
from chainrule.data.folds import fold_rows
from chainrule.data.targets import NumberTarget
from chainrule.errors import DataError
from chainrule.nn.loss_row import COUNTS
from chainrule.nn.losses import LOSSES
from chainrule.train.options import Options
from chainrule.train.task import Examples

__all__ = ["Problem", "prepare_fold", "prepare_problem", "without_test_rows"]

_ROWS_TO_TEST = 10
_ROWS_TO_STOP_EARLY = 1000
_HELD_OUT = 0.1


@dataclass(frozen=True, eq=False)
class Problem:
    """Arrays to train and test on.

    Attributes
    ----------
    preparation : Preparation
        What was learned about the columns, from the training examples alone.
    train : tuple of two arrays
        Inputs, shape (examples, features), and targets, shape (examples, outputs), of the training examples.
    validation, test : tuple of two arrays, or None
        Those of the examples held out to stop early and to test.
    notes : tuple of str
        What a user should know of the data, a line each: columns left out, values filled in, likely leaks. Folds have
        none.
    """

    preparation: Preparation
    train: Examples
    validation: Examples | None
    test: Examples | None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        parts = {"train": self.train, "validate": self.validation, "test": self.test}
        rows = ", ".join(f"{len(part[0])} to {name}" for name, part in parts.items() if part is not None)
        return f"<problem: {rows}; {self.train[0].shape[1]} features, outputs {self.outputs}>"

    @property
    def outputs(self) -> int:
        """Number of outputs that a network needs."""
        return int(self.train[1].shape[1])

    @property
    def center(self) -> NDArray[Any]:
        """Mean of the training targets, shape (outputs,), float64: what the baseline gives."""
        return np.asarray(np.mean(self.train[1], axis=0, dtype=np.float64))


def prepare_problem(dataset: Dataset, options: Options | None = None) -> Problem:
    """Split what a file holds, and prepare its columns.

    Parameters
    ----------
    dataset : Dataset
        As `chainrule.data.read` returns it. Where it sets a test table aside, that is what is tested on; otherwise rows
        are held out at random, of every class the same part.
    options : Options, optional
        `test`, `validation`, `patience`, `impute`, `kind`, `dtype`, `seed`, and `loss`, because counts for the Poisson
        loss must not be standardised.

    Returns
    -------
    Problem
        The arrays.

    Raises
    ------
    DataError
        Where the table cannot be prepared (see `chainrule.data.prepare`), or has too few rows to hold some out.
    OptionError
        Where `kind` does not fit the target.

    Examples
    --------
    >>> from chainrule import data
    >>> problem = prepare_problem(data.digits())
    >>> [len(part[0]) for part in (problem.train, problem.validation, problem.test)]
    [1294, 144, 359]
    """
    options = options or Options()
    whole = _checked(dataset, options)
    rng = _stream(options)
    table, test = dataset.table, dataset.test
    if test is None and options.test > 0:
        table, test = _test_rows(table, options, rng, whole)
    notes = (*whole.notes, *(str(leak) for leak in leaks(dataset.table, dataset.targets)))
    problem = _problem(whole, table, test, rng, options)
    return replace(problem, notes=(*notes, *problem.preparation.report(dataset.table)))


def prepare_fold(dataset: Dataset, folds: int, number: int, options: Options | None = None) -> Problem:
    """Split what a file holds for one fold of a cross-validation, and prepare its columns.

    Parameters
    ----------
    dataset : Dataset
        As `chainrule.data.read` returns it. All rows of its table are used: those to test on in the end are taken away
        by `without_test_rows`.
    folds : int
        How many folds there are.
    number : int
        Which one this is, from 0 on.
    options : Options, optional
        As for `prepare_problem`; `test` is not used.

    Returns
    -------
    Problem
        The rows of the fold are its test rows, and what is learned about columns is learned from the others. Every row
        is in one fold, every class as evenly in all of them as its size allows; the only row of a class is in none, so
        that no network is asked for a class that it has not seen.

    Raises
    ------
    DataError
        Where the table cannot be prepared, or has fewer rows than folds.
    OptionError
        Where there are fewer than two folds, or `kind` does not fit the target.

    Examples
    --------
    >>> from chainrule import data
    >>> [len(prepare_fold(data.digits(), 5, number).test[0]) for number in range(5)]
    [360, 360, 359, 359, 359]
    """
    options = options or Options()
    whole, table = _checked(dataset, options), dataset.table
    fold = fold_rows(len(table), folds, _stream(options), whole.class_codes(table))
    kept, test = table.take(np.flatnonzero(fold != number)), table.take(np.flatnonzero(fold == number))
    return _problem(whole, kept, test, np.random.default_rng((options.seed, number)), options)


def without_test_rows(dataset: Dataset, options: Options | None = None) -> Dataset:
    """Take away the rows that `prepare_problem` tests on, so that nothing that is chosen depends on them.

    Parameters
    ----------
    dataset : Dataset
        As `chainrule.data.read` returns it.
    options : Options, optional
        As for `prepare_problem`.

    Examples
    --------
    >>> from chainrule import data
    >>> len(without_test_rows(data.digits()).table)
    1438
    """
    options = options or Options()
    if dataset.test is not None or options.test == 0:
        return replace(dataset, test=None)
    return replace(dataset, table=_test_rows(dataset.table, options, _stream(options), _checked(dataset, options))[0])


def _checked(dataset: Dataset, options: Options) -> Preparation:
    """What can be learned from all rows, to check them and to know which columns there are."""
    return prepare(dataset.table, dataset.targets, impute=options.impute, kind=options.kind)


def _stream(options: Options) -> np.random.Generator:
    return np.random.default_rng(options.seed).spawn(1)[0]


def _test_rows(table: Table, options: Options, rng: np.random.Generator, whole: Preparation) -> tuple[Table, Table]:
    if len(table) < _ROWS_TO_TEST:
        raise DataError(
            f"{table.source}: {len(table)} rows are too few to hold some out for testing, at least {_ROWS_TO_TEST} "
            "are needed; give more rows, or train on all of them with --test 0 (test=0)"
        )
    return _held_out(table, options.test, rng, whole)


def _problem(
    whole: Preparation,
    table: Table,
    test: Table | None,
    rng: np.random.Generator,
    options: Options,
) -> Problem:
    """Hold out the validation rows of a table, learn its columns from the others, and make arrays."""
    validation = None
    part = options.validation
    if part is None:
        asked = options.patience is not None
        part = _HELD_OUT if asked or len(table) >= _ROWS_TO_STOP_EARLY else 0.0
    if part > 0:
        table, validation = _held_out(table, part, rng, whole)
    if len(table) < 2:
        raise DataError(
            f"{table.source}: {len(table)} row is left to train on, at least 2 are needed; hold out less with test and "
            "validation"
        )
    preparation = whole.relearned(table)
    if isinstance(preparation.target, NumberTarget) and options.loss and LOSSES[options.loss].targets is COUNTS:
        preparation = replace(preparation, target=_as_counted(preparation.target))
    return Problem(
        preparation,
        _examples(preparation, table, options),
        None if validation is None else _examples(preparation, validation, options),
        None if test is None else _examples(preparation, test, options),
        (),
    )


def _held_out(table: Table, part: float, rng: np.random.Generator, whole: Preparation) -> tuple[Table, Table]:
    kept, held_out = split(len(table), part, rng, whole.class_codes(table))
    return table.take(kept), table.take(held_out)


def _as_counted(target: NumberTarget) -> NumberTarget:
    return replace(target, means=(0.0,) * target.width, scales=(1.0,) * target.width)


def _examples(preparation: Preparation, table: Table, options: Options) -> Examples:
    return preparation.inputs(table, options.dtype), preparation.targets(table, options.dtype)
