"""What a lesson is made of: sections of text, claims, tables, figures, formulas and programs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from chainrule.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawn

__all__ = ["Claim", "Code", "Figure", "Formula", "Lesson", "Options", "Part", "Section", "Table"]


@dataclass(frozen=True)
class Options:
    """What a lesson can be asked for.

    Attributes
    ----------
    seed : int
        Of everything that is drawn at random, from 0 on: the same seed gives the same lesson, but for times.
    source : Path or None
        Data to take in place of those that come with chainrule, by the lessons that `chainrule.lessons.LESSONS` says.

    Raises
    ------
    OptionError
        Where the seed is none.
    """

    seed: int = 0
    source: Path | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.seed, Integral) or self.seed < 0:
            raise OptionError(f"seed has to be a whole number from 0 on, found {self.seed!r}")


@dataclass(frozen=True)
class Claim:
    """A sentence about what came out.

    Attributes
    ----------
    text : str
        The sentence, with its numbers in it; code stands in backquotes.
    holds : bool
        Whether the numbers of this run bear it out: computed from them, never written down.
    measured : bool
        Whether it is about times or rounding errors, which differ from machine to machine.
    """

    text: str
    holds: bool
    measured: bool = False


@dataclass(frozen=True)
class Table:
    """Numbers in rows.

    Attributes
    ----------
    title : str
        What stands above it.
    heads : tuple of str
        One a column.
    rows : tuple of tuples of str, float or int
        Texts are shown as they are, floats with four significant digits.
    measured : tuple of int
        Columns of times or rounding errors, counted from 0.

    Raises
    ------
    ValueError
        Where a row has another length than the heads.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | float | int, ...], ...]
    measured: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.heads):
                raise ValueError(f"the table {self.title!r} has {len(self.heads)} heads, but the row {row!r}")


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn when somebody looks at it, so that the text needs no matplotlib.

    Attributes
    ----------
    title : str
        What it is called.
    figure : callable
        ``figure()`` draws it.
    alt : str
        What it shows, for those who do not see it.
    """

    title: str
    figure: "Callable[[], Drawn]"
    alt: str


@dataclass(frozen=True)
class Formula:
    """A line of mathematics, such as ``δ = (x − y) · θ′(s)``, that is set on its own."""

    text: str


@dataclass(frozen=True)
class Code:
    """A short Python program that runs as it stands."""

    text: str


Part: TypeAlias = "str | Claim | Table | Figure | Formula | Code"
"""What stands in a section; a text is a paragraph, with code in backquotes."""


@dataclass(frozen=True)
class Section:
    """A title and what stands below it."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Lesson:
    """A lesson as it came out.

    Attributes
    ----------
    name : str
        That of the table `chainrule.lessons.LESSONS`.
    title, summary : str
        A line each.
    sections : tuple of Section
        In the order in which they are read.
    numbers : dict
        What the claims were computed from, by name, for tests and for readers.
    """

    name: str
    title: str
    summary: str
    sections: tuple[Section, ...]
    numbers: dict[str, Any] = field(repr=False)

    def claims(self) -> Iterator[Claim]:
        """Go through the claims, from first to last."""
        return (part for section in self.sections for part in section.parts if isinstance(part, Claim))

    def figures(self) -> Iterator[Figure]:
        """Go through the figures, from first to last."""
        return (part for section in self.sections for part in section.parts if isinstance(part, Figure))
