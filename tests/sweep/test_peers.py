"""Every row of the tables against autograd and against JAX: values, derivatives of both orders, complex ones too.

The functions are those of the case tables, run by the other library as they stand. A row is compared wherever the other
library has its functions and their derivatives; where it has them and still cannot be compared, the reason stands here.
"""

import warnings
from collections import defaultdict
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.ops import all_cases, checks
from tests.ops.case import SMOOTH
from tests.sweep.peers import Autograd, Jax

from chainrule import jvp, tree, vjp

pytestmark = pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")

ROWS = defaultdict(list)
for _case in all_cases.CASES:
    if _case.derivative == SMOOTH:
        ROWS[_case.name].append(_case)

#: What they give otherwise, by line or row, and why. Finite differences hold each of these for us.
DIFFERENT = MappingProxyType(
    {
        "autograd": {
            "np.prod with zeros": "it divides by the entries",
            "np.sum where=": "it leaves where= out of the derivative",
            "np.prod where=": "the same",
            "np.mean where=": "the same",
            "np.var where=": "the same",
            "np.std where=": "the same",
            "np.sum out= by position": "an array that is written into loses its derivative",
            "np.fft.rfft": "it weighs the frequencies of a spectrum for real results alone",
            "np.fft.rfft2": "the same",
            "np.fft.rfftn": "the same",
            "np.fft.irfft2": "the same",
            "np.fft.irfftn": "the same",
            "np.linalg.pinv": "a rule for real matrices",
            "np.linalg.slogdet": "a rule for real matrices",
            "np.linalg.eig": "another rule for complex matrices",
            "np.linalg.norm largest of vectors": "NaN for every entry",
            "scipy.linalg.sqrtm": "a rule for real matrices",
            "scipy.linalg.solve_triangular with ones on the diagonal": "it takes the diagonal for an argument",
        },
        "jax": {
            "np.max of nothing": "NaN in forward mode, where initial= is the largest",
            "scipy.linalg.cho_factor": "another content of the triangle that nobody reads",
        },
    }
)

examples = settings(
    max_examples=max(3, settings().max_examples // 30),
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Differs(AssertionError):
    """Another library gives something else."""


def drawn(case):
    """Calls of a line, with entries, if it has such calls."""
    calls = []

    @examples
    @given(case.calls)
    def draw(call):
        calls.append(call)

    draw()
    filled = [call for call in calls if all(0 not in shape for _, shape in call.leaves)]
    return filled or calls


def ours(f, point, seed, weights):
    """The value; v^T J; J w; and w^T H, of which H belongs to v^T f."""

    def gradient(*xs):
        return list(vjp(f, *xs)[1](seed))

    value, pull_back = vjp(f, *point)
    yield "value", tree.leaves(value)
    yield "gradient", list(pull_back(seed))
    yield "forward", tree.leaves(jvp(f, tuple(point), tuple(weights))[1])
    yield "second", list(vjp(gradient, *point)[1](list(weights)))


def compared(case, peer, call, *, imaginary):
    """Hold all that the peer gives against ours; the number of arrays compared."""
    arrays = call.at(imaginary=imaginary)
    f, point = checks.on_numbers(case, call, arrays)
    theirs, _ = checks.on_numbers(peer.case(case), call, arrays)
    rng = np.random.default_rng(call.seed)
    value = f(*point)
    seed, weights = checks.random_like(rng, value), checks.random_like(rng, list(point))
    parts = zip(tree.leaves(seed), tree.leaves(value), strict=True)
    number_seeds = [v if checks.is_number(y) else None for v, y in parts]
    mine = dict(ours(f, point, seed, weights))
    count = 0
    for what, found in peer.derivatives(theirs, point, number_seeds, weights):
        for a, b in zip(map(np.asarray, mine[what]), map(np.asarray, found), strict=True):
            if checks.is_number(a):
                size = np.max(np.abs(a), initial=1.0, where=np.isfinite(a))
                if not (a.shape == b.shape and np.allclose(b, a, rtol=1e-7, atol=1e-8 * size, equal_nan=True)):
                    raise Differs(f"{what} of {case} at {point}: {b!r} by {peer.name}, {a!r} by chainrule")
                count += 1
    return count


def count_of(name, peer):
    """Compare the lines of a row, as far as the peer can run them; the number of arrays compared."""
    count = 0
    for case in ROWS[name]:
        if {str(case), name} & DIFFERENT[peer.name].keys():
            continue
        for call in drawn(case)[-1:]:
            for imaginary in (False, True) if case.complex else (False,):
                try:
                    with np.errstate(all="ignore"), warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        count += compared(case, peer, call, imaginary=imaginary)
                except Differs:
                    raise
                except Exception:  # Whatever a library raises that lacks a function, an argument or a derivative.
                    continue
    return count


def counts_of(peer):
    return {name: count_of(name, peer) for name in ROWS}


@pytest.mark.parametrize("name", ROWS)
def test_against_autograd(name):
    pytest.importorskip("autograd")
    count_of(name, Autograd())


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_against_jax(name):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        count_of(name, Jax())


@pytest.mark.slow
def test_autograd_runs_most_of_what_it_covers():
    pytest.importorskip("autograd")
    # It has neither most of scipy.special nor what NumPy 2 brought.
    assert sum(count > 0 for count in counts_of(Autograd()).values()) > 140


@pytest.mark.slow
def test_jax_runs_most_of_what_it_covers():
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        assert sum(count > 0 for count in counts_of(Jax()).values()) > 250
