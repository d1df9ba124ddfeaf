"""Callbacks of the estimators: plain functions, and scikit-learn's interface where there is one."""

import importlib.util
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.train.callbacks import CSVLog, Table

needs_interface = pytest.mark.skipif(
    importlib.util.find_spec("sklearn.callback") is None, reason="scikit-learn has callbacks from 1.9 on"
)
X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 6, "n_iter_no_change": 1000, "random_state": 0}
KINDS = [(MLPClassifier, NAMES), (MLPRegressor, X[:, 0] * 2)]


@pytest.fixture(autouse=True)
def few_epochs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class Recorder:
    """A callback of scikit-learn's interface that notes what it hears."""

    def __init__(self, stop_at=None):
        self.heard, self.fitted, self.stop_at = [], [], stop_at

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
        self.heard.append(("begin", context.task_name, context.task_id))
        self.data = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.heard.append(("end", context.task_name, context.task_id))
        self.fitted.append((context.task_name, fitted_estimator))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_at


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.coefs_, other.coefs_, strict=True))


@pytest.mark.parametrize(("kind", "targets"), KINDS)
@pytest.mark.parametrize("batch_size", ["auto", 32])
def test_a_function_is_called_after_every_epoch(kind, targets, batch_size):
    seen = []
    model = kind(**SMALL, batch_size=batch_size, callbacks=[seen.append]).fit(X, targets)
    assert [state.epoch for state in seen] == [1, 2, 3, 4, 5, 6]
    assert [row.objective for row in seen[-1].history] == model.loss_curve_
    assert same(model, kind(**SMALL, batch_size=batch_size).fit(X, targets))


def test_the_row_of_an_epoch_has_the_score_on_held_out_data():
    seen = []
    model = MLPClassifier(**SMALL, early_stopping=True, callbacks=seen.append).fit(X, NAMES)
    assert [row.validation for row in seen[-1].history] == model.validation_scores_


def test_a_true_result_ends_the_fit():
    model = MLPClassifier(**SMALL, callbacks=[lambda state: state.epoch == 3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, NAMES)
    assert model.n_iter_ == 3


def test_functions_are_called_in_partial_fit():
    seen = []
    model = MLPClassifier(**SMALL, callbacks=seen.append)
    model.partial_fit(X, NAMES, classes=np.unique(NAMES)).partial_fit(X, NAMES)
    assert len(seen) == 2


def test_what_cannot_be_called_is_named():
    with pytest.raises(TypeError, match="callbacks have to be functions of a TrainState, found 'table'"):
        MLPClassifier(**SMALL, callbacks=["table"]).fit(X, NAMES)
    with pytest.raises(ValueError, match="callbacks"):
        MLPClassifier(**SMALL, callbacks=3).fit(X, NAMES)


def test_the_log_and_the_table_are_those_of_training(tmp_path, capsys):
    model = MLPClassifier(**SMALL, callbacks=[CSVLog(tmp_path / "run.csv"), Table()]).fit(X, NAMES)
    log = np.genfromtxt(tmp_path / "run.csv", delimiter=",", names=True)
    np.testing.assert_array_equal(log["objective"], model.loss_curve_)
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_callbacks_go_through_clone_and_pickle(tmp_path):
    model = MLPClassifier(**SMALL, callbacks=[CSVLog(tmp_path / "run.csv")])
    clone(pickle.loads(pickle.dumps(model))).fit(X, NAMES)
    assert len((tmp_path / "run.csv").read_text().splitlines()) == 7
    assert same(pickle.loads(pickle.dumps(model.fit(X, NAMES))), model)


def test_a_solver_without_epochs_refuses_functions():
    with pytest.raises(ValueError, match="callbacks are called after epochs, which lbfgs has none of"):
        MLPClassifier(**SMALL, solver="lbfgs", callbacks=[print]).fit(X, NAMES)
    MLPClassifier(**SMALL, solver="lbfgs", callbacks=[]).fit(X, NAMES)


def test_a_search_hands_functions_on():
    seen = []
    GridSearchCV(MLPClassifier(**SMALL, callbacks=seen.append), {"alpha": [0.1, 1.0]}, cv=2).fit(X, NAMES)
    assert len(seen) == 5 * 6


@needs_interface
@pytest.mark.parametrize(("kind", "targets"), KINDS)
def test_a_fit_is_a_task_and_each_epoch_one_in_it(kind, targets):
    recorder = Recorder()
    model = kind(**SMALL).set_callbacks(recorder).fit(X, targets)
    epochs = [(what, "epoch", k) for k in range(6) for what in ("begin", "end")]
    assert recorder.heard == ["setup", ("begin", "fit", 0), *epochs, ("end", "fit", 0), "teardown"]
    assert recorder.data[0] is X
    assert recorder.data[1] is targets
    assert same(model, kind(**SMALL).fit(X, targets))
    assert not hasattr(model, "_callback_fit_ctx")


@needs_interface
@pytest.mark.parametrize(("kind", "targets"), KINDS)
def test_the_fitted_estimator_is_that_of_a_shorter_fit(kind, targets):
    recorder = Recorder()
    model = kind(**SMALL).set_callbacks(recorder).fit(X, targets)
    for k, (name, fitted) in enumerate(recorder.fitted, 1):
        if name == "fit":
            assert same(fitted, model)
            continue
        shorter = kind(**SMALL | {"max_iter": k}).fit(X, targets)
        assert same(fitted, shorter)
        assert fitted.loss_curve_ == shorter.loss_curve_
        np.testing.assert_array_equal(fitted.predict(X), shorter.predict(X))


@needs_interface
def test_a_callback_of_the_interface_ends_the_fit():
    recorder = Recorder(stop_at=2)
    model = MLPClassifier(**SMALL).set_callbacks(recorder).fit(X, NAMES)
    assert model.n_iter_ == 2
    assert recorder.heard[-4:] == [("begin", "epoch", 1), ("end", "epoch", 1), ("end", "fit", 0), "teardown"]


@needs_interface
def test_no_epoch_begins_after_the_last():
    recorder = Recorder()
    settings = SMALL | {"n_iter_no_change": 1, "tol": 10.0, "max_iter": 50}
    model = MLPClassifier(**settings).set_callbacks(recorder).fit(X, NAMES)
    assert model.n_iter_ < 50
    assert recorder.heard[-3:] == [("end", "epoch", model.n_iter_ - 1), ("end", "fit", 0), "teardown"]
    begins = [what for what in recorder.heard if what[0] == "begin"]
    assert len(begins) == model.n_iter_ + 1


@needs_interface
def test_the_weights_of_examples_are_handed_on():
    recorder = Recorder()
    weights = np.arange(1.0, len(X) + 1)
    MLPClassifier(**SMALL).set_callbacks(recorder).fit(X, NAMES, sample_weight=weights)
    assert recorder.data[2]["sample_weight"] is weights


@needs_interface
def test_callbacks_are_torn_down_after_an_error():
    def fail(state):
        raise ZeroDivisionError

    recorder = Recorder()
    model = MLPClassifier(**SMALL, callbacks=fail).set_callbacks(recorder)
    with pytest.raises(ZeroDivisionError):
        model.fit(X, NAMES)
    assert recorder.heard[-1] == "teardown"
    assert ("end", "fit", 0) not in recorder.heard


@needs_interface
def test_a_fit_that_goes_back_does_its_epochs_again():
    recorder = Recorder()
    settings = SMALL | {"max_iter": 12, "hidden_layer_sizes": (20, 20)}
    model = MLPRegressor(
        **settings, solver="sgd", learning_rate_init=4.0, momentum=0.0, on_divergence="halve", batch_size=20
    )
    model.set_callbacks(recorder).fit(X, 3 * X[:, :2])
    assert model.halvings_
    ends = [what for what in recorder.heard if what[:2] == ("end", "epoch")]
    assert len(ends) >= 12


@needs_interface
def test_lbfgs_is_one_task():
    recorder = Recorder()
    MLPClassifier(**SMALL, solver="lbfgs").set_callbacks(recorder).fit(X, NAMES)
    assert recorder.heard == ["setup", ("begin", "fit", 0), ("end", "fit", 0), "teardown"]


@needs_interface
def test_callbacks_of_the_interface_are_not_called_in_partial_fit():
    recorder = Recorder()
    MLPClassifier(**SMALL).set_callbacks(recorder).partial_fit(X, NAMES, classes=np.unique(NAMES))
    assert recorder.heard == []


@needs_interface
def test_a_monitor_scores_every_epoch():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    model = MLPClassifier(**SMALL).set_callbacks(monitor).fit(X, NAMES)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 6
    assert scores[-1] == model.score(X, NAMES)


@needs_interface
@pytest.mark.parametrize("jobs", [None, 2])
def test_a_bar_runs_through_pipeline_and_search(jobs, capsys):
    from sklearn.callback import ProgressBar

    search = GridSearchCV(
        make_pipeline(StandardScaler(), MLPClassifier(**SMALL)), {"mlpclassifier__alpha": [0.1, 1.0]}, cv=2, n_jobs=jobs
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, NAMES)
    assert "MLPClassifier - fit" in capsys.readouterr().out
    plain = clone(search).set_callbacks().fit(X, NAMES)
    assert same(search.best_estimator_[-1], plain.best_estimator_[-1])


@needs_interface
def test_callbacks_of_the_interface_go_through_clone_and_pickle():
    from sklearn.callback import ProgressBar

    model = MLPClassifier(**SMALL).set_callbacks(ProgressBar())
    assert clone(model)._skl_callbacks == model._skl_callbacks
    assert same(pickle.loads(pickle.dumps(model.fit(X, NAMES))), model)


_WITHOUT = """
import sys
import numpy as np
import sklearn.calibration, sklearn.callback, sklearn.compose, sklearn.neural_network, sklearn.preprocessing
# Only for chainrule: scikit-learn 1.9 itself cannot do without.
hidden = sys.modules["sklearn.callback"]
sys.modules["sklearn.callback"] = None
from chainrule.estimators import MLPClassifier
sys.modules["sklearn.callback"] = hidden
X = np.random.default_rng(0).normal(size=(40, 3))
seen = []
model = MLPClassifier((4,), max_iter=1000, random_state=0, callbacks=seen.append).fit(X, X[:, 0] > 0)
assert len(seen) == model.n_iter_
assert not hasattr(model, "set_callbacks")
print("fitted")
"""


@needs_interface
def test_without_the_interface_all_else_works():
    done = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, text=True)
    assert done.stdout == "fitted\n", done.stderr
