"""No row of any table is left out of the case tables, and each line of these tries the row that it names."""

import operator
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from tests.ops import all_cases, checks
from tests.ops.case import NEVER

from chainrule import trace
from chainrule.library.with_scipy import load_all
from chainrule.ops import PRIMITIVES
from chainrule.trace.hooks import HOOKED
from chainrule.trace.tables import FUNCTIONS, SPECIAL_COMPOSITIONS, UFUNC_COMPOSITIONS

ROOT = Path(__file__).parents[2]
load_all()
COMPOSITIONS = (
    *FUNCTIONS.values(),
    *UFUNC_COMPOSITIONS.values(),
    *SPECIAL_COMPOSITIONS.values(),
    *HOOKED.values(),
)
NAMES = {*PRIMITIVES, *(entry.name for entry in COMPOSITIONS)}
TRIED = {case.name for case in all_cases.CASES}


def test_the_tables_are_not_empty():
    assert len(PRIMITIVES) > 80
    assert len(FUNCTIONS) > 60
    assert len(HOOKED) >= 3
    assert len(all_cases.CASES) > len(NAMES)
    assert all(table.CASES for table in all_cases.TABLES)


# Interpolants and solvers, whose methods and results no line of a table has room for, have files of their own.
OWN_FILES = {
    "scipy.interpolate.": ("tests/library/test_interpolate.py",),
    "scipy.sparse.linalg.": ("tests/library/test_sparse_solvers.py",),
    "scipy.optimize.": ("tests/transforms/test_implicit.py", "tests/transforms/test_constraints.py"),
}


def test_no_row_is_left_out():
    texts = {start: "".join((ROOT / file).read_text("utf-8") for file in files) for start, files in OWN_FILES.items()}
    left_out = []
    for name in sorted(NAMES - TRIED):
        words = [text for start, text in texts.items() if name.startswith(start)]
        if not words or not re.search(rf"\b{name.removesuffix('.__call__').split('.')[-1]}\b", words[0]):
            left_out.append(name)
    assert left_out == []


def test_no_line_names_a_row_that_is_not_there():
    assert sorted(TRIED - NAMES) == []


def test_every_line_has_a_name_of_its_own():
    names = [str(case) for case in all_cases.CASES]
    assert len(set(names)) == len(names)


def test_every_primitive_is_called_as_it_is_named():
    """A NumPy user finds the row under the name that NumPy gives the function."""
    for name, op in PRIMITIVES.items():
        assert op.name == name
        if name.startswith("np."):
            assert callable(operator.attrgetter(name[3:])(np))


def rows_tried(case, monkeypatch, examples=8):
    """The primitives in the graphs of a line, and the compositions that ran."""
    used, followed = set(), set()
    for entry in COMPOSITIONS:
        monkeypatch.setattr(entry, "follow", noting(entry.follow, entry.name, followed))

    @settings(max_examples=examples)
    @given(case.calls)
    def run(call):
        f, numbers = checks.on_numbers(case, call, call.at())
        graph = trace(f)(*numbers)
        used.update(node.name for node in graph.nodes)

    run()
    return used, followed


def noting(follow, name, followed):
    def noted(*args, **kwargs):
        followed.add(name)
        return follow(*args, **kwargs)

    return noted


LINES = [case for case in all_cases.CASES if case.derivative != NEVER]


@pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")
@pytest.mark.parametrize("case", LINES, ids=str)
def test_a_line_tries_its_row(case, monkeypatch):
    # A few points do for most lines.
    assert any(case.name in set.union(*rows_tried(case, monkeypatch, examples)) for examples in (2, 8))


@pytest.mark.parametrize("name", sorted(PRIMITIVES.keys() & {entry.name for entry in COMPOSITIONS}))
def test_a_name_in_both_tables_is_tried_in_both(name, monkeypatch):
    tried = [rows_tried(case, monkeypatch) for case in LINES if case.name == name]
    assert any(name in used for used, _ in tried)
    assert any(name in followed for _, followed in tried)
