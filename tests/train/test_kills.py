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


def killed_after(process, folder, seconds):
    """Kill a process so long after it has begun to train; tell whether it was not done by then."""
    end = time.monotonic() + SECONDS
    while not (folder / "ready").exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
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
    assert not killed_after(process, plain, SECONDS)
    length = (plain / "end.npz").stat().st_mtime - (plain / "ready").stat().st_mtime
    rng = np.random.default_rng()
    moments = []
    rounds = 0
    # A few kills may all come before the first checkpoint, which says little: then there is another round.
    while len(moments) < kills or (not any(moments) and rounds < 5):
        if len(moments) == kills:
            moments.clear()
            rounds += 1
        seconds = rng.uniform(0, length / kills)
        if killed_after(start(disturbed, epochs, program), disturbed, seconds):
            moments.append((disturbed / "run").exists() + any(name.endswith(".part") for name in os.listdir(disturbed)))
        else:
            # It was done before the last kill.
            shutil.rmtree(disturbed)
            disturbed.mkdir()
            moments.clear()
    with_file = sum(moment > 0 for moment in moments)
    print(f"{kills} kills within {length:.1f} s, {with_file} with a file, {moments.count(2)} while one was written")
    assert with_file
    assert not killed_after(start(disturbed, epochs, program), disturbed, SECONDS)
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
