"""Every public name is there, and every public function says what it takes and shows itself at work."""

import importlib
import inspect
import pkgutil
import re
from types import ModuleType

import pytest

import chainrule


def every_module() -> list[str]:
    """Dotted names of the package's modules, but for those that run a program when imported."""
    walked = (module.name for module in pkgutil.walk_packages(chainrule.__path__, "chainrule."))
    return ["chainrule", *(name for name in walked if not name.endswith("__main__"))]


def public_objects() -> dict[str, object]:
    """What a user finds from the front: functions and classes in the ``__all__`` of chainrule and its rooms.

    A module named there opens its own ``__all__`` too. Each thing comes once, under its home's name.
    """
    names = (room.name for room in pkgutil.iter_modules(chainrule.__path__) if not room.name.startswith("_"))
    rooms = [importlib.import_module(f"chainrule.{name}") for name in names]
    waiting: list[ModuleType] = [chainrule, *rooms]
    found: dict[str, object] = {}
    while waiting:
        module = waiting.pop()
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name, None)
            if inspect.ismodule(thing):
                waiting.append(thing)
            elif inspect.isfunction(thing) or inspect.isclass(thing):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return dict(sorted(found.items()))


MODULES = every_module()
OBJECTS = public_objects()
FUNCTIONS = {name: thing for name, thing in OBJECTS.items() if inspect.isfunction(thing)}


def section(docstring: str, title: str) -> str | None:
    """Text of a numpydoc section; None where the docstring has none of that title."""
    heading = re.compile(rf"^{title}\n-{{{len(title)}}}$", re.MULTILINE)
    start = heading.search(docstring)
    if start is None:
        return None
    following = re.compile(r"^[A-Z][A-Za-z ]+\n-{3,}$", re.MULTILINE).search(docstring, start.end())
    return docstring[start.end() : following.start() if following else None]


def test_there_is_something_to_test():
    assert len(MODULES) > 5
    assert len(FUNCTIONS) > 5


@pytest.mark.parametrize("module_name", MODULES)
def test_all_resolves(module_name):
    module = importlib.import_module(module_name)
    names = list(getattr(module, "__all__", ()))
    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(module, name)] == []


def test_the_front_names_what_it_offers():
    assert chainrule.__all__


@pytest.mark.parametrize("name", [*chainrule._ROOMS, *chainrule._LATER])
def test_the_front_loads_what_is_asked_for(name):
    assert getattr(chainrule, name) is not None
    assert name in dir(chainrule)


@pytest.mark.parametrize("package", ["chainrule", "chainrule.train", "chainrule.inspection"])
def test_for_a_name_that_is_not_there_python_offers_the_nearest(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'grads_'") as found:
        importlib.import_module(package).grads_  # noqa: B018
    # Of both Python makes "Did you mean".
    assert (found.value.name, found.value.obj.__name__) == ("grads_", package)


@pytest.mark.parametrize("name", OBJECTS)
def test_docstring(name):
    thing = OBJECTS[name]
    assert thing.__doc__
    # A dataclass or a named tuple without a docstring gets its signature as one.
    assert not thing.__doc__.startswith(f"{thing.__name__}(")
    assert thing.__doc__.strip().splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_examples(name):
    examples = section(inspect.getdoc(FUNCTIONS[name]) or "", "Examples")
    assert examples is not None
    assert ">>> " in examples


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_described(name):
    parameters = [p.lstrip("*") for p in inspect.signature(FUNCTIONS[name]).parameters]
    described = section(inspect.getdoc(FUNCTIONS[name]) or "", "Parameters") or ""
    # "x, y : array", "*args" or "name" at the left margin.
    listed = {
        word.strip().lstrip("\\*")
        for line in described.splitlines()
        if line[:1].strip()
        for word in line.partition(":")[0].split(",")
    }
    assert [p for p in parameters if p not in listed] == []
