"""Whatever the files are: an exit code, at most one line of error, nothing of theirs run, no memory or time eaten."""

import gzip
import io
import json
import pickle
import random
import resource
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cli import damage
from tests.train.test_files import WRONG, places

from chainrule.cli.exit_codes import DIVERGED, UNUSABLE
from chainrule.cli.main import main
from chainrule.estimators import MLPClassifier
from chainrule.estimators import files as estimator_files
from chainrule.train import checkpoint as checkpoints
from chainrule.train import files as models

DATA = damage.data_files()
#: Kinds of files that hold no target.
WITHOUT = ("images.idx",)
SECONDS = 20
MEGABYTES = 400
# What the command tells of sizes of numbers and such is of no account here.
pytestmark = pytest.mark.filterwarnings("ignore")
FUZZ = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
    max_examples=10,
)
LONG = settings(FUZZ, max_examples=200)


def train(name: str, target: str, *more: str) -> list[str]:
    argv = ["train", name, "--target", target, "--epochs", "1", "--layers", "2", "--seed", "1", "-q", "--test", "0"]
    return [*argv, "--validation", "0", "-o", "new.safetensors", *more]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a model, a checkpoint and an estimator of good data."""
    folder = tmp_path_factory.mktemp("good")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("flowers.csv").write_bytes(DATA["flowers.csv"])
        assert main([*train("flowers.csv", "kind"), "--checkpoint", "run", "--impute"]) == 0
        X, y = pd.DataFrame({"place": ["a", "b"] * 10, "width": [1.0, 2.0] * 10}), ["yes", "no"] * 10
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = MLPClassifier((2,), max_iter=2, categorical_features=["place"], early_stopping=True).fit(X, y)
        estimator_files.save(estimator, "estimator")
        names = {"model": "new.safetensors", "checkpoint": "run", "estimator": "estimator"}
        return {what: Path(name).read_bytes() for what, name in names.items()}


@pytest.fixture
def place(folder, good):
    """A folder with a model that is good and data for it."""
    (folder / "good.safetensors").write_bytes(good["model"])
    (folder / "flowers.csv").write_bytes(DATA["flowers.csv"])
    return folder


def check(capsys, *argvs: list[str]) -> list[int]:
    """Run the commands, and see that each ends as it should."""
    codes = []
    for argv in argvs:
        capsys.readouterr()
        before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        code = main(argv)
        err = capsys.readouterr().err
        assert time.monotonic() - begun < SECONDS
        assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MEGABYTES
        assert code in (0, DIVERGED, UNUSABLE)
        lines = [line for line in err.splitlines() if not line.startswith(("note: ", "warning: "))]
        if code:
            assert len(lines) == 1, err
            assert lines[0].startswith("chainrule: ")
            # No message of last resort: somebody has thought of it.
            assert "Error" not in lines[0].partition(" ")[0]
        codes.append(code)
    return codes


def on_data(place, capsys, name: str, raw: bytes) -> None:
    (place / name).write_bytes(raw)
    target = "label" if name == "digits.txt" else "y" if name.endswith(".npz") else "kind"
    check(capsys, train(name, target, "--impute"), ["predict", "good.safetensors", name], ["info", name])
    for written in ("new.safetensors",):
        (place / written).unlink(missing_ok=True)


def damage_data(place, capsys, name, data):
    raw = data.draw(damage.damaged(DATA[name], tuple(DATA.values())))
    if name.endswith(".gz") and data.draw(st.booleans()):
        raw = gzip.compress(data.draw(damage.damaged(gzip.decompress(DATA[name]), tuple(DATA.values()))))
    on_data(place, capsys, name, raw)


@pytest.mark.parametrize("name", DATA)
def test_good_data_are_read(place, capsys, name):
    (place / name).write_bytes(DATA[name])
    target = "label" if name == "digits.txt" else "y" if name.endswith(".npz") else "kind"
    codes = check(capsys, train(name, target), ["info", name])
    assert codes == [UNUSABLE if name in WITHOUT else 0, UNUSABLE]


@pytest.mark.parametrize("name", DATA)
@FUZZ
@given(data=st.data())
def test_damaged_data(place, capsys, name, data):
    damage_data(place, capsys, name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA)
@LONG
@given(data=st.data())
def test_much_damaged_data(place, capsys, name, data):
    damage_data(place, capsys, name, data)


def damage_folder(place, capsys, data):
    for old in place.glob("mnist/*"):
        old.unlink()
    (place / "mnist").rmdir() if (place / "mnist").exists() else None
    damage.idx_folder(place / "mnist")
    path = data.draw(st.sampled_from(sorted((place / "mnist").iterdir())))
    raw = path.read_bytes()
    if path.suffix == ".gz" and data.draw(st.booleans()):
        raw = gzip.compress(data.draw(damage.damaged(gzip.decompress(raw), tuple(DATA.values()))))
    else:
        raw = data.draw(damage.damaged(raw, tuple(DATA.values())))
    path.write_bytes(raw)
    check(capsys, train("mnist", "label"), ["predict", "good.safetensors", "mnist"])


@FUZZ
@given(data=st.data())
def test_damaged_folders(place, capsys, data):
    damage_folder(place, capsys, data)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_much_damaged_folders(place, capsys, data):
    damage_folder(place, capsys, data)


# Models and checkpoints.


def on_model(place, capsys, raw: bytes) -> list[int]:
    (place / "bad.safetensors").write_bytes(raw)
    export = ["export", "bad.safetensors", "new.onnx"]
    return check(capsys, ["info", "bad.safetensors"], ["predict", "bad.safetensors", "flowers.csv"], export)


def on_estimator(place, capsys, raw: bytes) -> list[int]:
    (place / "bad.safetensors").write_bytes(raw)
    (place / "places.csv").write_text("width,place\n1.5,a\n2.5,c\n")
    return check(capsys, ["info", "bad.safetensors"], ["predict", "bad.safetensors", "places.csv", "--probabilities"])


def on_checkpoint(place, capsys, raw: bytes) -> list[int]:
    (place / "run").write_bytes(raw)
    argv = train("flowers.csv", "kind", "--impute", "--checkpoint", "run", "--resume")
    (place / "new.safetensors").unlink(missing_ok=True)
    found = check(capsys, argv, ["info", "run"])
    if found[0] == UNUSABLE:
        # What cannot be used is not overwritten either.
        assert (place / "run").read_bytes() == raw
    return found


KINDS = {
    "model": (on_model, models._KIND),
    "checkpoint": (on_checkpoint, checkpoints._KIND),
    "estimator": (on_estimator, estimator_files._KIND),
}


@pytest.mark.parametrize("what", KINDS)
def test_good_files_are_taken(place, capsys, good, what):
    pytest.importorskip("onnx")
    assert set(KINDS[what][0](place, capsys, good[what])) == {0}


def damage_file(place, capsys, good, what, data):
    run, kind = KINDS[what]
    if data.draw(st.booleans(), "with a checksum that fits"):
        header = json.loads(good[what][8 : 8 + int.from_bytes(good[what][:8], "little")])
        description = json.loads(header["__metadata__"]["description"])
        path = data.draw(st.sampled_from(list(places(description))[1:]))
        inner = description
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = data.draw(WRONG | st.sampled_from([2**31, 2**63, 1e308, "x" * 10_000]))
        raw = damage.resealed(kind, good[what], description)
    else:
        raw = data.draw(damage.damaged(good[what], (*good.values(), *DATA.values())))
    run(place, capsys, raw)


@pytest.mark.parametrize("what", KINDS)
@settings(FUZZ, max_examples=20)
@given(data=st.data())
def test_damaged_files(place, capsys, good, what, data):
    damage_file(place, capsys, good, what, data)


@pytest.mark.slow
@pytest.mark.parametrize("what", KINDS)
@LONG
@given(data=st.data())
def test_much_damaged_files(place, capsys, good, what, data):
    damage_file(place, capsys, good, what, data)


DEEP = 100_000


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize(
    "make",
    [
        lambda kind, raw: damage.safetensors(b'{"a":' * DEEP),
        lambda kind, raw: damage.safetensors(b'{"__metadata__":' + b'{"a":' * DEEP + b"1" + b"}" * (DEEP + 1)),
        lambda kind, raw: damage.resealed(kind, raw, "[" * DEEP + "]" * DEEP),
        lambda kind, raw: damage.resealed(kind, raw, '{"network":' * DEEP + "1" + "}" * DEEP),
        lambda kind, raw: damage.resealed(kind, raw, {"network": "9" * 10_000}),
        lambda kind, raw: damage.resealed(kind, raw, '{"version":' + "9" * 10_000 + "}"),
        lambda kind, raw: damage.resealed(kind, raw, "NaN"),
        lambda kind, raw: damage.safetensors(
            {"layer1.weights": {"dtype": "F64", "shape": [2**31, 2**31], "data_offsets": [0, 8]}}, bytes(8)
        ),
        lambda kind, raw: damage.safetensors(
            {"layer1.weights": {"dtype": "F64", "shape": [0, 2**62], "data_offsets": [0, 0]}}
        ),
        lambda kind, raw: (2**63).to_bytes(8, "little") + b"{" + raw[9:],
        lambda kind, raw: (99_999_999).to_bytes(8, "little") + b"{" + raw[9:],
        lambda kind, raw: raw[:8] + b"\xef\xbb\xbf" + raw[8:],
        lambda kind, raw: b"",
    ],
)
def test_crafted_files(place, capsys, good, what, make):
    run, kind = KINDS[what]
    codes = run(place, capsys, make(kind, good[what]))
    assert set(codes) == {UNUSABLE}


def test_models_of_huge_networks_are_not_made(place, capsys, good):
    header = json.loads(good["model"][8 : 8 + int.from_bytes(good["model"][:8], "little")])
    for key, size in (("units", 2**40), ("units", 10**30)):
        description = json.loads(header["__metadata__"]["description"])
        description["network"]["layers"][0][key] = size
        assert on_model(place, capsys, damage.resealed(models._KIND, good["model"], description)) == [UNUSABLE] * 3


# What would run code.


def test_pickles_are_never_opened(place, capsys):
    trap = damage.Payload(str(place / "trapped"))
    file = io.BytesIO()
    np.savez(file, X=np.array([trap], object), y=np.zeros(1))
    objects = file.getvalue()
    pickled = pickle.dumps(trap)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    for raw in (objects, pickled, damage.npz_of(X=pickled, y=pickled), file.getvalue(), gzip.compress(pickled)):
        for name in ("bad.npz", "bad.csv", "bad.parquet", "bad"):
            (place / name).write_bytes(raw)
            argvs = train(name, "y"), ["predict", "good.safetensors", name], ["info", name], ["predict", name, name]
            assert set(check(capsys, *argvs)) == {UNUSABLE}
        assert set(on_checkpoint(place, capsys, raw)) == {UNUSABLE}
    assert not (place / "trapped").exists()
    with pytest.raises(FileExistsError):
        pickle.loads(pickle.dumps(damage.Payload(str(place))))


@pytest.mark.parametrize("payload", ["__import__('os').mkdir('trapped')", "os.mkdir('trapped')", "=cmd|' /C calc'!A0"])
def test_text_is_never_evaluated(place, capsys, payload):
    for header in (payload, f"{{'descr': {payload}, 'fortran_order': False, 'shape': (2, 2), }}"):
        raw = damage.npz_of(X=damage.npy_header(header + "\n") + bytes(32), y=damage.npy_header(header))
        on_data(place, capsys, "bad.npz", raw)
    on_data(place, capsys, "bad.csv", "\n".join(["x,kind", *[f'"{payload}",{k % 2}' for k in range(30)]]).encode())
    assert not (place / "trapped").exists()


# What would take all memory, or all time.


def bombs():
    """Small files that announce, or unpack to, far more than they hold."""
    shape = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }\n"
    for dims in (
        "99999999999999,",
        "2**40, 2",
        "4294967296, 4294967296",
        "-1, 4",
        "1099511627776, 1",
        "0, 4",
        "True, 2",
    ):
        yield "bad.npz", damage.npz_of(X=damage.npy_header(shape % dims) + bytes(64), y=damage.npy_header(shape % "4,"))
    yield "bad.npz", damage.npz_of(X=damage.npy_header("{" * 60_000))
    yield "bad.npz", damage.npz_of(X=damage.npy_header("(" * 5_000 + ")" * 5_000))
    yield "bad.npz", damage.npz_of(X=damage.npy_header("-" * 9_000 + "1"))
    yield "bad.npz", damage.npz_of(X=b"\x93NUMPY\x02\x00" + (2**32 - 1).to_bytes(4, "little") + b"{")
    yield "bad.npz", damage.npz_of(X=damage.npy_header(shape.replace("<f8", "<U500000000") % "2,") + bytes(64))
    yield "bad.npz", damage.npz_of(X=damage.npy_header(shape.replace("<f8", "<f8, (99999999,)") % "9,") + bytes(64))
    for sizes in ((2**32 - 1,), (2**31, 4, 4), (60_000, 60_000, 28), (2**16,) * 200):
        yield "bad.idx", damage.idx(*sizes, size=64)
    yield "bad.csv", b"a" * 300_000 + b",kind\n"
    yield "bad.csv", b"," * 20_000 + b"\n" + b"," * 20_000
    yield "bad.csv", b'"' * 100_001 + b"\n1\n"
    yield "bad.csv", b'x,kind\n"' + b"1\n" * 100_000
    yield "bad.csv", b"x,kind\n" + b"9" * 300_000 + b",a\n2,b\n" * 20
    yield "bad.csv", b"x,kind\n" + b"1e-99999999,a\n1e99999999,b\n" * 20
    yield "bad.csv", ("x,kind\n" + "٣,a\n１２,b\n" * 20).encode()
    yield "bad.csv", b"x\0,kind\n1,2\n"
    yield "bad.csv", b"\r" * 1000
    yield "bad.csv", b"\xff\xfe\x00\x00"


@pytest.mark.parametrize("number", range(len(list(bombs()))))
def test_what_announces_more_than_it_holds(place, capsys, number):
    on_data(place, capsys, *list(bombs())[number])


def test_rows_that_a_few_bytes_of_parquet_announce(place, capsys):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    pq.write_table(pa.table({"x": pa.nulls(10), "kind": ["a", "b"] * 5}), file)
    raw = file.getvalue()
    # Compact numbers of Thrift: twenty is the zigzag of ten.
    for place_ in [k for k in range(len(raw)) if raw[k] == 20]:
        on_data(place, capsys, "bad.parquet", raw[:place_] + b"\xfe\xff\xff\xff\xff\x7f" + raw[place_ + 1 :])


# Real processes, under a limit of memory.

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
from chainrule.cli.main import main
for argv in eval(sys.stdin.read()):
    print(main(argv))
"""


def test_processes(place, good):
    """Some dozens of damaged files of all kinds; a process that crashes gives another exit code than 0."""
    rng = random.Random(0)
    argvs = []
    for number in range(30):
        name, raw = rng.choice([*DATA.items(), ("m", good["model"])])
        found = bytearray(raw)
        for _ in range(rng.randint(1, 6)):
            found[rng.randrange(len(found))] = rng.randrange(256)
        path = f"{number}.{name}"
        (place / path).write_bytes(found[: rng.choice([len(found), rng.randrange(len(found))])])
        argvs += [train(path, "kind"), ["info", path], ["predict", "good.safetensors", path]]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], input=repr(argvs), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    codes = [line for line in done.stdout.splitlines() if line in ("0", "1", "2")]
    assert len(codes) == len(argvs)
