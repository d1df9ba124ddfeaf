"""Colours for the columns of a pattern: columns of one colour go along the tape as one direction.

A. Gebremedhin, F. Manne and A. Pothen, What color is your Jacobian? Graph coloring for computing derivatives, SIAM
Review 47 (2005).
"""

from typing import Any

import numpy as np

from chainrule.differentiate.sparse.patterns import Pattern

__all__ = ["coloured", "coloured_symmetric"]

Colours = np.ndarray[Any, np.dtype[np.intp]]
Order = np.ndarray[Any, Any]


def coloured(p: Pattern) -> Colours:
    """Colour the columns, so that no two of one colour have an entry in the same row.

    Parameters
    ----------
    p : csr_array of bool
        The pattern.

    Returns
    -------
    ndarray of int
        The colour of each column, from 0 on: the first that is free, column after column. The columns with the most
        entries come first, or column after neighbouring column, whichever takes fewer colours.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from chainrule.differentiate.sparse.colouring import coloured
    >>> coloured(sparse.csr_array(np.eye(6, dtype=bool) | np.eye(6, k=1, dtype=bool)))
    array([1, 0, 1, 0, 1, 0])
    """
    by_column = p.tocsc()
    colours = _first_free(by_column, _most_entries_first(by_column))
    # A row with k entries takes k colours at least.
    if colours.max(initial=-1) >= np.diff(p.indptr).max(initial=0):
        other = _first_free(by_column, _neighbours_first(p))
        colours = min(colours, other, key=np.max)
    return colours


def _first_free(by_column: Any, order: Order) -> Colours:
    starts, rows = by_column.indptr.tolist(), by_column.indices.tolist()
    # Of each row the colours taken, as the bits of one number: so the work is in proportion to the entries.
    taken = [0] * by_column.shape[0]
    colours = np.zeros(by_column.shape[1], np.intp)
    for j in order.tolist():
        mine = rows[starts[j] : starts[j + 1]]
        used = 0
        for i in mine:
            used |= taken[i]
        free = ~used & (used + 1)
        for i in mine:
            taken[i] |= free
        colours[j] = free.bit_length() - 1
    return colours


def coloured_symmetric(p: Pattern) -> Colours:
    """Colour the columns of a symmetric matrix, so that every entry stands alone in one of its two places.

    Entry (i, j) with colour j <= colour i is the only one of row i among the columns of the colour of j, so that it can
    be read there. It is the direct method of M. Powell and Ph. Toint, On the estimation of sparse Hessian matrices,
    SIAM Journal on Numerical Analysis 16 (1979): what a column has told of a row need not be told again by the row.

    Parameters
    ----------
    p : csr_array of bool
        A symmetric pattern.

    Returns
    -------
    ndarray of int
        The colour of each column, from 0 on.

    Examples
    --------
    A row and a column that are full, and the diagonal, need two colours instead of as many as there are columns:

    >>> import numpy as np
    >>> from scipy import sparse
    >>> from chainrule.differentiate.sparse.colouring import coloured_symmetric
    >>> arrow = np.eye(5, dtype=bool)
    >>> arrow[0] = arrow[:, 0] = True
    >>> coloured_symmetric(sparse.csr_array(arrow))
    array([0, 1, 1, 1, 1])
    """
    left = p.tocsc()
    columns = _most_entries_first(left)
    colours = np.zeros(p.shape[1], np.intp)
    is_left = np.ones(p.shape[1], bool)
    number = 0
    while len(columns):
        starts, rows = left.indptr.tolist(), left.indices.tolist()
        used: set[int] = set()
        later, now = [], []
        for j in columns.tolist():
            mine = rows[starts[j] : starts[j + 1]]
            if used.isdisjoint(mine):
                used.update(mine)
                now.append(j)
            else:
                later.append(j)
        colours[now] = number
        number += 1
        # The rows of these columns are known from now on, by symmetry.
        is_left[now] = False
        columns = np.array(later, np.intp)
        left = _with_rows(left, is_left)
    return colours


def _most_entries_first(by_column: Any) -> Order:
    return np.argsort(-np.diff(by_column.indptr), kind="stable")


def _neighbours_first(p: Pattern) -> Order:
    """The order of E. Cuthill and J. McKee in the graph of rows and columns, an edge for each entry."""
    from scipy.sparse import block_array, csr_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    edges = csr_array(block_array([[None, p], [p.T, None]], format="csr"), dtype=np.int8)
    order: Order = reverse_cuthill_mckee(edges, symmetric_mode=True)[::-1] - p.shape[0]
    return order[order >= 0]


def _with_rows(by_column: Any, kept: np.ndarray[Any, Any]) -> Any:
    """The same matrix without the entries of some rows."""
    from scipy import sparse

    stays = kept[by_column.indices]
    indptr = np.concatenate([[0], np.cumsum(stays)])[by_column.indptr]
    return sparse.csc_array((by_column.data[stays], by_column.indices[stays], indptr), by_column.shape)
