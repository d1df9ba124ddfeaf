"""`chainrule predict` and `chainrule info` in this process."""

import csv
import io
import re

import numpy as np
import pytest
from tests.nn import kinds

from chainrule import data, nn, train, tree


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def flower_model(run, flowers):
    assert run("train", "flowers.csv", "--target", "kind", "--epochs", "40", "-q").code == 0
    return "flowers.safetensors"


@pytest.fixture
def house_model(run, houses):
    assert run("train", "houses.csv", "--target", "price,rent", "--epochs", "40", "-q", "--dtype", "float64").code == 0
    return "houses.safetensors"


def test_classes(run, flower_model, flowers):
    ran = run("predict", flower_model, "flowers.csv")
    assert (ran.code, ran.err) == (0, "")
    head, *found = rows(ran.out)
    assert head == ["kind"]
    true = [row[3] for row in rows(flowers.read_text())[1:]]
    assert np.mean([row[0] == kind for row, kind in zip(found, true, strict=True)]) > 0.95


def test_probabilities(run, flower_model, flowers):
    head, *found = rows(run("predict", flower_model, "flowers.csv", "--probabilities").out)
    assert head == ["kind", "kind=iris", "kind=lily", "kind=rose"]
    probabilities = np.array([[float(cell) for cell in row[1:]] for row in found])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert [row[0] for row in found] == [("iris", "lily", "rose")[i] for i in probabilities.argmax(axis=1)]
    model = train.load(flower_model)
    expected = model.probabilities(data.read("flowers.csv", text=["colour"]).table)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-6)


def test_numbers_keep_every_digit_of_double_precision(run, house_model):
    head, *found = rows(run("predict", house_model, "houses.csv").out)
    assert head == ["price", "rent"]
    expected = train.load(house_model).predict(data.read("houses.csv", text=["town"]).table)
    np.testing.assert_allclose(np.array(found, dtype=float), expected, rtol=1e-15)


def test_numbers_have_no_probabilities(run, house_model):
    ran = run("predict", house_model, "houses.csv", "--probabilities")
    assert (ran.code, ran.out) == (2, "")
    assert "no probabilities" in ran.err


def test_columns_in_another_order_and_without_target(run, flower_model, flowers, folder):
    whole = run("predict", flower_model, "flowers.csv").out
    table = rows(flowers.read_text())
    with open(folder / "turned.csv", "w", newline="") as file:
        csv.writer(file).writerows([[row[2], row[1], row[0], "?"] for row in table])
    (folder / "turned.csv").write_text((folder / "turned.csv").read_text().replace("length,?", "length,note", 1))
    ran = run("predict", flower_model, "turned.csv")
    assert ran.out == whole
    assert ran.err == "note: columns ignored, because they were not there in training: note\n"


def test_unseen_texts_are_reported(run, flower_model, folder):
    (folder / "new.csv").write_text("length,width,colour\n0.1,0.2,red\n4,-2,green\n4,-2,blue\n0,0,green\n")
    ran = run("predict", flower_model, "new.csv")
    assert ran.code == 0
    assert len(rows(ran.out)) == 5
    assert "'colour'" in ran.err
    assert "'green' (2 rows)" in ran.err
    assert "'blue' (1 row)" in ran.err


def test_output_file(run, flower_model, folder):
    printed = run("predict", flower_model, "flowers.csv").out
    (folder / "out.csv").write_text("old")
    ran = run("predict", flower_model, "flowers.csv", "-o", "out.csv")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (folder / "out.csv").read_text() == printed
    assert run("predict", flower_model, "flowers.csv", "-o", "-").out == printed
    assert sorted(path.name for path in folder.iterdir()) == ["flowers.csv", "flowers.safetensors", "out.csv"]


def test_names_that_csv_has_to_quote(run, folder):
    lines = [f'{i % 2},"{("a, b", "c")[i % 2]}"' for i in range(40)]
    (folder / "odd.csv").write_text("\n".join(['x,"what, then"', *lines]))
    assert run("train", "odd.csv", "--target", '"what, then"', "-q").code == 0
    head, *found = rows(run("predict", "odd.safetensors", "odd.csv", "--probabilities").out)
    assert head == ["what, then", "what, then=a, b", "what, then=c"]
    assert [row[0] for row in found] == ["a, b", "c"] * 20


def test_test_rows_are_predicted_where_there_are_some(run, folder):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.arange(60) % 2
    np.savez(folder / "arrays.npz", X=X, y=y, X_test=X[:7], y_test=y[:7])
    assert run("train", "arrays.npz", "--epochs", "2", "-q").code == 0
    ran = run("predict", "arrays.safetensors", "arrays.npz")
    assert len(rows(ran.out)) == 1 + 7
    assert ran.err == "note: predicting for the 7 test rows (--rows train for the other 60)\n"
    assert run("predict", "arrays.safetensors", "arrays.npz", "--rows", "test").out == ran.out
    other = run("predict", "arrays.safetensors", "arrays.npz", "--rows", "train")
    assert len(rows(other.out)) == 1 + 60
    assert other.err == ""


def test_digits(run):
    assert run("train", "digits", "--epochs", "2", "-q").code == 0
    ran = run("predict", "digits.safetensors", "digits")
    assert (ran.code, ran.err) == (0, "")
    head, *found = rows(ran.out)
    assert head == ["label"]
    assert len(found) == 1797
    assert {row[0] for row in found} == set("0123456789")


def test_a_model_of_plain_arrays(run, flowers):
    network = nn.Network.of(2)
    train.save(train.Model(network, network.initialize(0), network.initial_state(), "squared"), "plain.safetensors")
    ran = run("predict", "plain.safetensors", "flowers.csv")
    assert ran.code == 2
    assert "plain arrays" in ran.err
    ran = run("info", "plain.safetensors")
    assert ran.code == 0
    assert "network  2 inputs, 1 identity (3 parameters), float64" in ran.out
    train.save(
        train.Model(network, network.initialize(0), network.initial_state(), "squared", record=train.Record()),
        "plain.safetensors",
    )
    assert run("info", "plain.safetensors").code == 0


def test_info_of_every_kind_of_layer(run):
    network, parameters, state, _ = kinds.made("all", dtype=np.float32)
    train.save(train.Model(network, parameters, state, "cross_entropy"), "all.safetensors")
    ran = run("info", "all.safetensors")
    assert (ran.code, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[4:12] == [
        "1 5 embedding of 5 in 2 vectors1 (5, 2) 10",
        "2 6 identity weights (5, 6) bias (6,) 36",
        "3 6 batch norm tanh scale (6,) shift (6,), state: mean (6,) variance (6,) 12",
        "4 6 dropout 0.3 0",
        "5 5 identity weights (6, 5) bias (5,) 35",
        "6 5 residual 0",
        "7 5 layer norm gelu scale (5,) shift (5,) 10",
        "8 2 softmax weights (5, 2) bias (2,) 12",
    ]
    assert " ".join(lines[13:15]) == (
        "network 4 inputs, 5 embedding of 5 in 2, 6 batch norm tanh, dropout 0.3, 5 identity, 5 residual, "
        "5 layer norm gelu, 2 softmax (115 parameters), float32"
    )


def test_a_network_with_a_state_predicts_from_a_file(run, flowers):
    dataset = data.read("flowers.csv", "kind")
    preparation = data.prepare(dataset.table, dataset.targets)
    inputs, outputs = len(preparation.feature_names), preparation.target.width
    layers = (nn.Dense(5, "identity"), nn.BatchNorm("tanh"), nn.Dropout(0.5), nn.Dense(outputs, "softmax"))
    network = nn.Network(inputs, layers)
    state = tree.map(lambda array: array + 0.5, network.initial_state())
    model = train.Model(network, network.initialize(0), state, "cross_entropy", preparation)
    train.save(model, "layered.safetensors")
    _, *found = rows(run("predict", "layered.safetensors", "flowers.csv").out)
    assert [row[0] for row in found] == list(model.predict(dataset.table))


def test_info_of_classes(run, flower_model):
    ran = run("info", flower_model)
    assert (ran.code, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "1 100 relu weights (4, 100) bias (100,) 500" in lines
    assert "2 3 softmax weights (100, 3) bias (3,) 303" in lines
    assert "network 4 inputs, 100 relu, 3 softmax (803 parameters), float32" in lines
    assert "colour text red, white" in lines
    assert any(re.fullmatch(r"length numbers mean [\d.]+, deviation [\d.]+", line) for line in lines)
    assert "target kind, 3 classes: iris, lily, rose" in lines
    assert "missing refused" in lines
    text = " ".join(lines)
    for setting in (
        "optimizer adam",
        "schedule cosine",
        "rate 0.001",
        "batch_size 32",
        "epochs 40",
        "data flowers.csv",
    ):
        assert f" {setting}, " in text
    assert any(re.fullmatch(r"ended 40 epochs done \(120 steps, [\d.]+ s\)", line) for line in lines)
    assert any(re.fullmatch(r"date \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", line) for line in lines)
    assert any(re.fullmatch(r"versions chainrule \S+, numpy \S+, python \S+", line) for line in lines)
    trained = run("train", "flowers.csv", "--target", "kind", "--epochs", "40").out
    results = trained.split("\n\n")[2]
    assert results.split()[:4] == ["rows", "accuracy", "baseline", "cost"]
    assert results in ran.out


def test_info_of_numbers(run, house_model):
    ran = run("info", house_model)
    assert "dropped" not in ran.out
    assert ran.code == 0
    assert "target   price, rent, numbers" in ran.out
    assert re.search(r"^price +numbers +mean [\d.]+, deviation [\d.]+$", ran.out, re.MULTILINE)
    assert re.search(r"^test +rent +20 +[\d.]+ ", ran.out, re.MULTILINE)


def test_info_tells_what_was_dropped(run, houses):
    dropped = ("--drop", "rent,town", "--drop", "age")
    assert run("train", "houses.csv", "--target", "price", *dropped, "--epochs", "2", "-q").code == 0
    assert " dropped rent and town and age, " in run("info", "houses.safetensors").out


def test_info_of_many_columns_is_short(run):
    assert run("train", "digits", "--epochs", "1", "-q").code == 0
    ran = run("info", "digits.safetensors")
    assert "64 input columns" in ran.out
    assert len(ran.out.splitlines()) < 30
