"""Real files as found in practice, where they are at hand: beside the repository, in shared/data."""

from pathlib import Path

import numpy as np
import pytest

from chainrule.data import leaks, prepare, read, split
from chainrule.errors import DataError

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real files are not here")


def dataset(name, target):
    return read(DATA / "tables" / f"{name}.csv", target)


def prepared(name, target, **options):
    table = dataset(name, target).table
    preparation = prepare(table, target, **options)
    features, targets = preparation.inputs(table), preparation.targets(table)
    assert np.all(np.isfinite(features))
    assert np.all(np.isfinite(targets))
    assert features.shape == (len(table), len(preparation.feature_names))
    return preparation, table


def test_penguins():
    with pytest.raises(DataError) as caught:
        prepared("penguins", "species")
    assert str(caught.value).endswith(
        "penguins.csv: values are missing in the input columns bill_length_mm (2), bill_depth_mm (2), "
        "flipper_length_mm (2), body_mass_g (2), sex (11); train with --impute (impute=True) "
        "to fill in the mean or the most frequent text, or remove these rows or columns"
    )
    preparation, table = prepared("penguins", "species", impute=True)
    assert preparation.classes == ("Adelie", "Chinstrap", "Gentoo")
    assert preparation.notes == ()
    assert leaks(table, ["species"]) == ()


def test_titanic():
    preparation, table = prepared("titanic", "survived", impute=True)
    assert preparation.classes == ("0", "1")
    assert [leak.column for leak in leaks(table, ["survived"])] == ["alive"]
    assert [leak.column for leak in leaks(table, ["pclass"])] == ["class"]
    assert leaks(table.without(["alive"]), ["survived"]) == ()
    assert "column 'deck': 688 missing values filled with 'C'" in preparation.report(table)


def test_mpg():
    with pytest.raises(DataError, match=r"input columns horsepower \(6\); train with --impute"):
        prepared("mpg", "mpg")
    preparation, table = prepared("mpg", "mpg", impute=True)
    assert preparation.classes is None
    assert preparation.notes == (
        "column 'name' is left out: it holds 305 different values in 398 rows "
        "(such as 'amc ambassador brougham'), too many for categories",
    )
    assert leaks(table, ["mpg"]) == ()


def test_tips_and_diamonds():
    tips, _ = prepared("tips", "tip")
    assert len(tips.feature_names) == 12
    diamonds, table = prepared("diamonds", "price")
    assert len(diamonds.feature_names) == 26
    assert leaks(table, ["price"]) == ()
    decoded = diamonds.decode(diamonds.targets(table))[:, 0]
    np.testing.assert_allclose(decoded, table["price"].values, rtol=1e-12)


def test_taxis():
    preparation, table = prepared("taxis", "fare", impute=True)
    assert [column.name for column in preparation.left_out] == ["pickup", "dropoff"]
    kept, held_out = split(len(table), 0.2, np.random.default_rng(0))
    training = preparation.relearned(table.take(kept))
    lines = training.report(table.take(held_out))
    assert any(line.startswith("column 'dropoff_zone': not seen in training") for line in lines)
    with pytest.raises(DataError) as caught:
        prepared("taxis", "payment", impute=True)
    assert str(caught.value).endswith(
        "taxis.csv: the target 'payment' is missing in 44 of 6433 rows (lines 9, 447, 493, 547, 623, ...); "
        "remove these rows"
    )


def test_mnist():
    images = read(DATA / "mnist")
    assert (len(images.table), len(images.test)) == (60_000, 10_000)
    preparation = prepare(images.table, images.targets)
    assert preparation.classes == tuple("0123456789")
    features = preparation.inputs(images.table, np.float32)
    assert features.shape == (60_000, 784)
    assert features.dtype == np.float32
    assert np.abs(features).max() < 3
    np.testing.assert_allclose(features.mean(dtype=np.float64), 0, atol=1e-5)
    assert leaks(images.table, images.targets) == ()
    assert preparation.report(images.test) == ()
    assert preparation.targets(images.test).sum(axis=0).tolist()[:3] == [980.0, 1135.0, 1032.0]


def test_usps():
    digits = read(DATA / "usps" / "zip.test.gz")
    assert len(digits.table) == 2000
    preparation = prepare(digits.table, digits.targets)
    assert preparation.classes == tuple("0123456789")
    assert np.abs(preparation.inputs(digits.table)).max() < 3
    two = read(DATA / "usps" / "zip.train.digits-0-and-1.gz")
    assert prepare(two.table, two.targets).classes == ("0", "1")
