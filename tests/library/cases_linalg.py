"""numpy.linalg: equations, inverses, determinants and decompositions."""

import numpy as np
from hypothesis import strategies as st
from tests.library.cases_matrices import square
from tests.ops.case import REALS, ZERO, Case, both_signs, each, fixed

from chainrule.ops.cholesky import pullback
from chainrule.ops.linalg import cofactors

STACKS = st.sampled_from(((2, 2), (3, 3), (2, 2, 2), (1, 1), (0, 2, 2), (0, 0)))
SOME = st.sampled_from(((2, 2), (3, 3), (2, 2, 2)))
SIDES = st.sampled_from(((3, 2), (2, 3), (2, 2), (2, 3, 2), (1, 3)))


def spread(rng, shape):
    """Matrices whose singular values are far from each other and from 0, and so are their eigenvalues."""
    diagonal = np.eye(*shape[-2:]) * np.arange(1.0, shape[-1] + 1)
    return diagonal + rng.uniform(-0.2, 0.2, shape)


def without_zeros(rng, shape):
    """The same, and no entry is close to 0; of 2 x 2 matrices no entry of the inverse, either."""
    return np.eye(*shape[-2:]) * np.arange(1.0, shape[-1] + 1) + both_signs(0.05, 0.2)(rng, shape)


def norms_by_singular_values(x):
    """Of matrices in the first axis and the last."""
    x = np.swapaxes(x, 0, 1)
    return [np.linalg.norm(x, order, axis=(0, 2), keepdims=order == 2) for order in (2, -2, "nuc")]


def turning(rng, shape):
    """Matrices with a pair of complex eigenvalues."""
    return np.array([[1.0, -4.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 3.0]]) + rng.uniform(-0.2, 0.2, shape)


def square_tensor(rng, shape):
    """A square matrix in another shape."""
    return square(rng, (6, 6)).reshape(shape)


def positive(x):
    """A matrix x times its adjoint, which is positive definite."""
    return x @ np.conjugate(x).mT


def hermitian(x):
    return x + np.conjugate(x).mT


def of_vectors(parts):
    """What does not depend on the phases of vectors: the matrices v_k v_k^H weighted, and the values."""
    w, v = parts
    weights = np.arange(1, v.shape[-1] + 1).astype(w.dtype) ** 2
    return w, (v * weights) @ np.conjugate(v).mT


def of_both(x):
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    weights = np.arange(1.0, s.shape[-1] + 1) ** 2
    return s, (u * weights) @ vh, (u * weights) @ np.conjugate(u).mT, (np.conjugate(vh).mT * weights) @ vh


CASES = (
    Case("np.linalg.solve", np.linalg.solve, fixed((square, (3, 3)), (REALS, (3,))), complex=True),
    Case(
        "np.linalg.solve",
        np.linalg.solve,
        st.sampled_from((((2, 2), (2, 3)), ((2, 1, 2, 2), (3, 2, 1)), ((0, 2, 2), (2, 2)), ((0, 0), (0, 2)))).flatmap(
            lambda both: fixed((square, both[0]), (REALS, both[1]))
        ),
        label="of stacks",
    ),
    Case("np.linalg.inv", np.linalg.inv, each(square, shape=STACKS), complex=True),
    Case("np.linalg.pinv", np.linalg.pinv, each(spread, shape=SIDES), complex=True),
    Case(
        "np.linalg.lstsq", lambda a, b: np.linalg.lstsq(a, b)[0], fixed((spread, (3, 2)), (REALS, (3,))), complex=True
    ),
    Case(
        "np.linalg.lstsq",
        lambda a, b: np.linalg.lstsq(a, b)[:2],
        fixed((spread, (4, 2)), (REALS, (4, 2))),
        looks=True,
        label="with residuals",
    ),
    Case(
        "np.linalg.tensorsolve", np.linalg.tensorsolve, fixed((square_tensor, (2, 3, 6)), (REALS, (2, 3))), complex=True
    ),
    Case("np.linalg.tensorinv", np.linalg.tensorinv, fixed((square_tensor, (2, 3, 6))), complex=True),
    Case("np.linalg.det", np.linalg.det, each(square, shape=STACKS), complex=True),
    Case("np.linalg.slogdet", lambda x: tuple(np.linalg.slogdet(x)), each(square, shape=STACKS), complex=True),
    Case("np.linalg.cholesky", lambda x: np.linalg.cholesky(positive(x)), each(square, shape=STACKS), complex=True),
    Case(
        "np.linalg.cholesky",
        lambda x: np.linalg.cholesky(positive(x), upper=True),
        each(square, shape=SOME),
        label="upper",
    ),
    Case("np.linalg.eigh", lambda x: of_vectors(np.linalg.eigh(hermitian(x))), each(spread, shape=SOME), complex=True),
    Case(
        "np.linalg.eigh",
        lambda x: tuple(np.linalg.eigh(hermitian(x), "U")),
        each(spread, shape=SOME),
        label="of the upper half",
    ),
    Case("np.linalg.eigvalsh", lambda x: np.linalg.eigvalsh(hermitian(x)), each(spread, shape=STACKS), complex=True),
    Case("np.linalg.svd", of_both, each(spread, shape=SIDES), complex=True),
    Case(
        "np.linalg.svd", lambda x: np.linalg.svd(x, compute_uv=False), each(spread, shape=SIDES), label="values alone"
    ),
    Case("np.linalg.svdvals", np.linalg.svdvals, each(spread, shape=SIDES), complex=True),
    Case("np.linalg.qr", lambda x: tuple(np.linalg.qr(x)), each(spread, shape=SIDES), complex=True),
    Case("np.linalg.qr", lambda x: np.linalg.qr(x, mode="r"), each(spread, shape=SIDES), label="r alone"),
    Case(
        "np.linalg.eig",
        lambda x: [part * (1 + 0j) for part in np.linalg.eig(x)],
        each(spread, shape=SOME),
        complex=True,
    ),
    Case("np.linalg.eig", lambda x: tuple(np.linalg.eig(x)), fixed((turning, (3, 3))), label="with complex values"),
    Case("np.linalg.eigvals", lambda x: np.linalg.eigvals(x) * 1j, each(spread, shape=SOME), complex=True),
    Case("np.linalg.cond", np.linalg.cond, each(spread, shape=SOME), complex=True),
    Case(
        "np.linalg.cond",
        lambda x: np.linalg.cond(x, 1),
        each(without_zeros, shape=st.sampled_from(((2, 2), (2, 2, 2)))),
        label="by another norm",
    ),
    Case("np.linalg.matrix_rank", np.linalg.matrix_rank, each(spread, shape=SOME), ZERO, complex=True),
    Case(
        "np.linalg.norm",
        norms_by_singular_values,
        fixed((spread, (2, 2, 3))),
        complex=True,
        label="by singular values",
    ),
    Case("cholesky_pullback", lambda x, g: pullback(np.tril(x), g), each(square, square, shape=SOME)),
    Case("cofactors", cofactors, each(square, shape=SOME), complex=True),
)
