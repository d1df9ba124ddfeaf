"""Drawings with matplotlib: one call, one figure, with title, axes, units and a legend.

Each function returns a ``matplotlib.figure.Figure`` that pyplot does not hold: it is freed with its last name. A
notebook shows it after ``%matplotlib inline``; ``figure.savefig`` and `save_svg` save it. Functions with `ax` draw into
axes of your own. matplotlib is loaded by the first call: ``pip install "chainrule[plot]"``.
"""

from chainrule.inspection.drawings.curves import learning_curves
from chainrule.inspection.drawings.descent import cost_surface
from chainrule.inspection.drawings.figures import save_svg, svg_text
from chainrule.inspection.drawings.flow import sensitivities_by_layer, sensitivities_over_time
from chainrule.inspection.drawings.gains import constant_gains
from chainrule.inspection.drawings.graphs import architecture, computation_graph
from chainrule.inspection.drawings.hidden import hidden_space
from chainrule.inspection.drawings.histograms import gradient_histograms, weight_histograms
from chainrule.inspection.drawings.networks import network_drawing
from chainrule.inspection.drawings.plane import decision_boundary, output_surface
from chainrule.inspection.drawings.scores import calibration, confusion_matrix, residuals
from chainrule.inspection.drawings.watched import watch_curves

__all__ = [
    "architecture",
    "calibration",
    "computation_graph",
    "confusion_matrix",
    "constant_gains",
    "cost_surface",
    "decision_boundary",
    "gradient_histograms",
    "hidden_space",
    "learning_curves",
    "network_drawing",
    "output_surface",
    "residuals",
    "save_svg",
    "sensitivities_by_layer",
    "sensitivities_over_time",
    "svg_text",
    "watch_curves",
    "weight_histograms",
]
