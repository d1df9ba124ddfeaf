"""What has to hold for a program: values, derivatives in both modes and to second order, the graph, batches."""

import numpy as np
from tests.differentiate.differences import along
from tests.programs.generate import load

import chainrule
from chainrule import TraceError, grad, hvp, jacobian, jvp, trace, value_and_grad, vectorize, vjp
from chainrule.evaluate import evaluate
from chainrule.graph import verify

__all__ = ["CHECKS", "Failed", "Run", "check"]

#: Names whose composition rounds otherwise than NumPy's own function; all else is compared bit for bit.
ROUNDED = (
    "mean",
    "var",
    "std",
    "norm",
    "einsum",
    "linspace",
    "np.round",
    "cond",
    "scan",
    "while_loop",
    "prod",
    "logaddexp",
    ".at(",
)


BY_X = """
def program_by_x(x, w):
    return program(x, np.copy(w) if np.ndim(w) else w)

def loss_by_x(x, w):
    return loss(x, np.copy(w) if np.ndim(w) else w)

def program_by_cond(x, w):
    return cond(True, program_by_x, program_by_x, x, w)

def program_by_scan(x, w):
    # A body must return its carry as it was, though the program writes into it.
    return scan(lambda carry, _: (carry, program_by_x(np.copy(carry[0]), carry[1])), (x, w), length=1)[1][0]
"""


#: What chainrule says of programs that write a traced value into an array which NumPy made of plain values alone (such
#: as np.stack of numbers), or where the order in memory would have to be known. Both stand in the documentation.
REFUSALS = (
    "to a plain array",
    "A plain array was to be made",
    "a plain array was to be made",
    "float() was",
    "a view cannot be told",
)


class Failed(AssertionError):
    """Something does not hold; the message has the program."""


class Run:
    """A program in plain NumPy and for chainrule, with a direction of each argument and what has been found out.

    Attributes
    ----------
    plain, followed : dict
        The program's functions; the loops are plain Python in the one and chainrule's in the other.
    dx, dw : array or float
        The direction.
    skipped : set of str
        What could not be compared, for a kink was on the way of the differences.
    refused : set of str
        What ended in one of the errors of `REFUSALS`.
    """

    def __init__(self, program):
        self.program = program
        self.plain = load(program.source)
        self.followed = load(program.source, (chainrule.scan, chainrule.cond, chainrule.while_loop))
        exec(BY_X, self.followed)
        rng = np.random.default_rng(program.seed)
        self.dx = rng.uniform(-1, 1, np.shape(program.x))
        self.dw = rng.uniform(-1, 1, np.shape(program.w)) if isinstance(program.w, np.ndarray) else 0.7
        self.skipped = set()
        self.refused = set()

    def at(self, t=0.0):
        """The arguments, `t` along the direction: new arrays."""
        return self.program.x + t * self.dx, self.program.w + t * self.dw

    def by_x(self, name):
        """A function of the program to be differentiated by `x` alone: plain arrays take no traced values."""
        return self.followed[f"{name}_by_x"]

    def expected(self, t=0.0):
        """What NumPy computes there."""
        return self.plain["program"](*self.at(t))


def same(found, expected, source):
    """Compare values: bit for bit where the arithmetic is NumPy's own."""
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    if not any(name in source for name in ROUNDED):
        np.testing.assert_array_equal(found, expected)


def dot(a, b):
    return sum(float(np.sum(np.multiply(p, q))) for p, q in zip(a, b, strict=True))


def by_differences(phi):
    """Derivative of phi at 0; None where it jumps there, or has a kink on the way."""
    there, step = phi(0.0), 1e-4
    if abs(phi(step) + phi(-step) - 2 * there) > 1e-5 * (1 + abs(there)):
        return None
    return along(phi, 0.0, 1.0)


def check_value(run):
    x, w = run.at()
    before = np.copy(x), np.copy(w)
    own = np.zeros, np.array, np.full, np.copy, np.r_
    value, pull = vjp(run.followed["program"], x, w)
    assert type(value) in (np.ndarray, np.float64, float), type(value)
    same(value, run.expected(), run.program.source)
    pull(np.ones(np.shape(value)) if np.ndim(value) else 1.0)
    # The caller's arrays, and NumPy's names, are what they were.
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(w, before[1])
    assert x.flags.writeable
    assert (np.zeros, np.array, np.full, np.copy, np.r_) == own


def check_first_order(run):
    args = run.at()
    value, gradient = value_and_grad(run.followed["loss"], (0, 1))(*args)
    np.testing.assert_allclose(value, run.plain["loss"](*run.at()), rtol=1e-11, atol=1e-12)
    assert [np.shape(g) for g in gradient] == [np.shape(a) for a in args]
    reverse = dot(gradient, (run.dx, run.dw))
    _, forward = jvp(run.followed["loss"], args, (run.dx, run.dw))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-10)
    slope = by_differences(lambda t: float(run.plain["loss"](*run.at(t))))
    if slope is None:
        run.skipped.add("first order")
    else:
        np.testing.assert_allclose(reverse, slope, rtol=1e-6, atol=1e-7)


def check_second_order(run):
    loss, d = run.followed["loss"], (run.dx, run.dw)

    def slope(x, w):
        gx, gw = grad(loss, (0, 1))(x, w)
        return np.sum(gx * run.dx) + np.sum(gw * run.dw)

    _, forward = jvp(slope, run.at(), d)
    reverse = dot(grad(slope, (0, 1))(*run.at()), d)
    np.testing.assert_allclose(forward, reverse, rtol=1e-8, atol=1e-9)
    x, w = run.at()

    alone = run.by_x("loss")
    product = hvp(alone)(x, w, run.dx)
    _, changed = jvp(lambda x: grad(alone)(x, w), (x,), (run.dx,))
    np.testing.assert_allclose(product, changed, rtol=1e-9, atol=1e-10)
    expected = by_differences(lambda t: dot(grad(loss, (0, 1))(*run.at(t)), d))
    if expected is None or "first order" in run.skipped:
        run.skipped.add("second order")
    else:
        np.testing.assert_allclose(forward, expected, rtol=1e-5, atol=1e-6)


def check_jacobian(run):
    program = run.by_x("program")
    forward, reverse = (jacobian(program, mode=mode)(*run.at()) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-10)


def check_graph(run):
    graph = trace(run.followed["program"])(*run.at())
    verify(graph)
    same(evaluate(graph, *run.at())[0], run.expected(), run.program.source)


def check_without_values(run):
    """A program that takes no decision is recorded as a body, and right for other values."""
    by_cond, by_scan = (run.followed[f"program_by_{name}"] for name in ("cond", "scan"))
    for f in (by_cond, by_scan):
        value = f(*run.at())
        np.testing.assert_allclose(value, run.expected(), rtol=1e-12, atol=1e-13)
        other = jacobian(f)(*run.at())
        np.testing.assert_allclose(other, jacobian(run.by_x("program"))(*run.at()), rtol=1e-9, atol=1e-10)
    graph = trace(by_cond)(*run.at())
    verify(graph)
    np.testing.assert_allclose(evaluate(graph, *run.at(0.3))[0], run.expected(0.3), rtol=1e-12, atol=1e-13)


def copied(a):
    return np.copy(a) if np.ndim(a) else a


def check_batch(run):
    """A program that takes no decision, over a batch, against a Python loop."""
    program, loss = run.followed["program"], run.by_x("loss")
    points = [run.at(t) for t in (0.0, 0.25, -0.4)]
    stacked = [np.stack(parts) for parts in zip(*points, strict=True)]
    plain = run.plain["program"]
    try:
        each = [plain(*map(copied, p)) for p in points]
        expected = [plain(np.copy(x), copied(points[0][1])) for x, _ in points]
    except RuntimeWarning:
        # The writer has looked at one point alone.
        run.skipped.add("batch")
        return
    np.testing.assert_allclose(vectorize(program)(*stacked), each, rtol=1e-11, atol=1e-12)
    shared = vectorize(run.by_x("program"), (0, None))(stacked[0], points[0][1])
    np.testing.assert_allclose(shared, expected, rtol=1e-11, atol=1e-12)
    gradients = vectorize(grad(loss))(*stacked)
    np.testing.assert_allclose(gradients, [grad(loss)(*p) for p in points], rtol=1e-9, atol=1e-10)


#: What is checked, and whether it needs a program without decisions.
CHECKS = {
    "value": (check_value, False),
    "first order": (check_first_order, False),
    "second order": (check_second_order, False),
    "jacobian": (check_jacobian, False),
    "graph": (check_graph, False),
    "without values": (check_without_values, True),
    "batch": (check_batch, True),
}


def check(program, names=tuple(CHECKS)):
    """Check a program.

    Returns
    -------
    Run
        Says what could not be compared, and what was refused.

    Raises
    ------
    Failed
        With the text of the program.
    """
    run = Run(program)
    for name in names:
        function, undecided = CHECKS[name]
        if undecided and program.decides:
            continue
        try:
            function(run)
        except TraceError as problem:
            if not any(said in str(problem) for said in REFUSALS) or "\n  at <random program>:" not in str(problem):
                raise Failed(f"{name}: {problem}\n{program!r}") from problem
            run.refused.add(name)
        except Exception as problem:
            raise Failed(f"{name}: {type(problem).__name__}: {problem}\n{program!r}") from problem
    return run
