"""Memory that training needs beyond its data, the parameters and the optimiser's state: chainrule beside JAX.

    python -m benchmarks.limits.memory {chainrule,JAX} NETWORK FOLDER

is one contestant in a process of its own: it loads its libraries, takes a step with a tiny network, so that compilers
and pools of threads are there, notes its resident memory, and resets the peak that Linux keeps (VmHWM). Then the data
are read and some epochs trained. The peak is read after each epoch; then free memory is handed back to the system, and
the peak reset. The first epoch's has compiling in it, of which nothing is on disk; the highest of the others is that of
training. From both are taken away the memory noted before, and the bytes of data, parameters and Adam's two moments.
"""

import ctypes
import gc
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.results import Result
from benchmarks.training.networks import LARGE, NETWORKS, Case

__all__ = ["beyond"]

TINY = "4-16-3 (32)"
EPOCHS = 3


def status(name: str) -> int:
    """Bytes that Linux tells of this process: VmRSS now, VmHWM at most since the last reset."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def hand_back() -> None:
    """Give the system the memory that compilers have freed and the C library keeps for the next who asks."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


Training = Callable[[int, Callable[[], None]], None]
"""Trains for so many epochs, and calls the function after each of them."""


def ours(case: Case, x: np.ndarray, targets: np.ndarray) -> Training:
    from benchmarks.training import ours
    from chainrule import train

    net, rule = ours.network(case), ours.optimizer(case)

    def run(epochs: int, after: Callable[[], None]) -> None:
        train.fit(
            net,
            ours.start(case),
            case.loss,
            x,
            targets,
            optimizer=rule,
            epochs=epochs,
            batch_size=None if case.whole else case.batch,
            rng=0,
            callbacks=[lambda state: after()],
        )

    return run


def jaxs(case: Case, x: np.ndarray, targets: np.ndarray) -> Training:
    from benchmarks.training import peers
    from benchmarks.training.networks import Data

    rows = np.arange(case.examples) if case.whole else np.random.default_rng(0).permutation(case.examples)
    given = [Data(x, targets, None, rows)]
    # Only the copy that JAX takes is to stay.
    del x, targets

    class Given(Case):
        """The case with data that are there."""

        def data(self, seed: int = 0) -> Data:
            return given.pop()

    train = peers.jax(Given(**vars(case)), 1)

    def run(epochs: int, after: Callable[[], None]) -> None:
        for _ in range(epochs):
            train(1)
            after()

    return run


CONTESTANTS = {"chainrule": ours, "JAX": jaxs}


def files(case: Case, folder: Path) -> tuple[Path, Path]:
    return folder / f"{case.batch}-{case.sizes}-x.npy", folder / f"{case.batch}-{case.sizes}-targets.npy"


def once(name: str, case: Case, folder: Path) -> None:
    """Print the bytes beyond, compiling included and in training, and the bytes that are left out."""
    make = CONTESTANTS[name]
    tiny = NETWORKS[TINY]
    data = tiny.data()
    make(tiny, data.inputs, data.targets)(EPOCHS, lambda: None)
    hand_back()
    before = status("VmRSS")
    reset_peak()
    x, targets = (np.load(path) for path in files(case, folder))
    train = make(case, x, targets)
    weights = sum((a + 1) * b for a, b in pairwise(case.sizes))
    known = x.nbytes + targets.nbytes + 3 * 4 * weights
    # Where a contestant takes a copy, it need not keep the first.
    del x, targets
    peaks = []

    def after() -> None:
        peaks.append(status("VmHWM"))
        hand_back()
        reset_peak()

    train(EPOCHS, after)
    print(peaks[0] - before - known, max(peaks[1:]) - before - known, known)


def measured(name: str, case: Case, folder: Path, threads: int) -> tuple[float, float, float]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CHAINRULE_THREADS", "NPROC")
    environment = os.environ | {"JAX_PLATFORMS": "cpu"} | dict.fromkeys(names, str(threads))
    command = [sys.executable, "-m", "benchmarks.limits.memory", name, case.name, str(folder)]
    with tempfile.TemporaryDirectory() as cache:
        environment["CHAINRULE_CACHE_DIR"] = cache
        found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    first, later, known = (int(number) / 2**20 for number in found)
    return first, later, known


def beyond(rounds: int, threads: int, large: bool) -> Result:
    """Medians in MiB."""
    names = ["784-512-512-10 (128)", "4-32-16-4 tanh, all 10,000", *([LARGE] if large else [])]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in map(NETWORKS.__getitem__, names):
            data = case.data()
            for path, array in zip(files(case, Path(folder)), (data.inputs, data.targets), strict=True):
                np.save(path, array)
            found = {name: [measured(name, case, Path(folder), threads) for _ in range(rounds)] for name in CONTESTANTS}
            known = found["chainrule"][0][2]
            medians = [statistics.median(r[k] for r in runs) for k in (1, 0) for runs in found.values()]
            rows.append([case.name, known, *medians])
    return Result(
        "limits-memory",
        f"MiB of peak resident memory beyond data, parameters and Adam's moments (second column), {threads} threads",
        ("network", "left out", "chainrule", "JAX", "chainrule, compiling included", "JAX, compiling included"),
        rows,
        drawn=("chainrule", "JAX", "chainrule, compiling included", "JAX, compiling included"),
        axis="MiB (less is better)",
    )


if __name__ == "__main__":
    once(sys.argv[1], NETWORKS[sys.argv[2]], Path(sys.argv[3]))
