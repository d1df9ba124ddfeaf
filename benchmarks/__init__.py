"""Measurements against peers, side by side in one run: `python -m benchmarks`, or one file with `python -m`."""
