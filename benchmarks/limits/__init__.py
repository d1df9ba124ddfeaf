"""Training and `jit` against what the machine and the arithmetic allow: `python -m benchmarks.limits`."""
