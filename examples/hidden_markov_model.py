"""The forward pass of a hidden Markov model in log space; its gradient is the forward-backward algorithm.

A chain of hidden states with start probabilities p, transitions A[i, j] and emissions B[i, k]. The forward pass

    log alpha[0, j] = log p[j] + log B[j, x_0]
    log alpha[t, j] = logsumexp_i(log alpha[t-1, i] + log A[i, j]) + log B[j, x_t]

gives log P(x) = logsumexp_j log alpha[n-1, j]. Written as a loop that fills an array, and as `scan`. Its derivatives
by the logarithms of the probabilities are the posterior expected counts: of the first state, of every transition, of
every emission. Nobody has to write the backward pass; here it is written once more, as the check.

Sources: L. R. Rabiner, A Tutorial on Hidden Markov Models (1989), sections III.A and III.C; J. Eisner, Inside-Outside
and Forward-Backward Algorithms Are Just Backprop (2016); R. Durbin, S. Eddy, A. Krogh and G. Mitchison, Biological
Sequence Analysis, chapter 3 (the casino).
"""

import time
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from chainrule import grad, scan, value_and_grad


class Model(NamedTuple):
    """Logarithms of probabilities: of the first state (s,), of transitions (s, s), of emissions (s, symbols)."""

    start: np.ndarray
    transitions: np.ndarray
    emissions: np.ndarray


def log_probability(model: Model, x: np.ndarray) -> float:
    """log P(x), by a loop that fills log alpha of shape (n, s)."""
    alpha = np.empty((len(x), len(model.start)))
    alpha[0] = model.start + model.emissions[:, x[0]]
    for t in range(1, len(x)):
        alpha[t] = logsumexp(alpha[t - 1][:, None] + model.transitions, axis=0) + model.emissions[:, x[t]]
    return logsumexp(alpha[-1])


def log_probability_by_scan(model: Model, x: np.ndarray) -> float:
    """log P(x), as one operation of the graph however long x is."""

    def step(alpha: np.ndarray, emission: np.ndarray) -> tuple[np.ndarray, None]:
        return logsumexp(alpha[:, None] + model.transitions, axis=0) + emission, None

    emissions = model.emissions.T[x]  # one row for each observation, (n, s)
    alpha, _ = scan(step, model.start + emissions[0], emissions[1:])
    return logsumexp(alpha)


def expected_counts(model: Model, x: np.ndarray) -> Model:
    """Posterior expected counts, by the forward and the backward recursion in probabilities (for short x)."""
    p, A, B = (np.exp(part) for part in model)
    n, s = len(x), len(p)
    alpha, beta = np.zeros((n, s)), np.ones((n, s))
    alpha[0] = p * B[:, x[0]]
    for t in range(1, n):
        alpha[t] = alpha[t - 1] @ A * B[:, x[t]]
    for t in range(n - 2, -1, -1):
        beta[t] = A @ (B[:, x[t + 1]] * beta[t + 1])
    total = np.sum(alpha[-1])
    states = alpha * beta / total
    transitions, emissions = np.zeros_like(A), np.zeros_like(B)
    for t in range(n - 1):
        transitions += np.outer(alpha[t], B[:, x[t + 1]] * beta[t + 1]) * A / total
    for t in range(n):
        emissions[:, x[t]] += states[t]
    return Model(states[0], transitions, emissions)


def normalised(counts: Model) -> Model:
    """Logarithms of the probabilities that counts stand for: the M step of L. E. Baum and L. R. Welch."""
    return Model(*(np.log(part / np.sum(part, axis=-1, keepdims=True)) for part in counts))


def dice(n: int, seed: int = 0) -> tuple[Model, np.ndarray]:
    """The dishonest casino: a fair die and a loaded one, which shows a six half of the time; n throws (0 to 5)."""
    fair, loaded = np.full(6, 1 / 6), np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.5])
    model = normalised(Model(np.array([0.5, 0.5]), np.array([[0.95, 0.05], [0.1, 0.9]]), np.stack([fair, loaded])))
    rng = np.random.default_rng(seed)
    throws, state = np.zeros(n, int), 0
    for t in range(n):
        throws[t] = rng.choice(6, p=np.exp(model.emissions[state]))
        state = int(rng.choice(2, p=np.exp(model.transitions[state])))
    return model, throws


def main(n: int = 300, rounds: int = 30) -> None:
    started = time.perf_counter()
    model, x = dice(n)
    counts = grad(log_probability)(model, x)
    print(f"{n} throws of a die that is now and then a loaded one")
    print(
        f"  log probability by a loop {log_probability(model, x):.6f}, by scan {log_probability_by_scan(model, x):.6f}"
    )
    print(f"  expected changes from the fair to the loaded die: {counts.transitions[0, 1]:.4f}")
    print(f"  expected throws of the loaded die: {np.sum(counts.emissions[1]):.4f}, sixes {counts.emissions[1, 5]:.4f}")
    by_scan, reference = grad(log_probability_by_scan)(model, x), expected_counts(model, x)
    for name, found in (("the loop", counts), ("scan", by_scan)):
        error = max(np.max(np.abs(a - b)) for a, b in zip(found, reference, strict=True))
        print(f"  gradient of {name} against forward and backward recursion: largest difference {error:.1e}")

    # Expectation and maximisation: normalised counts are the next model, and the probability never falls.
    model = normalised(Model(np.ones(2), np.array([[0.8, 0.2], [0.2, 0.8]]), np.array([[1.0] * 6, [1.0] * 5 + [2.0]])))
    for _ in range(rounds):
        value, counts = value_and_grad(log_probability_by_scan)(model, x)
        model = normalised(counts)
    print(f"after {rounds} rounds of expectation and maximisation: log probability {value:.4f},")
    print(f"  a six with the loaded die has probability {np.exp(model.emissions[1, 5]):.3f} (made with 0.5)")
    print(f"{time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
