"""Runs every benchmark, one after the other."""

import subprocess
import sys

# Each in a process of its own, so that none finds the caches and threads of the one before.
for name in ("recording", "assignment", "per_example", "hessian", "elementwise", "products", "calls", "training"):
    print(f"== {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
