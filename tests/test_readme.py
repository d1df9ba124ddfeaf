"""The README is one story: every block runs, in its order, and prints what the README says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.pages import blocks, run_page

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def test_story_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(README, tmp_path)


def test_every_block_is_run_or_set_up():
    languages = [block.language for block in blocks(README)]
    assert set(languages) == {"sh", "pycon", "console"}
    assert languages.count("sh") == 1


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_set_up_names_targets_that_exist():
    (set_up,) = [block for block in blocks(README) if block.language == "sh"]
    targets = re.findall(r"^make (\w+)", set_up.text, re.MULTILINE)
    assert targets == ["demo", "test"]
    # -n prints what would be run.
    subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)


def test_two_screens():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 160
