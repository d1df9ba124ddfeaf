"""`chainrule info` of what is no model file of `chainrule train`: checkpoints and estimators."""

import json
import re

import numpy as np
import pytest

from chainrule.cli.main import main
from chainrule.errors import CheckpointError
from chainrule.train import containers

TRAIN = ("train", "flowers.csv", "--target", "kind", "-q", "--checkpoint", "run", "--layers", "8")


def test_a_checkpoint_tells_its_run(run, flowers):
    options = ("--epochs", "4", "--patience", "3", "--validation", "0.25", "--schedule", "constant", "--l2", "0.001")
    more = ("--clip", "5", "--dropout", "0.2", "--class-weight", "rose=3", "--layer-norm", "--optimizer", "nesterov")
    assert run(*TRAIN, *options, *more).code == 0
    ran = run("info", "run")
    assert (ran.code, ran.err) == (0, "")
    lines = " ".join(ran.out.split())
    assert re.match(r"run: a chainrule checkpoint of [\d,]+ bytes ", lines)
    assert "network 4 inputs, 8 identity, LayerNorm(activation=relu, " in lines
    assert "Dropout(rate=0.2), 3 softmax, float32" in lines
    assert "objective mean of weighted(cross_entropy) + L2(strength=0.001)" in lines
    assert "optimizer clip_by_global_norm(max_norm=5), " in lines
    assert "data 72 rows, 3 target columns, 32 rows a step, 24 rows held out" in lines
    assert "done 4 epochs, 12 steps last objective " in lines
    assert re.search(r"validation [\d.]+, rate 0.01 time [\d.e-]+ s best validation [\d.]+ in epoch \d", lines)


def test_a_checkpoint_of_a_run_in_python(run, folder):
    """With a loss of one's own."""
    from chainrule import optim
    from chainrule.nn import Network
    from chainrule.train import Checkpoint, fit

    network = Network.of(2)
    x = np.random.default_rng(0).normal(size=(4, 2))

    def stop(state):
        return True

    fit(
        network,
        network.initialize(0),
        lambda outputs, targets: np.sum((outputs - targets) ** 2, axis=1),
        x,
        x[:, :1],
        optimizer=optim.sgd(0.1),
        epochs=3,
        callbacks=[stop],
        checkpoint=Checkpoint("run"),
    )
    ran = run("info", "run")
    assert ran.code == 0
    assert "done       1 epoch, 1 step\n" in ran.out
    assert "objective  mean of <lambda>" in ran.out


def damaged(path, change):
    """The same checkpoint with another description, and a checksum that fits."""
    kind = containers.Kind("checkpoint", "checkpoint", 1, "", CheckpointError)
    description, tensors = containers.from_bytes(kind, path.read_bytes())
    change(description)
    arrays = {
        name: np.frombuffer(tensor["data"], containers.DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
        for name, tensor in tensors.items()
    }
    path.write_bytes(containers.to_bytes(kind, json.dumps(description), arrays))


@pytest.mark.parametrize(
    "change",
    [
        lambda description: description.clear(),
        lambda description: description["run"].pop("network"),
        lambda description: description["run"]["network"].update(layers=3),
        lambda description: description["run"].update(inputs=[]),
        lambda description: description["state"].update(epoch="many"),
        lambda description: description["state"].update(epoch=77),
        lambda description: description["state"].update(best=[1]),
        lambda description: description.update(run=None),
        lambda description: description.update(state=[[]]),
    ],
)
def test_damaged_descriptions_are_one_line(run, flowers, folder, change):
    assert run(*TRAIN, "--epochs", "2").code == 0
    damaged(folder / "run", change)
    ran = run("info", "run")
    assert ran.code == 2
    assert ran.err.startswith("chainrule: ")
    assert ran.err.count("\n") == 1


def test_truncated_files_are_one_line(run, flowers, folder, capsys):
    assert run(*TRAIN, "--epochs", "2").code == 0
    raw = (folder / "run").read_bytes()
    for size in (0, 7, 9, 200, len(raw) - 1):
        (folder / "run").write_bytes(raw[:size])
        assert main(["info", "run"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_an_estimator(run, folder):
    from chainrule.estimators import MLPClassifier, MLPRegressor
    from chainrule.estimators.files import save

    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"width": rng.normal(size=40), "length": rng.normal(size=40)})
    labels = np.where(frame["width"] > 0, "yes", "no")
    save(MLPClassifier((5,), max_iter=3, dropout=0.1).fit(frame, labels), "classes")
    ran = run("info", "classes")
    assert (ran.code, ran.err) == (0, "")
    lines = " ".join(ran.out.split())
    assert "classes: a chainrule estimator of " in lines
    assert "estimator MLPClassifier(" in lines
    assert "hidden_layer_sizes=(5,)" in lines
    assert "network 2 inputs, 5 relu, dropout 0.1, 1 sigmoid (21 parameters), float64" in lines
    assert "features 2: width, length classes no, yes fit 3 iterations, loss " in lines
    save(MLPRegressor(hidden_layer_sizes=(5,), max_iter=3).fit(frame.to_numpy(), rng.normal(size=(40, 2))), "numbers")
    lines = " ".join(run("info", "numbers").out.split())
    assert "features 2, without names outputs 2 fit 3 iterations" in lines
    # It is no model that `chainrule train` may replace.
    assert run("train", "digits", "-o", "numbers").code == 2
