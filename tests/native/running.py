"""A graph run as a program and interpreted, and the comparison of the two."""

import warnings

import numpy as np

from chainrule import trace
from chainrule.evaluate import evaluate
from chainrule.native.program import Program


def plain(x):
    """A 0-d array as NumPy's scalar, which is what programs return."""
    return x[()] if isinstance(x, np.ndarray) else x


def assert_close(found, expected, ulps=256, dtype=np.float64):
    """The same types, dtypes, shapes and, to rounding, values; `ulps` of the largest entry, in the narrower dtype."""
    for a, b in zip(map(plain, found), map(plain, expected), strict=True):
        assert type(a) is type(b)
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if b.dtype.kind in "fc":
            size = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
            rounding = ulps * float(max(np.finfo(b.dtype).eps, np.finfo(dtype).eps))
            np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding * float(size))
        else:
            np.testing.assert_array_equal(a, b)


def check(graph, *args, ulps=256, dtype=np.float64):
    """Run a graph both ways, compare, and return the program."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = evaluate(graph, *args)
    program = Program(graph)
    for _ in range(2):
        assert_close(program(*args), expected, ulps, dtype)
    return program


def check_traced(f, *args, ulps=256):
    """Trace a function and `check` its graph."""
    with np.errstate(all="ignore"):
        graph = trace(f)(*args)
    return check(graph, *args, ulps=ulps)
