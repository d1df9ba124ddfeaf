"""The experiments of the lecture notes, each a lesson of text, numbers and figures from a run of its own.

A lesson lives in a module of its own with one function, ``lesson(options)``, which is imported when it is asked for.
"""

import importlib
from typing import NamedTuple

from chainrule.errors import OptionError
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Options, Part, Section, Table
from chainrule.nn.lookup import look_up

__all__ = [
    "LESSONS",
    "Claim",
    "Code",
    "Entry",
    "Figure",
    "Formula",
    "Lesson",
    "Options",
    "Part",
    "Section",
    "Table",
    "run",
]


class Entry(NamedTuple):
    """A row of the table of lessons: its module, its title, and what data it takes in place of its own."""

    module: str
    title: str
    data: str = ""


#: In the order in which they are best read.
LESSONS: dict[str, Entry] = {
    name: Entry(f"{__name__}.{name.replace('-', '_')}", title, data)
    for name, title, data in (
        ("digits", "One digit against the rest, by intensity and symmetry", "a file of US Postal Service digits"),
        ("descent", "Why sign cannot learn, and where descent goes", ""),
        ("single-unit", "What one unit computes, and how it learns", ""),
        ("hidden-space", "The problem one line cannot solve", ""),
        ("symmetry", "Equal units stay equal", ""),
        ("saturation", "A unit that is sure and wrong", ""),
        ("vanishing", "What is left of the sensitivity, layer by layer", ""),
        ("regularised", "One example through the whole graph", ""),
        ("numerical", "Backpropagation against central differences", ""),
        ("counting", "What the backward pass costs", ""),
        ("mnist", "From the files of MNIST to a trained network", "a folder of MNIST's four IDX files"),
    )
}


def run(name: str, options: Options | None = None) -> Lesson:
    """Run a lesson.

    Parameters
    ----------
    name : str
        One of `LESSONS`.
    options : Options, optional
        The seed and perhaps data.

    Returns
    -------
    Lesson
        What came out.

    Raises
    ------
    OptionError
        If there is no such lesson, or it takes no data and is given some.
    DataError
        If the data cannot be read.
    DivergenceError
        If a loss became infinite.

    Examples
    --------
    >>> from chainrule.lessons import Options, run
    >>> found = run("descent", Options(seed=0))
    >>> found.name, all(claim.holds for claim in found.claims())
    ('descent', True)
    """
    entry = look_up("lesson", LESSONS, name)
    options = options or Options()
    if options.source is not None and not entry.data:
        takers = ", ".join(name for name, other in LESSONS.items() if other.data)
        raise OptionError(f"the lesson {name} takes no data: those that do are {takers}")
    found: Lesson = importlib.import_module(entry.module).lesson(options)
    return found
