"""Symbols of a notation in the labels of a drawing."""

import re

from chainrule.inspection.notation import Notation

__all__ = ["label", "symbol"]

_INSIDE = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"


def symbol(notation: Notation, quantity: str, layer: int | None = None) -> str:
    r"""Write the symbol of a quantity for matplotlib, a fraction on one line so that it can be read.

    Examples
    --------
    >>> from chainrule.inspection.notations import notation_of
    >>> symbol(notation_of("lee"), "sensitivities")
    '$\\partial l \\, / \\, \\partial z^{l}$'
    """
    latex = re.sub(r"\\frac" + _INSIDE + _INSIDE, r"\1 \\, / \\, \2", notation.latex_symbol(quantity, layer))
    return f"${latex}$"


def label(notation: Notation, quantity: str) -> str:
    """What a quantity is called in a drawing: by its symbol, in chainrule's own notation by its word."""
    return quantity if notation.key == "chainrule" else symbol(notation, quantity)
