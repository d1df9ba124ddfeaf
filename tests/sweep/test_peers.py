"""Every row of the tables against autograd and against JAX: values, derivatives of both orders, complex ones too.

The functions are those of the case tables, run by the other library as they stand. A row is compared wherever the other
library has its functions and their derivatives; where these give something else, the reason stands here.
"""

import contextlib
import functools
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.ops import all_cases, checks
from tests.ops.case import SMOOTH, Call
from tests.sweep.peers import Autograd, Jax

from chainrule import jvp, tree, vjp

pytestmark = pytest.mark.interpreted("tests/jit/test_cases.py compiles every line, with its derivatives")

ROWS = defaultdict(list)
for _case in all_cases.CASES:
    if _case.derivative == SMOOTH:
        ROWS[_case.name].append(_case)


@dataclass(frozen=True)
class Difference:
    """What another library gives otherwise: why, and at which calls."""

    reason: str
    concerns: Callable[[Call, bool], bool] = lambda call, imaginary: True


def of_complex(reason):
    return Difference(reason, lambda call, imaginary: imaginary)


NORMS = Difference(
    "of norm= it knows None and 'ortho': 'backward' and 'forward' it divides or multiplies by the number of entries",
    lambda call, imaginary: call.params.get("norm") in ("backward", "forward"),
)

#: What they give otherwise, by line or row. Finite differences hold each of these for us (test_what_differs).
DIFFERENT = MappingProxyType(
    {
        "autograd": {
            "np.prod with zeros": Difference("it divides by the entries"),
            "np.sum where=": Difference("it leaves where= out of the derivative"),
            "np.prod where=": Difference("the same"),
            "np.mean where=": Difference("the same"),
            "np.var where=": Difference("the same"),
            "np.std where=": Difference("the same"),
            "np.sum where= of the entries": Difference("the same"),
            "np.sum out= by position": Difference("an array that is written into loses its derivative"),
            "np.transpose": Difference(
                "the inverse of a permutation it sorts out with axes counted from the end as they stand",
                lambda call, imaginary: min(call.params.get("axes", ()), default=0) < 0,
            ),
            "np.fft.rfft": Difference(
                NORMS.reason + "; and the length n= it sees by position alone",
                lambda call, imaginary: NORMS.concerns(call, imaginary) or "n" in call.params,
            ),
            "np.fft.rfft2": NORMS,
            "np.fft.rfftn": NORMS,
            "np.fft.irfft": NORMS,
            "np.fft.irfft2": NORMS,
            "np.fft.irfftn": NORMS,
            "np.linalg.pinv": of_complex("its rule transposes where complex matrices need the conjugate, too"),
            "np.linalg.slogdet": of_complex("the phase of the determinant has derivative zero there"),
            "np.linalg.eig": of_complex("it lets an eigenvector turn, where LAPACK keeps its largest entry real"),
            "np.linalg.eig with complex values": Difference("the same"),
            "np.linalg.norm largest of vectors": Difference("its rule is that of finite orders: inf / inf"),
            "scipy.linalg.sqrtm": of_complex("it drops the imaginary part of the derivative"),
            "scipy.linalg.solve_triangular": Difference(
                "of trans=2, the conjugate transpose, its rule leaves out the conjugate",
                lambda call, imaginary: imaginary and call.params.get("trans") == 2,
            ),
            "scipy.linalg.solve_triangular with ones on the diagonal": Difference(
                "its rule leaves unit_diagonal= out and divides by the diagonal that nobody reads"
            ),
        },
        "jax": {
            "np.max of nothing": Difference("NaN in forward mode, where initial= is the largest"),
            "scipy.special.spence": Difference("NaN above 1 up to 2, by the logarithm in a branch that is not taken"),
            "scipy.linalg.cho_factor": Difference("another content of the triangle that nobody reads"),
            "np.unique": Difference("its derivative is zero, where it gives the entries themselves"),
            "np.unique_values": Difference("the same"),
            "np.union1d": Difference("the same"),
            "np.polydiv": Difference("the remainder has the leading zeros that np.polydiv cuts off"),
        },
    }
)


class Differs(AssertionError):
    """Another library gives something else."""


#: Calls of a line; each is compared. Of a library that compiles them, the first that it takes.
COUNT = max(3, settings().max_examples // 30)


@functools.cache
def drawn(case, count=COUNT):
    """Calls of a line, with entries, if it has such calls."""
    calls = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
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


def as_far_as_it_goes(found):
    """What a generator gives, up to whatever a library raises that lacks a function, an argument or a derivative."""
    with contextlib.suppress(Exception):
        yield from found


def compared(case, peer, call, arrays):
    """Hold all that the peer gives against ours; the number of arrays compared."""
    f, point = checks.on_numbers(case, call, arrays)
    rng = np.random.default_rng(call.seed)
    value = f(*point)
    seed, weights = checks.random_like(rng, value), checks.random_like(rng, list(point))
    parts = zip(tree.leaves(seed), tree.leaves(value), strict=True)
    number_seeds = [v if checks.is_number(y) else None for v, y in parts]
    mine = dict(ours(f, point, seed, weights))

    def theirs():
        f, _ = checks.on_numbers(peer.case(case), call, arrays)
        yield from peer.derivatives(f, point, number_seeds, weights)

    count = 0
    for what, found in as_far_as_it_goes(theirs()):
        for a, b in zip(map(np.asarray, mine[what]), map(np.asarray, found), strict=True):
            if b.dtype.kind == "O":
                # NumPy has put what the library traces into an array of its own: it lacks the function.
                return count
            if checks.is_number(a):
                size = np.max(np.abs(a), initial=1.0, where=np.isfinite(a))
                if not (a.shape == b.shape and np.allclose(b, a, rtol=1e-7, atol=1e-8 * size, equal_nan=True)):
                    raise Differs(f"{what} of {case} at {point}: {b!r} by {peer.name}, {a!r} by chainrule")
                count += 1
    return count


def points(case, call, peer):
    """The arrays of a call, real ones and mixtures of real and complex ones, and whether they are the latter."""
    mixed = case.mixtures(call) if case.complex else []
    return [(call.at(), False), *((arrays, True) for arrays in (mixed[:1] if peer.compiles else mixed))]


@functools.cache
def count_of(name, peer):
    """Compare the lines of a row, as far as the peer can run them; the number of arrays compared."""
    count = 0
    for case in ROWS[name]:
        known = DIFFERENT[peer.name]
        difference = known.get(str(case), known.get(name))
        for call in reversed(drawn(case)):
            before = count
            for arrays, imaginary in points(case, call, peer):
                if difference is None or not difference.concerns(call, imaginary):
                    with np.errstate(all="ignore"), warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        count += compared(case, peer, call, arrays)
            if peer.compiles and count > before:
                break
    return count


@pytest.fixture(scope="module")
def autograd():
    pytest.importorskip("autograd")
    return Autograd()


SETTINGS = ("jax_enable_x64", "jax_disable_most_optimizations")


@pytest.fixture(scope="module")
def jax():
    found = pytest.importorskip("jax")
    # It compiles each of its operations for each shape: what is run once need not be made fast.
    for name in SETTINGS:
        found.config.update(name, True)
    yield Jax()
    for name in SETTINGS:
        found.config.update(name, False)


@pytest.mark.parametrize("name", ROWS)
def test_against_autograd(name, autograd):
    count_of(name, autograd)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_against_jax(name, jax):
    count_of(name, jax)
    # What it has compiled is gigabytes in the end.
    sys.modules["jax"].clear_caches()


@pytest.mark.slow
def test_autograd_runs_most_of_what_it_covers(autograd):
    # It has neither most of scipy.special nor what NumPy 2 brought.
    assert sum(count_of(name, autograd) > 0 for name in ROWS) > 380


@pytest.mark.slow
def test_jax_runs_most_of_what_it_covers(jax):
    # Of every fourth row, since in a process of its own this compiles them once more.
    assert sum(count_of(name, jax) > 0 for name in list(ROWS)[::4]) > 85


@pytest.mark.slow
@pytest.mark.parametrize(("library", "key"), [(library, key) for library, known in DIFFERENT.items() for key in known])
def test_what_differs(library, key, request):
    """Each difference of the list is one still, and finite differences are on our side."""
    peer, difference = request.getfixturevalue(library), DIFFERENT[library][key]
    cases = [case for case in all_cases.CASES if case.derivative == SMOOTH and key in (case.name, str(case))]
    seen = 0
    for case in cases:
        for call in drawn(case)[-1:] if peer.compiles else drawn(case, 10):
            for arrays, imaginary in points(case, call, peer):
                if difference.concerns(call, imaginary):
                    checks.check_first(case, call, arrays, np.random.default_rng(call.seed))
                    checks.check_second(case, call, arrays, np.random.default_rng(call.seed))
                    try:
                        with np.errstate(all="ignore"), warnings.catch_warnings():
                            warnings.simplefilter("ignore")
                            compared(case, peer, call, arrays)
                    except Differs:
                        seen += 1
    assert seen
