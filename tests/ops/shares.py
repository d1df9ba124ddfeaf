"""Which lines of the case tables are tried most.

A third of the lines try primitive operations, which carry the rules: derivatives, shapes, machine code. The others try
compositions of these. In their graphs and derivatives stands nothing but primitives, so that what a composition can
get wrong, arguments, shapes and branches of its own, shows in values and first derivatives at few calls. Its second
derivatives, and all of that compiled, are tried at more calls in `make sweep`.
"""

from hypothesis import settings

from chainrule.ops import PRIMITIVES

__all__ = ["is_simplest", "made_of_others", "of_primitives", "one_in"]


def of_primitives(cases):
    """The lines of primitive operations."""
    return [case for case in cases if case.name in PRIMITIVES]


def made_of_others(cases):
    """The lines of compositions."""
    return [case for case in cases if case.name not in PRIMITIVES]


def is_simplest(*calls):
    """Whether these are the first that Hypothesis draws: the simplest there are, often numbers throughout."""
    return all(call.seed == 0 for call in calls)


def one_in(part):
    """Settings with one example for every `part` that the profile draws of other properties."""
    return settings(max_examples=max(1, settings().max_examples // part))
