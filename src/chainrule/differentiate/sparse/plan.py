"""What is done once for many evaluations of a sparse matrix: pattern, colours, where each entry is found."""

from typing import Any, Literal

import numpy as np
from scipy import sparse

from chainrule.differentiate.sparse.colouring import coloured, coloured_symmetric
from chainrule.differentiate.sparse.patterns import Pattern
from chainrule.differentiate.sparse.tapes import Index
from chainrule.errors import TraceError
from chainrule.ops.axes import shape_of
from chainrule.trace.tracer import Tracer

__all__ = ["Mode", "Plan", "planned"]

Array = np.ndarray[Any, Any]
Mode = Literal["forward", "reverse"]


class Plan:
    """How a sparse matrix of derivatives is computed.

    Attributes
    ----------
    pattern : csr_array of bool
        Where the matrix may have entries other than 0.
    mode : {"forward", "reverse"}
        Which way the directions go: forward for colours of columns, reverse for colours of rows.
    colours : ndarray of int
        The colour of each column (forward) or row (reverse).
    count : int
        Number of colours: so many directions go along the tape.
    is_symmetric : bool
        True where the matrix is symmetric, and an entry may be read in the place of its mirror image.
    """

    __slots__ = (
        "_by_colour",
        "_last",
        "_places",
        "_starts",
        "_watched",
        "colours",
        "count",
        "is_symmetric",
        "mode",
        "pattern",
    )

    def __init__(self, pattern: Pattern, mode: Mode, colours: Array, *, is_symmetric: bool = False) -> None:
        self.pattern = pattern
        self.mode = mode
        self.colours = colours
        # What is known to be 0 needs no direction.
        self.count = int(colours.max(initial=-1)) + 1 if pattern.nnz else 0
        self.is_symmetric = is_symmetric
        self._last: list[Index] = []
        self._watched: list[Index] = []
        rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
        columns = pattern.indices.astype(np.intp)
        if is_symmetric:
            mirrored = colours[rows] < colours[columns]
            rows, columns = np.where(mirrored, columns, rows), np.where(mirrored, rows, columns)
        if mode == "reverse":
            rows, columns = columns, rows
        # Column j of the matrix goes to row `colours[j]` of the compressed one, which has a column for each row.
        length = pattern.shape[0] if mode == "forward" else pattern.shape[1]
        self._places = colours[columns] * length + rows
        self._by_colour = np.argsort(colours[columns], kind="stable")
        self._starts = np.searchsorted(colours[columns][self._by_colour], np.arange(self.count + 1))

    def is_of(self, pattern: Pattern) -> bool:
        """Whether it is the plan for a pattern, of a Hessian a symmetric one."""
        return _are_equal(self.pattern, pattern)

    def units(self, start: int, stop: int) -> Array:
        """The directions of some colours, one in each row; after the last colour stands the probe."""
        units: Array = (self.colours == np.arange(start, stop)[:, None]).astype(float)
        if stop > self.count:
            units[-1] = self.probe()
        return units

    def probe(self) -> Array:
        """A direction in which everything moves."""
        return np.random.default_rng(0).uniform(1.0, 2.0, len(self.colours))

    def picked(self, compressed: Any, start: int) -> Any:
        """The entries that stand in some rows of the compressed matrix, from row `start` on, colour after colour.

        Where these are all rows, the entries come in the order of the matrix.
        """
        rows, length = shape_of(compressed)
        stop = min(start + rows, self.count)
        # What is recorded gets a copy: an array of ours would be an input of the program.
        places = self._places.copy() if isinstance(compressed, Tracer) else self._places
        if stop - start < self.count:
            places = places[self._by_colour[self._starts[start] : self._starts[stop]]] - start * length
        return np.reshape(compressed, (rows * length,))[places]

    def in_order(self, parts: list[Any]) -> Any:
        """All entries in the order of the matrix, of the parts that have been picked."""
        if len(parts) < 2:
            return parts[0] if parts else np.zeros(0)
        back = np.empty_like(self._by_colour)
        back[self._by_colour] = np.arange(len(back))
        return np.concatenate(parts)[back]

    def check(self, matrix: sparse.csr_array, seen: Array) -> None:
        """Hold what has become of the probe against the product of the matrix with it.

        Raises
        ------
        TraceError
            Where they differ: the derivative has an entry outside of the pattern.
        """
        turned = matrix if self.mode == "forward" else matrix.T
        expected = turned @ self.probe()
        if seen.dtype.kind != "c":
            expected = expected.real
        with np.errstate(all="ignore"):
            size = abs(turned) @ self.probe() + abs(seen)
            wrong = abs(seen - expected) > np.finfo(seen.dtype).eps ** 0.5 * size
        if wrong.any():
            what, k = "row" if self.mode == "forward" else "column", int(np.argmax(wrong))
            raise TraceError(
                f"The derivative has an entry outside of the pattern given, in {what} {k} of {len(wrong)}: along one "
                f"direction it changes by {seen[k]:.6g}, but what the pattern lets through by {expected[k]:.6g}."
            )

    def watch(self, indices: list[Index]) -> None:
        """Note the index arrays of a recording without values, whose entries the program reads anew at each run.

        Those that come from around the function are the same arrays in the next recording.
        """
        before = {id(one.array) for one in self._last}
        self._last, self._watched = indices, [one for one in indices if id(one.array) in before]
        for one in self._watched:
            one.watch()

    @property
    def holds(self) -> bool:
        """Whether the index arrays from around the function are as they were."""
        return all(one.is_as_it_was for one in self._watched)

    def matrix(self, entries: Array) -> sparse.csr_array:
        """The sparse matrix, which shares no memory with anything."""
        parts = (entries, self.pattern.indices.copy(), self.pattern.indptr.copy())
        return sparse.csr_array(parts, self.pattern.shape)

    def __repr__(self) -> str:
        rows, columns = self.pattern.shape
        kind = "symmetric, " if self.is_symmetric else ""
        return f"<plan: {rows} x {columns}, {self.pattern.nnz} entries, {kind}{self.count} colours, {self.mode}>"


def planned(pattern: Pattern, mode: Mode | None, *, is_symmetric: bool) -> Plan:
    """Colour a pattern, in the direction that takes fewer colours where none is asked for."""
    if is_symmetric:
        return Plan(pattern, "forward", coloured_symmetric(pattern), is_symmetric=True)
    if mode is not None:
        return Plan(pattern, mode, coloured(pattern if mode == "forward" else pattern.T.tocsr()))
    turned = pattern.T.tocsr()
    # A row with k entries takes k colours at least.
    by_rows, by_columns = (int(np.diff(p.indptr).max(initial=0)) for p in (pattern, turned))
    forward = coloured(pattern) if by_rows <= by_columns else None
    if forward is not None and (forward.max(initial=-1) < by_columns or _are_equal(pattern, turned)):
        return Plan(pattern, "forward", forward)
    reverse = coloured(turned)
    if forward is None and reverse.max(initial=-1) >= by_rows:
        forward = coloured(pattern)
    if forward is not None and forward.max(initial=-1) <= reverse.max(initial=-1):
        return Plan(pattern, "forward", forward)
    return Plan(pattern, "reverse", reverse)


def _are_equal(p: Pattern, q: Pattern) -> bool:
    return p.shape == q.shape and np.array_equal(p.indptr, q.indptr) and bool(np.array_equal(p.indices, q.indices))
