"""The help, which has to tell what is true, and the arguments."""

import math
from dataclasses import fields

import numpy as np
import pytest

from chainrule import __version__, data
from chainrule.cli.arguments import parse
from chainrule.data import Dataset, Table
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.losses import LOSSES
from chainrule.optim import OPTIMIZERS
from chainrule.optim.schedules import SCHEDULES
from chainrule.train import Options, Settings, choose, prepare_problem


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    "argv", [("--help",), (), ("train", "--help"), ("predict", "-h"), ("info", "--help"), ("cache", "--help")]
)
@pytest.mark.parametrize("columns", ["80", "100", "300"])
def test_help_fits_the_terminal(run, monkeypatch, argv, columns):
    monkeypatch.setenv("COLUMNS", columns)
    ran = run(*argv)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("usage: chainrule")
    assert max(map(len, ran.out.splitlines())) <= min(int(columns), 100)


def test_version(run):
    assert run("--version").out == f"chainrule {__version__}\n"


def test_every_choice_of_training_is_an_option():
    arguments = vars(parse(["train", "digits"]))
    names = {"batch_size": "batch", "output": "output_activation"}
    assert {names.get(field.name, field.name) for field in fields(Options)} <= set(arguments)


def test_help_lists_the_tables(run):
    text = words(run("train", "--help").out)
    for table in (ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES):
        assert ", ".join(table) in text


def test_help_states_the_defaults(run):
    text = words(run("train", "--help").out)

    def chosen(rows: int) -> Settings:
        table = Table.of({"x": np.arange(rows), "y": np.arange(rows) / 7})
        return choose(prepare_problem(Dataset(table, None, ("y",)), Options(test=0, validation=0)))

    small = chosen(999)
    assert [chosen(rows).hidden for rows in (999, 1000)] == [(100,), (200,)]
    assert "(default: 100, from 1000 rows on 200)" in text
    assert [chosen(rows).batch_size for rows in (9_999, 10_000)] == [32, 128]
    assert "(default: 32, from 10,000 rows on 128)" in text
    for name in (*small.activations, small.optimizer, small.dtype):
        assert f"(default: {name})" in text
    assert f"(default: {small.schedule}, down to 0)" in text
    patience = choose(prepare_problem(data.digits())).patience
    assert f"take the best weights (default: {patience})" in text
    assert f"bit by bit (default: {small.seed})" in text
    assert f"sets none aside; 0 for none (default: {Options().test})" in text
    assert (small.l1, small.l2, small.clip) == (0, 0, None)
    steps = math.ceil(999 / 32)
    assert "(default: as many as make 2000 steps, from 20 to 1000)" in text
    assert (small.epochs - 1) * steps < 2000 <= small.epochs * steps
    assert [chosen(rows).epochs for rows in (10, 10_000)] == [1000, 26]
    rates = {name: make().rate(0) for name, make in OPTIMIZERS.items()}
    assert rates == {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01, "adam": 0.001, "adamw": 0.001}
    assert "(default: 0.1 for sgd, 0.01 for momentum and nesterov, 0.001 for adam and adamw)" in text
