"""Random numbers inside a function: drawn from a state that goes in and comes out.

A graph computes the same for the same inputs, so a generator that changes behind its back has no place in it. Here a
draw is a function of a `RandomState`, and returns the state to draw from next beside the values. The bits are those of
`numpy.random.Philox`.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import OptionError, user_line
from chainrule.ops.axes import as_operand, shape_of
from chainrule.ops.random import BLOCK, philox, philox_advance
from chainrule.ops.shapes import convert

__all__ = ["RandomState", "bernoulli", "fold", "normal", "permutation", "random_state", "uniform"]

Shape = int | Sequence[int]

_WORD = np.dtype(np.uint64)
_SINGLE = np.dtype(np.float32)
_DOUBLE = np.dtype(np.float64)

#: A counter whose highest word is 1. Draws leave that word alone: they would have to count up to 2^192.
_TOP = np.array([0, 0, 0, 1], _WORD)


@dataclass(frozen=True, eq=False)
class RandomState:
    """Where a stream of random numbers has come to; a tree of two arrays.

    Attributes
    ----------
    key : uint64 array (2,)
        Which stream it is.
    counter : uint64 array (4,)
        How many blocks of four words have been drawn from it, lowest word first. Both are what the state of a
        `numpy.random.Philox` calls so.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.random import RandomState, uniform
    >>> state = RandomState(np.array([1, 2], np.uint64), np.zeros(4, np.uint64))
    >>> values, state = uniform(state, 5)
    >>> state.counter
    array([2, 0, 0, 0], dtype=uint64)
    """

    key: Any
    counter: Any


def random_state(seed: int | Sequence[int] | np.random.SeedSequence | np.random.Generator) -> RandomState:
    """Make the state at the beginning of a stream.

    Parameters
    ----------
    seed : int, sequence of int, SeedSequence or Generator
        An integer, several, or a SeedSequence give the key that ``numpy.random.Philox(seed)`` has. A Generator gives
        two of its words as the key, and moves on by them.

    Returns
    -------
    RandomState
        With the counter at 0.

    Raises
    ------
    OptionError
        For any other seed.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule.random import random_state, uniform
    >>> values, state = uniform(random_state(7), 3)
    >>> values.tolist() == np.random.Generator(np.random.Philox(7)).random(3).tolist()
    True
    """
    key: Any
    if isinstance(seed, np.random.Generator):
        key = seed.integers(2**64, size=2, dtype=np.uint64)
    elif isinstance(seed, np.random.SeedSequence):
        key = seed.generate_state(2, np.uint64)
    else:
        try:
            integers = [operator.index(n) for n in seed] if np.iterable(seed) else operator.index(seed)
            key = np.random.SeedSequence(integers).generate_state(2, np.uint64)
        except (TypeError, ValueError):
            raise OptionError(
                "seed should be an integer from 0 on, a sequence of them, a numpy SeedSequence or a numpy Generator, "
                f"found {seed!r}"
            ) from None
    return RandomState(key, np.zeros(4, _WORD))


def fold(state: RandomState, number: Any) -> RandomState:
    """Make the state at the beginning of another stream, told apart by a number.

    For what needs a stream of its own: each layer of a network, each example of a batch, each process, each step of
    a training. Nothing is drawn from `state`; the same state and number give the same stream. The new stream
    depends on where `state` has come to, and shares nothing with what is drawn from it later.

    Parameters
    ----------
    state : RandomState
        Where to start from.
    number : int, or traced integer
        Which of the streams, from 0 to 2^63 - 1.

    Returns
    -------
    RandomState
        With a key of its own, and the counter at 0.

    Raises
    ------
    OptionError
        For another number.

    Notes
    -----
    The key is the first half of the block that belongs to the counter with `number` + 1 added to its highest word.
    Among `n` streams, two have the same key with a probability of about n^2 / 2^129.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import vectorize
    >>> from chainrule.random import fold, random_state, uniform
    >>> state = random_state(0)
    >>> first, _ = uniform(fold(state, 0), 2)
    >>> both, _ = vectorize(lambda example: uniform(fold(state, example), 2))(np.arange(2))
    >>> both.shape, both[0].tolist() == first.tolist()
    ((2, 2), True)
    """
    _check_state(state)
    if not _is_handle(number) and not 0 <= _integer(number) < 2**63:
        raise OptionError(f"number should be an integer from 0 to 2^63 - 1, found {number!r}{user_line()}")
    place = state.counter + (_TOP * convert(number, _WORD) + _TOP)
    return RandomState(philox(state.key, place, count=2), np.zeros(4, _WORD))


def uniform(
    state: RandomState, shape: Shape, low: Any = 0.0, high: Any = 1.0, dtype: Any = np.float64
) -> tuple[Any, RandomState]:
    """Draw uniform numbers, low + (high - low) u with u in [0, 1).

    Parameters
    ----------
    state : RandomState
        Where to draw from.
    shape : int or sequence of int
        Shape of the result.
    low, high : array or number
        The interval, broadcast against `shape`; both may be traced, and have derivatives.
    dtype : float64 or float32
        Type of the result, whatever the types of `low` and `high`.

    Returns
    -------
    values : array
        For u the bits are those of ``Generator(Philox(...)).random(shape, dtype)``: a float64 takes the upper 53 bits
        of a word, a float32 the upper 24 of half a word, the lower half first. Rounding may make `high` of what is
        close to it.
    state : RandomState
        Where to draw from next: as many whole blocks of four words on as the values took, a word for each
        float64, half a word for each float32.

    Raises
    ------
    OptionError
        For another dtype, a shape that is none, or bounds that do not broadcast to it.

    Examples
    --------
    >>> from chainrule import grad
    >>> from chainrule.random import random_state, uniform
    >>> state = random_state(0)
    >>> values, state = uniform(state, (2, 3), -1.0, 1.0)
    >>> values.shape
    (2, 3)
    >>> u, _ = uniform(state, ())
    >>> bool(grad(lambda high: uniform(state, (), 0.0, high)[0])(5.0) == u)
    True
    """
    shape, dtype = _shape(shape), _real(dtype)
    low, high = _parameter(low, "low", shape, dtype), _parameter(high, "high", shape, dtype)
    u, state = _unit(state, shape, dtype)
    return low + (high - low) * u, state


def normal(
    state: RandomState, shape: Shape, loc: Any = 0.0, scale: Any = 1.0, dtype: Any = np.float64
) -> tuple[Any, RandomState]:
    """Draw normal numbers, loc + scale z with z of mean 0 and variance 1.

    Parameters
    ----------
    state : RandomState
        Where to draw from.
    shape : int or sequence of int
        Shape of the result.
    loc, scale : array or number
        Mean and standard deviation, broadcast against `shape`; both may be traced, and have derivatives (1 and z).
    dtype : float64 or float32
        Type of the result, whatever the types of `loc` and `scale`.

    Returns
    -------
    values : array
        Up to 8.57 in size for float64, 7.45 for float32, before `loc` and `scale`.
    state : RandomState
        Where to draw from next: as many whole blocks of four words on as the values took, two words for each
        two float64, one for each two float32.

    Raises
    ------
    OptionError
        For another dtype, a shape that is none, or parameters that do not broadcast to it.

    Notes
    -----
    G. Box and M. Muller, A note on the generation of random normal deviates, Annals of Mathematical Statistics 29
    (1958): for independent uniform v in (0, 1] and a in [0, 1) the two numbers sqrt(-2 log v) cos(2 pi a) and
    sqrt(-2 log v) sin(2 pi a) are independent and normal. A pair of float64 takes v and a from the upper 53 bits of
    a word each, a pair of float32 from the upper 40 and the lower 24 bits of one word.

    NumPy's ziggurat looks its numbers up in tables and throws some away, so that where a number comes from depends on
    all before it. The inverse of the distribution function (scipy.special.ndtri) is a choice among three rational
    functions. This formula is made of operations that every graph has, without a choice; its rounding error is a
    few units of 1e-15 (1e-6 in float32), and it reaches as far into the tails.

    Examples
    --------
    >>> from chainrule import grad
    >>> from chainrule.random import normal, random_state
    >>> state = random_state(0)
    >>> z, after = normal(state, 4)
    >>> int(after.counter[0])
    1
    >>> bool(grad(lambda scale: normal(state, 4, 1.0, scale)[0].sum())(2.0) == z.sum())
    True
    """
    shape, dtype = _shape(shape), _real(dtype)
    loc, scale = _parameter(loc, "loc", shape, dtype), _parameter(scale, "scale", shape, dtype)
    size = math.prod(shape)
    pairs = -(-size // 2)
    if dtype == _SINGLE:
        words, state = _words(state, pairs)
        distance, angle = np.right_shift(words, _word(24)), np.bitwise_and(words, _word(2**24 - 1))
        distance_unit, angle_unit = 2.0**-40, 2.0**-24
    else:
        words, state = _words(state, 2 * pairs)
        both = np.right_shift(np.reshape(words, (pairs, 2)), _word(11))
        distance, angle = both[:, 0], both[:, 1]
        distance_unit = angle_unit = 2.0**-53
    v = convert(np.add(distance, _word(1)), dtype) * distance_unit
    r = np.sqrt(-2.0 * np.log(v))
    a = convert(angle, dtype) * (2.0 * math.pi * angle_unit)
    z = np.reshape(np.stack([r * np.cos(a), r * np.sin(a)], axis=-1), (2 * pairs,))[:size]
    return loc + scale * np.reshape(z, shape), state


def bernoulli(state: RandomState, shape: Shape, p: Any = 0.5) -> tuple[Any, RandomState]:
    """Draw truth values that are true with probability `p`: where u < p, with u in [0, 1).

    Parameters
    ----------
    state : RandomState
        Where to draw from.
    shape : int or sequence of int
        Shape of the result.
    p : array or number
        The probability, from 0 to 1, broadcast against `shape`. It may be traced, but its derivative is zero by rule,
        as that of every comparison.

    Returns
    -------
    values : bool array
        At p = 0 all false, at p = 1 all true.
    state : RandomState
        Where to draw from next: as many whole blocks of four words on as the values took, a word for each.

    Raises
    ------
    OptionError
        For a shape that is none, or a `p` that does not broadcast to it or, where it is plain, is not a probability.

    Notes
    -----
    The mean of the values does depend on `p`, but no single value changes with it at almost every point: a
    derivative by `p` along the values is zero, and is not the derivative of the expectation.

    Examples
    --------
    >>> from chainrule.random import bernoulli, random_state
    >>> kept, state = bernoulli(random_state(0), 1000, 0.9)
    >>> kept.dtype, int(kept.sum())
    (dtype('bool'), 886)
    """
    shape = _shape(shape)
    p = _parameter(p, "p", shape, None)
    if not _is_handle(p) and not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise OptionError(f"p should be from 0 to 1, found {p}{user_line()}")
    u, state = _unit(state, shape, _DOUBLE)
    return np.less(u, p), state


def permutation(state: RandomState, count: int) -> tuple[Any, RandomState]:
    """Draw the numbers from 0 to `count` - 1 in random order.

    Parameters
    ----------
    state : RandomState
        Where to draw from.
    count : int
        How many numbers.

    Returns
    -------
    order : integer array (count,)
        To index with: ``x[order]`` is `x` in random order, and has the derivative of that.
    state : RandomState
        Where to draw from next: as many whole blocks of four words on as the numbers took, a word for each.

    Raises
    ------
    OptionError
        For a count that is no integer, or is below 0.

    Notes
    -----
    The order that sorts `count` random words, all of whose orders are equally likely. Two of the words are equal
    with a probability below count^2 / 2^65, 3e-8 for a million of them; equal words keep their order, on every machine.

    Examples
    --------
    >>> from chainrule.random import permutation, random_state
    >>> order, state = permutation(random_state(0), 5)
    >>> order.tolist()
    [0, 3, 1, 2, 4]
    """
    size = _integer(count)
    if size < 0:
        raise OptionError(f"count should be an integer from 0 on, found {count!r}{user_line()}")
    words, state = _words(state, size)
    return np.argsort(words, kind="stable"), state


def _unit(state: RandomState, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Any, RandomState]:
    """Uniform numbers in [0, 1)."""
    size = math.prod(shape)
    if dtype == _SINGLE:
        pairs = -(-size // 2)
        words, state = _words(state, pairs)
        # The upper 24 bits of the lower and of the upper half.
        halves = np.bitwise_and(np.right_shift(words, _word(8)), _word(2**24 - 1)), np.right_shift(words, _word(40))
        whole = np.stack([convert(half, dtype) for half in halves], axis=-1)
        return np.reshape(np.reshape(whole, (2 * pairs,))[:size] * 2.0**-24, shape), state
    words, state = _words(state, size)
    return np.reshape(convert(np.right_shift(words, _word(11)), dtype) * 2.0**-53, shape), state


def _words(state: RandomState, count: int) -> tuple[Any, RandomState]:
    _check_state(state)
    words = philox(state.key, state.counter, count=count)
    return words, RandomState(state.key, philox_advance(state.counter, blocks=-(-count // BLOCK)))


def _word(number: int) -> np.uint64:
    return np.uint64(number)


def _check_state(state: Any) -> None:
    if not isinstance(state, RandomState):
        raise OptionError(
            f"state should be a RandomState, as random_state(seed) makes it, found {type(state).__name__}{user_line()}"
        )
    for name, length in (("key", 2), ("counter", 4)):
        part = getattr(state, name)
        if shape_of(part) != (length,) or getattr(part, "dtype", None) != _WORD:
            raise OptionError(
                f"{name} of the state should be a uint64 array of shape ({length},), found "
                f"{getattr(part, 'dtype', type(part).__name__)} of shape {shape_of(part)}. Several states, stacked, go "
                f"through chainrule.vectorize.{user_line()}"
            )


def _is_handle(x: Any) -> bool:
    """Say whether it is a traced value, whose entries are not looked at."""
    return hasattr(type(x), "__chainrule_record__")


def _integer(n: Any) -> int:
    """The integer that `n` is, or -1 where it is none."""
    try:
        return operator.index(n)
    except TypeError:
        return -1


def _shape(shape: Any) -> tuple[int, ...]:
    wanted = tuple(_integer(n) for n in (shape if np.iterable(shape) else (shape,)))
    if min(wanted, default=0) < 0:
        raise OptionError(f"a shape is made of integers from 0 on, found {shape!r}{user_line()}")
    return wanted


def _real(dtype: Any) -> np.dtype[Any]:
    found: np.dtype[Any] = np.dtype(dtype)
    if found not in (_SINGLE, _DOUBLE):
        raise OptionError(f"dtype should be float64 or float32, found {found}{user_line()}")
    return found


def _parameter(x: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any] | None) -> Any:
    """A parameter of a distribution, checked, and in the dtype of the result."""
    x = as_operand(x)
    here = shape_of(x)
    if len(here) > len(shape) or any(n not in (1, m) for n, m in zip(here[::-1], shape[::-1], strict=False)):
        raise OptionError(
            f"{name} has shape {here}, which does not broadcast to the shape asked for, {shape}{user_line()}"
        )
    if dtype is None or not hasattr(x, "dtype") or getattr(x, "weak", False) or x.dtype == dtype:
        return x
    return convert(x, dtype)
