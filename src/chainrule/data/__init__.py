"""Readers, preparation of columns, minibatches, and the small built-in problems.

`read` makes a `Table` of a file, `prepare` learns how its columns become arrays, `leaks` looks for columns
that give the target away, `split` holds rows out and `minibatches` divides an epoch.
"""

from chainrule.data.batches import minibatches, split
from chainrule.data.columns import Block, Numbers, Text
from chainrule.data.leaks import Leak, leaks
from chainrule.data.preparation import Preparation, prepare
from chainrule.data.problems import band, digits, xor
from chainrule.data.reading import read
from chainrule.data.table import Dataset, Table

__all__ = [
    "Block",
    "Dataset",
    "Leak",
    "Numbers",
    "Preparation",
    "Table",
    "Text",
    "band",
    "digits",
    "leaks",
    "minibatches",
    "prepare",
    "read",
    "split",
    "xor",
]
