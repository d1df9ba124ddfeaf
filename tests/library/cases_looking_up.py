"""Functions that choose, find or count entries by their values."""

import numpy as np
from tests.ops.case import POSITIVE, REALS, UNIT, ZERO, Case, distinct, each, fixed, in_double, integers

PLACES = integers(0, 3)
CUBIC = np.array([1.0, -6.0, 11.0, -6.0])
EDGES = np.linspace(-1.0, 1.0, 5)

CASES = (
    Case("np.unique", np.unique, fixed((distinct, (2, 3))), looks=True, complex=True),
    Case(
        "np.unique", lambda x: np.unique(x[[0, 1, 0, 2]], axis=0), fixed((distinct, (3, 2))), looks=True, label="rows"
    ),
    Case("np.unique_values", lambda x: np.sort(np.unique_values(x)), fixed((distinct, (4,))), looks=True, complex=True),
    Case("np.union1d", lambda x: np.union1d(x[:3], x[3:]), fixed((distinct, (5,))), looks=True, complex=True),
    Case("np.isin", lambda x: np.isin(x, [0.5, x[0]]), fixed((distinct, (4,))), ZERO, complex=True),
    Case("np.lexsort", lambda x, y: np.lexsort((x, y)), fixed((distinct, (4,)), (REALS, (4,))), ZERO),
    Case("np.sort_complex", lambda x: np.abs(np.sort_complex(x)), fixed((distinct, (4,))), complex=True),
    Case(
        "np.trim_zeros", lambda x: np.trim_zeros(np.append(x, 0.0)), fixed((POSITIVE, (3,))), looks=True, complex=True
    ),
    Case(
        "np.choose",
        lambda k, x, y, z: np.choose(k, (x, y, z)),
        fixed((PLACES, (2, 3)), (REALS, (3,)), (REALS, (2, 1)), (REALS, ())),
        complex=True,
    ),
    Case("np.array_equiv", np.array_equiv, fixed((REALS, (2, 3)), (REALS, (3,))), ZERO, complex=True),
    Case("np.histogram_bin_edges", lambda x: np.histogram_bin_edges(x, 4), fixed((distinct, (6,))), complex=True),
    Case("np.histogram", lambda x, w: np.histogram(x, EDGES, weights=w)[0], fixed((REALS, (6,)), (POSITIVE, (6,)))),
    Case(
        "np.histogram",
        lambda w: np.histogram(np.arange(5.0), 3, weights=w, density=True)[0],
        fixed((POSITIVE, (5,))),
        complex=True,
        label="as a density",
    ),
    Case("np.histogram", lambda x: np.histogram(x, EDGES)[0], fixed((REALS, (6,))), ZERO, label="of points"),
    Case(
        "np.lib.stride_tricks.sliding_window_view",
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2),
        fixed((REALS, (4,))),
        complex=True,
    ),
    Case(
        "np.lib.stride_tricks.sliding_window_view",
        lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), (0, 1)),
        fixed((REALS, (3, 4))),
        label="in the plane",
    ),
    *(
        Case(
            f"np.{write.__name__}",
            lambda x, write=write: (x > 0) & (len(write(x)) > 2),
            fixed((REALS, (2,))),
            ZERO,
            looks=True,
        )
        for write in (np.array2string, np.array_repr, np.array_str)
    ),
    Case("np.common_type", lambda x: x > np.zeros(1, np.common_type(x)), fixed((REALS, (2,))), ZERO),
    Case("np.i0", np.i0, each(REALS)),
    Case("np.tril_indices_from", lambda x: x[np.tril_indices_from(x)], fixed((REALS, (3, 3))), complex=True),
    Case("np.triu_indices_from", lambda x: x[np.triu_indices_from(x, 1)], fixed((REALS, (3, 4))), complex=True),
    Case("np.diag_indices_from", lambda x: x[np.diag_indices_from(x)], fixed((REALS, (3, 3))), complex=True),
    Case("np.geomspace", lambda x, y: np.geomspace(x, y + 3, 4), fixed((POSITIVE, ()), (POSITIVE, (2,))), complex=True),
    Case("np.polydiv", in_double(np.polydiv), fixed((POSITIVE, (4,)), (POSITIVE, (2,))), complex=True, looks=True),
    Case("np.roots", lambda e: np.roots(0.02 * e + CUBIC), fixed((REALS, (4,))), looks=True, complex=True),
    Case(
        "np.roots",
        lambda e: np.abs(np.roots(np.append(e[:2], [1.0, 2.0, 0.0]))),
        fixed((UNIT, (3,))),
        looks=True,
        label="and 0",
    ),
    Case("np.poly", np.poly, fixed((REALS, (3,))), looks=True, complex=True),
)
