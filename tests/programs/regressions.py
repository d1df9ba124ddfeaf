"""Programs that once gave something else than NumPy: written by the generator, then made short.

They are kept as text, since another version of the generator writes other programs for the same seeds.
"""

import numpy as np
from tests.programs.generate import LOSS, Program

__all__ = ["REGRESSIONS"]

X = np.array([[0.7, -0.4, 0.3], [0.2, 0.9, -0.6]])
SQUARE = np.array([[0.5, -0.3, 0.8], [0.1, 0.7, -0.2], [-0.6, 0.4, 0.9]])
VECTOR = np.array([0.3, -0.8, 0.6])

#: What went wrong: (x, w, whether it decides on values, body).
BODIES = {
    "c_ of more than two axes": (np.stack([X, X + 0.1]), 0.5, False, ["return np.c_[x, w * x]"]),
    "real of a real array is the array": (X, 0.5, False, ["a = x.real", "a[0] *= w", "return x + a"]),
    "flatten is a copy": (X, 0.5, False, ["a = x.flatten()", "a[::-1][1:] += w", "return np.append(x, a)"]),
    "copy of a transpose is in row order": (
        X,
        0.5,
        True,
        ["a = x.T.copy()", "a.reshape(-1)[1] = w", "return a"],
    ),
    "writing through a transpose keeps the order in memory": (
        X,
        0.5,
        True,
        ["x.T[0] = w * x.T[1]", "a = x.reshape(-1)", "a[1] = w", "return x"],
    ),
    "an array without axes can be written into": (
        X,
        0.5,
        False,
        ["a = np.array(w)", "a[...] = a * x[0, 0]", "return a"],
    ),
    "an array without axes is seen by its aliases": (
        X,
        0.5,
        False,
        ["a = np.array(w)", "b = a", "a += x[0, 0]", "return a * b"],
    ),
    "a view without axes writes into its array": (
        VECTOR,
        0.5,
        False,
        ["a = 1.0 * x", "b = a[1, ...]", "b *= w", "return a + b"],
    ),
    "an empty array without axes": (
        VECTOR,
        0.5,
        False,
        ["a = np.empty(())", "a[...] = x[0]", "kept = {'a': a, 'b': a}", "kept['a'] += np.sin(a)", "return a * w"],
    ),
    "an entry is no view": (
        VECTOR,
        0.5,
        False,
        ["a = w * x", "kept = a[0]", "a[0] = a[1]", "a[1] = kept", "return a"],
    ),
    "the last entry of a loop is no view": (
        VECTOR,
        0.5,
        False,
        ["total = 0.0", "for row in x:", "    total += row", "x[1:] = w", "return total * row * x"],
    ),
    "a mask in a body and in a batch": (X, 0.5, False, ["a = np.sin(x)", "a[a > 0.1] = w", "return a"]),
    "output into a larger array": (
        X,
        0.5,
        False,
        ["a = np.zeros((2, 3))", "np.sin(np.mean(x), out=a)", "return a * w"],
    ),
    "a written array is kept as it was read": (
        X,
        VECTOR,
        False,
        ["a = 1.0 * w", "b = np.minimum(a[-2], np.mean(x))", "a[-1] = np.tanh(b)", "w[-1] = a[-1]", "return a * w"],
    ),
    "a squeezed array is a view without values, too": (
        X[:1],
        0.5,
        False,
        ["a = np.squeeze(x)", "a[0] = w", "b = np.expand_dims(a, 0)", "x += 1.0", "return b * x"],
    ),
    "a new array may be turned round and written into": (
        VECTOR,
        0.5,
        False,
        ["a = np.tile(x, 2)", "b = a[::-1]", "b[0] = w * a[0]", "return a"],
    ),
    "an array handed from an outer differentiation": (
        VECTOR,
        VECTOR + 0.1,
        False,
        [
            "a = np.sort(x)",
            "w *= np.cos(w * np.tanh(a[-2]))",
            "first, *rest = w",
            "return np.array([first, np.sum(w)])",
        ],
    ),
    "entries of a broadcast array one after the other are a copy": (
        VECTOR,
        0.5,
        True,
        ["a = w * x", "b = np.ravel(np.broadcast_to(a, (2, 3)))", "b[4, ...] += x[0]", "a[0] = 0.2", "return b * x[1]"],
    ),
    "entries of a diagonal in another shape are a view": (
        SQUARE,
        0.5,
        True,
        ["a = np.diagonal(x).reshape(3, 1)", "x[1, 1] = w", "return a * x"],
    ),
    "reductions of a number along an axis": (
        VECTOR,
        0.5,
        False,
        [
            "a = x[-3, ...]",
            "b = np.sum(a, axis=0, keepdims=True) * np.max(a * w, axis=-1) + np.prod(x[1], axis=0)",
            "return b * np.cumsum(a, axis=0) * np.cumprod(x[2], axis=-1)",
        ],
    ),
    "the derivative by an array without axes is written into": (
        VECTOR,
        0.5,
        True,
        [
            "a = np.full((), np.mean(x) ** 2)",
            "b = np.sin(a) * x",
            "b[b > -5.0] *= a[()]",
            "a[a < np.mean(a)] = x[1]",
            "return a * np.cos(np.sum(b) + w)",
        ],
    ),
    "an array of a number that was computed": (
        VECTOR,
        0.5,
        True,
        ["a = np.asarray(w * np.mean(x))", "b = np.asarray(a)", "a[a > -5.0] += w * x[0]", "return a * b * x"],
    ),
    "an array of a number, filled": (
        VECTOR,
        0.5,
        True,
        [
            "a = np.full_like(np.array(w), np.mean(x))",
            "a[a > -5.0] = w * x[0]",
            "b = np.full((), w, dtype=float)",
            "b[...] *= x[1]",
            "return a * b * x",
        ],
    ),
    "subtraction at repeated places": (SQUARE, 0.5, False, ["np.subtract.at(x, [0, 2, 0], w * x)", "return x"]),
}


def _program(x, w, decides, body):
    lines = "\n".join("    " + line for line in body)
    return Program(0, f"import numpy as np\n\ndef program(x, w):\n{lines}\n{LOSS}", x, w, decides)


REGRESSIONS = {name: _program(*parts) for name, parts in BODIES.items()}
