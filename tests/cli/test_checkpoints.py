"""Checkpoints at the command line: training goes on, and nothing that is wrong with a file is a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from chainrule.cli.main import main

TRAIN = ("train", "flowers.csv", "--target", "kind", "--validation", "0.2", "--checkpoint", "run")


def parameters(name="flowers.safetensors"):
    with safe_open(name, framework="numpy") as file:
        return {key: file.get_tensor(key).tobytes() for key in sorted(file.keys())}


def test_it_goes_on_to_the_same_model(run, flowers):
    assert run(*TRAIN[:6], "--epochs", "8", "--schedule", "constant").code == 0
    whole = parameters()
    assert run(*TRAIN, "--epochs", "3", "--schedule", "constant").code == 0
    assert parameters() != whole
    ran = run(*TRAIN, "--epochs", "8", "--schedule", "constant", "--resume", "--checkpoint-every", "2")
    assert ran.code == 0
    assert ran.err.startswith("goes on after step 9 (epoch 3)\nepoch 4/8 ")
    assert parameters() == whole


def test_resume_without_a_checkpoint_starts(run, flowers):
    ran = run(*TRAIN, "--epochs", "2", "--resume", "-q")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "note: run: there is no checkpoint yet, training starts\n"
    assert os.path.exists("run")


def refused(run, *argv):
    before = {path: path.read_bytes() for path in Path().iterdir()}
    ran = run(*argv)
    assert ran.code == 2
    line, end, rest = ran.err.partition("\n")
    assert (end, rest) == ("\n", ""), ran.err
    assert line.startswith("chainrule: ")
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
    return line


def test_what_is_refused(run, flowers):
    assert "--checkpoint FILE" in refused(run, *TRAIN[:6], "--resume")
    assert "--checkpoint-every needs the file" in refused(run, *TRAIN[:6], "--checkpoint-every", "2")
    assert "there goes the data already" in refused(run, *TRAIN[:7], "flowers.csv")
    assert "there goes the model already" in refused(run, *TRAIN[:7], "flowers.safetensors")
    assert "cannot be written" in refused(run, *TRAIN[:7], "no/run")
    assert run(*TRAIN, "--epochs", "2", "-q").code == 0
    os.remove("flowers.safetensors")
    assert "there is a file already" in refused(run, *TRAIN)
    assert "every" in refused(run, *TRAIN, "--resume", "--checkpoint-every", "0")
    line = refused(run, *TRAIN, "--epochs", "2", "-q", "--resume", "--layers", "7")
    assert "this is the checkpoint of another run" in line
    assert "units was 100, now it is 7" in line
    line = refused(run, *TRAIN, "--epochs", "2", "-q", "--resume", "--rate", "0.5")
    assert "rate was 0.001, now it is 0.5" in line
    line = refused(run, *TRAIN, "--epochs", "3", "-q", "--resume")
    assert "steps was 6, now it is 9" in line
    text = flowers.read_text().splitlines()
    flowers.write_text("\n".join([*text[:-1], text[1]]) + "\n")
    assert "the inputs (" in refused(run, *TRAIN, "--epochs", "2", "-q", "--resume")
    flowers.write_text("\n".join(text[:-3]) + "\n")
    assert "the inputs (shape was [" in refused(run, *TRAIN, "--epochs", "2", "-q", "--resume")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(data=st.data())
def test_damaged_files_are_one_line(run, flowers, capsys, data):
    if not os.path.exists("good"):
        assert main([*TRAIN[:7], "good", "--epochs", "2", "-q"]) == 0
    good = Path("good").read_bytes()
    raw = bytearray(good)
    header = 8 + int.from_bytes(raw[:8], "little")
    place = data.draw(st.integers(0, 20) | st.integers(0, header) | st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255))
    raw = bytes(raw[: data.draw(st.just(len(raw)) | st.integers(0, len(raw)))])
    Path("run").write_bytes(raw)
    capsys.readouterr()
    code = main([*TRAIN, "--epochs", "2", "-q", "--resume"])
    err = capsys.readouterr().err
    if raw == good:
        assert (code, err) == (0, "")
    else:
        assert code == 2
        assert err.startswith("chainrule: run: ")
        assert err.count("\n") == 1
    assert Path("run").read_bytes() == raw


def test_halving_is_told(run, houses):
    houses_ = ("train", "houses.csv", "--target", "price", "--optimizer", "sgd", "--rate", "20", "--epochs", "40")
    assert run(*houses_).code == 1
    ran = run(*houses_, "--on-divergence", "halve")
    assert ran.code == 0
    assert "diverged at step" in ran.err
    assert "with half the rate" in ran.err
    assert "; the rate was halved " in ran.out
    with safe_open("houses.safetensors", framework="numpy") as file:
        record = json.loads(file.metadata()["description"])["record"]
    assert record["settings"]["rate_factor"] < 1


def test_a_process_that_is_killed_goes_on(folder):
    rng = np.random.default_rng(0)
    np.savez("noise.npz", X=rng.normal(size=(500, 10)), y=rng.integers(0, 3, 500))
    argv = [sys.executable, "-m", "chainrule", "train", "noise.npz", "--epochs", "400", "--validation", "0"]
    kept = [*argv, "--checkpoint", "run", "--checkpoint-every", "1", "--resume"]
    subprocess.run([*argv, "-o", "whole.safetensors"], check=True, capture_output=True)
    kills = 0
    for _ in range(2):
        process = subprocess.Popen(kept, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not os.path.exists("run"):
            time.sleep(0.01)
        time.sleep(0.05 if kills == 0 else 1.5)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills
    done = subprocess.run(kept, check=True, capture_output=True, text=True)
    assert "goes on after step" in done.stderr
    assert parameters("noise.safetensors") == parameters("whole.safetensors")
