"""Training steps of chainrule, a program in C and other libraries, side by side: `python -m benchmarks.training`."""
