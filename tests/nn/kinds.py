"""Small networks with a layer of every kind, and inputs for them."""

import numpy as np

from chainrule.nn import BatchNorm, Dense, Dropout, Embedding, LayerNorm, Network, Residual

NETWORKS = {
    "dense": Network(3, (Dense(4, "prelu"), Dense(2, "identity"))),
    "batch norm": Network(3, (Dense(4, "identity"), BatchNorm("tanh"), Dense(2, "identity"))),
    "batch norm first, with slopes": Network(3, (BatchNorm(), Dense(4, "identity"), BatchNorm("prelu"), Dense(2))),
    "batch norm last": Network(3, (Dense(2, "identity"), BatchNorm("softmax", momentum=0.5))),
    "layer norm": Network(3, (Dense(4, "identity"), LayerNorm("tanh"), Dense(2, "identity"))),
    "layer norm last": Network(3, (Dense(2, "identity"), LayerNorm("softmax"))),
    "dropout": Network(3, (Dropout(0.2), Dense(6, "tanh"), Dropout(0.5), Dense(2, "identity"))),
    "dropout last": Network(3, (Dense(6, "tanh"), Dropout(0.5))),
    "residual": Network(3, (Residual((Dense(5, "tanh"), Dense(3, "identity")), "tanh"), Dense(2, "identity"))),
    "residual inside another": Network(
        3, (Dense(4), Residual((Dense(4), Residual((Dense(2), Dropout(0.5), Dense(4))), BatchNorm("prelu"))), Dense(2))
    ),
    "residual last": Network(3, (Dense(2), Residual((Dense(2),), "softmax"))),
    "embedding": Network(3, (Embedding((5, 2), (3, 2)), Dense(2, "tanh"))),
    "embedding alone": Network(2, (Embedding((5, 2), (3, 1)),)),
    "all": Network(
        4,
        (
            Embedding((5,), (2,)),
            Residual((Dense(6, "identity"), BatchNorm("tanh"), Dropout(0.3), Dense(5, "identity"))),
            LayerNorm("gelu"),
            Dense(2, "softmax"),
        ),
    ),
}
#: Those whose examples do not depend on each other in training.
SEPARATE = [name for name, network in NETWORKS.items() if not any(network.state_shapes())]


def made(name, examples=6, dtype=np.float64, seed=0):
    """The network of a name with parameters, a state and inputs that are none of them special."""
    network, rng = NETWORKS[name], np.random.default_rng(seed)
    parameters = tuple(
        {key: (value + 0.3 * rng.normal(size=value.shape)).astype(dtype) for key, value in layer.items()}
        for layer in network.initialize(rng, dtype)
    )
    state = tuple(
        {key: (value + rng.uniform(0, 0.5, value.shape)).astype(dtype) for key, value in layer.items()}
        for layer in network.initial_state(dtype)
    )
    x = rng.normal(size=(examples, network.inputs)).astype(dtype)
    first = network.places[0].layer
    for column, count in enumerate(getattr(first, "categories", ())):
        x[:, column] = rng.integers(0, count, examples)
    return network, parameters, state, x
