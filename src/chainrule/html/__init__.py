"""Tables and curves in HTML for notebooks: one self-contained fragment a view, with nothing from elsewhere."""

from chainrule.html.curves import Series, curve
from chainrule.html.elements import Content, element, panel
from chainrule.html.tables import facts, table

__all__ = ["Content", "Series", "curve", "element", "facts", "panel", "table"]
