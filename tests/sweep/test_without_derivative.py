"""An operation without derivative raises wherever it stands; the error names it and the line of the user's program."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats

from chainrule import (
    NoDerivativeError,
    cond,
    custom_gradient,
    grad,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    recompute,
    scan,
    value_and_grad,
    vectorize,
    vjp,
    while_loop,
)

X = np.array([0.7, 1.3, 2.1])
M = np.array([[2.0, 0.3], [0.3, 1.5]])

# Places in a program. Each function differentiates at least through the line that its name stands on.


def in_a_function(x):
    return np.sum(np.nextafter(x, 9.0))


def in_a_helper(x):
    return np.sum(helper(x) ** 2)


def helper(x):
    return np.spacing(x) + x


def in_a_comprehension(x):
    return sum(np.spacing(v) for v in x)


def in_a_loop(x):
    for _ in range(3):
        x = np.nextafter(x, 9.0) * 0.5
    return np.sum(x)


def in_a_branch(x):
    if x[0] > 0:
        return np.sum(np.nextafter(x, 9.0))
    return np.sum(x)


def in_a_scan(x):
    def step(carry, v):
        return carry + np.spacing(v), None

    return scan(step, 0.0, x)[0]


def in_a_branch_of_cond(x):
    return cond(x[0] > 0, lambda x: np.sum(np.spacing(x)), np.sum, x)


def in_the_other_branch(x):
    return cond(x[0] > 0, np.sum, lambda x: np.sum(np.spacing(x)), x)


def in_a_while_loop(x):
    return while_loop(lambda y: y < 10, lambda y: 2 * y + np.spacing(y), x[0])


def in_a_vectorized_function(x):
    return np.sum(vectorize(lambda v: np.nextafter(v, 9.0) * v)(x))


def in_what_is_computed_again(x):
    return recompute(lambda x: np.sum(np.nextafter(x, 9.0)))(x)


def in_a_compiled_function(x):
    return jit(lambda x: np.sum(np.nextafter(x, 9.0)))(x)


@custom_gradient(lambda g, ans, x: g * (2 * x + np.spacing(x)))
def squared(x):
    return x**2


def in_a_gradient_of_ones_own(x):
    return np.sum(squared(x))


def in_an_inner_gradient(x):
    return np.sum(grad(lambda y: np.sum(y**3 * np.nextafter(x, 9.0)))(x))


def as_an_argument_of_a_composition(x):
    return np.var(np.nextafter(x, 9.0))


def in_an_assignment(x):
    y = np.zeros(3)
    y[1:] = np.spacing(x[1:])
    return np.sum(y)


def in_place(x):
    y = x * 1.0
    y += np.spacing(y)
    return np.sum(y)


def in_an_index(x):
    return x[np.spacing(x).argmax()] + np.sum(np.spacing(x))


def by_the_second_argument(x):
    return np.sum(np.nextafter(1.0, x))


def by_an_order(x):
    return np.sum(scipy.special.jv(x, 2.0))


def by_a_shape_parameter(x):
    return np.sum(scipy.special.hyperu(x, 1.5, 2.0))


def by_an_integer_argument(x):
    return np.sum(scipy.special.polygamma(x, 0.5))


def of_all_columns(x):
    return np.sum(np.linalg.svd(x[:1])[2])


def of_a_whole_decomposition(x):
    return np.sum(np.linalg.qr(x[:, :1], mode="complete")[0])


def of_a_complex_root(x):
    return np.sum(scipy.linalg.qr(x, mode="raw")[1])


def of_planes(x):
    return np.sum(np.histogram2d(x, x)[0])


def of_sets(x):
    return np.sum(np.setdiff1d(x, x[:1]))


def of_parts_of_a_number(x):
    return np.sum(np.frexp(x)[0])


# What stands on the line, the function, its point, and the ways in which it fails; otherwise all.
WAYS = {
    "grad": grad,
    "value_and_grad": value_and_grad,
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0),
    "jvp": lambda f: lambda x: jvp(f, (x,), (np.ones_like(x),)),
    "jacobian forward": lambda f: jacobian(f, mode="forward"),
    "hessian": hessian,
    "hvp": lambda f: lambda x: hvp(f)(x, np.ones_like(x)),
    "grad of grad": lambda f: grad(lambda x: np.sum(grad(f)(x))),
    "compiled": lambda f: jit(grad(f)),
}
SECOND = ("hessian", "hvp", "grad of grad")
PLACES = {
    in_a_function: ("np.nextafter", X, WAYS),
    in_a_helper: ("np.spacing", X, WAYS),
    in_a_comprehension: ("np.spacing", X, WAYS),
    in_a_loop: ("np.nextafter", X, WAYS),
    in_a_branch: ("np.nextafter", X, WAYS),
    in_a_scan: ("np.spacing", X, WAYS),
    in_a_branch_of_cond: ("np.spacing", X, WAYS),
    in_the_other_branch: ("np.spacing", X, WAYS),
    in_a_while_loop: ("np.spacing", X, ("jvp", "jacobian forward")),
    in_a_vectorized_function: ("np.nextafter", X, WAYS),
    in_what_is_computed_again: ("np.nextafter", X, WAYS),
    in_a_compiled_function: ("np.nextafter", X, WAYS),
    in_a_gradient_of_ones_own: ("np.spacing", X, SECOND),
    in_an_inner_gradient: ("np.nextafter", X, WAYS),
    as_an_argument_of_a_composition: ("np.nextafter", X, WAYS),
    in_an_assignment: ("np.spacing", X, WAYS),
    in_place: ("np.spacing", X, WAYS),
    in_an_index: ("np.spacing", X, WAYS),
    by_the_second_argument: ("np.nextafter", X, WAYS),
    by_an_order: ("scipy.special.jv", X, WAYS),
    by_a_shape_parameter: ("scipy.special.hyperu", X, WAYS),
    by_an_integer_argument: ("scipy.special.polygamma", X, WAYS),
    of_all_columns: ("np.linalg.svd", M, WAYS),
    of_a_whole_decomposition: ("np.linalg.qr", M, WAYS),
    of_a_complex_root: ("scipy.linalg.qr", M, WAYS),
    of_planes: ("np.histogram2d", X, WAYS),
    of_sets: ("np.setdiff1d", X, WAYS),
    of_parts_of_a_number: ("np.frexp", X, WAYS),
}


@pytest.mark.parametrize(
    ("f", "way"), [pytest.param(f, way, id=f"{f.__name__}, {way}") for f, row in PLACES.items() for way in row[2]]
)
def test_the_error_names_the_operation_and_the_line(f, way):
    name, x, _ = PLACES[f]
    with pytest.raises(NoDerivativeError, match=re.escape(name)) as problem:
        WAYS[way](f)(x)
    line = re.fullmatch(r"  at (.+):(\d+), in (\S+):  (.+)", str(problem.value).splitlines()[-1])
    assert line is not None, str(problem.value)
    assert line[1] == __file__
    assert name.rpartition(".")[2] in line[4]
    assert Path(__file__).read_text(encoding="utf-8").splitlines()[int(line[2]) - 1].strip() == line[4]


def test_they_are_more_than_twenty():
    assert len(PLACES) > 20
