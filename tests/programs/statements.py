"""The statements that random programs are made of.

Each function takes the writer and returns lines. It need not be right: lines that NumPy refuses are thrown away.
"""

from tests.programs.blocks import as_operation, branch, repeat
from tests.programs.values import alias, choice, elementwise, join, make, pick, product, total, view
from tests.programs.writes import by_function, call, in_place, overlapping, write, write_mask

__all__ = ["SIMPLE", "STATEMENTS", "UNDECIDED"]

SIMPLE = [elementwise, write, write, in_place, in_place, overlapping, choice, write_mask]
#: What a program without decisions on values is made of; a list of statements is drawn from with equal chances.
UNDECIDED = [
    elementwise, elementwise, total, view, view, view, pick, make, make, make, product, join, alias, choice,
    write, write, write, write, write_mask, in_place, in_place, overlapping, overlapping, by_function, by_function,
    call, call, repeat, repeat, as_operation,
]  # fmt: skip
STATEMENTS = [*UNDECIDED, branch, branch, branch]
