"""``import chainrule`` is light: what is heavy gets imported where it is used."""

import os
import subprocess
import sys

HEAVY = (
    "sklearn",
    "matplotlib",
    "pandas",
    "rich",
    "llvmlite",
    "safetensors",
    "pytest",
    "hypothesis",
    "torch",
    "jax",
)
TRIES = 20


def run(code: str) -> str:
    """Standard output of a fresh interpreter that ran `code`."""
    # Without cached bytecode each run would compile the package anew.
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy():
    loaded = run("import sys, chainrule; print(*sys.modules)").split()
    assert "chainrule" in loaded
    assert [name for name in loaded if name.partition(".")[0] in HEAVY] == []
    # `import scipy` itself loads scipy.version and private modules only.
    rooms = [name.split(".")[1] for name in loaded if name.startswith("scipy.")]
    assert [name for name in rooms if not name.startswith("_") and name != "version"] == []


def test_the_translator_is_loaded_by_who_trains():
    loaded = run("import sys, chainrule.train; print(*sys.modules)").split()
    assert [name for name in loaded if name.partition(".")[0] == "llvmlite"] == []


def test_classes_are_learned_without_the_special_functions():
    """SciPy takes a tenth of a second to load them, as long as a short fit takes."""
    code = """
import sys
import numpy as np
from chainrule import nn, optim, train
network = nn.Network.of(4, [5], 3, "relu", "softmax")
parameters = ({"weights": np.ones((4, 5)), "bias": np.zeros(5)}, {"weights": np.ones((5, 3)), "bias": np.zeros(3)})
x, targets = np.ones((8, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
train.fit(network, parameters, "cross_entropy", x, targets, optimizer=optim.adam(0.1), epochs=1, batch_size=4, rng=0)
print(*sys.modules)
"""
    assert "scipy.special" not in run(code).split()


def test_import_is_no_longer_than_that_of_numpy():
    """Of the processor's time the quickest of some fresh interpreters counts: a busy machine only ever adds some."""
    code = """
import time
start = time.process_time()
import numpy
between = time.process_time()
import chainrule
print(between - start, time.process_time() - between)
"""
    of_numpy, ours = [], []
    while not ours or (min(ours) >= min(of_numpy) and len(ours) < TRIES):
        for seconds, found in zip((of_numpy, ours), run(code).split(), strict=True):
            seconds.append(float(found))
    assert min(ours) < min(of_numpy)
