"""The page on which one steps forward and backward through a function's graph."""

from chainrule.inspection.stepping.page import stepping_page

__all__ = ["stepping_page"]
