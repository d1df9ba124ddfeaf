"""The lesson `counting` against the products of matrices, counted by their shapes."""

from itertools import pairwise

import numpy as np
import pytest
from tests.lessons import running
from tests.lessons.running import SEEDS


def ran(seed):
    return running.taught("counting", seed)


def products(shape):
    """Multiplications of an example forward, a number a layer; and backward."""
    forward = [inputs * units for inputs, units in pairwise(shape)]
    return forward, [forward[0], *(2 * n for n in forward[1:])]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_claim_but_that_on_times_holds(seed):
    claims = list(ran(seed).claims())
    assert len(claims) >= 10
    assert [claim.text for claim in claims if not claim.holds and "clock" not in claim.text] == []
    assert [claim.measured for claim in claims if "clock" in claim.text] == [True]
    assert sum(claim.measured for claim in claims) == 1


def test_ratios_are_those_of_the_shapes():
    shapes = ran(0).numbers["shapes"]
    assert len(shapes) == 6
    for one in shapes:
        forward, backward = products(one["shape"])
        assert one["multiplications"] == 128 * sum(forward)
        assert one["ratio"] == pytest.approx((sum(forward) + sum(backward)) / sum(forward), rel=1e-14)
        assert one["share"] == pytest.approx(forward[0] / sum(forward), rel=1e-14)
    ratios = [one["ratio"] for one in shapes]
    assert ratios[0] > ratios[1] > ratios[2] > 2
    assert ratios[3] < ratios[4] < ratios[5] < 3


def test_layers_of_the_network_for_digits():
    numbers = ran(0).numbers
    shape, digits = numbers["digits shape"], numbers["digits"]
    forward, backward = products(shape)
    assert [piece.forward.multiplications for piece in digits.pieces[:-1]] == [128 * n for n in forward]
    assert [piece.backward.multiplications for piece in digits.pieces[:-1]] == [128 * n for n in backward]
    expected = (sum(forward) + sum(backward)) / sum(forward)
    assert numbers["by batch"] == pytest.approx([expected] * 3)
    assert digits.parameters == sum((inputs + 1) * units for inputs, units in pairwise(shape))


def test_equal_layers_come_near_three():
    numbers = ran(0).numbers
    layers = numbers["enough"]
    assert numbers["deep"] == pytest.approx((3 * layers - 1) / layers)
    assert 2.98 < numbers["deep"] < 3
    assert (3 * (layers - 1) - 1) / (layers - 1) <= 2.98 + 1e-12


def test_what_is_stored():
    numbers = ran(0).numbers
    _, first, second, _ = numbers["digits shape"]
    assert numbers["kept"] == [first, second, 0]
    assert numbers["kept relu"] == [2 * first, 2 * second, 0]
    kept = {examples: bytes_ for examples, bytes_, _ in numbers["memory"]}
    whole = {examples: bytes_ for examples, _, bytes_ in numbers["memory"]}
    assert all(kept[n] == n * kept[1] for n in kept)
    # Four bytes a number, and besides the hidden units a few for the loss of each example.
    assert 4 * (first + second) <= kept[1] <= 4 * (first + second + 3 * 10 + 3)
    assert list(whole.values()) == sorted(whole.values())
    assert whole[1] > 2 * 4 * numbers["digits"].parameters > kept[100]  # parameters and gradients
    assert kept[1] * numbers["equal"] > 4 * numbers["digits"].parameters >= kept[1] * (numbers["equal"] - 1)
    assert numbers["digits"].memory(numbers["largest"]) <= 2**30


@pytest.mark.parametrize("seed", SEEDS)
def test_times_are_there(seed):
    seconds = np.array([one["seconds"] for one in ran(seed).numbers["shapes"]])
    assert seconds.shape == (6, 2)
    assert np.all(seconds > 0)
