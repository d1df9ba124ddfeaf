"""A lesson as a page of HTML with its figures in it, and the page that ties all of them together."""

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from chainrule.html.elements import Content, element
from chainrule.html.page import figure, page
from chainrule.html.tables import table
from chainrule.lessons import LESSONS
from chainrule.lessons.lesson import Claim, Code, Figure, Formula, Lesson, Part, Table
from chainrule.lessons.writing import cell_text, claim_text, numeric_columns, spans

__all__ = ["as_html", "index_html"]

_STYLE = """
.lead{font-size:1.1em}
.chainrule .lessons{padding-left:2.1em}
.chainrule .lessons li{margin:.8em 0}
.claim{border-left:4px solid #3f8f4f;padding:.1em 0 .1em .8em}
.fails{border-left-color:#c5641b}
.mark{color:#3f8f4f;font-weight:700}
.fails .mark{color:#c5641b}
nav a{white-space:normal}
nav[aria-label="lessons"]{display:flex;flex-direction:column;align-items:start;gap:.3em;line-height:1.5}
nav[aria-label="lessons"] a{margin:0}
"""


def as_html(lesson: Lesson, *, among: Sequence[str] = (), command: str = "") -> str:
    """Write a lesson as a page of its own.

    Parameters
    ----------
    lesson : Lesson
        The lesson; its figures are drawn.
    among : sequence of str
        Names of the lessons whose pages, called ``NAME.html``, stand beside this one, in order: the page then leads to
        the one before, to the one after, and to ``index.html``.
    command : str
        What made it, to be shown at its end.

    Returns
    -------
    str
        The document.

    Raises
    ------
    OptionError
        Where matplotlib is not installed and the lesson has figures.

    Examples
    --------
    >>> from chainrule.lessons import Section
    >>> lesson = Lesson("sums", "Sums", "One sum.", (Section("A sum", (Formula("1 + 1 = 2"),)),), {})
    >>> '<h2 id="a-sum">A sum</h2><p class="formula">1 + 1 = 2</p>' in as_html(lesson)
    True
    """
    anchors = {section.title: _anchor(section.title) for section in lesson.sections}
    content = [element("p", *_inline(lesson.summary), class_="lead")]
    if len(anchors) > 1:
        lines = [element("li", element("a", title, href=f"#{anchor}")) for title, anchor in anchors.items()]
        content.append(element("nav", element("ol", *lines), aria_label="contents"))
    for section in lesson.sections:
        content.append(element("h2", section.title, id=anchors[section.title]))
        content += [_part(part) for part in section.parts]
    if command:
        content.append(element("p", "This page was made by ", element("code", command), ".", class_="note"))
    if among:
        content.append(_beside(lesson.name, among))
    return page(lesson.title, *content, style=_STYLE)


def index_html(lessons: Sequence[Lesson], command: str = "") -> str:
    """Write the page that leads to ``NAME.html`` of every lesson.

    Parameters
    ----------
    lessons : sequence of Lesson
        The lessons, in order.
    command : str
        What made the pages.

    Returns
    -------
    str
        The document.
    """
    lines = [
        element("li", element("a", one.title, href=f"{one.name}.html"), element("br"), *_inline(one.summary))
        for one in lessons
    ]
    opening = "Experiments of the lecture notes on backpropagation, each run when its page was made."
    content = [element("p", opening, class_="lead"), element("ol", *lines, class_="lessons")]
    if command:
        content.append(element("p", "These pages were made by ", element("code", command), ".", class_="note"))
    return page("Lessons in backpropagation", *content, style=_STYLE)


def _beside(name: str, among: Sequence[str]) -> Element:
    place = among.index(name)
    links: list[tuple[str, str]] = []
    if place > 0:
        links.append((f"← {LESSONS[among[place - 1]].title}", f"{among[place - 1]}.html"))
    links.append(("All lessons", "index.html"))
    if place + 1 < len(among):
        links.append((f"{LESSONS[among[place + 1]].title} →", f"{among[place + 1]}.html"))
    return element("nav", *(element("a", text, href=href) for text, href in links), aria_label="lessons")


def _part(part: Part) -> Element:
    if isinstance(part, str):
        return element("p", *_inline(part))
    if isinstance(part, Claim):
        mark = element("span", "✓" if part.holds else "✗", class_="mark", aria_hidden="true")
        return element("p", mark, " ", *_inline(claim_text(part)), class_="claim" if part.holds else "claim fails")
    if isinstance(part, Formula):
        return element("p", part.text, class_="formula")
    if isinstance(part, Table):
        rows = [[_cell(cell_text(cell)) for cell in row] for row in part.rows]
        return table(part.title, part.heads, rows, numbers=numeric_columns(part))
    if isinstance(part, Figure):
        return figure(part.figure(), part.title, part.alt)
    assert isinstance(part, Code)
    return element("pre", element("code", part.text.strip("\n")))


def _inline(text: str) -> list[Content]:
    return [element("code", piece) if is_code else piece for piece, is_code in spans(text)]


def _cell(text: str) -> Content:
    return element("span", *_inline(text)) if "`" in text else text


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
