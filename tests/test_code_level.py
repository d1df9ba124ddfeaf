"""The code level of the tests: which rooms take which, and that the code of each is kept apart."""

import importlib
from pathlib import Path

import llvmlite.ir as ir
import pytest
from tests import code_level

from chainrule.native import machine

EXACT = "tests/native/test_program.py tests/jit/test_cases.py tests/test_docs.py src/chainrule/tree/__init__.py"
QUICK = "tests/ops/test_cases.py tests/inspection/drawings/test_graphs.py tests/estimators/test_files.py"


@pytest.fixture
def at_level_0(monkeypatch):
    monkeypatch.setattr(code_level, "_level", 0)


@pytest.mark.skipif(code_level.level_of(Path("tests/ops/test_cases.py")) == 2, reason="the sweep takes level 2")
def test_rooms():
    assert {code_level.level_of(Path(path)) for path in EXACT.split()} == {2}
    assert {code_level.level_of(Path(path)) for path in QUICK.split()} == {0}
    assert code_level.level_of(Path("tests/train/test_compiled.py")) == 2


def test_every_room_and_file_is_there():
    here = Path(__file__).parent
    assert all((here / room).is_dir() for room in code_level.QUICK)
    assert all([*here.rglob(name)] for name in code_level.EXACT_FILES)


def test_what_holds_programs_can_be_emptied():
    for module, name in code_level.HELD:
        held = getattr(importlib.import_module(module), name)
        assert hasattr(held, "cache_clear") or hasattr(held, "clear"), (module, name)


def code_of(name):
    """x*x + x in two blocks: at level 0 what the second reads goes through memory."""
    module, number = machine.new_module(name), ir.DoubleType()
    function = ir.Function(module, ir.FunctionType(number, [number]), "f")
    (x,) = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    square, end = builder.fmul(x, x), function.append_basic_block()
    builder.branch(end)
    builder.position_at_end(end)
    builder.ret(builder.fadd(square, x))
    return machine.object_code(module)


def test_levels_are_apart(at_level_0, monkeypatch):
    quick, kernel, fingerprint = code_of("f"), code_of("products"), machine.fingerprint()
    monkeypatch.setattr(code_level, "_level", 2)
    assert machine.fingerprint() != fingerprint
    assert code_of("f") != quick
    assert code_of("products") == kernel
