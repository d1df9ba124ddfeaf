"""Where values between arguments and results stand: those that are never needed at one time share memory."""

from bisect import insort
from collections.abc import Mapping

__all__ = ["ALIGNMENT", "Life", "planned"]

#: The first and the last of the kernels between which a value is needed, by their numbers in the order of the program.
Life = tuple[int, int]

#: Every value starts at a multiple of so many bytes, a line of the cache, and so do its vectors.
ALIGNMENT = 64


def planned(sizes: Mapping[int, int], lives: Mapping[int, Life]) -> tuple[int, dict[int, int]]:
    """Give values their places in a workspace: first fit, the largest one first.

    Parameters
    ----------
    sizes : mapping of int to int
        Bytes of each value.
    lives : mapping of int to Life
        When it is needed.

    Returns
    -------
    total : int
        Bytes of the workspace.
    starts : dict of int to int
        Where each value starts. Two whose lives have a kernel in common have no byte in common.

    Notes
    -----
    The best places are NP-hard to find. This is "greedy by size" of Y. Pisarchyk and J. Lee, Efficient memory
    management for deep neural net inference, arXiv:2001.03288.

    Examples
    --------
    >>> planned({0: 640, 1: 64, 2: 600}, {0: (0, 1), 1: (1, 2), 2: (2, 3)})
    (704, {0: 0, 2: 0, 1: 640})
    """
    starts: dict[int, int] = {}
    taken: list[tuple[int, int, Life]] = []  # Start, end and life of what has its place, by start.
    total = 0
    for place in sorted(sizes, key=lambda place: (-sizes[place], lives[place])):
        size = -(-sizes[place] // ALIGNMENT) * ALIGNMENT
        first, last = lives[place]
        start = 0
        for begin, end, (born, died) in taken:
            if born <= last and first <= died:
                if start + size <= begin:
                    break
                start = max(start, end)
        starts[place] = start
        if size:
            total = max(total, start + size)
            insort(taken, (start, start + size, lives[place]))
    return total, starts
