"""The lesson `regularised` against its derivatives, written out as in a calculus class."""

import numpy as np
import pytest
from tests.lessons import running
from tests.lessons.running import SEEDS

from chainrule.lessons.regularised import STRENGTH


def ran(seed):
    return running.taught("regularised", seed)


def by_hand(w, b, x, t):
    """Every value by its name in the graph, its derivative by w, and the derivative of the objective by it."""
    z = w * x + b
    y = 1 / (1 + np.exp(-z))
    slope = y * (1 - y)
    error = y - t
    delta = error * slope
    return {
        "w": (w, 1, delta * x + STRENGTH * w),
        "b": (b, 0, delta),
        "x": (x, 0, delta * w),
        "t": (t, 0, -error),
        "v1": (w * x, x, delta),
        "v2": (z, x, delta),
        "v3": (y, slope * x, error),
        "v4": (error, slope * x, error),
        "v5": (error**2, 2 * error * slope * x, 0.5),
        "v6": (0.5 * error**2, delta * x, 1),
        "v7": (w**2, 2 * w, STRENGTH / 2),
        "v8": (0.5 * w**2, w, STRENGTH),
        "v9": (STRENGTH * 0.5 * w**2, STRENGTH * w, 1),
        "v10": (0.5 * error**2 + STRENGTH * 0.5 * w**2, delta * x + STRENGTH * w, 1),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_holds(seed):
    claims = list(ran(seed).claims())
    assert len(claims) >= 10
    assert [claim.text for claim in claims if not claim.holds] == []
    assert not any(claim.measured for claim in claims)


def test_the_point():
    assert ran(0).numbers["point"] == (2.0, 1.0, 0.5, 1.0)
    points = {ran(seed).numbers["point"] for seed in range(5)}
    assert len(points) == 5
    assert all(t in (0, 1) and w * x != 0 for w, _, x, t in points)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_number_of_the_graph(seed):
    numbers = ran(seed).numbers
    expected = by_hand(*numbers["point"])
    assert set(numbers["steps"]) == set(expected)
    for name, (value, forward, back) in expected.items():
        assert numbers["steps"][name].value == pytest.approx(value, rel=1e-13)
        assert numbers["steps"][name].derivative == pytest.approx(back, rel=1e-12)
        assert numbers["tangents"][name] == pytest.approx(forward, rel=1e-12)
    assert numbers["gradient"] == pytest.approx({name: expected[name][2] for name in "wbxt"}, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_nudge(seed):
    numbers = ran(seed).numbers
    w, b, x, t = numbers["point"]
    before, after = by_hand(w, b, x, t), by_hand(w + 0.01, b, x, t)
    for name, change in numbers["changes"].items():
        assert change == pytest.approx(after[name][0] - before[name][0], abs=1e-14)
        # What is left is of second order: f'' h^2 / 2, where no f'' here is above 2.
        assert change == pytest.approx(0.01 * numbers["tangents"][name], abs=1.1e-4 * max(1, x * x))
    delta = before["v2"][2]
    for name in ("v1", "v2", "v3", "v4", "v5", "v6"):
        assert numbers["products"][name] == pytest.approx(delta * x, rel=1e-10)
    for name in ("v7", "v8", "v9"):
        assert numbers["products"][name] == pytest.approx(STRENGTH * w, rel=1e-10)
    assert numbers["uses"] == pytest.approx({"v1": delta * x, "v7": STRENGTH * w}, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_descent_rests_where_the_slopes_cancel(seed):
    _, b, x, t = ran(seed).numbers["point"]
    rest = ran(seed).numbers["rest"]
    assert by_hand(rest, b, x, t)["w"][2] == pytest.approx(0, abs=1e-9)
    # A minimum: the derivative rises through 0.
    assert by_hand(rest + 0.01, b, x, t)["w"][2] > 0 > by_hand(rest - 0.01, b, x, t)["w"][2]


def test_repeated_terms():
    numbers = ran(0).numbers
    # (y − t) has one y and y (1 − y) two, in each of the two derivatives.
    assert numbers["expanded"].computed["v3"] == 6
    assert numbers["expanded"].computed["v4"] == 2
    assert [row[0] for row in numbers["chains"]] == [row[1] for row in numbers["chains"]] == [1, 2, 4, 8]
    backward = [row[4] for row in numbers["chains"]]
    assert [later - backward[0] for later in backward] == [5 * (units - 1) for units in (1, 2, 4, 8)]
