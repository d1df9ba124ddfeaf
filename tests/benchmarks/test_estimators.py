"""What is measured of the estimators: the same settings for all, in processes that say what they took."""

import numpy as np
import pytest
from benchmarks.estimators.__main__ import times
from benchmarks.estimators.cases import CASES, SEARCHES
from benchmarks.estimators.contestants import make
from benchmarks.estimators.worker import ask
from sklearn.base import is_regressor

BY_NAME = {case.name: case for case in CASES}


def test_a_process_says_what_fits_took():
    found = {name: ask("fits", name, "wine") for name in ("chainrule", "scikit-learn")}
    assert found["chainrule"]["epochs"] == found["scikit-learn"]["epochs"]
    for seconds in found.values():
        assert min(seconds["later"], seconds["first"]) > 0
    (first, later) = times({"wine": found}, list(found))
    assert first.rows[0][:3] == ["wine", found["chainrule"]["first"], found["scikit-learn"]["first"]]
    assert later.rows[0][3] == found["scikit-learn"]["later"] / found["chainrule"]["later"]


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="MNIST"):
        ask("fits", "chainrule", "MNIST")


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_contestants_have_the_same_settings(name):
    case = BY_NAME[name]
    ours, theirs = (make(contestant, case, 3) for contestant in ("chainrule", "scikit-learn"))
    assert is_regressor(ours) == is_regressor(theirs) == case.regression
    expected = theirs.get_params()
    assert {key: ours.get_params()[key] for key in expected} == expected


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_skorch_learns_the_same(name):
    pytest.importorskip("skorch")
    case = BY_NAME[name]
    X, y, X_test, y_test = case.data(None).split(0)
    ours = make("chainrule", case, 0).fit(X, y)
    other = make("skorch", case, 0, ours.n_iter_).fit(X, y)
    assert abs(other.score(X_test, y_test) - ours.score(X_test, y_test)) < 0.1


def test_splits_follow_from_the_seed():
    data = BY_NAME["wine"].data(None)
    np.testing.assert_array_equal(data.split(1)[0], data.split(1)[0])
    assert not np.array_equal(data.split(1)[0], data.split(2)[0])


def test_a_search_has_twelve_settings_with_several_widths():
    for search in SEARCHES:
        assert np.prod([len(values) for values in search.grid.values()]) == 12
        assert len(search.grid["hidden_layer_sizes"]) == 3
        assert search.case in BY_NAME
