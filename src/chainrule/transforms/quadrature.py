"""The operation behind `scipy.integrate.quad` and `quad_vec`: the integral of f(x, p) by x from a to b.

Its derivative is Leibniz's rule: by a limit the integrand there, by the parameters the integral of the derivative. The
derivatives by many parameters are one integral of a vector.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.errors import SolutionError
from chainrule.graph import Graph, Node
from chainrule.ops.elementwise import stop_gradient
from chainrule.ops.op import Op, joint
from chainrule.ops.outputs import Outputs
from chainrule.trace.recording import arrays_entering
from chainrule.trace.symbolic import open_body
from chainrule.transforms.closures import quick_runner, ready
from chainrule.transforms.integral_jumps import unless_it_jumps
from chainrule.transforms.loop_bodies import Flags, is_smooth, picked, with_quick
from chainrule.transforms.one_by_one import done_one_by_one
from chainrule.transforms.replay import as_strong, outputs_of, pull_through, push_through, replay

__all__ = ["Rule", "integral_op", "integrated"]

#: Entries of a derivative up to which each is an integral by QUADPACK, which takes less time than one call of quad_vec.
_FEW = 16
#: Subintervals that such an integral may have.
_INTERVALS = 200


@dataclass(frozen=True)
class Rule:
    """How an integral is computed.

    Attributes
    ----------
    name : str
        ``quad`` for a number, and for each entry of a vector; ``quad_vec`` for a vector as a whole.
    epsabs, epsrel : float
        Tolerances of the error, absolute and relative.
    options : tuple of (str, object)
        What else SciPy's function is called with.
    is_derivative : bool
        True where nobody would see a warning: an error that stays large is raised.
    """

    name: str
    epsabs: float
    epsrel: float
    options: tuple[tuple[str, Any], ...] = ()
    is_derivative: bool = False

    def for_derivative(self, count: int) -> "Rule":
        """The rule for the derivatives by so many entries of parameters."""
        kept = tuple((name, value) for name, value in self.options if name == "points")
        name = "quad" if count <= _FEW else "quad_vec"
        options = (*kept, ("limit", _INTERVALS)) if name == "quad" else (*kept, ("norm", "max"))
        # A derivative may be 0, and is then as good as it gets in double precision.
        epsabs, epsrel = max(self.epsabs, 1e-13), max(self.epsrel, 1e-13)
        return replace(self, name=name, options=options, is_derivative=True, epsabs=epsabs, epsrel=epsrel)


def integrated(a: Any, b: Any, params: Sequence[Any], body: Graph, rule: Rule) -> tuple[Any, Any]:
    """The integral, and an estimate of its error."""
    value, error = outputs_of(integral_op(a, b, *params, body=body, rule=rule), 2)
    return value, error


def _run(a: Any, b: Any, *params: Any, body: Graph, rule: Rule) -> Outputs:
    run, params = quick_runner(body), ready(params)
    shape = body.outputs[0].shape
    low, high = float(a), float(b)
    options = dict(rule.options)
    if "points" in options:
        options["points"] = [x for x in options["points"] if min(low, high) < x < max(low, high)] or None

    def f(x: float) -> Any:
        return run(float(x), *params)[0]

    with warnings.catch_warnings():
        if rule.is_derivative:
            warnings.simplefilter("ignore")
        if rule.name == "quad_vec":
            value, error = _by_quad_vec(f, low, high, rule, options)
        elif shape == ():
            value, error = _by_quad(f, low, high, rule, options)
        else:
            # Every entry has points of its own.
            parts = [
                _by_quad(lambda x, k=k: f(x).item(k), low, high, rule, options)  # type: ignore[misc]
                for k in range(body.outputs[0].size)
            ]
            value, error = [part[0] for part in parts], max((part[1] for part in parts), default=0.0)
    if rule.is_derivative:
        size = np.max(np.abs(value), initial=0.0)
        if not np.isfinite(size) or error > 1e3 * max(rule.epsabs, rule.epsrel * size):
            raise SolutionError(
                f"The integral of a derivative between {low:.6g} and {high:.6g} does not converge: it is {size:.3g} "
                f"with an error of {error:.3g}."
            )
    value = float(value) if shape == () else np.asarray(value, body.outputs[0].dtype).reshape(shape)
    return Outputs([value, float(error)])


def _by_quad(f: Callable[[float], Any], a: float, b: float, rule: Rule, options: dict[str, Any]) -> Any:
    from scipy.integrate import quad

    return quad(f, a, b, epsabs=rule.epsabs, epsrel=rule.epsrel, **options)[:2]


def _by_quad_vec(f: Callable[[float], Any], a: float, b: float, rule: Rule, options: dict[str, Any]) -> Any:
    from scipy.integrate import quad_vec

    if a == b:
        return f(a) * 0.0, 0.0
    return quad_vec(f, a, b, epsabs=rule.epsabs, epsrel=rule.epsrel, **options)[:2]


def _infer(a: Any, b: Any, *params: Any, body: Graph, rule: Rule) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    value = body.outputs[0]
    return (value.shape, ()), (value.dtype, np.dtype(float))


def _weak(a: Any, b: Any, *params: Any, body: Graph, rule: Rule) -> tuple[bool, bool]:
    return body.outputs[0].shape == (), True


def _at(limit: Any, body: Graph, params: Sequence[Any]) -> Any:
    """The integrand at a limit; zero at infinity, since the integral exists."""
    is_finite = np.isfinite(limit)
    (value,) = replay(body, [np.where(is_finite, limit, 0.0), *params])
    return np.where(is_finite, value, 0.0)


def _pull(wanted: Flags, g: list[Any], ans: Any, a: Any, b: Any, *params: Any, body: Graph, rule: Rule) -> list[Any]:
    g_value = g[0]
    asked = tuple(w and is_smooth(x) for w, x in zip(wanted[2:], body.inputs[1:], strict=True))
    if g_value is None:
        return [None] * len(wanted)
    by_limits = [
        sign * np.sum(g_value * _at(limit, body, params)) if w else None
        for sign, limit, w in ((-1.0, a, wanted[0]), (1.0, b, wanted[1]))
    ]
    if not any(asked):
        return [*by_limits, *(None for _ in asked)]
    nodes = picked(body.inputs[1:], asked)
    shapes = [_real_shape(x) for x in nodes]
    count = sum(map(math.prod, shapes))
    graph, arrays = _kept(body, ("gradient", asked), lambda body, careful: _gradient(body, asked, careful))
    # The derivative is linear in g: with one of size 1 the tolerances hold whatever the unit of the objective.
    size = stop_gradient(np.max(np.abs(g_value)))
    scale = np.where(size > 0, size, 1.0)
    a = unless_it_jumps(a, b, params, body, asked)
    total, _ = integrated(a, b, [*params, g_value / scale, *arrays], graph, rule.for_derivative(count))
    total, parts, k = np.reshape(total * scale, (-1,)), [], 0
    for x, shape in zip(nodes, shapes, strict=True):
        part = np.reshape(total[k : k + math.prod(shape)], shape)
        parts.append(as_strong(part[0] + 1j * part[1] if x.dtype.kind == "c" else part, x.dtype))
        k += math.prod(shape)
    found = iter(parts)
    return [*by_limits, *(next(found) if w else None for w in asked)]


def _push(tangents: list[Any], ans: Any, a: Any, b: Any, *params: Any, body: Graph, rule: Rule) -> list[Any]:
    total: Any = None
    for sign, limit, t in ((-1.0, a, tangents[0]), (1.0, b, tangents[1])):
        if t is not None:
            part = sign * t * _at(limit, body, params)
            total = part if total is None else total + part
    given = tuple(t is not None and is_smooth(x) for t, x in zip(tangents[2:], body.inputs[1:], strict=True))
    if any(given):
        graph, arrays = _kept(body, ("change", given), lambda body, careful: _change(body, given, careful))
        dots = [
            as_strong(t, x.dtype)
            for t, x in zip(picked(tangents[2:], given), picked(body.inputs[1:], given), strict=True)
        ]
        count = body.outputs[0].size
        a = unless_it_jumps(a, b, params, body, given)
        part, _ = integrated(a, b, [*params, *dots, *arrays], graph, rule.for_derivative(count))
        if body.outputs[0].shape:
            part = np.reshape(part, body.outputs[0].shape)
        total = part if total is None else total + part
    return [total, None]


def _kept(body: Graph, key: Any, make: Callable[[Graph, bool], tuple[Graph, list[Any]]]) -> tuple[Graph, list[Any]]:
    if key not in body.derived:
        with arrays_entering(
            lambda array: array
        ):  # It outlives a recording around it, whose inputs constants must not become.
            body.derived[key] = with_quick(make(body, True), make(body.derived.get("quick", body), False))
    return body.derived[key]  # type: ignore[no-any-return]


def _real_shape(x: Node) -> tuple[int, ...]:
    """Shape of a derivative by x in real numbers: of a complex one the real parts, then the imaginary parts."""
    return (2, *x.shape) if x.dtype.kind == "c" else x.shape


def _joined(parts: Sequence[Any]) -> Any:
    """Several parts as one vector, and one entry as a number."""
    flat = [np.reshape(part, (-1,)) for part in parts]
    whole = np.concatenate(flat) if len(flat) > 1 else flat[0]
    return whole[0] if whole.shape == (1,) else whole


def _gradient(body: Graph, asked: Flags, careful: bool) -> tuple[Graph, list[Any]]:
    """The derivative by the parameters, of g times the integrand."""
    x, *params = body.inputs
    value = body.outputs[0]
    with open_body() as level:
        point, values = level.like(x), [level.like(p) for p in params]
        g = level.input("g", value.shape, value.dtype)
        found = pull_through(body, [point, *values], (False, *asked), [g], careful=careful)
        parts = []
        for p, part in zip(picked(params, asked), picked(found[1:], asked), strict=True):
            if part is not None and p.dtype.kind == "c":
                part = np.stack([np.real(part), np.imag(part)])
            parts.append(np.zeros(_real_shape(p)) if part is None else as_strong(part, np.dtype(float)))
        nodes = [h.node for h in (point, *values, g)]
        graph = level.graph(nodes, [_joined(parts)], f"{body.name} backward")
    return graph, level.arrays


def _change(body: Graph, given: Flags, careful: bool) -> tuple[Graph, list[Any]]:
    """The change of the integrand along tangents of the parameters."""
    x, *params = body.inputs
    value = body.outputs[0]
    with open_body() as level:
        point, values = level.like(x), [level.like(p) for p in params]
        dots = [level.input(f"t {p.name}", p.shape, p.dtype) for p in picked(params, given)]
        waiting = iter(dots)
        tangents = [None, *(next(waiting) if on else None for on in given)]
        (change,) = push_through(body, [point, *values], tangents, careful=careful)
        change = np.zeros(value.shape) if change is None else as_strong(change, value.dtype)
        nodes = [h.node for h in (point, *values, *dots)]
        graph = level.graph(nodes, [_joined([change])], f"{body.name} forward")
    return graph, level.arrays


integral_op: Op = joint("chainrule.integral", _run, _infer, _pull, _push, keeps=(-1,), infer_weak=_weak)
done_one_by_one(integral_op)
