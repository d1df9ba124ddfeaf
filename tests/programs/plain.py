"""The loops and the choice of chainrule as plain Python, for the programs that run in plain NumPy."""

import numpy as np

from chainrule import tree

__all__ = ["cond", "scan", "while_loop"]


def scan(f, init, xs=None, length=None):
    """What the documentation of `chainrule.scan` says that it computes."""
    carry, ys = init, []
    for k in range(length if xs is None else len(xs)):
        carry, y = f(carry, None if xs is None else xs[k])
        ys.append(y)
    return carry, tree.map(lambda *parts: np.stack(parts), ys[0], *ys[1:])


def cond(decision, if_true, if_false, *operands):
    """What the documentation of `chainrule.cond` says that it computes."""
    return if_true(*operands) if decision else if_false(*operands)


def while_loop(condition, body, init):
    """What the documentation of `chainrule.while_loop` says that it computes."""
    carry = init
    while condition(carry):
        carry = body(carry)
    return carry
