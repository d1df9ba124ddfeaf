"""scipy.integrate: integrals of functions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import TraceError, user_line
from chainrule.graph import Graph
from chainrule.library.refusals import need_default
from chainrule.ops.axes import shape_of
from chainrule.ops.shapes import convert
from chainrule.trace.buffer import settled
from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer
from chainrule.transforms.bodies import Kind, kind_of, name_of
from chainrule.transforms.closures import known
from chainrule.transforms.decisions import record_deciding
from chainrule.transforms.quadrature import Rule, integrated
from chainrule.transforms.replay import as_strong

__all__: list[str] = []


def _integrand(where: str, f: Callable[..., Any], args: Sequence[Any]) -> tuple[Graph, list[Any], Any]:
    """Record an integrand: a graph of the point and of parameters, their values, and the kind of the value.

    The graph gives a float, or an array of floats; of complex numbers real and imaginary parts, along a new first axis.
    """
    found: list[Any] = []

    def split(result: Any) -> tuple[list[tuple[str, Any]], Any]:
        value = settled(np.stack(result) if isinstance(result, (list, tuple)) else result)
        kind = kind_of(value)
        if kind is None:
            raise TraceError(
                f"{where}: {name_of(f)} should return a number or an array, but returned {type(value).__name__}."
                f"{user_line()}"
            )
        found.append(kind)
        if kind.dtype.kind == "c":
            value = np.stack([np.real(value), np.imag(value)])
        return [("the value", as_strong(value, np.dtype(float)))], tree.flatten(0)[1]

    def at(x: Any) -> Any:
        return f(x, *args)

    at.__name__ = name_of(f)
    recorded = record_deciding(where, at, [("x", Kind((), np.dtype(float), True))], list, split)
    graph = Graph(recorded.graph.inputs, recorded.graph.outputs, name_of(f))
    return known(graph), list(recorded.hidden), found[0]


def _limit(x: Any) -> Any:
    x = settled(x)
    if np.iscomplexobj(x):
        raise TraceError(f"scipy.integrate: a limit of an integral is complex, expected a real number.{user_line()}")
    if isinstance(x, Tracer):
        return convert(np.reshape(x, ()), np.dtype(float))
    return float(np.reshape(x, ()))


def _points(where: str, points: Any) -> tuple[tuple[str, Any], ...]:
    if points is None:
        return ()
    points = [settled(x) for x in points]
    if any(isinstance(x, Tracer) for x in points):
        raise TraceError(f"{where}: argument points= is not followed; it needs plain values.{user_line()}")
    return (("points", tuple(float(x) for x in points)),)


@hook("scipy.integrate", "quad", calls=True)
def _quad(
    func: Any,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
    limit: int = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: Any = 50,
    limlst: Any = 50,
    complex_func: bool = False,
) -> Any:
    where = "scipy.integrate.quad"
    need_default(where, full_output=(full_output, 0), weight=(weight, None))
    graph, params, kind = _integrand(where, func, args if isinstance(args, tuple) else (args,))
    if kind.shape not in ((), (1,)):
        raise TraceError(
            f"{where}: {name_of(func)} returned an array of shape {kind.shape}; one number is needed. "
            f"scipy.integrate.quad_vec takes arrays.{user_line()}"
        )
    is_complex = kind.dtype.kind == "c"
    if is_complex and not complex_func:
        raise TraceError(f"{where}: {name_of(func)} returned a complex number; pass complex_func=True.{user_line()}")
    ends = _limit(a), _limit(b)
    if is_complex:
        rule = Rule("quad_vec", float(epsabs), float(epsrel), (*_points(where, points), ("norm", "max")))
        value, error = integrated(*ends, params, graph, rule)
        value = np.reshape(value, (2,))
        return value[0] + 1j * value[1], error * (1 + 1j)
    rule = Rule("quad", float(epsabs), float(epsrel), (("limit", int(limit)), *_points(where, points)))
    if kind.shape == (1,):
        graph = _as_number(graph)
    value, error = integrated(*ends, params, graph, rule)
    return (value + 0j, error + 0j) if complex_func else (value, error)


def _as_number(graph: Graph) -> Graph:
    from chainrule.trace.symbolic import open_body
    from chainrule.transforms.replay import replay

    if "as number" not in graph.derived:
        with open_body() as level:
            values = [level.like(x) for x in graph.inputs]
            (value,) = replay(graph, values)
            graph.derived["as number"] = level.graph([x.node for x in values], [value[0]], graph.name)
    return graph.derived["as number"]  # type: ignore[no-any-return]


@hook("scipy.integrate", "quad_vec", calls=True)
def _quad_vec(
    f: Any,
    a: Any,
    b: Any,
    epsabs: float = 1e-200,
    epsrel: float = 1e-8,
    norm: str = "2",
    cache_size: float = 100e6,
    limit: int = 10000,
    workers: Any = 1,
    points: Any = None,
    quadrature: Any = None,
    full_output: bool = False,
    *,
    args: Any = (),
) -> Any:
    where = "scipy.integrate.quad_vec"
    need_default(where, full_output=(full_output, False), workers=(workers, 1))
    graph, params, kind = _integrand(where, f, args if isinstance(args, tuple) else (args,))
    options = (("norm", norm), ("limit", int(limit)), ("quadrature", quadrature), *_points(where, points))
    value, error = integrated(
        _limit(a), _limit(b), params, graph, Rule("quad_vec", float(epsabs), float(epsrel), options)
    )
    if kind.dtype.kind == "c":
        value = value[0] + 1j * value[1]
    return value, error


def _end(limit: Any, *others: Any) -> Any:
    return limit(*others) if callable(limit) else limit


@hook("scipy.integrate", "dblquad", calls=True)
def _dblquad(
    func: Any,
    a: Any,
    b: Any,
    gfun: Any,
    hfun: Any,
    args: Any = (),
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
) -> Any:
    def inner(x: Any) -> Any:
        ends = _end(gfun, x), _end(hfun, x)
        return _quad(lambda y: func(y, x, *args), *ends, epsabs=epsabs, epsrel=epsrel)[0]

    return _quad(inner, a, b, epsabs=epsabs, epsrel=epsrel)


@hook("scipy.integrate", "nquad", calls=True)
def _nquad(func: Any, ranges: Any, args: Any = None, opts: Any = None, full_output: bool = False) -> Any:
    # SciPy's tplquad calls it, with its tolerances among the options.
    where = "scipy.integrate.nquad"
    need_default(where, full_output=(full_output, False))
    if opts is not None and not (isinstance(opts, dict) and opts.keys() <= {"epsabs", "epsrel", "limit"}):
        raise TraceError(
            f"{where}: of argument opts= one dict with epsabs, epsrel and limit is followed on traced values."
            f"{user_line()}"
        )
    args = () if args is None else tuple(args)

    def over(depth: int, outer: tuple[Any, ...]) -> tuple[Any, Any]:
        # The last range is the outermost; a range may depend on the variables outside of it.
        at = len(ranges) - 1 - depth
        low, high = ranges[at](*outer, *args) if callable(ranges[at]) else ranges[at]

        def inner(x: Any) -> Any:
            return func(x, *outer, *args) if at == 0 else over(depth + 1, (x, *outer))[0]

        return _quad(inner, low, high, **(opts or {}))  # type: ignore[no-any-return]

    return over(0, ())


@hook("scipy.integrate", "fixed_quad", calls=True)
def _fixed_quad(func: Any, a: Any, b: Any, args: Any = (), n: int = 5) -> Any:
    points, weights = np.polynomial.legendre.leggauss(n)
    x = (b - a) * (points + 1) / 2.0 + a
    values = func(x, *args)
    if shape_of(values)[-1:] not in ((n,), (1,), ()):
        raise ValueError(f"scipy.integrate.fixed_quad: the values of {name_of(func)} should be along the last axis")
    return (b - a) / 2.0 * np.sum(weights * values, axis=-1), None
