"""How many examples a property is tried on: few in every run, and many more in a sweep, as its profile says."""

from hypothesis import settings

__all__ = ["drawn_from", "one_in"]


def drawn_from(part):
    """One example for every `part` that the profile draws of other properties (100, and 300 in `make sweep`)."""
    return max(1, settings().max_examples // part)


def one_in(part):
    """Settings for a property that is slow to try."""
    return settings(max_examples=drawn_from(part), deadline=None)
