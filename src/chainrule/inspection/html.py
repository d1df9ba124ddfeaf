"""The glass box in a notebook: the same tables in HTML."""

import re
from xml.etree.ElementTree import Element

from chainrule.html import Content, element, panel, table
from chainrule.inspection.equations import Equations
from chainrule.inspection.explain import Explanation
from chainrule.inspection.quantities import Backprop
from chainrule.inspection.tables import numeric

__all__ = ["backprop_html", "equations_html", "explanation_html", "mathematics"]

# A sign and what it raises or lowers.
_INDEX = re.compile(r"([\^_])(\([^()]*\)|\w+)")


def backprop_html(found: Backprop) -> str:
    """Show a backward pass.

    Parameters
    ----------
    found : Backprop
        What `chainrule.backprop` returned.

    Returns
    -------
    str
        A fragment of HTML: the table in the notation of the pass, and its equations with their residuals.
    """
    title, heads, rows = found.table()
    first, *others = title.splitlines()
    averaged = len(found.losses) > 1
    caption = "Root mean squares over examples and units" if averaged else "Numbers of one example"
    shown = [[row[k] if k != 2 else mathematics(row[k]) for k in range(len(row))] for row in rows]
    symbols = [mathematics(head) if "^" in head else head for head in heads]
    return panel(
        element("p", first[0].upper() + first[1:]),
        *(element("p", mathematics(line)) for line in (others[:-1] if averaged else others)),
        table(caption, symbols, shown, numbers=set(numeric(heads)) - {0}),
        element("details", element("summary", "Equations and their residuals"), _equations_table(found.equations())),
    )


def mathematics(text: str) -> Content:
    """Raise what follows ``^``, and lower what follows ``_``, in a formula or in text with symbols.

    Parameters
    ----------
    text : str
        As `Notation.formula` writes it.

    Returns
    -------
    str or Element
        The text itself, where nothing is raised or lowered.

    Examples
    --------
    >>> from xml.etree.ElementTree import tostring
    >>> tostring(mathematics("s^(l) = w_0"), encoding="unicode")
    '<span>s<sup>(l)</sup> = w<sub>0</sub></span>'
    """
    parts = _INDEX.split(text)
    if len(parts) == 1:
        return text
    plain, signs, indices = parts[::3], parts[1::3], parts[2::3]
    pieces: list[Content] = [plain[0]]
    for sign, index, after in zip(signs, indices, plain[1:], strict=True):
        pieces += [element("sup" if sign == "^" else "sub", index), after]
    return element("span", *pieces)


def equations_html(found: Equations) -> str:
    """Show the equations of a backward pass.

    Parameters
    ----------
    found : Equations
        What `Backprop.equations` returned.

    Returns
    -------
    str
        A fragment of HTML.
    """
    return panel(_equations_table(found))


def _equations_table(found: Equations) -> Element:
    title, heads, rows = found.table()
    shown = [(number, name, mathematics(formula), residual) for number, name, formula, residual in rows]
    return table(title[0].upper() + title[1:], heads, shown, numbers=(3,))


def explanation_html(found: Explanation) -> str:
    """Show how a derivative comes about.

    Parameters
    ----------
    found : Explanation
        What `chainrule.explain` returned.

    Returns
    -------
    str
        A fragment of HTML: the function with its arguments, and the two tables.
    """
    steps = found.forward()
    # Without a step that is a part of some function, that column says nothing.
    width = 4 if any(row[3] for row in steps) else 3
    forward = [
        [element("code", text) if k in (0, 1, 3) else text for k, text in enumerate(row[:width])] for row in steps
    ]
    backward = [
        (element("code", name), f"{sign} {path}".strip(), local, derivative)
        for name, sign, path, local, derivative in found.backward()
    ]
    return panel(
        element("p", element("code", found.call)),
        table("Forward", ("name", "computed as", "value", "part of")[:width], forward, numbers=(2,)),
        table(
            "Backward",
            ("name", *found.heads),
            backward,
            numbers=(2, 3),
        ),
    )
