"""Bounds and constraints on trees of parameters, as SciPy takes them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import tree
from chainrule.bridges.scipy_parameters import Parameters
from chainrule.errors import OptionError

__all__ = ["flat_bounds", "flat_constraints"]

_Vector = NDArray[np.float64]


def flat_bounds(bounds: Any, parameters: Parameters) -> Any:
    """Bounds on the vector.

    Parameters
    ----------
    bounds : scipy.optimize.Bounds, sequence of pairs, tree of pairs, or None
        As for `chainrule.minimize`.
    parameters : Parameters
        What is bounded.

    Returns
    -------
    scipy.optimize.Bounds or None
        For the vector.

    Raises
    ------
    OptionError
        Where they do not fit; the message names the leaf.
    """
    from scipy.optimize import Bounds

    if bounds is None:
        return None
    if isinstance(bounds, Bounds):
        for name in ("lb", "ub"):
            shape = np.shape(getattr(bounds, name))
            if shape not in ((), (1,), (parameters.size,)):
                raise OptionError(f"bounds.{name} has shape {shape}, but x0 holds {parameters.size} numbers")
        return bounds
    layout = parameters.layout
    if layout.structure == tree.LEAF and not _is_pair(bounds):
        return Bounds(*_from_pairs(bounds, parameters.size))
    lower, upper = [], []
    for (path, pair), shape in zip(_pairs(layout.structure, bounds, "bounds"), layout.shapes, strict=True):
        low, high = (None, None) if pair is None else pair
        lower.append(_side(f"the lower bound in {path}", low, -np.inf, shape))
        upper.append(_side(f"the upper bound in {path}", high, np.inf, shape))
    return Bounds(np.concatenate(lower), np.concatenate(upper))


def _is_pair(x: Any) -> bool:
    """Whether it is the pair (lower, upper) of a leaf, and no sequence of pairs of entries."""
    return isinstance(x, (tuple, list)) and len(x) == 2 and all(np.ndim(0 if side is None else side) == 0 for side in x)


def _from_pairs(pairs: Any, size: int) -> tuple[_Vector, _Vector]:
    """SciPy's older form: for each entry a pair, in which None is no bound."""
    given = list(pairs)
    if len(given) != size:
        raise OptionError(f"bounds has {len(given)} pairs, but x0 holds {size} numbers")
    for number, pair in enumerate(given):
        if np.ndim(pair) == 0 or len(pair) != 2:
            raise OptionError(f"bounds[{number}] should be a pair (lower, upper), found {pair!r}")
    lower = [-np.inf if low is None else low for low, _ in given]
    upper = [np.inf if high is None else high for _, high in given]
    return np.array(lower, np.float64), np.array(upper, np.float64)


def _pairs(structure: tree.Structure, bounds: Any, path: str) -> Iterator[tuple[str, Any]]:
    """For each leaf of the structure what stands in its place."""
    if structure.kind is None:
        if bounds is not None and not (isinstance(bounds, (tuple, list)) and len(bounds) == 2):
            raise OptionError(f"{path} should be a pair (lower, upper) or None, found {bounds!r}")
        yield path, bounds
        return
    if bounds is None:
        for child in structure.children:
            yield from _pairs(child, None, path)
        return
    parts = tree.children(bounds)
    fields = dict(zip(structure.keys, structure.children, strict=True))
    if type(bounds) is not structure.kind or parts is None or len(parts) != len(fields):
        raise OptionError(
            f"{path} should be like x0, {structure!r}, with pairs (lower, upper) in the places of numbers"
        )
    by_key = bounds if isinstance(bounds, dict) else dict(zip(fields, parts, strict=True))
    for key, child in fields.items():
        if key not in by_key:
            raise OptionError(f"{path} has no {key!r}, which x0 has; None stands for no bound")
        yield from _pairs(child, by_key[key], f"{path}[{key!r}]")


def _side(what: str, side: Any, default: float, shape: tuple[int, ...]) -> _Vector:
    given = np.asarray(default if side is None else side, np.float64)
    try:
        return np.broadcast_to(given, shape).ravel()
    except ValueError:
        raise OptionError(f"{what} has shape {given.shape}, which does not fit the shape {shape} in x0") from None


def flat_constraints(constraints: Any, size: int, flat: Callable[[Callable[..., Any], Any], dict[str, Any]]) -> Any:
    """Constraints on the vector.

    Parameters
    ----------
    constraints : constraint, or sequence of them
        As for `chainrule.minimize`.
    size : int
        Length of the vector.
    flat : callable
        Takes a function of the tree and what else it is called with; returns a dict with the function of the vector,
        "fun", and its derivatives, "jac" and "hess", as far as they are to be handed on.

    Returns
    -------
    list
        As SciPy takes them.

    Raises
    ------
    OptionError
        Where one is of another kind, does not fit, or has a derivative of its own.
    """
    from scipy.optimize import LinearConstraint, NonlinearConstraint

    kinds = (Mapping, LinearConstraint, NonlinearConstraint)
    found: list[Any] = []
    for number, one in enumerate([constraints] if isinstance(constraints, kinds) else constraints):
        name = f"constraints[{number}]"
        if isinstance(one, LinearConstraint):
            if one.A.shape[1] != size:
                raise OptionError(f"{name}: its matrix has {one.A.shape[1]} columns, but x0 holds {size} numbers")
            found.append(one)
        elif isinstance(one, NonlinearConstraint):
            _check_none_given(name, jac=one.jac, hess=one.hess)
            made = flat(one.fun, ())
            found.append(NonlinearConstraint(lb=one.lb, ub=one.ub, keep_feasible=one.keep_feasible, **made))
        elif isinstance(one, Mapping) and one.get("type") in _KINDS and "fun" in one:
            _check_none_given(name, jac=one.get("jac"))
            made = flat(one["fun"], one.get("args", ()))
            # The older form has no second derivatives.
            is_newer = "hess" in made
            upper = _KINDS[one["type"]]
            found.append(NonlinearConstraint(lb=0.0, ub=upper, **made) if is_newer else {"type": one["type"], **made})
        else:
            raise OptionError(
                f"{name} should be a LinearConstraint, a NonlinearConstraint, or a dict with 'type' ('eq' or 'ineq') "
                f"and 'fun', found {one!r}"
            )
    return found


#: What a constraint of that type is at most; at least it is 0.
_KINDS = {"eq": 0.0, "ineq": np.inf}


def _check_none_given(name: str, **derivatives: Any) -> None:
    for what, derivative in derivatives.items():
        if callable(derivative):
            raise OptionError(f"{name} has a {what} of its own: leave it out, chainrule computes it from its function")
