"""Bad input: one line on standard error that says what to do, exit code 2, and nothing written."""

import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

FEW = "x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(8))
MANY = "x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(30))

FILES = {
    "good.csv": MANY,
    "empty.csv": "",
    "header.csv": "x,y\n",
    "few.csv": FEW,
    "single.csv": MANY.replace(",1", ",0"),
    "uneven.csv": MANY + "1,2,3\n",
    "typing-mistake.csv": MANY + "1o,1\n",
    "infinite.csv": MANY + "inf,1\n",
    "no-target.csv": MANY + "5,\n",
    "missing.csv": MANY + ",1\n",
    "words.csv": MANY.replace(",1", ",yes").replace(",0", ",no"),
    "decimals.csv": "x,y\n" + "".join(f"{i},{i / 7}\n" for i in range(30)),
    "quotes.csv": MANY + '"1,1\n',
}

DATA = {
    "nowhere.csv": ("no such file",),
    "god.csv": ("did you mean good.csv?",),
    "no/folder.csv": ("there is no folder no",),
    ".": ("no IDX files",),
    "empty.csv": ("the file is empty",),
    "header.csv": ("only a header line",),
    "few.csv": ("8 rows are too few", "at least 10", "--test 0"),
    "single.csv": ("'y'", "0 in all 30 rows", "two classes"),
    "uneven.csv": ("line 32 has 3 fields", "2 columns"),
    "typing-mistake.csv": ("line 32, column 'x'", "text in a numeric column: '1o'"),
    "infinite.csv": ("line 32, column 'x'", "infinite"),
    "no-target.csv": ("the target 'y' is missing", "line 32"),
    "missing.csv": ("x (1)", "--impute"),
    "quotes.csv": ("line 32", "quotes"),
    "good.npz": ("target", "columns are"),
    "cut.npz": ("damaged or truncated",),
    "ragged.npz": ("equally many rows", "'X' has 3", "'y' has 4"),
}

OPTIONS = {
    "--target Y": ("no target column 'Y'", "did you mean 'y'?", "x, y"),
    "--target ,": ("--target", "does not name columns"),
    "--target y --drop z": ("no column 'z'", "x, y"),
    "--target y --drop y": ("--drop y", "target"),
    "--target y --drop x": ("no input columns",),
    "--target y --text z": ("no column 'z'",),
    "--target y --kind number": ("unknown kind 'number'", "did you mean 'numbers'?"),
    "--target y --layers 0": ("--layers", "'0'", "from 1 on", "none"),
    "--target y --layers ten": ("--layers", "'ten'"),
    "--target y --activation rleu": ("unknown activation 'rleu'", "did you mean 'relu'?"),
    "--target y --activation relu,tanh": ("2 activations", "1 hidden layer"),
    "--target y --activation sign": ("layer 1 of 2", "sign", "cannot learn"),
    "--target y --output-activation tanh": ("binary_cross_entropy does not fit", "tanh", "sigmoid"),
    "--target y --loss cross-entropy": ("unknown loss 'cross-entropy'", "did you mean 'cross_entropy'?"),
    "--target y --kind numbers --loss binary_cross_entropy": ("needs classes", "numbers", "--kind classes"),
    "--target y --optimizer adma": ("unknown optimiser 'adma'", "did you mean 'adam'?"),
    "--target y --schedule cosin": ("unknown schedule 'cosin'", "did you mean 'cosine'?"),
    "--target y --rate 0": ("rate", "positive", "0"),
    "--target y --rate fast": ("--rate", "'fast' is not a number"),
    "--target y --rate nan": ("rate", "nan"),
    "--target y --momentum 0.9": ("momentum", "sgd", "the optimiser is adam"),
    "--target y --optimizer sgd --momentum 1": ("momentum", "below 1"),
    "--target y --optimizer nesterov --momentum 0": ("nesterov needs momentum",),
    "--target y --batch 0": ("--batch", "'0'", "all"),
    "--target y --epochs 0": ("epochs", "from 1 on", "0"),
    "--target y --epochs 1.5": ("--epochs", "'1.5' is not a whole number"),
    "--target y --patience 0": ("patience", "0"),
    "--target y --patience 3 --validation 0": ("patience", "held-out"),
    "--target y --validation 1": ("validation", "below 1"),
    "--target y --test 1": ("test", "below 1"),
    "--target x --kind numbers --test 0.99": ("1 row is left to train on", "hold out less"),
    "--target y --l1 -1": ("l1", "at least 0"),
    "--target y --clip 0": ("clip", "positive"),
    "--target y --seed -1": ("seed", "-1"),
    "--target y --dtype float16": ("unknown dtype 'float16'", "float32, float64"),
    "--target y --epoch 3": ("unknown option --epoch", "did you mean --epochs?", "--help"),
    "--target y --xyzzy": ("unknown option --xyzzy", "--help"),
    "--target": ("--target", "expected one argument"),
    "--target y another.csv": ("one argument too many", "another.csv"),
    "--target y -o no/model": ("no/model", "cannot be written"),
    "--target y -o .": ("is a folder",),
    "--target y -o good.csv": ("good.csv", "not overwritten"),
    "--target y -o foreign.safetensors": ("no model of chainrule's", "not overwritten"),
}


@pytest.fixture
def files(folder):
    for name, text in FILES.items():
        (folder / name).write_text(text)
    X, y = np.zeros((3, 2)), np.zeros(3)
    np.savez(folder / "good.npz", X=X, answers=y)
    np.savez(folder / "ragged.npz", X=X, y=np.zeros(4))
    (folder / "cut.npz").write_bytes((folder / "good.npz").read_bytes()[:-40])
    save_file({"weights": X}, folder / "foreign.safetensors")
    return folder


def refused(run, folder, *argv: str) -> str:
    """The one line that a refused command prints."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ran = run(*argv)
    assert (ran.code, ran.out) == (2, "")
    line, end, rest = ran.err.partition("\n")
    assert (end, rest) == ("\n", ""), ran.err
    assert line.startswith("chainrule: ")
    assert "Traceback" not in line
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return line


@pytest.mark.parametrize("name", DATA)
def test_data(run, files, name):
    target = () if name.endswith(".npz") else ("--target", "y")
    line = refused(run, files, "train", name, *target)
    for part in DATA[name]:
        assert part in line


@pytest.mark.parametrize("options", OPTIONS)
def test_options(run, files, options):
    line = refused(run, files, "train", "good.csv", *options.split())
    for part in OPTIONS[options]:
        assert part in line


def test_no_target(run, files):
    line = refused(run, files, "train", "good.csv")
    assert "--target COLUMN" in line
    assert "The columns are: x, y" in line


def test_text_that_should_be_numbers(run, files):
    line = refused(run, files, "train", "words.csv", "--target", "y", "--kind", "numbers")
    assert "'y' holds text ('no', 'yes')" in line
    line = refused(run, files, "train", "decimals.csv", "--target", "y", "--kind", "classes")
    assert "no classes to learn" in line
    line = refused(run, files, "train", "decimals.csv", "--target", "y", "--loss", "cross_entropy")
    assert "needs classes" in line


def test_text_is_for_csv_files(run, files):
    line = refused(run, files, "train", "digits", "--text", "x1")
    assert "--text x1" in line
    assert "CSV" in line


def test_command(run, files):
    assert "unknown command 'tran': did you mean 'train'?" in refused(run, files, "tran", "good.csv")
    assert "required: DATA" in refused(run, files, "train")
    assert "required: MODEL, DATA" in refused(run, files, "predict")


def test_models(run, files):
    assert run("train", "good.csv", "--target", "y", "--epochs", "2", "-q").code == 0
    whole = (files / "good.safetensors").read_bytes()
    (files / "cut.model").write_bytes(whole[:-5])
    (files / "short.model").write_bytes(whole[:30])
    (files / "changed.model").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    wrong = {
        "nothing": ("no such file",),
        "god.safetensors": ("did you mean good.safetensors?",),
        ".": ("cannot be read",),
        "good.csv": ("no model file",),
        "cut.model": ("truncated or damaged",),
        "short.model": ("truncated",),
        "changed.model": ("checksum",),
        "foreign.safetensors": ("no model of chainrule's",),
    }
    for name, parts in wrong.items():
        for argv in (("predict", name, "good.csv"), ("info", name)):
            line = refused(run, files, *argv)
            assert name.split("/")[-1] in line
            assert all(part in line for part in parts)


def test_data_to_predict_for(run, files):
    assert run("train", "good.csv", "--target", "y", "--epochs", "2", "-q").code == 0
    model = "good.safetensors"
    (files / "other.csv").write_text("a,b\n1,2\n")
    wrong = {
        "other.csv": ("no input column 'x'", "a, b"),
        "typing-mistake.csv": ("line 32, column 'x'", "'1o'"),
        "missing.csv": ("x (1)",),
        "empty.csv": ("empty",),
        "infinite.csv": ("line 32", "infinite"),
        "nowhere.csv": ("no such file",),
    }
    for name, parts in wrong.items():
        for output in ((), ("-o", "out.csv")):
            line = refused(run, files, "predict", model, name, *output)
            assert all(part in line for part in parts), line


def test_places_to_predict_to(run, files):
    assert run("train", "good.csv", "--target", "y", "--epochs", "2", "-q").code == 0
    for output, part in {
        "good.csv": "would replace",
        "./good.safetensors": "would replace",
        "no/out.csv": "no folder",
        ".": "is a folder",
    }.items():
        line = refused(run, files, "predict", "good.safetensors", "good.csv", "-o", output)
        assert part in line
    line = refused(run, files, "predict", "good.safetensors", "good.csv", "--rows", "test")
    assert "sets no test rows aside" in line


def test_a_pipe_is_not_replaced(run, files):
    os.mkfifo("pipe")
    ran = run("train", "good.csv", "--target", "y", "-o", "pipe")
    assert ran.code == 2
    assert ran.err == "chainrule: pipe: the model cannot be written (it is not a regular file)\n"
    assert (files / "pipe").is_fifo()


def test_folder_without_permission(run, files):
    closed = files / "closed"
    closed.mkdir(mode=0o555)
    try:
        (closed / "x").touch()
    except PermissionError:
        line = refused(run, files, "train", "good.csv", "--target", "y", "-o", "closed/model")
        assert "cannot be written (Permission denied)" in line
    else:
        shutil.rmtree(closed)
        pytest.skip("this user may write everywhere")
