"""Products made of other products, and the names of numpy.linalg for those of NumPy."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import NONZERO, REALS, SEEDS, Call, Case, each, fixed, shapes


@st.composite
def crossed(draw):
    """Two stacks of vectors of three entries that broadcast, and where their axes are."""
    stack = draw(shapes(0, 2))
    axis = draw(st.integers(0, len(stack)))
    here = (*stack[:axis], 3, *stack[axis:])
    other = draw(st.sampled_from((here, here[:axis] + here[axis:]))) if stack else here
    return Call(((REALS, here), (REALS, other)), {"axis": axis}, draw(SEEDS))


def square(rng, shape):
    """Matrices that are far from singular."""
    return rng.uniform(-0.4, 0.4, shape) + 1.5 * np.eye(shape[-1])


SQUARE = st.sampled_from(((2, 2), (3, 3), (2, 2, 2), (1, 1), (0, 2, 2)))

CASES = (
    Case(
        "np.kron",
        np.kron,
        st.one_of(each(REALS, REALS, shape=shapes(0, 2)), fixed((REALS, (2, 2)), (REALS, (3,)))),
        complex=True,
    ),
    Case("np.cross", np.cross, crossed(), complex=True),
    Case(
        "np.cross",
        lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0),
        fixed((REALS, (3, 2)), (REALS, (2, 3))),
        label="of other axes",
    ),
    Case("np.linalg.cross", np.linalg.cross, each(REALS, REALS, shape=st.just((2, 3))), complex=True),
    Case("np.linalg.matrix_power", lambda x: np.linalg.matrix_power(x, 3), each(square, shape=SQUARE), complex=True),
    Case("np.linalg.matrix_power", lambda x: np.linalg.matrix_power(x, 0) * x, each(square, shape=SQUARE), label="0"),
    Case(
        "np.linalg.multi_dot",
        lambda *arrays: np.linalg.multi_dot(arrays),
        st.sampled_from((((3,), (3, 2), (2, 4), (4,)), ((2, 3), (3, 4), (4, 1)), ((2, 3), (3, 2)))).flatmap(
            lambda several: fixed(*((REALS, shape) for shape in several))
        ),
        complex=True,
    ),
    Case("np.linalg.outer", np.linalg.outer, fixed((REALS, (2,)), (REALS, (3,))), complex=True),
    Case("np.linalg.matmul", np.linalg.matmul, fixed((REALS, (2, 3)), (REALS, (3, 2))), complex=True),
    Case("np.linalg.tensordot", np.linalg.tensordot, fixed((REALS, (2, 3)), (REALS, (2, 3))), complex=True),
    Case("np.linalg.trace", lambda x: np.linalg.trace(x, offset=1), fixed((REALS, (2, 3, 3))), complex=True),
    Case("np.linalg.diagonal", np.linalg.diagonal, fixed((REALS, (2, 3, 2))), complex=True),
    Case("np.matrix_transpose", np.matrix_transpose, each(REALS, shape=shapes(2, 3)), complex=True),
    Case("np.linalg.matrix_transpose", np.linalg.matrix_transpose, fixed((REALS, (2, 3))), complex=True),
    Case("np.vecdot", np.vecdot, each(REALS, REALS, shape=shapes(1, 2)), complex=True),
    Case(
        "np.linalg.vecdot",
        lambda x, y: np.linalg.vecdot(x, y, axis=0),
        fixed((REALS, (3, 2)), (REALS, (3, 1))),
        complex=True,
    ),
    Case("np.matvec", np.matvec, fixed((REALS, (2, 2, 3)), (REALS, (2, 3))), complex=True),
    Case("np.vecmat", np.vecmat, fixed((REALS, (2, 3)), (REALS, (3, 2))), complex=True),
    Case("np.linalg.vector_norm", np.linalg.vector_norm, each(NONZERO), complex=True),
    Case(
        "np.linalg.vector_norm",
        lambda x: np.linalg.vector_norm(x, axis=(0, 2), ord=3, keepdims=True),
        fixed((NONZERO, (2, 3, 2))),
        label="of some axes",
    ),
    Case("np.linalg.matrix_norm", lambda x: np.linalg.matrix_norm(x, ord=1), fixed((NONZERO, (2, 2, 3))), complex=True),
)
