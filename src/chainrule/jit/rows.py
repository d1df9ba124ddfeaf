"""One program for every leading size.

When a function is called a second time with arrays that differ in their leading lengths alone, all from one length to
one other, it is recorded at two sizes, and the two recordings are unified (see `chainrule.trace.unify`). The formulas
so found are held against a recording, without values, at every size before it is first run, so that code that depends
on the size in another way is found out and compiled for each size by itself.
"""

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.jit.paths import Code, Path, settle_arrays
from chainrule.jit.recording import Found, record
from chainrule.jit.signature import Signature
from chainrule.native.entry import Entry
from chainrule.trace.sizes import folded
from chainrule.trace.unify import Mismatch, Recorded, difference, unified

__all__ = ["EverySize", "opened_between"]

#: Sizes of which formulas are made are apart by a prime that no size of a usual program is a multiple of.
_APART = 7


class EverySize:
    """A program whose leading size is open.

    Parameters
    ----------
    f : callable
        The function.
    signature : Signature
        A call that has been compiled.
    path : Path
        Its program.
    opened : tuple of bool
        Of which numbers and arrays the first axis is the leading one.

    Raises
    ------
    Mismatch
        Where no formulas in the leading size give the graph.
    TraceError
        Where decisions are taken on values.
    """

    def __init__(self, f: Callable[..., Any], signature: Signature, path: Path, opened: tuple[bool, ...]) -> None:
        self._f, self.signature, self._path, self._opened = f, signature, path, opened
        self._verified: set[int] = set()
        self._entry: tuple[Callable[..., Any], Entry] | None = None
        self._has_entry = False
        first = max(self._rows(signature), 5) + 1
        taken = {length for kind in signature.kinds for length in kind.shape}
        while {first, first + _APART} & taken:
            first += 1
        plain = self._general(first, careful=False)
        careful = None if path.careful is None else self._general(first, careful=True)
        arrays = path.code.arrays
        given = len(plain.inputs) - len(arrays)
        if careful is not None and path.careful and len(path.careful.arrays) != len(careful.inputs) - given:
            raise Mismatch("it reads other arrays where zero is to stay zero")
        self.path = Path(
            path.found,
            Code(plain, arrays),
            None if careful is None or path.careful is None else Code(careful, path.careful.arrays),
        )

    def _rows(self, signature: Signature) -> int:
        return next(kind.shape[0] for kind, here in zip(signature.kinds, self._opened, strict=True) if here)

    def _recorded(self, rows: int, *, careful: bool = False) -> Recorded:
        shapes = [
            (rows, *kind.shape[1:]) if here else kind.shape
            for kind, here in zip(self.signature.kinds, self._opened, strict=True)
        ]
        like = self._path.found
        try:
            found = settle_arrays(record(self._f, self.signature, shapes, careful=careful), like)
        except Exception as problem:  # Whatever the user's function raises is its way to depend on the size.
            raise Mismatch(f"with {rows} rows it raised {type(problem).__name__}: {problem}") from problem
        if not self._is_like(found, like, careful):
            raise Mismatch(f"with {rows} rows its result has another structure, or it reads other arrays")
        return found.recorded(rows)

    def _is_like(self, found: Found, like: Found, careful: bool) -> bool:
        same = len(found.arrays) == len(like.arrays) and all(
            x is y for (x, _), (y, _) in zip(found.arrays, like.arrays, strict=True)
        )
        return found.structure == like.structure and found.results == like.results and (careful or same)

    def _general(self, first: int, *, careful: bool) -> Any:
        return unified(self._recorded(first, careful=careful), self._recorded(first + _APART, careful=careful))

    def covers(self, signature: Signature) -> bool:
        """Say whether a call differs from the one that was compiled in the leading size alone."""
        return opened_between(self.signature, signature) == self._opened

    def holds_for(self, signature: Signature) -> bool:
        """Say whether the program serves the leading size of a call."""
        try:
            self.check(signature)
        except Mismatch:
            return False
        return True

    def check(self, signature: Signature) -> None:
        """Record at a size that has not been seen yet, and compare; raises `Mismatch` where they differ."""
        rows = self._rows(signature)
        if rows in self._verified:
            return
        codes = [(self.path.code, False)]
        codes += [] if self.path.careful is None else [(self.path.careful, True)]
        for code, careful in codes:
            found = self._recorded(rows, careful=careful)
            reason = difference(found, Recorded(folded(code.recorded.at(rows)), rows))
            if reason is not None:
                raise Mismatch(f"what holds for other numbers of rows fails for {rows}: {reason}", reason.line)
        self._verified.add(rows)

    def entry_for(self, signature: Signature, forms: Sequence[Any]) -> Callable[..., Any] | None:
        """The builtin function for the leaves of a call, which takes its leading size too from now on."""
        if not self._has_entry:
            self._entry, self._has_entry = self.path.entry(forms), True
        if self._entry is None:
            return None
        function, entry = self._entry
        entry.admit(self._rows(signature))
        return function


def opened_between(one: Signature, other: Signature) -> tuple[bool, ...] | None:
    """Which arrays differ in their leading length, all from one length to one other; None where that is not so."""
    opened = []
    lengths: set[tuple[int, int]] = set()
    for a, b in zip(one.kinds, other.kinds, strict=True):
        opened.append(a.shape != b.shape)
        if a.shape != b.shape:
            if a.shape[1:] != b.shape[1:]:
                return None
            lengths.add((a.shape[0], b.shape[0]))
    return tuple(opened) if len(lengths) == 1 else None
