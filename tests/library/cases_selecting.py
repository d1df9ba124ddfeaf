"""Functions that choose between computations, or apply one to each row."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import NONZERO, REALS, Case, between, between_integers, both_signs, each, fixed, mask
from tests.ops.cases_shapes import INTO_COMPLEX


def selected(x, y, one, other):
    return np.select([one, other], [x * y, np.sin(x)], default=y)


def by_pieces(x):
    return np.piecewise(x, [x < -1, x > 1], [lambda v: -v, np.sqrt, lambda v: v**3])


CASES = (
    Case("np.select", selected, each(REALS, REALS, mask, mask), complex=True),
    Case("np.piecewise", by_pieces, each(both_signs(0.5, 0.9)), complex=True, looks=True),
    Case("np.piecewise", by_pieces, each(both_signs(1.1, 1.9)), looks=True, label="outside"),
    Case(
        "np.piecewise",
        lambda x, y: np.piecewise(x, x > 0, [y, lambda v, c: c * v], 3.0),
        fixed((NONZERO, (3,)), (REALS, ())),
        complex=INTO_COMPLEX,
        looks=True,
        label="with a number",
    ),
    Case("np.compress", lambda x: np.compress([True, False, True], x, axis=-1), fixed((REALS, (2, 3))), complex=True),
    Case("np.extract", lambda x: np.extract(x > 0, x), each(NONZERO), complex=True, looks=True),
    Case(
        "np.apply_along_axis",
        lambda x: np.apply_along_axis(lambda row: np.outer(row, row), 1, x),
        fixed((REALS, (2, 3, 2))),
        complex=True,
    ),
    Case(
        "np.apply_along_axis", lambda x: np.apply_along_axis(np.sum, 0, x), fixed((REALS, (3, 2))), label="to numbers"
    ),
    Case("np.sinc", np.sinc, each(between(-2.0, 2.0)), complex=True),
    Case("np.sinc", np.sinc, each(between(-0.01, 0.01)), label="near 0"),
    Case("np.angle", np.angle, each(both_signs(0.5, 2.0)), complex=True),
    Case("np.angle", lambda x, y: np.angle(x + 1j * y, deg=True), each(NONZERO, NONZERO), label="in degrees"),
    Case(
        "np.real_if_close",
        lambda x: np.real_if_close(x + 0j),
        each(REALS, shape=st.just((2,))),
        complex=True,
        looks=True,
    ),
    Case("np.modf", np.modf, each(between_integers)),
    Case("np.divmod", np.divmod, each(between_integers, between(0.9, 1.1), shape=st.just((2,)))),
)
