"""Training steps kept on disk whole: what translates their graph is not needed to find them again."""

from chainrule.native import cache
from chainrule.native.bench import Plan, Steps

__all__ = ["keep", "kept"]


def keep(key: str, steps: Steps) -> None:
    """Keep steps, where that is possible.

    Parameters
    ----------
    key : str
        From `chainrule.native.cache.key_of`, of all that the steps follow from.
    steps : Steps
        What `kept` is to find. With large constants of their own they are not kept.
    """
    plan = steps.plan.facts()
    if plan is not None:
        of_step, of_steps = steps.code
        cache.store(key, cache.Kept(of_step + of_steps, {"plan": plan, "first": len(of_step)}))


def kept(key: str) -> Steps | None:
    """Find steps.

    Parameters
    ----------
    key : str
        As for `keep`.

    Returns
    -------
    Steps or None
        None where there are none.
    """
    found = cache.load(key)
    if found is None:
        return None
    plan, first = Plan.read(found.facts["plan"]), found.facts["first"]
    return Steps(plan, (found.code[:first], found.code[first:]))
