"""Numbers that stand in a program: for each of them an operation does what it does for the same number at run time."""

import numpy as np
import pytest
from tests.native.running import check

from chainrule import trace
from chainrule.ops import PRIMITIVES

BINARY = sorted(
    name
    for name in PRIMITIVES
    if isinstance(found := getattr(np, name.removeprefix("np."), None), np.ufunc)
    and any(kinds.startswith("dd->") for kinds in found.types)
    and found.signature is None
)
X = np.array([-np.inf, -2.5, -1.0, -0.0, 0.0, 0.3, 1.0, 2.0, np.inf, np.nan])


def test_there_are_functions():
    assert {"np.add", "np.maximum", "np.minimum", "np.arctan2", "np.less"} <= set(BINARY)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -0.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_literals(name, number, dtype):
    function, x = getattr(np, name[3:]), X.astype(dtype)
    with np.errstate(all="ignore"):
        first, second = trace(lambda x: function(number, x))(x), trace(lambda x: function(x, number))(x)
    check(first, x, dtype=dtype)
    check(second, x, dtype=dtype)
