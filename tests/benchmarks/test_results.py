"""Results become tables, files of numbers and drawings; multiplications are counted as the formula has them."""

import csv

import pytest
from benchmarks.limits.counting import forward, value_and_gradient
from benchmarks.results import Result, show, text
from benchmarks.to_the_goal import Plan
from benchmarks.training.networks import Case

from chainrule import trace
from chainrule.inspection.counting import multiplications

RESULT = Result(
    "result",
    "what was measured",
    ("", "ours", "theirs", "count"),
    [["first", 1.23456, 250.4, 3], ["second", 0.5, None, 4]],
    drawn=("ours", "theirs"),
    axis="seconds",
    limit=2,
    note="what it means",
)


def test_a_result_is_printed(capsys):
    show(RESULT, None)
    printed = capsys.readouterr().out
    assert "what was measured" in printed
    assert "what it means" in printed
    for cell in ("1.23", "250", "0.500", "-"):
        assert cell in printed


@pytest.mark.parametrize("log", [True, False])
def test_a_result_is_written_and_drawn(tmp_path, capsys, log):
    pytest.importorskip("matplotlib")
    result = Result(RESULT.name, RESULT.title, RESULT.columns, RESULT.rows, RESULT.drawn, log=log)
    show(result, tmp_path / "new")
    with (tmp_path / "new" / "result.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["", "ours", "theirs", "count"], ["first", "1.23456", "250.4", "3"], ["second", "0.5", "", "4"]]
    assert (tmp_path / "new" / "result.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("value", "expected"), [(0.01234, "0.0123"), (12.0, "12.0"), (1234.5, "1,234"), (1234, "1,234")]
)
def test_numbers_have_three_digits(value, expected):
    assert text(value) == expected


def test_multiplications_are_those_of_three_products_a_layer_but_for_the_first():
    case = Case("7-5-4-3 (6)", (7, 5, 4, 3), "tanh", "softmax", 6, 12)
    layers = [6 * 7 * 5, 6 * 5 * 4, 6 * 4 * 3]
    cost, arguments = forward(case)
    assert multiplications(trace(cost)(*arguments)) == sum(layers)
    assert multiplications(value_and_gradient(case)) == 3 * sum(layers) - layers[0]
    assert multiplications(value_and_gradient(case, ("parameters", "x"))) == 3 * sum(layers)


def test_the_rate_falls_to_nothing():
    plan = Plan(rate=1.0, epochs=4)
    rates = [plan.middle(epoch) for epoch in range(4)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] + rates[3] == pytest.approx(1)
