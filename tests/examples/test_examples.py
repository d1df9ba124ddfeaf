"""The folder as a whole: every program is listed, tested, and says what it is and where its mathematics comes from."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted((ROOT / "examples").glob("*.py"))


def test_every_program_is_listed_and_tested():
    names = [path.name for path in PROGRAMS]
    assert len(names) >= 8
    listed = re.findall(
        r"^\| \[(\w+\.py)\]\((\w+\.py)\)", (ROOT / "examples/README.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(name for name, _ in listed) == names
    assert all(name == target for name, target in listed)
    assert {f"test_{name}" for name in names} <= {path.name for path in Path(__file__).parent.glob("*.py")}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_says_what_it_is(path):
    told = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert re.search(r"^Sources?: ", told, re.MULTILINE)
    module = importlib.import_module(f"examples.{path.stem}")
    functions = [f for _, f in inspect.getmembers(module, inspect.isfunction) if f.__module__ == module.__name__]
    assert module.main in functions
    for f in functions:
        assert set(f.__annotations__) == {*inspect.signature(f).parameters, "return"}, f.__name__
        assert f is module.main or f.__doc__, f.__name__
    sizes = inspect.signature(module.main).parameters.values()
    assert sizes
    assert all(size.default is not inspect.Parameter.empty for size in sizes)
