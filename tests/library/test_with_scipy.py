"""The rooms for parts of SciPy are loaded with these, whoever imports what first."""

import subprocess
import sys

import pytest

from chainrule.library import with_scipy
from chainrule.library.with_scipy import ROOMS, load_all
from chainrule.trace import hooks

# Of a part of SciPy a function of `x`, whose slope at 2 is the number.
FUNCTIONS = {
    "scipy.fft": ("np.sum(scipy.fft.dct(np.array([x, 0.0]), type=2)[:1])", 2.0),
    "scipy.integrate": ("scipy.integrate.simpson(x * np.ones(3), dx=1.0)", 2.0),
    "scipy.interpolate": ("scipy.interpolate.CubicSpline(np.arange(4.0), x * np.arange(4.0))(1.5)", 1.5),
    "scipy.linalg": ("scipy.linalg.solve(np.eye(2), x * np.ones(2))[0]", 1.0),
    "scipy.ndimage": ("scipy.ndimage.uniform_filter1d(x * np.ones(4), 3)[1]", 1.0),
    "scipy.optimize": ("scipy.optimize.brentq(lambda u: u - 3.0 * x, 0.0, 10.0)", 3.0),
    "scipy.signal": ("scipy.signal.detrend(x * np.array([0.0, 1.0, 0.0]))[1]", 2 / 3),
    "scipy.sparse": ("(scipy.sparse.eye_array(2).tocsr() @ (x * np.ones(2)))[0]", 1.0),
    "scipy.spatial": ("scipy.spatial.distance.euclidean(x * np.ones(1), np.zeros(1))", 1.0),
    "scipy.stats": ("scipy.stats.norm.logpdf(x)", -2.0),
}


def script(lines):
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def module(package):
    return "scipy.spatial.distance" if package == "scipy.spatial" else package


def in_the_middle(package, body):
    return f"def f(x):\n    import {module(package)}\n    return {body}\nprint(float(chainrule.grad(f)(2.0)))"


def test_every_part_is_tried():
    assert {*FUNCTIONS, "scipy.fftpack"} == set(ROOMS)


@pytest.mark.parametrize("order", ["before", "after"])
def test_parts_imported_before_and_after(order):
    imports = [f"import {module(package)}" for package in FUNCTIONS]
    ours = ["import numpy as np", "import chainrule"]
    calls = [f"print(float(chainrule.grad(lambda x: {body})(2.0)))" for body, _ in FUNCTIONS.values()]
    found = script([*imports, *ours, *calls] if order == "before" else [*ours, *imports, *calls])
    assert list(map(float, found)) == pytest.approx([slope for _, slope in FUNCTIONS.values()])


@pytest.mark.parametrize("package", FUNCTIONS)
def test_a_part_imported_in_the_middle_of_a_recording(package):
    """What is loaded then keeps NumPy's functions, not those that stand in their place just then."""
    body, slope = FUNCTIONS[package]
    look = """
import sys
from chainrule.trace import creation
ours = {id(made) for made in creation.MADE.values()}
for name, module in list(sys.modules.items()):
    if name.startswith("chainrule.") and name != "chainrule.trace.creation":
        assert not any(id(value) in ours for value in list(vars(module).values())), name
"""
    (found,) = script(["import numpy as np", "import chainrule", in_the_middle(package, body), look])
    assert float(found) == pytest.approx(slope)


def test_a_part_imported_between_two_recordings():
    body, slope = FUNCTIONS["scipy.optimize"]
    lines = ["import numpy as np", "import chainrule", "chainrule.grad(np.sin)(1.0)", "import scipy.optimize"]
    (found,) = script([*lines, f"print(float(chainrule.grad(lambda x: {body})(2.0)))"])
    assert float(found) == pytest.approx(slope)


def test_import_loads_none_of_them():
    rooms = sorted({room for rooms in ROOMS.values() for room in rooms})
    assert len(rooms) > 20
    found = script(["import sys, chainrule", "print(*sys.modules)"])
    assert [room for room in rooms if f"chainrule.library.{room}" in found] == []
    solvers = [f"chainrule.transforms.{name}" for name in ("odes", "ode_solvers", "implicit", "linear_solves")]
    assert [name for name in solvers if name in found] == []


def test_one_part_loads_no_other():
    body, _ = FUNCTIONS["scipy.fft"]
    lines = ["import sys", "import numpy as np", "import chainrule, scipy.fft"]
    found = script([*lines, f"chainrule.grad(lambda x: {body})(2.0)", "print(*sys.modules)"])
    assert "chainrule.library.scipy_fft" in found
    assert "chainrule.library.optimize" not in found


def test_what_takes_real_numbers_alone_refuses_others():
    lines = ["import numpy as np", "import chainrule, scipy.stats", "f = lambda x: scipy.stats.variation(x * 1j)"]
    lines += ["try:", "    chainrule.trace(f)(np.ones(3))", "except TypeError as refusal:", "    print(refusal)"]
    assert "real numbers" in " ".join(script(lines))


def test_all_of_them_register_nothing_elsewhere():
    """What a room catches outside of its part of SciPy would not be caught where only that is imported."""
    load_all()
    rooms = {room: package for package, rooms in ROOMS.items() for room in rooms}
    packages = {}
    for table in (hooks.HOOKED, hooks.UNLISTED):
        for (place, _), entry in table.items():
            follow = getattr(entry.follow, "__wrapped__", entry.follow)
            room = follow.__module__.removeprefix("chainrule.library.")
            if room in rooms:
                packages.setdefault(room, set()).add(".".join(place.split(".")[:2]))
    assert len(packages) > 20
    allowed = {room: {package for package, some in ROOMS.items() if room in some} for room in packages}
    assert {room: some - allowed[room] for room, some in packages.items() if some - allowed[room]} == {}


def test_the_rooms_are_names_of_the_library():
    import chainrule.library as library

    for rooms in with_scipy.ROOMS.values():
        for room in rooms:
            assert getattr(library, room).__name__ == f"chainrule.library.{room}"
