"""`--cv` and `--search`: what is printed, what is saved, what is refused."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from chainrule import train

FLOWERS = ("train", "flowers.csv", "--target", "kind", "--epochs", "8", "--rate", "0.02")
RATES = ("--space", "rate=1e-3:1e-1", "layers=4", "layers=5,4")
SEARCH = ("train", "flowers.csv", "--target", "kind", "--epochs", "8", "--search", "4")


def rows(out: str, begin: str) -> list[list[str]]:
    """The cells of the table whose heads begin so."""
    lines = out.partition(begin)[2].splitlines()[2:]
    return [re.split(r"  +", line.strip()) for line in lines[: lines.index("")]]


def test_cross_validation(run, flowers):
    ran = run(*FLOWERS, "--cv", "4", "--jobs", "1")
    assert ran.code == 0
    assert "data      flowers.csv: 120 to train\n" in ran.out
    assert [line.split()[:2] for line in ran.err.splitlines()[:4]] == [["fold", f"{i}/4"] for i in range(1, 5)]
    found = rows(ran.out, "4 folds done\n\n")
    assert [row[:2] for row in found[:4]] == [[f"fold {i}", "30"] for i in range(1, 5)]
    accuracies = [float(row[2].split()[0]) for row in found[:4]]
    assert (found[4][:2], found[5][0]) == (["mean", "120"], "spread")
    assert float(found[4][2].split()[0]) == pytest.approx(np.mean(accuracies), abs=0.011)
    assert float(found[5][1].split()[0]) == pytest.approx(np.std(accuracies, ddof=1), abs=0.011)
    final = rows(ran.out, "8 epochs done\n\n")
    assert [row[0] for row in final] == ["train", "4 folds"]
    assert final[1][1:] == found[4][1:]
    assert "4 folds: the mean over folds, each of them tested with a network that was trained on the others" in ran.out
    record = train.load("flowers.safetensors").record
    assert record.settings["cv"] == 4
    assert record.results["4 folds"].examples == 120
    assert "4 folds" in run("info", "flowers.safetensors").out


def test_the_number_of_processes_changes_nothing(run, flowers):
    one, two = (run(*FLOWERS, "--cv", "3", "--jobs", jobs) for jobs in ("1", "2"))
    assert one.out == two.out
    one, two = (run(*SEARCH, *RATES, "--jobs", jobs) for jobs in ("1", "2"))
    assert one.out.replace("1 process\n", "2 processes\n") == two.out


def test_cross_validation_beside_test_rows(run, flowers):
    ran = run(*FLOWERS, "--cv", "3", "--test", "0.25", "--jobs", "1")
    assert "90 to train, 30 to test" in ran.out
    assert [row[:2] for row in rows(ran.out, "8 epochs done\n\n")] == [
        ["train", "90"],
        ["test", "30"],
        ["3 folds", "90"],
    ]


def test_cross_validation_of_numbers(run, houses):
    ran = run("train", "houses.csv", "--target", "price,rent", "--epochs", "3", "--cv", "2", "--jobs", "1")
    assert ran.code == 0
    assert re.search(r"^mean +price +100 ", ran.out, re.MULTILINE)
    assert re.search(r"^spread +rent +\d", ran.out, re.MULTILINE)


def test_search(run, flowers):
    ran = run(*SEARCH)
    assert ran.code == 0
    assert "76 to train, 19 to validate, 25 to test" in ran.out or "77 to train, 19 to validate, 24 to test" in ran.out
    assert "search    4 trials on 19 validation rows, " in ran.out
    assert "space     layers=16:256 layers=16:256,16:256 activation=relu " in ran.out
    assert [line.split()[1] for line in ran.err.splitlines()[:4]] == ["1/4", "2/4", "3/4", "4/4"]
    table = rows(ran.out, "4 trials done\n\n")
    assert sorted(row[0] for row in table) == ["1", "2", "3", "4"]
    accuracies = [float(row[1].split()[0]) for row in table]
    assert accuracies == sorted(accuracies, reverse=True)
    best = re.search(r"^best +trial (\d): ((?:.|\n {10})*)$", ran.out, re.MULTILINE)
    assert best[1] == table[0][0]
    record = train.load("flowers.safetensors").record
    assert record.settings["search"] == 4
    assert f"{100 * record.results['validation'].measures['accuracy']:.2f}" == f"{accuracies[0]:.2f}"
    # What is printed trains the same model without a search.
    options = best[2].split()
    assert options[-2:] == ["--validation", "0.2"]
    again = run(*SEARCH[:6], *options, "-o", "again.safetensors")
    assert again.out.partition("gradient check")[0].endswith(
        ran.out.partition("gradient check")[0].rpartition("\n\n")[2]
    )
    one, other = (train.load(name).parameters for name in ("flowers.safetensors", "again.safetensors"))
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a)


def test_a_space_of_ones_own(run, flowers):
    space = ("--space", "rate=0.01:0.1", "layers=none", "--space", "layers=4:8,3", "l2=0")
    ran = run(*SEARCH, "--cv", "3", "--jobs", "1", *space)
    assert ran.code == 0, ran.err
    assert "search    4 trials on 3 folds" in ran.out
    assert "space     rate=0.01:0.1 layers=none layers=4:8,3 l2=0\n" in ran.out
    table = rows(ran.out, "4 trials done\n\n")
    for _, accuracy, _, rate, layers, l2 in table:
        assert re.fullmatch(r"[\d.]+ ± [\d.]+ %", accuracy)
        assert 0.01 <= float(rate) <= 0.1
        assert re.fullmatch(r"none|[4-8],3", layers)
        assert l2 == "0"
    assert [row[0] for row in rows(ran.out, "8 epochs done\n\n")] == ["train", "test", "3 folds"]


def test_options_that_are_given_are_not_searched(run, flowers):
    ran = run(
        *SEARCH, "--layers", "5", "--activation", "tanh", "--l2", "0", "--batch", "20", "--dropout", "0", "--jobs", "1"
    )
    assert "space     rate=0.0001:0.01\n" in ran.out
    assert all(layer.units in (5, 3) for layer in train.load("flowers.safetensors").network.layers)


def test_trials_that_fail(run, flowers):
    sgd = ("--space", "optimizer=sgd", "rate=1e30", "rate=0.1", "layers=5", "dropout=0", "dropout=0.1,0.2")
    ran = run(*SEARCH[:6], "--search", "10", "--jobs", "1", *sgd)
    assert ran.code == 0
    table = rows(ran.out, "10 trials done\n\n")
    assert {row[1] for row in table if not row[1].endswith("%")} == {"diverged", "failed"}
    assert re.search(r"^trial \d+ failed: 2 dropout rates were given for 1 hidden layer", ran.out, re.MULTILINE)
    os.remove("flowers.safetensors")
    ran = run(*SEARCH, "--jobs", "1", "--space", "optimizer=sgd", "rate=1e30")
    assert ran.code == 1
    assert "chainrule: 4 trials, and none of them gave a model; the first: training diverged" in ran.err
    assert not os.path.exists("flowers.safetensors")


def test_class_weights_choose_the_measure(run, flowers):
    ran = run(*SEARCH, *RATES, "--class-weight", "balanced", "--jobs", "1")
    assert re.search(r"^trial +balanced +cost ", ran.out, re.MULTILINE)
    assert ran.err.startswith("trial 1/4  balanced accuracy ")


def test_quiet(run, flowers):
    for more in (("--cv", "2"), ("--search", "2"), ("--search", "2", "--cv", "2")):
        ran = run(*SEARCH[:6], *more, "-q", "--jobs", "1", *(RATES if "--search" in more else ()))
        assert (ran.code, ran.out, ran.err) == (0, "", "")
        assert os.path.exists("flowers.safetensors")
        os.remove("flowers.safetensors")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cv", "1"), "--cv has to be a whole number from 2 on, found 1"),
        (("--cv", "500"), "120 rows are too few for 500 folds"),
        (("--search", "0"), "--search has to be a whole number from 1 on"),
        (("--cv", "2", "--jobs", "0"), "--jobs has to be a whole number from 1 on"),
        (("--jobs", "2"), "--jobs is for --cv and --search"),
        (("--space", "rate=1:2"), "give --search N"),
        (("--search", "2", "--validation", "0"), "leave out --validation 0"),
        (("--search", "2", "--checkpoint", "c"), "--checkpoint is for the training of one network"),
        (("--search", "2", "--space", "rate"), "--space rate: give an option and its value"),
        (("--search", "2", "--space", "rte=1"), "unknown name in --space 'rte': did you mean 'rate'?"),
        (("--search", "2", "--space", "rate=2:1"), "--space rate=2:1: a range goes from a number to a larger one"),
        (("--search", "2", "--space", "rate=x:1"), "--space rate=x:1: 'x' is not a number"),
        (("--search", "2", "--space", "layers=2:x"), "'x' is not a whole number"),
        (("--search", "2", "--space", "activation=rleu"), "did you mean 'relu'?"),
        (("--search", "2", "--rate", "1", "--space", "rate=1:2"), "--space rate=1:2: the same was given as an option"),
        (("--search", "2", "--batch", "8", "--space", "batch=1:2"), "--space batch=1:2: the same was given"),
    ],
)
def test_what_is_refused(run, flowers, folder, options, message):
    ran = run("train", "flowers.csv", "--target", "kind", *options)
    assert ran.code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["flowers.csv"]


def test_nothing_left_to_draw(run, flowers):
    given = ("--layers", "none", "--rate", "1", "--batch", "8", "--l2", "0")
    ran = run(*SEARCH, *given)
    assert ran.code == 2
    assert "--search has nothing to draw" in ran.err


@pytest.fixture
def noise(folder):
    rng = np.random.default_rng(0)
    np.savez(folder / "noise.npz", X=rng.normal(size=(600, 10)), y=rng.integers(0, 3, 600))
    return folder


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_the_trials_that_are_done(noise, jobs):
    """The last trials would take minutes."""
    argv = [sys.executable, "-m", "chainrule", "train", "noise.npz", "--search", "400", "--jobs", jobs]
    argv += ["--kind", "classes", "--space", "epochs=2", "epochs=2", "epochs=20000", "--patience", "20000"]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    assert "trial 1/400" in process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert re.search(r"^stopped by Ctrl-C after \d+ trials?\n", out, re.MULTILINE)
    assert out.endswith("saved noise.safetensors\n")
    assert "Traceback" not in err


def test_ctrl_c_before_a_trial_is_done_writes_nothing(noise):
    argv = [sys.executable, "-m", "chainrule", "train", "noise.npz", "--search", "4", "--kind", "classes"]
    process = subprocess.Popen(
        [*argv, "--jobs", "2", "--space", "epochs=200000", "--patience", "200000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not process.stdout.readline().startswith("space"):
        pass
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "chainrule: stopped by Ctrl-C\n")
    assert os.listdir() == ["noise.npz"]
