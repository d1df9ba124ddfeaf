"""Machine code that is made quickly, in tests of rooms that only use it.

At LLVM's code level 2, which is what users get, translation takes three and a half times as long as at level 0, and
would be a third of the processor time of the whole suite. So the rooms in `QUICK` take level 0: they hold that what is
translated is right, whatever chose and ordered its instructions. Tests of machine code itself, of what is printed, and
whole programs keep 2, as do in every test the kernels that are written by hand; in `make sweep` everything does.
"""

import sys

import llvmlite.binding as llvm
import pytest
from hypothesis import settings

from chainrule.native import machine

__all__ = ["HELD", "KERNELS", "install", "level_of"]

#: Rooms of tests that take level 0.
_QUICK = """
bridges cli data differentiate estimators examples inspection library nn ops optim passes programs trace train
transforms
"""
QUICK = frozenset(_QUICK.split())
#: Files in them that look at machine code, or compare bits with those of other processes, which start at level 2.
_EXACT = """
test_checkpoints.py test_comparing.py test_compiled.py test_fuzz.py test_kills.py test_process.py test_search.py
test_together.py test_workers.py
"""
EXACT_FILES = frozenset(_EXACT.split())
#: Names of the modules of kernels: they serve every program of a process, whichever test asks first.
KERNELS = frozenset({"dense", "pool", "products", "shuffling"})
#: What keeps programs from one test to the next.
HELD = (
    ("chainrule.train.compiled", "_translated"),
    ("chainrule.estimators.known_steps", "_known"),
    ("chainrule.estimators.lbfgs", "_shared"),
    ("chainrule.bridges.scipy_programs", "_shared"),
)
USUAL = 2

_level = USUAL


def level_of(path):
    """The level for the tests of a file, given from the root of the repository."""
    top, *room = path.parts[:-1]
    in_sweep = settings().max_examples > 100
    is_quick = top == "tests" and room and room[0] in QUICK and path.name not in EXACT_FILES
    return 0 if is_quick and not in_sweep else USUAL


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Set the level for a test and its fixtures; where it is another than that of the test before, forget its code."""
    global _level
    level = level_of(item.path.relative_to(item.config.rootpath))
    if level != _level:
        forget()
    _level = level
    return (yield)


def forget():
    """Empty what holds programs, in modules that are imported already."""
    for module, name in HELD:
        if module in sys.modules:
            held = getattr(sys.modules[module], name)
            empty = held.cache_clear if hasattr(held, "cache_clear") else held.clear
            empty()


def _name(module):
    """The name of a module, which may be there as text."""
    return module.partition('"')[2].partition('"')[0] if isinstance(module, str) else module.name


def _kernels_at_level_2(translate):
    def translated(module):
        global _level
        before = _level
        if _name(module) in KERNELS:
            _level = USUAL
        try:
            return translate(module)
        finally:
            _level = before

    return translated


def install():
    """Make LLVM translate at the level of the test that runs, and keep the code of each level apart."""
    create, fingerprint = llvm.Target.create_target_machine, machine.fingerprint
    start = getattr(machine, "_started", machine._machine).__wrapped__
    machines = {}

    def created(self, *, opt, **options):
        assert opt == USUAL, "the level that users get"
        return create(self, opt=_level, **options)

    def machine_of_level():
        if _level not in machines:
            machines[_level] = start()
        return machines[_level]

    llvm.Target.create_target_machine = created
    machine._machine = machine_of_level
    machine.fingerprint = lambda: fingerprint() if _level == USUAL else f"{fingerprint()} level {_level}"
    for name in ("object_code", "begun_code"):
        if hasattr(machine, name):
            setattr(machine, name, _kernels_at_level_2(getattr(machine, name)))
