"""Writes docs/functions.md from the tables of operations and functions.

python docs/make_functions.py
"""

import textwrap
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import scipy.signal
import scipy.special

import chainrule
from chainrule import tree
from chainrule.library.densities import DENSITIES, DISTRIBUTION_FUNCTIONS, MASSES
from chainrule.ops import PRIMITIVES, Op
from chainrule.trace import Tracer
from chainrule.trace.creation import MADE
from chainrule.trace.hooks import HOOKED
from chainrule.trace.methods import METHODS
from chainrule.trace.tables import FUNCTIONS, SPECIAL_COMPOSITIONS, UFUNC_COMPOSITIONS, Composition

NAMESPACES = {
    "np": np,
    "np.linalg": np.linalg,
    "np.fft": np.fft,
    "scipy.special": scipy.special,
    "scipy.linalg": scipy.linalg,
    "scipy.signal": scipy.signal,
    "chainrule": chainrule,
}

#: The sections of the page, each a namespace.
SECTIONS = (
    ("np", "NumPy"),
    ("np.linalg", "numpy.linalg"),
    ("np.fft", "numpy.fft"),
    ("scipy.special", "scipy.special"),
    ("scipy.linalg", "scipy.linalg"),
    ("scipy.signal", "scipy.signal"),
)

#: Primitives that no NumPy function is called, by how they are written.
OTHERS = {
    "index": "`x[...]`, with integers, slices, `None`, `...`, integer and boolean arrays",
    "index_add": "what the derivative of `x[...]` is made of, and `np.diag` of a vector",
    "index_set": "`x[...] = y`",
    "astype": "`x.astype(dtype)` to real and complex types",
    "astype_integer": "`x.astype(dtype)` to integers and booleans",
    "cofactors": "the derivative of `np.linalg.det(x)`, at singular matrices, too",
    "root": "the square root in `np.std` and in norms, with derivative 0 at 0",
    "chainrule.relu": "`chainrule.nn.activations.relu(x)`, with derivative 0 at 0",
    "chainrule.stop_gradient": "`chainrule.stop_gradient(x)`",
    "philox": "random words from a state, in `chainrule.random`",
    "philox_advance": "the state after a draw",
}

HEAD = """# The functions that are followed

This page is made from the tables of operations by `python docs/make_functions.py`; a test holds that it is up to
date. What is not on it is refused with an error when it meets a traced value
([what cannot be followed](cannot-be-followed.md)).

| kind | what it means |
| --- | --- |
| primitive | an operation of its own, with a derivative of its own |
| composition | written in terms of primitives; reports name the group, such as `np.var` |
| hooked | a composition too; SciPy's function is Python code, which is caught while a computation is recorded |

| derivative | what it means |
| --- | --- |
| rule | it has one |
| zero by rule | the function is constant wherever it has a derivative, or tells about shape and type alone |
| none | an error, where the derivative is needed |
"""

TABLE = """
| function | kind | derivative | arguments |
| --- | --- | --- | --- |
"""

STATS = """
## scipy.stats

These methods are hooked, called on a distribution (`stats.norm.logpdf(x, loc=m, scale=s)`) or on a frozen one
(`stats.norm(m, s).logpdf(x)`). They have a derivative by `x`, `loc`, `scale` and the shape parameters; where SciPy
computes one by an incomplete gamma or beta function (`cdf` and its kin of `gamma`, `beta`, `t` and more), there is none
by the shape parameters. A distribution of one's own, derived from `rv_continuous` or `rv_discrete`, is followed where
its methods are.
"""

MAKING = """
## Functions that make arrays

While a computation is recorded, these make arrays into which traced values can be assigned, and take traced values
where NumPy's own take numbers.

"""


def page() -> str:
    """The text of docs/functions.md."""
    entries = {
        entry.name: entry
        for entry in (
            *FUNCTIONS.values(),
            *UFUNC_COMPOSITIONS.values(),
            *SPECIAL_COMPOSITIONS.values(),
        )
    }
    hooked = {entry.name: entry for entry in HOOKED.values()}
    nameless = {name for name in PRIMITIVES if name.rpartition(".")[0] not in NAMESPACES}
    assert nameless <= OTHERS.keys(), f"say in OTHERS how these are written: {nameless - OTHERS.keys()}"
    methods = {name for name in hooked if name.startswith("scipy.stats.")}
    names = sorted(
        {*PRIMITIVES, *entries, *hooked} - OTHERS.keys() - methods, key=lambda name: (name.rpartition(".")[0], name)
    )
    rows = [row(name, PRIMITIVES.get(name), entries.get(name), hooked.get(name)) for name in names]
    parts = [HEAD]
    for namespace, title in SECTIONS:
        lines = [line for name, line in zip(names, rows, strict=True) if name.rpartition(".")[0] == namespace]
        parts.append(f"\n## {title}\n{TABLE}" + "".join(lines))
    parts.append(distributions(hooked.keys()))
    parts.append(
        "\n## Operators, indexing and the rest\n\n| operation | written as | derivative |\n| --- | --- | --- |\n"
    )
    parts += [
        f"| `{name}` | {OTHERS[name]} | {derivative_of(op)} |\n" for name, op in PRIMITIVES.items() if name in OTHERS
    ]
    parts.append(
        "\nThe operators `+ - * / // % ** @ & | ^ ~ < <= == != >= >` and the functions `abs`, `round`, `divmod`,\n"
        "`math.floor`, `math.ceil` and `math.trunc` are the NumPy functions that they stand for.\n"
    )
    parts.append(MAKING)
    parts.append(f"{sentence(MADE, before='np.')}\n")
    own = (name for name in dir(Tracer) if isinstance(getattr(Tracer, name), property))
    properties = [name for name in own if hasattr(np.ndarray, name)]
    parts.append(f"\n## Methods and attributes\n\n{sentence(METHODS, after='()')}\n\n{sentence(properties)}\n")
    return "".join(parts)


def distributions(hooked: Iterable[str]) -> str:
    """The section on scipy.stats."""

    def listed(kind: str, methods: tuple[str, ...], which: str, names: Iterable[str]) -> str:
        assert {f"scipy.stats.{kind}.{method}" for method in methods} <= set(hooked)
        return f"\n{sentence(methods, before='')} of {which}\n{sentence(sorted(names), before='')}\n"

    return "".join(
        (
            STATS,
            listed("rv_continuous", ("pdf", "logpdf"), "the continuous distributions", DENSITIES),
            listed(
                "rv_continuous",
                ("cdf", "sf", "logcdf", "logsf"),
                "the same, without",
                DENSITIES - DISTRIBUTION_FUNCTIONS,
            ),
            listed("rv_discrete", ("pmf", "logpmf"), "the discrete distributions", MASSES),
            listed(
                "dirichlet", ("pdf", "logpdf"), "the multivariate distributions", ("multivariate_normal", "dirichlet")
            ),
        )
    )


def row(name: str, op: Op | None, entry: Composition | None, hooked: Composition | None) -> str:
    """One line of a table of functions."""
    written = ", ".join(f"`{alias}`" for alias in (name, *aliases(name)))
    kind = "primitive" if op is not None else "composition" if entry is not None else "hooked"
    derivative = derivative_of(op) if op is not None else by_trial(name)
    taken = entry or hooked
    names = taken.names if taken is not None else ("x", "y", "z")[: find(name).nin]
    # np.var and np.std take `out` only to say that it is not followed.
    arguments = ", ".join(argument for argument in names if argument != "out")
    return f"| {written} | {kind} | {derivative} | `{arguments}` |\n"


def find(name: str) -> Any:
    """The function of that name."""
    namespace, _, last = name.rpartition(".")
    return getattr(NAMESPACES[namespace], last)


def aliases(name: str) -> list[str]:
    """Other names of the same function, in the same namespace."""
    function, (namespace, _, last) = find(name), name.rpartition(".")
    module = NAMESPACES[namespace]
    return [
        f"{namespace}.{other}"
        for other in sorted(module.__all__)
        if other != last and getattr(module, other) is function
    ]


def derivative_of(op: Op) -> str:
    """What the table of primitives says of the derivative."""
    if op.is_constant:
        return "zero by rule"
    if op.partials is None or all(partial is not None for partial in op.partials):
        return "rule"
    if all(partial is None for partial in op.partials):
        return "none"
    missing = [str(i + 1) for i, partial in enumerate(op.partials) if partial is None]
    return f"rule; none by input {', '.join(missing)}"


def by_trial(name: str) -> str:
    """Whether anything that a composition returns still depends on its input."""
    function = find(name)
    points = (np.ones(4), np.ones((2, 2)))
    outcomes = {depends(function, arguments, point) for arguments in TRIALS for point in points} - {None}
    assert outcomes, f"{name} takes none of the arguments that are tried: add some to TRIALS"
    return "rule" if True in outcomes else "zero by rule"


#: Arguments, made of a traced value, of which some suit each function.
TRIALS: tuple[Callable[[Any], tuple[Any, ...]], ...] = (
    lambda x: (x,),
    lambda x: (x, x),
    lambda x: ([x, x],),
    lambda x: (x, 1),
    lambda x: (x, 0, 1),
    lambda x: (x, np.zeros(x.shape, int), 0),
    lambda x: (x, np.zeros(x.shape, int), x, 0),
    lambda x: (np.ones(x.shape, int), x),
    lambda x: (np.sum, 0, x),
    lambda x: ([np.ones(x.shape, bool)], [x]),
    lambda x: (x, [np.ones(x.shape, bool)], [np.sin]),
    lambda x: (x, (2, 2)),
    lambda x: (x, np.arange(4), x),
    lambda x: (np.zeros(4, int), x),
    lambda x: (x[0] * np.ones((3, 3)), np.ones(3)),
    lambda x: (x[0] * np.eye(2), 2),
    lambda x: (x[0] * np.ones((1, 1, 2)), 2),
    lambda x: (x[0, 0] * np.eye(2),),
    lambda x: (x[0, 0] * np.eye(2), np.ones(2)),
    lambda x: (x[0, 0] * np.ones((1, 1)), 1),
    lambda x: (x * np.arange(4, 0, -1), np.ones(4)),
    lambda x: ((x[0, 0] * np.eye(2), True), np.ones(2)),
)


def depends(function: Callable[..., Any], arguments: Callable[[Any], tuple[Any, ...]], point: Any) -> bool | None:
    """Whether a result is traced; None where the function refuses the arguments."""
    found = None

    def probe(x: Any) -> float:
        nonlocal found
        given = arguments(x)
        result = function(*given)
        # np.copyto and its kin return nothing, and write into their first argument.
        found = any(type(leaf) is Tracer for leaf in tree.leaves(given[0] if result is None else result))
        return 0.0

    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            chainrule.vjp(probe, point)
    except (ArithmeticError, AttributeError, IndexError, RecursionError, TypeError, ValueError):
        return None
    return found


def sentence(names: Any, *, before: str = "x.", after: str = "") -> str:
    """A list of names as text."""
    return textwrap.fill(", ".join(f"`{before}{name}{after}`" for name in names), 110)


if __name__ == "__main__":
    (Path(__file__).parent / "functions.md").write_text(page(), encoding="utf-8")
