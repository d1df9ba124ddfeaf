"""What the arguments of the command are read as; ArgumentTypeError, in words, where they are something else."""

import argparse
import csv

__all__ = ["batch", "names", "number", "rates", "sizes", "weight", "whole", "words"]


def names(text: str) -> tuple[str, ...]:
    """Split names as a line of CSV, so that a name with a comma in it can be quoted."""
    try:
        names = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    except csv.Error:
        names = ()
    if not names or not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} does not name columns, separated by commas and quoted as in CSV")
    return names


def weight(text: str) -> str | tuple[str, float]:
    """Read the weight of a class, whose name may have any characters in it."""
    if text == "balanced":
        return text
    label, equals, value = text.rpartition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is neither balanced nor LABEL=WEIGHT, such as yes=5")
    return label, number(value)


def rates(text: str) -> float | tuple[float, ...]:
    """Read a number, or one for each layer."""
    found = tuple(number(part) for part in text.split(","))
    return found[0] if len(found) == 1 else found


def words(text: str) -> str | tuple[str, ...]:
    """Read a name, or one for each layer."""
    found = tuple(word.strip() for word in text.split(","))
    return found[0] if len(found) == 1 else found


def sizes(text: str) -> tuple[int, ...]:
    """Read the units of the hidden layers."""
    if text.strip().lower() == "none":
        return ()
    try:
        sizes = tuple(int(size) for size in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers from 1 on, such as 100 or 64,32; none is for no hidden layer"
        )
    return sizes


def batch(text: str) -> int | str:
    """Read the rows of a minibatch."""
    if text != "all" and not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number from 1 on nor all")
    return text if text == "all" else int(text)


def whole(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def number(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
