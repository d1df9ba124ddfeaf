"""Numbers that follow from the leading size: lengths of axes, and constants such as the divisor of a mean.

A graph that serves every number of rows holds these in the places where a graph for one size holds plain numbers. The
leading size is written n.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Length", "Quotient", "settle"]


@dataclass(frozen=True, slots=True)
class Length:
    """The number ``factor * n + offset``.

    Attributes
    ----------
    factor, offset : int
        The coefficients.
    kind : callable
        What makes the number of the integer: `int`, or `float` where the recorded constant was one.

    Examples
    --------
    >>> from chainrule.lengths import Length
    >>> print(Length(1), Length(2, -1), Length(2, -1).at(10))
    n 2n - 1 19
    """

    factor: int
    offset: int = 0
    kind: Callable[..., Any] = int

    def at(self, n: int) -> Any:
        """The number where the leading size is `n`."""
        return self.kind(self.factor * n + self.offset)

    def __str__(self) -> str:
        text = "n" if self.factor == 1 else f"{self.factor}n"
        return f"{text} {'+' if self.offset > 0 else '-'} {abs(self.offset)}" if self.offset else text

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Quotient:
    """The number ``numerator / length``, such as the weight 1/n of each row in a mean.

    Attributes
    ----------
    numerator : float
        What is divided.
    length : Length
        What divides it.
    kind : callable
        What makes the number: `float` or a NumPy type.

    Examples
    --------
    >>> from chainrule.lengths import Length, Quotient
    >>> print(Quotient(1.0, Length(1)), Quotient(1.0, Length(1)).at(4))
    1.0/n 0.25
    """

    numerator: float
    length: Length
    kind: Callable[..., Any] = float

    def at(self, n: int) -> Any:
        """The number where the leading size is `n`."""
        return self.kind(self.numerator / self.length.at(n))

    def __str__(self) -> str:
        is_simple = self.length.offset == 0 and self.length.factor == 1
        return f"{self.numerator}/{self.length}" if is_simple else f"{self.numerator}/({self.length})"

    __repr__ = __str__


def settle(value: Any, n: int) -> Any:
    """Put a leading size into a number, a shape, or any nesting of tuples and slices of them.

    Parameters
    ----------
    value : object
        What may hold lengths.
    n : int
        The leading size.

    Returns
    -------
    object
        The same with plain numbers; `value` itself where it holds no length.

    Examples
    --------
    >>> from chainrule.lengths import Length, settle
    >>> settle((Length(1), 3, slice(0, Length(1, -1))), 10)
    (10, 3, slice(0, 9, None))
    """
    if isinstance(value, (Length, Quotient)):
        return value.at(n)
    if type(value) is tuple:
        settled = tuple(settle(part, n) for part in value)
        return value if all(a is b for a, b in zip(value, settled, strict=True)) else settled
    if type(value) is slice:
        return slice(settle(value.start, n), settle(value.stop, n), settle(value.step, n))
    return value
