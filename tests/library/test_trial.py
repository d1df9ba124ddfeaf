"""No public function of NumPy and SciPy loses a derivative without a word.

Each callable of their modules is called with arrays as its users would, until some calls work; then the same calls are
made with one array traced. What comes back has to be traced, or to be what it would be for other arrays close by, or
an error. Where the error is chainrule's, it names the function.
"""

import contextlib
import importlib
import io
import signal
import types
import warnings

import numpy as np
import pytest
import scipy.sparse

from chainrule import ChainruleError, vjp
from chainrule.trace import Tracer

V = np.array([0.31, 0.72, 0.55, 0.83, 0.47, 0.64])
W = np.array([0.23, 0.91, 0.42, 0.77, 0.61, 0.35])
M = np.array([[2.07, 0.31, 0.13], [0.31, 1.53, 0.22], [0.13, 0.22, 1.24]])
N = np.array([[0.71, 0.33, 0.92], [0.17, 0.54, 0.26], [0.41, 0.82, 0.65]])
CALLS = (
    (V,),
    (M,),
    (0.37,),
    (V, W),
    (M, N),
    (M, N[0]),
    (0.37, 0.61),
    (V, 2),
    (2, V),
    (M, 2),
    (V, W, V[::-1].copy()),
    (0.3, 0.6, 0.4),
    (2, 0.3, 0.6),
    (V, np.cumsum(W), W),
    (2, 3, 0.4),
    (0.3, 0.5, 0.6, 0.4),
    (V, 3, 1),
    (V > 0.5, V),
    (np.array([0, 1, 2, 1, 0, 1]), V),
    ((1, 1), M, V[:3]),
    ([N[0], V[:3]],),
    ([V, W], V),
)
_PLACES = """
numpy numpy.linalg numpy.fft numpy.emath numpy.lib.stride_tricks numpy.ma numpy.polynomial numpy.polynomial.polynomial
numpy.polynomial.chebyshev scipy.special scipy.stats scipy.signal scipy.ndimage scipy.spatial scipy.spatial.distance
scipy.linalg scipy.fft scipy.fftpack scipy.integrate scipy.interpolate scipy.optimize scipy.cluster.vq scipy.sparse
scipy.sparse.linalg scipy.differentiate
"""
MODULES = tuple(_PLACES.split())

#: What reads or writes files, prints, asks, draws random numbers, changes how NumPy behaves from then on, or gives what
#: is found in memory.
_OTHERWISE = """
save savez savez_compressed savetxt load loadtxt fromfile memmap test show_config show_runtime info genfromtxt
fromregex set_printoptions setbufsize seterr seterrcall errstate printoptions frombuffer fromstring empty_like
permutation_test monte_carlo_test bootstrap power goodness_of_fit
"""
#: Compiled code that goes on for ever, or ends the process, for what stands above.
_COMPILED = "distance_transform_cdt distance_transform_edt"
LEFT_OUT = frozenset(f"{_OTHERWISE} {_COMPILED}".split())
#: Seconds that one call may take.
LONGEST = 2.0


def leaves(result, depth=0):
    """Everything numeric in a result, tracers included."""
    if isinstance(result, (Tracer, np.ndarray, np.generic, float, complex, int)):
        yield result
    elif isinstance(result, (tuple, list, dict)):
        for part in result.values() if isinstance(result, dict) else result:
            yield from leaves(part, depth + 1)
    elif scipy.sparse.issparse(result):
        yield result.data
    elif depth < 3 and not isinstance(result, (str, type, types.ModuleType)):
        for part in attributes(result):
            yield from leaves(part, depth + 1)


def attributes(result):
    """What an object of any class holds, and a function of what is around it."""
    if isinstance(result, types.FunctionType):
        for cell in result.__closure__ or ():
            with contextlib.suppress(ValueError):
                yield cell.cell_contents
        return
    yield from getattr(result, "__dict__", {}).values()
    for kind in type(result).__mro__:
        names = getattr(kind, "__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            yield getattr(result, name, None)


def is_traced(result):
    return any(isinstance(x, Tracer) and x.is_traced for x in leaves(result))


def numbers(result):
    return [np.asarray(x) for x in leaves(result) if not isinstance(x, Tracer)]


def are_the_same(one, other):
    pairs = list(zip(numbers(one), numbers(other), strict=False))
    return all(
        x.shape == y.shape and (x.dtype.kind not in "fc" or np.array_equal(x, y, equal_nan=True)) for x, y in pairs
    )


class Late(Exception):
    """A call took too long."""


def _late(*_):
    raise Late


@contextlib.contextmanager
def quietly():
    """Without printing or warnings, and not for long."""
    before = signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fresh(arguments):
    return [x.copy() if isinstance(x, np.ndarray) else list(x) if isinstance(x, list) else x for x in arguments]


def moved(x):
    """The argument, a little further on."""
    return [moved(part) for part in x] if isinstance(x, list) else x * (1 + 1e-6) + 1e-7


def places(arguments):
    """Where numbers stand that can be differentiated by."""
    for k, x in enumerate(arguments):
        first = x[0] if isinstance(x, list) else x
        if isinstance(first, float) or (isinstance(first, np.ndarray) and first.dtype.kind == "f"):
            yield k


def outcome(function, arguments, k):
    """What a call with argument `k` traced comes to: its result, or the error."""
    found = []

    def f(x):
        call = fresh(arguments)
        call[k] = x
        try:
            with quietly():
                found.append(function(*call))
        except Exception as problem:
            found.append(problem)
        return np.sum(x[0] if isinstance(x, list) else x)

    vjp(f, arguments[k])
    return found[0]


def lost(function, name, arguments, plain):
    """The places at which a derivative is lost in silence, or by an error that does not say where."""
    for k in places(arguments):
        with quietly():
            again = function(*fresh(arguments))
            call = fresh(arguments)
            call[k] = moved(call[k])
            other = function(*call)
        if not are_the_same(plain, again):
            return
        result = outcome(function, arguments, k)
        if isinstance(result, ChainruleError):
            text = str(result).partition("\n  at ")[0]
            # A function that calls others may end in the error of one of these, which names that one.
            if name not in text and "np." not in text and "scipy." not in text:
                yield f"{name}: argument {k}: {text.splitlines()[0]}"
        elif not isinstance(result, Exception) and not is_traced(result) and not are_the_same(plain, other):
            yield f"{name}: argument {k} is lost in silence"


def callables(module):
    for name in sorted(dir(module)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function = getattr(module, name, None)
        is_kind = isinstance(function, type) and issubclass(function, (BaseException, np.generic, np.dtype))
        if callable(function) and not name.startswith("_") and name not in LEFT_OUT and not is_kind:
            yield name, function


@pytest.mark.parametrize("place", MODULES)
def test_nothing_is_lost_in_silence(place):
    module = np.emath if place == "numpy.emath" else importlib.import_module(place)
    tried, found = 0, []
    for name, function in callables(module):
        worked = 0
        for arguments in CALLS:
            try:
                with quietly():
                    plain = function(*fresh(arguments))
            except (Exception, SystemExit):
                continue
            if plain is None or isinstance(plain, str):
                continue
            worked += 1
            with contextlib.suppress(Late):
                found += lost(function, name, arguments, plain)
            if worked == 3:
                break
        tried += worked > 0
    assert tried > 0
    assert found == []
