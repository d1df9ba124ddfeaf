"""A room of the package imports only rooms that stand before it in one list."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "chainrule"

# From the ground up: a room may import those before it, itself, and none after it.
ROOMS = (
    "errors",
    "html",
    "tree",
    "lengths",
    "on_demand",
    "graph",
    "ops",
    "trace",
    "evaluate",
    "differentiate",
    "transforms",
    "random",
    "library",
    "passes",
    "native",
    "jit",
    "nn",
    "optim",
    "data",
    "train",
    "inspection",
    "lessons",
    "estimators",
    "bridges",
    "distributed",
    "cli",
)
# They gather the rooms, so they stand after all of them.
GATHERING = ("__init__", "__main__")


def room_of(path: Path) -> str:
    """``graph`` for ``src/chainrule/graph.py``, ``ops`` for ``src/chainrule/ops/shapes.py``."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(source: str, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of what a module imports, inside functions too.

    `package` is the module's package, from which relative imports start.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *([node.module] if node.module else [])))
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def breaches(source: str, path: Path) -> list[str]:
    """What is wrong with the imports of one module, a line each."""
    here = room_of(path)
    allowed = ROOMS[: ROOMS.index(here) + 1]
    found = []
    for line, name in imported_modules(source, ("chainrule", *path.relative_to(PACKAGE).parts[:-1])):
        top, _, rest = name.partition(".")
        room = rest.partition(".")[0]
        # The version is a fact about the package, not a part of it.
        if top != "chainrule" or room in allowed or room == "__version__":
            continue
        what = f"{room!r}, which stands after it" if room in ROOMS else f"{name!r} from the package's front"
        found.append(f"{path.relative_to(PACKAGE)}:{line}: the room {here!r} imports {what}")
    return found


FILES = sorted(path for path in PACKAGE.rglob("*.py") if room_of(path) not in GATHERING)


def test_every_file_belongs_to_a_room():
    assert FILES
    assert {room_of(path) for path in FILES} <= set(ROOMS)
    assert len(set(ROOMS)) == len(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_only_rooms_before_them(path):
    assert breaches(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("from chainrule.graph import Node", 0),
        ("import chainrule.errors, numpy.linalg", 0),
        ("from chainrule import __version__, tree", 0),
        ("from . import table\nfrom .. import graph\nfrom ..tree import map", 0),
        ("from .elementwise import relu", 0),
        ("import chainrule.jit", 1),
        ("from chainrule import nn", 1),
        ("from chainrule import grad", 1),
        ("import chainrule", 1),
        ("def f():\n    from ..train import fit", 1),
        ("from .. import cli, data", 2),
    ],
)
def test_breaches_are_seen(source, count):
    assert len(breaches(source, PACKAGE / "ops" / "example.py")) == count
