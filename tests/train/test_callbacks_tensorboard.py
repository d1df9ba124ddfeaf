"""What TensorBoard is given, read back from the files."""

import pickle
import struct
import sys

import numpy as np
import pytest
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, X

from chainrule import optim
from chainrule.errors import OptionError
from chainrule.train import fit
from chainrule.train.callbacks import TensorBoard

START = NETWORK.initialize(0)


def run(epochs, callbacks, start=START, **options):
    options = {"optimizer": optim.sgd(0.1), "batch_size": 4, "rng": 0} | options
    return fit(NETWORK, start, LOSS, X, T, **options, epochs=epochs, callbacks=callbacks)


def events(folder):
    """The events of each file, those of the first one first; the sums that guard the records are checked."""
    crc32c = pytest.importorskip("tensorboardX.crc32c").crc32c
    event = pytest.importorskip("tensorboardX.proto.event_pb2").Event

    def masked(raw):
        crc = crc32c(raw)
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    def read(path):
        raw, at = path.read_bytes(), 0
        while at < len(raw):
            (size,) = struct.unpack("<Q", raw[at : at + 8])
            body = raw[at + 12 : at + 12 + size]
            assert struct.unpack("<I", raw[at + 8 : at + 12]) == (masked(raw[at : at + 8]),)
            assert struct.unpack("<I", raw[at + 12 + size : at + 16 + size]) == (masked(body),)
            yield event.FromString(body)
            at += 16 + size

    found = [list(read(path)) for path in folder.iterdir()]
    return sorted(found, key=lambda file: file[0].wall_time)


def scalars(file, name):
    return [(e.step, v.simple_value) for e in file for v in e.summary.value if v.tag == name]


def test_scalars_are_those_of_the_history(tmp_path):
    pytest.importorskip("tensorboardX")
    found = run(3, [TensorBoard(tmp_path / "a" / "b")], validation=HELD_OUT)
    (file,) = events(tmp_path / "a" / "b")
    for name in ("objective", "validation", "rate"):
        expected = [(row.epoch, np.float32(getattr(row, name))) for row in found.history]
        assert scalars(file, name) == expected


def test_what_there_is_not_is_not_written(tmp_path):
    pytest.importorskip("tensorboardX")
    run(2, [TensorBoard(tmp_path)])
    (file,) = events(tmp_path)
    assert {value.tag for e in file for value in e.summary.value} == {"objective", "rate"}


def test_an_epoch_is_in_the_file_as_soon_as_it_is_over(tmp_path):
    pytest.importorskip("tensorboardX")
    seen = []
    run(3, [TensorBoard(tmp_path), lambda state: seen.append(len(scalars(events(tmp_path)[0], "objective")))])
    assert seen == [1, 2, 3]


def test_histograms_hold_every_parameter(tmp_path):
    pytest.importorskip("tensorboardX")
    found = run(1, [TensorBoard(tmp_path, histograms=True)])
    (file,) = events(tmp_path)
    histograms = {value.tag: value.histo for e in file for value in e.summary.value if value.HasField("histo")}
    assert set(histograms) == {"layer_1/weights", "layer_1/bias", "layer_2/weights", "layer_2/bias"}
    weights = found.parameters[0]["weights"]
    histogram = histograms["layer_1/weights"]
    assert histogram.num == sum(histogram.bucket) == weights.size
    assert (histogram.min, histogram.max) == (weights.min(), weights.max())
    np.testing.assert_allclose(histogram.sum, weights.sum())


def test_a_run_that_goes_on_takes_over_from_its_epoch(tmp_path):
    """A start of a session tells TensorBoard to forget what it has from its step on."""
    pytest.importorskip("tensorboardX")
    states = {}
    run(5, [TensorBoard(tmp_path), lambda state: states.setdefault(state.epoch, state) and None])
    run(6, [TensorBoard(tmp_path)], states[3])
    first, second = events(tmp_path)
    assert [step for step, _ in scalars(first, "objective")] == [1, 2, 3, 4, 5]
    # A process that is killed after the checkpoint of an epoch may not have written that epoch here.
    assert [step for step, _ in scalars(second, "objective")] == [3, 4, 5, 6]
    starts = [e.step for e in second if e.HasField("session_log") and e.session_log.status == 1]
    assert starts == [3]


def test_a_copy_writes_a_file_of_its_own(tmp_path):
    pytest.importorskip("tensorboardX")
    board = TensorBoard(tmp_path)
    first = run(2, [board])
    run(3, [pickle.loads(pickle.dumps(board))], first.state)
    assert len(events(tmp_path)) == 2


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="cannot be made"):
        TensorBoard(tmp_path / "file" / "runs")


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(OptionError, match=r'pip install "chainrule\[tensorboard\]"'):
        TensorBoard(tmp_path)
