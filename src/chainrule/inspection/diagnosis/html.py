"""A diagnosis in a notebook: the same table and sentences in HTML."""

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from chainrule.html import element, panel, table
from chainrule.inspection.html import mathematics

if TYPE_CHECKING:
    from chainrule.inspection.diagnosis.diagnosis import Diagnosis
    from chainrule.inspection.diagnosis.findings import Finding
    from chainrule.inspection.diagnosis.watching import Watch

__all__ = ["diagnosis_html", "findings_element", "watch_html"]


def diagnosis_html(found: "Diagnosis") -> str:
    """Show a diagnosis.

    Parameters
    ----------
    found : Diagnosis
        What `chainrule.diagnose` returned.

    Returns
    -------
    str
        A fragment of HTML: the table, and what was found.
    """
    title, heads, rows = found.table()
    numbers = [k for k, head in enumerate(heads) if k and head != "activation"]
    first, *others = title.splitlines()
    return panel(
        element("p", first[0].upper() + first[1:]),
        *(element("p", mathematics(line)) for line in others),
        table("Layer by layer", [mathematics(head) for head in heads], rows, numbers=numbers),
        findings_element(found.findings),
    )


def findings_element(findings: "tuple[Finding, ...]") -> Element:
    """A list of what was found.

    Parameters
    ----------
    findings : tuple of Finding
        It may be empty.

    Returns
    -------
    Element
        A list, or a sentence that there is nothing.
    """
    if not findings:
        return element("p", "Nothing stands out.")
    return element("ul", *(element("li", str(one)) for one in findings))


def watch_html(found: "Watch") -> str:
    """Show a diagnosis over a run.

    Parameters
    ----------
    found : Watch
        The callback, after the run.

    Returns
    -------
    str
        A fragment of HTML: the table of looks, and what was found.
    """
    title, heads, rows = found.table()
    return panel(
        element("p", title[0].upper() + title[1:]),
        table("Look by look", heads, rows, numbers=range(1, len(heads))),
        findings_element(found.findings),
    )
