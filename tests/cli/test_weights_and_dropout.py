"""`--class-weight`, `--dropout`, `--batch-norm` and `--layer-norm`."""

import re

import pytest

from chainrule import train

FLOWERS = ("train", "flowers.csv", "--target", "kind", "--epochs", "4", "--layers", "8")


def test_weights_by_label(run, flowers):
    ran = run(*FLOWERS, "--class-weight", "rose=4", "lily=0.5")
    assert ran.code == 0
    weights = dict(re.findall(r"(\w+)=([\d.]+)", re.search(r"^weights +(.*)$", ran.out, re.MULTILINE)[1]))
    assert float(weights["rose"]) == pytest.approx(8 * float(weights["lily"]), rel=1e-3)
    assert float(weights["rose"]) == pytest.approx(4 * float(weights["iris"]), rel=1e-3)
    assert re.search(r"^ +rows +accuracy +baseline +balanced +baseline +cost$", ran.out, re.MULTILINE)
    assert "gradient check of the weighted objective: passed" in ran.out
    assert "class weights: in the loss of training and validation; in the table all rows count alike" in ran.out
    shown = run("info", "flowers.safetensors").out
    assert re.search(r"class_weights iris=[\d.]+, lily=[\d.]+, rose=", " ".join(shown.split()))
    assert "balanced" in shown


def test_balanced(run, flowers):
    ran = run(*FLOWERS, "--class-weight", "balanced")
    assert "weights   iris=1, lily=1, rose=1" in ran.out


def test_a_label_with_an_equals_sign(run, flowers):
    flowers.write_text(flowers.read_text().replace("rose", "a=b"))
    ran = run(*FLOWERS, "--class-weight", "a=b=2")
    assert ran.code == 0
    assert "a=b=1.5" in ran.out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("yes",), "'yes' is neither balanced nor LABEL=WEIGHT, such as yes=5"),
        (("rose=x",), "'x' is not a number"),
        (("rose=-1",), "the weight of a class has to be a finite number of at least 0, found rose=-1"),
        (("rose=inf",), "has to be a finite number"),
        (("balanced", "rose=2"), "give balanced alone, or a weight for each"),
        (("rise=2",), "unknown class 'rise': did you mean 'rose'?"),
        (("rose=1", "rose=2"), "rose has two weights"),
        (("rose=0", "lily=0", "iris=0"), "no training row has a weight above 0"),
    ],
)
def test_weights_that_are_refused(run, flowers, given, message):
    ran = run(*FLOWERS, "--class-weight", *given)
    assert ran.code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_numbers_have_no_classes(run, houses):
    ran = run("train", "houses.csv", "--target", "price", "--class-weight", "balanced")
    assert ran.code == 2
    assert "but the target price is numbers: leave out --class-weight" in ran.err


def test_dropout_and_normalisation(run, flowers):
    ran = run(*FLOWERS[:-1], "8,6", "--dropout", "0.5,0", "--batch-norm")
    assert ran.code == 0
    assert "network   4 inputs, 8 batch norm relu, dropout 0.5, 6 batch norm relu, 3 softmax (" in ran.out
    assert "gradient check, with units left out: passed" in ran.out
    kinds = [layer.kind for layer in train.load("flowers.safetensors").network.layers]
    assert kinds == ["dense", "batch_norm", "dropout", "dense", "batch_norm", "dense"] or "dropout" in kinds
    assert "dropout 0.5" in run("info", "flowers.safetensors").out
    assert run("predict", "flowers.safetensors", "flowers.csv").out.count("\n") == 121
    ran = run(*FLOWERS, "--layer-norm", "--dropout", "0.1")
    assert "8 layer norm relu, dropout 0.1, 3 softmax" in ran.out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--dropout", "1"), "dropout has to be at least 0 and below 1, found 1.0"),
        (("--dropout", "x"), "'x' is not a number"),
        (("--dropout", "0.1,0.2"), "2 dropout rates were given for 1 hidden layer: "),
        (("--batch-norm", "--layer-norm"), "not allowed with argument --batch-norm"),
    ],
)
def test_what_is_refused(run, flowers, given, message):
    ran = run(*FLOWERS, *given)
    assert ran.code == 2
    assert message in ran.err


def test_a_checkpoint_knows_them(run, flowers):
    kept = (*FLOWERS, "--schedule", "constant", "--checkpoint", "run", "-q")
    assert run(*kept, "--dropout", "0.2", "--class-weight", "rose=2").code == 0
    for other, what in (
        (("--dropout", "0.3", "--class-weight", "rose=2"), "the network (layers[1].rate was 0.2, now it is 0.3)"),
        (("--dropout", "0.2", "--class-weight", "rose=3"), "the weights (they have the same shape, but other numbers)"),
        (("--dropout", "0.2"), "the loss ("),
        (("--dropout", "0.2", "--class-weight", "rose=2", "--batch-norm"), "the network ("),
    ):
        ran = run(*kept, *other, "--resume")
        assert ran.code == 2
        assert "this is the checkpoint of another run" in ran.err
        assert what in ran.err
    assert run(*kept, "--dropout", "0.2", "--class-weight", "rose=2", "--resume").code == 0
