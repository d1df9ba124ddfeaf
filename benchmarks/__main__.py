"""Runs benchmarks, one after the other, and writes each table as CSV and PNG.

    python -m benchmarks [NAME ...] [--out FOLDER] [--mnist FOLDER]

All of them without names; `to_the_goal` is among them where the folder of MNIST's four files is given, and `estimators`
then has a case more.
"""

import argparse
import subprocess
import sys
from pathlib import Path

#: Names, and what each is called with.
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "recording": (),
    "assignment": (),
    "per_example": (),
    "hessian": (),
    "sparse": (),
    "elementwise": (),
    "products": (),
    "calls": (),
    "training": (),
    "gradients": ("--quick",),
    "limits": (),
    "estimators": (),
    "to_the_goal": (),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks"), help="folder (default %(default)s)")
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's four files, for to_the_goal and estimators")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    names = options.names or [name for name in BENCHMARKS if options.mnist or name != "to_the_goal"]
    if "to_the_goal" in names and options.mnist is None:
        parser.error("to_the_goal needs --mnist FOLDER")
    failed = []
    # Each in a process of its own, so that none finds the caches and threads of the one before.
    for name in names:
        print(f"== {name}", flush=True)
        given = (str(options.mnist), *BENCHMARKS[name]) if name == "to_the_goal" else BENCHMARKS[name]
        given += ("--mnist", str(options.mnist)) if name == "estimators" and options.mnist else ()
        command = [sys.executable, "-m", f"benchmarks.{name}", *given, "--out", str(options.out)]
        if subprocess.run(command).returncode:
            failed.append(name)
    print(f"tables and drawings are in {options.out}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
