"""Patterns: what each entry of an array depends on, as sparse matrices of booleans with a row for each entry."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from chainrule.errors import TraceError

__all__ = ["Pattern", "TooDense", "empty", "every_row", "gathered", "grouped", "identity", "scattered", "union"]

#: A matrix of booleans in SciPy's row format; its entries are all True.
Pattern: TypeAlias = Any  # SciPy states no types.

#: Entries of a pattern above which there is nothing to be gained from it: a gigabyte.
_MOST = 2**27


def empty(rows: int, columns: int) -> Pattern:
    """The pattern of what depends on nothing."""
    return sparse.csr_array((rows, columns), dtype=bool)


def identity(start: int, count: int, columns: int) -> Pattern:
    """The pattern of inputs themselves, from number `start` on."""
    places = np.arange(start, start + count)
    return sparse.csr_array((np.ones(count, bool), places, np.arange(count + 1)), (count, columns))


def union(patterns: Sequence[Pattern]) -> Pattern:
    """The pattern of a function of several arrays, entry by entry."""
    different = list({id(p): p for p in patterns}.values())
    _check(sum(p.nnz for p in different))
    whole = different[0]
    for p in different[1:]:
        whole = whole + p
    return whole


def gathered(p: Pattern, places: np.ndarray[Any, Any]) -> Pattern:
    """The pattern of an array whose entries stood at `places` before, in one row each; -1 for what depends on nothing.

    Parameters
    ----------
    p : csr_array
        The pattern before.
    places : ndarray of int
        Of any shape.
    """
    places = places.ravel()
    if len(places) == p.shape[0] and np.array_equal(places, np.arange(len(places))):
        return p
    lengths = np.append(np.diff(p.indptr), 0)
    _check(int(lengths[places].sum()))
    # The last row, to which -1 leads, is empty.
    indptr = np.append(p.indptr, p.indptr[-1])
    longer = sparse.csr_array((p.data, p.indices, indptr), (p.shape[0] + 1, p.shape[1]))
    return longer[np.where(places < 0, p.shape[0], places)]


def scattered(p: Pattern, sources: np.ndarray[Any, Any], targets: np.ndarray[Any, Any], count: int) -> Pattern:
    """The pattern of sums: entry `targets[k]` of `count` depends on what entry `sources[k]` depends on."""
    sources, targets = sources.ravel(), targets.ravel()
    _check(int(np.diff(p.indptr)[sources].sum()))
    routes = sparse.csr_array((np.ones(len(sources), bool), (targets, sources)), (count, p.shape[0]))
    found = routes @ p
    found.sort_indices()
    return found


def grouped(p: Pattern, groups: np.ndarray[Any, Any], count: int) -> Pattern:
    """The pattern of sums over groups: entry k of `count` depends on what the entries of group k depend on."""
    return scattered(p, np.arange(p.shape[0]), groups, count)


def every_row(patterns: Sequence[Pattern], rows: int) -> Pattern:
    """The pattern of an array of which every entry depends on all that any entry of the inputs depends on."""
    columns = np.unique(np.concatenate([p.indices for p in patterns]))
    _check(rows * len(columns))
    indptr = np.arange(rows + 1) * len(columns)
    return sparse.csr_array(
        (np.ones(rows * len(columns), bool), np.tile(columns, rows), indptr), (rows, patterns[0].shape[1])
    )


def _check(entries: int) -> None:
    if entries > _MOST:
        raise TooDense(entries)


class TooDense(TraceError):
    """What is raised here; who knows the operation says more."""

    def __init__(self, entries: int) -> None:
        super().__init__(f"{entries:.1e} entries")
