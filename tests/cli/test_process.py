"""The program as a process of its own: start, terminal, Ctrl-C, pipes."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

COMMAND = [sys.executable, "-m", "chainrule"]
ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}


def start(*argv: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )


def finish(*argv: str) -> str:
    done = subprocess.run([*COMMAND, *argv], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    return done.stdout


@pytest.fixture
def noise(folder):
    """Rows on which training goes on for as long as it may."""
    rng = np.random.default_rng(0)
    np.savez(folder / "noise.npz", X=rng.normal(size=(2000, 20)), y=rng.integers(0, 3, 2000))
    return folder


def test_help_comes_at_once(folder):
    """In processor time, since other processes may be busy; the quickest of some runs counts."""
    resource = pytest.importorskip("resource")
    seconds = []
    while not seconds or (min(seconds) > 0.3 and len(seconds) < 5):
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "usage: chainrule" in finish("--help")
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime)
    assert min(seconds) < 0.3


def test_installed_command(folder):
    program = os.path.join(os.path.dirname(sys.executable), "chainrule")
    if not os.path.exists(program):
        pytest.skip("chainrule is not installed beside this Python")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"chainrule \d+\.\d+\.\d+\n", done.stdout)


def test_ctrl_c_keeps_what_was_learned(noise):
    process = start("train", "noise.npz", "--epochs", "100000", "--validation", "0", "--schedule", "constant")
    lines = [process.stderr.readline()]
    while process.poll() is None and not lines[-1].startswith("epoch 1/"):
        lines.append(process.stderr.readline())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert re.search(r"stopped by Ctrl-C after \d+ epochs?\n", out)
    assert re.search(r"^test +400 +[\d.]+ %", out, re.MULTILINE)
    assert out.endswith("saved noise.safetensors\n")
    assert "Traceback" not in "".join(lines) + err
    assert "stopped by Ctrl-C" in finish("info", "noise.safetensors")


def test_ctrl_c_before_training_writes_nothing(noise):
    os.mkfifo("slow.csv")
    process = start("train", "slow.csv", "--target", "y")
    with open("slow.csv", "w") as pipe:  # returns when the program reads
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        del pipe
    assert process.returncode == 130
    assert err == "chainrule: stopped by Ctrl-C\n"
    assert sorted(os.listdir()) == ["noise.npz", "slow.csv"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves(noise, unbuffered):
    finish("train", "noise.npz", "--epochs", "1", "-q")
    np.savez("many.npz", X=np.zeros((100_000, 20)))
    environment = ENVIRONMENT | ({"PYTHONUNBUFFERED": unbuffered} if unbuffered else {})
    process = subprocess.Popen(
        [*COMMAND, "predict", "noise.safetensors", "many.npz"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with process:
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk(noise):
    finish("train", "noise.npz", "--epochs", "1", "-q")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "info", "noise.safetensors"], stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
    assert done.returncode == 2
    assert done.stderr == "chainrule: [Errno 28] No space left on device\n"


def test_a_terminal_shows_a_bar(noise):
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    environment = ENVIRONMENT | {"TERM": "xterm-256color", "COLUMNS": "100"}
    argv = [*COMMAND, "train", "noise.npz", "--epochs", "3"]
    process = subprocess.Popen(argv, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert process.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"epoch 3/3 ━+ loss [\d.]+  validation [\d.]+  rate \S+ 0:00:00", text)
    assert "saved noise.safetensors" in text
