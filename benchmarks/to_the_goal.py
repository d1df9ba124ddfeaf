"""Seconds from the start of training to 98 % of the test digits right, on MNIST with a network 784-100-10.

Relu, softmax with cross-entropy, L2 on the weights, Adam with a rate that falls to 0 as half a cosine over a number
of epochs, float32; after every epoch the test digits are classified. At a steady rate such a network ends beside the
goal, and chance decides when it is reached; with the falling rate nearly every seed gets there. The clock starts when
libraries are imported and digits are read, so that compiling counts, as does what is imported on first use; on disk is
nothing compiled. It stops at the first epoch that reaches the goal. Every run is a process of its own, contestants take
turns, and all start a seed from the same weights.

Where the rate costs nothing, in compiled steps (chainrule, JAX), it falls from step to step. The others (PyTorch,
scikit-learn) are given it anew once an epoch, as it is in the middle of the epoch: in eager Python a schedule for every
step would cost time, and scikit-learn has none. scikit-learn takes no weights to start from; it draws its own.

    python -m benchmarks.to_the_goal FOLDER [--out FOLDER]

FOLDER holds the four files of MNIST.
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

import numpy as np

from benchmarks.machine import print_machine
from benchmarks.results import Result, add_output, show

SIZES = (784, 100, 10)

Digits = tuple[np.ndarray, np.ndarray]
Reached = Callable[[float], bool]
"""Is told the accuracy after every epoch, and says whether that is enough."""
Training = Callable[[Digits, Digits, Reached], None]
"""Trains on the first digits, tests on the second ones after every epoch, and ends when told so."""


@dataclass(frozen=True)
class Plan:
    """How all of them train: rows of a minibatch, first rate, strength of L2, and epochs until the rate is 0."""

    batch: int = 100
    rate: float = 6e-3
    l2: float = 1e-4
    epochs: int = 10

    def middle(self, epoch: int) -> float:
        """Rate in the middle of an epoch, counted from 0."""
        return self.rate * (1 + math.cos(math.pi * (epoch + 0.5) / self.epochs)) / 2


def digits(folder: Path) -> tuple[Digits, Digits]:
    """Images from 0 to 1 with their labels: the training set and the test set."""
    from chainrule.data.files import contents
    from chainrule.data.idx_files import parse_idx

    parts = []
    for part in ("train", "t10k"):
        arrays = []
        for kind in ("images", "labels"):
            (path,) = folder.glob(f"{part}-{kind}*")
            arrays.append(parse_idx(contents(path), str(path)))
        images, labels = arrays
        parts.append((images.reshape(len(images), -1).astype(np.float32) / 255, labels.astype(np.int64)))
    return parts[0], parts[1]


def weights(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [
        ((rng.normal(size=(a, b)) * np.sqrt(2 / a)).astype(np.float32), np.full(b, 0.01, np.float32))
        for a, b in pairwise(SIZES)
    ]


def chainrule(plan: Plan, seed: int) -> Training:
    from chainrule import nn, optim, train

    def run(training: Digits, test: Digits, reached: Reached) -> None:
        (x, labels), (held_out, answers) = training, test
        network = nn.Network.of(SIZES[0], SIZES[1:-1], SIZES[-1], "relu", "softmax")
        start = tuple({"weights": w, "bias": b} for w, b in weights(seed))
        targets = np.eye(SIZES[-1], dtype=np.float32)[labels]
        rate = optim.schedules.cosine(plan.rate, plan.epochs * len(x) // plan.batch)

        def accuracy(state: train.TrainState) -> float:
            outputs, _ = network.apply(state.parameters, state.network_state, held_out)
            return np.mean(outputs.argmax(axis=1) == answers)

        train.fit(
            network,
            start,
            "cross_entropy",
            x,
            targets,
            optimizer=optim.adam(rate),
            regularizers=[nn.L2(plan.l2)],
            epochs=plan.epochs,
            batch_size=plan.batch,
            rng=seed,
            callbacks=[lambda state: reached(accuracy(state))],
        )

    return run


def pytorch(plan: Plan, seed: int) -> Training:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def run(training: Digits, test: Digits, reached: Reached) -> None:
        (x, t), (held_out, answers) = (tuple(map(torch.from_numpy, part)) for part in (training, test))
        order = torch.Generator().manual_seed(seed)
        layers = [torch.nn.Linear(a, b) for a, b in pairwise(SIZES)]
        with torch.no_grad():
            for layer, (w, b) in zip(layers, weights(seed), strict=True):
                layer.weight.copy_(torch.from_numpy(w.T.copy()))
                layer.bias.copy_(torch.from_numpy(b))
        model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
        groups = [
            {"params": [layer.weight for layer in layers], "weight_decay": plan.l2},
            {"params": [layer.bias for layer in layers]},
        ]
        optimizer = torch.optim.Adam(groups, fused=True)
        for epoch in count():
            for group in optimizer.param_groups:
                group["lr"] = plan.middle(epoch)
            for rows in torch.randperm(len(x), generator=order).split(plan.batch):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(x.index_select(0, rows)), t.index_select(0, rows)).backward()
                optimizer.step()
            with torch.no_grad():
                accuracy = float((model(held_out).argmax(dim=1) == answers).float().mean())
            if reached(accuracy):
                return

    return run


def jax(plan: Plan, seed: int) -> Training:
    import jax
    import jax.numpy as jnp

    # Part of the import: until then JAX has not looked for devices.
    jax.devices()
    steps = plan.epochs * 60_000 / plan.batch

    def signals(parameters, x):
        (w1, b1), (w2, b2) = parameters
        return jax.nn.relu(x @ w1 + b1) @ w2 + b2

    def loss(parameters, x, t):
        cost = -jnp.mean(jnp.sum(t * jax.nn.log_softmax(signals(parameters, x)), axis=1))
        return cost + plan.l2 / 2 * sum(jnp.sum(w**2) for w, _ in parameters)

    def step(state, x, t):
        parameters, first, second, count = state
        gradient = jax.grad(loss)(parameters, x, t)
        rate = plan.rate * (1 + jnp.cos(jnp.pi * count / steps)) / 2
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        pace, scale = rate / (1 - 0.9**count), 1 / (1 - 0.999**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - pace * m / (jnp.sqrt(scale * v) + 1e-8), parameters, first, second
        )
        return parameters, first, second, count

    def epoch(state, x, t, order):
        state, _ = jax.lax.scan(lambda state, rows: (step(state, x[rows], t[rows]), None), state, order)
        return state

    def run(training: Digits, test: Digits, reached: Reached) -> None:
        epochs = jax.jit(epoch, donate_argnums=0)
        accuracy = jax.jit(lambda parameters, x, t: jnp.mean(jnp.argmax(signals(parameters, x), axis=1) == t))
        x, t = jnp.asarray(training[0]), jax.nn.one_hot(training[1], SIZES[-1])
        held_out, answers = map(jnp.asarray, test)
        parameters = [tuple(map(jnp.asarray, layer)) for layer in weights(seed)]
        zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        state, order = (parameters, *zeros, jnp.float32(0)), np.random.default_rng(seed)
        while True:
            # The batch sizes divide the 60,000 digits.
            state = epochs(state, x, t, order.permutation(len(x)).astype(np.int32).reshape(-1, plan.batch))
            if reached(float(accuracy(state[0], held_out, answers))):
                return

    return run


def scikit_learn(plan: Plan, seed: int) -> Training:
    """Starts from weights of its own, as it takes none; divides its L2 by the rows of a minibatch."""
    from sklearn.neural_network import MLPClassifier

    def run(training: Digits, test: Digits, reached: Reached) -> None:
        model = MLPClassifier(
            SIZES[1:-1],
            alpha=plan.l2 * plan.batch,
            batch_size=plan.batch,
            learning_rate_init=plan.middle(0),
            random_state=seed,
        )
        for epoch in count():
            if epoch:
                # It has no schedule for Adam, but keeps its optimiser from call to call.
                model._optimizer.learning_rate_init = plan.middle(epoch)
            model.partial_fit(*training, classes=np.arange(SIZES[-1]))
            if reached(model.score(*test)):
                return

    return run


CONTESTANTS = {"chainrule": chainrule, "PyTorch": pytorch, "JAX": jax, "scikit-learn": scikit_learn}


def run(name: str, folder: Path, plan: Plan, seed: int, goal: float) -> None:
    """One contestant in this process; prints seconds, epochs and the accuracy at the end."""
    training, test = digits(folder)
    contestant = CONTESTANTS[name](plan, seed)
    found: list[float] = []

    def reached(accuracy: float) -> bool:
        found.append(accuracy)
        return accuracy >= goal or len(found) == plan.epochs

    begun = time.perf_counter()
    contestant(training, test, reached)
    print(time.perf_counter() - begun, len(found), found[-1])


def measured(name: str, threads: int, options: argparse.Namespace, seed: int) -> tuple[float, int, float]:
    """The same in a process of its own."""
    # NPROC sets the threads of XLA's pool, which has one for each processor otherwise.
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CHAINRULE_THREADS", "NPROC")
    environment = os.environ | {"JAX_PLATFORMS": "cpu"} | dict.fromkeys(names, str(threads))
    settings = {name: getattr(options, name) for name in (*vars(Plan()), "goal")}
    arguments = [f"--{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-m", "benchmarks.to_the_goal", str(options.folder), "--run", name, f"--seed={seed}"]
    # Nobody finds compiled code of an earlier run.
    with tempfile.TemporaryDirectory() as cache:
        environment["CHAINRULE_CACHE_DIR"] = cache
        found = subprocess.run([*command, *arguments], env=environment, check=True, capture_output=True, text=True)
    seconds, epochs, accuracy = found.stdout.split()
    return float(seconds), int(epochs), float(accuracy)


def main() -> None:
    plan = Plan()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the four files of MNIST")
    parser.add_argument("--batch", type=int, default=plan.batch, help=f"a divisor of 60,000 (default {plan.batch})")
    parser.add_argument("--rate", type=float, default=plan.rate, help=f"first rate of Adam (default {plan.rate})")
    parser.add_argument("--l2", type=float, default=plan.l2, help=f"strength of L2 (default {plan.l2})")
    parser.add_argument("--epochs", type=int, default=plan.epochs, help=f"until the rate is 0 (default {plan.epochs})")
    parser.add_argument("--goal", type=float, default=0.98, help="part of the test digits (default 0.98)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each contestant (default 5)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default 1 2)")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--seed", type=int, default=0, help="the first of the seeds (default 0)")
    parser.add_argument("--run", choices=CONTESTANTS, help=argparse.SUPPRESS)
    add_output(parser)
    options = parser.parse_args()
    if options.run:
        plan = Plan(options.batch, options.rate, options.l2, options.epochs)
        run(options.run, options.folder, plan, options.seed, options.goal)
        return
    print_machine("numpy", "scikit-learn", "jax", "torch")
    threads = [k for k in options.threads if k <= (os.cpu_count() or 1)]
    runs: dict[tuple[str, int], list[tuple[float, int, float]]] = {
        (name, k): [] for name in options.contestants for k in threads
    }
    for seed in range(options.seed, options.seed + options.seeds):
        for (name, k), found in runs.items():
            found.append(measured(name, k, options, seed))
            seconds, epochs, accuracy = found[-1]
            print(f"{name} ({k}), seed {seed}: {seconds:.2f} s, {epochs} epochs, {accuracy:.4f}", flush=True)
    rows = []
    for name in options.contestants:
        k = min(threads, key=lambda k: statistics.median(r[0] for r in runs[name, k]))
        found = runs[name, k]
        seconds = [r[0] for r in found]
        reached = sum(r[2] >= options.goal for r in found)
        each = statistics.median(r[0] / r[1] for r in found)
        middle = statistics.median(seconds), min(seconds), max(seconds)
        rows.append([name, k, *middle, statistics.median(r[1] for r in found), each, f"{reached} of {len(found)}"])
    result = Result(
        "to-the-goal",
        f"MNIST, 784-100-10, batch {options.batch}: seconds to {100 * options.goal:g} % of the test digits, "
        f"{options.seeds} seeds; each at its better number of threads",
        ("", "threads", "seconds, median", "fastest", "slowest", "epochs", "seconds an epoch", "reached"),
        rows,
        drawn=("seconds, median", "fastest", "slowest"),
        axis="seconds (less is better)",
        log=False,
    )
    show(result, options.out)


if __name__ == "__main__":
    main()
