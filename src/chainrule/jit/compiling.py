"""What is compiled for one kind of call: a program for each path along which decisions lead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.errors import TraceError
from chainrule.jit.captures import Captures
from chainrule.jit.paths import Path, compile_path
from chainrule.jit.rows import EverySize, opened_between
from chainrule.jit.signature import Kind, Signature
from chainrule.jit.trees import Reader, reader
from chainrule.native.entry import Only
from chainrule.trace.unify import Mismatch, difference

__all__ = ["Event", "Specialized"]

#: Paths that are compiled; where decisions lead along more of them, the function runs uncompiled.
_PATHS = 32


@dataclass(frozen=True)
class Event:
    """Something that `Jitted.stages` tells of.

    Attributes
    ----------
    text : str
        What happened and why.
    compiles : bool
        Whether a program was made.
    """

    text: str
    compiles: bool = False


class Specialized:
    """The programs for calls of one signature.

    Attributes
    ----------
    signature : Signature
        What the calls have in common.
    paths : list of Path
        In the order in which they were first taken.
    read : callable
        Lists the leaves of such a call's ``(args, kwargs)``, and gives None for another structure.
    has_given_up : bool
        True where decisions lead along too many paths.
    """

    def __init__(self, f: Callable[..., Any], signature: Signature, events: list[Event]) -> None:
        self._f = f
        self._events = events
        self.signature = signature
        self.read = reader(signature.structure)
        self.paths: list[Path] = []
        self.has_given_up = False
        self.every_size: list[EverySize] = []
        self._last = 0
        self._entries: dict[int, Callable[..., Any] | None] = {}
        #: Whether recordings at other leading sizes did not fit this one.
        self.is_bound_to_size = False

    @staticmethod
    def for_call(
        f: Callable[..., Any],
        signature: Signature,
        values: Sequence[Any],
        alike: Sequence["Specialized"],
        events: list[Event],
    ) -> "Specialized":
        """Compile for a call, or take a program that serves its leading size too."""
        made = Specialized(f, signature, events)
        made.is_bound_to_size = any(other.is_bound_to_size for other in alike)
        for other in alike:
            for every in other.every_size:
                if every.covers(signature):
                    return made._sharing(other, every) or made._alone(values)
        for other in alike:
            opened = opened_between(other.signature, signature)
            if opened is None or len(other.paths) != 1 or other.paths[0].decisions or made.is_bound_to_size:
                continue
            try:
                every = EverySize(f, other.signature, other.paths[0], opened)
                every.check(signature)
            except Mismatch as reason:
                made.is_bound_to_size = True
                events.append(Event(f"compiled for each number of rows by itself: {reason}{reason.line}"))
                break
            events.append(Event("the number of rows has changed: compiled for every number", compiles=True))
            return made._sharing(other, every) or made._alone(values)
        return made._alone(values)

    def _alone(self, values: Sequence[Any]) -> "Specialized":
        self._add(values, f"called with {self.signature.text(self._f)}")
        return self

    def _sharing(self, other: "Specialized", every: EverySize) -> "Specialized | None":
        """Take the program for every leading size, where it holds for this one."""
        if not every.holds_for(self.signature):
            return None
        self.every_size = [every]
        if every not in other.every_size:
            other.every_size.append(every)
        self.paths.append(every.path)
        self._entries[0] = every.entry_for(self.signature, self._forms())
        return self

    @property
    def arrays(self) -> list[Any]:
        """Arrays from around the function that the programs read."""
        return [x for path in self.paths for x in path.code.arrays]

    def _add(self, values: Sequence[Any], why: str) -> Path:
        path = compile_path(self._f, self.signature, values)
        self._events.append(Event(why, compiles=True))
        self.paths.append(path)
        return path

    def is_still_right(self) -> bool:
        """Record again, and look whether the graphs are still the same."""
        if len(self.paths) != 1 or self.paths[0].decisions or self.every_size:
            return False
        path = self.paths[0]
        try:
            again = path.recorded_again(self._f, self.signature)
        except TraceError:
            return False
        return difference(path.found.recorded(), again.recorded()) is None and all(
            x is y for (x, _), (y, _) in zip(path.found.arrays, again.arrays, strict=True)
        )

    def run(self, leaves: Sequence[Any], values: Sequence[Any]) -> Any:
        """Call it; NotImplemented where it has to run uncompiled."""
        if self.has_given_up:
            return NotImplemented
        found = self.entry(*leaves)
        if found is not NotImplemented:
            return found
        path = self.paths[self._last]
        tried: list[Path] = []
        while True:
            outputs = path.run(values)
            decided = path.decided(outputs)
            if decided == path.decisions:
                self._last = self.paths.index(path)
                return path.found.structure.unflatten(path.results(outputs))
            count = next(k for k, (a, b) in enumerate(zip(decided, path.decisions, strict=True)) if a != b)
            tried.append(path)
            following = self._following(decided[: count + 1], tried)
            if following is None:
                if len(self.paths) >= _PATHS:
                    self.has_given_up = True
                    self._events.append(Event(f"given up: its decisions lead along more than {_PATHS} paths"))
                    return NotImplemented
                following = self._add(values, f"decision {count + 1} came out as {decided[count]}")
            path = following

    def _following(self, decided: tuple[Any, ...], tried: Sequence[Path]) -> Path | None:
        """A path that begins with what has been decided, or else one that asks something else at the last place."""
        left = [path for path in self.paths if path not in tried and path.decisions[: len(decided) - 1] == decided[:-1]]
        exact = [path for path in left if path.decisions[: len(decided)] == decided]
        return next(iter(exact or left), None)

    def _entry(self, number: int) -> Callable[..., Any] | None:
        """The builtin function for the leaves of a call, on one path."""
        if number not in self._entries:
            made = self.paths[number].entry(self._forms())
            self._entries[number] = None if made is None else made[0]
        return self._entries[number]

    def _forms(self) -> list[Any]:
        return [leaf.form if isinstance(leaf, Kind) else Only(leaf.value) for leaf in self.signature.leaves]

    @property
    def entry(self) -> Callable[..., Any]:
        """The way for the leaves of a call."""
        found = None if self.has_given_up else self._entry(self._last)
        return _other_way if found is None else found

    def entry_for_calls(self, captures: Captures) -> Callable[..., Any]:
        """The way that a call takes whose arguments are positional."""
        entry = self.entry
        positional, named = self.signature.structure.children
        if entry is _other_way or named.children:
            return _other_way
        if not self.signature.is_flat:
            return _through_trees(entry, reader(positional), captures)
        if captures.is_empty:
            return entry

        def guarded(*args: Any) -> Any:
            return entry(*args) if captures.hold() else NotImplemented

        return guarded


def _through_trees(entry: Callable[..., Any], read: Reader, captures: Captures) -> Callable[..., Any]:
    """The way for arguments in which leaves stand in containers."""
    is_free = captures.is_empty

    def through_trees(*args: Any) -> Any:
        leaves = read(args)
        if leaves is None or not (is_free or captures.hold()):
            return NotImplemented
        return entry(*leaves)

    return through_trees


def _other_way(*args: Any) -> Any:
    return NotImplemented
