"""The space of a search: what is drawn lies in it, is what was written, and depends on the seed alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import OptionError
from chainrule.train import Options, Range, Space, default_space
from chainrule.train.space import SEARCHED, entry_text


def draws(space, count=300):
    rng = np.random.default_rng(0)
    return [space.draw(rng) for _ in range(count)]


@given(
    low=st.floats(1e-6, 1, allow_nan=False),
    factor=st.floats(1.5, 1e5),
    name=st.sampled_from(["rate", "l1", "l2", "clip"]),
)
def test_numbers_are_drawn_evenly_on_a_logarithmic_scale(low, factor, name):
    low, high = float(f"{low:.2g}"), float(f"{low * factor:.2g}")
    if not low < high:
        return
    found = [chosen[name] for chosen in draws(Space({name: (Range(low, high),)}))]
    assert low <= min(found) <= max(found) <= high
    assert all(float(entry_text(value)) == value for value in found)
    middle = math.sqrt(low * high)
    assert 0.35 < np.mean([value < middle for value in found]) < 0.65


def test_whole_numbers_reach_both_ends():
    space = Space({"batch_size": (Range(1, 4),), "hidden": ((Range(2, 3), Range(7, 8), 5),)})
    found = draws(space)
    assert {chosen["batch_size"] for chosen in found} == {1, 2, 3, 4}
    assert {chosen["hidden"] for chosen in found} == {(a, b, 5) for a in (2, 3) for b in (7, 8)}
    assert all(type(chosen["batch_size"]) is int for chosen in found)


def test_parts_are_drawn_evenly():
    found = [chosen["dropout"] for chosen in draws(Space({"dropout": (Range(0.1, 0.5),)}))]
    assert 0.1 <= min(found) < 0.12
    assert 0.48 < max(found) <= 0.5
    assert 0.4 < np.mean(np.array(found) < 0.3) < 0.6


def test_each_entry_has_the_same_chance():
    found = [chosen["l2"] for chosen in draws(Space({"l2": (0.0, Range(1e-4, 1e-2))}), 1000)]
    assert 0.45 < np.mean(np.array(found) == 0) < 0.55


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"seed": (1, 2)}, "seed cannot be searched; these can: rate, "),
        ({"rate": ()}, "nothing to draw for rate"),
        ({"rate": (-1.0,)}, "rate has to be a positive"),
        ({"rate": (Range(0.0, 1.0),)}, "rate has to be a positive"),
        ({"l2": (Range(0.0, 1.0),)}, "has to begin above 0; give 0 as a choice"),
        ({"activation": ("tahn",)}, "did you mean 'tanh'"),
        ({"dropout": (Range(0.5, 1.0),)}, "dropout has to be at least 0 and below 1"),
        ({"batch_size": (Range(0, 8),)}, "batch_size has to be a whole number"),
        ({"hidden": ((Range(0, 8),),)}, "hidden layer has to be a whole number"),
    ],
)
def test_what_the_options_do_not_take(entries, message):
    with pytest.raises(OptionError, match=message):
        Space(entries)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_what_is_no_range(low, high):
    with pytest.raises(OptionError, match="to a larger one"):
        Range(low, high)


def test_all_that_can_be_searched_is_an_option():
    assert set(SEARCHED) <= set(Options.__dataclass_fields__)


def test_the_usual_space_follows_the_options():
    assert list(default_space(100, Options()).entries) == [
        "hidden",
        "activation",
        "dropout",
        "rate",
        "batch_size",
        "l2",
    ]
    assert default_space(100, Options(optimizer="sgd")).entries["rate"] == (Range(0.01, 1.0),)
    assert default_space(20_000, Options()).entries["batch_size"] == (64, 128, 256)
    assert "activation" not in default_space(100, Options(hidden=())).entries
    assert "rate" not in default_space(100, Options(rate=0.5)).entries
