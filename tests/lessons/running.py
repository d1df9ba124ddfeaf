"""A lesson that several tests look at is run once, and drawn once."""

import functools

import pytest

from chainrule.lessons import LESSONS, Code, Lesson, Options, run
from chainrule.lessons.as_html import as_html

#: What a lesson says must hold for each of them; `make sweep` tries the last three.
SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4))]


def taught(name: str, seed: int = 0) -> Lesson:
    return _run(name, seed)


@functools.cache
def _run(name: str, seed: int) -> Lesson:
    return run(name, Options(seed=seed))


@functools.cache
def page_of(name: str) -> str:
    """The page of a lesson among those of all others, as ``chainrule lesson --all`` writes it."""
    return as_html(taught(name), among=list(LESSONS), command=f"chainrule lesson {name} --seed 0")


def programs(name: str) -> list[str]:
    """The programs of a lesson, in their order."""
    return [part.text for section in taught(name).sections for part in section.parts if isinstance(part, Code)]
