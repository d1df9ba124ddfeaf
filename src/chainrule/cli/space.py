"""What `chainrule train --search` draws from, as it is written on the command line."""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from chainrule.cli import argument_types as types
from chainrule.errors import OptionError
from chainrule.nn.lookup import look_up
from chainrule.train import Range, Space
from chainrule.train.space import entry_text

__all__ = ["as_options", "fields_of", "space_of", "space_text"]


def space_of(texts: Iterable[str]) -> Space:
    """Read a space.

    Parameters
    ----------
    texts : iterable of str
        ``NAME=VALUE``, where the name is that of an option, and the value what the option takes, or ``LOW:HIGH`` in the
        place of a number. Each time that a name is given there is one choice more.

    Raises
    ------
    OptionError
        Where a text is something else.

    Examples
    --------
    >>> space_of(["rate=1e-4:1e-2", "layers=50", "layers=10:99,10:99"]).entries["hidden"]
    ((50,), (Range(low=10, high=99), Range(low=10, high=99)))
    """
    entries: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise OptionError(f"--space {text}: give an option and its value, such as rate=1e-4:1e-2")
        field, read = look_up("name in --space", _READ, name.removeprefix("--"))
        try:
            entries[field] = (*entries.get(field, ()), read(value))
            Space({field: entries[field]})
        except (argparse.ArgumentTypeError, OptionError) as error:
            raise OptionError(f"--space {text}: {error}") from None
    return Space(entries)


def space_text(space: Space) -> str:
    """Write a space as `space_of` reads it."""
    return " ".join(f"{_NAMES[field]}={entry_text(entry)}" for field, all in space.entries.items() for entry in all)


def as_options(chosen: dict[str, Any]) -> str:
    """Write what was drawn as options of the command.

    Examples
    --------
    >>> as_options({"hidden": (30, 20), "rate": 0.001})
    '--layers 30,20 --rate 0.001'
    """
    return " ".join(f"--{_NAMES.get(field, field)} {entry_text(value)}" for field, value in chosen.items())


def fields_of(chosen: dict[str, Any]) -> dict[str, str]:
    """What was drawn as texts, by the names of options."""
    return {_NAMES[field]: entry_text(value) for field, value in chosen.items()}


def _or_range(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Read also two numbers with a colon between them."""

    def read_range(text: str) -> Any:
        low, colon, high = text.partition(":")
        return Range(read(low), read(high)) if colon else read(text)

    return read_range


def _for_layers(read: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: tuple(map(read, text.split(",")))


def _layers(text: str) -> tuple[Any, ...]:
    return types.sizes(text) if ":" not in text else _for_layers(_or_range(types.whole))(text)


def _dropout(text: str) -> Any:
    found = _for_layers(_or_range(types.number))(text)
    return found[0] if len(found) == 1 else found


_READ: dict[str, tuple[str, Callable[[str], Any]]] = {
    "layers": ("hidden", _layers),
    "activation": ("activation", types.words),
    "dropout": ("dropout", _dropout),
    "optimizer": ("optimizer", str),
    "rate": ("rate", _or_range(types.number)),
    "momentum": ("momentum", _or_range(types.number)),
    "schedule": ("schedule", str),
    "batch": ("batch_size", lambda text: types.batch(text) if ":" not in text else _or_range(types.whole)(text)),
    "epochs": ("epochs", _or_range(types.whole)),
    "l1": ("l1", _or_range(types.number)),
    "l2": ("l2", _or_range(types.number)),
    "clip": ("clip", _or_range(types.number)),
}
_NAMES = {field: name for name, (field, _) in _READ.items()}
