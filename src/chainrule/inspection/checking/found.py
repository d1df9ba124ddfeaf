"""What a check found."""

from dataclasses import dataclass
from typing import Any

from chainrule.inspection.notation import Notation

__all__ = ["BackpropCheck", "Difference", "FoundSlip"]


@dataclass(frozen=True)
class FoundSlip:
    """A slip that gives the arrays that were handed in.

    Attributes
    ----------
    name : str
        Its name in `SLIPS` of `chainrule.inspection.checking`.
    kind : str
        What kind of slip it is.
    layers : tuple of int
        The layers at which it was made, counted from 1.
    array : str
        The array in which it was made: ``"sensitivities"``, ``"weights"`` or ``"bias"``.
    sentence : str
        What was done, and what belongs there.
    question : str
        What leads there without saying it.
    formula : str
        How it should be, in the notation of the check.
    """

    name: str
    kind: str
    layers: tuple[int, ...]
    array: str
    sentence: str
    question: str
    formula: str


@dataclass(frozen=True)
class Difference:
    """An array that is not the right one.

    Attributes
    ----------
    layer : int
        From 1.
    array : str
        ``"weights"``, ``"bias"`` or ``"sensitivities"``.
    found_size, right_size : float
        Their largest absolute values.
    where : tuple of int
        Index of the entry that differs the most, in the layout of what was handed in; where the bias is a row of the
        weights, both are indexed in those.
    found, right : float
        That entry of both.
    wrong, entries : int
        How many entries differ, and how many there are.
    remark : str
        What the difference has as a whole, such as a common factor; empty where it has nothing.
    """

    layer: int
    array: str
    found_size: float
    right_size: float
    where: tuple[int, ...]
    found: float
    right: float
    wrong: int
    entries: int
    remark: str


@dataclass(frozen=True)
class BackpropCheck:
    """What `check_backprop` found; true where the arrays are right, in whichever convention.

    `repr` is a summary of a line, as a failing ``assert`` shows it; `str` is the whole.

    Attributes
    ----------
    ok : bool
        Whether all arrays are right in one convention.
    conventions : tuple of str
        In what this convention differs from the notation of the check; empty where it does not.
    alternatives : tuple of tuples of str
        Other conventions that give the same numbers, as with two examples a sum and twice a mean do.
    notations : tuple of str
        Keys of `NOTATIONS` that have this convention.
    slips : tuple of FoundSlip
        Slips that give these arrays. Where there are several, they give the same numbers here.
    complete : bool
        Whether the slip explains every array. Otherwise it explains the first wrong one from the output backwards, and
        something else is wrong in layers before.
    differences : tuple of Difference
        The wrong arrays, from the output backwards.
    deductions : tuple of str
        What follows from which arrays are right.
    problems : tuple of str
        Why arrays cannot be compared: wrong shapes, NaN, missing layers.
    notes : tuple of str
        What was not compared.
    feedback : {"full", "hint"}
        Whether printing says what is wrong, or leads there.
    notation : Notation
        In which words and formulas.
    """

    ok: bool
    feedback: str
    notation: Notation
    conventions: tuple[str, ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()
    notations: tuple[str, ...] = ()
    slips: tuple[FoundSlip, ...] = ()
    complete: bool = True
    differences: tuple[Difference, ...] = ()
    deductions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        from chainrule.inspection.checking.words import summary

        return summary(self)

    def __str__(self) -> str:
        from chainrule.inspection.checking.words import whole_text

        return whole_text(self)

    def _repr_html_(self) -> str:
        from chainrule.inspection.checking.words import whole_html

        return whole_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython's terminal has room for the whole.
        printer.text("..." if cycle else str(self))
