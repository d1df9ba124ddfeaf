"""Random small programs through every mode, against NumPy and finite differences."""

import numpy as np
import pytest
from tests.programs.checks import CHECKS, Failed, check
from tests.programs.generate import generate
from tests.programs.regressions import REGRESSIONS

CHUNK = 25
#: The checks of each program; the others take most of the time, and are made for every third one.
QUICK = ("value", "first order", "graph", "batch")


def check_chunk(start, names_of, chunk=CHUNK):
    """Check the programs of some seeds; what is refused, or cannot be compared, has to be rare."""
    refused = skipped = 0
    for seed in range(start, start + chunk):
        try:
            found = check(generate(seed), names_of(seed))
        except Failed as problem:
            pytest.fail(str(problem), pytrace=False)
        refused += bool(found.refused)
        skipped += bool(found.skipped)
    assert refused <= 0.12 * chunk + 1, refused
    assert skipped <= 0.04 * chunk + 1, skipped


@pytest.mark.parametrize("start", range(0, 200, CHUNK))
def test_programs(start):
    check_chunk(start, lambda seed: tuple(CHECKS) if seed % 3 == 0 else QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 7000, 200))
def test_thousands_of_programs(start):
    check_chunk(start, lambda seed: tuple(CHECKS), 200)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regressions(name):
    found = check(REGRESSIONS[name])
    assert not found.refused
    assert not found.skipped


def test_the_programs_are_what_they_should_be():
    """The same for a seed every time; long enough, and of every kind of statement."""
    programs = [generate(seed) for seed in range(200)]
    assert [p.source for p in programs[:20]] == [generate(seed).source for seed in range(20)]
    assert np.mean([len(p.source.splitlines()) for p in programs]) > 20
    everything = "\n".join(p.source for p in programs)
    wanted = [
        "if np.",
        "else:",
        "while ",
        "for row in",
        "scan(",
        "cond(",
        "while_loop(",
        "np.add.at",
        "np.fill_diagonal",
    ]
    wanted += [
        "np.put_along_axis",
        "np.copyto",
        "out=",
        "np.einsum",
        " @ ",
        "np.where",
        "np.concatenate",
        "np.stack",
        "np.r_",
    ]
    wanted += [
        "zeros(",
        "empty(",
        "ones(",
        "full(",
        "zeros_like(",
        "array(",
        ".copy()",
        "from numpy import",
        "+=",
        "*=",
        "-=",
        "/=",
    ]
    wanted += ["[::-1]", ".T", ".reshape(", "np.ix_", "] = ", "(t):", "def ", "np.zeros((0, 2))", "] += ", " > "]
    assert [text for text in wanted if text not in everything] == []
    assert sum(p.decides for p in programs) == 100
