"""A process that trains is killed at random moments, and started again each time: it ends with the same bits."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.train import killed

ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONSTARTUP"}
SECONDS = 100


def start(folder, epochs, program):
    (folder / "ready").unlink(missing_ok=True)
    return subprocess.Popen([sys.executable, program, str(folder), str(epochs)], env=ENVIRONMENT)


def appears(process, file):
    """Wait for a file that a process writes."""
    end = time.monotonic() + SECONDS
    while not file.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)


def killed_after(process, file, seconds):
    """Kill a process so long after it has written a file; tell whether it was not done by then."""
    appears(process, file)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    assert process.returncode == 0
    return False


def survives(folder, kills, epochs, program=killed.__file__):
    """Kill so often, and compare the end with that of a run that nobody disturbs."""
    plain, disturbed = folder / "plain", folder / "disturbed"
    plain.mkdir()
    disturbed.mkdir()
    process = start(plain, epochs, program)
    appears(process, plain / "run")
    begun = time.monotonic()  # what came before was compiled, which the other runs find on disk
    assert not killed_after(process, plain / "run", SECONDS)
    length = time.monotonic() - begun
    rng = np.random.default_rng()
    moments = []
    while len(moments) < kills:
        # The first kill finds a checkpoint, so that the run does not just begin again each time.
        file = disturbed / ("ready" if moments else "run")
        if killed_after(start(disturbed, epochs, program), file, rng.uniform(0, length / kills)):
            moments.append((disturbed / "run").exists() + any(name.endswith(".part") for name in os.listdir(disturbed)))
        else:
            # It was done before the last kill.
            shutil.rmtree(disturbed)
            disturbed.mkdir()
            moments.clear()
    with_file = sum(moment > 0 for moment in moments)
    print(f"{kills} kills within {length:.1f} s, {with_file} with a file, {moments.count(2)} while one was written")
    assert with_file
    assert not killed_after(start(disturbed, epochs, program), disturbed / "ready", SECONDS)
    # What was left of files half written is gone.
    assert sorted(os.listdir(disturbed)) == ["end.npz", "ready", "run"]
    with np.load(plain / "end.npz") as one, np.load(disturbed / "end.npz") as other:
        assert set(one) == set(other)
        for name in one:
            assert one[name].dtype == other[name].dtype
            assert one[name].tobytes() == other[name].tobytes(), name
    return with_file


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL here")
def test_six_kills(tmp_path):
    assert survives(tmp_path, 6, 150) >= 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL here")
def test_fifty_kills(tmp_path):
    assert survives(tmp_path, 50, 1500) >= 25
