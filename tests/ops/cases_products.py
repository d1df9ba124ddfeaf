"""Products of matrices and tensors: matmul and einsum with explicit subscripts."""

import numpy as np
from hypothesis import strategies as st
from tests.ops.case import LENGTHS, REALS, SEEDS, Call, Case

EXPLICIT = (
    "i,i->",
    "i,i->i",
    "i,j->ij",
    "ij,jk->ik",
    "ij,kj->ik",
    "ij,jk->ki",
    "ij->ji",
    "ij->j",
    "ij->",
    "bij,bjk->bik",
    "bij,jk->ikb",
    "ij,jk,kl->il",
    "i,ij,j->",
    "ij,k->i",
    ",i->i",
)


@st.composite
def matrices(draw):
    """Two operands of matmul: vectors, matrices, and stacks of them that broadcast."""
    n, k, m = draw(st.tuples(LENGTHS, LENGTHS, LENGTHS))
    x = draw(st.sampled_from(((k,), (n, k), (n, k))))
    y = draw(st.sampled_from(((k,), (k, m), (k, m))))
    stack = draw(st.lists(LENGTHS, max_size=2).map(tuple))
    ones = tuple(1 for _ in stack)
    if len(x) == 2:
        x = draw(st.sampled_from((stack, ones, stack[1:], ()))) + x
    if len(y) == 2:
        y = draw(st.sampled_from((stack, ones, stack[1:], ()))) + y
    return Call(((REALS, x), (REALS, y)), {}, draw(SEEDS))


@st.composite
def operands(draw, *subscripts, stretched=False):
    """Operands of an einsum; where `stretched`, some axes have length 1 in one operand only."""
    picked = draw(st.sampled_from(subscripts))
    lengths = {letter: draw(LENGTHS) for letter in sorted(set(picked) - set(",->. "))}
    batch = draw(st.lists(LENGTHS, max_size=2).map(tuple)) if "..." in picked else ()
    leaves = []
    for term in picked.replace(" ", "").partition("->")[0].split(","):
        named = tuple(1 if stretched and draw(st.booleans()) else lengths[letter] for letter in term.replace(".", ""))
        place = term.find(".")
        leaves.append((REALS, named if place < 0 else named[:place] + batch + named[place:]))
    return Call(tuple(leaves), {"subscripts": picked}, draw(SEEDS))


@st.composite
def convolved(draw, *modes):
    """Two vectors, and which part of their convolution is wanted."""
    n, m = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    return Call(((REALS, (n,)), (REALS, (m,))), {"mode": draw(st.sampled_from(modes))}, draw(SEEDS))


def einsum(*arrays, subscripts):
    return np.einsum(subscripts, *arrays)


CASES = (
    Case("np.convolve", np.convolve, convolved("full"), complex=True),
    Case("np.matmul", np.matmul, matrices(), complex=True),
    Case("np.matmul", lambda x, y: x @ y, matrices(), label="as an operator"),
    Case("np.einsum", einsum, operands(*EXPLICIT), complex=True),
    Case("np.einsum", einsum, operands("ij,jk->ik", "ij,ij->ij", "ij,ij->", stretched=True), label="stretched"),
)
