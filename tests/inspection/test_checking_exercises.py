"""Exercises: the same from the same seed, answers that pass, wrong ones that do not, text and Markdown."""

import re

import numpy as np
import pytest

from chainrule.errors import OptionError
from chainrule.inspection import NOTATIONS, exercise


def rounded(drawn):
    return [
        {
            name.removeprefix("gradient by "): x.round(4)
            for name, x in layer.items()
            if name.startswith("gradient") or name == "sensitivities"
        }
        for layer in drawn.answers.arrays()
    ]


@pytest.mark.parametrize("seed", range(12))
def test_the_answers_pass_in_every_notation_and_wrong_ones_do_not(seed):
    for key in NOTATIONS:
        drawn = exercise(seed, notation=key)
        answers = rounded(drawn)
        found = drawn.check(answers)
        assert found.ok, found
        assert found.conventions == ()
        answers[0]["weights"][0, 0] += 0.02
        assert not drawn.check(answers).ok


def test_a_seed_gives_the_same_exercise_and_another_seed_another():
    assert exercise(4).text == exercise(4).text
    assert len({exercise(seed).text for seed in range(10)}) == 10


@pytest.mark.parametrize("seed", range(6))
def test_the_key_has_the_numbers(seed):
    drawn = exercise(seed)
    numbers = {float(x) for x in re.findall(r"-?\d+\.\d{4}", drawn.key)}
    for layer in drawn.answers.layers:
        for x in (layer.signals, layer.activations, layer.sensitivities, *layer.gradients.values()):
            assert {float(v) for v in (np.round(x, 4) + 0.0).ravel()} <= numbers
    assert numbers == {float(x) for x in re.findall(r"-?\d+\.\d{4}", drawn.key_markdown)}
    # What is asked for is not in what is handed out.
    assert not re.search(r"\d\.\d\d", drawn.text + drawn.markdown)


def test_what_is_handed_out_has_what_it_takes():
    drawn = exercise(3, notation="aima")
    arrays = drawn.answers.arrays()
    assert f"W^2 = {arrays[0]['weights'].tolist()}" in drawn.text
    assert "b^" not in drawn.text
    assert "\\Delta^{3}" in drawn.markdown
    assert "times 1/2" in exercise(1, notation="nielsen").text or exercise(1).loss != "squared"


def test_a_file_to_fill_in():
    names = {}
    exec(exercise(3, notation="nielsen").file, names)
    assert (names["exercise"], names["notation"]) == (3, "nielsen")
    shapes = [np.shape(layer["weights"]) for layer in names["gradients"]]
    assert shapes == [layer["weights"].shape for layer in exercise(3, notation="nielsen").answers.arrays()]
    assert "not filled in yet" in str(exercise(3).check(names["gradients"]))


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_a_seed_that_is_none(seed):
    with pytest.raises(OptionError, match="the seed of an exercise has to be an integer of at least 0"):
        exercise(seed)
