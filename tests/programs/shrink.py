"""Makes a program that fails as short as it gets: `python -m tests.programs.shrink SEED [check ...]`."""

import sys

import numpy as np
from tests.programs.checks import CHECKS, Failed, check
from tests.programs.generate import Program, generate, load

__all__ = ["shrink"]


def shrink(program, names=tuple(CHECKS)):
    """Leave out lines, and parts of them, as long as the program runs in NumPy and fails as before.

    Parameters
    ----------
    program : Program
        One that fails.
    names : tuple of str
        The checks that are looked at.

    Returns
    -------
    Program
    """
    kind = failure(program, names)
    lines = program.source.splitlines()
    progress = True
    while progress:
        progress = False
        for size in (6, 3, 2, 1):
            k = 0
            while k < len(lines):
                shorter = Program(
                    program.seed, "\n".join(lines[:k] + lines[k + size :]), program.x, program.w, program.decides
                )
                if runs(shorter) and failure(shorter, names) == kind:
                    lines = lines[:k] + lines[k + size :]
                    progress = True
                else:
                    k += 1
    return Program(program.seed, "\n".join(lines), program.x, program.w, program.decides)


def runs(program):
    try:
        names = load(program.source)
        names["loss"](np.copy(program.x), program.w if isinstance(program.w, float) else np.copy(program.w))
    except Exception:
        return False
    return True


def failure(program, names):
    """The kind of failure: which check, and which exception."""
    try:
        check(program, names)
    except Failed as problem:
        return " ".join(str(problem).split()[:6])
    return None


if __name__ == "__main__":
    print(shrink(generate(int(sys.argv[1])), tuple(sys.argv[2:]) or tuple(CHECKS)))
