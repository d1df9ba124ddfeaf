"""ONNX models: checked by onnx, and run by onnxruntime with chainrule's own outputs as the result."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from tests.nn.kinds import NETWORKS, made

from chainrule.bridges import to_onnx
from chainrule.bridges.onnx_graph import IR_VERSION, OPSET, Writer
from chainrule.bridges.onnx_operators import OPERATORS
from chainrule.data import Table, prepare
from chainrule.errors import ModelFileError, OptionError
from chainrule.nn import Activation, Dense, Network
from chainrule.nn.activations import ACTIVATIONS
from chainrule.ops.elementwise import ELEMENTWISE
from chainrule.trace import trace
from chainrule.train import Model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

DTYPES = (np.float32, np.float64)


def run(exported, **inputs):
    """The outputs by name."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(exported.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def close(found, wanted, dtype, ulps=100):
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.dtype == dtype
    scale = max(1.0, float(np.max(np.abs(wanted), initial=0)))
    assert_allclose(found, wanted, rtol=ulps * np.finfo(dtype).eps, atol=ulps * np.finfo(dtype).eps * scale)


def model_of(network, loss="squared", dtype=np.float64, seed=0):
    return Model(network, network.initialize(seed, dtype), network.initial_state(dtype), loss)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name, dtype):
    model = model_of(Network(3, (Dense(4, name), Dense(2, "identity"))), dtype=dtype)
    x = (3 * np.random.default_rng(0).standard_normal((50, 3))).astype(dtype)
    close(run(to_onnx(model), X=x)["variable"], model.outputs(x), dtype)
    own = model_of(Network(3, (Dense(4, name),)), dtype=dtype)
    close(run(to_onnx(own), X=x)["variable"], own.outputs(x), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("examples", [1, 6])
def test_every_kind_of_layer(name, dtype, examples):
    network, parameters, state, x = made(name, examples=examples, dtype=dtype)
    model = Model(network, parameters, state, "squared")
    close(run(to_onnx(model), X=x)["variable"], model.outputs(x), dtype)


_AT = {"np.arcsin", "np.arccos", "np.arctanh", "scipy.special.logit"}
_ONE_32 = {"np.arcsin", "np.arccos", "np.arctan", "np.arcsinh", "np.arccosh", "np.arctanh", "np.cos", "np.tan"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if op.name in OPERATORS], ids=lambda op: op.name)
def test_every_elementwise_operation(op, dtype):
    """Each row of the table against NumPy's function, where 64-bit numbers are known to onnxruntime."""
    if dtype == np.float64 and op.name in _ONE_32:
        pytest.skip("not every onnxruntime has this operator for 64-bit numbers")
    kind = bool if op.name.startswith(("np.logical", "np.bitwise", "np.invert")) else dtype
    values = np.array([-20.0, -1.0, -0.3, -1e-3, 1e-3, 0.4, 0.9, 1.0, 2.5, 20.0])
    if op.name in _AT:
        values = np.array([0.1, 0.4, 0.6, 0.9])
    if op.name in ("np.log", "np.log2", "np.log10", "np.log1p", "np.sqrt", "root", "np.power", "np.float_power"):
        values = np.abs(values)
    if op.name.endswith("log1p"):
        values = values[values > -1]
    if op.name == "np.arccosh":
        values = np.abs(values) + 1
    values = values.astype(kind)
    count = 1 if op.partials is None and op.is_constant and op.name in _ONE_INPUT else _inputs(op)
    arrays = [values, values[::-1].copy(), (values * 2).astype(kind)][:count]
    if op.name == "np.where":
        arrays[0] = values > 0
    graph = trace(lambda *x: op(*x))(*arrays)
    wanted = np.asarray(op(*arrays))
    found = run(exported(graph), **{f"x{k}": x for k, x in enumerate(arrays)})["y"]
    if wanted.dtype.kind == "f":
        close(found, wanted, wanted.dtype, ulps=8)
    else:
        assert_array_equal(found, wanted)


_ONE_INPUT = {"np.sign", "np.floor", "np.ceil", "np.trunc", "np.rint", "np.isnan", "np.isinf", "np.isfinite"} | {
    "np.logical_not",
    "np.invert",
    "chainrule.stop_gradient",
}


def _inputs(op):
    return 2 if op.partials is None else len(op.partials)


def exported(graph):
    """A graph alone as an ONNX model with the inputs x0, x1 and so on, and the output y."""
    helper = onnx.helper

    def value(name, node):
        return helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(node.dtype), list(map(str, node.shape))
        )

    names = [f"x{k}" for k in range(len(graph.inputs))]
    writer = Writer("x0")
    found = writer.write(graph, dict(zip(graph.inputs, names, strict=True)))[0]
    writer.nodes.append(helper.make_node("Identity", [found], ["y"]))
    shape = [str(n) if not isinstance(n, int) else n for n in graph.outputs[0].shape]
    inputs = [
        helper.make_tensor_value_info(
            name,
            helper.np_dtype_to_tensor_dtype(node.dtype),
            [n if isinstance(n, int) else "n" for n in node.shape],
        )
        for name, node in zip(names, graph.inputs, strict=True)
    ]
    output = helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(graph.outputs[0].dtype), shape)
    made = helper.make_model(
        helper.make_graph(writer.nodes, "g", inputs, [output], writer.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(made, full_check=True)
    return made


PROGRAMS = {
    "reshape": lambda x: np.reshape(x, (-1, 2, 3)),
    "rows and columns": lambda x: np.reshape(x, (6, -1)),
    "transpose": lambda x: x.T,
    "slices": lambda x: x[1:, ::-2],
    "from the end": lambda x: x[:-1, -2:],
    "negative": lambda x: x[::-1, -1],
    "place": lambda x: x[:, 2],
    "new axes": lambda x: x[:, None, 1, None],
    "ellipsis": lambda x: x[..., 0],
    "gather": lambda x: x[:, np.array([0, 2, 2])],
    "table": lambda x: np.arange(10.0)[(np.abs(x[:, 0]) * 2).astype(int)],
    "sum": lambda x: np.sum(x),
    "sum of columns": lambda x: np.sum(x, axis=0),
    "mean of columns": lambda x: np.mean(x, axis=0, keepdims=True),
    "variance": lambda x: np.var(x, axis=1),
    "standard deviation of columns": lambda x: np.std(x, axis=0),
    "product": lambda x: np.prod(x, axis=1),
    "extremes": lambda x: np.max(x, axis=1) - np.min(x, axis=-1),
    "any": lambda x: np.any(x > 1, axis=1),
    "all": lambda x: np.all(x > -1, axis=1),
    "count": lambda x: np.count_nonzero(x > 0, axis=1),
    "argmax": lambda x: np.argmax(x, axis=1),
    "argmax of all": lambda x: np.argmax(x),
    "argmin": lambda x: np.argmin(x, axis=0, keepdims=True),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, np.ones((2, 6))),
    "broadcast": lambda x: np.broadcast_to(x[:, :1], x.shape) + 0.0,
    "concatenate": lambda x: np.concatenate([x, x > 0], axis=1),
    "pad": lambda x: np.pad(x, ((0, 0), (1, 2))),
    "matmul": lambda x: x @ np.linspace(0, 1, 12).reshape(6, 2),
    "number of rows": lambda x: x * x.shape[0] + 1 / x.shape[0],
    "integers": lambda x: x.astype(np.int64) + 1,
    "integers and floats": lambda x: x.astype(np.int64) / 2,
    "booleans": lambda x: (x > 0) & ~(x < 1) | (x == 2),
    "not equal": lambda x: x != 2,
    "norm": lambda x: np.linalg.norm(x, axis=1),
    "logsumexp": lambda x: np.log(np.sum(np.exp(x - np.max(x, axis=1, keepdims=True)), axis=1)),
    "infinite": lambda x: np.logaddexp(np.where(x > 0, -np.inf, x), np.where(x > 0, -np.inf, 1.0)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name):
    """Shapes, indices, reductions and products, for more and for fewer rows than were recorded."""
    f = PROGRAMS[name]
    graph = trace(f, leading="x")(np.ones((3, 6)))
    assert graph.specialized is None
    model = exported(graph)
    for rows in (1, 2, 7):
        x = np.random.default_rng(rows).standard_normal((rows, 6))
        wanted, found = f(x), run(model, x0=x)["y"]
        assert found.shape == np.shape(wanted)
        assert found.dtype == np.asarray(wanted).dtype
        assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "f", [lambda x: np.sort(x, axis=1), lambda x: x[x[:, 0].argsort()], lambda x: x % 2, lambda x: x // 2]
)
def test_programs_without_a_counterpart(f):
    graph = trace(f)(np.ones((3, 6)))
    with pytest.raises(OptionError, match="has no counterpart in ONNX that is known here"):
        exported(graph)


def test_own_activation_is_named():
    rows = Activation("ranks", lambda z: np.sort(z, axis=1), elementwise=False)
    model = model_of(Network(3, (Dense(4, "tanh"), Dense(4, rows), Dense(2))))
    with pytest.raises(OptionError, match="it is in the activation 'ranks' of layer 2"):
        to_onnx(model)
    cube = Activation("cube", lambda z: z**3 + np.floor(z))
    model = model_of(Network(3, (Dense(4, cube), Dense(2))))
    x = np.random.default_rng(0).standard_normal((5, 3))
    close(run(to_onnx(model), X=x)["variable"], model.outputs(x), np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("outputs", "output", "loss"),
    [(1, "sigmoid", "binary_cross_entropy"), (3, "sigmoid", "binary_cross_entropy"), (3, "softmax", "cross_entropy")],
)
def test_classes_by_number(outputs, output, loss, dtype):
    model = model_of(Network.of(3, (4,), outputs, output=output), loss, dtype)
    x = np.random.default_rng(0).standard_normal((20, 3)).astype(dtype)
    found = run(to_onnx(model), X=x)
    assert_array_equal(found["label"], model.predict(x))
    close(found["probabilities"], model.probabilities(x), dtype)


TABLE = Table.of(
    {
        "size": [1.0, 2.0, 3.5, 8.0, 2.5, 1.5],
        "day": ["Sat", "Sun", "Sat", "Fri", "Sun", "Sat"],
        "age": [30.0, 40.0, 20.0, 25.0, 60.0, 35.0],
        "kind": ["x", "y", "z", "x", "y", "z"],
        "tip": [1.0, 2.0, 0.5, 4.0, 2.2, 1.1],
    }
)


def prepared_model(table, target, dtype, impute):
    preparation = prepare(table, target, impute=impute)
    classes = preparation.classes
    outputs = 1 if classes is None or len(classes) == 2 else len(classes)
    output = "identity" if classes is None else "sigmoid" if outputs == 1 else "softmax"
    network = Network.of(len(preparation.feature_names), (4,), outputs, output=output)
    model = model_of(network, dtype=dtype)
    return Model(network, model.parameters, model.state, "squared", preparation)


def columns_of(table, names, dtype):
    """Columns as the exported model takes them."""
    found = {}
    for name in names:
        column = table[name]
        texts = getattr(column, "codes", None) is not None
        values = [text or "" for text in column.values] if texts else column.values
        found[name] = np.array(values, object if texts else dtype)[:, np.newaxis]
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", ["tip", "kind"])
def test_preparation_with_texts(target, dtype):
    model = prepared_model(TABLE, target, dtype, impute=False)
    found = run(to_onnx(model), **columns_of(TABLE, model.preparation.input_names, dtype))
    if target == "tip":
        close(found["variable"], model.predict(TABLE), np.float64, ulps=100 if dtype == np.float64 else 10**10)
        assert_allclose(found["variable"], model.predict(TABLE), rtol=100 * np.finfo(dtype).eps)
    else:
        assert found["label"].tolist() == model.predict(TABLE).tolist()
        close(found["probabilities"], model.probabilities(TABLE), dtype)


@pytest.mark.parametrize("impute", [True, False])
def test_missing_and_unknown_values(impute):
    model = prepared_model(TABLE, "kind", np.float64, impute)
    whole = {"size": [1.0, 2.0], "day": ["Sat", "Mon"], "age": [30.0, 40.0], "tip": [1.0, 2.0]}
    unknown = Table.of(whole)
    names = model.preparation.input_names
    made = to_onnx(model)
    close(run(made, **columns_of(unknown, names, float))["probabilities"], model.probabilities(unknown), np.float64)
    for gaps in ({"day": ["", "Sun"]}, {"age": [np.nan, 30.0]}):
        table = Table.of({**whole, **gaps})
        found = run(made, **columns_of(table, names, float))["probabilities"]
        if impute:
            close(found, model.probabilities(table), np.float64)
        else:
            # chainrule refuses the first row; ONNX can only say that it knows nothing of it.
            assert np.isnan(found[0]).all()
            assert np.isfinite(found[1]).all()


def test_names_of_columns():
    """Those that the nodes would have otherwise, and those that no input can have."""
    columns = {name: [1.0, 2.0, 3.5, 8.0] for name in ("constant_0", "Reshape_1", "Add_2", "X")}
    texts = {"day": ["Sat", "Sun", "Sat", "Fri"]}
    table = Table.of({**columns, **texts, "tip": [1.0, 2.0, 0.5, 3.0]})
    model = prepared_model(table, "tip", np.float64, impute=False)
    found = run(to_onnx(model), **columns_of(table, model.preparation.input_names, float))
    close(found["variable"], model.predict(table), np.float64)
    table = Table.of({"variable": [1.0, 2.0, 3.5, 8.0], **texts, "tip": [1.0, 2.0, 0.5, 3.0]})
    with pytest.raises(OptionError, match="the name 'variable' is that of two columns, or of a column and an output"):
        to_onnx(prepared_model(table, "tip", np.float64, impute=False))


def test_preparation_of_numbers_takes_one_tensor():
    rng = np.random.default_rng(0)
    columns = {f"pixel{k}": rng.integers(0, 255, 20).astype(float) for k in range(30)}
    table = Table.of({**columns, "digit": [str(k % 3) for k in range(20)]})
    model = prepared_model(table, "digit", np.float32, impute=False)
    x = np.column_stack(list(columns.values())).astype(np.float32)
    found = run(to_onnx(model), X=x)
    assert found["label"].tolist() == model.predict(x).tolist()
    close(found["probabilities"], model.probabilities(x), np.float32)


def test_file(tmp_path):
    model = model_of(Network.of(2, (3,)))
    made = to_onnx(model, tmp_path / "model.onnx")
    assert onnx.load(tmp_path / "model.onnx") == made
    assert made.ir_version == IR_VERSION
    assert {row.domain: row.version for row in made.opset_import}[""] == OPSET
    assert [dim.dim_param or dim.dim_value for dim in made.graph.input[0].type.tensor_type.shape.dim] == ["n", 2]
    with pytest.raises(ModelFileError, match="No such file"):
        to_onnx(model, tmp_path / "no" / "model.onnx")


@pytest.mark.parametrize("f", [lambda a: 0.1 * a, lambda a: a / 3.0, lambda a: 0.1 * (a / 3.0) * 7.0, lambda a: 1 / a])
def test_factors_beside_products_keep_their_digits(f):
    row = Activation("factor", f)
    model = model_of(Network(3, (Dense(4, row), Dense(1, row))))
    x = np.random.default_rng(0).standard_normal((5, 3))
    close(run(to_onnx(model), X=x)["variable"], model.outputs(x), np.float64)


def test_what_is_no_model():
    with pytest.raises(OptionError, match="found int"):
        to_onnx(3)


def test_without_onnx(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(OptionError, match=r'pip install "chainrule\[onnx\]"'):
        to_onnx(model_of(Network.of(2)))


@given(
    widths=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    name=st.sampled_from([name for name in ACTIVATIONS if name not in ("softmax", "exp")]),
    dtype=st.sampled_from(DTYPES),
    rows=st.integers(1, 5),
    scale=st.sampled_from([1e-3, 1.0, 30.0]),
)
def test_networks_drawn(widths, name, dtype, rows, scale):
    model = model_of(Network.of(2, widths, 2, activation=name), dtype=dtype)
    x = (scale * np.random.default_rng(rows).standard_normal((rows, 2))).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        wanted = model.outputs(x)
    close(run(to_onnx(model), X=x)["variable"], wanted, dtype, ulps=1000)
