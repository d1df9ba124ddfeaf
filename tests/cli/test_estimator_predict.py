"""`chainrule predict` with estimators in files."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from chainrule.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def numbers(found):
    return np.array(found, dtype=float)


@pytest.fixture
def flats(folder):
    """A data frame with a categorical column, also as flats.csv with the columns turned round and one more."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"area": rng.normal(size=80), "age": rng.normal(size=80), "town": rng.choice(["A", "B"], 80)})
    frame.assign(note=1)[["note", "town", "age", "area"]].to_csv("flats.csv", index=False)
    return frame


def test_numbers(run, flats):
    X = flats[["area", "age"]]
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=20).fit(X, flats["area"] * 2)
    model.save("model.safetensors")
    ran = run("predict", "model.safetensors", "flats.csv")
    assert ran.code == 0
    head, *found = rows(ran.out)
    assert head == ["prediction"]
    np.testing.assert_allclose(numbers(found)[:, 0], model.predict(X), rtol=1e-14)
    assert ran.err == "note: columns ignored, because they were not there in the fit: note, town\n"


def test_labels_with_probabilities_and_categories(run, flats):
    y = np.where(flats["town"] == "A", "yes", "no")
    model = MLPClassifier((4,), categorical_features="from_dtype", random_state=0, max_iter=50).fit(flats, y)
    model.save("model.safetensors")
    ran = run("predict", "model.safetensors", "flats.csv", "--probabilities")
    assert ran.code == 0
    head, *found = rows(ran.out)
    assert head == ["prediction", "prediction=no", "prediction=yes"]
    assert [row[0] for row in found] == model.predict(flats).tolist()
    np.testing.assert_allclose(numbers([row[1:] for row in found]), model.predict_proba(flats), rtol=1e-14)


def test_categories_of_other_types(run, flats):
    frame = flats[["area"]].assign(zone=(flats["age"] > 0).map({True: 2, False: 7}), new=flats["age"] > 0.5)
    model = MLPRegressor(hidden_layer_sizes=(4,), categorical_features=["zone", "new"], random_state=0, max_iter=20)
    model.fit(frame, frame["zone"]).save("model.safetensors")
    frame.to_csv("zones.csv", index=False)
    ran = run("predict", "model.safetensors", "zones.csv")
    assert (ran.code, ran.err) == (0, "")
    np.testing.assert_allclose(numbers(rows(ran.out)[1:])[:, 0], model.predict(frame), rtol=1e-14)


def test_several_outputs(run, flats):
    X = flats[["area", "age"]]
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=5).fit(X, X)
    model.save("numbers.safetensors")
    ran = run("predict", "numbers.safetensors", "flats.csv")
    assert rows(ran.out)[0] == ["prediction 0", "prediction 1"]
    model = MLPClassifier((4,), random_state=0, max_iter=5).fit(X, np.asarray(X > 0, int))
    model.save("labels.safetensors")
    ran = run("predict", "labels.safetensors", "flats.csv", "--probabilities")
    head, *found = rows(ran.out)
    assert head == ["prediction 0", "prediction 1", "prediction 0=1", "prediction 1=1"]
    np.testing.assert_allclose(numbers(found), np.hstack([model.predict(X), model.predict_proba(X)]), rtol=1e-14)


def test_unknown_categories_are_reported(run, flats):
    model = MLPRegressor(hidden_layer_sizes=(4,), categorical_features="from_dtype", random_state=0, max_iter=5)
    model.fit(flats, flats["age"]).save("model.safetensors")
    flats.replace("B", "C").to_csv("new.csv", index=False)
    ran = run("predict", "model.safetensors", "new.csv")
    assert ran.code == 0
    assert "note: column 'town' has unknown categories, which count as missing: 'C'" in ran.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area\n1\n", "age"),
        ("area,age\n1,2\n,3\n", "column 'area' lacks 1 number"),
        ("area,age\n1,x\n2,y\n", "column 'age' holds text"),
    ],
)
def test_what_cannot_be_used_is_named(run, flats, folder, text, message):
    MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=5).fit(flats[["area", "age"]], flats["age"]).save(
        "model.safetensors"
    )
    (folder / "new.csv").write_text(text)
    ran = run("predict", "model.safetensors", "new.csv")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_plain_arrays_and_numbers_are_refused(run, flats):
    X = flats[["area", "age"]]
    MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=5).fit(X.to_numpy(), flats["age"]).save("a")
    ran = run("predict", "a", "flats.csv")
    assert ran.code == 2
    assert "does not know the columns of a file" in ran.err
    MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=5).fit(X, flats["age"]).save("b")
    ran = run("predict", "b", "flats.csv", "--probabilities")
    assert ran.code == 2
    assert "no probabilities" in ran.err
