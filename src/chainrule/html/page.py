"""A whole page of HTML that needs nothing from elsewhere, and figures to stand in it."""

import base64
import html
import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from chainrule.errors import OptionError
from chainrule.html.elements import STYLE, element
from chainrule.html.svg import svg_once

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "page"]

# The rules of the fragments say `.chainrule.chainrule`, and so do those that differ from them here. What is wider than
# the page has a shadow at the edge behind which it goes on.
_STYLE = """
:root{color-scheme:light dark;--page:#fff;--text:#1b1b1b;--soft:#5c5c5c;--line:#8a8a8a;--box:#f4f4f2;--link:#22629f}
@media(prefers-color-scheme:dark){:root{--page:#141414;--text:#ececec;--soft:#a9a9a9;--box:#232323;--link:#79b4ee}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text)}
main.chainrule{margin:0 auto;padding:16px 16px 48px;max-width:46rem;font:16px/1.55 system-ui,sans-serif;
overflow-wrap:break-word}
h1{font-size:1.6em;line-height:1.25;margin:.4em 0 .5em}
h2{font-size:1.25em;line-height:1.3;margin:1.8em 0 .5em;padding-top:.4em;border-top:1px solid var(--line)}
h3{font-size:1.05em;margin:1.4em 0 .4em}
.chainrule p,.chainrule ul,.chainrule ol{margin:.5em 0 .9em}
.chainrule ul,.chainrule ol{padding-left:1.4em}
.chainrule li{margin:.3em 0}
a{color:var(--link)}
nav{line-height:2}
nav a{display:inline-block;margin-right:1em;line-height:1.4}
.chainrule .wide{background:linear-gradient(90deg,var(--page) 30%,transparent) 0/24px 100% no-repeat local,
linear-gradient(270deg,var(--page) 30%,transparent) 100%/24px 100% no-repeat local,
linear-gradient(90deg,rgba(128,128,128,.5),transparent) 0/10px 100% no-repeat scroll,
linear-gradient(270deg,rgba(128,128,128,.5),transparent) 100%/10px 100% no-repeat scroll}
.chainrule.chainrule table{font-size:.9em;min-width:min(100%,22em)}
.chainrule.chainrule caption{white-space:normal}
.chainrule.chainrule code{font:.92em ui-monospace,monospace;white-space:normal;overflow-wrap:anywhere}
.chainrule pre{margin:.6em 0 1em;padding:.7em .9em;background:var(--box);border-radius:6px;overflow-x:auto;
font:.86em/1.5 ui-monospace,monospace}
.chainrule.chainrule pre code{font:inherit;white-space:pre;overflow-wrap:normal}
.chainrule pre.wraps,.chainrule.chainrule pre.wraps code{white-space:pre-wrap;overflow-wrap:anywhere}
.formula{margin:.6em 0;padding:.1em 0 .1em 1.2em;overflow-x:auto;white-space:nowrap;font-family:ui-serif,serif;
font-size:1.06em}
.note{color:var(--soft);font-size:.9em}
figure{margin:1em 0 1.4em}
figure img{display:block;max-width:100%;height:auto;background:#fff;border-radius:6px;
outline:1px solid rgba(128,128,128,.25)}
figcaption{margin-top:.4em;font-size:.9em;color:var(--soft)}
figcaption b{color:var(--text)}
button,input,select{font:inherit;color:inherit}
@media(max-width:480px){main.chainrule{padding:10px 12px 36px}h1{font-size:1.35em}
.chainrule.chainrule th,.chainrule.chainrule td{padding:.2em .5em}}
@media print{:root{--page:#fff;--text:#000;--soft:#444;--box:#f4f4f2;--link:#000}body{color-scheme:light}
main.chainrule{max-width:none;padding:0}h2,h3{break-after:avoid}figure,tr,pre{break-inside:avoid}
.chainrule .wide,.chainrule pre{overflow:visible}.chainrule.chainrule pre code{white-space:pre-wrap}}
"""

# A page may show what it carries, and fetch nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
# Pixels of a figure's inch, as `inspection.drawings` counts them; SVG counts 72 points.
_PIXELS = 100 / 72


def page(title: str, *content: Element, script: str = "", style: str = "") -> str:
    """Write a document that opens from disk and fetches nothing.

    Parameters
    ----------
    title : str
        Its name, which stands above it as the head of first rank too.
    *content : Element
        What stands below, from top to bottom: `element`, `table`, `facts`, `curve`, `figure`.
    script : str
        JavaScript that runs when all content is there.
    style : str
        CSS rules after those of every page. The classes ``note`` (small), ``formula`` (a displayed line), ``wide``
        (scrolls by itself) and, of a ``pre``, ``wraps`` are there; so are the colours ``--page``, ``--text``,
        ``--soft``, ``--line``, ``--box`` and ``--link``, of which each has a light and a dark form.

    Returns
    -------
    str
        A page for light and dark screens from 360 pixels of width on, and for paper.

    Examples
    --------
    >>> text = page("Squares", element("p", "a < b"))
    >>> text[:15], "<h1>Squares</h1><p>a &lt; b</p>" in text
    ('<!DOCTYPE html>', True)
    """
    main = element("main", element("h1", title), *content, class_="chainrule")
    # The title is text to `element`, which replaces what HTML has no place for.
    name = html.escape("".join(main[0].itertext()), quote=False)
    script = f"<script>{_kept_inside(script)}</script>\n" if script else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{name}</title>
<link rel="icon" href="data:,">
<style>{STYLE}{_STYLE}{style}</style>
</head>
<body>
{tostring(main, encoding="unicode", method="html")}
{script}</body>
</html>
"""


def figure(drawing: "str | Figure", title: str, alt: str, caption: str = "") -> Element:
    """Set a drawing into a page, on white, so that it reads in the dark theme too.

    Parameters
    ----------
    drawing : str or matplotlib.figure.Figure
        The text of an SVG, or what `chainrule.inspection.drawings` returns.
    title : str
        What stands below it, first.
    alt : str
        What it shows, for a reader who does not see it.
    caption : str
        A sentence after the title.

    Returns
    -------
    Element
        A ``figure``, whose image is in the page itself.

    Raises
    ------
    OptionError
        Where `alt` is empty, or the text is not an SVG.

    Examples
    --------
    >>> svg = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"/>'
    >>> found = figure(svg, "Nothing", "an empty drawing")
    >>> found.find("img").get("width"), found.find("figcaption/b").text
    ('100', 'Nothing')
    """
    if not alt.strip():
        raise OptionError("alt has to say what the figure shows, found an empty text")
    text = drawing if isinstance(drawing, str) else svg_once(drawing)
    if "<svg" not in text:
        raise OptionError(f"drawing has to be the text of an SVG or a Figure, found {text[:40]!r}")
    sizes = {name: _pixels(text, name) for name in ("width", "height")}
    source = "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
    words = element("figcaption", element("b", title), f" {caption}".rstrip())
    return element("figure", element("img", src=source, alt=alt, **sizes), words)


def _pixels(svg: str, name: str) -> int | None:
    """The size of a drawing, so that a browser keeps its place while it is read."""
    found = re.search(rf'<svg[^>]*?\s{name}="([\d.]+)(pt|px)?"', svg)
    return round(float(found[1]) * (_PIXELS if found[2] == "pt" else 1)) if found else None


def _kept_inside(script: str) -> str:
    r"""Write what would end a script, or start a comment of HTML, with ``\u003c``, which strings read as ``<``."""
    return re.sub(r"<(?=/script|!--)", r"\\u003c", script, flags=re.IGNORECASE)
