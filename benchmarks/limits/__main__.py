"""What chainrule reaches of what the machine and the arithmetic allow, and what it costs besides.

Parts: `products` (the product rate, and what training steps reach of it), `bandwidth` (copies and elementwise
functions), `counting` (multiplications and time of forward and backward, over forward), `calls` (a call of a small
compiled function), `compiling` (time until machine code is there) and `memory` (of training, beside JAX).

    python -m benchmarks.limits [PART ...] [--large] [--out FOLDER]
"""

import argparse
import os

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CHAINRULE_THREADS"):
    os.environ.setdefault(_pool, "1")

from collections.abc import Callable

from benchmarks.limits.calling import calls
from benchmarks.limits.compiling import compile_times
from benchmarks.limits.counting import backward_over_forward
from benchmarks.limits.memory import beyond
from benchmarks.limits.rates import bandwidth, products
from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show
from benchmarks.training.networks import LARGE

Part = Callable[[argparse.Namespace, list[int]], list[Result]]

PARTS: dict[str, Part] = {
    "products": lambda options, threads: products(options.rounds, options.seconds, threads, options.large),
    "bandwidth": lambda options, threads: [bandwidth(options.rounds, options.seconds, threads)],
    "counting": lambda options, threads: [backward_over_forward(options.rounds)],
    "calls": lambda options, threads: [calls(options.rounds)],
    "compiling": lambda options, threads: [compile_times(options.rounds)],
    "memory": lambda options, threads: [beyond(min(options.rounds, 3), max(threads), options.large)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all without")
    parser.add_argument("--rounds", type=int, default=7, help="turns, of which the median counts (default 7)")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a turn (default 0.3)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default 1 2)")
    parser.add_argument("--large", action="store_true", help=f"also {LARGE}, seconds a step")
    add_output(parser)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print_machine("numpy", "scipy", "jax", "llvmlite")
    threads = [k for k in options.threads if k <= (os.cpu_count() or 1)]
    for part in options.parts or PARTS:
        for result in PARTS[part](options, threads):
            show(result, options.out)


if __name__ == "__main__":
    main()
