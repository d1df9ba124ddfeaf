"""The program in C: built for one network, loaded, and run on BLAS of the SciPy at hand."""

import ctypes
import math
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.training.networks import Case

__all__ = ["Reference"]

SOURCE = Path(__file__).with_name("reference.c")
FLAGS = ("-std=c11", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-fPIC")

#: Rows that go through the network at a time where threads share a batch: few enough to stay in cache.
BLOCK = 500

#: Multiplications up to which a product is a loop in C, found by trying.
SMALL = 3000


def sgemm() -> int:
    """Address of SciPy's sgemm, with 32-bit integers."""
    import scipy.linalg.cython_blas as blas

    capsule = blas.__pyx_capi__["sgemm"]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    signature = api.PyCapsule_GetName(capsule)
    assert signature.startswith(b"void (char *, char *, int *"), f"BLAS with other integers: {signature}"
    return api.PyCapsule_GetPointer(capsule, signature)


class Reference:
    """Training steps in C.

    Where a batch is taken block by block, it is the blocks that go to threads; otherwise BLAS has the threads. Their
    number is that of the whole process.
    """

    def __init__(self, case: Case, parameters: list[tuple[np.ndarray, np.ndarray]], threads: int = 1) -> None:
        self._count = sum(array.size for layer in parameters for array in layer)
        self._rate, self._batch = case.rate, case.batch
        self._labelled = case.output == "softmax"
        block = math.gcd(case.batch, BLOCK) if case.batch > 2 * BLOCK and self._count < 10_000 else case.batch
        with tempfile.TemporaryDirectory() as folder:
            self._library = ctypes.CDLL(str(_built(case, self._count, block, threads, Path(folder))))
        self._limits = threadpool_limits(threads if block == case.batch else 1, "blas")
        flat = np.concatenate([array.ravel() for layer in parameters for array in layer])
        self._library.start(ctypes.c_void_p(sgemm()), _pointer(flat))

    def train(self, inputs: np.ndarray, targets: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Take a step for every minibatch of `order`, and give the cost of each; for softmax the targets are labels."""
        inputs = np.ascontiguousarray(inputs, np.float32)
        targets = np.ascontiguousarray(targets, np.int32 if self._labelled else np.float32)
        order = np.ascontiguousarray(order, np.int64)
        assert len(order) % self._batch == 0
        costs = np.empty(len(order) // self._batch)
        self._library.train(
            _pointer(inputs),
            _pointer(targets),
            _pointer(order),
            ctypes.c_int64(len(costs)),
            ctypes.c_float(self._rate),
            _pointer(costs),
        )
        return costs

    def parameters(self) -> np.ndarray:
        """All parameters, layer by layer, weights before the bias."""
        return self._read(self._library.read_parameters)

    def gradients(self) -> np.ndarray:
        """Gradient of the last step, in the order of the parameters."""
        return self._read(self._library.read_gradients)

    def _read(self, function) -> np.ndarray:
        values = np.empty(self._count, np.float32)
        function(_pointer(values))
        return values


def _built(case: Case, parameters: int, block: int, threads: int, folder: Path) -> Path:
    settings = {
        "SIZES": ",".join(map(str, case.sizes)),
        "UNITS": sum(case.sizes),
        "PARAMETERS": parameters,
        "BATCH": case.batch,
        "BLOCK": block,
        "HIDDEN": case.hidden.upper(),
        "OUTPUT": case.output.upper(),
        "OPTIMIZER": case.optimizer.upper(),
        "THREADS": threads if block < case.batch else 1,
        "SMALL": SMALL,
    }
    library = folder / "reference.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    given = [f"-D{name}={value}" for name, value in settings.items()]
    compiled = library.with_suffix(".o")
    subprocess.run([*compiler, *FLAGS, *given, "-c", str(SOURCE), "-o", str(compiled)], check=True)
    # Linked without -ffast-math, with which a library switches subnormal numbers off in the whole process.
    subprocess.run([*compiler, "-shared", "-fopenmp", str(compiled), "-o", str(library), "-lm"], check=True)
    return library


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
