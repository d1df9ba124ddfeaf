"""scipy.spatial.distance: distances between the rows of matrices, and between two vectors.

Each distance is written once, of two arrays that are broadcast, along the last axis. Where two points meet, the
derivative of a distance that has a kink there is 0, as that of a norm.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import NoDerivativeError, user_line
from chainrule.ops.axes import shape_of, with_dtype
from chainrule.ops.shapes import with_fraction
from chainrule.trace.hooks import hook

__all__: list[str] = []

Weights = Any


def _norm(x: Any) -> Any:
    return np.linalg.norm(x, axis=-1)


def _times(w: Weights, x: Any) -> Any:
    return x if w is None else w * x


def _ratio(x: Any, y: Any) -> Any:
    return np.where(y == 0, 0.0, x / np.where(y == 0, 1.0, y))


def _sqeuclidean(u: Any, v: Any, w: Weights = None) -> Any:
    return np.sum(_times(w, np.square(u - v)), axis=-1)


def _euclidean(u: Any, v: Any, w: Weights = None) -> Any:
    return _norm((u - v) if w is None else np.sqrt(w) * (u - v))


def _cityblock(u: Any, v: Any, w: Weights = None) -> Any:
    return np.sum(_times(w, np.abs(u - v)), axis=-1)


def _minkowski(u: Any, v: Any, p: Any = 2, w: Weights = None) -> Any:
    size = np.abs(u - v)
    scaled = size if w is None else np.power(w, 1 / p) * size
    if isinstance(p, (int, float)) and p in (1, 2, np.inf):
        return np.linalg.norm(scaled, p, axis=-1)
    total = np.sum(np.where(scaled == 0, 0.0, np.power(np.where(scaled == 0, 1.0, scaled), p)), axis=-1)
    return np.where(total == 0, 0.0, np.power(np.where(total == 0, 1.0, total), 1 / p))


def _chebyshev(u: Any, v: Any, w: Weights = None) -> Any:
    size = np.abs(u - v)
    # Weights say here which coordinates take part.
    return np.max(size if w is None else np.where(w > 0, size, 0.0), axis=-1)


def _correlation(u: Any, v: Any, w: Weights = None, centered: bool = True) -> Any:
    if w is not None:
        w = w / np.sum(w)
    if centered:
        means = [np.sum(_times(w, x), axis=-1, keepdims=True) for x in (u, v)]
        u, v = (x - (m if w is not None else m / shape_of(x)[-1]) for x, m in zip((u, v), means, strict=True))
    products = [np.sum(_times(w, x * y), axis=-1) for x, y in ((u, v), (u, u), (v, v))]
    return 1.0 - products[0] / np.sqrt(products[1] * products[2])


def _cosine(u: Any, v: Any, w: Weights = None) -> Any:
    return _correlation(u, v, w, centered=False)


def _braycurtis(u: Any, v: Any, w: Weights = None) -> Any:
    return np.sum(_times(w, np.abs(u - v)), axis=-1) / np.sum(_times(w, np.abs(u + v)), axis=-1)


def _canberra(u: Any, v: Any, w: Weights = None) -> Any:
    return np.sum(_times(w, _ratio(np.abs(u - v), np.abs(u) + np.abs(v))), axis=-1)


def _seuclidean(u: Any, v: Any, V: Any) -> Any:
    return _norm((u - v) / np.sqrt(V))


def _mahalanobis(u: Any, v: Any, VI: Any) -> Any:
    d = u - v
    square = np.sum((d @ VI) * d, axis=-1)
    # As for a norm: no slope where the points meet.
    return np.where(square == 0, 0.0, np.sqrt(np.where(square == 0, 1.0, square)))


def _entropy_of(p: Any, m: Any) -> Any:
    """Return p log(p / m), and 0 where p is 0."""
    inside = p > 0
    return np.where(inside, p * np.log(np.where(inside, p / np.where(inside, m, 1.0), 1.0)), 0.0)


def _jensenshannon(p: Any, q: Any, base: Any = None) -> Any:
    p, q = (x / np.sum(x, axis=-1, keepdims=True) for x in (p, q))
    m = (p + q) / 2.0
    total = np.sum(_entropy_of(p, m) + _entropy_of(q, m), axis=-1)
    total = total if base is None else total / np.log(base)
    return np.where(total == 0, 0.0, np.sqrt(np.where(total == 0, 1.0, total) / 2.0))


_DISTANCES: dict[str, Callable[..., Any]] = {
    "braycurtis": _braycurtis,
    "canberra": _canberra,
    "chebyshev": _chebyshev,
    "cityblock": _cityblock,
    "correlation": _correlation,
    "cosine": _cosine,
    "euclidean": _euclidean,
    "jensenshannon": _jensenshannon,
    "mahalanobis": _mahalanobis,
    "minkowski": _minkowski,
    "seuclidean": _seuclidean,
    "sqeuclidean": _sqeuclidean,
}
#: Distances that SciPy has of real numbers alone, or computes with a warning.
_REAL_ONLY = frozenset({"braycurtis", "canberra", "correlation", "cosine", "jensenshannon", "seuclidean"})
_OTHER_NAMES = {"manhattan": "cityblock", "l1": "cityblock", "l2": "euclidean", "cblock": "cityblock"}


def _metric(where: str, metric: Any) -> Callable[..., Any]:
    if callable(metric):
        # SciPy's own functions are followed by what stands here, all others entry by entry.
        name = getattr(metric, "__name__", "")
        return _DISTANCES[name] if getattr(metric, "__module__", "") == "scipy.spatial.distance" else _of_rows(metric)
    found = _DISTANCES.get(_OTHER_NAMES.get(metric, metric))
    if found is None:
        raise NoDerivativeError(
            f"{where}: metric={metric!r} has no derivative. Those that have one are "
            f"{', '.join(sorted(_DISTANCES))}.{user_line()}"
        )
    return found


def _of_rows(metric: Callable[..., Any]) -> Callable[..., Any]:
    def distances(u: Any, v: Any, **options: Any) -> Any:
        shape = np.broadcast_shapes(shape_of(u)[:-1], shape_of(v)[:-1])
        pairs = [np.reshape(np.broadcast_to(x, (*shape, shape_of(x)[-1])), (-1, shape_of(x)[-1])) for x in (u, v)]
        found = [metric(x, y, **options) for x, y in zip(*pairs, strict=True)]
        return np.reshape(np.stack(found), shape)

    return distances


def _with_spread(metric: Any, rows: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What SciPy estimates of all points where it is not given: variances, or the inverse of the covariances."""
    if metric == "seuclidean" and options.get("V") is None:
        return options | {"V": np.var(rows, axis=0, ddof=1)}
    if metric == "mahalanobis" and options.get("VI") is None:
        return options | {"VI": np.linalg.inv(np.cov(rows.T)).T}
    return {
        name: x if isinstance(x, (int, float)) else with_fraction(x) for name, x in options.items() if x is not None
    }


def _bind_cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> tuple[Any, ...]:
    return XA, XB, metric, out, kwargs


@hook("scipy.spatial.distance", "cdist", bind=_bind_cdist)
def _cdist(XA: Any, XB: Any, metric: Any, out: Any, options: Any) -> Any:
    _refuse_out("cdist", out)
    a, b = with_fraction(XA), with_fraction(XB)
    if len(shape_of(a)) != 2 or len(shape_of(b)) != 2 or shape_of(a)[1] != shape_of(b)[1]:
        raise ValueError(
            f"scipy.spatial.distance.cdist takes two matrices with as many columns, and got shapes {shape_of(a)} and "
            f"{shape_of(b)}"
        )
    spread = _with_spread(metric, np.concatenate([a, b]), options)
    return _metric("scipy.spatial.distance.cdist", metric)(a[:, None, :], b[None, :, :], **spread)


def _bind_pdist(X: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> tuple[Any, ...]:
    return X, metric, out, kwargs


@hook("scipy.spatial.distance", "pdist", bind=_bind_pdist, real_only=True)
def _pdist(X: Any, metric: Any, out: Any, options: Any) -> Any:
    _refuse_out("pdist", out)
    rows = with_fraction(X)
    if len(shape_of(rows)) != 2:
        raise ValueError(f"scipy.spatial.distance.pdist takes a matrix, and got shape {shape_of(rows)}")
    one, other = np.triu_indices(shape_of(rows)[0], 1)
    spread = _with_spread(metric, rows, options)
    return _metric("scipy.spatial.distance.pdist", metric)(rows[one], rows[other], **spread)


def _refuse_out(name: str, out: Any) -> None:
    if out is not None:
        raise NoDerivativeError(
            f"scipy.spatial.distance.{name}: argument out= is not followed; use the value returned.{user_line()}"
        )


@hook("scipy.spatial.distance", "squareform")
def _squareform(X: Any, force: str = "no", checks: bool = True) -> Any:
    x = np.atleast_1d(with_dtype(X))
    if len(shape_of(x)) == 1 and force.lower() != "tovector":
        # Of one point there are no distances, as of none.
        count = max(1, int(np.ceil(np.sqrt(2 * shape_of(x)[0]))))
        if count * (count - 1) != 2 * shape_of(x)[0]:
            raise ValueError("Incompatible vector size. It must be a binomial coefficient n choose 2.")
        place = np.zeros((count, count), int)
        place[np.triu_indices(count, 1)] = np.arange(shape_of(x)[0])
        place += place.T
        return np.where(np.eye(count, dtype=bool), np.zeros((), x.dtype), x[place] if count > 1 else 0.0)
    return x[np.triu_indices(shape_of(x)[0], 1)]


def _of_two(name: str) -> None:
    distance = _DISTANCES[name]

    def euclidean(u: Any, v: Any, w: Any = None) -> Any:
        return distance(with_fraction(u), with_fraction(v), None if w is None else with_fraction(w))

    def correlation(u: Any, v: Any, w: Any = None, centered: bool = True) -> Any:
        return _correlation(with_fraction(u), with_fraction(v), None if w is None else with_fraction(w), centered)

    def minkowski(u: Any, v: Any, p: Any = 2, w: Any = None) -> Any:
        return _minkowski(with_fraction(u), with_fraction(v), p, None if w is None else with_fraction(w))

    def seuclidean(u: Any, v: Any, V: Any) -> Any:
        return _seuclidean(with_fraction(u), with_fraction(v), with_fraction(V))

    def mahalanobis(u: Any, v: Any, VI: Any) -> Any:
        return _mahalanobis(with_fraction(u), with_fraction(v), with_fraction(VI))

    def jensenshannon(p: Any, q: Any, base: Any = None, *, axis: int = 0, keepdims: bool = False) -> Any:
        last = [np.moveaxis(with_fraction(x), axis, -1) for x in (p, q)]
        found = _jensenshannon(last[0], last[1], base)
        return np.expand_dims(found, axis) if keepdims else found

    written = (correlation, minkowski, seuclidean, mahalanobis, jensenshannon)
    own = {f.__name__: f for f in written}
    hook("scipy.spatial.distance", name, real_only=name in _REAL_ONLY)(own.get(name, euclidean))


for _name in _DISTANCES:
    _of_two(_name)


@hook("scipy.spatial", "distance_matrix")
def _distance_matrix(x: Any, y: Any, p: Any = 2, threshold: int = 1_000_000) -> Any:
    x, y = with_fraction(x), with_fraction(y)
    return _minkowski(x[:, None, :], y[None, :, :], p)


@hook("scipy.spatial", "minkowski_distance")
def _minkowski_distance(x: Any, y: Any, p: Any = 2) -> Any:
    return _minkowski(with_fraction(x), with_fraction(y), p)
