"""Tables in HTML, with heads that a screen reader can name."""

from collections.abc import Iterable, Mapping, Sequence
from xml.etree.ElementTree import Element

from chainrule.html.elements import Content, element

__all__ = ["facts", "table"]

#: Rows that are shown of a longer table: half of them from its start, half from its end.
_SHOWN = 100


def table(
    caption: str,
    heads: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    *,
    numbers: Iterable[int] = (),
    foot: Sequence[Content] = (),
) -> Element:
    """Lay out a table, of which a long one shows its first and last rows.

    Parameters
    ----------
    caption : str
        What stands above it.
    heads : sequence of str or Element
        The heads of the columns.
    rows : iterable of sequences of str or Element
        The cells; the first one of a row is its head.
    numbers : iterable of int
        Columns that are set flush right.
    foot : sequence of str or Element
        A last row, such as sums; none where it is empty.

    Returns
    -------
    Element
        It scrolls by itself where the page is too narrow.

    Examples
    --------
    >>> from xml.etree.ElementTree import tostring
    >>> found = table("sizes", ["layer", "units"], [["1", "32"]], numbers=[1])
    >>> tostring(found.find(".//tbody")).decode()
    '<tbody><tr><th scope="row">1</th><td class="number">32</td></tr></tbody>'
    """
    right = set(numbers)
    listed = list(rows)
    half = _SHOWN // 2
    hidden = len(listed) - 2 * half
    lines = [_row(cells, right) for cells in (listed if hidden <= 0 else listed[:half])]
    if hidden > 0:
        lines.append(element("tr", element("td", f"… {hidden:,} more …", colspan=len(heads))))
        lines += [_row(cells, right) for cells in listed[-half:]]
    titles = [element("th", head, scope="col", class_=_kind(k, right)) for k, head in enumerate(heads)]
    parts = [
        element("caption", caption),
        element("thead", element("tr", *titles)),
        element("tbody", *lines),
        *([element("tfoot", _row(foot, right))] if foot else []),
    ]
    return element("div", element("table", *parts), class_="wide")


def facts(caption: str, pairs: Mapping[str, Content]) -> Element:
    """Lay out names with what they stand for, a row each.

    Parameters
    ----------
    caption : str
        What stands above them.
    pairs : mapping of str to str or Element
        The rows.

    Returns
    -------
    Element
        As `table` returns it.

    Examples
    --------
    >>> from xml.etree.ElementTree import tostring
    >>> tostring(facts("run", {"epochs": "5"}).find(".//tr")).decode()
    '<tr><th scope="row">epochs</th><td>5</td></tr>'
    """
    rows = [_row(pair, set()) for pair in pairs.items()]
    return element("div", element("table", element("caption", caption), element("tbody", *rows)), class_="wide")


def _row(cells: Sequence[Content], right: set[int]) -> Element:
    return element(
        "tr",
        *(
            element("td", cell, class_=_kind(k, right))
            if k
            else element("th", cell, scope="row", class_=_kind(k, right))
            for k, cell in enumerate(cells)
        ),
    )


def _kind(column: int, right: set[int]) -> str | None:
    return "number" if column in right else None
