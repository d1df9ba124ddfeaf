"""Checking a gradient against central differences, or against one that somebody computed by hand."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.differentiate.arguments import Selection
from chainrule.differentiate.derivatives import value_and_grad
from chainrule.errors import OptionError

__all__ = ["Comparison", "GradientReport", "check_gradient"]

#: Denominators of relative errors are at least this share of the gradient's largest entry.
FLOOR = 1e-3

#: Steps of the differences, for arguments of size 1. The first is used where it will do: its formula errs by the fourth
#: power of the step, so that rounding (eps / step) is what remains. The smaller ones are for functions with kinks.
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True)
class Comparison:
    """One entry, or one direction, of which two derivatives were compared.

    Attributes
    ----------
    place : str
        The entry as an expression, such as ``w[0, 2]``, or the number of the direction.
    derivative : float
        By reverse mode.
    reference : float
        By differences, or as given.
    error : float
        Their relative difference.
    at_kink : bool
        True where the function has a kink at the point or within the smallest step, so that no difference can tell.
    """

    place: str
    derivative: float
    reference: float
    error: float
    at_kink: bool = False


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found.

    Attributes
    ----------
    ok : bool
        True where no error is above the tolerance.
    largest_error : float
        The largest relative error over entries and directions, those at kinks left out; 0 where nothing was compared.
    tolerance : float
        What was asked for.
    entries : tuple of Comparison
        The entries compared.
    directions : tuple of Comparison
        The random directions compared.
    size : int
        Number of entries that the gradient has in all.
    against : str
        What it was compared with.
    """

    tolerance: float
    entries: tuple[Comparison, ...]
    directions: tuple[Comparison, ...]
    size: int
    against: str

    @property
    def largest_error(self) -> float:
        """The largest relative error, entries at kinks left out."""
        return max((row.error for row in (*self.entries, *self.directions) if not row.at_kink), default=0.0)

    @property
    def ok(self) -> bool:
        """True where every error is within the tolerance."""
        return self.largest_error <= self.tolerance

    @property
    def kinks(self) -> int:
        """Number of entries at which the function has a kink."""
        return sum(row.at_kink for row in self.entries)

    def __str__(self) -> str:
        compared = [row for row in (*self.entries, *self.directions) if not row.at_kink]
        share = f"{len(self.entries)} of {self.size}" if len(self.entries) < self.size else f"all {self.size}"
        lines = [
            f"gradient check: {'passed' if self.ok else 'FAILED'}",
            f"  against {self.against}, {share} entries and {len(self.directions)} random directions",
            f"  largest relative error {self.largest_error:.1e} (tolerance {self.tolerance:.0e})",
        ]
        if self.kinks:
            lines.append(f"  {self.kinks} entries at a kink of the function, where no difference can tell")
        wrong = sorted((row for row in compared if not row.error <= self.tolerance), key=lambda row: -row.error)
        if wrong:
            width = max(len(row.place) for row in wrong[:5])
            lines.append(f"  {'':{width}}  {'derivative':>14}  {'reference':>14}  error")
            lines += [
                f"  {row.place:{width}}  {row.derivative:14.7g}  {row.reference:14.7g}  {row.error:.1e}"
                for row in wrong[:5]
            ]
            if len(wrong) > 5:
                lines.append(f"  and {len(wrong) - 5} more")
        return "\n".join(lines)


def check_gradient(
    f: Callable[..., Any],
    args: Any,
    against: Any = None,
    *,
    wrt: int | str | Sequence[int] | Sequence[str] = 0,
    entries: int = 200,
    directions: int = 3,
    tolerance: float = 1e-6,
    rng: "np.random.Generator | int | None" = 0,
) -> GradientReport:
    """Compare the gradient of `f` with central differences, or with a gradient given.

    Parameters
    ----------
    f : callable
        A function in plain NumPy that returns a real number.
    args : tuple or array
        Its arguments; a single one need not be put into a tuple. What is differentiated by is converted to double
        precision.
    against : callable or tree, optional
        A gradient to compare with: a function of the same arguments, or what it returns. None for differences.
    wrt : int, str or a sequence of them
        As in `grad`.
    entries : int
        At most so many entries are compared one by one, chosen at random.
    directions : int
        Number of random directions in which the whole gradient is compared; 0 where a gradient is given.
    tolerance : float
        Largest relative error that passes. The denominator is the larger of the two numbers, and at least 1e-3 of the
        gradient's largest entry.
    rng : Generator, int or None
        Where the entries and directions come from.

    Returns
    -------
    GradientReport
        Prints as a summary; `.ok` says whether the gradient passed.

    Raises
    ------
    OptionError
        Where the gradient given differs from the arguments in structure or shape, or `f` is not finite near the point.
    TraceError
        As `grad`.

    Notes
    -----
    The difference is (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h, whose error is of the order h^4
    (M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 25.3.6). Where it disagrees, smaller steps are
    tried, since a kink may lie within the step. An entry counts as being at a kink where the slopes to its two sides
    stay apart as the step shrinks and the derivative is between them.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import check_gradient
    >>> report = check_gradient(lambda w: np.sum(np.tanh(w) ** 2), np.linspace(-1, 1, 5))
    >>> report.ok
    True
    >>> print(check_gradient(lambda w: w**3, 2.0, against=lambda w: 3 * w))
    gradient check: FAILED
      against the gradient given, all 1 entries and 0 random directions
      largest relative error 5.0e-01 (tolerance 1e-06)
           derivative       reference  error
      w            12               6  5.0e-01
    """
    args = args if isinstance(args, tuple) else (args,)
    rng = np.random.default_rng(rng)
    selection = Selection(f, wrt)
    picked = _in_double(selection, args)
    _, gradients = value_and_grad(f, wrt)(*picked)
    point = _Point(f, selection, picked)
    found = point.to_vector(gradients)
    largest = float(np.max(np.abs(found), initial=0.0))
    chosen = np.arange(found.size)
    if found.size > entries:
        chosen = np.sort(rng.choice(found.size, entries, replace=False))
    if isinstance(against, str):
        raise OptionError(f"against={against!r} is a name: pass wrt={against!r} to say by what to differentiate")
    if against is not None:
        given = point.to_vector(against(*args) if callable(against) else against)
        largest = max(largest, float(np.max(np.abs(given), initial=0.0)))
        rows = tuple(_compare(point.place(k), found[k], given[k], largest) for k in chosen)
        return GradientReport(tolerance, rows, (), found.size, "the gradient given")
    rows = tuple(_by_differences(point, found, k, largest, tolerance) for k in chosen)
    made = tuple(
        _in_direction(point, found, rng, number, largest, tolerance)
        for number in range(directions if found.size else 0)
    )
    return GradientReport(tolerance, rows, made, found.size, "central differences")


def _in_double(selection: Selection, args: tuple[Any, ...]) -> tuple[Any, ...]:
    def widen(leaf: Any) -> Any:
        if isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype.kind in "fc":
            return np.asarray(leaf).astype(np.complex128 if leaf.dtype.kind == "c" else np.float64)[()]
        return leaf

    places = set(selection.find(args, {}))
    return tuple(tree.map(widen, argument) if i in places else argument for i, argument in enumerate(args))


class _Point:
    """A function of one real vector: the arguments differentiated by, written one after the other."""

    def __init__(self, f: Callable[..., Any], selection: Selection, args: tuple[Any, ...]) -> None:
        self._f = f
        self._args = args
        self._places = [int(place) for place in selection.find(args, {})]
        chosen = [args[place] for place in self._places]
        self._structures = [tree.flatten(argument)[1] for argument in chosen]
        self._several = selection.several
        self._paths = [
            pair
            for place, argument in zip(self._places, chosen, strict=True)
            for pair in tree.leaves_with_paths(argument, selection.name_of(place))
        ]
        self._leaves = [np.asarray(leaf) for _, leaf in self._paths]
        self._lengths = [leaf.size * (2 if leaf.dtype.kind == "c" else 1) for leaf in self._leaves]
        self.x = self._flat(self._leaves, 1.0)

    @staticmethod
    def _flat(leaves: list[Any], sign: float) -> Any:
        # A complex number is two real ones. A derivative is df/du - i df/dv, hence the sign of its imaginary part.
        parts = [
            np.concatenate([leaf.real.ravel(), sign * leaf.imag.ravel()]) if leaf.dtype.kind == "c" else leaf.ravel()
            for leaf in leaves
        ]
        return np.concatenate([np.zeros(0), *parts]).astype(float)

    def to_vector(self, gradients: Any) -> Any:
        """Write a gradient in the structure of the arguments as a vector."""
        trees = list(gradients) if self._several else [gradients]
        leaves = []
        for given, structure in zip(trees, self._structures, strict=True):
            values, found = tree.flatten(given)
            if found != structure:
                raise OptionError(f"the gradient given has the structure {found!r}, the arguments have {structure!r}")
            leaves += [np.asarray(value) for value in values]
        for (path, _), leaf, value in zip(self._paths, self._leaves, leaves, strict=True):
            if leaf.shape != value.shape:
                raise OptionError(f"the gradient given by {path} has shape {value.shape}, but {path} has {leaf.shape}")
        return self._flat([v.astype(leaf.dtype) for v, leaf in zip(leaves, self._leaves, strict=True)], -1.0)

    def place(self, k: int) -> str:
        """The entry that component `k` stands for, as an expression."""
        for (path, _), leaf, length in zip(self._paths, self._leaves, self._lengths, strict=True):
            if k < length:
                part = "" if leaf.dtype.kind != "c" else ".real" if k < leaf.size else ".imag"
                index = ", ".join(str(int(i)) for i in np.unravel_index(k % leaf.size, leaf.shape))
                return f"{path}{part}[{index}]" if leaf.ndim else f"{path}{part}"
            k -= length
        raise IndexError(k)

    def __call__(self, x: Any) -> float:
        start = 0
        leaves: list[Any] = []
        for (_, original), leaf, length in zip(self._paths, self._leaves, self._lengths, strict=True):
            part = x[start : start + length]
            start += length
            value = part[: leaf.size] + 1j * part[leaf.size :] if leaf.dtype.kind == "c" else part
            value = value.reshape(leaf.shape)
            # Python numbers stay Python numbers, since they take part in NumPy's dtype rules as such.
            leaves.append(value.item() if isinstance(original, (float, int, complex)) else value[()])
        arguments = list(self._args)
        at = 0
        for place, structure in zip(self._places, self._structures, strict=True):
            arguments[place] = structure.unflatten(leaves[at : at + structure.size])
            at += structure.size
        with np.errstate(all="ignore"):
            return float(self._f(*arguments))


def _difference(f: Callable[[Any], float], x: Any, direction: Any, step: float) -> float:
    ahead = f(x + step * direction) - f(x - step * direction)
    further = f(x + 2 * step * direction) - f(x - 2 * step * direction)
    return (8 * ahead - further) / (12 * step)


def _compare(place: str, derivative: float, reference: float, largest: float, at_kink: bool = False) -> Comparison:
    derivative, reference = float(derivative), float(reference)
    return Comparison(place, derivative, reference, _error(derivative, reference, largest), at_kink)


def _error(derivative: float, reference: float, largest: float) -> float:
    if not (math.isfinite(derivative) and math.isfinite(reference)):
        return 0.0 if derivative == reference else math.inf
    scale = max(abs(derivative), abs(reference), FLOOR * largest)
    return abs(derivative - reference) / scale if scale else 0.0


def _by_differences(point: _Point, found: Any, k: int, largest: float, tolerance: float) -> Comparison:
    direction = np.zeros_like(point.x)
    direction[k] = max(1.0, abs(point.x[k]))
    return _along(point, direction, found[k] * direction[k], direction[k], point.place(k), largest, tolerance)


def _in_direction(
    point: _Point, found: Any, rng: "np.random.Generator", number: int, largest: float, tolerance: float
) -> Comparison:
    direction = rng.standard_normal(point.x.size)
    direction /= np.linalg.norm(direction)
    return _along(point, direction, float(found @ direction), 1.0, f"direction {number + 1}", largest, tolerance)


def _along(
    point: _Point, direction: Any, slope: float, unit: float, place: str, largest: float, tolerance: float
) -> Comparison:
    """Compare the slope along a direction; `unit` is how far one step of 1 goes in the entry."""
    best = math.inf
    reference = math.nan
    for step in STEPS:
        difference = _difference(point, point.x, direction, step)
        error = _error(float(slope / unit), float(difference / unit), largest)
        if error < best:
            best, reference = error, difference
        if best <= tolerance:
            return _compare(place, slope / unit, reference / unit, largest)
    if math.isnan(reference):
        raise OptionError(
            f"f is not finite within {STEPS[-1]:.0e} of {place}, so that no difference can be taken; choose "
            f"another point"
        )
    return _compare(place, slope / unit, reference / unit, largest, _at_kink(point, direction, slope))


def _at_kink(point: _Point, direction: Any, slope: float) -> bool:
    # At a smooth point the slopes to the two sides approach each other in proportion to the step.
    middle = point(point.x)
    gaps = []
    for step in STEPS[-2:]:
        left = (middle - point(point.x - step * direction)) / step
        right = (point(point.x + step * direction) - middle) / step
        gaps.append((abs(right - left), min(left, right), max(left, right)))
    (wide, _, _), (gap, low, high) = gaps
    slack = 1e-3 * gap
    return gap > 0.5 * wide and gap > 1e-6 * max(abs(low), abs(high)) and low - slack <= slope <= high + slack
