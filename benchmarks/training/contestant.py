"""What a contestant is."""

from collections.abc import Callable

__all__ = ["Contestant", "Unable"]

#: Takes about so many steps, as whole epochs where a library trains in epochs; gives their number and the seconds.
Contestant = Callable[[int], tuple[int, float]]


class Unable(Exception):
    """A contestant cannot train this network."""
