"""The contestants that chainrule is measured against: the program in C, JAX, PyTorch and scikit-learn.

Each imports its library when it is made, in a process whose environment sets the number of threads.
"""

import math
import os
import time
import warnings

import numpy as np

from benchmarks.training.contestant import Contestant, Unable
from benchmarks.training.networks import Case

__all__ = ["c", "jax", "pytorch", "scikit_learn"]


def c(case: Case, threads: int) -> Contestant:
    """The program in C, an epoch in a call."""
    from benchmarks.training.reference import Reference

    # Threads of OpenMP that wait busily take the processors from those of OpenBLAS.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    data = case.data()
    reference = Reference(case, case.parameters(), threads)
    targets = (data.targets if data.labels is None else data.labels).astype(
        np.float32 if data.labels is None else np.int32
    )

    def train(steps: int) -> tuple[int, float]:
        epochs = math.ceil(steps / case.steps)
        begun = time.perf_counter()
        for _ in range(epochs):
            reference.train(data.inputs, targets, data.order)
        return epochs * case.steps, time.perf_counter() - begun

    return train


def jax(case: Case, threads: int) -> Contestant:
    """JAX, a whole epoch under `scan` in one jitted call that writes over its state."""
    import jax
    import jax.numpy as jnp

    data = case.data()
    hidden = {"relu": jax.nn.relu, "tanh": jnp.tanh}[case.hidden]

    def loss(parameters, x, t):
        for weights, bias in parameters[:-1]:
            x = hidden(x @ weights + bias)
        z = x @ parameters[-1][0] + parameters[-1][1]
        if case.output == "softmax":
            return -jnp.mean(jnp.sum(t * jax.nn.log_softmax(z), axis=1))
        if case.output == "sigmoid":
            return jnp.mean(jnp.sum(jax.nn.softplus(z) - t * z, axis=1))
        return jnp.mean(jnp.sum((z - t) ** 2, axis=1))

    def step(state, x, t):
        parameters, first, second, count = state
        value, gradient = jax.value_and_grad(loss)(parameters, x, t)
        count = count + 1
        if case.optimizer == "sgd":
            return (jax.tree.map(lambda p, g: p - case.rate * g, parameters, gradient), first, second, count), value
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        rate, scale = case.rate / (1 - 0.9**count), 1 / (1 - 0.999**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(scale * v) + 1e-8), parameters, first, second
        )
        return (parameters, first, second, count), value

    # Where all examples make one step, enough steps go into a call that the call itself does not count.
    repeated = 20 if case.whole else 1

    def epoch(state, x, t, order):
        if case.whole:
            return jax.lax.scan(lambda state, _: step(state, x, t), state, length=repeated)
        return jax.lax.scan(lambda state, rows: step(state, x[rows], t[rows]), state, order)

    run = jax.jit(epoch, donate_argnums=0)
    x, t = jnp.asarray(data.inputs), jnp.asarray(data.targets)
    order = jnp.asarray(data.order.reshape(-1, case.batch), jnp.int32)
    parameters = [(jnp.asarray(weights), jnp.asarray(bias)) for weights, bias in case.parameters()]
    # Two, because a buffer that is given away cannot be given twice.
    zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
    state = (parameters, *zeros, jnp.float32(0))

    def train(steps: int) -> tuple[int, float]:
        nonlocal state
        calls = math.ceil(steps / (case.steps * repeated))
        begun = time.perf_counter()
        for _ in range(calls):
            state, values = run(state, x, t, order)
        jax.block_until_ready((state, values))
        return calls * case.steps * repeated, time.perf_counter() - begun

    return train


def pytorch(case: Case, threads: int) -> Contestant:
    """PyTorch's eager mode, with the fused Adam."""
    import torch

    torch.set_num_threads(threads)
    data = case.data()
    hidden = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[case.hidden]
    layers: list[torch.nn.Module] = []
    for weights, bias in case.parameters():
        dense = torch.nn.Linear(*weights.shape)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(weights.T.copy()))
            dense.bias.copy_(torch.from_numpy(bias))
        layers += [dense, hidden()]
    model = torch.nn.Sequential(*layers[:-1])
    if case.optimizer == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), lr=case.rate, fused=True)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=case.rate, fused=True)
    functions = torch.nn.functional
    loss = {
        "softmax": functions.cross_entropy,
        "sigmoid": functions.binary_cross_entropy_with_logits,
        "identity": functions.mse_loss,
    }[case.output]
    x = torch.from_numpy(data.inputs)
    t = torch.from_numpy(data.targets if data.labels is None else data.labels)
    batches = torch.from_numpy(data.order).split(case.batch)

    def train(steps: int) -> tuple[int, float]:
        begun = time.perf_counter()
        for k in range(steps):
            rows = batches[k % len(batches)]
            inputs, targets = (x, t) if case.whole else (x.index_select(0, rows), t.index_select(0, rows))
            optimizer.zero_grad()
            loss(model(inputs), targets).backward()
            optimizer.step()
        return steps, time.perf_counter() - begun

    return train


def scikit_learn(case: Case, threads: int) -> Contestant:
    """scikit-learn's multilayer perceptron, whole epochs by its own loop, in an order that it draws."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if math.prod(case.sizes) > 10**12:
        raise Unable("too slow for a turn")
    data = case.data()
    targets = data.targets.ravel() if case.output == "sigmoid" else data.labels
    make, targets = (MLPRegressor, data.targets) if case.output == "identity" else (MLPClassifier, targets)
    warnings.simplefilter("ignore", ConvergenceWarning)
    model = make(
        hidden_layer_sizes=case.sizes[1:-1],
        activation=case.hidden,
        solver=case.optimizer,
        alpha=0.0,
        batch_size=case.batch,
        learning_rate_init=case.rate,
        momentum=0.0,
        nesterovs_momentum=False,
        n_iter_no_change=10**9,
        random_state=0,
        warm_start=True,
    )

    def train(steps: int) -> tuple[int, float]:
        model.max_iter = math.ceil(steps / case.steps)
        begun = time.perf_counter()
        model.fit(data.inputs, targets)
        return model.max_iter * case.steps, time.perf_counter() - begun

    return train
