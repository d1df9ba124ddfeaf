"""The text digits of the US Postal Service."""

import gzip

import numpy as np
import pytest

from chainrule.data.reading import read
from chainrule.data.usps_files import is_usps, parse_usps
from chainrule.errors import DataError

RNG = np.random.default_rng(0)
PIXELS = RNG.uniform(-1, 1, (3, 256)).round(3)


def line(label, pixels):
    return " ".join([str(label), *(f"{pixel:g}" for pixel in pixels)]).encode()


RAW = b"\n".join([line("6.0000", PIXELS[0]), line(5, PIXELS[1]), line(6, PIXELS[2]), b""])


def test_pixels_and_labels(tmp_path):
    path = tmp_path / "zip.test.gz"
    path.write_bytes(gzip.compress(RAW))
    dataset = read(path)
    pixels, label = dataset.table.columns
    assert dataset.targets == ("label",)
    np.testing.assert_array_equal(pixels.values, PIXELS)
    assert pixels.alike
    assert label.values == ["6", "5", "6"]
    assert dataset.table.place(2) == "line 3"


def test_other_text_is_not_taken_for_digits():
    assert is_usps(RAW)
    assert not is_usps(b"a,b\n1,2\n")
    assert not is_usps(b"1 2 3\n4 5 6\n")
    assert not is_usps(line("digit", PIXELS[0]))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (b"6 0.5 0.5\n", "f: line 4 has 3 fields, not a label and 256 pixels"),
        (line(12, PIXELS[0]), "f: line 4 has the label 12; a digit from 0 to 9 is needed"),
        (line("x", PIXELS[0]), "f: line 4: 'x' is not a number"),
    ],
)
def test_refusals(extra, message):
    with pytest.raises(DataError) as caught:
        parse_usps(RAW + extra, "f")
    assert str(caught.value) == message
