"""Corners of assignment: each gives what NumPy gives, or an error that names the line; nothing is silently wrong."""

import copy

import numpy as np
import pytest

from chainrule import TraceError, cond, jacobian, jvp, trace, vectorize, vjp
from chainrule.evaluate import evaluate

X = np.array([[0.7, -0.4, 0.3], [0.2, 0.9, -0.6]])
S = np.array([[0.5, -0.3, 0.8], [0.1, 0.7, -0.2], [-0.6, 0.4, 0.9]])

# A name, lines of a body, and what there is before them: x of shape (2, 3), s of shape (3, 3), and B, a new array.
FOLLOWED = {
    "transpose": "B.T[0] = x[:, 1]; return B",
    "alias of a transpose": "C = B.T; B[0] = x[0]; return C",
    "transpose of a transpose": "C = B.T.T; C[1] = x[0]; return B",
    "ravel": "B.ravel()[:2] = x[0, :2]; return B",
    "ravel of a transpose is a copy": "B.T.ravel()[:2] = x[0, :2]; return B + x",
    "reshape": "C = B.reshape(3, 2); C[1] = x[0, :2]; return B",
    "reshape of a reshape": "C = B.reshape(6).reshape(3, 2)[1:]; C *= x[0, 0]; return B",
    "reshape of a column is a copy": "C = B[:, :2].reshape(-1); C[0] = x[0, 0]; return B * x",
    "swapped axes": "C = B.swapaxes(0, 1); C[2] = x[:, 0]; return B",
    "chained slices": "B[1:][0][1:][0:1] = x[0, 0]; return B",
    "ellipsis": "B[...] = x; B[..., 0] = 1.0; return B",
    "new axis": "C = B[None]; C[0, 1] = x[0]; return B",
    "backwards": "C = B[::-1]; C[0] = x[0]; B[0] = x[1]; return C",
    "both steps": "B[::-1, ::2] = x[:, :2]; return B",
    "overlapping": "B[:] = x; B[:, 1:] = B[:, :-1]; return B",
    "overlapping backwards": "B[:] = x; B[:, :-1] = B[:, 1:]; B[:] = B[::-1]; return B",
    "overlapping in place": "B[:] = x; B[:, 1:] += B[:, :-1]; return B",
    "overlapping with an alias": "B[:] = x; C = B[:, ::-1]; B += C; return B",
    "row into all rows": "B[:] = x[0]; B[:, 1] = x[0, 2]; return B",
    "broadcast of leading ones": "B[0] = x[None, 0]; return B",
    "nothing": "B[2:] = x[0]; B[:, []] = x[:, :0]; return B + x",
    "mask": "B[x > 0.25] = x[x > 0.25] * 2; return B",
    "mask in place": "B[x > 0.25] += x[x > 0.25]; B[B > 1.4] *= x[0, 0]; return B",
    "mask of rows": "B[np.array([True, False])] = x[1]; return B",
    "mask and a place": "B[np.array([True, False]), 1] = x[0, 0]; return B",
    "no mask": "B[np.zeros((2, 3), bool)] = x[0, 0]; return B + x",
    "places": "B[[0, 1], [2, 0]] = x[0, :2]; return B",
    "places more than once": "B[[0, 0], [1, 1]] = x[:, 0]; return B",
    "places in place": "B[[0, 0], 1] += x[:, 0]; return B",
    "outer places": "B[np.ix_([0, 1], [2, 0])] = x[:, :2]; return B",
    "places from the end": "B[[-1], -1] = x[0, 0]; return B",
    "boolean number": "B[True] = x; return B",
    "tuple of a list": "B[([0, 1],)] = x; return B",
    "add.at": "np.add.at(B, ([0, 0, 1], [1, 1, 2]), x[0]); return B",
    "add.at of a number": "np.add.at(B, [0, 0], x[0, 0]); return B",
    "subtract.at": "np.subtract.at(B, (slice(None), [0, 0]), x[:, :2]); return B",
    "add.at into a view": "np.add.at(B.T, [0, 0], x[:, 1]); return B",
    "out": "np.multiply(x, 2.0, out=B); return B",
    "out by position": "np.add(x, 1.0, B); return B",
    "out into a view": "np.add(x[0], 1.0, out=B[1]); return B",
    "out of itself": "B[:] = x; np.sin(B, out=B); return B",
    "out where": "np.sin(x, out=B, where=x > 0.5); return B",
    "out where, a view": "np.sin(x[0], out=B.T[:, 1], where=[True, False, True]); return B",
    "multiply.at": "B[:] = x; np.multiply.at(B, ([0, 0, 1], [1, 1, 2]), x[0]); return B",
    "multiply.at of a view": "B[:] = x; C = B[1]; np.multiply.at(C, [0, 0], x[0, :2]); return B",
    "out given back": "C = np.multiply(x, 2.0, out=B); C[0] = 1.0; return B + x",
    "copyto": "np.copyto(B, x[0]); np.copyto(B, 0.5, where=x > 0.5); return B",
    "fill": "B.fill(x[0, 0]); return B",
    "sort": "B[:] = x; B.sort(); return B",
    "sort an axis": "B[:] = x; B.sort(axis=0); return B",
    "put": "B.put([0, -1], x[0, :2]); return B",
    "put again from the start": "B.T.put([0, 3, 5], x[0, :2]); return B",
    "flat": "B.flat[1:3] = x[0, :2]; return B",
    "flat of a transpose": "B.T.flat[1] = x[0, 0]; return B",
    "all of flat": "B.flat = x[0, 0]; return B",
    "flat is up to date": "C = B.flat; B[0, 1] = x[0, 0]; return C[1] + x",
    "flat of a plain transpose": "C = B.T.flat; B[0, 1] = 7.0; C[0] = 5.0; B[1, 0] = x[0, 0]; return B * C[2] + C[1]",
    "entries of flat": "return np.array([2 * v for v in x.flat])",
    "fill_diagonal": "np.fill_diagonal(B, x[0, 0]); return B",
    "fill_diagonal with an array": "np.fill_diagonal(B, x[0, :2]); return B",
    "put_along_axis": "np.put_along_axis(B, np.argmax(x, axis=1, keepdims=True), x[:, :1], axis=1); return B",
    "rows of a loop": "for row, given in zip(B, x): row[...] = given * 2\nreturn B",
    "rows kept": "rows = list(B); rows[1][:] = x[0]; return B",
    "unpacked": "first, second = B; second += x[0]; return B",
    "swapped": "B[:] = x; B[0], B[1] = B[1].copy(), B[0].copy(); return B",
    "swapped without a copy": "B[:] = x; B[0], B[1] = B[1], B[0]; return B",
    "swapped numbers": "B[:] = x; B[0, 0], B[0, 1] = B[0, 1], B[0, 0]; return B",
    "a number kept": "B[:] = x; t = B[0, 0]; B[0, 0] = 5.0; return B * t",
    "an entry kept": "B[:] = x; t = B[0, 0, ...]; B[0, 0] = 5.0; return B * t",
    "an entry written": "t = B[0, 0, ...]; t[...] = x[0, 0]; return B",
    "an entry in place": "t = B[0, 0, ...]; t += x[0, 0]; return B",
    "in place, aliased": "C = B; C += x; return B",
    "in place, rebound": "C = B; C = C + x; return B * x",
    "number in place": "n = x[0, 0]; m = n; n += 1.0; return m * x",
    "array without axes": "a = np.array(x[0, 0]); b = a; a += 1.0; b[...] = b * 2; return a * x",
    "copy": "B[:] = x; C = B.copy(); C[0] = 1.0; return B + C",
    "copy.copy": "B[:] = x; C = copy.copy(B); D = copy.deepcopy([B])[0]; C[0] = 1.0; D[1] = x[0]; return B + C * D",
    "np.copy": "C = np.copy(x); C[0] = 1.0; return C + x",
    "np.array": "C = np.array(x); C[0] = 1.0; return C + x",
    "np.array without a copy": "C = np.array(x, copy=None); C[0] = x[1]; return C + x",
    "np.array with more axes": "return np.array(x, ndmin=4) * 2",
    "np.array of copies": "C = np.array([x[0], x[1]]); C[0] = x[1]; return C + x",
    "np.asarray": "C = np.asarray(x); C[0] = 1.0; return C + x",
    "np.asanyarray": "C = np.asanyarray(B); C[0] = x[0]; return B",
    "np.ascontiguousarray": "C = np.ascontiguousarray(B); C[0] = x[0]; return B",
    "np.ascontiguousarray of a transpose": "C = np.ascontiguousarray(x.T); C[0] = 1.0; return x + C.T",
    "np.asfortranarray": "C = np.asfortranarray(x); C[0] = 1.0; return x + C",
    "astype": "C = x.astype(float); C[0] = 1.0; return C + x",
    "astype without a copy": "C = x.astype(float, copy=False); C[0] = x[1]; return C + x",
    "flatten": "C = x.flatten(); C[0] = 1.0; return C[:3] + x",
    "real": "C = x.real; C[0] = x[1]; return C + x",
    "part of a complex array": "C = x + 2j * x; C.real[0] = x[1]; C.imag[1] *= x[0]; return np.abs(C) ** 2",
    "part of a complex array, later": "C = x + 2j * x; R = C.imag; C[0] = x[1] * 1j; return R * x",
    "complex from a real": "C = np.zeros(3, complex); C[:] = x[0]; C[1] = 1j * x[0, 0]; return np.abs(C) * x",
    "order F": "C = np.zeros((2, 3), order='F'); C[0] = x[0]; D = C.reshape(-1); D[1] = 5.0; return C + x",
    "copy of a transpose": "C = x.T.copy(); C.reshape(-1)[1] = 5.0; return C.T + x",
    "layout after a write": "C = (1.0 * x).T; C[0] = 1.0; D = C.reshape(-1); D[1] = 5.0; return C.T + x",
    "layout after a write through a view": "x.T[0] = 1.0; D = x.reshape(-1); D[1] = 5.0 * x[1, 1]; return x",
    "squeeze": "C = B[:1].squeeze(); C[1] = x[0, 0]; return B",
    "expand_dims": "C = np.expand_dims(B, 1); C[0, 0] = x[0]; return B",
    "moveaxis": "C = np.moveaxis(B, 0, 1); C[0] = x[:, 0]; return B",
    "split": "C, D = np.split(B, 2); D[0] = x[0]; return B + C",
    "flip": "C = np.flip(B, 1); C[0] = x[0]; return B",
    "diagonal": "s = np.array(s); d = np.diagonal(s); s[0, 0] = 5 * x[0, 0]; return d * x",
    "diagonal of a new array": "C = np.eye(3); d = C.diagonal(); C[0, 0] = x[0, 0]; return d * x",
    "diag": "s = np.array(s); d = np.diag(s, 1); s[0, 1] = 5 * x[0, 0]; return d * x[:, :2]",
    "broadcast": "C = np.broadcast_to(x[0], (2, 3)); x[0, 0] = 5 * x[0, 1]; return C * x",
    "broadcast of a new array": "C = np.broadcast_to(B[0], (2, 3)); B[0, 0] = x[0, 1]; return C * x",
    "ravel of a broadcast is a copy": "C = np.broadcast_to(x[0], (2, 3)).ravel(); C[4] = x[1, 0]; x[0] = 2.0; return C",
    "ravel of a row with steps is a copy": "s = +s; C = s[0, ::2].ravel(); s[0, 0] = 2.0; return C * x[:, :2]",
    "ravel of a column of a new array is a copy": "C = np.ravel(B.T[1]); C[0] = 2.0; B[0, 0] = x[1, 1]; return B + x",
    "ravel of a row is a view": "C = np.ravel(B[1]); C[0] = x[0, 0]; return B",
    "reshape of a broadcast": "C = np.broadcast_to(x[0], (2, 3)).reshape(2, 3, 1); x[0, 0] = 5 * x[0, 1]; return C",
    "ravel of a diagonal is a copy": "s = np.array(s); d = np.diagonal(s).ravel(); s[0, 0] = 5 * x[0, 0]; return d * x",
    "asarray of a number": "C = np.asarray(x[0, 0] * 2); D = np.asarray(C); C[...] += x[0, 1]; return D * x",
    "overlapping with another step": "s = +s; s[:, -1] = s[1].copy(); return s[:2] * x",
    "np.real": "C = np.real(x); C[0] = x[1]; return C + x",
    "np.real of a complex array": "C = x + 2j * x; np.real(C)[0] = x[1]; return np.abs(C) ** 2",
    "atleast_2d": "C = np.atleast_2d(x[0]); C[0, 1] = 5 * x[0, 0]; return C + x",
    "atleast_1d of a new array": "C = np.atleast_1d(B); B[0, 1] = 5 * x[0, 0]; return C + x",
    "list of arrays": "parts = [B, x]; parts[0] += parts[1]; return B",
    "dict of arrays": "parts = {'B': B}; parts['B'][0] = x[0]; return B",
    "argument's own": "x[0] = 2 * x[1]; x *= 3.0; return x",
    "argument's view": "y = x[0]; x *= 3.0; y -= 1.0; return x",
    "a function's": "def half(a):\n    a /= 2\n    a[0] = x[1]\nhalf(B)\nreturn B",
    "a method's": "class Table:\n    def __init__(self): self.rows = np.zeros((2, 3))\n"
    "    def set(self, k, row): self.rows[k] = row\nt = Table()\nt.set(1, x[0])\nreturn t.rows",
    "a closure's": "total = np.zeros(3)\ndef add(row):\n    total[:] += row\nfor row in x: add(row)\nreturn total",
    "recursion": "def fill(a):\n    if len(a) == 0: return\n    a[0] = x[0, len(a) - 1] * 2\n    fill(a[1:])\n"
    "fill(B[0])\nreturn B",
    "comprehension": "[B.__setitem__(k, x[k] * 2) for k in range(2)]; return B",
    "del": "C = B[0]; C[:] = x[0]; del C; return B",
    "square": "s[...] = s.T; return s",
    "lower triangle": "for i in range(3):\n    for j in range(i): s[i, j] = s[j, i] * s[i, i]\nreturn s",
    "elimination": "for k in range(2):\n    for i in range(k + 1, 3): "
    "s[i, k:] -= s[i, k] / (2 + s[k, k] ** 2) * s[k, k:]\nreturn s",
    "float32": "C = np.zeros((2, 3), np.float32); C[:] = x; return C * 2",
    "divided": "B /= 2 + x; B //= 0.25 * np.ones(3); B **= 2; return B * x",
    "modulo": "B[:] = x; B %= 0.75; return B",
    "product": "C = np.eye(3); C @= s; return C",
    "nested lists": "C = np.array([[x[0, 0], 1], [2, x[0, 1]]]); C[0, 1] = x[1, 1]; return C",
    "full": "C = np.full((2, 2), x[0, 0]); C[0, 0] = 1.0; return C * x[0, 0]",
    "full of a row": "C = np.full((2, 3), x[0]); C[0] = 1.0; return C + x",
    "full_like": "C = np.full_like(x, x[0, 0]); C[0, 1] = 1.0; return C + x",
    "linspace": "C = np.linspace(x[0, 0], 1.0, 3); C[0] = 7.0; return C * x",
    "an array of booleans": "C = np.zeros(3, bool); C[0] = x[0, 0] > 0.1; return C * x",
    "a complex row into real ones": "B[0] = 1j * x[0] + x[1]; return B",
    "an array of objects": "C = np.zeros(2, object); C[0] = x[0]; C[1] = C[0] * 2; return C[1]",
    "out of r_": "C = np.r_[x[0], 1.0]; C[0] = 2.0; return C + x[0, 0]",
}


def body_of(text):
    lines = (
        text.replace("; ", "\n").splitlines()
        if "def " not in text and "class " not in text and "for " not in text
        else None
    )
    lines = lines or [line for part in text.split("\n") for line in _split(part)]
    source = "def f(x, s):\n    B = np.ones((2, 3))\n" + "".join(f"    {line}\n" for line in lines)
    names = {"np": np, "copy": copy}
    exec(compile(source, "<corner>", "exec"), names)
    return names["f"]


def _split(line):
    # One-line suites stay together.
    return (
        [line]
        if line.lstrip().startswith(("for ", "def ", "class ", "if ")) or line.startswith(" ")
        else line.split("; ")
    )


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", FOLLOWED)
def test_followed(name):
    f = body_of(FOLLOWED[name])
    expected = f(X.copy(), S.copy())
    x, s = X.copy(), S.copy()
    value, _ = vjp(f, x, s)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    assert np.asarray(value).dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(s, S)
    graph = trace(f)(X.copy(), S.copy())
    np.testing.assert_allclose(evaluate(graph, X, S)[0], expected, rtol=1e-14)
    if np.asarray(expected).dtype == np.float64:
        d = np.cos(np.arange(6.0)).reshape(2, 3), np.sin(np.arange(9.0)).reshape(3, 3)
        steps = [f(X + t * d[0], S + t * d[1]) for t in (1e-6, -1e-6)]
        difference = (steps[0] - steps[1]) / 2e-6
        _, pushed = jvp(f, (X, S), d)
        np.testing.assert_allclose(pushed, difference, rtol=1e-6, atol=1e-7)
        through = sum(np.tensordot(jacobian(f, k)(np.array(X), np.array(S)), d[k], np.ndim(d[k])) for k in (0, 1))
        np.testing.assert_allclose(through, difference, rtol=1e-6, atol=1e-7)


#: Bodies whose number of entries depends on values, or that would need an order in memory.
NEED_VALUES = {
    "mask", "mask in place", "ravel", "reshape", "reshape of a reshape", "reshape of a column is a copy",
    "ravel of a transpose is a copy", "put_along_axis", "layout after a write", "layout after a write through a view",
    "order F", "copy of a transpose", "an array of booleans",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", sorted(FOLLOWED.keys() - NEED_VALUES))
def test_without_values_and_in_a_batch(name):
    f = body_of(FOLLOWED[name])
    expected = f(X.copy(), S.copy())
    for run in (lambda: cond(True, f, f, X, S), lambda: vectorize(f)(X[None], S[None])[0]):
        found = run()
        np.testing.assert_allclose(found, expected, rtol=1e-12)


# What cannot be followed raises, with the line.

PLAIN = np.zeros((2, 3))

REFUSED = {
    "an array of integers": "C = np.zeros(3, int); C[0] = x[0, 0]; return C * x",
    "a row of an array of integers": "C = np.zeros((2, 3), int); C[0] = x[0]; return C * x",
    "an array of integers in place": "C = np.arange(3); C += x[0]; return C * x",
    "a complex number into real ones": "B[0, 0] = 1j * x[0, 0]; return B",
    "complex in place": "B += 1j * x; return B",
    "a list with None": "C = np.array([x[0, 0], None]); return C[0] * x",
    "a ragged list": "C = np.array([[x[0, 0]], [1.0, 2.0]]); return C",
    "a field": "C = np.zeros(3, [('a', float)]); C['a'] = x[0]; return C['a']",
    "a global array": "PLAIN[0] = x[0]; return PLAIN",
    "a global array in place": "G = PLAIN; G += x; return G",
    "a global array as output": "np.sin(x, out=PLAIN); return PLAIN",
    "a global array by copyto": "np.copyto(PLAIN, x); return PLAIN",
    "a global array by add.at": "np.add.at(PLAIN, [0], x[0]); return PLAIN",
    "a global array by fill": "PLAIN.fill(x[0, 0]); return PLAIN",
    "a global array by put": "PLAIN.put([0], x[0, 0]); return PLAIN",
    "a global array's flat": "PLAIN.flat[0] = x[0, 0]; return PLAIN",
    "a masked array": "C = np.ma.zeros(3); C[0] = x[0, 0]; return C",
    "multiply.at of a global": "np.multiply.at(PLAIN, [0, 0], x[0]); return PLAIN",
    "power.accumulate": "return np.power.accumulate(x, axis=0)",
    "where= alone": "return np.sin(x, where=np.ones((2, 3), bool))",
    "an attribute": "x.shape = (3, 2); return x",
    "resize": "B[0] = x[0]; B.resize((3, 2)); return B",
    "a view of the bytes": "B[0] = x[0]; C = B.view(np.int64); C[0] = 0; return B",
    "as_strided": "C = np.lib.stride_tricks.as_strided(x, (2,), (8,)); C[0] = 1.0; return x",
    "nditer": "for v in np.nditer(x, op_flags=['readwrite']): v[...] = 2 * v\nreturn x",
    "a column of a matrix": "C = np.matrix(np.eye(3)); C[0] = x[0]; return C",
    "an unknown view": "C = np.lib.stride_tricks.sliding_window_view(B, 2, axis=1); B[0] = x[0]; return C",
    "an unknown view written": (
        "C = np.lib.stride_tricks.sliding_window_view(B, 2, axis=1, writeable=True); C[0] = x[0, 0]; return B"
    ),
    "another order": "return x.flatten('F')",
    "a string": "C = np.array(['a', 'b']); C[0] = x[0, 0]; return x",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    f = body_of(REFUSED[name])
    f.__globals__["PLAIN"] = PLAIN
    with pytest.raises((TraceError, TypeError, ValueError, AttributeError)) as problem:
        vjp(f, X.copy(), S.copy())
    if isinstance(problem.value, TraceError):
        # A view that is returned is looked at after the function.
        assert f"\n  at {__file__ if name == 'an unknown view' else '<corner>'}:" in str(problem.value)
    assert not PLAIN.any()
    assert PLAIN.flags.writeable


@pytest.mark.parametrize(
    "taken", ["np.broadcast_to(x[0], (2, 3))[0]", "np.diagonal(s).reshape(3, 1)", "np.diagonal(s)"]
)
def test_views_that_cannot_be_written_into(taken):
    f = body_of(f"C = {taken}; C[0] = 1.0; return C")
    for run in (f, lambda x, s: vjp(f, x, s)):
        with pytest.raises(ValueError, match="assignment destination is read-only"):
            run(X.copy(), S.copy())


def test_a_handle_that_escaped():
    kept = []

    def f(x):
        B = np.zeros(3)
        B[0] = x
        kept.extend([B, np.zeros(2)])
        return np.sum(B)

    vjp(f, 2.0)
    with pytest.raises(TraceError, match="escaped"):
        kept[0][1] = 3.0
    with pytest.raises(TraceError, match="escaped"):
        kept[0] += 1.0
    kept[1][0] = 1.0
    assert kept[1].sum() == 1.0


def test_an_outer_array_is_kept_as_it_was_read():
    """The inner derivative reads what the array was when it was used, whatever is assigned afterwards."""

    def inner_gradient(w):
        def inner(x):
            B = w * 1.0
            y = np.sum(B * x)
            B[0] = 5.0
            return y

        return vjp(inner, np.array([1.0, 2.0]))[1](1.0)[0]

    w = np.array([3.0, 4.0])
    np.testing.assert_array_equal(jvp(inner_gradient, (w,), (np.ones(2),))[0], w)
    np.testing.assert_array_equal(vectorize(inner_gradient)(w[None]), w[None])
