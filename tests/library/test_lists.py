"""NumPy's functions of lists of traced values, and the order of arguments of everything that is caught."""

import importlib
import inspect
import operator

import numpy as np
import pytest

from chainrule import grad, jit, jvp
from chainrule.library.lists import NAMES
from chainrule.trace.hooks import HOOKED, _bindings, function_at
from chainrule.trace.tables import FUNCTIONS

X = 0.7

# One line for each name; what is not a number is summed.
CALLS = {
    "sum": lambda x: np.sum([x, x**2]),
    "prod": lambda x: np.prod((x, x**2)),
    "mean": lambda x: np.mean([x, [x**2][0]]),
    "max": lambda x: np.max([x, x**2]),
    "min": lambda x: np.min([x, x**2]),
    "std": lambda x: np.std([x, x**2]),
    "var": lambda x: np.var([[x, x**2], [1.0, 2.0]], axis=0),
    "median": lambda x: np.median([x, x**2, 1.0]),
    "average": lambda x: np.average([x, x**2], weights=[1.0, x]),
    "ptp": lambda x: np.ptp([x, x**2, 3.0]),
    "cumsum": lambda x: np.cumsum([x, x**2]),
    "cumprod": lambda x: np.cumprod([x, x**2]),
    "diff": lambda x: np.diff([x, x**2]),
    "clip": lambda x: np.clip([x, x**2], 0.0, 0.5),
    "sort": lambda x: np.sort([x, x**2]) * np.array([1.0, 2.0]),
    "argmax": lambda x: x * np.argmax([x, x**2]),
    "argmin": lambda x: x * np.argmin([x, x**2]),
    "nansum": lambda x: np.nansum([x, np.nan]),
    "nanmean": lambda x: np.nanmean([x, np.nan, x**2]),
    "nanmax": lambda x: np.nanmax([x, np.nan]),
    "nanmin": lambda x: np.nanmin([x, np.nan]),
    "trapezoid": lambda x: np.trapezoid([x, x**2], x=[0.0, x]),
    "interp": lambda x: np.interp(0.3, [0.0, 1.0], [x, x**2]),
    "polyval": lambda x: np.polyval([x, 1.0], 3.0),
    "outer": lambda x: np.outer([x, 1.0], [x, 2.0]),
    "cross": lambda x: np.cross([x, 1.0, 2.0], [1.0, x, 3.0]) * np.arange(3.0),
    "kron": lambda x: np.kron([x, 1.0], [x, 2.0]),
    "tensordot": lambda x: np.tensordot([x, 1.0], [x, 2.0], 1),
    "einsum": lambda x: np.einsum("i,i", [x, 1.0], [x, 2.0]),
    "trace": lambda x: np.trace([[x, 1.0], [2.0, x**2]]),
    "diag": lambda x: np.diag([x, x**2]),
    "transpose": lambda x: np.transpose([[x, 1.0]]),
    "reshape": lambda x: np.reshape([x, 1.0, x**2, 2.0], (2, 2)),
    "ravel": lambda x: np.ravel([[x, 1.0]]),
    "roll": lambda x: np.roll([x, x**2], 1) * np.array([1.0, 2.0]),
    "flip": lambda x: np.flip([x, x**2]) * np.array([1.0, 2.0]),
    "repeat": lambda x: np.repeat([x, x**2], 2),
    "tile": lambda x: np.tile([x, x**2], 2),
    "vstack": lambda x: np.vstack([[x, 1.0], [x**2, 2.0]]),
    "hstack": lambda x: np.hstack([[x, 1.0], [x**2]]),
    "column_stack": lambda x: np.column_stack([[x, 1.0], [x**2, 2.0]]),
    "atleast_1d": lambda x: np.atleast_1d([x, x**2]),
    "atleast_2d": lambda x: np.atleast_2d([x, x**2]),
    "meshgrid": lambda x: np.meshgrid([x, 1.0], [2.0, x**2])[1],
    "isclose": lambda x: x * np.isclose([x, 2.0], [x, 3.0]),
    "allclose": lambda x: x * np.allclose([x], [x]),
    "linalg.norm": lambda x: np.linalg.norm([x, x**2]),
    "linalg.det": lambda x: np.linalg.det([[x, 1.0], [2.0, x]]),
    "linalg.slogdet": lambda x: np.linalg.slogdet([[x, 1.0], [2.0, x]])[1],
    "linalg.inv": lambda x: np.linalg.inv([[x, 1.0], [2.0, x]]),
    "linalg.solve": lambda x: np.linalg.solve([[x, 1.0], [2.0, x]], [1.0, x]),
    "linalg.eigvals": lambda x: np.abs(np.linalg.eigvals([[x, 1.0], [2.0, x]])),
    "linalg.eigh": lambda x: np.linalg.eigh([[x, 1.0], [1.0, 3.0]])[0] * np.array([1.0, 2.0]),
    "linalg.eigvalsh": lambda x: np.linalg.eigvalsh([[x, 1.0], [1.0, 3.0]]) * np.array([1.0, 2.0]),
    "linalg.cholesky": lambda x: np.linalg.cholesky([[x + 2.0, 1.0], [1.0, 3.0]]),
    "linalg.multi_dot": lambda x: np.linalg.multi_dot([[1.0, 2.0], [[x, 1.0], [2.0, x]], [x, 1.0]]),
    "linalg.matrix_power": lambda x: np.linalg.matrix_power([[x, 1.0], [2.0, x]], 2),
}


@pytest.mark.parametrize("name", NAMES)
def test_of_a_list(name):
    def f(x):
        return np.sum(CALLS[name](x))

    step = 1e-6
    expected = (f(X + step) - f(X - step)) / (2 * step)
    assert grad(f)(X) == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert jvp(f, (X,), (1.0,))[1] == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert jit(f)(X) == pytest.approx(f(X), rel=1e-12)
    second = (grad(f)(X + step) - grad(f)(X - step)) / (2 * step)
    assert grad(grad(f))(X) == pytest.approx(second, rel=1e-6, abs=1e-7)


@pytest.mark.interpreted("how many coefficients are zero decides about the degree")
def test_a_polynomial_of_a_list():
    assert grad(lambda x: np.poly1d([x, 1.0, x])(2.0))(3.0) == 5.0


def test_every_name_has_a_line():
    assert set(CALLS) == set(NAMES)


def test_what_a_reduction_begins_with_beside_a_plain_array():
    rows = np.array([1.0, 2.0])
    assert grad(lambda x: np.sum(rows, initial=x))(3.0) == 1.0
    assert grad(lambda x: np.prod(rows, initial=x))(3.0) == 2.0
    assert grad(lambda x: np.max(rows, initial=x))(3.0) == 1.0
    assert grad(lambda x: np.max(rows, initial=x))(0.5) == 0.0


def test_operators_take_lists_of_traced_values():
    assert grad(lambda x: np.sum(np.array([x, 1.0]) * [x, 2.0]))(3.0) == 6.0
    assert grad(lambda x: np.sum([x, 2.0] - np.array([x**2, 1.0])))(3.0) == -5.0
    assert grad(lambda x: np.array([x, 1.0]) @ [x, 2.0])(3.0) == 6.0
    assert grad(lambda x: np.maximum([x, 0.0], x**2).sum())(3.0) == 12.0
    assert jit(lambda x: np.array([x, 1.0]) @ [x, 2.0])(3.0) == 11.0


def test_plain_lists_are_numpys_own():
    def f(x):
        assert np.sum([1.0, 2.0]) == 3.0
        assert isinstance(np.mean([1.0, 2.0]), np.float64)
        with pytest.raises(TypeError):
            np.sum([1.0], nonsense=1)
        return x

    assert grad(f)(1.0) == 1.0


def positional(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def is_out_of_order(entry, function):
    """Whether an argument of a composition stands where the function has another one."""
    try:
        theirs = positional(function)
    except ValueError:
        return False
    most = min(entry.most, len(entry.names), len(theirs))
    pairs = zip(entry.names[: int(most)], theirs, strict=False)
    return any(one != other and (one in theirs or other in entry.names) for one, other in pairs)


def test_arguments_stand_where_those_of_the_function_stand():
    """An argument by its place would go to another one otherwise, without a word."""
    caught = []
    for key, entry in HOOKED.items():
        importlib.import_module(key[0])
        if (function := function_at(*key)) is not None and key not in _bindings:
            caught.append((entry, function))
    assert len(caught) > 200
    found = [entry.name for entry, function in caught if is_out_of_order(entry, function)]
    found += [entry.name for function, entry in FUNCTIONS.items() if is_out_of_order(entry, function)]
    assert found == []


def test_the_names_are_those_of_functions_in_python():
    for name in NAMES:
        assert inspect.isfunction(operator.attrgetter(name)(np)._implementation), name
