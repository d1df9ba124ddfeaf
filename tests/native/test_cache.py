"""Machine code on disk: what is found again, what is not trusted, and what happens where nothing can be kept."""

import errno
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chainrule import cond, custom_gradient, grad, scan, trace, while_loop
from chainrule.errors import OptionError
from chainrule.evaluate import evaluate
from chainrule.graph import Node
from chainrule.native import cache, cache_keys, machine, translation
from chainrule.native.cache import Kept, clear, fetch, key_of, load, store, usage
from chainrule.native.graph_names import bodies_of, name_of
from chainrule.native.program import Program
from chainrule.trace.sizes import trace_every_size

pytestmark = pytest.mark.interpreted("it counts what is compiled")
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users and modes as POSIX has them")
ENTRY = Kept(b"code" * 30, {"names": ["run"], "number": 3})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """An empty folder for this test, and counts from 0."""
    place = tmp_path / "kept"
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(place))
    monkeypatch.delenv("CHAINRULE_CACHE_SIZE", raising=False)
    monkeypatch.setattr(cache, "_process", cache._Process())
    return place


@pytest.fixture
def no_compiler(monkeypatch):
    """A function that makes translating anything an error."""

    def refuse(*args):
        raise AssertionError("this should have been found on disk")

    def switch():
        monkeypatch.setattr(machine, "object_code", refuse)
        monkeypatch.setattr("chainrule.native.program.Lowering", refuse)

    return switch


def counts():
    found = usage()
    return found.hits, found.misses


def entries(place):
    return sorted(place.glob("*.code"))


# Finding


def test_what_was_kept_is_found():
    key = key_of("a")
    made = []
    for _ in range(3):
        assert fetch(key, lambda: made.append(1) or ENTRY) == ENTRY
    assert made == [1]
    assert counts() == (2, 1)
    assert load(key_of("b")) is None
    assert counts() == (2, 2)
    found = usage()
    assert (found.entries, found.off) == (1, "")
    assert found.bytes == sum(path.stat().st_size for path in found.place.iterdir())
    assert clear() == (1, found.bytes)
    assert usage().entries == 0
    assert load(key) is None


def test_facts_and_code_may_be_empty():
    for k, kept in enumerate([Kept(b""), Kept(b"", []), Kept(b"x", {}), Kept(b"\x00" * 9, "text")]):
        store(key_of(k), kept)
        assert load(key_of(k)) == kept


def test_a_part_of_a_key_is_not_taken_for_another():
    keys = [
        key_of("a", "b"),
        key_of("ab"),
        key_of("a b"),
        key_of(b"ab"),
        key_of(1),
        key_of("1"),
        key_of(True),
        key_of(),
    ]
    assert len(set(keys)) == len(keys)


def test_processor_versions_and_sources_are_in_the_key(monkeypatch):
    found = {key_of("a")}
    monkeypatch.setattr(machine, "fingerprint", lambda: "another processor")
    found.add(key_of("a"))
    monkeypatch.setattr(machine, "vector_bytes", lambda: 8)
    found.add(key_of("a"))
    monkeypatch.setattr(cache_keys, "_versions", lambda: ("another version",))
    found.add(key_of("a"))
    assert len(found) == 4


def test_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_keys, "_imported", time.time() + 60)
    (tmp_path / "native" / "math").mkdir(parents=True)
    (tmp_path / "graph.py").write_text("x = 1")
    found = {cache_keys._sources(str(tmp_path))}
    for name in ("native/a.py", "native/math/b.py"):
        (tmp_path / name).write_text("x = 1")
        found.add(cache_keys._sources(str(tmp_path)))
        (tmp_path / name).write_text("x = 10")
        found.add(cache_keys._sources(str(tmp_path)))
        os.utime(tmp_path / name, (1e9, 1e9))
        found.add(cache_keys._sources(str(tmp_path)))
    assert len(found) == 7
    (tmp_path / "cli.py").write_text("")
    assert cache_keys._sources(str(tmp_path)) in found


def test_sources_that_changed_since_they_were_imported(tmp_path, monkeypatch):
    """What this process makes is not what the sources say."""
    (tmp_path / "graph.py").write_text("x = 1")
    monkeypatch.setattr(cache_keys, "_imported", time.time() - 60)
    assert cache_keys._sources(str(tmp_path)) != cache_keys._sources(str(tmp_path))


# What is not trusted


def flipped(raw, position):
    return raw[:position] + bytes([raw[position] ^ 0x40]) + raw[position + 1 :]


def test_every_damaged_byte_is_noticed(folder):
    key = key_of("a")
    store(key, ENTRY)
    (path,) = entries(folder)
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(flipped(whole, position))
        assert load(key) is None
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert load(key) is None
    for more in (b"x", whole):
        path.write_bytes(whole + more)
        assert load(key) is None
    path.write_bytes(whole)
    assert load(key) == ENTRY


def test_what_is_damaged_is_written_anew(folder):
    key = key_of("a")
    for raw in (b"", b"hello", b"\x00" * 500, os.urandom(1000)):
        store(key, ENTRY)
        (path,) = entries(folder)
        path.write_bytes(raw)
        assert fetch(key, lambda: ENTRY) == ENTRY
        assert load(key) == ENTRY


def test_an_entry_under_another_name_is_foreign(folder):
    one, other = key_of("a"), key_of("b")
    store(one, ENTRY)
    (path,) = entries(folder)
    path.rename(folder / f"{other}.code")
    assert load(other) is None


def test_what_is_no_file(folder):
    key = key_of("a")
    store(key, ENTRY)
    (path,) = entries(folder)
    moved = path.rename(folder / "elsewhere")
    path.mkdir()
    assert fetch(key, lambda: ENTRY) == ENTRY
    path.rmdir()
    path.symlink_to(moved)
    assert load(key) is None
    path.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert load(key) is None  # and does not wait for a writer


@posix
def test_files_are_for_this_user_alone(folder, monkeypatch):
    key = key_of("a")
    before = os.umask(0)
    try:
        store(key, ENTRY)
    finally:
        os.umask(before)
    (path,) = entries(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for mode in (0o620, 0o602):
        path.chmod(mode)
        assert load(key) is None
    path.chmod(0o644)
    assert load(key) == ENTRY
    for mode in (0o770, 0o707):
        folder.chmod(mode)
        assert load(key) is None
        assert "others may write" in usage().off
    folder.chmod(0o755)
    assert load(key) == ENTRY
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert load(key) is None
    assert "another user" in usage().off
    store(key_of("b"), ENTRY)
    assert entries(folder) == [path]


@posix
def test_an_entry_of_another_user(folder, monkeypatch):
    key = key_of("a")
    store(key, ENTRY)
    found = os.fstat

    def somebody_elses(file):
        values = list(found(file))
        values[stat.ST_UID] += 1
        return os.stat_result(values)

    monkeypatch.setattr(os, "fstat", somebody_elses)
    assert load(key) is None


# Where nothing can be kept


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("function", ["open", "replace", "mkdir"])
def test_a_folder_that_cannot_be_written(folder, monkeypatch, function, code):
    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(cache.os, function, fail)
    assert fetch(key_of("a"), lambda: ENTRY) == ENTRY
    monkeypatch.undo()
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(folder))
    assert not folder.exists() or not list(folder.iterdir())


def test_a_disk_that_becomes_full():
    """The size that a file may have, in the place of the disk's: the write breaks off in its middle."""
    pytest.importorskip("resource")
    program = """
import os, resource
from chainrule.native.cache import Kept, fetch, key_of, usage
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
print(len(fetch(key_of("a"), lambda: Kept(b"x" * 5000)).code))
print(len(fetch(key_of("a"), lambda: Kept(b"x" * 500)).code))
print(usage().hits, usage().entries, len(os.listdir(usage().place)))
"""
    assert script(program) == ["5000", "500", "0 1 1"]


def test_a_place_that_cannot_be(folder, monkeypatch):
    folder.write_text("a file")
    for place in (folder, folder / "inside", Path("/dev/null/inside")):
        monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(place))
        assert fetch(key_of("a"), lambda: ENTRY) == ENTRY
        assert usage().off
        assert clear() == (0, 0)
    assert folder.read_text() == "a file"


def test_without_a_home(monkeypatch):
    def homeless():
        raise RuntimeError

    for name in ("CHAINRULE_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert fetch(key_of("a"), lambda: ENTRY) == ENTRY
    assert usage().off == "this user has no home folder"


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/chainrule"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/chainrule"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute"}, "home/.cache/chainrule"),
        ("linux", {"XDG_CACHE_HOME": ""}, "home/.cache/chainrule"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "home/Library/Caches/chainrule"),
        ("linux", {"CHAINRULE_CACHE_DIR": "/y", "XDG_CACHE_HOME": "/x"}, "/y"),
        ("linux", {"CHAINRULE_CACHE_DIR": ""}, "home/.cache/chainrule"),
    ],
)
def test_the_place(monkeypatch, platform, variables, expected):
    for name in ("CHAINRULE_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert cache._folder() == Path(expected)


# Size


def test_what_was_not_used_for_longest_goes(folder, monkeypatch):
    keys = [key_of(k) for k in range(6)]
    for k, key in enumerate(keys[:4]):
        store(key, ENTRY)
        os.utime(folder / f"{key}.code", (k, k))
    size = usage().bytes // 4
    assert load(keys[0]) == ENTRY  # used now
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", str(5 * size))
    store(keys[4], ENTRY)
    assert usage().entries == 5
    store(keys[5], ENTRY)
    # From the fifth on there is no room: they go until four fifths of the limit are taken.
    assert [load(key) is not None for key in keys] == [True, False, False, True, True, True]
    assert usage().bytes == 4 * size


def test_an_entry_larger_than_the_limit_is_not_kept(monkeypatch):
    store(key_of("a"), ENTRY)
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", str(usage().bytes))
    store(key_of("b"), Kept(b"x" * 1000))
    assert load(key_of("a")) == ENTRY
    assert load(key_of("b")) is None


def test_a_size_of_zero_keeps_nothing(folder, monkeypatch):
    store(key_of("a"), ENTRY)
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", "0")
    assert fetch(key_of("a"), lambda: Kept(b"fresh")) == Kept(b"fresh")
    assert usage().off == "CHAINRULE_CACHE_SIZE is 0"
    assert len(entries(folder)) == 1


@pytest.mark.parametrize(("text", "limit"), [("123", 123), ("2K", 2048), ("500M", 500 << 20), (" 1G ", 1 << 30)])
def test_sizes(monkeypatch, text, limit):
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", text)
    assert usage().limit == limit


@pytest.mark.parametrize("text", ["", "-1", "lots", "1.5G", "5 M", "5MB"])
def test_what_is_no_size(monkeypatch, text):
    monkeypatch.setenv("CHAINRULE_CACHE_SIZE", text)
    with pytest.raises(OptionError, match=r"CHAINRULE_CACHE_SIZE is .*500M or 2G"):
        load(key_of("a"))


def test_what_nobody_finished_goes_in_time(folder):
    store(key_of("a"), ENTRY)
    old, young = folder / ".1.part", folder / ".2.part"
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 5000,) * 2)
    cache._trim(folder, 1 << 20)
    assert not old.exists()
    assert young.exists()
    (folder / "the user's").write_text("stays")
    clear()
    assert os.listdir(folder) == ["the user's"]


# Graphs


def exponentials(x):
    return np.exp(x) * 2.0 + np.sum(x, axis=0), np.ones(3), 4.0


def with_arrays(x):
    table = np.arange(12.0).reshape(4, 3)
    return (x[:, :3] @ table.T)[:, ::-1] + np.arange(4.0), x[np.array([0, 2, 1])]


def loops(x):
    last, each = scan(lambda c, row: (c * 0.5 + row @ np.eye(4), np.sin(c)), x[0] * 0.0, x)
    chosen = cond(x[0, 0] > 0.0, lambda: last * np.arange(4.0), lambda: -last)
    return chosen, each, while_loop(lambda c: np.sum(c) < 100.0, lambda c: c * 2.0 + 1.0, np.abs(x[1]))


def through_numpy(x):
    turned = np.exp(1j * np.sin(x[:, 1:]))
    return np.real(turned)[1:].T * 2.0 + 1.0, turned, x.T


GRAPHS = {f.__name__: f for f in (exponentials, with_arrays, loops, through_numpy)}
X = np.random.default_rng(0).normal(size=(5, 4))


def graph_of(name):
    return trace(GRAPHS[name])(X) if name in GRAPHS else trace_every_size(*OPEN[name])


def mean_gradient(w, x):
    return grad(lambda w: np.mean(np.tanh(x @ w) ** 2))(w)


OPEN = {"open": (mean_gradient, [np.ones((4, 3)), X], ["w", "x"], [False, True])}
ARGUMENTS = {"open": (np.full((4, 3), 0.5), X)}


def bits(values):
    return [(np.shape(x), np.asarray(x).dtype, np.asarray(x).tobytes()) for x in values]


@pytest.mark.parametrize("name", [*GRAPHS, *OPEN])
def test_a_program_from_disk_computes_the_same(name, no_compiler, monkeypatch):
    arguments = ARGUMENTS.get(name, (X,))
    graph = graph_of(name)
    first = Program(graph)
    expected = evaluate(graph, *arguments)
    for found, wanted in zip(first(*arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    assert usage().hits == 0
    no_compiler()
    again = Program(graph_of(name))
    assert usage().hits == 1
    assert bits(again(*arguments)) == bits(first(*arguments))
    assert again.is_native == first.is_native
    assert [again.layout(n) for n in (0, 7)] == [first.layout(n) for n in (0, 7)]
    monkeypatch.undo()
    assert len(again.groups) == len(first.groups)
    assert all(again.access(x) for x in again.graph.outputs if isinstance(x, Node))


def test_an_array_of_a_graph_is_read_where_it_stands(no_compiler):
    """As without a cache: a program does not copy constants."""
    graphs = [trace(lambda x: x * np.arange(3.0))(np.ones(3)) for _ in range(2)]
    Program(graphs[0])
    no_compiler()
    program = Program(graphs[1])
    (array,) = (x for node in graphs[1].nodes for x in node.inputs if isinstance(x, np.ndarray))
    assert next(iter(program.constants.values())) is array


VARIANTS = {
    "sum": lambda x: np.sum(x * 2.0, axis=0),
    "axis": lambda x: np.sum(x * 2.0, axis=1),
    "kept axis": lambda x: np.sum(x * 2.0, axis=0, keepdims=True),
    "last bit": lambda x: np.sum(x * np.nextafter(2.0, 3.0), axis=0),
    "zero": lambda x: np.sum(x * 0.0, axis=0),
    "negative zero": lambda x: np.sum(x * -0.0, axis=0),
    "strong": lambda x: np.sum(x * np.float64(2.0), axis=0),
    "array": lambda x: np.sum(x * np.array([1.0, 2.0]), axis=0),
    "another array": lambda x: np.sum(x * np.array([1.0, 3.0]), axis=0),
    "long array": lambda x: np.sum(x * np.ones((50, 2)), axis=0)[:, 0],
    "another long array": lambda x: np.sum(x * np.full((50, 2), -1.0), axis=0)[:, 0],
    "operation": lambda x: np.prod(x * 2.0, axis=0),
    "body": lambda x: scan(lambda c, row: (c + row, None), np.zeros(2), x)[0],
    "another body": lambda x: scan(lambda c, row: (c - row, None), np.zeros(2), x)[0],
}


def test_graphs_that_compute_something_else_have_other_keys(monkeypatch):
    keys = {}
    for name, f in VARIANTS.items():
        x = np.ones((50, 50, 2)) if "long" in name else np.ones((2, 2))
        keys[name] = name_of("graph", trace(f)(x), ())
        assert keys[name] == name_of("graph", trace(f)(x), ())
    for dtype in (np.float32, np.int64, np.int32):
        keys[dtype] = name_of("graph", trace(VARIANTS["sum"])(np.ones((2, 2), dtype)), ())
    keys["shape"] = name_of("graph", trace(VARIANTS["sum"])(np.ones((3, 2))), ())
    graph = trace(VARIANTS["sum"])(np.ones((2, 2)))
    keys["given up"] = name_of("graph", graph, ((0, 0),))
    monkeypatch.setattr(machine, "fingerprint", lambda: "another processor")
    keys["processor"] = name_of("graph", graph, ())
    assert len(set(keys.values())) == len(keys)


def test_a_body_with_a_quick_form_is_another_one():
    graph = trace(VARIANTS["body"])(np.ones((2, 2)))
    before = name_of("graph", graph, ())
    (body,) = bodies_of(graph)
    body.derived["quick"] = body
    assert name_of("graph", graph, ()) != before


def test_an_operation_of_the_users_has_no_key():
    """Its function may do something else in the next process."""

    @custom_gradient(lambda g, ans, x: g * 2.0)
    def f(x):
        return x * 2.0

    graph = trace(lambda x: f(x) + np.exp(x))(np.ones(3))
    assert name_of("graph", graph, ()) is None
    for hits in (0, 1):  # but the text of its code has
        np.testing.assert_allclose(Program(graph)(np.ones(3))[0], 2.0 + np.e)
        assert usage().hits == hits


def test_an_array_made_while_the_graph_is_lowered_has_no_number():
    graph = trace(lambda x: x * np.arange(3.0))(np.ones(3))
    program = Program(graph)
    found = translation.Translation(bytes, (), [], [], {id(object): 0}, {}, {0: np.ones(3)}, [], [])
    with pytest.raises(translation._Unwritten):
        translation._Numbering(program.graph).facts(found)


# Processes


def script(program: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


STEP = """
import numpy as np
from chainrule import trace
from chainrule.native.cache import usage
from chainrule.native.program import Program
def f(x, w):
    return np.tanh(x @ w) @ w.T + np.arange(16.0)
graph = trace(f)(np.ones((64, 16)), np.ones((16, 16)))
rng = np.random.default_rng(0)
(found,) = Program(graph)(rng.normal(size=(64, 16)), rng.normal(size=(16, 16)))
print(found.tobytes().hex()[:400], usage().misses)
"""


TRAINING = """
import numpy as np
from chainrule import tree
from chainrule.native.cache import usage
from chainrule.nn import BatchNorm, Dense, Dropout, Network
from chainrule.optim import adam
from chainrule.train import fit
network = Network(4, (Dense(16, "relu"), BatchNorm(), Dropout(0.2), Dense(3, "softmax")))
rng = np.random.default_rng(0)
x, t = rng.normal(size=(50, 4)), np.eye(3)[rng.integers(0, 3, 50)]
found = fit(network, network.initialize(0), "cross_entropy", x, t, optimizer=adam(0.01), epochs=2, batch_size=32, rng=0)
assert found.interpreted is None
print(b"".join(np.asarray(leaf).tobytes() for leaf in tree.leaves(found.parameters)).hex(), usage().misses)
"""

JIT = """
import numpy as np
from chainrule import value_and_grad
from chainrule.jit import jit
from chainrule.native.cache import usage
table = np.arange(40.0)
value, slope = jit(value_and_grad(lambda x: np.sum(np.tanh(x * table) ** 2)))(np.linspace(0.0, 1.0, 40))
print(value.tobytes().hex() + slope.tobytes().hex(), usage().misses)
"""


@pytest.mark.parametrize("program", [STEP, TRAINING, JIT], ids=["program", "training", "jit"])
def test_the_next_process_translates_nothing(program):
    """Whatever order its sets have."""
    one, other = (script(program, PYTHONHASHSEED=seed)[0].split() for seed in ("1", "2"))
    assert one[0] == other[0]
    assert int(one[1]) > 0
    assert int(other[1]) == 0


def test_four_processes_at_once(folder):
    running = [
        subprocess.Popen([sys.executable, "-c", STEP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    results = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * 4, results
    assert len({out.split()[0] for out, _ in results}) == 1
    assert not list(folder.glob(".*"))
    for path in entries(folder):
        assert load(path.stem) is not None
    assert int(script(STEP)[0].split()[1]) == 0


def test_writers_and_readers_of_one_entry(folder):
    """A reader never sees half an entry, while others write it over and over, and remove it."""
    program = """
import sys, time
from chainrule.native.cache import Kept, clear, load, store
end, wrong, k = time.monotonic() + 1.0, 0, 0
while time.monotonic() < end:
    k += 1
    size = 1000 * (k % 50)
    store("a" * 48, Kept(b"x" * size, size))
    found = load("a" * 48)
    wrong += found is not None and len(found.code) != found.facts
    if k % 20 == 0:
        clear()
print(wrong)
"""
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0].strip() for process in running] == ["0"] * 4
    assert not list(folder.glob(".*"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_child():
    """Even where another thread held the lock."""
    program = """
import os
from chainrule.native import cache
from chainrule.native.cache import Kept, fetch, key_of, load, usage
fetch(key_of("a"), lambda: Kept(b"parent"))
cache._process.lock.acquire()
child = os.fork()
if child == 0:
    found = fetch(key_of("a"), lambda: Kept(b"wrong")).code, fetch(key_of("b"), lambda: Kept(b"child")).code
    os._exit(0 if found == (b"parent", b"child") else 1)
print(os.waitpid(child, 0)[1])
cache._process.lock.release()
print(load(key_of("b")).code.decode(), usage().entries)
"""
    assert script(program) == ["0", "child 2"]
