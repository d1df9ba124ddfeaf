"""Checkpoint files: whatever fails while one is written, the last good one is there; nothing damaged is taken."""

import contextlib
import errno
import json
import os
import resource
import signal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_safetensors
from tests.train.runs import HELD_OUT, LOSS, NETWORK, T, X, same_bits, stop_after

from chainrule import optim
from chainrule.errors import CheckpointError
from chainrule.nn import Network
from chainrule.train import Checkpoint, Model, check_checkpoint, containers, fit, save

START = NETWORK.initialize(0)
OPTIONS = {"optimizer": optim.adam(0.01), "batch_size": 4, "rng": 5, "validation": HELD_OUT, "on_divergence": "halve"}


def run(path, epochs=4, **options):
    given = {"parameters": START} | OPTIONS | options
    parameters = given.pop("parameters")
    return fit(NETWORK, parameters, LOSS, X, T, **given, epochs=epochs, checkpoint=path)


# Writing.

STAGES = ["open", "write", "flush", "fsync", "replace", "sync of the folder"]


class Failing:
    """A file that fails at a stage."""

    def __init__(self, file, stage, error):
        self.file, self.stage, self.error = file, stage, error

    def __enter__(self):
        return self

    def __exit__(self, *caught):
        self.file.close()

    def fileno(self):
        return self.file.fileno()

    def write(self, raw):
        self.file.write(raw[: len(raw) // 2])
        if self.stage == "write":
            raise self.error
        self.file.write(raw[len(raw) // 2 :])

    def flush(self):
        if self.stage == "flush":
            raise self.error
        self.file.flush()


def fail_at(monkeypatch, stage, error):
    """Let the writing of a checkpoint fail at a stage."""

    def raises(*arguments):
        raise error

    def opened(name, mode):
        if stage == "open":
            raise error
        return Failing(open(name, mode), stage, error)

    if stage in ("fsync", "replace"):
        monkeypatch.setattr(containers.os, stage, raises)
    elif stage == "sync of the folder":
        monkeypatch.setattr(containers, "_sync_folder", raises)
    else:
        monkeypatch.setattr(containers, "open", opened, raising=False)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "Input/output error")], ids=str
)
def test_a_failure_is_one_error_and_leaves_a_whole_checkpoint(tmp_path, monkeypatch, stage, error):
    path = tmp_path / "run"
    run(path, epochs=2)
    before = path.read_bytes()
    message = f"the checkpoint cannot be written .{error.strerror}"
    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match=message) as caught:
        # Not where the run begins, which looks whether it can write.
        run(path, resume=True, callbacks=[lambda state: fail_at(patch, stage, error) if state.epoch == 3 else None])
    assert os.listdir(tmp_path) == ["run"]
    # Once it is renamed, the new file stands there.
    assert (path.read_bytes() == before) == (stage != "sync of the folder")
    whole = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=4)
    assert same_bits(run(path, resume=True).parameters, whole.parameters)
    # What was learned is not lost either.
    assert caught.value.state.epoch == 4
    assert same_bits(caught.value.state.parameters, whole.parameters)


@pytest.mark.parametrize("stage", STAGES)
def test_what_breaks_in_while_a_checkpoint_is_written(tmp_path, monkeypatch, stage):
    path = tmp_path / "run"
    run(path, epochs=2)
    before = path.read_bytes()
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        run(
            path,
            resume=True,
            callbacks=[lambda state: fail_at(patch, stage, ZeroDivisionError()) if state.epoch == 3 else None],
        )
    assert os.listdir(tmp_path) == ["run"]
    assert (path.read_bytes() == before) == (stage != "sync of the folder")
    run(path, resume=True)


def test_ctrl_c_while_a_checkpoint_is_written(tmp_path, monkeypatch):
    """The writing is given up, and begun again at the end of the run."""
    path = tmp_path / "run"
    run(path, epochs=1)
    with monkeypatch.context() as patch:

        def press(*arguments):
            patch.undo()
            raise KeyboardInterrupt

        def soon(state):
            patch.setattr(containers.os, "fsync", press)

        found = run(Checkpoint(path, every=1), resume=True, callbacks=[soon])
    assert found.interrupted
    assert found.state.epoch == 3
    assert os.listdir(tmp_path) == ["run"]
    whole = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=4)
    seen = []
    again = run(path, resume=True, callbacks=[seen.append])
    assert [state.epoch for state in seen] == [4]
    assert same_bits(again.parameters, whole.parameters)


def test_a_disk_that_is_full(tmp_path):
    """A limit on the size of files stands for it: the system says no in the middle of the writing."""
    path = tmp_path / "run"
    run(path, epochs=2)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(state):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))

    try:
        with pytest.raises(CheckpointError, match=r"the checkpoint cannot be written \(File too large\)"):
            run(path, resume=True, callbacks=[fill])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == ["run"]
    assert path.read_bytes() == before
    run(path, resume=True)


@pytest.mark.parametrize("place", ["no/folder/run", ".", "file/run"])
def test_places_where_nothing_can_be_written(tmp_path, place):
    (tmp_path / "file").write_text("a file, no folder")
    for call in (lambda: run(tmp_path / place), lambda: check_checkpoint(Checkpoint(tmp_path / place), resume=False)):
        with pytest.raises(CheckpointError, match="the checkpoint cannot be written"):
            call()
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_that_is_closed(tmp_path):
    path = tmp_path / "closed" / "run"
    path.parent.mkdir()
    run(path, epochs=2)
    before = path.read_bytes()
    path.parent.chmod(0o555)
    try:
        if os.access(path.parent, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(CheckpointError, match=r"the checkpoint cannot be written \(Permission denied\)"):
            run(path, resume=True)
    finally:
        path.parent.chmod(0o755)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["run"]


def test_a_folder_that_closes_during_the_run(tmp_path, monkeypatch):
    """As above for users who may write everywhere: the system's answer is made up."""
    path = tmp_path / "run"
    run(path, epochs=2)
    before = path.read_bytes()
    error = PermissionError(errno.EROFS, "Read-only file system")
    with monkeypatch.context() as patch:
        fail_at(patch, "open", error)
        with pytest.raises(CheckpointError, match=r"the checkpoint cannot be written \(Read-only file system\)"):
            run(path, resume=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES])
def test_folders_that_cannot_be_written_to_the_disk(tmp_path, monkeypatch, number):
    fsync = os.fsync

    def no_folders(opened):
        if os.path.isdir(f"/proc/self/fd/{opened}"):
            raise OSError(number, os.strerror(number))
        fsync(opened)

    monkeypatch.setattr(containers.os, "fsync", no_folders)
    run(tmp_path / "run", epochs=2)
    assert os.listdir(tmp_path) == ["run"]


def test_what_a_killed_process_left_is_removed(tmp_path):
    left, other = tmp_path / f".run.{'0' * 16}.part", tmp_path / f".run2.{'0' * 16}.part"
    left.write_bytes(b"half")
    other.write_bytes(b"of another run")
    run(tmp_path / "run")
    assert sorted(os.listdir(tmp_path)) == [other.name, "run"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "run")
    run(tmp_path / "link", epochs=2)
    run(tmp_path / "link", resume=True)
    assert (tmp_path / "link").is_symlink()
    assert os.listdir(tmp_path / "folder") == ["run"]


# Reading.


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a checkpoint from the middle of an epoch, with everything that one can hold."""
    path = tmp_path_factory.mktemp("good") / "run"
    state = run(path, progress=stop_after(15)).state
    assert None not in (state.good, state.began, state.best)
    return path.read_bytes()


def refused(folder, raw, match="bad: ", **options):
    """Go on from such a file, which has to stay what it is."""
    path = folder / "bad"
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=match) as caught:
        run(path, resume=True, **options)
    assert path.read_bytes() == raw
    assert caught.value.state is None
    return caught.value


@pytest.mark.parametrize("content", [b"{", b"x0,x1,label\n1,2,3\n" * 9, b"\x00" * 100, b"PK\x03\x04" + b"a" * 50])
def test_a_file_of_another_kind(tmp_path, content):
    refused(tmp_path, content, "bad: this is no checkpoint")


def test_a_pickle_is_not_opened(tmp_path):
    # It would make a file.
    refused(tmp_path, b"cos\nsystem\n(S'touch " + os.fsencode(tmp_path) + b"/trace'\ntR.", "this is no checkpoint")
    assert os.listdir(tmp_path) == ["bad"]


def test_an_empty_file_is_none(tmp_path):
    refused(tmp_path, b"", "this is no checkpoint")


def test_a_model_is_no_checkpoint(tmp_path):
    network = Network.of(3)
    save(Model(network, network.initialize(0), network.initial_state(), "squared"), tmp_path / "model")
    refused(
        tmp_path, (tmp_path / "model").read_bytes(), r"but no checkpoint of chainrule's \(it is a chainrule model\)"
    )


def test_a_file_that_is_truncated(tmp_path, good):
    for length in (9, 100, len(good) // 2, len(good) - 1):
        refused(tmp_path, good[:length], "truncated")


def parts(raw):
    """The description and the tensors of a checkpoint."""
    from safetensors.numpy import load

    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    return json.loads(header["__metadata__"]["description"]), load(raw)


def crafted(description, tensors, **metadata):
    """A file with the checksum that belongs to its contents."""
    text = description if isinstance(description, str) else json.dumps(description)
    digest = containers.digest(text, {name: array.tobytes() for name, array in tensors.items()})
    known = {"format": "chainrule checkpoint", "version": "1", "description": text, "sha256": digest}
    return to_safetensors(tensors, known | metadata)


def test_the_crafted_file_is_a_checkpoint(tmp_path, good):
    (tmp_path / "run").write_bytes(crafted(*parts(good)))
    whole = fit(NETWORK, START, LOSS, X, T, **OPTIONS, epochs=4)
    assert same_bits(run(tmp_path / "run", resume=True).parameters, whole.parameters)


def test_another_description(tmp_path, good):
    changed = good.replace(b'\\"epoch\\": 2', b'\\"epoch\\": 1')
    assert changed != good
    refused(tmp_path, changed, "do not match their checksum")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"version": "2"}, "has format version 2, this chainrule reads 1: use a newer chainrule"),
        ({"version": "one"}, "its format version is 'one'"),
        ({"sha256": "0" * 64}, "do not match their checksum"),
    ],
)
def test_metadata_that_are_refused(tmp_path, good, metadata, message):
    refused(tmp_path, crafted(*parts(good), **metadata), message)


@pytest.mark.parametrize("name", ["layer1.weights", "best.layer2.bias", "good.layer1.bias"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_parameters_that_are_not_finite(tmp_path, good, name, number):
    description, tensors = parts(good)
    tensors[name] = np.full_like(tensors[name], number)
    refused(tmp_path, crafted(description, tensors), "damaged: parameters are NaN or infinite")


def test_tensors_that_do_not_fit(tmp_path, good):
    description, tensors = parts(good)
    for name in tensors:
        refused(tmp_path, crafted(description, {key: x for key, x in tensors.items() if key != name}), "is missing")
        refused(tmp_path, crafted(description, tensors | {name: np.zeros((1, 7), tensors[name].dtype)}), "should be")
        refused(tmp_path, crafted(description, tensors | {name: tensors[name].astype(np.float16)}), "found F16")
    refused(tmp_path, crafted(description, tensors | {"more": np.zeros(1)}), "belong to nothing, such as 'more'")


WRONG = [None, True, -1, 0.5, 2**70, "text", [], {}, [1], {"epoch": 1}]


@pytest.mark.parametrize("name", ["seed", "epoch", "batch", "step", "total", "seconds", "halvings", "good", "began"])
def test_numbers_that_make_no_sense(tmp_path, good, name):
    description, tensors = parts(good)
    right = description["state"][name]
    for wrong in WRONG:
        if (isinstance(right, float) and isinstance(wrong, float)) or (isinstance(right, list) and wrong == []):
            continue
        refused(
            tmp_path, crafted(description | {"state": description["state"] | {name: wrong}}, tensors), "damaged|belong"
        )
    state = {key: x for key, x in description["state"].items() if key != name}
    refused(tmp_path, crafted(description | {"state": state}, tensors), f"'{name}' is missing")


def test_descriptions_that_are_none(tmp_path, good):
    description, tensors = parts(good)
    for wrong in WRONG:
        refused(tmp_path, crafted(description | {"state": wrong}, tensors), "damaged")
        refused(tmp_path, crafted(description | {"run": wrong}, tensors), "another run")
        refused(tmp_path, crafted(wrong, tensors), "damaged|another run")
    for text in ("[" * 100_000, "no JSON"):
        refused(tmp_path, crafted(text, tensors), "its description is no JSON")


def test_states_are_not_nested(tmp_path, good):
    description, tensors = parts(good)
    inner = description["state"]["good"]
    description["state"]["good"] = inner | {"good": inner}
    tensors |= {f"good.{name}": x for name, x in tensors.items() if name.startswith("good.")}
    refused(tmp_path, crafted(description, tensors), "nested")


SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@SLOW
@given(data=st.data())
def test_damaged_bytes_are_never_taken_and_never_raise_something_else(tmp_path, good, data):
    raw = bytearray(good)
    header = 8 + int.from_bytes(raw[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, 20) | st.integers(0, header) | st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    raw = bytes(raw[: data.draw(st.just(len(raw)) | st.integers(1, len(raw)))])
    if raw != good:
        refused(tmp_path, raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@SLOW
@given(data=st.data())
def test_crafted_descriptions_give_a_state_or_the_error(tmp_path, good, data):
    """With a checksum that fits: what is in the file is not to be trusted."""
    description, tensors = parts(good)
    place = data.draw(st.sampled_from([("state",), ("state", "good"), ("state", "best")]))
    target = description
    for name in place:
        target = target[name]
    name = data.draw(st.sampled_from(sorted(target)))
    target[name] = data.draw(JSON)
    (tmp_path / "bad").write_bytes(crafted(description, tensors))
    with contextlib.suppress(CheckpointError):
        run(tmp_path / "bad", epochs=4, resume=True)
