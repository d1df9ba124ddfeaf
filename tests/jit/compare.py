"""When a compiled function gives what the interpreted one gives."""

import numpy as np

from chainrule import tree


def assert_alike(found, expected, ulps=64, like=(), scale=0.0):
    """The same structure, types, shapes and dtypes; values to rounding, relative to the largest one of an array.

    Where one of the arrays `like` is of 32 bits, something on the way was rounded to that. `scale` is the size of terms
    that may cancel.
    """
    coarsest = max([0.0, *(np.finfo(x.dtype).eps for x in map(np.asarray, like) if x.dtype.kind in "fc")])
    leaves, structure = tree.flatten(found)
    wanted, wanted_structure = tree.flatten(expected)
    assert structure == wanted_structure
    for a, b in zip(leaves, wanted, strict=True):
        # Of an array without axes a compiled function makes one of NumPy's numbers, as NumPy's own functions do.
        kind = type(b[()]) if isinstance(b, np.ndarray) else type(b)
        assert type(a) is kind, (type(a), kind)
        x, y = np.asarray(a), np.asarray(b)
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        if y.dtype.kind in "fc":
            size = np.max(np.abs(y), initial=scale, where=np.isfinite(y))
            rounding = ulps * max(coarsest, np.finfo(y.dtype).eps)
            np.testing.assert_allclose(x, y, rtol=rounding, atol=float(rounding * size))
        else:
            np.testing.assert_array_equal(x, y)
