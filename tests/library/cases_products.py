"""Products: dot and its kin, tensordot, trace, and the forms of einsum's subscripts."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import LENGTHS, REALS, SEEDS, Call, Case, each, shapes
from tests.ops.cases_products import einsum, operands

FORMS = (
    "ij,jk",
    "i,i",
    "ba",
    "ii",
    "ii->i",
    "iij->j",
    "iji->ij",
    "ii,i->i",
    "...ij,...jk->...ik",
    "...i,...i->...",
    "i...->...",
    "...j,j",
    "ij , jk -> ik",
)


@st.composite
def dotted(draw):
    """Operands of np.dot: numbers, vectors, matrices and more axes."""
    length = draw(LENGTHS)
    p = draw(st.sampled_from(((), (length,), (*draw(shapes(1, 2)), length))))
    q = draw(st.sampled_from(((), (length,), (length, draw(LENGTHS)), (draw(LENGTHS), length, draw(LENGTHS)))))
    return Call(((REALS, p), (REALS, q)), {}, draw(SEEDS))


@st.composite
def inner_operands(draw):
    """Two arrays with the same last length, or a number."""
    length = draw(LENGTHS)
    p, q = ((*draw(shapes(0, 2)), length) for _ in range(2))
    return Call(
        ((REALS, draw(st.sampled_from((p, p, ())))), (REALS, draw(st.sampled_from((q, q, ()))))), {}, draw(SEEDS)
    )


@st.composite
def contracted(draw):
    """Operands of np.tensordot and its axes, in both forms."""
    shared = draw(shapes(0, 2))
    p, q = draw(shapes(0, 2)), draw(shapes(0, 1))
    if draw(st.booleans()):
        return Call(((REALS, p + shared), (REALS, shared + q)), {"axes": len(shared)}, draw(SEEDS))
    left = draw(st.permutations(range(len(p + shared))))[: len(shared)]
    right = draw(st.permutations(range(len(shared + q))))[: len(shared)]
    a, b = [*p, *shared], [*q, *shared]
    for k in range(len(p + shared)):
        a[k] = draw(LENGTHS)
    for k in range(len(shared + q)):
        b[k] = draw(LENGTHS)
    for i, j, length in zip(left, right, shared, strict=True):
        a[i] = b[j] = length
    axes = (list(left), [j - len(b) for j in right])
    if len(shared) == 1 and draw(st.booleans()):
        axes = (left[0], right[0])
    return Call(((REALS, tuple(a)), (REALS, tuple(b))), {"axes": axes}, draw(SEEDS))


@st.composite
def traced(draw):
    """A matrix or a stack of them, and the diagonal to take."""
    here = draw(shapes(2, 3))
    params = {}
    if draw(st.booleans()):
        params["offset"] = draw(st.integers(-3, 3))
    if draw(st.booleans()):
        one, other = draw(st.permutations(range(len(here))))[:2]
        params |= {"axis1": one - len(here), "axis2": other}
    return Call(((REALS, here),), params, draw(SEEDS))


CASES = (
    Case("np.dot", np.dot, dotted(), complex=True),
    Case("np.inner", np.inner, inner_operands(), complex=True),
    Case("np.outer", np.outer, each(REALS, REALS), complex=True),
    Case("np.vdot", np.vdot, each(REALS, REALS), complex=True),
    Case("np.tensordot", np.tensordot, contracted(), complex=True),
    Case("np.trace", np.trace, traced(), complex=True),
    Case("np.einsum", einsum, operands(*FORMS), complex=True, label="in other forms"),
    Case(
        "np.einsum",
        lambda x, y: np.einsum(x, [0, 1], y, [1]),
        each(REALS, REALS, shape=st.just((2, 2))).map(
            lambda call: Call(((REALS, (3, 2)), (REALS, (2,))), {}, call.seed)
        ),
        label="by numbers",
    ),
)
