"""Writes docs/functions.md from the tables of operations and functions, and from trials of each.

python docs/make_functions.py
"""

import importlib
import inspect
import operator
import textwrap
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.integrate
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.sparse.linalg
import scipy.special
import scipy.stats
from scipy import interpolate, optimize, sparse

import chainrule
from chainrule import tree
from chainrule.library.densities import DENSITIES, DISTRIBUTION_FUNCTIONS, MASSES, QUANTILES, STEPS
from chainrule.library.with_scipy import load_all
from chainrule.native.lowering import Lowering, through_numpy
from chainrule.native.program import PASSES
from chainrule.ops import PRIMITIVES, Op
from chainrule.passes import optimized, run
from chainrule.trace import Tracer
from chainrule.trace.creation import MADE
from chainrule.trace.hooks import HOOKED
from chainrule.trace.methods import METHODS
from chainrule.trace.tables import FUNCTIONS, SPECIAL_COMPOSITIONS, UFUNC_COMPOSITIONS, Composition

ROOT = Path(__file__).resolve().parent.parent

#: The kinds of series in numpy.polynomial.
KINDS = ("polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre")

#: The sections of the page: how its names begin, and the module. A section without a function is left out.
SECTIONS = {
    "np": "numpy",
    "np.linalg": "numpy.linalg",
    "np.fft": "numpy.fft",
    "np.emath": "numpy.lib.scimath",
    "np.lib.stride_tricks": "numpy.lib.stride_tricks",
    **{f"np.polynomial.{kind}": f"numpy.polynomial.{kind}" for kind in KINDS},
    "scipy.special": "scipy.special",
    "scipy.linalg": "scipy.linalg",
    "scipy.fft": "scipy.fft",
    "scipy.fftpack": "scipy.fftpack",
    "scipy.signal": "scipy.signal",
    "scipy.ndimage": "scipy.ndimage",
    "scipy.spatial": "scipy.spatial",
    "scipy.spatial.distance": "scipy.spatial.distance",
    "scipy.integrate": "scipy.integrate",
    "scipy.interpolate": "scipy.interpolate",
    "scipy.optimize": "scipy.optimize",
    "scipy.sparse": "scipy.sparse",
    "scipy.sparse.linalg": "scipy.sparse.linalg",
    "scipy.stats": "scipy.stats",
}

#: What the general trials below do not suit: a function of one traced value that calls it, and a point.
EXAMPLES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "np.argpartition": (lambda x: np.argpartition(x, 1), np.ones(4)),
    "np.digitize": (lambda x: np.digitize(x, np.arange(4.0)), np.ones(4)),
    "np.partition": (lambda x: np.partition(x, 1), np.ones(4)),
    "scipy.integrate.cumulative_trapezoid": (scipy.integrate.cumulative_trapezoid, np.ones(4)),
    "scipy.integrate.dblquad": (lambda x: scipy.integrate.dblquad(lambda y, z: y * z * x, 0.0, 1.0, 0.0, x)[0], 0.5),
    "scipy.integrate.fixed_quad": (lambda x: scipy.integrate.fixed_quad(np.sin, 0.0, x)[0], 0.5),
    "scipy.integrate.nquad": (lambda x: scipy.integrate.nquad(lambda y: y * x, [(0.0, x)])[0], 0.5),
    "scipy.integrate.odeint": (lambda x: scipy.integrate.odeint(lambda y, t: -y, x, [0.0, 1.0]), np.ones(2)),
    "scipy.integrate.quad": (lambda x: scipy.integrate.quad(np.sin, 0.0, x)[0], 0.5),
    "scipy.integrate.quad_vec": (lambda x: scipy.integrate.quad_vec(np.sin, 0.0, x)[0], 0.5),
    "scipy.integrate.simpson": (scipy.integrate.simpson, np.ones(4)),
    "scipy.integrate.solve_ivp": (
        lambda x: scipy.integrate.solve_ivp(lambda t, y: -y, (0.0, 1.0), x, t_eval=[1.0]).y,
        np.ones(2),
    ),
    "scipy.integrate.trapezoid": (scipy.integrate.trapezoid, np.ones(4)),
    "scipy.linalg.cho_solve_banded": (
        lambda x: scipy.linalg.cho_solve_banded((np.stack([x, x + 2]), False), np.ones(3)),
        np.ones(3),
    ),
    "scipy.linalg.lu_solve": (lambda x: scipy.linalg.lu_solve(scipy.linalg.lu_factor(x), np.ones(2)), np.eye(2)),
    "scipy.special.gdtrix": (lambda x: scipy.special.gdtrix(1.5, x, 0.4), 2.0),
    "scipy.sparse.diags": (lambda x: sparse.diags([x, x[1:]], [0, 1]) @ x, np.ones(2)),
    "scipy.sparse.diags_array": (lambda x: sparse.diags_array(x) @ x, np.ones(2)),
    "scipy.sparse.linalg.expm_multiply": (lambda x: sparse.linalg.expm_multiply(sparse.eye_array(2), x), np.ones(2)),
    "scipy.sparse.linalg.spsolve": (lambda x: sparse.linalg.spsolve(sparse.eye_array(2, format="csc"), x), np.ones(2)),
    **{
        f"scipy.sparse.linalg.{name}": (
            lambda x, name=name: getattr(sparse.linalg, name)(sparse.eye_array(2, format="csc"), x)[0],
            np.ones(2),
        )
        for name in (
            "cg",
            "lsqr",
            "lsmr",
            "bicg",
            "bicgstab",
            "cgs",
            "gcrotmk",
            "gmres",
            "lgmres",
            "minres",
            "qmr",
            "tfqmr",
        )
    },
    **{
        f"scipy.sparse.linalg.{name}": (
            lambda x, name=name: getattr(sparse.linalg, name)(sparse.eye_array(2, format="csc")).solve(x),
            np.ones(2),
        )
        for name in ("splu", "spilu")
    },
    "scipy.sparse.linalg.eigsh": (lambda x: sparse.linalg.eigsh(sparse.diags_array(x), 1)[0], np.arange(4.0)),
    "scipy.sparse.linalg.spsolve_triangular": (
        lambda x: sparse.linalg.spsolve_triangular(sparse.eye_array(2, format="csr"), x),
        np.ones(2),
    ),
    "scipy.sparse.linalg.factorized": (
        lambda x: sparse.linalg.factorized(sparse.eye_array(2, format="csc"))(x),
        np.ones(2),
    ),
    "scipy.linalg.solve_banded": (lambda x: scipy.linalg.solve_banded((0, 0), x, np.ones(2)), np.ones((1, 2))),
}


_SECTIONS_OF_A_FILTER = scipy.signal.butter(2, 0.4, output="sos")
_KERNELS = scipy.stats.gaussian_kde(np.arange(5.0))

EXAMPLES |= {
    "np.apply_over_axes": (lambda x: np.apply_over_axes(np.sum, x, 0), np.ones((2, 2))),
    "np.vectorize": (lambda x: np.vectorize(lambda y: y**2)(x), np.ones(4)),
    "scipy.linalg.leslie": (lambda x: scipy.linalg.leslie(x, x[1:]), np.ones(4)),
    "scipy.signal.filtfilt": (lambda x: scipy.signal.filtfilt([1.0, 1.0], [1.0, 0.5], x), np.ones(16)),
    "scipy.signal.savgol_filter": (lambda x: scipy.signal.savgol_filter(x, 5, 2), np.arange(8.0)),
    "scipy.signal.sosfilt": (lambda x: scipy.signal.sosfilt(_SECTIONS_OF_A_FILTER, x), np.ones(4)),
    "scipy.signal.sosfiltfilt": (lambda x: scipy.signal.sosfiltfilt(_SECTIONS_OF_A_FILTER, x), np.ones(16)),
    "scipy.stats.gaussian_kde.evaluate": (lambda x: _KERNELS(x), np.ones(4)),
    "scipy.stats.gaussian_kde.logpdf": (lambda x: _KERNELS.logpdf(x), np.ones(4)),
    "scipy.stats.gaussian_kde.pdf": (lambda x: _KERNELS.pdf(x), np.ones(4)),
}


def _cube(x: Any, a: Any) -> Any:
    return x**3 - a


_LINE = np.arange(4.0)
_PIECES = interpolate.PPoly(np.ones((3, 3)), _LINE)
_SPLINE = interpolate.splrep(_LINE, _LINE)
_SURFACE = interpolate.RectBivariateSpline(_LINE, _LINE, np.eye(4))

EXAMPLES |= {
    **{
        f"scipy.optimize.{name}": (lambda a, name=name: getattr(optimize, name)(_cube, 0.0, 3.0, args=(a,)), 2.0)
        for name in ("brentq", "brenth", "ridder", "bisect", "toms748")
    },
    "scipy.optimize.newton": (lambda a: optimize.newton(_cube, 1.0, args=(a,)), 2.0),
    "scipy.optimize.root_scalar": (lambda a: optimize.root_scalar(_cube, (a,), bracket=(0, 3)).root, 2.0),
    "scipy.optimize.fsolve": (lambda a: optimize.fsolve(_cube, np.ones(4), args=(a,)), np.ones(4)),
    "scipy.optimize.root": (lambda a: optimize.root(_cube, np.ones(4), args=(a,)).x, np.ones(4)),
    "scipy.optimize.fixed_point": (lambda a: optimize.fixed_point(lambda x, a: (x + a) / 3, 1.0, args=(a,)), 2.0),
    "scipy.optimize.minimize": (lambda a: optimize.minimize(lambda x: np.sum((x - a) ** 2), [0.0]).x, 2.0),
    "scipy.optimize.minimize_scalar": (lambda a: optimize.minimize_scalar(lambda x: (x - a) ** 2).x, 2.0),
    "scipy.optimize.least_squares": (lambda a: optimize.least_squares(_cube, 1.0, args=(a,)).x, 2.0),
    "scipy.optimize.nnls": (lambda b: optimize.nnls(np.eye(4), b)[0], np.ones(4)),
    "scipy.optimize.lsq_linear": (lambda b: optimize.lsq_linear(np.eye(4), b).x, np.ones(4)),
    "scipy.optimize.curve_fit": (lambda y: optimize.curve_fit(lambda t, a: a * t, _LINE, y)[0], np.arange(4.0) ** 2),
    "scipy.interpolate.CubicSpline": (lambda y: interpolate.CubicSpline(_LINE, y)(1.5), np.ones(4)),
    "scipy.interpolate.CubicHermiteSpline": (lambda y: interpolate.CubicHermiteSpline(_LINE, y, y)(1.5), np.ones(4)),
    "scipy.interpolate.PchipInterpolator": (lambda y: interpolate.PchipInterpolator(_LINE, y)(1.5), np.arange(4.0)),
    "scipy.interpolate.Akima1DInterpolator": (
        lambda y: interpolate.Akima1DInterpolator(_LINE, y)(1.5),
        np.array([0.0, 1.0, 0.0, 2.0]),
    ),
    "scipy.interpolate.PPoly": (lambda c: interpolate.PPoly(c, [0.0, 1.0, 2.0])(1.5), np.ones((2, 2))),
    "scipy.interpolate.PPoly.__call__": (lambda t: _PIECES(t), 1.5),
    "scipy.interpolate.PPoly.integrate": (lambda t: _PIECES.integrate(0.0, t), 1.5),
    "scipy.interpolate.PPoly.derivative": (lambda y: interpolate.CubicSpline(_LINE, y).derivative()(1.5), np.ones(4)),
    "scipy.interpolate.PPoly.antiderivative": (
        lambda y: interpolate.CubicSpline(_LINE, y).antiderivative()(1.5),
        np.ones(4),
    ),
    "scipy.interpolate.make_interp_spline": (lambda y: interpolate.make_interp_spline(_LINE, y)(1.5), np.ones(4)),
    "scipy.interpolate.BSpline": (lambda c: interpolate.BSpline(np.arange(7.0), c, 2)(3.5), np.ones(4)),
    "scipy.interpolate.BSpline.__call__": (lambda t: interpolate.BSpline(np.arange(7.0), np.ones(4), 2)(t), 3.5),
    "scipy.interpolate.BSpline.derivative": (
        lambda c: interpolate.BSpline(np.arange(7.0), c, 2).derivative()(3.5),
        np.ones(4),
    ),
    "scipy.interpolate.splev": (lambda t: interpolate.splev(t, _SPLINE), 1.5),
    "scipy.interpolate.UnivariateSpline.__call__": (lambda t: interpolate.UnivariateSpline(_LINE, _LINE)(t), 1.5),
    "scipy.interpolate.RectBivariateSpline.__call__": (lambda t: _SURFACE(t, t, grid=False), 1.5),
    "scipy.interpolate.interp1d": (lambda y: interpolate.interp1d(_LINE, y)(1.5), np.ones(4)),
    "scipy.interpolate.interp1d.__call__": (lambda t: interpolate.interp1d(_LINE, _LINE)(t), 1.5),
    "scipy.interpolate.interpn": (lambda y: interpolate.interpn((_LINE,), y, [1.5]), np.ones(4)),
    "scipy.interpolate.RegularGridInterpolator": (
        lambda y: interpolate.RegularGridInterpolator((_LINE,), y)([1.5]),
        np.ones(4),
    ),
    "scipy.interpolate.RegularGridInterpolator.__call__": (
        lambda t: interpolate.RegularGridInterpolator((_LINE,), _LINE)(t),
        np.array([1.5]),
    ),
}

#: Primitives that no NumPy function is called, by how they are written.
OTHERS = {
    "index": "`x[...]`, with integers, slices, `None`, `...`, integer and boolean arrays",
    "index_add": "what the derivative of `x[...]` is made of, and `np.diag` of a vector",
    "index_set": "`x[...] = y`",
    "astype": "`x.astype(dtype)` to real and complex types",
    "astype_integer": "`x.astype(dtype)` to integers and booleans",
    "cholesky_pullback": "the derivative of `np.linalg.cholesky(x)`, of real numbers",
    "cofactors": "the derivative of `np.linalg.det(x)`, at singular matrices, too",
    "root": "the square root in `np.std` and in norms, with derivative 0 at 0",
    "chainrule.relu": "`chainrule.nn.activations.relu(x)`, with derivative 0 at 0",
    "chainrule.stop_gradient": "`chainrule.stop_gradient(x)`",
    "sine_integral": "`scipy.special.sici(x)[0]`",
    "cosine_integral": "`scipy.special.sici(x)[1]`",
    "sinh_integral": "`scipy.special.shichi(x)[0]`",
    "cosh_integral": "`scipy.special.shichi(x)[1]`",
    "fresnel_sine": "`scipy.special.fresnel(x)[0]`",
    "fresnel_cosine": "`scipy.special.fresnel(x)[1]`",
    "airy_ai": "`scipy.special.airy(x)[0]`",
    "airy_ai_slope": "`scipy.special.airy(x)[1]`",
    "airy_bi": "`scipy.special.airy(x)[2]`",
    "airy_bi_slope": "`scipy.special.airy(x)[3]`",
    "jacobi_sn": "`scipy.special.ellipj(x, y)[0]`",
    "jacobi_cn": "`scipy.special.ellipj(x, y)[1]`",
    "jacobi_dn": "`scipy.special.ellipj(x, y)[2]`",
    "jacobi_ph": "`scipy.special.ellipj(x, y)[3]`",
    "elliptic_integral": "the derivatives of `scipy.special.ellipkinc(x, m)` and `ellipeinc(x, m)` by `m`",
    **{
        name: f"the derivative of `scipy.special.{function}`: one letter for each time by {which}"
        for function, which in (("gammainc", "`a`"), ("betainc", "`a` or `b`"), ("stdtr", "`df`"))
        for name in PRIMITIVES
        if name.startswith(f"{function}_by_")
    },
    "lu_factors": "the factors of a matrix whose rows are in order, in `scipy.linalg.lu`",
    "qr_permutation": "the order of the columns in `scipy.linalg.qr` with pivoting",
    "lu_permutation": "the order of the rows in `scipy.linalg.lu`",
    "lu_pivots": "the exchanges of rows in `scipy.linalg.lu_factor`",
    "permutation_of_pivots": "the order of the rows in `scipy.linalg.lu_solve`",
    "sparse.matmul": "`A @ x` of a sparse matrix of SciPy",
    "philox": "random words from a state, in `chainrule.random`",
    "philox_advance": "the state after a draw",
}

HEAD = """# The functions that are followed

This page is made from the tables of operations, and from a trial of each function, by `python docs/make_functions.py`;
a test holds that it is up to date. What is not on it is refused with an error when it meets a traced value
([what cannot be followed](cannot-be-followed.md)).

The first column links to the file in which the rule stands, with the equations and where they come from.

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

| modes | what it means |
| --- | --- |
| all | `jvp`, `grad` and `vjp`, the derivative of the derivative, and `vectorize`, for numbers in float32 and float64 |
| ..., complex | of complex numbers, too |
| anything else | those of forward, reverse, second order, vectorize that there are |

| under jit | what it means |
| --- | --- |
| native | everything in it is machine code |
| NumPy | everything in it calls NumPy or SciPy from the compiled program |
| NumPy for ... | these operations in it do |
| refused | an error: its shape depends on values |
"""

TABLE = """
| function | kind | derivative | modes | under jit | arguments |
| --- | --- | --- | --- | --- | --- |
"""

STATS = """
## Distributions of scipy.stats

These methods are hooked, called on a distribution (`stats.norm.logpdf(x, loc=m, scale=s)`) or on a frozen one
(`stats.norm(m, s).logpdf(x)`). They have a derivative by `x`, `loc`, `scale` and the shape parameters; where SciPy
computes one by an incomplete gamma or beta function (`cdf` and its kin of `gamma`, `beta`, `t` and more), up to the
third order by the shape parameters, and an error beyond. By `N` of `boltzmann` the distribution functions have none: an
error names the argument. `multivariate_normal.entropy` is followed, too. A distribution of one's own, derived from
`rv_continuous` or `rv_discrete`, is followed where its methods are.
"""

MAKING = """
## Functions that make arrays

While a computation is recorded, these make arrays into which traced values can be assigned, and take traced values
where NumPy's own take numbers.

"""


def page() -> str:
    """The text of docs/functions.md."""
    load_all()
    entries = {
        entry.name: entry
        for entry in (*FUNCTIONS.values(), *UFUNC_COMPOSITIONS.values(), *SPECIAL_COMPOSITIONS.values())
    }
    hooked = {entry.name: entry for entry in HOOKED.values()}
    nameless = {name for name in PRIMITIVES if section(name) is None}
    assert nameless <= OTHERS.keys(), f"say in OTHERS how these are written: {nameless - OTHERS.keys()}"
    # Distributions have a section of their own.
    ours = {name for name in hooked if name.startswith("scipy.stats.") and "gaussian_kde" not in name}
    methods = {name for name in ours if name.count(".") == 3} | {
        "scipy.stats.dirichlet",
        "scipy.stats.multivariate_normal",
    }
    names = sorted({*PRIMITIVES, *entries, *hooked} - OTHERS.keys() - methods)
    lost = [name for name in names if section(name) is None]
    assert not lost, f"name the module in SECTIONS: {lost}"
    parts = [HEAD]
    for prefix, title in SECTIONS.items():
        mine = [name for name in names if section(name) == prefix]
        if mine:
            lines = [row(name, PRIMITIVES.get(name), entries.get(name), hooked.get(name)) for name in mine]
            parts.append(f"\n## {'NumPy' if title == 'numpy' else title}\n{TABLE}" + "".join(lines))
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
    own = (name for name in dir(Tracer) if isinstance(inspect.getattr_static(Tracer, name), property))
    properties = [name for name in own if hasattr(np.ndarray, name)]
    parts.append(f"\n## Methods and attributes\n\n{sentence(METHODS, after='()')}\n\n{sentence(properties)}\n")
    return "".join(parts)


def section(name: str) -> str | None:
    """The beginning of a name that says where it stands; None for what no module has."""
    found = [prefix for prefix in SECTIONS if name.startswith(f"{prefix}.")]
    return max(found, key=len, default=None)


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
            listed("rv_continuous", ("ppf", "isf"), "these", QUANTILES),
            listed("rv_discrete", ("pmf", "logpmf"), "the discrete distributions", MASSES),
            listed("rv_discrete", ("cdf", "sf", "logcdf", "logsf"), "the same, without", MASSES - STEPS),
            listed(
                "dirichlet", ("pdf", "logpdf"), "the multivariate distributions", ("multivariate_normal", "dirichlet")
            ),
        )
    )


def row(name: str, op: Op | None, entry: Composition | None, hooked: Composition | None) -> str:
    """One line of a table of functions."""
    written = ", ".join(f"`{alias}`" for alias in (name, *aliases(name)))
    kind = "primitive" if op is not None else "composition" if entry is not None else "hooked"
    f, point, is_followed = example(name)
    derivative = derivative_of(op) if op is not None else "rule" if is_followed else "zero by rule"
    modes = "none" if derivative == "none" else modes_of(f, point)
    taken = entry or hooked
    names = taken.names if taken is not None else ("x", "y", "z")[: find(name).nin]
    arguments = ", ".join(names)
    source = source_of(op if op is not None else taken)
    return f"| [{written}]({source}) | {kind} | {derivative} | {modes} | {under_jit(f, point)} | `{arguments}` |\n"


def find(name: str) -> Any:
    """The function of that name."""
    prefix = section(name)
    assert prefix is not None, name
    module = importlib.import_module(SECTIONS[prefix])
    return operator.attrgetter(name.removeprefix(f"{prefix}."))(module)


def aliases(name: str) -> list[str]:
    """Other names of the same function, in the same namespace."""
    prefix = section(name)
    assert prefix is not None, name
    module, function = importlib.import_module(SECTIONS[prefix]), find(name)
    return [
        f"{prefix}.{other}"
        for other in sorted(getattr(module, "__all__", ()))
        if f"{prefix}.{other}" != name and getattr(module, other) is function
    ]


def source_of(what: Op | Composition) -> str:
    """Where the rule stands, as a link from the page."""
    if isinstance(what, Composition):
        rules: list[Any] = [what.follow]
    else:
        partials = [] if what.partials is None else [partial.rule for partial in what.partials if partial is not None]
        rules = [what.transpose, what.pull_all, *partials, what.push, what.evaluate, what.infer]
    folder = ROOT / "src" / "chainrule"
    for rule in rules:
        code = getattr(inspect.unwrap(rule) if callable(rule) else rule, "__code__", None)
        # What stands in op.py is a form that rows have in common.
        if code is not None and folder in (file := Path(code.co_filename)).parents and file.name != "op.py":
            return f"../{file.relative_to(ROOT).as_posix()}"
    # A derivative that is the same number everywhere, of a function that is NumPy's own.
    return "../src/chainrule/ops/elementwise.py"


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


#: What the trials of a mode may end with where there is none.
FAILURES = (ArithmeticError, AttributeError, IndexError, RuntimeError, TypeError, ValueError)


def quiet(trial: Callable[[], Any]) -> Any:
    """The result of a trial; None where it is refused."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            return trial()
    except FAILURES:
        return None


def modes_of(f: Callable[[Any], Any], point: Any) -> str:
    """The modes in which a function has a derivative, by trial."""

    def numbers(x: Any) -> Any:
        return [y for y in tree.leaves(f(x)) if np.result_type(y).kind in "fc"]

    def slope(x: Any) -> Any:
        y, pull = chainrule.vjp(numbers, x)
        return pull([np.ones_like(part) for part in y])[0]

    trials = {
        "forward": lambda: (chainrule.jvp(numbers, (point,), (np.ones_like(point),)),),
        "reverse": lambda: (slope(point),),
        "second order": lambda: (chainrule.vjp(slope, point)[1](np.ones_like(point)),),
        "vectorize": lambda: (chainrule.vectorize(f)(np.stack([point, point])),),
    }
    found = [name for name, trial in trials.items() if quiet(trial) is not None]
    everywhere = "all" if len(found) == len(trials) else ", ".join(found)
    z = np.asarray(point) + 0.125j
    return everywhere + (", complex" if quiet(lambda: (slope(z),)) is not None else "")


def under_jit(f: Callable[[Any], Any], point: Any) -> str:
    """What of a function becomes machine code."""
    graph = quiet(lambda: chainrule.trace(f)(point))
    if graph is None:
        return "refused"
    with np.errstate(all="ignore"):
        graph = run(optimized(graph), PASSES)
        parts = Lowering(graph, {}).parts
    called = [node.name for part in parts if through_numpy(part) for node in part.nodes]
    if not called:
        return "native"
    everything = len(called) == len(graph.nodes) or not [part for part in parts if not through_numpy(part)]
    return "NumPy" if everything else f"NumPy for {', '.join(f'`{name}`' for name in dict.fromkeys(called))}"


def example(name: str) -> tuple[Callable[[Any], Any], Any, bool]:
    """A call of a function, the point that it is for, and whether what it returns depends on that."""
    if name in EXAMPLES:
        f, point = EXAMPLES[name]
        return f, point, bool(depends(f, point))
    function = find(name)
    calls = [
        (trial(function, arguments), point)
        for arguments in TRIALS
        for point in (np.ones(4), np.ones((2, 2)) + np.eye(2))
    ]
    outcomes = {k: depends(*call) for k, call in enumerate(calls)}
    for wanted in (True, False):
        for k, call in enumerate(calls):
            if outcomes[k] is wanted:
                return *call, wanted
    raise AssertionError(f"{name} takes none of the arguments that are tried: add one to EXAMPLES")


def trial(function: Callable[..., Any], arguments: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], Any]:
    """A function of one traced value that calls another; what that writes into counts as a result."""

    def call(x: Any) -> Any:
        given = arguments(x)
        result = function(*given)
        # np.copyto and its kin return nothing, and write into their first argument.
        return given[0] if result is None else result

    return call


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
    lambda x: (2.0, 0.5 * x),
    lambda x: (2, 0.5 * x),
    lambda x: (2.0, 1.5, 0.5 * x),
    lambda x: (2.0, 1.5, 3.0, 0.5 * x),
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
    lambda x: (x, x, np.eye(2)),
    lambda x: (x[0, 0] * np.ones((1, 1)), 1),
    lambda x: (x * np.arange(4, 0, -1), np.ones(4)),
    lambda x: ((x[0, 0] * np.eye(2), True), np.ones(2)),
    lambda x: (x > 0,),
    lambda x: (x > 0, x > 0),
    lambda x: (x.astype(int), 1),
    lambda x: (x, np.ones(x.shape, int)),
)


def depends(f: Callable[[Any], Any], point: Any) -> bool | None:
    """Whether a result is traced; None where the function refuses the arguments."""
    found = None

    def probe(x: Any) -> float:
        nonlocal found
        found = any(type(leaf) is Tracer for leaf in tree.leaves(f(x)))
        return 0.0

    return None if quiet(lambda: (chainrule.vjp(probe, point),)) is None else found


def sentence(names: Any, *, before: str = "x.", after: str = "") -> str:
    """A list of names as text."""
    return textwrap.fill(", ".join(f"`{before}{name}{after}`" for name in names), 110)


if __name__ == "__main__":
    (Path(__file__).parent / "functions.md").write_text(page(), encoding="utf-8")
