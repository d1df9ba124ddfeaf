"""The distributions of scipy.stats: densities, probabilities and distribution functions of traced values.

SciPy's methods standardise their arguments, y = (x - loc) / scale, see to what is outside of the support or of the
domain of the parameters, and hand the rest to the private method of the distribution, such as ``_logpdf(y, *shapes)``.
Here the first part is written once for all distributions. The second is SciPy's own code, recorded as a user's would
be, or what `chainrule.library.densities` has in its place.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import NoDerivativeError, TraceError, user_line
from chainrule.library.densities import WITHOUT_DERIVATIVE, is_followed, own_formulas
from chainrule.ops.elementwise import stop_gradient
from chainrule.ops.shapes import convert, strong
from chainrule.trace.creation import array
from chainrule.trace.dispatch import has_tracer
from chainrule.trace.hooks import hook
from chainrule.trace.tracer import Tracer

__all__: list[str] = []

_FLOAT = np.dtype(np.float64)

#: The distribution functions, each with its values below and above the support.
_FUNCTIONS = {"cdf": (0.0, 1.0), "sf": (1.0, 0.0), "logcdf": (-np.inf, 0.0), "logsf": (0.0, -np.inf)}


def _bind(self: Any, x: Any, *args: Any, **kwds: Any) -> tuple[Any, ...]:
    # SciPy makes this method for every distribution, from the names of its shape parameters.
    shapes, loc, scale = self._parse_args(*args, **kwds)
    return self, x, shapes, loc, scale


def _bind_discrete(self: Any, k: Any, *args: Any, **kwds: Any) -> tuple[Any, ...]:
    return _bind(self, k, *args, **kwds)


def as_array(x: Any) -> Any:
    """An argument as an array, as SciPy reads it: a Python number counts as a float64 or an int64."""
    if isinstance(x, (list, tuple)) and has_tracer(x):
        x = array(x)
    if not isinstance(x, Tracer):
        x = np.asarray(x)
    if x.dtype.kind == "c":
        raise TraceError(f"A distribution of scipy.stats takes real numbers, and got complex ones.{user_line()}")
    return strong(x)


def _positive(values: tuple[Any, ...]) -> Any:
    """Where all of several parameters are above 0."""
    result: Any = np.True_
    for x in values:
        result = _both(result, x > 0)
    return result


def _is_inherited(self: Any, name: str) -> bool:
    """Say whether a private method is the one that SciPy gives every distribution."""
    import scipy.stats

    kind = type(self)
    return any(
        getattr(kind, name, None) is getattr(base, name, None)
        for base in (scipy.stats.rv_continuous, scipy.stats.rv_discrete)
    )


def _run(self: Any, method: str, run: Callable[[], Any], *operands: Any) -> Any:
    """Record SciPy's own code, or say what it is that cannot be followed."""
    try:
        return run()
    except Exception as problem:
        # Shapes that do not broadcast are the user's mistake, for which NumPy has the words.
        _common_shape(operands)
        # NumPy may hide the real reason behind an error of its own.
        cause = problem.__cause__ if isinstance(problem.__cause__, TraceError) else problem
        reason = str(cause).partition("\n")[0].partition(": the derivative would be lost")[0].rstrip(".")
        _refuse(self, method, f": SciPy's own code of it does what cannot be ({reason})")


def _common_shape(operands: tuple[Any, ...]) -> tuple[int, ...]:
    shapes = {np.shape(x) for x in operands} - {()}
    return shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)


def _both(a: Any, b: Any) -> Any:
    """Where two conditions hold, one of which may be certain."""
    return b if _is_certain(a) else a if _is_certain(b) else a & b


def _is_certain(condition: Any) -> bool:
    """Say whether a condition holds for every entry, whatever the traced values are."""
    return not isinstance(condition, Tracer) and bool(np.all(condition))


def _within(support: tuple[Any, Any]) -> Any:
    """A point of the support, at which to compute what nobody looks at."""
    low, high = support
    has_low, has_high = np.isfinite(low), np.isfinite(high)
    low = np.where(has_low, low, np.where(has_high, high, 0) - 2)
    high = np.where(has_high, high, low + 2)
    return stop_gradient((low + high) / 2)


def _choose(inside: Any, y: Any, support: tuple[Any, Any], inner: Callable[[Any], Any], outer: Any) -> Any:
    """What `inner` makes of the entries inside of the support, and `outer` elsewhere."""
    with np.errstate(all="ignore"):
        if _is_certain(inside):
            return inner(y)
        return np.where(inside, inner(np.where(inside, y, _within(support))), outer)


def _finish(result: Any, valid: Any, operands: tuple[Any, ...]) -> Any:
    """NaN, its derivative too, where a parameter is outside of its domain; the shape that all arguments make."""
    if not _is_certain(valid):
        result = result * np.where(valid, 1.0, np.nan)
    whole = _common_shape(operands)
    return result if np.shape(result) == whole else np.broadcast_to(result, whole)


def _parameters(self: Any, method: str, shapes: Any) -> tuple[tuple[Any, ...], Any, tuple[Any, Any]]:
    """Shape parameters as arrays, where they are in their domain, and the support that they make."""
    if not is_followed(self, method):
        _refuse(self, method, "")
    shapes = tuple(map(as_array, shapes))
    if _is_inherited(self, "_argcheck"):
        valid = _positive(shapes)
    else:
        valid = _run(self, method, lambda: self._argcheck(*shapes), *shapes)
    own_support = own_formulas(self).get("support")
    if own_support is not None:
        support = own_support(*shapes)
    else:
        support = _run(self, method, lambda: self._get_support(*shapes), *shapes)
    return shapes, valid, support


def _refuse(self: Any, method: str, why: str) -> NoReturn:
    raise TraceError(
        f"scipy.stats.{self.name}.{method} is not followed on traced values{why}. Write it in terms of functions that "
        f"are, or give its derivative with chainrule.custom_gradient.{user_line()}"
    ) from None


#: What a function is made of where a distribution does not have it, as SciPy has it, too.
_INHERITED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "sf": ("cdf", lambda p: 1 - p),
    "logpdf": ("pdf", np.log),
    "logpmf": ("pmf", np.log),
}


def _body(self: Any, method: str, y: Any, shapes: tuple[Any, ...]) -> Any:
    """The function itself, of standardised values inside of the support."""
    own, private = own_formulas(self), f"_{method}"
    if method in own:
        return own[method](y, *shapes)
    if f"log{method}" in own:
        return np.exp(own[f"log{method}"](y, *shapes))
    if method in ("logcdf", "logsf") and own.keys() >= {"cdf", "sf"}:
        return _log_of_probability(self, method, y, shapes)
    if not _is_inherited(self, private):
        return _run(self, method, lambda: getattr(self, private)(y, *shapes), y, *shapes)
    if method == "isf" and ("ppf" in own or not _is_inherited(self, "_ppf")):
        return _body(self, "ppf", 1 - y, shapes)
    if method in ("logcdf", "logsf"):
        return _log_of_probability(self, method, y, shapes)
    if method not in _INHERITED:
        _refuse(self, method, ": SciPy computes it by differences or integrals")
    other, made = _INHERITED[method]
    return made(_body(self, other, y, shapes))


def _log_of_probability(self: Any, method: str, y: Any, shapes: tuple[Any, ...]) -> Any:
    # The logarithm of the smaller one of cdf and sf keeps its digits; log1p(-p) of the smaller one does for the other.
    same, other = ("cdf", "sf") if method == "logcdf" else ("sf", "cdf")
    p, q = _body(self, same, y, shapes), _body(self, other, y, shapes)
    small = p < 0.5
    return np.where(small, np.log(np.where(small, p, 1)), np.log1p(np.where(small, 0, -q)))


# Continuous distributions.


def _standardized(self: Any, method: str, x: Any, shapes: Any, loc: Any, scale: Any) -> tuple[Any, ...]:
    shapes, valid, support = _parameters(self, method, shapes)
    y = as_array(x)
    with np.errstate(all="ignore"):
        # The default, an integer, makes float64 of float32.
        y = as_float(y) if _is_number(loc, 0) else y - as_array(loc)
        if not _is_number(scale, 1):
            scale = as_array(scale)
            y, valid = y / scale, _both(valid, scale > 0)
    return as_float(y), shapes, scale, valid, support


def _is_number(x: Any, number: int) -> bool:
    """Say whether an argument was left at its default."""
    return type(x) is int and x == number


def as_float(x: Any) -> Any:
    """SciPy computes in float64, whatever comes in."""
    return x if x.dtype == _FLOAT else convert(x, _FLOAT)


def _is_open(self: Any) -> bool:
    """Say whether the ends of the support count as outside of it, as SciPy says of a few distributions."""
    import scipy.stats

    mask = getattr(type(self), "_support_mask", None)
    return mask is not None and mask is getattr(scipy.stats.rv_continuous, "_open_support_mask", None)


def _density(self: Any, method: str, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    y, shapes, scale, valid, support = _standardized(self, method, x, shapes, loc, scale)
    low, high = support
    if _is_open(self):
        inside = (low < y) & (y < high)
    else:
        above = np.True_ if _is_certain(np.equal(low, -np.inf)) else low <= y
        below = np.True_ if _is_certain(np.equal(high, np.inf)) else y <= high
        inside = _both(above, below)
    outside = 0.0 if method == "pdf" else -np.inf
    outer = outside if _is_certain(inside) else np.where(np.isnan(y), np.nan, outside)

    def scaled(y: Any) -> Any:
        body = _body(self, method, y, shapes)
        if _is_number(scale, 1):
            return body
        return body / scale if method == "pdf" else body - np.log(scale)

    return _finish(_choose(inside, y, support, scaled, outer), valid, (y, *shapes))


def _function(self: Any, method: str, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    y, shapes, _, valid, support = _standardized(self, method, x, shapes, loc, scale)
    low, high = support
    below, above = _FUNCTIONS[method]
    inside = (low < y) & (y < high)
    outer = np.where(y >= high, above, np.where(y <= low, below, np.nan))
    result = _choose(inside, y, support, lambda y: _body(self, method, y, shapes), outer)
    return _finish(result, valid, (y, *shapes))


@hook("scipy.stats", "rv_continuous.pdf", bind=_bind)
def _pdf(self: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _density(self, "pdf", x, shapes, loc, scale)


@hook("scipy.stats", "rv_continuous.logpdf", bind=_bind)
def _logpdf(self: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _density(self, "logpdf", x, shapes, loc, scale)


@hook("scipy.stats", "rv_continuous.cdf", bind=_bind)
def _cdf(self: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _function(self, "cdf", x, shapes, loc, scale)


@hook("scipy.stats", "rv_continuous.logcdf", bind=_bind)
def _logcdf(self: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _function(self, "logcdf", x, shapes, loc, scale)


@hook("scipy.stats", "rv_continuous.sf", bind=_bind)
def _sf(self: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _function(self, "sf", x, shapes, loc, scale)


@hook("scipy.stats", "rv_continuous.logsf", bind=_bind)
def _logsf(self: Any, x: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _function(self, "logsf", x, shapes, loc, scale)


# Discrete distributions: no scale, and probability at whole numbers only.


def _mass(self: Any, method: str, k: Any, shapes: Any, loc: Any) -> Any:
    # As a function of k it is zero but at single points: its derivative is zero wherever it has one.
    k = stop_gradient(as_array(k) - as_array(loc))
    shapes, valid, support = _parameters(self, method, shapes)
    low, high = support
    inside = (low <= k) & (k <= high) & (np.floor(k) == k)
    outer = np.where(np.isnan(k), np.nan, 0.0 if method == "pmf" else -np.inf)
    result = _choose(inside, k, support, lambda k: _body(self, method, k, shapes), outer)
    return _finish(as_float(result), valid, (k, *shapes))


@hook("scipy.stats", "rv_discrete.pmf", bind=_bind_discrete)
def _pmf(self: Any, k: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _mass(self, "pmf", k, shapes, loc)


@hook("scipy.stats", "rv_discrete.logpmf", bind=_bind_discrete)
def _logpmf(self: Any, k: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _mass(self, "logpmf", k, shapes, loc)


def _never(self: Any, method: str, name: str, x: Any) -> Any:
    """The same number, by which there is no derivative."""
    try:
        return np.nextafter(x, x) if has_tracer((x,)) else x
    except NoDerivativeError:
        raise NoDerivativeError(
            f"scipy.stats.{self.name}.{method} has no derivative by its argument {name}.{user_line()}"
        ) from None


def _step(self: Any, method: str, k: Any, shapes: Any, loc: Any) -> Any:
    # Between whole numbers it is constant, so that the derivative by k is zero wherever there is one.
    names = [name.strip() for name in (self.shapes or "").split(",")]
    refused = WITHOUT_DERIVATIVE.get(self.name, ())
    shapes = [_never(self, method, name, x) if name in refused else x for name, x in zip(names, shapes, strict=True)]
    k = stop_gradient(as_float(as_array(k) - as_array(loc)))
    shapes, valid, support = _parameters(self, method, shapes)
    low, high = support
    below, above = _FUNCTIONS[method]
    inside = (low <= k) & (k < high) & np.isfinite(k)
    outer = np.where(k >= high, above, np.where(np.isnan(k), np.nan, below))
    # Any whole number inside will do for the others.
    inner = stop_gradient(np.where(np.isfinite(low), low, 0))
    with np.errstate(all="ignore"):
        found = np.where(inside, _body(self, method, np.where(inside, k, inner), shapes), outer)
    return _finish(as_float(found), valid, (k, *shapes))


@hook("scipy.stats", "rv_discrete.cdf", bind=_bind_discrete)
def _cdf_of_steps(self: Any, k: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _step(self, "cdf", k, shapes, loc)


@hook("scipy.stats", "rv_discrete.logcdf", bind=_bind_discrete)
def _logcdf_of_steps(self: Any, k: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _step(self, "logcdf", k, shapes, loc)


@hook("scipy.stats", "rv_discrete.sf", bind=_bind_discrete)
def _sf_of_steps(self: Any, k: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _step(self, "sf", k, shapes, loc)


@hook("scipy.stats", "rv_discrete.logsf", bind=_bind_discrete)
def _logsf_of_steps(self: Any, k: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _step(self, "logsf", k, shapes, loc)


# Quantiles.


def _bind_quantile(self: Any, q: Any, *args: Any, **kwds: Any) -> tuple[Any, ...]:
    return _bind(self, q, *args, **kwds)


def _quantile(self: Any, method: str, q: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    shapes, valid, (low, high) = _parameters(self, method, shapes)
    q, loc, scale = (as_float(as_array(x)) for x in (q, loc, scale))
    valid = _both(valid, scale > 0)
    at_zero, at_one = (low, high) if method == "ppf" else (high, low)
    inside = (q > 0) & (q < 1)
    outer = np.where(q == 0, at_zero, np.where(q == 1, at_one, np.nan))
    y = _choose(inside, q, (0.0, 1.0), lambda q: _body(self, method, q, shapes), outer)
    return _finish(y * scale + loc, valid, (q, *shapes, loc, scale))


@hook("scipy.stats", "rv_continuous.ppf", bind=_bind_quantile)
def _ppf(self: Any, q: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _quantile(self, "ppf", q, shapes, loc, scale)


@hook("scipy.stats", "rv_continuous.isf", bind=_bind_quantile)
def _isf(self: Any, q: Any, shapes: Any, loc: Any, scale: Any) -> Any:
    return _quantile(self, "isf", q, shapes, loc, scale)


# The other methods, which would say that a plain array was to be made, and not of which distribution.


def _refusal(method: str) -> Callable[..., tuple[Any, ...]]:
    return lambda self, *args, **kwds: (self, method)


def _refused(self: Any, method: str) -> NoReturn:
    _refuse(self, method, "")


for _name in (
    "rv_discrete.ppf",
    "rv_discrete.isf",
):
    hook("scipy.stats", _name, bind=_refusal(_name.rpartition(".")[2]), listed=False)(_refused)
