"""Cross-validation and random search: nothing leaks, nothing depends on the number of processes."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule import train
from chainrule.data import Dataset, Table
from chainrule.errors import ChainruleError, DataError, DivergenceError, OptionError
from chainrule.train import Options, Range, Space, cross_validate, prepare_fold, prepare_problem, random_search
from chainrule.train.problem import without_test_rows
from chainrule.train.search import Search, Trial, mean_scores, spread_of_scores

RNG = np.random.default_rng(0)
QUICK = Options(hidden=(6,), epochs=8, rate=0.02)
RATES = Space({"rate": (Range(1e-3, 1e-1),), "hidden": ((4,), (6, 4))})


def flowers(rows=90):
    labels = np.arange(rows) % 3
    x = RNG.normal(size=(rows, 2)) + 2 * labels[:, np.newaxis]
    return Dataset(Table.of({"X": x, "y": np.array(["a", "b", "c"])[labels]}), targets=("y",))


def numbers(rows=60):
    x = RNG.normal(size=(rows, 2))
    return Dataset(Table.of({"X": x, "y": x[:, 0] + 0.1 * RNG.normal(size=rows)}), targets=("y",))


def test_a_fold_is_prepared_from_the_other_folds_alone():
    """A value that is out of all bounds changes nothing of what is learned where it is tested on."""
    dataset = numbers()
    values = dataset.table["x0"].values.copy()
    values[7] = 1e6
    columns = {"x0": values, "x1": dataset.table["x1"].values, "y": dataset.table["y"].values}
    changed = Dataset(Table.of(columns), targets=("y",))
    plain = Dataset(Table.of({**columns, "x0": dataset.table["x0"].values}), targets=("y",))
    same = []
    for number in range(4):
        one, other = (prepare_fold(data, 4, number, QUICK) for data in (plain, changed))
        assert np.array_equal(one.test[1].shape, other.test[1].shape)
        same.append(one.preparation == other.preparation)
        if same[-1]:
            assert np.array_equal(one.train[0], other.train[0])
    assert same.count(True) == 1


def test_every_row_is_tested_on_once():
    dataset = numbers()
    rows = [tuple(row) for fold in range(4) for row in _raw(prepare_fold(dataset, 4, fold))]
    expected = list(zip(dataset.table["x0"].values, dataset.table["x1"].values, strict=True))
    np.testing.assert_allclose(sorted(rows), sorted(expected), atol=1e-5)


def _raw(problem):
    feature = problem.preparation.features[0]
    return problem.test[0] * np.array(feature.scales) + np.array(feature.means)


def test_cross_validation_is_training_on_each_fold():
    dataset = flowers()
    found = cross_validate(dataset, 3, replace(QUICK, test=0.0))
    expected = [train.train(prepare_fold(dataset, 3, fold, QUICK), QUICK)[1].results["test"] for fold in range(3)]
    assert list(found) == expected
    mean, spread = mean_scores(found), spread_of_scores(found)
    accuracies = [fold.measures["accuracy"] for fold in expected]
    assert mean.examples == 90
    assert mean.measures["accuracy"] == pytest.approx(np.mean(accuracies))
    assert spread.measures["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))


def test_test_rows_are_in_no_fold():
    dataset = flowers()
    assert sum(fold.examples for fold in cross_validate(dataset, 3, QUICK)) == 72
    kept, problem = without_test_rows(dataset, QUICK), prepare_problem(dataset, QUICK)
    assert len(kept.table) == len(problem.train[0]) == 72
    aside = replace(dataset, test=dataset.table.take([0, 1, 2]))
    assert sum(fold.examples for fold in cross_validate(aside, 3, QUICK)) == 90


def test_a_class_with_a_single_row_is_never_asked_for():
    dataset = flowers(31)
    names = np.array(["a", "b", "c"])[np.arange(31) % 3]
    names[5] = "once"
    dataset = Dataset(Table.of({"x": dataset.table["x0"].values, "y": names}), targets=("y",))
    found = cross_validate(dataset, 3, replace(QUICK, test=0.0))
    assert sum(fold.examples for fold in found) == 30


def test_errors_of_folds_are_raised():
    with pytest.raises(DivergenceError):
        cross_validate(numbers(), 3, Options(optimizer="sgd", rate=1e9, output="identity"))
    with pytest.raises(DataError, match="too few for 50 folds"):
        cross_validate(flowers(30), 50, QUICK)


@pytest.mark.parametrize("folds", [None, 3])
def test_the_same_trials_in_any_number_of_processes(folds):
    dataset, options = flowers(), replace(QUICK, validation=0.2, dropout=0.1)
    seen = []
    one = random_search(dataset, RATES, 4, options, folds=folds)
    two = random_search(
        dataset, RATES, 4, options, folds=folds, jobs=2, progress=lambda trial, so_far: seen.append(so_far)
    )
    assert one == two
    assert [trial.number for trial in one.trials] == [1, 2, 3, 4]
    assert [len(search.trials) for search in seen] == [1, 2, 3, 4]
    assert {len(trial.scores) for trial in one.trials} == {folds or 1}
    # A longer search begins with the same draws, and another seed gives others.
    more = random_search(dataset, RATES, 5, options, folds=folds)
    assert more.trials[:4] == one.trials
    other = random_search(dataset, RATES, 1, replace(options, seed=1), folds=folds)
    assert other.trials[0].chosen != one.trials[0].chosen


def test_a_trial_is_what_training_with_its_options_gives():
    dataset, options = flowers(), replace(QUICK, validation=0.2)
    found = random_search(dataset, RATES, 2, options)
    for trial in found.trials:
        chosen = replace(options, **trial.chosen)
        _, report = train.train(prepare_problem(dataset, chosen), chosen)
        assert trial.scores == (report.results["validation"],)


def test_test_rows_decide_nothing():
    """What a file sets aside for testing may be anything."""
    dataset = flowers()
    table = dataset.table
    columns = {"x0": np.full(90, 1e9), "x1": np.full(90, -1e9), "y": table["y"].values}
    for folds in (None, 3):
        options = replace(QUICK, validation=0.2)
        one, other = (
            random_search(replace(dataset, test=test), RATES, 2, options, folds=folds)
            for test in (table, Table.of(columns))
        )
        assert one == other


def test_failures_are_trials():
    space = Space({"rate": (0.02, 1e30), "dropout": (0.0, (0.1, 0.2))})
    options = replace(QUICK, validation=0.2, optimizer="sgd", rate=None)
    found = random_search(flowers(), space, 12, options)
    kinds = {(trial.chosen["rate"], trial.chosen["dropout"]): type(trial.failure) for trial in found.trials}
    assert kinds[0.02, 0.0] is type(None)
    assert kinds[1e30, 0.0] is DivergenceError
    assert kinds[0.02, (0.1, 0.2)] is OptionError
    assert found.best is found.ranking[0]
    assert found.best.scores
    failed = [trial.failure is not None for trial in found.ranking]
    assert failed == sorted(failed)
    assert random_search(flowers(), Space({"rate": (1e30,)}), 2, options).best is None


def test_ranking():
    def trial(number, accuracy, cost):
        return Trial(number, {}, (train.Scores(10, {"cost": cost, "accuracy": accuracy}, {}),))

    trials = (
        trial(1, 0.5, 1.0),
        Trial(2, {}, (), ChainruleError("no")),
        trial(3, 0.9, 0.5),
        trial(4, 0.9, 0.3),
        trial(5, 0.9, float("inf")),
        trial(6, float("nan"), 0.1),
    )
    assert [one.number for one in Search(trials, "accuracy").ranking] == [4, 3, 5, 1, 6, 2]


def test_compared_by_what_is_aimed_at():
    options = replace(QUICK, validation=0.2)
    assert random_search(flowers(), RATES, 1, options).measure == "accuracy"
    assert random_search(flowers(), RATES, 1, replace(options, class_weight="balanced")).measure == "balanced_accuracy"
    assert random_search(numbers(), RATES, 1, options).measure == "r2"


def test_what_is_refused():
    with pytest.raises(OptionError, match="hold some out with --validation"):
        random_search(flowers(), RATES, 2, QUICK)
    with pytest.raises(OptionError, match="trials has to be a positive integer"):
        random_search(flowers(), RATES, 0, replace(QUICK, validation=0.2))


def test_ctrl_c_keeps_what_is_done():
    def stop(trial, so_far):
        if len(so_far.trials) == 2:
            raise KeyboardInterrupt

    for jobs in (1, 2):
        options = replace(QUICK, validation=0.2)
        found = random_search(flowers(), RATES, 6, options, jobs=jobs, progress=stop)
        assert found.interrupted
        assert len(found.trials) == 2
