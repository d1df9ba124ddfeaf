"""What is trained: networks, optimisers and batches; and the numbers they are trained on."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

__all__ = ["LARGE", "NETWORKS", "Case", "Data"]


@dataclass(frozen=True)
class Data:
    """Examples in the forms that libraries want: labels are of class numbers, targets of one number an output."""

    inputs: np.ndarray
    targets: np.ndarray
    labels: np.ndarray | None
    order: np.ndarray


@dataclass(frozen=True)
class Case:
    """A network and how it is trained."""

    name: str
    sizes: tuple[int, ...]
    hidden: Literal["relu", "tanh"]
    output: Literal["softmax", "sigmoid", "identity"]
    batch: int
    examples: int
    optimizer: Literal["adam", "sgd"] = "adam"
    rate: float = 1e-3

    @property
    def loss(self) -> str:
        return {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy", "identity": "squared"}[self.output]

    @property
    def steps(self) -> int:
        """Steps of an epoch; no minibatch is smaller than the others."""
        assert self.examples % self.batch == 0
        return self.examples // self.batch

    @property
    def whole(self) -> bool:
        """Whether all examples make one step, so that none are gathered."""
        return self.batch == self.examples

    def data(self, seed: int = 0) -> Data:
        rng = np.random.default_rng(seed)
        inputs = rng.normal(size=(self.examples, self.sizes[0])).astype(np.float32)
        outputs, labels = self.sizes[-1], None
        if self.output == "softmax":
            labels = rng.integers(outputs, size=self.examples)
            targets = np.eye(outputs, dtype=np.float32)[labels]
        elif self.output == "sigmoid":
            targets = rng.integers(2, size=(self.examples, outputs)).astype(np.float32)
        else:
            targets = rng.normal(size=(self.examples, outputs)).astype(np.float32)
        order = np.arange(self.examples) if self.whole else rng.permutation(self.examples)
        return Data(inputs, targets, labels, order)

    def parameters(self, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights (inputs, outputs) and bias of each layer, from which every contestant starts."""
        rng = np.random.default_rng(seed)
        return [
            (
                (rng.normal(size=(inputs, outputs)) * np.sqrt(2 / inputs)).astype(np.float32),
                np.full(outputs, 0.01, np.float32),
            )
            for inputs, outputs in pairwise(self.sizes)
        ]


NETWORKS = {
    case.name: case
    for case in (
        Case("2-10-1 tanh, SGD (1)", (2, 10, 1), "tanh", "sigmoid", 1, 10_000, "sgd", 0.01),
        Case("4-16-3 (32)", (4, 16, 3), "relu", "softmax", 32, 8_192),
        Case("64-100-10 (32)", (64, 100, 10), "relu", "softmax", 32, 8_192),
        Case("64-100-10 (200)", (64, 100, 10), "relu", "softmax", 200, 10_000),
        Case("784-100-10 (32)", (784, 100, 10), "relu", "softmax", 32, 16_384),
        Case("784-512-512-10 (128)", (784, 512, 512, 10), "relu", "softmax", 128, 16_384),
        # The example that SimpleChains.jl publishes.
        Case("4-32-16-4 tanh, all 10,000", (4, 32, 16, 4), "tanh", "identity", 10_000, 10_000),
        Case("1024-4096-4096-1024 (1024)", (1024, 4096, 4096, 1024), "relu", "softmax", 1_024, 2_048),
    )
}

#: Takes seconds a step, and is left out unless asked for.
LARGE = "1024-4096-4096-1024 (1024)"
