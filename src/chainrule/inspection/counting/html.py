"""What a training step costs, in a notebook."""

from typing import TYPE_CHECKING

from chainrule.html import element, panel, table

if TYPE_CHECKING:
    from chainrule.inspection.counting.result import Count

__all__ = ["count_html"]


def count_html(found: "Count") -> str:
    """Show a count.

    Parameters
    ----------
    found : Count
        What `chainrule.inspection.count` returned.

    Returns
    -------
    str
        A fragment of HTML.
    """
    title, heads, rows = found.table()
    return panel(
        element("p", title[0].upper() + title[1:]),
        table("Layer by layer", heads, rows[:-1], numbers=range(2, len(heads)), foot=rows[-1]),
    )
