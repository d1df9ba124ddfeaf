"""The command as a function of its arguments, in a folder of its own, and small files to point it at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from chainrule.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What one run of the command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def run(folder, capsys) -> Callable[..., Ran]:
    """Run the command in this process."""

    def run(*argv: str) -> Ran:
        code = main(argv)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def flowers(folder) -> Path:
    """120 rows: two numbers and a text, which tell three kinds apart."""
    rng = np.random.default_rng(0)
    lines = ["length,width,colour,kind"]
    for i in range(120):
        kind = i % 3
        length, width = rng.normal(2 * kind, 0.3), rng.normal(-kind, 0.3)
        lines.append(f"{length:.3f},{width:.3f},{('red', 'white')[int(kind > 1)]},{('rose', 'iris', 'lily')[kind]}")
    return _written(folder / "flowers.csv", lines)


@pytest.fixture
def houses(folder) -> Path:
    """100 rows of two numbers and a town, from which price and rent follow."""
    rng = np.random.default_rng(1)
    lines = ["area,age,town,price,rent"]
    for _ in range(100):
        area, age, town = rng.uniform(50, 150), rng.uniform(0, 40), rng.integers(2)
        price = 2000 * area - 800 * age + 50_000 * town
        lines.append(f"{area:.2f},{age:.1f},{('Troy', 'Ithaca')[town]},{price:.2f},{price / 300:.3f}")
    return _written(folder / "houses.csv", lines)


def _written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path
