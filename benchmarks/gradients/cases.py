"""The objectives and sizes that are measured."""

from benchmarks.gradients.gaussian_process import GAUSSIAN_PROCESS
from benchmarks.gradients.gmm import GMM
from benchmarks.gradients.k_means import K_MEANS
from benchmarks.gradients.kalman import KALMAN
from benchmarks.gradients.log_sum_exp import LOG_SUM_EXP
from benchmarks.gradients.logistic import LOGISTIC
from benchmarks.gradients.lstm import LSTM
from benchmarks.gradients.objective import Case
from benchmarks.gradients.rk4 import RK4
from benchmarks.gradients.rosenbrock import ROSENBROCK
from benchmarks.gradients.systems import SYSTEMS

__all__ = ["CASES", "QUICK"]

MIXTURES = ((2, 5), (2, 25), (10, 5), (10, 25), (10, 100), (20, 50), (32, 25), (64, 5), (64, 25), (64, 100))

CASES = (
    *(Case(f"GMM, d {d}, k {k}", GMM, (d, k)) for d, k in MIXTURES),
    Case("LSTM, 2 layers, 10 characters, Python loop", LSTM, (2, 10)),
    Case("LSTM, 2 layers, 1,024 characters", LSTM, (2, 1024), scan=True),
    Case("LSTM, 4 layers, 1,024 characters", LSTM, (4, 1024), scan=True),
    *(Case(f"Rosenbrock, {n:,}", ROSENBROCK, (n,)) for n in (10, 1_000, 100_000)),
    Case("logistic regression, 500 x 20", LOGISTIC, (500, 20)),
    Case("logistic regression, 2,000 x 500", LOGISTIC, (2_000, 500)),
    *(Case(f"log-sum-exp, {n:,}", LOG_SUM_EXP, (n,)) for n in (1_000, 1_000_000)),
    Case("RK4, 5 steps, Python loop", RK4, (5,)),
    *(Case(f"RK4, {n:,} steps", RK4, (n,), scan=True) for n in (100, 1_000)),
    Case("k-means, Newton, 1,000 x 10, k 5", K_MEANS, (1_000, 5, 10)),
    Case("k-means, Newton, 10,000 x 10, k 100", K_MEANS, (10_000, 100, 10)),
    *(
        Case(f"Kalman filter, {n} states, {k} observed, 200 steps", KALMAN, (n, k, 200), scan=True)
        for n, k in ((2, 1), (4, 2), (8, 4))
    ),
    *(Case(f"Gaussian process, {n} points", GAUSSIAN_PROCESS, (n,)) for n in (20, 100, 500)),
    *(Case(f"1,000 systems, {n} x {n}", SYSTEMS, (1_000, n)) for n in (4, 8)),
)

#: Small ones, of which each takes milliseconds.
QUICK = tuple(
    case
    for case in CASES
    if case.name
    in (
        "GMM, d 2, k 5",
        "GMM, d 10, k 5",
        "LSTM, 2 layers, 10 characters, Python loop",
        "Rosenbrock, 1,000",
        "logistic regression, 500 x 20",
        "log-sum-exp, 1,000",
        "RK4, 100 steps",
        "k-means, Newton, 1,000 x 10, k 5",
        "Kalman filter, 4 states, 2 observed, 200 steps",
        "Gaussian process, 100 points",
        "1,000 systems, 4 x 4",
    )
)
