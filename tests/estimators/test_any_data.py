"""Whatever the data are: a model with finite outputs, or a ValueError."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.estimators import MLPClassifier, MLPRegressor


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60)
@given(data=st.data())
def test_finite_outputs_or_a_value_error(data):
    n = data.draw(st.sampled_from([1, 2, 3, 17]), "examples")
    scale = data.draw(st.sampled_from([0.0, 1e-300, 1e-30, 1.0, 1e8, 1e38, 1e300, np.nan]), "size of the inputs")
    dtype = data.draw(st.sampled_from([np.float32, np.float64]), "dtype")
    kind = data.draw(st.sampled_from([MLPClassifier, MLPRegressor]), "kind")
    parameters = data.draw(
        st.fixed_dictionaries(
            {
                "solver": st.sampled_from(["adam", "sgd", "lbfgs"]),
                "early_stopping": st.booleans(),
                "batch_size": st.sampled_from(["auto", 2]),
                "alpha": st.sampled_from([0.0, 1.0, 1e30]),
            }
        ),
        "parameters",
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 99), "seed"))
    with np.errstate(all="ignore"):
        X = (rng.normal(size=(n, 2)) * scale).astype(dtype)
    X[:, 1] = X[0, 1]
    y = rng.integers(0, 2, n) if kind is MLPClassifier else rng.normal(size=n) * scale
    weights = np.abs(rng.normal(size=n)) * (rng.random(n) < 0.7) if data.draw(st.booleans(), "weights") else None
    model = kind(hidden_layer_sizes=(3,), max_iter=5, random_state=0, **parameters)
    try:
        model.fit(X, y, weights)
    except ValueError:
        return
    assert np.isfinite(model.predict(X)).all()
    assert all(np.isfinite(array).all() for array in (*model.coefs_, *model.intercepts_))
    assert np.isfinite(model.loss_)
