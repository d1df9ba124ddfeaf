"""Functions in the text of recorded code, for operations that have no name in NumPy."""

__all__ = ["HELPERS"]

#: Functions that stand in the text where an operation has no name in NumPy.
HELPERS = {
    "philox": '''
def philox(key, counter, count):
    """The next words of the streams of keys (..., 2) and counters (..., 4)."""
    leading = np.broadcast_shapes(key.shape[:-1], counter.shape[:-1])
    keys = np.broadcast_to(key, (*leading, 2)).reshape(-1, 2)
    counters = np.broadcast_to(counter, (*leading, 4)).reshape(-1, 4)
    words = [np.random.Philox(key=k, counter=c).random_raw(count) for k, c in zip(keys, counters)]
    return np.array(words, np.uint64).reshape(*leading, count)
''',
    "philox_advance": '''
def philox_advance(counter, blocks):
    """Counters (..., 4) after so many blocks: numbers of 256 bits, lowest word first."""
    moved = []
    for words in counter.reshape(-1, 4).tolist():
        number = sum(word << 64 * k for k, word in enumerate(words)) + blocks
        moved.append([number >> 64 * k & 2**64 - 1 for k in range(4)])
    return np.array(moved, np.uint64).reshape(counter.shape)
''',
    "permutation_of_pivots": '''
def permutation_of_pivots(piv, rows):
    """The order of rows after row k was exchanged with row piv[k], for k = 0, 1, ..."""
    orders = np.tile(np.arange(rows), (*piv.shape[:-1], 1))
    for place in np.ndindex(*piv.shape[:-1]):
        for k, other in enumerate(piv[place]):
            orders[place][[k, other]] = orders[place][[other, k]]
    return orders
''',
    "cholesky_pullback": '''
def cholesky_pullback(l, g):
    """The derivative by matrices (..., n, n) from that by their Cholesky factors l."""
    inner = np.tril(l.mT @ g)
    inner = inner - 0.5 * np.eye(l.shape[-1], dtype=l.dtype) * inner
    found = np.linalg.solve(l.mT, np.linalg.solve(l.mT, inner).mT)
    return 0.5 * (found + found.mT)
''',
    "cofactors": '''
def cofactors(x):
    """For each entry of square matrices (..., n, n) the derivative of the determinant by it."""
    u, s, v = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(axis=-1)
    turns = np.linalg.det(u) * np.linalg.det(v)
    return turns[..., None, None] * (np.conjugate(u) * others[..., None, :]) @ np.conjugate(v)
''',
    "by_shapes": """
def by_shapes(name, i, j, *args):
    '''gammainc and stdtr i times differentiated by their shape, betainc i times by a and j times by b.

    It is the integral of a derivative of the density, by a rule whose points crowd at the limit.
    '''
    *shapes, x = np.broadcast_arrays(*(np.asarray(arg, float)[..., None] for arg in args))
    w = np.arange(-5, 5, 1 / 64)
    distance = np.exp(w - np.exp(-w))
    gammaln, psi = scipy.special.gammaln, scipy.special.polygamma
    (a, b), orders = (shapes * 2)[:2], range(1, i + j + 1)
    if name == "gammainc":
        u = np.log(x) - distance
        log = a * u - np.exp(u) - gammaln(a)
        slopes = {(k, 0): (k == 1) * u - psi(k - 1, a) for k in orders}
    elif name == "betainc":
        u = np.log(x / (1 - x)) - distance
        log_t, log_rest = -np.logaddexp(0, -u), -np.logaddexp(0, u)
        log = a * log_t + b * log_rest - scipy.special.betaln(a, b)
        slopes = {(k, m - k): psi(m - 1, a + b) for m in orders for k in range(m + 1)}
        for k in orders:
            slopes[k, 0] = slopes[k, 0] - psi(k - 1, a) + (k == 1) * log_t
            slopes[0, k] = slopes[0, k] - psi(k - 1, b) + (k == 1) * log_rest
    else:
        u = np.arcsinh(x / np.sqrt(a)) - distance
        square = a * np.sinh(u) ** 2
        log = gammaln(a / 2 + 0.5) - gammaln(a / 2) - 0.5 * np.log(np.pi) - a * np.log(np.cosh(u))
        parts = [np.log1p(square / a)]
        slopes = {}
        for k in orders:
            sign = (-1) ** (k - 1) * scipy.special.gamma(k)
            parts.append(sign * ((a + square) ** -k - a**-k))
            slopes[k, 0] = 0.5**k * (psi(k - 1, a / 2 + 0.5) - psi(k - 1, a / 2)) - 0.5 * sign * a**-k
            slopes[k, 0] = slopes[k, 0] - 0.5 * (a + 1) * parts[k] - 0.5 * k * parts[k - 1]
    factors = {}
    for k in range(i + 1):
        for m in range(j + 1):
            one, two = (k - 1, m) if k else (0, m - 1)
            factors[k, m] = 1.0 if k == m == 0 else sum(
                scipy.special.binom(one, p) * scipy.special.binom(two, q)
                * slopes[p + (k > 0), q + (k == 0)] * factors[one - p, two - q]
                for p in range(one + 1) for q in range(two + 1)
            )
    return np.sum(np.exp(log) * factors[i, j] * distance * (1 + np.exp(-w)) / 64, axis=-1)
""",
    "elliptic_integral": '''
def elliptic_integral(b, c, x, m):
    """The integral of sin^(2 b) (1 - m sin^2)^-c from 0 to x, by a rule whose points crowd at both ends."""
    dtype, w = np.result_type(b, c, x, m), np.arange(-3.2, 3.2, 1 / 64)
    share = 1 / (1 + np.exp(-np.pi * np.sinh(w)))
    weight = np.pi * np.cosh(w) * share * (1 - share) / 64
    b, c, x, m = (np.asarray(arg)[..., None] for arg in (b, c, x, m))
    square = np.sin(x * share) ** 2
    return np.sum(x * weight * square**b * (1 - m * square) ** -c, axis=-1).astype(dtype)
''',
}
