"""Seconds from the start of training to 98 % of the test digits right, on MNIST with a network 784-100-10.

Relu, softmax with cross-entropy, Adam at a steady rate, float32; after every epoch the test digits are classified. Such
a network ends near the goal, so that the epoch that reaches it is a matter of chance: run several seeds. The clock
starts when libraries are imported and digits are read, so that compiling counts; it stops at the first epoch that
reaches the goal. Every run is a process of its own, contestants take turns, and all start a seed from the same weights,
but for scikit-learn, which takes none.

    python -m benchmarks.to_the_goal FOLDER

FOLDER holds the four files of MNIST.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import print_machine

SIZES = (784, 100, 10)

Digits = tuple[np.ndarray, np.ndarray]
Reached = Callable[[float], bool]
"""Is told the accuracy after every epoch, and says whether that is enough."""
Training = Callable[[Digits, Digits, Reached], None]
"""Trains on the first digits, tests on the second ones after every epoch, and ends when told so."""


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


def chainrule(batch: int, rate: float, seed: int) -> Training:
    from chainrule import nn, optim, train

    def run(training: Digits, test: Digits, reached: Reached) -> None:
        (x, labels), (held_out, answers) = training, test
        network = nn.Network.of(SIZES[0], SIZES[1:-1], SIZES[-1], "relu", "softmax")
        start = tuple({"weights": w, "bias": b} for w, b in weights(seed))
        targets, adam = np.eye(SIZES[-1], dtype=np.float32)[labels], optim.adam(rate)

        def accuracy(state: train.TrainState) -> float:
            outputs, _ = network.apply(state.parameters, state.network_state, held_out)
            return np.mean(outputs.argmax(axis=1) == answers)

        train.fit(
            network,
            start,
            "cross_entropy",
            x,
            targets,
            optimizer=adam,
            epochs=10**9,
            batch_size=batch,
            rng=seed,
            callbacks=[lambda state: reached(accuracy(state))],
        )

    return run


def pytorch(batch: int, rate: float, seed: int) -> Training:
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
        optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
        while True:
            for rows in torch.randperm(len(x), generator=order).split(batch):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(x.index_select(0, rows)), t.index_select(0, rows)).backward()
                optimizer.step()
            with torch.no_grad():
                accuracy = float((model(held_out).argmax(dim=1) == answers).float().mean())
            if reached(accuracy):
                return

    return run


def jax(batch: int, rate: float, seed: int) -> Training:
    import jax
    import jax.numpy as jnp

    # Part of the import: until then JAX has not looked for devices.
    jax.devices()

    def signals(parameters, x):
        (w1, b1), (w2, b2) = parameters
        return jax.nn.relu(x @ w1 + b1) @ w2 + b2

    def loss(parameters, x, t):
        return -jnp.mean(jnp.sum(t * jax.nn.log_softmax(signals(parameters, x)), axis=1))

    def step(state, x, t):
        parameters, first, second, count = state
        gradient = jax.grad(loss)(parameters, x, t)
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
            state = epochs(state, x, t, order.permutation(len(x)).astype(np.int32).reshape(-1, batch))
            if reached(float(accuracy(state[0], held_out, answers))):
                return

    return run


def scikit_learn(batch: int, rate: float, seed: int) -> Training:
    """Starts from weights of its own, as it takes none."""
    from sklearn.neural_network import MLPClassifier

    def run(training: Digits, test: Digits, reached: Reached) -> None:
        model = MLPClassifier(SIZES[1:-1], alpha=0.0, batch_size=batch, learning_rate_init=rate, random_state=seed)
        while True:
            model.partial_fit(*training, classes=np.arange(SIZES[-1]))
            if reached(model.score(*test)):
                return

    return run


CONTESTANTS = {"chainrule": chainrule, "PyTorch": pytorch, "JAX": jax, "scikit-learn": scikit_learn}


def run(name: str, folder: Path, batch: int, rate: float, seed: int, goal: float, most: int) -> None:
    """One contestant in this process; prints seconds, epochs and the accuracy at the end."""
    training, test = digits(folder)
    contestant = CONTESTANTS[name](batch, rate, seed)
    found: list[float] = []

    def reached(accuracy: float) -> bool:
        found.append(accuracy)
        return accuracy >= goal or len(found) == most

    begun = time.perf_counter()
    contestant(training, test, reached)
    print(time.perf_counter() - begun, len(found), found[-1])


def measured(name: str, threads: int, options: argparse.Namespace, seed: int) -> tuple[float, int, float]:
    """The same in a process of its own."""
    # NPROC sets the threads of XLA's pool, which has one for each processor otherwise.
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CHAINRULE_THREADS", "NPROC")
    environment = os.environ | {"JAX_PLATFORMS": "cpu"} | dict.fromkeys(names, str(threads))
    settings = {
        "batch": options.batch,
        "rate": options.rate,
        "seed": seed,
        "goal": options.goal,
        "epochs": options.epochs,
    }
    arguments = [f"--{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-m", "benchmarks.to_the_goal", str(options.folder), "--run", name, *arguments]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split()
    return float(found[0]), int(found[1]), float(found[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the four files of MNIST")
    parser.add_argument("--batch", type=int, default=32, help="a divisor of 60,000 (default 32)")
    parser.add_argument("--rate", type=float, default=1e-3, help="rate of Adam (default 0.001)")
    parser.add_argument("--goal", type=float, default=0.98, help="part of the test digits (default 0.98)")
    parser.add_argument("--epochs", type=int, default=30, help="give up after so many (default 30)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each contestant (default 5)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default 1 2)")
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--run", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(options.run, options.folder, options.batch, options.rate, options.seed, options.goal, options.epochs)
        return
    print_machine("numpy", "scikit-learn", "jax", "torch")
    keys = [(name, threads) for name in options.contestants for threads in options.threads]
    runs: dict[tuple[str, int], list[tuple[float, int, float]]] = {key: [] for key in keys}
    for seed in range(options.seeds):
        for (name, threads), found in runs.items():
            found.append(measured(name, threads, options, seed))
            seconds, epochs, accuracy = found[-1]
            print(
                f"{name}, {threads} threads, seed {seed}: {seconds:.2f} s, {epochs} epochs, {accuracy:.4f}", flush=True
            )
    table = Table("", "threads", "seconds", "epochs", "seconds an epoch", "reached")
    table.title = f"MNIST, 784-100-10, batch {options.batch}: medians to {options.goal:.1%} of the test digits"
    for name in options.contestants:
        threads = min(options.threads, key=lambda k: statistics.median(r[0] for r in runs[name, k]))
        found = runs[name, threads]
        seconds, epochs, each = (
            statistics.median(values)
            for values in ((r[0] for r in found), (r[1] for r in found), (r[0] / r[1] for r in found))
        )
        reached = sum(r[2] >= options.goal for r in found)
        table.add_row(name, str(threads), f"{seconds:.2f}", f"{epochs:g}", f"{each:.2f}", f"{reached} of {len(found)}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
