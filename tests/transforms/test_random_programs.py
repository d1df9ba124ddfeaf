"""Random programs of nested loops and branches: the operations against the Python code that they stand for.

Every program is written once, over a set of the three: `OPERATIONS`, or `PYTHON`, which computes in plain Python what
the docstrings say. Values, derivatives of both modes, products with the Hessian and a batch of gradients must agree.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import cond, grad, hvp, jvp, recompute, scan, vectorize, while_loop

WIDTH = 3


def python_scan(f, init, xs=None, length=None):
    carry, ys = init, []
    for k in range(len(xs) if xs is not None else length):
        carry, y = f(carry, None if xs is None else xs[k])
        ys.append(y)
    return carry, np.stack(ys)


def python_cond(decision, if_true, if_false, *operands):
    return if_true(*operands) if decision else if_false(*operands)


def python_while(condition, body, init):
    while condition(init):
        init = body(init)
    return init


@dataclass(frozen=True)
class Control:
    scan: Any
    cond: Any
    while_loop: Any


OPERATIONS = Control(scan, cond, while_loop)
PYTHON = Control(python_scan, python_cond, python_while)


# A program is a tuple of statements: a name, a number, and the program inside it. A statement makes a vector of the
# vector b; W is a matrix and p a number, which every body reads from outside.


def run(program, control, b, p, W):
    for name, number, inner in program:
        # Kept small, so that rounding is not blown up by what comes after it.
        b = 2 * np.tanh(0.5 * STATEMENTS[name](control, b, p, W, number, inner))
    return b


def wave(control, b, p, W, number, inner):
    return np.sin(b * p + number)


def product(control, b, p, W, number, inner):
    return np.tanh(W @ b) + number


def shift(control, b, p, W, number, inner):
    return np.roll(b, 1) * p + b[0] * np.max(b)


def assign(control, b, p, W, number, inner):
    made = np.zeros(WIDTH)
    made[0] = b[1] * number
    made[1:] = b[:2]
    made[1:] += p * b[1:]
    return made


def in_place(control, b, p, W, number, inner):
    b = b.copy()
    b *= number
    b[-1] = p
    return b


def descent(control, b, p, W, number, inner):
    return b - 0.1 * grad(lambda b: np.sum(np.cos(W @ b) * p) + number * b[0] ** 2)(b)


def by_scan(control, b, p, W, number, inner):
    def step(b, x):
        b = run(inner, control, b, p + x[0], W)
        return 0.5 * b + x, b

    b, ys = control.scan(step, b, W)
    return b + np.mean(ys, axis=0)


def by_length(control, b, p, W, number, inner):
    def step(carry, _):
        b, count = carry
        return (run(inner, control, 0.7 * b, p, W), count + 1), b[0] * count

    (b, count), ys = control.scan(step, (b, 0), length=3)
    return b / count + np.sum(ys)


def by_cond(control, b, p, W, number, inner):
    return control.cond(
        b[0] * p > 0.1 * number, lambda b: run(inner, control, b, p, W), lambda b: number * b + p, 0.9 * b
    )


def by_while(control, b, p, W, number, inner):
    def unfinished(carry):
        b, count = carry
        return (count < 3) & (np.sum(b**2) > 0.05)

    def body(carry):
        b, count = carry
        return 0.6 * run(inner, control, b, p, W), count + 1

    return control.while_loop(unfinished, body, (b, 0))[0]


def recomputed(control, b, p, W, number, inner):
    return recompute(lambda b: run(inner, control, b, p, W))(b)


LEAVES = {f.__name__: f for f in (wave, product, shift, assign, in_place, descent)}
NESTS = {f.__name__: f for f in (by_scan, by_length, by_cond, by_while, recomputed)}
STATEMENTS = LEAVES | NESTS

NUMBERS = st.sampled_from([-1.3, -0.4, 0.7, 1.1])
SIMPLE = st.tuples(st.sampled_from(sorted(LEAVES)), NUMBERS, st.just(()))


def statements(inside):
    nested = st.tuples(st.sampled_from(sorted(NESTS)), NUMBERS, st.lists(inside, min_size=1, max_size=2).map(tuple))
    return st.one_of(SIMPLE, nested, nested)


PROGRAMS = st.lists(statements(statements(SIMPLE)), min_size=1, max_size=3).map(tuple)


def check(program, seed):
    rng = np.random.default_rng(seed)
    b, p, W = rng.normal(size=WIDTH), rng.normal(), 0.5 * rng.normal(size=(WIDTH, WIDTH))
    direction = (rng.normal(size=WIDTH), rng.normal(), rng.normal(size=(WIDTH, WIDTH)))

    def made(control):
        return lambda b, p, W: np.sum(run(program, control, b, p, W) ** 2)

    f, reference = made(OPERATIONS), made(PYTHON)
    close = lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-9)  # noqa: E731
    close(f(b, p, W), reference(b, p, W))
    found, expected = grad(f, (0, 1, 2))(b, p, W), grad(reference, (0, 1, 2))(b, p, W)
    for x, y in zip(found, expected, strict=True):
        close(x, y)
    _, slope = jvp(f, (b, p, W), direction)
    close(slope, sum(np.sum(x * d) for x, d in zip(expected, direction, strict=True)))
    by_b, by_b_expected = (lambda b, f=f: f(b, p, W) for f in (f, reference))
    close(hvp(by_b)(b, direction[0]), hvp(by_b_expected)(b, direction[0]))
    many = rng.normal(size=(3, WIDTH))
    close(vectorize(grad(by_b))(many), np.stack([grad(by_b_expected)(row) for row in many]))


# Each is derived in five ways, over loops within loops.
@settings(max_examples=max(1, settings().max_examples // 2))
@given(program=PROGRAMS, seed=st.integers(0, 1000))
def test_against_python(program, seed):
    check(program, seed)


@pytest.mark.parametrize("name", sorted(NESTS))
@pytest.mark.parametrize("inside", sorted(STATEMENTS))
def test_every_pair(name, inside):
    check(((name, 0.7, ((inside, -0.4, (("wave", 1.1, ()),)), ("product", 0.7, ()))),), 1)
