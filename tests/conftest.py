"""Settings of the whole suite: one thread for BLAS, no windows, machine code kept apart, the profiles of Hypothesis."""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports NumPy: two BLAS threads that wait for each other are slower than one on small
# arrays, and their bits differ from one thread's. Subprocesses inherit these.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# `ci` draws the same examples on every machine and at every run; `sweep` (make sweep) draws many fresh ones.
settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile(
    "sweep", max_examples=300, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")

# Machine code is kept for this run alone, so that what the tests see does not depend on the run before. Its processes
# share it: those that pytest-xdist starts take the folder of the process that started them.
_is_worker = "PYTEST_XDIST_WORKER" in os.environ
_code = os.environ["CHAINRULE_CACHE_DIR"] if _is_worker else tempfile.mkdtemp(prefix="chainrule-tests-")
os.environ["CHAINRULE_CACHE_DIR"] = _code


def pytest_configure(config: pytest.Config) -> None:
    # Importing NumPy and chainrule fixes the settings above.
    from tests import both_ways, code_level

    for plugin in (both_ways, code_level):
        plugin.install()
        config.pluginmanager.register(plugin)
    # Of the million objects that collecting the tests makes none is garbage: to look for it takes half of that time,
    # and, where they are not set aside afterwards, half a second at each full search during the tests.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _verified_passes():
    """Verify every graph after every pass; one that a pass leaves as it was once."""
    from chainrule.graph import verify
    from chainrule.passes import checked_by

    def verify_once(graph):
        if "verified" not in graph.derived:
            verify(graph)
            graph.derived["verified"] = True

    with checked_by(verify_once):
        yield


@pytest.fixture(scope="session")
def browser():
    """A headless browser; tests that need it are skipped where there is none."""
    from tests.browser import CHROMIUM, Browser

    if CHROMIUM is None:
        pytest.skip("no chromium here: the page is not opened")
    found = Browser()
    yield found
    found.close()


def pytest_runtest_setup() -> None:
    """Give every test the same of NumPy's own generator, from which an estimator without a seed draws."""
    import numpy as np

    np.random.seed(0)  # noqa: NPY002  (scikit-learn draws from it)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Put the settings of Hypothesis back.

    It makes those of a parametrised test from those of the one before (as of 6.170), and looks for the database along
    the whole chain: after some hundred tests it is deeper than Python's stack.
    """
    function = getattr(item, "obj", None)
    function = getattr(function, "__func__", function)
    name = "_hypothesis_internal_use_settings"
    before = getattr(function, name, None)
    try:
        return (yield)
    finally:
        if before is not None:
            setattr(function, name, before)


def pytest_unconfigure() -> None:
    if not _is_worker:
        shutil.rmtree(_code, ignore_errors=True)
