"""Elements of HTML and SVG, and the fragment that a notebook shows."""

import re
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

__all__ = ["COLOURS", "STYLE", "Content", "element", "panel"]

Content: TypeAlias = "str | Element"
"""What stands in an element: text, or another element."""

#: Of the lines of a curve, in order. Each has a contrast of more than 3 to white and to a dark page (#111), as WCAG 2.2
#: (1.4.11) asks of graphics: a notebook does not say in one way whether its theme is light or dark, and so nothing here
#: depends on it. All else is drawn in the colour of the text around.
COLOURS = ("#3d7fc4", "#c5641b", "#3f8f4f")

# The first class is doubled where a notebook's own rules for tables would otherwise win.
STYLE = """
.chainrule{color:inherit;font-size:13px;line-height:1.45;max-width:64em}
.chainrule p{margin:.2em 0 .5em}
.chainrule .wide{overflow-x:auto;margin:0 0 .8em}
.chainrule.chainrule table{border-collapse:collapse;border:none;margin:0;table-layout:auto;width:auto;
color:inherit;font-size:inherit;font-variant-numeric:tabular-nums}
.chainrule.chainrule caption{caption-side:top;text-align:left;font-weight:600;padding:.2em 0;color:inherit;
white-space:nowrap}
.chainrule.chainrule tr{background:none;border:none}
.chainrule.chainrule th,.chainrule.chainrule td{text-align:left;vertical-align:baseline;padding:.2em .8em;
border:none;border-bottom:1px solid rgba(128,128,128,.3);background:none;color:inherit;max-width:32em}
.chainrule.chainrule thead th{border-bottom:1px solid;font-weight:600;white-space:nowrap}
.chainrule.chainrule tbody th{font-weight:400}
.chainrule.chainrule tfoot th,.chainrule.chainrule tfoot td{border-bottom:none;font-weight:600}
.chainrule.chainrule .number{text-align:right;white-space:nowrap}
.chainrule.chainrule code{font-size:inherit;background:none;color:inherit;padding:0;white-space:nowrap}
.chainrule sup,.chainrule sub{line-height:0}
.chainrule svg{display:block;width:100%;min-width:34em;height:auto;overflow:visible}
.chainrule svg text{fill:currentColor;font:12px sans-serif}
.chainrule progress{width:100%;max-width:40em;height:.7em}
.chainrule summary{cursor:pointer;font-weight:600}
"""

# XML 1.0, section 2.2: what may stand in a document. A lone surrogate cannot even be sent as UTF-8.
_NO_CHARACTER = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, *content: Content, **attributes: object) -> Element:
    """Make an element.

    Parameters
    ----------
    tag : str
        Such as ``"td"``.
    *content : str or Element
        What stands in it. Texts are shown as they are, whatever signs they hold; characters that HTML has no place for,
        such as a null, appear as U+FFFD.
    **attributes : object
        ``class_`` is the attribute ``class``; ``stroke_width`` is ``stroke-width``; None leaves one out.

    Returns
    -------
    Element
        For `panel`, or to stand in another one.

    Examples
    --------
    >>> from xml.etree.ElementTree import tostring
    >>> tostring(element("p", "a < b, ", element("b", "bold"), class_="note")).decode()
    '<p class="note">a &lt; b, <b>bold</b></p>'
    """
    names = {name.removesuffix("_").replace("_", "-"): value for name, value in attributes.items()}
    made = Element(tag, {name: _shown(str(value)) for name, value in names.items() if value is not None})
    for part in content:
        if isinstance(part, Element):
            made.append(part)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + _shown(part)
        else:
            made.text = (made.text or "") + _shown(part)
    return made


def panel(*content: Content) -> str:
    """Write a fragment of HTML that needs nothing from elsewhere.

    Parameters
    ----------
    *content : str or Element
        What stands in it, from top to bottom.

    Returns
    -------
    str
        One ``div``, with its own style. It reads in light and dark themes, and is well-formed XML too.

    Examples
    --------
    >>> text = panel(element("p", "a column called <b>"))
    >>> text.endswith("<p>a column called &lt;b&gt;</p></div>")
    True
    """
    whole = element("div", element("style", STYLE), *content, class_="chainrule")
    # Elements that are empty in XML's short form, such as <td/>, stay open in HTML.
    return tostring(whole, encoding="unicode", short_empty_elements=False)


def _shown(text: str) -> str:
    return _NO_CHARACTER.sub("\ufffd", text)
