"""Every row is tried with arrays that have no entries, and with arrays that have no axes, where NumPy takes them."""

import operator
import warnings
from collections import defaultdict
from types import MappingProxyType

import numpy as np
import pytest
import scipy.fft
import scipy.integrate
import scipy.linalg
import scipy.signal
import scipy.special
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.ops import all_cases
from tests.ops.case import NEVER, Call
from tests.ops.corners import CORNERS
from tests.ops.test_cases import checks_of

# At shapes that are given, one point is like the other.
once = settings(max_examples=max(1, settings().max_examples // 100))


@pytest.mark.interpreted("tests/jit/test_cases.py compiles the lines of these")
@pytest.mark.parametrize("case", CORNERS, ids=str)
@once
@given(st.data())
def test_row_at_a_corner(case, data):
    call = data.draw(case.calls)
    if not accepts(case.f, *call.at(), **call.params):
        pytest.skip("the NumPy or SciPy that is installed does not take such arrays")
    for check in checks_of(case, call, data.draw):
        check()


ROWS = defaultdict(list)
for _case in (*CORNERS, *all_cases.CASES):
    if _case.derivative != NEVER:
        ROWS[_case.name].append(_case)

EMPTY, NUMBER = "without entries", "without axes"

#: Rows that are not tried there, although NumPy gives something, and why.
EXCEPTIONS = MappingProxyType(
    {
        EMPTY: {
            "np.logspace": "arrays as bases are refused",
            "np.nanpercentile": "of no entries NumPy gives NaN, and chainrule an error",
            "np.nanquantile": "the same",
            "np.nanstd": "of no entries it is NaN, which no difference confirms",
            "np.polymul": "a polynomial without coefficients is refused",
            "scipy.integrate.odeint": "LSODA takes no equations for an error",
            "scipy.integrate.solve_ivp": "no equations",
            "scipy.linalg.khatri_rao": "of no entries SciPy gives the dtype of the first array, whatever the other's",
            "scipy.ndimage.center_of_mass": "of no entries it is NaN, which no difference confirms",
            "scipy.ndimage.rotate": "SciPy makes an image of nothing, and chainrule an error",
            "scipy.signal.convolve2d": "images without entries are refused",
            "scipy.signal.correlate2d": "the same",
            "scipy.signal.fftconvolve": "there is no transform of no entries",
            "scipy.signal.oaconvolve": "the same",
            "scipy.signal.csd": "the same",
            "scipy.signal.periodogram": "the same",
            "scipy.signal.welch": "the same",
            "scipy.sparse.diags": "a matrix of no rows",
            "scipy.sparse.diags_array": "the same",
            "scipy.spatial.distance.braycurtis": "of no entries it is NaN, which no difference confirms",
            "scipy.spatial.distance.correlation": "the same",
            "scipy.spatial.distance.cosine": "the same",
            "scipy.stats.circstd": "the same",
            "scipy.stats.circvar": "the same",
            "scipy.stats.kurtosis": "the same",
            "scipy.stats.linregress": "the same",
            "scipy.stats.sem": "the same",
            "scipy.stats.tmean": "the same",
            "scipy.linalg.fiedler": "its line draws a fixed count of numbers",
            "scipy.linalg.pinvh": "its line adds a matrix of three rows",
            "scipy.linalg.polar": "the same",
            "scipy.optimize.fixed_point": "its line starts at one number",
            "scipy.sparse.linalg.eigsh": "there is no eigenvalue of a matrix of no rows",
            "scipy.sparse.linalg.factorized": "a matrix of no rows",
            "scipy.sparse.linalg.splu": "the same",
            "scipy.stats.median_abs_deviation": "its line draws a fixed count of numbers",
            "scipy.stats.trim_mean": "SciPy 1.15 gives another shape",
            "scipy.stats.zmap": "SciPy warns of a sample without entries",
            "scipy.stats.yeojohnson_llf": "of no exponent SciPy gives NaN, and chainrule nothing",
        },
        NUMBER: {
            "index_add": "an internal row: an axis is what it adds along",
            "np.array_str": "NumPy takes no scalars, which single precision makes of it",
            "np.corrcoef": "of one number it is NaN",
            "np.lexsort": "of numbers it has nothing to sort",
            "np.linalg.matrix_rank": "its line draws matrices",
            "np.nanquantile": "its line has gaps, and of one number nothing would be left",
            "np.polydiv": "of constants its remainder is what rounding leaves",
            "scipy.fft.dctn": "without axes it gives back its argument",
            "scipy.fft.dstn": "the same",
            "scipy.fft.idctn": "the same",
            "scipy.fft.idstn": "the same",
            "scipy.linalg.cho_factor": "SciPy takes a number for a matrix of one row, and chainrule refuses it",
            "scipy.linalg.cholesky": "the same",
            "scipy.linalg.expm": "the same",
            "scipy.linalg.sqrtm": "the same",
            "scipy.linalg.toeplitz": "the same",
            "scipy.ndimage.gaussian_laplace": "an image without axes is refused, since it has no slope",
            "scipy.ndimage.laplace": "the same",
            "scipy.optimize.lsq_linear": "its line adds a matrix of three rows",
            "scipy.optimize.nnls": "the same",
            "scipy.signal.fftconvolve": "its line transforms the second axis",
            "scipy.signal.freqz": "its lines join its arrays",
            "scipy.stats.hmean": "its line takes the mean along the second axis",
            "scipy.stats.circmean": "SciPy takes a number for a sample of one, and chainrule refuses it",
            "scipy.stats.circstd": "of one number it is 0, and has a kink there",
            "scipy.stats.gmean": "SciPy takes a number for a sample of one, and chainrule refuses it",
            "scipy.stats.iqr": "the same",
            "scipy.stats.kurtosis": "the same",
            "scipy.stats.linregress": "the same",
            "scipy.stats.moment": "the same",
            "scipy.stats.multivariate_normal.entropy": "its lines have covariance matrices",
            "scipy.stats.multivariate_normal.logpdf": "the same",
            "scipy.stats.multivariate_normal.pdf": "the same",
            "scipy.stats.pmean": "SciPy takes a number for a sample of one, and chainrule refuses it",
            "scipy.stats.sem": "of one number it is NaN",
            "scipy.stats.skew": "SciPy takes a number for a sample of one, and chainrule refuses it",
            "scipy.stats.trim_mean": "the same",
            "scipy.stats.tsem": "the same",
            "scipy.stats.tstd": "the same",
            "scipy.stats.tvar": "the same",
            "scipy.stats.variation": "the same",
        },
    }
)


def calls_of(case, count):
    """Some calls of a line, the same at every run."""
    found = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case.calls)
    def draw(call):
        found.append(call)

    draw()
    return found


def is_tried(kind, calls):
    """Whether an array of that kind is among the inputs of the calls."""
    shapes = [shape for call in calls for _, shape in call.leaves]
    return any(0 in shape for shape in shapes) if kind == EMPTY else () in shapes


def at_corners(kind, call):
    """The call, with arrays of that kind."""
    ways = [lambda shape: ()]
    if kind == EMPTY:
        ways = [
            lambda shape: (0, *shape[1:]),
            lambda shape: (*shape[:-1], 0),
            lambda shape: (0,) * max(len(shape), 1),
        ]
    for way in ways:
        yield Call(tuple((domain, way(shape)) for domain, shape in call.leaves), call.params, call.seed)


def accepts(f, *arrays, **params):
    """Whether plain NumPy computes something of these."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            f(*arrays, **params)
        except Exception:  # Each function has its own way to refuse.
            return False
    return True


def can_be_tried(kind, name, lines):
    """Whether one of the lines runs with arrays of that kind, or the function that the row is named after."""
    for case in lines:
        for call in at_corners(kind, calls_of(case, 1)[0]):
            arrays = () if any(len(shape) > 8 for _, shape in call.leaves) else made(call)
            if arrays and accepts(case.f, *arrays, **call.params):
                return True
    library, _, rest = name.partition(".")
    if library not in ("np", "scipy"):
        return False
    try:
        function = operator.attrgetter(rest)({"np": np, "scipy": scipy}[library])
    except AttributeError:  # A method, or a row under another name.
        return False
    shapes = [(0,), (0, 0), (2, 0)] if kind == EMPTY else [()]
    return any(accepts(function, np.full(shape, 1.5)) for shape in shapes)


def made(call):
    """The arrays of a call; none where a domain does not make those shapes."""
    try:
        arrays = call.at()
    except (ValueError, IndexError, TypeError):
        return ()
    return arrays if all(x.shape == shape for x, (_, shape) in zip(arrays, call.leaves, strict=True)) else ()


def is_missing(kind, name):
    lines = ROWS[name]
    if any(is_tried(kind, calls_of(case, 4)) for case in lines):
        return False
    return can_be_tried(kind, name, lines) and not any(is_tried(kind, calls_of(case, 40)) for case in lines)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [EMPTY, NUMBER])
def test_every_row_is_tried_where_numpy_takes_such_arrays(kind):
    assert sorted(name for name in ROWS if is_missing(kind, name)) == sorted(EXCEPTIONS[kind])
