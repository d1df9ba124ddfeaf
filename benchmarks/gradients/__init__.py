"""Gradients of scientific functions by chainrule, other libraries and by hand: `python -m benchmarks.gradients`."""
