"""Tables, curves and figures in HTML, with nothing from elsewhere: a fragment for a notebook, or a whole page."""

from chainrule.html.curves import Series, curve
from chainrule.html.elements import Content, element, panel
from chainrule.html.page import figure, page
from chainrule.html.tables import facts, table

__all__ = ["Content", "Series", "curve", "element", "facts", "figure", "page", "panel", "table"]
