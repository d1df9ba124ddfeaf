"""A run as one page: what was trained, how good it is, how it got there, and what it costs."""

from chainrule.inspection.report.report import report

__all__ = ["report"]
