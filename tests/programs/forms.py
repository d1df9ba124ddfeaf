"""The words of the random programs: forms of expressions, and functions that a program may define."""

__all__ = ["BINARY", "HELPERS", "MADE", "UNARY"]

UNARY = [
    "np.sin({})", "np.cos({})", "np.tanh({})", "-({})", "0.5 * ({})", "np.exp(-({}) ** 2)",
    "np.sqrt(1.5 + np.cos({}))", "np.log(2.5 + np.sin({}))", "1 / (1 + ({}) ** 2)", "np.arctan({})",
    "np.log1p(({}) ** 2)", "1 - ({})", "np.exp(np.sin({}))", "np.square(np.sin({}))", "np.abs({})",
    "np.sign({}) * 0.3", "np.hypot({}, 1.0)", "np.sinh(np.sin({}))", "np.clip({}, -1, 1)", "(2 + np.sin({})) ** 1.5",
    "np.expm1(np.cos({}))", "abs({})", "np.asarray({})", "np.minimum(0.8, {})", "2 ** np.sin({})", "np.arcsinh({})",
    "np.round({}, 1)", "np.divide(1.0, 3 + np.cos({}))", "np.nan_to_num({})", "+({})", "np.float64(0.5) * ({})",
]  # fmt: skip

BINARY = [
    "({}) + ({})", "({}) - ({})", "({}) * np.cos({})", "({}) * 0.5 * np.tanh({})", "({}) / (2 + np.sin({}))",
    "np.maximum({}, {})", "np.minimum({}, {})", "np.arctan2({}, 2 + np.cos({}))", "np.logaddexp({}, {}) - 0.7",
    "np.hypot({}, 1 + np.tanh({}) ** 2)", "(2 + np.cos({})) ** np.sin({})", "np.where(({}) > 0.1, 0.4, {})",
    "np.sin(({}) * ({}))", "np.multiply(np.tanh({}), {})", "np.subtract({}, {})", "np.tanh({}) if True else {}",
]  # fmt: skip

#: What some programs import by name.
MADE = [
    "zeros", "ones", "empty", "array", "full", "zeros_like", "ones_like", "asarray", "copy", "linspace", "empty_like",
]  # fmt: skip

_HELPERS = """
def smooth(u):
    v = np.empty_like(u)
    v[0], v[-1] = u[0], u[-1]
    v[1:-1] = 0.5 * (u[:-2] + u[2:])
    return v


def centre(a):
    a -= np.mean(a)
    a /= 1.0 + np.sqrt(1.0 + np.sum(a * a))
    return a


def damp(target, source):
    for k in range(len(target)):
        target[k] = 0.5 * target[k] + 0.25 * np.sin(source[k])


def running(a):
    out = np.zeros(len(a))
    total = 0.0
    for k, row in enumerate(a):
        total = 0.5 * total + np.sum(row)
        out[k] = total
    return out


def swap(a):
    kept = a[0].copy()
    a[0] = a[-1]
    a[-1] = kept


def nested(a):
    def inner(b):
        b[...] = b * 0.5
        return np.sum(b)

    return inner(a[1:]) + inner(a[:1])


def forward(L, b):
    y = np.zeros(len(b))
    for i in range(len(b)):
        y[i] = (b[i] - L[i, :i] @ y[:i]) / (2.0 + L[i, i] ** 2)
    return y


def power(a, n):
    return a if n == 0 else 0.5 * a * np.cos(power(a, n - 1))


def table(a):
    rows = []
    for row in a:
        rows.append([np.sum(row), 0.3, np.max(row)])
    return np.array(rows)


def orthogonal(A):
    Q = A.copy()
    for j in range(Q.shape[1]):
        for i in range(j):
            Q[:, j] -= (Q[:, i] @ Q[:, j]) * Q[:, i]
        Q[:, j] /= np.sqrt(0.5 + Q[:, j] @ Q[:, j])
    return Q


def shift(a, *, by=0.1):
    a += by
    a[..., 0] = by * a[..., -1]
    return a[..., 0]


def split_off(a):
    first, *rest = a
    for part in rest:
        first = first + 0.3 * np.tanh(part)
    return first


def reverse(a):
    b = a[::-1]
    b[0] = np.sin(a[0])
    return b
"""

#: Functions that a program may define: some write into their argument, or return a view of it.
HELPERS = [text.strip("\n") + "\n" for text in _HELPERS.split("\n\n\n")]
