"""What the tests of loops and branches share: plain Python loops as oracles, and the comparison in every mode."""

import numpy as np

from chainrule import grad, hessian, jacobian, jvp
from chainrule.evaluate import evaluate
from chainrule.graph import verify
from chainrule.trace import trace


def python_scan(f, init, xs=None, length=None):
    """`scan` for one array of sequences, as a Python loop."""
    carry, ys = init, []
    for k in range(len(xs) if length is None else length):
        carry, y = f(carry, None if xs is None else xs[k])
        ys.append(y)
    return carry, np.stack(ys) if ys and ys[0] is not None else None


def python_while(condition, body, init):
    """`while_loop` as a Python loop."""
    carry = init
    while condition(carry):
        carry = body(carry)
    return carry


def check_modes(f, oracle, *args, tolerance=1e-10, quick=False):
    """Compare values, and first and second derivatives in both modes, with those of a Python loop."""
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(f(*args), oracle(*args), **close)
    for k, x in enumerate(args):
        gradient = grad(f, k)(*args)
        np.testing.assert_allclose(gradient, grad(oracle, k)(*args), **close)
        assert np.shape(gradient) == np.shape(x)
        if quick:
            continue
        second = hessian(oracle, k)(*args)
        np.testing.assert_allclose(hessian(f, k)(*args), second, **close)
        np.testing.assert_allclose(jacobian(grad(f, k), k, mode="reverse")(*args), second, **close)
        if np.size(x) > 3:
            continue
        # Forward over forward.
        np.testing.assert_allclose(jacobian(jacobian(f, k, mode="forward"), k, mode="forward")(*args), second, **close)
    directions = tuple(np.cos(np.arange(np.size(x))).reshape(np.shape(x)) + np.zeros_like(x) for x in args)
    directions = tuple(float(d) if isinstance(x, float) else d for x, d in zip(args, directions, strict=True))
    np.testing.assert_allclose(jvp(f, args, directions)[1], jvp(oracle, args, directions)[1], **close)
    if quick:
        return
    for function in (f, *(grad(f, k) for k in range(len(args)))):
        graph = trace(function)(*args)
        verify(graph)
        str(graph)
        np.testing.assert_allclose(evaluate(graph, *args)[0], function(*args), **close)
