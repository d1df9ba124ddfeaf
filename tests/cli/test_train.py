"""`chainrule train` in this process: what it prints, what it saves, what its options do."""

import re

import numpy as np
import pytest
from safetensors import safe_open

from chainrule import train

QUICK = ("--epochs", "5", "--layers", "8")


def accuracies(out: str) -> dict[str, tuple[float, float]]:
    """Accuracy and baseline of every part, in per cent."""
    rows = re.findall(r"^(\w+) +[\d,]+ +([\d.]+) % +([\d.]+) %", out, re.MULTILINE)
    return {part: (float(found), float(baseline)) for part, found, baseline in rows}


def test_classes(run, flowers, folder):
    ran = run("train", "flowers.csv", "--target", "kind")
    assert ran.code == 0
    assert "96 to train, 24 to test" in ran.out
    assert "kind, 3 classes: iris, lily, rose" in ran.out
    assert "2 numeric; 1 text: colour (2)" in ran.out
    found = accuracies(ran.out)
    assert list(found) == ["train", "test"]
    assert found["test"] > (95.0, 0.0)
    assert found["test"][1] < 40
    assert "baseline: the most frequent class of the training rows: kind " in ran.out
    error = re.search(r"gradient check: passed, largest relative error (\S+) ", ran.out)
    assert float(error[1]) < 1e-6
    assert ran.out.endswith("saved flowers.safetensors\n")
    assert sorted(path.name for path in folder.iterdir()) == ["flowers.csv", "flowers.safetensors"]
    model = train.load("flowers.safetensors")
    assert model.preparation.classes == ("iris", "lily", "rose")
    assert f"{100 * model.record.results['test'].measures['accuracy']:.2f}" in ran.out


def test_numbers(run, houses):
    ran = run("train", "houses.csv", "--target", "price", "--drop", "rent")
    assert ran.code == 0
    row = re.search(r"^test +20 +(.*)$", ran.out, re.MULTILINE)[1]
    r2, rmse, rmse_baseline, mae, mae_baseline = map(float, row.split())
    assert r2 > 0.97
    assert rmse < rmse_baseline / 4
    assert mae < mae_baseline / 4
    assert "baseline: the mean of the training rows: price " in ran.out


def test_several_targets(run, houses):
    ran = run("train", "houses.csv", "--target", "price,rent", "--layers", "none")
    assert ran.code == 0
    assert "target    price, rent, numbers" in ran.out
    assert re.findall(r"^(train|test) +(\w+) +\d+ ", ran.out, re.MULTILINE) == [
        ("train", "price"),
        ("train", "rent"),
        ("test", "price"),
        ("test", "rent"),
    ]
    twice = run("train", "houses.csv", "--target", "price", "--target", "rent", "--layers", "none")
    assert twice.out == ran.out


def test_progress_goes_to_standard_error(run, flowers):
    ran = run("train", "flowers.csv", "--target", "kind", *QUICK)
    assert [line.split()[1] for line in ran.err.splitlines()] == ["1/5", "2/5", "3/5", "4/5", "5/5"]
    assert "epoch 1/5" not in ran.out


def test_quiet(run, flowers, folder):
    ran = run("train", "flowers.csv", "--target", "kind", "--quiet", *QUICK)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (folder / "flowers.safetensors").exists()


def test_every_option_arrives(run, flowers):
    ran = run(
        *(
            "train",
            "flowers.csv",
            "--target",
            "kind",
            "--layers",
            "7,5",
            "--activation",
            "tanh,gelu",
            "--loss",
            "squared",
        ),
        *("--output-activation", "sigmoid", "--optimizer", "nesterov", "--rate", "0.02", "--schedule", "step"),
        *("--momentum", "0.8"),
        *("--batch", "all", "--epochs", "4", "--patience", "2", "--validation", "0.25", "--test", "0.5", "--seed", "3"),
        *("--l1", "1e-5", "--l2", "1e-4", "--clip", "5", "--dtype", "float64", "-o", "other.model"),
    )
    assert ran.code == 0, ran.err
    model = train.load("other.model")
    assert [(layer.units, layer.activation) for layer in model.network.layers] == [
        (7, "tanh"),
        (5, "gelu"),
        (3, "sigmoid"),
    ]
    assert model.dtype == np.float64
    settings = model.record.settings
    wanted = {"loss": "squared", "optimizer": "nesterov", "rate": 0.02, "schedule": "step", "batch_size": None}
    wanted |= {"momentum": 0.8, "epochs": 4, "patience": 2, "seed": 3, "l1": 1e-5, "l2": 1e-4, "clip": 5.0}
    assert {name: settings[name] for name in wanted} == wanted
    assert {part: scores.examples for part, scores in model.record.results.items()} == {
        "train": 45,
        "validation": 15,
        "test": 60,
    }


def test_what_was_chosen_is_printed(run, flowers):
    ran = run(
        "train", "flowers.csv", "--target", "kind", "--l2", "0.001", "--batch", "1", "--epochs", "1", "--seed", "9"
    )
    training = " ".join(ran.out.split("training  ")[1].split("\n\n")[0].split())
    assert training == (
        "loss cross_entropy, adam at rate 0.001 (cosine), 1 row a step, at most 1 epoch, l2 0.001, seed 9"
    )
    assert "network   4 inputs, 100 relu, 3 softmax (803 parameters), float32" in ran.out


def test_same_seed_same_file(run, flowers, folder):
    def weights(name: str, seed: str) -> bytes:
        assert run("train", "flowers.csv", "--target", "kind", *QUICK, "--seed", seed, "-q", "-o", name).code == 0
        with safe_open(name, "np") as file:
            return b"".join(file.get_tensor(key).tobytes() for key in sorted(file.keys()))

    assert weights("a", "1") == weights("b", "1") != weights("c", "2")


def test_kind_of_the_target(run, folder):
    rows = "\n".join(f"{i % 7},{i % 4}" for i in range(60))
    (folder / "counts.csv").write_text(f"x,n\n{rows}\n")
    ran = run("train", "counts.csv", "--target", "n", *QUICK)
    assert "n, 4 classes: 0, 1, 2, 3" in ran.out
    assert "note: the 4 different whole numbers of the target 'n' are taken as classes; " in ran.err
    assert "--kind numbers" in ran.err
    ran = run("train", "counts.csv", "--target", "n", "--kind", "numbers", *QUICK)
    assert "target    n, numbers" in ran.out
    assert "note" not in ran.err


def test_missing_values_are_filled_when_asked(run, flowers):
    lines = flowers.read_text().splitlines()
    lines[1] = ",-0.2,red,rose"
    flowers.write_text("\n".join(lines))
    refused = run("train", "flowers.csv", "--target", "kind", *QUICK)
    assert refused.code == 2
    assert "length (1)" in refused.err
    assert "--impute" in refused.err
    ran = run("train", "flowers.csv", "--target", "kind", "--impute", *QUICK)
    assert ran.code == 0
    assert "note: column 'length': 1 missing value filled with the mean" in ran.err


def test_numbers_as_text(run, houses):
    ran = run("train", "houses.csv", "--target", "price", "--text", "town", *QUICK)
    assert ran.code == 0
    lines = houses.read_text().replace("Troy", "1").replace("Ithaca", "2")
    houses.write_text(lines)
    assert "(2 numeric; 1 text: town (2))" not in run("train", "houses.csv", "--target", "price,rent", *QUICK).out
    ran = run("train", "houses.csv", "--target", "price,rent", "--text", "town", *QUICK)
    assert "(2 numeric; 1 text: town (2))" in ran.out


def test_a_leak_is_reported_and_can_be_dropped(run, flowers):
    lines = flowers.read_text().splitlines()
    again = [f"{line},{line.rpartition(',')[2].upper()}" for line in lines]
    flowers.write_text("\n".join(again))
    ran = run("train", "flowers.csv", "--target", "kind", *QUICK)
    assert "column 'KIND' predicts the target 'kind' perfectly" in ran.err
    assert "--drop KIND" in ran.err
    ran = run("train", "flowers.csv", "--target", "kind", "--drop", "KIND", *QUICK)
    assert "note" not in ran.err


def test_names_with_commas_are_quoted(run, houses):
    houses.write_text(houses.read_text().replace("price", '"price, in $"', 1))
    ran = run("train", "houses.csv", "--target", '"price, in $",rent', *QUICK)
    assert ran.code == 0
    assert "target    price, in $, rent, numbers" in ran.out


@pytest.mark.parametrize("shape", [(80, 5), (80, 4, 4)])
def test_npz_with_test_arrays(run, folder, shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), np.arange(80) % 2
    X[y == 1] += 2
    np.savez(folder / "arrays.npz", X=X, y=y, X_test=X[:30], y_test=y[:30])
    ran = run("train", "arrays.npz", *QUICK)
    assert ran.code == 0
    assert "80 to train, 30 to test" in ran.out


def test_a_model_is_replaced_and_nothing_else(run, flowers, folder):
    argv = ("train", "flowers.csv", "--target", "kind", "-q", "-o", "there", *QUICK)
    assert run(*argv).code == 0
    before = (folder / "there").read_bytes()
    assert run(*argv, "--seed", "1").code == 0
    assert (folder / "there").read_bytes() != before
    for content in (b"my notes", before[:200], before[:-1]):
        (folder / "there").write_bytes(content)
        ran = run(*argv)
        assert ran.code == 2
        assert "it is not overwritten" in ran.err
        assert (folder / "there").read_bytes() == content
    (folder / "there").write_bytes(b"")  # as mktemp leaves it
    assert run(*argv).code == 0


def test_a_run_that_diverges(run, houses, folder):
    ran = run("train", "houses.csv", "--target", "price", "--optimizer", "sgd", "--rate", "1e6")
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert last.startswith("chainrule: training diverged at step ")
    assert "Lower the rate" in last
    assert [path.name for path in folder.iterdir()] == ["houses.csv"]


def test_early_stopping_is_told(run, flowers):
    ran = run("train", "flowers.csv", "--target", "kind", "--rate", "0.3", "--patience", "3", "--epochs", "400")
    assert re.search(
        r"stopped early, after \d+ epochs, because there was no more gain on the validation rows; "
        r"the weights are those of epoch \d+, the best on the validation rows",
        ran.out,
    )
    assert list(accuracies(ran.out)) == ["train", "validation", "test"]


def test_steps_that_are_interpreted_are_told(run, monkeypatch):
    monkeypatch.setattr("chainrule.train.task.compile_steps", lambda task, state: "no native form of np.exp")
    ran = run("train", "digits", "--epochs", "1")
    assert ran.code == 0
    assert "\nsteps were interpreted: no native form of np.exp\n" in ran.out


def test_digits(run):
    ran = run("train", "digits")
    assert "interpreted" not in ran.out
    assert ran.code == 0
    assert accuracies(ran.out)["test"][0] >= 97
    error = re.search(r"largest relative error (\S+) ", ran.out)
    assert float(error[1]) < 1e-6
