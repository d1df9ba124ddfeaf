"""The program in C that training is measured against computes what chainrule computes."""

import shutil
import sys

import pytest
from benchmarks.training import check, peers
from benchmarks.training.networks import NETWORKS
from benchmarks.training.reference import Reference

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs the system's C compiler with OpenMP"
)

BATCH_1, SMALL, MIDDLE, WHOLE = (
    NETWORKS[name] for name in ("2-10-1 tanh, SGD (1)", "4-16-3 (32)", "64-100-10 (32)", "4-32-16-4 tanh, all 10,000")
)


@pytest.mark.parametrize("case", [BATCH_1, SMALL, MIDDLE, WHOLE], ids=lambda case: case.name)
def test_the_program_agrees_with_chainrule(case):
    check.check([case])


def test_threads_that_share_a_batch_agree_too():
    check.check([WHOLE], threads=2)


class OffBy(Reference):
    """A program whose gradient is a ten-thousandth too long."""

    def gradients(self):
        return super().gradients() * 1.0001


def test_a_wrong_program_is_noticed(monkeypatch):
    monkeypatch.setattr(check, "Reference", OffBy)
    with pytest.raises(AssertionError, match="gradient 0"):
        check.check([SMALL])


def test_an_epoch_has_as_many_steps_as_batches():
    train = peers.c(SMALL, 1)
    assert train(1)[0] == SMALL.steps == 256
    assert train(257)[0] == 512
