"""What SciPy asks of a function, made of a function of a tree: value, gradient, Jacobian, Hessian, on flat vectors."""

import functools
import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate import jacobian, jvp, value_and_grad
from chainrule.differentiate.sparse import sparse_hessian, sparse_jacobian
from chainrule.errors import OptionError
from chainrule.jit import jit
from chainrule.ops.axes import shape_of

__all__ = ["Form", "Programs", "flat_outputs", "programs_of"]

Function = Callable[..., Any]


@dataclass(frozen=True)
class Form:
    """How a function is called, where one vector holds its parameters.

    Attributes
    ----------
    layout : tree.Layout
        Of the parameters in the vector.
    wrt : int
        Their position among the arguments.
    names : tuple of str
        Of the arguments that it takes by name: they come last.
    sparse : bool
        Whether its Jacobian and its Hessian are sparse matrices.
    """

    layout: tree.Layout
    wrt: int
    names: tuple[str, ...]
    sparse: bool

    def arguments(self, given: tuple[Any, ...]) -> tuple[list[Any], dict[str, Any]]:
        """What the function is called with."""
        count = len(given) - len(self.names)
        positional = list(given[:count])
        positional[self.wrt] = self.layout.unravel(positional[self.wrt])
        return positional, dict(zip(self.names, given[count:], strict=True))


@dataclass(frozen=True, eq=False)
class Programs:
    """Functions of the arguments, in their order, with a vector of shape (n,) in the place of the parameters.

    Attributes
    ----------
    value : callable
        A number, or all numbers of the output in a vector, shape (m,).
    value_and_gradient : callable
        Of a number, with the gradient, shape (n,).
    jacobian : callable
        Shape (m, n); a `scipy.sparse.csr_array` where that is asked for, as for the Hessian.
    hessian : callable
        It takes weights, shape (m,), as its last argument: second derivatives of the sum of the outputs times the
        weights, shape (n, n).
    product : callable
        It takes a direction, shape (n,), as its last argument: the Hessian of a number times it, shape (n,).
    """

    value: Function
    value_and_gradient: Function
    jacobian: Function
    hessian: Function
    product: Function


def programs_of(f: Function, form: Form, compiled: bool) -> Programs:
    """Make the functions, or find those that were made before.

    Parameters
    ----------
    f : callable
        A function in plain NumPy.
    form : Form
        How it is called.
    compiled : bool
        Whether they go through `jit`.

    Returns
    -------
    Programs
        Of a function without a closure they are kept here with what was compiled, so that later calls, and processes
        that unpickle it again and again, compile once.
    """
    is_plain = type(f) is types.FunctionType and f.__closure__ is None
    return (_shared if is_plain else _made)(f, form, compiled)


def _made(f: Function, form: Form, compiled: bool) -> Programs:
    both, matrix = value_and_grad(f, form.wrt), jacobian(f, form.wrt)
    ravel = form.layout.ravel

    @functools.wraps(f)
    def value(*given: Any) -> Any:
        args, kwargs = form.arguments(given)
        return flat_outputs(f(*args, **kwargs))

    @functools.wraps(f)
    def value_and_gradient(*given: Any) -> tuple[Any, Any]:
        args, kwargs = form.arguments(given)
        found, gradient = both(*args, **kwargs)
        return found, ravel(gradient)

    @functools.wraps(f)
    def jacobian_matrix(*given: Any) -> Any:
        args, kwargs = form.arguments(given)
        return _matrix(matrix(*args, **kwargs), form.layout)

    @functools.wraps(f)
    def weighted(weights: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = flat_outputs(f(*args, **kwargs))
        expected = shape_of(outputs) or (1,)
        if shape_of(weights) != expected:
            raise OptionError(f"v has shape {shape_of(weights)}, but the outputs of f have {expected}")
        return np.sum(weights * outputs)

    weighted_gradient = value_and_grad(weighted, form.wrt + 1)

    @functools.wraps(f)
    def slopes(*given: Any) -> Any:
        *own, weights = given
        args, kwargs = form.arguments(tuple(own))
        return ravel(weighted_gradient(weights, *args, **kwargs)[1])

    @functools.wraps(f)
    def product(*given: Any) -> Any:
        *own, direction = given

        def along(x: Any) -> Any:
            return value_and_gradient(*own[: form.wrt], x, *own[form.wrt + 1 :])[1]

        return jvp(along, (own[form.wrt],), (direction,))[1]

    if form.sparse:
        matrices = _sparse(f, weighted, form, compiled)
    else:
        matrices = _finished(compiled, jacobian_matrix, jacobian(slopes, form.wrt, mode="forward"))
    return Programs(*_finished(compiled, value, value_and_gradient), *matrices, *_finished(compiled, product))


def _sparse(f: Function, weighted: Function, form: Form, compiled: bool) -> list[Function]:
    """Jacobian and weighted Hessian as sparse matrices; their patterns are found in the first call."""
    matrix, curvature = sparse_jacobian(f, form.wrt), sparse_hessian(weighted, form.wrt + 1)
    if compiled:
        matrix, curvature = jit(matrix), jit(curvature)

    def jacobian_matrix(*given: Any) -> Any:
        args, kwargs = form.arguments(given)
        return matrix(*args, **kwargs)

    def hessian(*given: Any) -> Any:
        *own, weights = given
        args, kwargs = form.arguments(tuple(own))
        return curvature(weights, *args, **kwargs)

    return [jacobian_matrix, hessian]


def _finished(compiled: bool, *functions: Function) -> list[Function]:
    return [jit(f) if compiled else f for f in functions]


_shared = functools.lru_cache(maxsize=32)(_made)


def flat_outputs(output: Any) -> Any:
    """Put what a function returns into one vector, but for a number.

    Parameters
    ----------
    output : tree
        What a function returned; it may be traced.

    Returns
    -------
    number or array, shape (m,)
        A number as it is, and everything else leaf by leaf.
    """
    found, structure = tree.flatten(output)
    if structure == tree.LEAF and shape_of(found[0]) == ():
        return found[0]
    return tree.ravel(output)[0]


def _matrix(blocks: Any, layout: tree.Layout) -> Any:
    """The blocks of a Jacobian, in the tree of the outputs and in its leaves that of the arguments, as one matrix."""
    leaves = tree.leaves(blocks)
    rows = []
    for first in range(0, len(leaves), len(layout.shapes)):
        shaped = []
        for block, shape in zip(leaves[first:], layout.shapes, strict=False):
            own = np.shape(block)
            count = math.prod(own[: len(own) - len(shape)])
            shaped.append(np.reshape(block, (count, math.prod(shape))))
        rows.append(np.concatenate(shaped, axis=1))
    return np.concatenate(rows)
