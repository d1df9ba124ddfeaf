"""From what a random search draws: choices, and ranges of numbers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.train.defaults import own_rate
from chainrule.train.options import Options

__all__ = ["SEARCHED", "Range", "Space", "default_space", "entry_text"]

#: What can be searched: numbers on a logarithmic scale, on a linear one, and names.
_LOGARITHMIC = ("rate", "l1", "l2", "clip")
_WHOLE = ("hidden", "batch_size", "epochs")
_LINEAR = ("dropout", "momentum")
_NAMES = ("activation", "optimizer", "schedule")
SEARCHED = (*_LOGARITHMIC, *_WHOLE, *_LINEAR, *_NAMES)
"""The options that a search may draw."""

# Digits of a number that is drawn: as many as are written, so that what is written trains the same model.
_DIGITS = 3


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; to three digits.

    Dropout and momentum are drawn evenly, all else evenly in its logarithm. Units, rows and epochs are whole numbers.

    Attributes
    ----------
    low, high : float
        The ends.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise OptionError(f"a range goes from a number to a larger one, found {self}")

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}"


@dataclass(frozen=True)
class Space:
    """What is drawn for a trial.

    Attributes
    ----------
    entries : mapping of str to tuple
        For each option by its name in `Options` the entries of which one is drawn: a value, a `Range`, and for
        `hidden` and `dropout` also a tuple of values and ranges, one for each layer.

    Raises
    ------
    OptionError
        For an option that cannot be searched, one without entries, or a value that the option does not take.

    Examples
    --------
    >>> space = Space({"rate": (Range(1e-4, 1e-2),), "hidden": ((50,), (Range(10, 99), Range(10, 99)))})
    >>> space.draw(np.random.default_rng(1))
    {'rate': 0.00106, 'hidden': (13, 88)}
    >>> str(space)
    'rate=0.0001:0.01 hidden=50 hidden=10:99,10:99'
    """

    entries: Mapping[str, tuple[Any, ...]]

    def __post_init__(self) -> None:
        for name, entries in self.entries.items():
            if name not in SEARCHED:
                raise OptionError(f"{name} cannot be searched; these can: {', '.join(SEARCHED)}")
            if not entries:
                raise OptionError(f"there is nothing to draw for {name}")
            for entry in entries:
                for end in ("low", "high"):
                    replace(Options(), **{name: _at(end, entry)})
                for part in entry if isinstance(entry, tuple) else (entry,):
                    _check_range(name, part)

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw one value for each option, shape by shape in the order of the entries."""
        return {
            name: _drawn(name, entries[int(rng.integers(len(entries)))], rng) for name, entries in self.entries.items()
        }

    def without(self, names: Iterable[str]) -> "Space":
        """The same space where some options are not searched."""
        left_out = set(names)
        return Space({name: entries for name, entries in self.entries.items() if name not in left_out})

    def __str__(self) -> str:
        return " ".join(f"{name}={entry_text(entry)}" for name, entries in self.entries.items() for entry in entries)


def entry_text(entry: Any) -> str:
    """Write an entry or a value the way the command takes it.

    Examples
    --------
    >>> entry_text((Range(8, 64), 10)), entry_text(()), entry_text(0.5)
    ('8:64,10', 'none', '0.5')
    """
    if isinstance(entry, tuple):
        return ",".join(map(entry_text, entry)) or "none"
    short = f"{entry:g}" if isinstance(entry, float) else ""
    return short if short and float(short) == entry else str(entry)


def default_space(examples: int, options: Options) -> Space:
    """Choose what a search draws where nothing else is said: all that the options leave open.

    Parameters
    ----------
    examples : int
        Training examples, about; larger minibatches are for many.
    options : Options
        What is given is not searched.

    Examples
    --------
    >>> str(default_space(500, Options(hidden=(30,), activation="tanh", batch_size=10)))
    'dropout=0 dropout=0.05:0.5 rate=0.0001:0.01 l2=0 l2=1e-06:0.01'
    """
    batches = (64, 128, 256) if examples >= 10_000 else (16, 32, 64)
    units, rate = Range(16, 256), own_rate(options.optimizer or "adam")
    entries: dict[str, tuple[Any, ...]] = {
        "hidden": ((units,), (units, units)),
        "activation": ("relu", "tanh", "gelu"),
        "dropout": (0.0, Range(0.05, 0.5)),
        "rate": (Range(rate / 10, rate * 10),),
        "batch_size": batches,
        "l2": (0.0, Range(1e-6, 1e-2)),
    }
    given = {name for name in entries if getattr(options, name) not in (None, 0.0)}
    if options.hidden == ():
        given |= {"activation", "dropout"}
    return Space(entries).without(given)


def _at(end: str, entry: Any) -> Any:
    """The value at one end of an entry."""
    if isinstance(entry, tuple):
        return tuple(_at(end, part) for part in entry)
    return getattr(entry, end) if isinstance(entry, Range) else entry


def _check_range(name: str, entry: Any) -> None:
    if not isinstance(entry, Range):
        return
    if name in _NAMES:
        raise OptionError(f"{name} is a name, which has no range {entry}: give the names, one at a time")
    if name in _LOGARITHMIC and entry.low <= 0:
        raise OptionError(f"the range {entry} of {name} has to begin above 0; give 0 as a choice beside it")


def _drawn(name: str, entry: Any, rng: np.random.Generator) -> Any:
    if isinstance(entry, tuple):
        return tuple(_drawn(name, part, rng) for part in entry)
    if not isinstance(entry, Range):
        return entry
    if name in _LINEAR:
        return float(f"{rng.uniform(entry.low, entry.high):.{_DIGITS}g}")
    if name in _WHOLE:
        # Every whole number has the part of the logarithmic scale from a half below to a half above it.
        drawn = math.exp(rng.uniform(math.log(entry.low - 0.5), math.log(entry.high + 0.5)))
        return min(max(round(drawn), int(entry.low)), int(entry.high))
    return float(f"{math.exp(rng.uniform(math.log(entry.low), math.log(entry.high))):.{_DIGITS}g}")
