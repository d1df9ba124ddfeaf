"""Answers to decisions on values that are not known: a function is run with those given, up to the first without."""

import threading

from chainrule.errors import user_line
from chainrule.trace.no_value import NO_VALUE
from chainrule.trace.tracer import Tracer

__all__ = ["Answers", "Undecided", "answering", "answers_here"]


class Undecided(BaseException):
    """A decision on a value that is not known, to which there is no answer yet.

    A function that catches every `Exception` must not catch this one.

    Attributes
    ----------
    decision : Tracer
        What was decided on.
    line : str
        Where, as `chainrule.errors.user_line` says it.
    """

    def __init__(self, decision: Tracer, line: str) -> None:
        super().__init__()
        self.decision = decision
        self.line = line


class Answers:
    """What a function is told that decides on values that are not known.

    Parameters
    ----------
    given : tuple of bool
        The answers to its first decisions, in order.
    level : int
        Of the body that is being recorded: what is decided on deeper inside is not its business.
    """

    __slots__ = ("_given", "_level", "_next")

    def __init__(self, given: tuple[bool, ...], level: int) -> None:
        self._given, self._level, self._next = given, level, 0

    def to(self, x: Tracer) -> bool:
        """Answer, or stop the function where there is no answer."""
        if x.recording.level > self._level:
            NO_VALUE.__bool__()
        if self._next == len(self._given):
            raise Undecided(x, user_line())
        self._next += 1
        return self._given[self._next - 1]


class answering:
    """Give answers to decisions of this thread in this block."""

    __slots__ = ("_answers", "_before")

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def __enter__(self) -> None:
        self._before, answers_here.given = answers_here.given, self._answers

    def __exit__(self, *problem: object) -> None:
        answers_here.given = self._before


class _Here(threading.local):
    """The answers that this thread gives."""

    given: Answers | None = None


answers_here = _Here()
