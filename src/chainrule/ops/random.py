"""The counter-based generator: random words as a function of a key and a counter.

Philox4x64 with ten rounds, the bits of `numpy.random.Philox` (J. Salmon, M. Moraes, R. Dror and D. Shaw, Parallel
random numbers: as easy as 1, 2, 3, SC 2011). A block of four words is a bijection of the four words of the counter,
chosen by the key; nothing is carried from one block to the next but the counter itself.
"""

from typing import Any

import numpy as np

from chainrule.ops.axes import shape_of
from chainrule.ops.op import Op, piecewise_constant

__all__ = ["BLOCK", "RANDOM", "philox", "philox_advance", "philox_streams"]

Aval = tuple[tuple[int, ...], np.dtype[Any]]
Words = np.ndarray[Any, np.dtype[np.uint64]]

#: Words that one value of the counter gives.
BLOCK = 4

_ROUNDS = 10
_WORD = np.dtype(np.uint64)
#: What the words 0 and 2 of a block are multiplied by.
_FACTORS = np.array([0xD2E7470EE14C6C93, 0xCA5A826395121157], _WORD).reshape(2, 1, 1)
#: What the key grows by from round to round: the golden ratio, and the square root of 3 minus 1.
_STEPS = np.array([0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B], _WORD).reshape(2, 1, 1)

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_FACTORS_LOW, _FACTORS_HIGH = _FACTORS & _LOW, _FACTORS >> _HALF

#: Blocks computed at once, so that the arrays in between (128 KiB each) stay in the cache.
_AT_ONCE = 8192


def _philox(key: Words, counter: Words, *, count: int) -> Words:
    if key.ndim == counter.ndim == 1:
        # NumPy's own generator, in C, is several times faster, and has nothing to set up but the two arguments.
        return np.random.Philox(key=key, counter=counter).random_raw(count)
    return philox_streams(key, counter, count)


def philox_streams(key: Words, counter: Words, count: int) -> Words:
    """Compute the words of many streams at once.

    Parameters
    ----------
    key : uint64 array (..., 2)
        A key for each stream.
    counter : uint64 array (..., 4)
        The counter of each stream, lowest word first; leading axes broadcast against those of `key`.
    count : int
        Number of words of each stream.

    Returns
    -------
    uint64 array (..., count)
        What ``numpy.random.Philox(key=key, counter=counter).random_raw(count)`` gives for each of them.
    """
    leading = np.broadcast_shapes(key.shape[:-1], counter.shape[:-1])
    keys = np.broadcast_to(key, (*leading, 2)).reshape(-1, 2)
    counters = np.broadcast_to(counter, (*leading, 4)).reshape(-1, 4)
    blocks = -(-count // BLOCK)
    words = np.empty((len(keys), blocks, BLOCK), _WORD)
    # NumPy counts up before it makes a block, so the first one belongs to the counter plus 1.
    steps = np.arange(1, blocks + 1, dtype=_WORD)
    rows = max(1, _AT_ONCE // max(1, blocks))
    for row in range(0, len(keys), rows):
        for start in range(0, blocks, _AT_ONCE):
            here = slice(row, row + rows), slice(start, start + _AT_ONCE)
            words[here] = _blocks(keys[here[0]], _counted(counters[here[0]], steps[here[1]]))
    return words.reshape(*leading, blocks * BLOCK)[..., :count]


def _blocks(keys: Words, counters: list[Words]) -> Words:
    """The blocks of keys (streams, 2) and counters, four arrays (streams, steps): an array (streams, steps, 4)."""
    k = keys.T[:, :, None]
    # x holds the words 0 and 2, which are multiplied; y the words 1 and 3.
    x, y = np.stack(counters[0::2]), np.stack(counters[1::2])
    for number in range(_ROUNDS):
        k = k + _STEPS if number else k
        high, low = _wide_product(x)
        x, y = high[::-1] ^ y ^ k, low[::-1]
    return np.stack([x[0], y[0], x[1], y[1]], axis=-1)


def _wide_product(x: Words) -> tuple[Words, Words]:
    """High and low 64 bits of `_FACTORS` times `x`, by schoolbook multiplication of halves; no sum exceeds 64 bits."""
    low, high = x & _LOW, x >> _HALF
    middle = _FACTORS_HIGH * low + (_FACTORS_LOW * low >> _HALF)
    other = _FACTORS_LOW * high + (middle & _LOW)
    return _FACTORS_HIGH * high + (middle >> _HALF) + (other >> _HALF), _FACTORS * x


def _counted(counter: Words, steps: Words) -> list[Words]:
    """Counters (..., 4) plus each of `steps`: their four words, lowest first, as arrays (..., len(steps))."""
    word = counter[..., 0, None] + steps
    words, carry = [word], word < steps
    for k in range(1, 4):
        word = counter[..., k, None] + carry
        carry = carry & (word == 0)
        words.append(word)
    return words


def _advance(counter: Words, *, blocks: int) -> Words:
    return np.concatenate(_counted(counter, np.array([blocks], _WORD)), axis=-1)


def _infer_philox(key: Any, counter: Any, *, count: int) -> Aval:
    return (*np.broadcast_shapes(shape_of(key)[:-1], shape_of(counter)[:-1]), count), _WORD


def _infer_advance(counter: Any, *, blocks: int) -> Aval:
    return shape_of(counter), _WORD


#: The next `count` words of the stream that a key (..., 2) and a counter (..., 4) stand for; leading axes broadcast.
philox = piecewise_constant("philox", _philox, _infer_philox)

#: The counter after so many blocks, modulo 2^256.
philox_advance = piecewise_constant("philox_advance", _advance, _infer_advance)

RANDOM: tuple[Op, ...] = (philox, philox_advance)
