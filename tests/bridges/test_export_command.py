"""`chainrule export`: model files and estimator files to ONNX, and one line for everything that goes wrong."""

import numpy as np
import pytest

from chainrule import train
from chainrule.cli.main import main
from chainrule.estimators import MLPClassifier
from chainrule.nn import Network

onnx = pytest.importorskip("onnx")


@pytest.fixture
def model(tmp_path):
    network = Network.of(2, (3,), 3, output="softmax")
    found = train.Model(network, network.initialize(0, np.float32), network.initial_state(np.float32), "cross_entropy")
    train.save(found, tmp_path / "model")
    return tmp_path / "model"


def test_model(model, tmp_path, capsys):
    assert main(["export", str(model), str(tmp_path / "out.onnx")]) == 0
    size = (tmp_path / "out.onnx").stat().st_size
    assert capsys.readouterr().out == (
        f"{tmp_path / 'out.onnx'}: an ONNX model of {size:,} bytes, operator set 18\n"
        "  in   X: float32 (n, 2)\n"
        "  out  label: int64 (n)\n"
        "  out  probabilities: float32 (n, 3)\n"
    )
    onnx.checker.check_model(onnx.load(tmp_path / "out.onnx"))


def test_estimator(tmp_path, capsys):
    X = np.random.default_rng(0).standard_normal((20, 3))
    estimator = MLPClassifier((2,), solver="lbfgs", random_state=0).fit(X, np.where(X[:, 0] > 0, "yes", "no"))
    estimator.save(tmp_path / "estimator")
    assert main(["export", str(tmp_path / "estimator"), str(tmp_path / "out.onnx")]) == 0
    assert "out  label: text (n)\n" in capsys.readouterr().out


def test_what_goes_wrong(model, tmp_path, capsys):
    before = model.read_bytes()
    for output, message in (
        (model, "the ONNX model would replace what it is made from"),
        (tmp_path, "it is a folder"),
        (tmp_path / "no" / "out.onnx", "No such file"),
    ):
        assert main(["export", str(model), str(output)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert model.read_bytes() == before
    for name in ("nothing", "text"):
        (tmp_path / "text").write_text("a,b\n1,2\n")
        assert main(["export", str(tmp_path / name), str(tmp_path / "out.onnx")]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.onnx").exists()
