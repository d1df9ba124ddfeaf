"""Fits that are killed, diverge, or cannot write: what is left, and that a fit that goes on ends with the same bits."""

import json
import os
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.utils import check_random_state
from tests.estimators import killed
from tests.train.test_checkpoint_files import STAGES, fail_at
from tests.train.test_kills import survives

from chainrule import optim
from chainrule.errors import CheckpointError
from chainrule.estimators import MLPClassifier, MLPRegressor
from chainrule.train import Checkpoint, containers
from chainrule.train.checkpoint import read_parts

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
SMALL = {"hidden_layer_sizes": (6,), "batch_size": 20, "learning_rate_init": 0.02, "max_iter": 12, "random_state": 3}


class Killed(BaseException):
    """What ends a fit as a kill would: nothing is written on the way out."""


def killed_at(epoch):
    def callback(state):
        if state.epoch == epoch:
            raise Killed

    return callback


def noted(model):
    """The bits of all that a fit leaves."""
    layers = [*model._others, *model._state]
    arrays = [*model.coefs_, *model.intercepts_, *(array for layer in layers for array in layer.values())]
    names = ["loss_", "loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_", "n_iter_", "t_"]
    notes = [getattr(model, name) for name in [*names, "converged_", "_no_improvement_count"]]
    return [array.tobytes() for array in arrays], json.dumps(notes)


def interrupted(model, path, epoch, *data, **others):
    """A fit that is killed after so many epochs, and a new one that goes on from its file."""
    kept = Checkpoint(path, every=1, seconds=None)
    first = clone(model).set_params(checkpoint=kept, callbacks=[killed_at(epoch)])
    with pytest.raises(Killed):
        first.fit(*data, **others)
    return clone(model).set_params(checkpoint=kept, resume=True).fit(*data, **others)


KINDS = {
    "plain": (MLPClassifier, {}),
    "early stopping": (MLPClassifier, {"early_stopping": True, "n_iter_no_change": 4, "tol": 0.01, "max_iter": 60}),
    "adaptive": (
        MLPRegressor,
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 1, "max_iter": 60},
    ),
    "invscaling": (MLPRegressor, {"solver": "sgd", "learning_rate": "invscaling"}),
    "schedule": (MLPRegressor, {"solver": "sgd", "learning_rate": optim.schedules.cosine(0.1, 90)}),
    "optimiser": (MLPClassifier, {"solver": optim.adamw(0.01)}),
    "layers": (MLPClassifier, {"dropout": 0.3, "batch_norm": True, "l1": 0.1, "activation": "prelu"}),
    "all at once": (MLPRegressor, {"batch_size": 150, "max_iter": 60, "tol": 0.01, "n_iter_no_change": 3}),
    "not shuffled": (MLPClassifier, {"shuffle": False}),
}


class TestTheSameBits:
    @pytest.mark.parametrize("name", KINDS)
    @pytest.mark.parametrize("epoch", [1, 5])
    def test_as_one_that_was_never_interrupted(self, name, epoch, tmp_path):
        kind, parameters = KINDS[name]
        model = kind(**SMALL | parameters)
        expected = noted(clone(model).fit(X, LABELS))
        assert noted(interrupted(model, tmp_path / "run", epoch, X, LABELS)) == expected

    def test_with_weights_held_out_data_and_float32(self, tmp_path):
        model, rng = MLPClassifier(**SMALL, class_weight={0: 2.0}), np.random.default_rng(0)
        data = {
            "sample_weight": rng.uniform(0.5, 2, 150),
            "validation_data": (X[::3], LABELS[::3], rng.uniform(size=50)),
        }
        narrow = X.astype(np.float32)
        found = interrupted(model, tmp_path / "run", 5, narrow, LABELS, **data)
        assert noted(found) == noted(clone(model).fit(narrow, LABELS, **data))
        assert found.coefs_[0].dtype == np.float32

    def test_within_an_epoch(self, tmp_path):
        model = MLPClassifier(**SMALL, dropout=0.2)
        kept = Checkpoint(tmp_path / "run", seconds=0.0)
        written, replace = [], os.replace

        def replaced(source, target):
            replace(source, target)
            if os.path.basename(target) == "run":
                written.append(read_parts(target)[1]["batch"])
                if written[-1]:
                    raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(containers.os, "replace", replaced)
            with pytest.raises(Killed):
                clone(model).set_params(checkpoint=kept).fit(X, LABELS)
        found = clone(model).set_params(checkpoint=kept, resume=True).fit(X, LABELS)
        assert noted(found) == noted(clone(model).fit(X, LABELS))

    def test_whatever_the_generator_is(self, tmp_path):
        model = MLPClassifier(**SMALL, early_stopping=True)
        plain = clone(model).set_params(random_state=np.random.RandomState(5))
        expected = noted(plain.fit(X, LABELS))
        kept = Checkpoint(tmp_path / "run", every=1)
        model.set_params(checkpoint=kept, random_state=np.random.RandomState(5))
        with pytest.raises(Killed):
            clone(model).set_params(callbacks=[killed_at(4)]).fit(X, LABELS)
        model.set_params(random_state=np.random.RandomState(77), resume=True)
        assert noted(model.fit(X, LABELS)) == expected
        assert model.random_state.randint(1000) == plain.random_state.randint(1000)

    def test_none_is_remembered_too_and_numpys_own_generator_is_left_alone(self, tmp_path):
        model = MLPClassifier(**SMALL | {"random_state": None}, checkpoint=tmp_path / "run").fit(X, LABELS)
        own = check_random_state(None)
        # The words of its block stay the same while fewer than 624 are drawn: first weights take some.
        own.seed(0)
        own.random_sample()
        before = own.get_state()[1].tobytes()
        longer = clone(model).set_params(resume=True, max_iter=15).fit(X, LABELS)
        assert longer.loss_curve_[:12] == model.loss_curve_
        assert own.get_state()[1].tobytes() == before

    def test_after_the_end_it_goes_on_where_it_may(self, tmp_path):
        model = MLPClassifier(**SMALL, checkpoint=tmp_path / "run").fit(X, LABELS)
        again = clone(model).set_params(resume=True).fit(X, LABELS)
        assert noted(again) == noted(model)
        # A generator of the user's is left where the whole fit leaves it.
        kept = Checkpoint(tmp_path / "drawn", every=1)
        first, second = np.random.RandomState(4), np.random.RandomState(99)
        MLPClassifier(**SMALL | {"random_state": first}, checkpoint=kept).fit(X, LABELS)
        MLPClassifier(**SMALL | {"random_state": second}, checkpoint=kept, resume=True).fit(X, LABELS)
        assert first.randint(2**31) == second.randint(2**31)
        longer = clone(model).set_params(resume=True, max_iter=20).fit(X, LABELS)
        assert noted(longer) == noted(clone(model).set_params(checkpoint=None, max_iter=20).fit(X, LABELS))

    def test_one_that_has_converged_does_not_go_on(self, tmp_path):
        kind, parameters = KINDS["early stopping"]
        model = kind(**SMALL | parameters, checkpoint=tmp_path / "run").fit(X, LABELS)
        assert model.converged_
        assert noted(clone(model).set_params(resume=True, max_iter=80).fit(X, LABELS)) == noted(model)

    def test_a_warm_start(self, tmp_path):
        model = MLPClassifier(**SMALL, warm_start=True)
        plain = clone(model).fit(X, LABELS)
        plain.fit(X, LABELS)
        killed_one = clone(model).fit(X, LABELS)
        kept = Checkpoint(tmp_path / "run", every=1)
        with pytest.raises(Killed):
            killed_one.set_params(checkpoint=kept, callbacks=[killed_at(3)]).fit(X, LABELS)
        found = clone(model).set_params(checkpoint=kept, resume=True).fit(X, LABELS)
        assert noted(found) == noted(plain)
        assert len(found.loss_curve_) == 24

    def test_from_another_path(self, tmp_path):
        model = MLPRegressor(**SMALL, checkpoint=tmp_path / "run").fit(X, LABELS)
        other = clone(model).set_params(checkpoint=None, resume=str(tmp_path / "run"), max_iter=14).fit(X, LABELS)
        assert other.n_iter_ == 14
        assert other.loss_curve_[:12] == model.loss_curve_

    def test_sparse_data(self, tmp_path):
        data = sparse.csr_array(X), LABELS
        model = MLPClassifier(**SMALL, early_stopping=True)
        held_out = {"validation_data": (sparse.csc_array(X), LABELS)}
        found = interrupted(model, tmp_path / "run", 5, *data, **held_out)
        assert noted(found) == noted(clone(model).fit(*data, **held_out))

    @pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL here")
    def test_a_kill(self, tmp_path):
        assert survives(tmp_path, 1, 50, killed.__file__) == 1

    @pytest.mark.slow
    @pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL here")
    def test_fifty_kills(self, tmp_path):
        assert survives(tmp_path, 50, 1000, killed.__file__) >= 25


class TestErrors:
    OTHERS = (
        ({"hidden_layer_sizes": (7,)}, "the network"),
        ({"alpha": 0.1}, r"the alpha \(it was 0.0001, now it is 0.1\)"),
        ({"tol": 0.1}, "the tol"),
        ({"solver": "sgd"}, "the solver"),
        ({"batch_size": 30}, "the batch_size"),
        ({"random_state": 4}, r"the random_state \(it was 3, now it is 4\)"),
        ({"early_stopping": True}, "the early_stopping"),
    )

    @pytest.mark.parametrize(("parameters", "message"), OTHERS)
    def test_the_checkpoint_of_another_fit(self, parameters, message, tmp_path):
        path = tmp_path / "run"
        model = MLPClassifier(**SMALL, checkpoint=path).fit(X, LABELS)
        before = path.read_bytes()
        with pytest.raises(ValueError, match=message):
            clone(model).set_params(resume=True, **parameters).fit(X, LABELS)
        assert path.read_bytes() == before

    def test_other_data(self, tmp_path):
        path = tmp_path / "run"
        model = MLPClassifier(**SMALL, checkpoint=path).fit(X, LABELS, validation_data=(X, LABELS))
        again = clone(model).set_params(resume=True)
        for data, others, message in (
            ((X + 1, LABELS), {"validation_data": (X, LABELS)}, "the inputs .*other numbers"),
            ((X, LABELS[::-1]), {"validation_data": (X, LABELS)}, "the targets"),
            ((X, LABELS), {"validation_data": (X + 1, LABELS)}, "the validation_data"),
            ((X, LABELS), {}, "the validation_data"),
            ((X, LABELS), {"validation_data": (X, LABELS), "sample_weight": np.full(150, 2.0)}, "the loss|the weights"),
            ((X[:, :3], LABELS), {"validation_data": (X[:, :3], LABELS)}, "the network"),
        ):
            with pytest.raises(ValueError, match=message):
                again.fit(*data, **others)

    def test_a_file_is_not_overwritten(self, tmp_path):
        path = tmp_path / "run"
        path.write_text("notes")
        with pytest.raises(ValueError, match="there is a file already, and it is not overwritten"):
            MLPClassifier(**SMALL, checkpoint=path).fit(X, LABELS)
        with pytest.raises(ValueError, match="no checkpoint"):
            MLPClassifier(**SMALL, checkpoint=path, resume=True).fit(X, LABELS)
        assert path.read_text() == "notes"

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
    def test_models_of_a_search_do_not_share_a_file(self, tmp_path):
        model = MLPClassifier(**SMALL, checkpoint=tmp_path / "run")
        with pytest.raises(ValueError, match="there is a file already"):
            GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=2, error_score="raise").fit(X, LABELS)

    def test_damaged_files(self, tmp_path):
        path = tmp_path / "run"
        model = MLPClassifier(**SMALL, checkpoint=path).fit(X, LABELS)
        raw, again = path.read_bytes(), clone(model).set_params(resume=True)
        rng = np.random.default_rng(0)
        for cut in rng.integers(0, len(raw), 5):
            path.write_bytes(raw[:cut])
            with pytest.raises(ValueError, match=str(path)):
                again.fit(X, LABELS)
        for place in rng.integers(0, len(raw), 10):
            path.write_bytes(raw[:place] + bytes([raw[place] ^ 255]) + raw[place + 1 :])
            with pytest.raises(ValueError, match=str(path)):
                again.fit(X, LABELS)

    CHANGES = (
        ("key", [1, 2]),
        ("key", "text"),
        ("key", [-1] * 624),
        ("position", 10**6),
        ("position", "x"),
        ("gauss", None),
        ("before", None),
        ("before", {}),
        ("before", {"t_": "x"}),
        ("estimator", []),
        ("estimator", None),
    )

    @pytest.mark.parametrize(("name", "value"), CHANGES)
    def test_descriptions_that_make_no_sense(self, name, value, tmp_path):
        path = tmp_path / "run"
        model = MLPClassifier(**SMALL, checkpoint=path).fit(X, LABELS)
        run, state, _ = read_parts(path)
        place = run if name == "estimator" else run["estimator"]
        (place if name in place else place["random_state"])[name] = value
        kind = containers.Kind("checkpoint", "checkpoint", 1, "", CheckpointError)
        raw = containers.to_bytes(kind, json.dumps({"run": run, "state": state}), load_file(path))
        path.write_bytes(raw)
        with pytest.raises(ValueError, match="no checkpoint of an estimator, or a damaged one"):
            clone(model).set_params(resume=True).fit(X, LABELS)

    @pytest.mark.parametrize("stage", STAGES)
    def test_a_disk_that_is_full(self, stage, tmp_path, monkeypatch):
        path = tmp_path / "run"
        model = MLPClassifier(**SMALL, checkpoint=Checkpoint(path, every=1)).fit(X, LABELS)
        before = path.read_bytes()
        again = clone(model).set_params(resume=True, max_iter=20)
        with monkeypatch.context() as patch:
            fail_at(patch, stage, OSError(28, "No space left on device"))
            with pytest.raises(ValueError, match=r"cannot be written \(No space left"):
                again.fit(X, LABELS)
        assert os.listdir(tmp_path) == ["run"]
        if stage != "sync of the folder":
            assert path.read_bytes() == before
        expected = clone(model).set_params(checkpoint=None, max_iter=20).fit(X, LABELS)
        assert noted(again.fit(X, LABELS)) == noted(expected)

    def test_places_that_cannot_be_written(self, tmp_path):
        for path in (tmp_path, tmp_path / "no" / "folder"):
            with pytest.raises(ValueError, match="cannot be written"):
                MLPClassifier(**SMALL, checkpoint=path).fit(X, LABELS)

    def test_where_there_are_none(self, tmp_path):
        with pytest.raises(ValueError, match="lbfgs has no checkpoints"):
            MLPClassifier(solver="lbfgs", checkpoint=tmp_path / "run").fit(X, LABELS)
        with pytest.raises(ValueError, match="lbfgs has no rate"):
            MLPClassifier(solver="lbfgs", on_divergence="halve").fit(X, LABELS)
        with pytest.raises(ValueError, match="callbacks are called after epochs"):
            MLPClassifier(solver="lbfgs", callbacks=[print]).fit(X, LABELS)
        with pytest.raises(ValueError, match="checkpoint and resume are for fit"):
            MLPClassifier(checkpoint=tmp_path / "run").partial_fit(X, LABELS, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="on_divergence='halve' is for fit"):
            MLPRegressor(on_divergence="halve").partial_fit(X, LABELS)
        with pytest.raises(ValueError, match="give checkpoint, or resume=path"):
            MLPClassifier(resume=True).fit(X, LABELS)
        with pytest.raises(ValueError, match=r"no such file|there is no file"):
            MLPClassifier(resume=tmp_path / "none").fit(X, LABELS)
        generator = np.random.RandomState(np.random.PCG64(0))
        with pytest.raises(ValueError, match="MT19937"):
            MLPClassifier(checkpoint=tmp_path / "run", random_state=generator).fit(X, LABELS)


WILD = {"solver": "sgd", "learning_rate_init": 30.0, "momentum": 0.0, "max_iter": 30, "random_state": 0}


class TestDivergence:
    def test_half_the_rate(self):
        with pytest.raises(ValueError, match="diverged"):
            MLPRegressor(hidden_layer_sizes=(6,), activation="identity", **WILD).fit(X, LABELS)
        model = MLPRegressor(hidden_layer_sizes=(6,), activation="identity", **WILD, on_divergence="halve")
        model.fit(X, LABELS)
        assert 1 <= len(model.halvings_) <= 10
        assert len(model.loss_curve_) == model.n_iter_ == model.t_ // len(X)
        assert model.score(X, LABELS) > 0.5

    def test_a_rate_that_does_no_harm_is_left_as_it_is(self):
        model = MLPClassifier(**SMALL)
        careful = clone(model).set_params(on_divergence="halve").fit(X, LABELS)
        assert noted(careful) == noted(model.fit(X, LABELS))
        assert careful.halvings_ == ()

    def test_killed_in_between(self, tmp_path):
        model = MLPRegressor(hidden_layer_sizes=(6,), activation="identity", **WILD, on_divergence="halve")
        expected = clone(model).fit(X, LABELS)
        found = interrupted(model, tmp_path / "run", 3, X, LABELS)
        assert noted(found) == noted(expected)
        assert found.halvings_ == expected.halvings_

    def test_what_halving_cannot_help(self):
        model = MLPRegressor(solver="sgd", learning_rate_init=1e30, random_state=0, on_divergence="halve")
        with pytest.raises(ValueError, match="The rate was halved 10 times"):
            model.fit(X, LABELS)


def test_ctrl_c_keeps_what_was_learned(tmp_path):
    def pressed(state):
        if state.epoch == 4:
            raise KeyboardInterrupt

    model = MLPClassifier(**SMALL, checkpoint=tmp_path / "run", callbacks=[pressed])
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, LABELS)
    assert model.n_iter_ == len(model.loss_curve_) == 4
    found = clone(model).set_params(resume=True, callbacks=None).fit(X, LABELS)
    assert noted(found) == noted(clone(model).set_params(checkpoint=None, callbacks=None).fit(X, LABELS))


def test_it_is_a_default_that_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MLPClassifier(**SMALL).fit(X, LABELS)
    assert os.listdir(tmp_path) == []
