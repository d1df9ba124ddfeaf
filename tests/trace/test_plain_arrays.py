"""Methods of plain arrays with a traced argument, and writes into arrays: followed, or refused by name and line."""

import re

import numpy as np
import pytest

from chainrule import TraceError, check_gradient, grad

A = np.array([1.5, 0.2, 2.0])
X = np.array([0.5, 1.2, 2.1])


def written(write):
    """The squares of an array that a function was written into."""

    def f(x):
        made = np.arange(3.0) + 1
        found = write(made, x)
        return np.sum((made if found is None else found) ** 2)

    return f


def added(made, x):
    made += x
    return made


def multiplied(made, x):
    made *= x
    return made


def real_part(made, x):
    made = made + 0j
    made.real = x
    made.imag = 2 * x[::-1]
    return np.abs(made * made[::-1])


FOLLOWED = {
    "A @ x": lambda x: A @ x,
    "A.clip(x, y)": lambda x: np.sum(A.clip(x - 0.3, x + 0.95) ** 2),
    "A.clip(min=x)": lambda x: np.sum(A.clip(min=x) ** 2),
    "A.fill(x)": written(lambda made, x: made.fill(x[0])),
    "A[...] = x": written(lambda made, x: made.__setitem__(..., x)),
    "A.put(i, x)": written(lambda made, x: made.put([0, 2], x[:2])),
    "np.copyto(A, x)": written(lambda made, x: np.copyto(made, x)),
    "A += x": written(added),
    "A *= x": written(multiplied),
    "A.flat = x": written(lambda made, x: setattr(made, "flat", x)),
    "A.real = x": written(real_part),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed(name):
    report = check_gradient(FOLLOWED[name], (X,))
    assert report.ok, report


GLOBAL = np.arange(3.0)


REFUSED = {
    "A.dot(x)": (lambda x: A.dot(x), "Write A @ x"),
    "A.searchsorted(x)": (lambda x: np.sum(A.searchsorted(x) * x), "np.searchsorted"),
    "A.choose": (lambda x: np.sum(np.array([0, 1, 0]).choose([x, 2 * x])), "np.choose"),
    "A.take(x)": (lambda x: np.sum(A.take(x)), "np.take"),
    "A.sum(initial=x)": (lambda x: A.sum(initial=x[0]), "np.sum"),
    "A.var(mean=x)": (lambda x: A.var(mean=x[0]), "np.var"),
    "A[...] = x of an array from outside": (lambda x: GLOBAL.__setitem__(..., x), "chainrule.value"),
    "A.setfield(x)": (lambda x: np.ones(3).setfield(x[0], float), "traced value"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_and_line(name):
    f, words = REFUSED[name]
    with pytest.raises(TraceError, match=re.escape(words)) as problem:
        grad(f)(X)
    assert __file__ in str(problem.value).splitlines()[-1]
