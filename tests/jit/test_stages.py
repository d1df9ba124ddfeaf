"""What `stages` says of a compiled function."""

from types import SimpleNamespace

import numpy as np
import pytest

from chainrule import cond, grad, jit, scan, trace, value_and_grad
from chainrule.graph import verify
from chainrule.jit.paths import Path
from chainrule.jit.stages import Stages
from chainrule.native.program import Program

RNG = np.random.default_rng(0)


def stages_of(f, *calls):
    compiled = jit(f)
    for arguments in calls:
        compiled(*arguments)
    return compiled.stages()


def part(stages, first):
    """The lines from the one that begins so up to the next one that is not further in."""
    lines = iter(str(stages).splitlines())
    found = [next(line for line in lines if line.startswith(first))]
    for line in lines:
        if not line.startswith(" "):
            break
        found.append(line)
    return "\n".join(found)


def loss(w, b, x, t):
    return np.mean((np.tanh(x @ w + b) - t) ** 2)


def gradient_arguments(n):
    return RNG.normal(size=(4, 3)), np.zeros(3), RNG.normal(size=(n, 4)), RNG.normal(size=(n, 3))


def test_each_pass_has_its_line_or_its_graph():
    stages = stages_of(lambda x: np.sum(np.tanh(x) * 1.0 + np.tanh(x)), (np.ones(4),))
    text = str(stages)
    assert "recorded\n  <lambda>(x: float64[4])\n    %0 = np.tanh(x)" in text
    assert "nothing to do for drop, fold\n" in text
    assert "after simplify: 4 operations, where there were 5\n" in text
    assert "after share: 3 operations, where there were 4\n" in text
    (passes,) = stages.passes
    assert [name for name, _ in passes][:4] == ["drop", "fold", "simplify", "share"]
    for name, graph in passes:
        verify(graph)
        assert name in text
    assert str(passes[-1][1]) == str(Program(passes[-1][1]).graph)
    assert str(stages.optimized[0]) == str(passes[-1][1])


def test_places():
    stages = stages_of(lambda x: (np.sum(np.cumsum(np.sin(x) * 2.0)), x[::-1]), (np.ones(8),))
    runs = part(stages, "runs")
    for place in ("in registers", "workspace at byte 0, 64 bytes, until 2", "result 0", "result 1", "a view of x"):
        assert place in runs
    assert "1. One loop over 8 entries" in runs
    assert "2. By itself\n     %2 = np.cumsum" in runs
    assert "workspace: 192 bytes for 3 values\n" in f"{stages}\n"


def test_values_that_share_memory():
    def f(x):
        for _ in range(5):
            x = np.cumsum(x)
        return x

    text = str(stages_of(f, (np.ones(100),)))
    assert "workspace: 1728 bytes for 5 values; side by side they would take 3208" in text


def test_a_loop_that_writes_over_what_it_reads():
    runs = part(stages_of(lambda x: np.cumsum(np.cos(np.cumsum(x))), (np.ones(100),)), "runs")
    assert "%0 = np.cumsum(x, axis=0)  float64[100]   workspace at byte 0, 800 bytes, until 2\n" in runs
    assert "%1 = np.cos(%0)  float64[100]             workspace at byte 0, 800 bytes, until 3, over %0\n" in runs


def test_blocks_of_rows():
    stages = stages_of(value_and_grad(loss, (0, 1)), *map(gradient_arguments, (50, 64, 1000)))
    assert stages.compilations == 2
    text = str(stages)
    assert "the number of rows has changed: compiled for every number" in text
    assert "Blocks of 128 rows, each through all of this" in text
    assert "on the stack of a block" in text
    assert "runs, in this order; bytes are those for 64 rows" in text
    assert "workspace for 1000 rows: " in text
    assert "== program 2 of 2 ==" in text
    assert "== program 3" not in text


def test_loops_and_branches():
    def f(w, x):
        _, ys = scan(lambda c, row: (np.tanh(w @ c + row), c), np.zeros(3), x)
        return np.sum(cond(np.sum(ys) > 0, lambda y: y * 2.0, lambda y: y - 1.0, ys))

    text = str(stages_of(grad(f), (np.ones((3, 3)), np.ones((5, 3)))))
    assert "Loop of a fixed number of steps\n" in text
    assert "Loop of a fixed number of steps, without the care" in text
    assert "Branch\n" in text
    assert "of them inside of loops, branches and blocks" in text


def test_what_goes_through_numpy():
    stages = stages_of(lambda x: np.abs(np.cumsum(x) + 1.0j) * 2.0, (np.ones(4),))
    assert set(stages.through_numpy) >= {"np.add"}
    assert f"through NumPy, for lack of a native form: {', '.join(stages.through_numpy)}" in str(stages)
    assert "Through NumPy, for lack of a native form\n" in str(stages)
    assert "an array of NumPy's" in str(stages)


def test_a_product_and_the_loop_that_follows_it():
    x, w, b = RNG.normal(size=(200, 150)), RNG.normal(size=(150, 300)), np.ones(300)
    text = part(stages_of(lambda x, w, b: np.tanh(x @ w + b), (x, w, b)), "  1. Slices of up to 48 rows of a product")
    first, product, _, loop, *_ = text.splitlines()
    assert first.endswith("each read while it is in the cache, shared by threads")
    assert product.strip() == "Product"
    assert loop.strip() == "One loop over 200 x 300 entries, shared by threads"
    assert "np.matmul(x, w)  float64[200, 300]  on the stack of a slice" in text


def test_results_over_arguments():
    graph = trace(lambda w, g: w - 0.1 * g)(np.ones(3), np.ones(3))
    code = SimpleNamespace(program=Program(graph, {0: 0}), recorded=graph, graph=graph, arrays=())
    path = Path(SimpleNamespace(decisions=()), code, None)
    stages = Stages("f", [SimpleNamespace(paths=[path], signature=None)], (), 1)
    assert "result 0, written over w" in str(stages)


def test_reasons():
    def f(x):
        return x if x > 0 else -x

    stages = stages_of(f, (1.0,), (2.0,), (-1.0,), (np.float32(1.0),))
    assert stages.compilations == 3
    assert str(stages).startswith("f: compiled 3 times\n  called with x: float64[]*\n  decision 1 came out as False\n")
    assert "for decisions that come out as True" in str(stages)
    assert len(stages.recorded) == 3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_how_often(count):
    compiled = jit(lambda x: x * 2.0)
    for k in range(count):
        compiled(np.ones((2,) * k))
    words = ("0 times", "once", "twice")
    assert str(compiled.stages()).startswith(f"<lambda>: compiled {words[count]}")


def test_constants_are_held():
    assert "held with the program: 800 bytes of 1 constant array" in str(
        stages_of(lambda x: x * np.arange(100.0), (np.ones(100),))
    )
