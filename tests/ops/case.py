"""What one line of the case tables says, and how its inputs are drawn.

Hypothesis draws shapes, parameters and a seed; the entries come from that seed, inside the domain of the function
and away from its kinks. So a failing example shrinks to a small shape, and a line of a table stays a line.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

Domain = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


# Domains: where the entries of an input come from. They keep 0.05 away from kinks, which a difference never crosses.


def between(low: float, high: float) -> Domain:
    """Uniform numbers."""
    return lambda rng, shape: rng.uniform(low, high, shape)


def both_signs(low: float, high: float) -> Domain:
    """Numbers whose size lies in an interval above 0, of either sign."""
    return lambda rng, shape: rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape)


def between_integers(rng, shape):
    """Numbers that are not close to an integer, nor halfway between two."""
    return rng.integers(-3, 3, shape) + rng.choice([0.0, 0.5], shape) + rng.uniform(0.1, 0.4, shape)


def distinct(rng, shape):
    """Numbers of which no two are close to each other, in any order."""
    size = int(np.prod(shape))
    return (rng.permutation(size) * 0.2 - 0.1 * size + rng.uniform(-0.05, 0.05, size) + 0.1).reshape(shape)


def distinct_sizes(rng, shape):
    """Numbers of either sign, of which no two absolute values are close to each other."""
    return (distinct(rng, shape) + 0.1 * np.prod(shape) + 0.3) * rng.choice([-1.0, 1.0], shape)


def some_zeros(rng, shape):
    """Numbers among which exact zeros are common."""
    return np.where(rng.uniform(size=shape) < 0.4, 0.0, both_signs(0.5, 1.5)(rng, shape))


def mask(rng, shape):
    """Truth values."""
    return rng.uniform(size=shape) < 0.5


def integers(low: int, high: int) -> Domain:
    """Integers from `low` to `high` - 1."""
    return lambda rng, shape: rng.integers(low, high, shape)


REALS = between(-2.0, 2.0)
POSITIVE = between(0.4, 2.5)
NONZERO = both_signs(0.5, 2.0)
UNIT = both_signs(0.05, 0.85)
PROBABILITY = between(0.2, 0.8)


@dataclass(frozen=True)
class Call:
    """One drawn call: a domain and a shape for each array, and the parameters."""

    leaves: tuple[tuple[Domain, tuple[int, ...]], ...]
    params: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    def at(self, point: int = 0, dtype: Any = np.float64, *, imaginary: bool = False) -> tuple[np.ndarray, ...]:
        """Arrays to call with; another number gives another point of the domain, in the same shapes."""
        rng = np.random.default_rng((self.seed, point))
        made = []
        for domain, shape in self.leaves:
            x = np.asarray(domain(rng, shape))
            if imaginary and x.dtype.kind == "f":
                # Away from the real axis, where functions have cuts.
                x = x + 1j * both_signs(0.05, 0.3)(rng, shape)
            made.append(x.astype(dtype) if x.dtype.kind == "f" else x)
        return tuple(made)


def in_double(f):
    """A function on numbers of double precision; SciPy takes those of single precision through a part of it only."""
    return lambda *arrays: f(*(x * np.float64(1) for x in arrays))


SMOOTH = "smooth"  # a derivative, to be compared with finite differences
ZERO = "zero"  # piecewise constant: zero by rule
NEVER = "without derivative"  # raises NoDerivativeError


@dataclass(frozen=True)
class Case:
    """A line of a case table.

    Attributes
    ----------
    name : str
        The row of a table of chainrule that is tried, as it is called there.
    f : callable
        Plain NumPy: takes the arrays and the parameters of the calls.
    calls : strategy
        Draws a `Call`.
    derivative : str
        SMOOTH, ZERO or NEVER.
    complex : bool or tuple of tuple of int
        Whether complex inputs have a meaning: all arrays of numbers, or one of them and the others real. Where NumPy
        does not take all of these, the mixtures that it takes: the places of the arrays that are complex in each.
    looks : bool
        True where the function looks at values, so that its graph holds for these values only.
    label : str
        Tells apart several lines for one row.
    tolerance : float
        What it is computed to, where that is less than rounding: of solutions and integrals.
    """

    name: str
    f: Callable[..., Any]
    calls: st.SearchStrategy[Call]
    derivative: str = SMOOTH
    complex: bool | tuple[tuple[int, ...], ...] = False
    looks: bool = False
    label: str = ""
    tolerance: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}{' ' if self.label else ''}{self.label}"

    def mixtures(self, call: Call) -> list[tuple[np.ndarray, ...]]:
        """The arrays of a call in each mixture of real and complex ones; the one with most complex ones first."""
        real, complexes = call.at(), call.at(imaginary=True)
        places = [k for k, x in enumerate(complexes) if x.dtype.kind == "c"]
        alone = [[k] for k in places] if len(places) > 1 else []
        mixed = self.complex if isinstance(self.complex, tuple) else (places, *alone)
        return [tuple(complexes[k] if k in chosen else x for k, x in enumerate(real)) for chosen in mixed]


# Strategies: how calls are drawn.

LENGTHS = st.sampled_from((2, 1, 3, 0, 4, 2, 3))
OFTEN_EMPTY = st.sampled_from((0, 2, 1, 0))
SEEDS = st.integers(0, 2**32 - 1)


def shapes(low: int = 0, high: int = 3, lengths: st.SearchStrategy[int] = LENGTHS):
    """Shapes of `low` to `high` axes; lengths 0 and 1 included."""
    return st.lists(lengths, min_size=low, max_size=high).map(tuple)


NOT_EMPTY = st.sampled_from((2, 1, 3, 4, 2, 3))


@st.composite
def each(draw, *domains, shape=None, params=None):
    """Arrays of one shape."""
    here = draw(shapes() if shape is None else shape)
    fixed = {} if params is None else draw(params)
    return Call(tuple((domain, here) for domain in domains), fixed, draw(SEEDS))


@st.composite
def broadcast(draw, *domains):
    """Arrays whose shapes broadcast against each other; a share of them without entries."""
    whole = draw(st.one_of(shapes(), shapes(), shapes(1, 3, OFTEN_EMPTY)))
    leaves = []
    for domain in domains:
        here = whole[draw(st.integers(0, len(whole))) :] if draw(st.booleans()) else whole
        ones = draw(st.tuples(*(st.booleans() for _ in here))) if draw(st.booleans()) else (False,) * len(here)
        leaves.append((domain, tuple(1 if one else n for n, one in zip(here, ones, strict=True))))
    return Call(tuple(leaves), {}, draw(SEEDS))


@st.composite
def reduced(draw, *domains, axes="several", keepdims=True, empty=True, low=0, **others):
    """An array, an axis to reduce over, keepdims; `others` are further parameters, as strategies."""
    here = draw(shapes(low, 3, LENGTHS if empty else NOT_EMPTY))
    ndim = len(here)
    params = {}
    kind = draw(st.sampled_from(("left out", "none", "one", "several")))
    if kind == "none":
        params["axis"] = None
    elif kind == "one" and ndim:
        params["axis"] = draw(st.integers(-ndim, ndim - 1))
    elif kind == "several" and ndim and axes == "several":
        picked = draw(st.lists(st.integers(0, ndim - 1), unique=True))
        params["axis"] = tuple(k - ndim * draw(st.booleans()) for k in picked)
    if keepdims and draw(st.booleans()):
        params["keepdims"] = draw(st.booleans())
    for name, strategy in others.items():
        if draw(st.booleans()):
            params[name] = draw(strategy)
    return Call(tuple((domain, here) for domain in domains), params, draw(SEEDS))


@st.composite
def along(draw, *domains, empty=True, whole=True, shape=None):
    """Arrays of one shape and one axis, which may be None where `whole`."""
    here = draw(shapes(1, 3, LENGTHS if empty else NOT_EMPTY) if shape is None else shape)
    params = {}
    if draw(st.booleans()):
        params["axis"] = None if whole and draw(st.booleans()) else draw(st.integers(-len(here), len(here) - 1))
    return Call(tuple((domain, here) for domain in domains), params, draw(SEEDS))


def fixed(*leaves, **params):
    """Given shapes and parameters; only the seed is drawn."""
    return SEEDS.map(lambda seed: Call(tuple(leaves), params, seed))
