"""Compiled functions that SciPy's own loops call."""

import ctypes
import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import LowLevelCallable, ndimage
from scipy.integrate import IntegrationWarning, dblquad, nquad, quad

from chainrule import cond, grad
from chainrule.bridges import low_level_filter, low_level_integrand
from chainrule.errors import OptionError, TraceError


def wave(x, k):
    return np.exp(-x) * np.sin(k * x)


class TestIntegrand:
    def test_value_and_derivatives(self):
        """The integral of exp(-x) sin(k x) over x > 0 is k / (1 + k^2)."""
        k = 3.0
        for f, wanted in (
            (wave, k / (1 + k**2)),
            (grad(wave, "k"), (1 - k**2) / (1 + k**2) ** 2),
            (grad(grad(wave, 1), 1), 2 * k * (k**2 - 3) / (1 + k**2) ** 3),
        ):
            made = low_level_integrand(f, 2)
            assert type(made) is LowLevelCallable
            assert made.signature == "double (int, double *, void *)"
            value, error = quad(made, 0, np.inf, args=(k,))
            assert value == pytest.approx(wanted, abs=1e-9)
            assert error < 1e-7
            assert value == pytest.approx(quad(f, 0, np.inf, args=(k,))[0], abs=1e-12)

    def test_one_number(self):
        assert quad(low_level_integrand(lambda x: x), 0, 2)[0] == pytest.approx(2)
        assert quad(low_level_integrand(lambda x: 3.0), 0, 2)[0] == pytest.approx(6)
        assert quad(low_level_integrand(grad(lambda x: 2 * x)), 0, 2)[0] == pytest.approx(4)
        assert quad(low_level_integrand(lambda x: x > 1), 0, 2, points=[1])[0] == pytest.approx(1)
        assert quad(low_level_integrand(lambda x: x.astype(np.float32)), 0, 2)[0] == pytest.approx(2)

    def test_several_variables(self):
        made = low_level_integrand(lambda x, y: np.exp(-x * x * y), 2)
        wanted = dblquad(lambda x, y: np.exp(-x * x * y), 0, 2, 0, 1)[0]
        assert nquad(made, [(0, 1), (0, 2)])[0] == pytest.approx(wanted)

    def test_arrays_beside_the_numbers(self):
        nodes, weights = np.polynomial.hermite.hermgauss(12)

        def mixture(x, mean, nodes, weights):
            return np.sum(weights * np.exp(-0.5 * (x - mean - nodes) ** 2))

        made = low_level_integrand(grad(mixture, 1), 2, (nodes, weights))
        wanted = quad(grad(mixture, 1), -1, 2, args=(0.5, nodes, weights))[0]
        assert quad(made, -1, 2, args=(0.5,))[0] == pytest.approx(wanted)

    def test_data_are_those_of_its_making(self):
        data, around = np.ones((2, 3)), np.ones(3)
        made = low_level_integrand(lambda x, data: x * np.sum(data @ around) + around[0], 1, (data.T.copy().T,))
        data[...], around[...] = 5.0, 5.0
        assert quad(made, 0, 2)[0] == pytest.approx(14)

    def test_zero_stays_zero(self):
        """Where the logarithm is not taken, its slope counts for nothing."""
        slope = low_level_integrand(grad(lambda x: np.where(x > 1, np.log(np.where(x > 1, x, 0.0)), 0.0)))
        assert quad(slope, 0, 2, points=[1])[0] == pytest.approx(np.log(2))
        roots = low_level_integrand(grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0)))
        assert roots.function(1, (ctypes.c_double * 1)(0.0), None) == 0.0

    def test_branches_and_loops(self):
        made = low_level_integrand(lambda x: cond(x > 1, np.square, np.sqrt, x))
        assert quad(made, 0, 2, points=[1])[0] == pytest.approx(2 / 3 + 7 / 3)

    def test_a_workspace_that_does_not_fit_on_the_stack(self):
        def f(x):
            y = np.cos(np.linspace(0, 1, 5000) * x)
            return np.sum(y * y[::-1]) + np.sum(np.cumsum(y))

        made = low_level_integrand(f)
        for x in (0.5, 2.0):
            assert made.function(1, (ctypes.c_double * 1)(x), None) == pytest.approx(f(x), rel=1e-12)

    def test_another_number_of_numbers(self):
        with pytest.warns(IntegrationWarning):
            assert np.isnan(quad(low_level_integrand(wave, 2), 0, 1)[0])
        with pytest.warns(IntegrationWarning):
            assert np.isnan(quad(low_level_integrand(lambda x, k=2.0: k * x), 0, 1, args=(3.0,))[0])

    def test_an_index_out_of_range(self):
        table = np.array([1.0, 2.0])
        made = low_level_integrand(lambda x: np.array(table)[x.astype(int)])
        assert quad(made, 0, 2, points=[1])[0] == pytest.approx(3)
        with pytest.warns(IntegrationWarning):
            assert np.isnan(quad(made, 0, 3, points=[1])[0])

    def test_it_keeps_what_it_needs(self):
        made = [low_level_integrand(lambda x, k: x * k, 1, (float(k),)) for k in range(20)]
        kept = made[7]
        del made
        gc.collect()
        for k in range(20):
            low_level_integrand(lambda x, k: x - k, 1, (float(k),))
        gc.collect()
        assert quad(kept, 0, 2)[0] == pytest.approx(14)

    def test_threads(self):
        made = low_level_integrand(grad(wave, 1), 2)
        ks = np.linspace(0.5, 4, 60)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda k: quad(made, 0, 20, args=(k,))[0], ks))
        np.testing.assert_array_equal(found, [quad(made, 0, 20, args=(k,))[0] for k in ks])

    def test_another_process_compiles_by_itself(self):
        code = "from scipy.integrate import quad; from chainrule.bridges import low_level_integrand as made\n"
        code += "print(quad(made(lambda x: x * x), 0, 3)[0])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert float(done.stdout) == pytest.approx(9)


class TestFilter:
    image = np.random.default_rng(0).normal(size=(12, 11))

    @pytest.mark.parametrize(
        "f",
        [np.max, lambda w: np.sqrt(np.mean((w - np.mean(w)) ** 2)), grad(lambda w: w[4] ** 3)],
        ids=["max", "deviation", "gradient"],
    )
    def test_as_in_python(self, f):
        def number(window):
            return np.sum(f(window))

        made = low_level_filter(number, 9)
        wanted = ndimage.generic_filter(self.image, number, size=3)
        np.testing.assert_allclose(ndimage.generic_filter(self.image, made, size=3), wanted, rtol=1e-13)

    def test_footprint_and_arrays(self):
        cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])
        weights = np.arange(5.0)
        made = low_level_filter(lambda window, weights: window @ weights, 5, (weights,))
        wanted = ndimage.generic_filter(self.image, lambda window: window @ weights, footprint=cross)
        np.testing.assert_allclose(ndimage.generic_filter(self.image, made, footprint=cross), wanted, rtol=1e-13)

    def test_another_window(self):
        with pytest.raises(RuntimeError, match="filter function"):
            ndimage.generic_filter(self.image, low_level_filter(np.sum, 9), size=5)


class TestErrors:
    def test_decisions(self):
        def f(x):
            if x > 1:
                return x
            return 2 * x

        with pytest.raises(TraceError, match=r"cond(.|\n)*if x > 1"):
            low_level_integrand(f)

    def test_what_runs_through_numpy(self):
        def spectral(x):
            return np.sum(np.abs(np.fft.fft(np.ones(7) * x)) ** 2)

        with pytest.raises(OptionError, match=r"spectral cannot be called without Python: .*fft.* has no native form"):
            low_level_integrand(spectral)

    @pytest.mark.parametrize(
        ("f", "told"),
        [
            (
                lambda x: np.ones(2) * x,
                r"<lambda> should return one real number, but returned float64 of shape \(2,\)",
            ),
            (lambda x: (x, x), "should return one real number, but returned tuple"),
            (lambda x: None, "should return one real number"),
            (lambda x: "x", "should return one real number"),
        ],
    )
    def test_what_is_returned(self, f, told):
        with pytest.raises(TraceError, match=told):
            low_level_integrand(f)

    def test_complex_numbers(self):
        with pytest.raises(TraceError, match="one real number, but returned complex128"):
            low_level_integrand(lambda x: x * 1j)

    def test_arguments(self):
        with pytest.raises(OptionError, match="f should be a function, but is float"):
            low_level_integrand(3.0)
        with pytest.raises(OptionError, match="scalars should be the number of numbers that f takes, found 0"):
            low_level_integrand(wave, 0)
        with pytest.raises(OptionError, match=r"size should be the number of entries of a window, found \(3, 3\)"):
            low_level_filter(np.sum, (3, 3))
        with pytest.raises(TypeError, match="k"):
            low_level_integrand(wave)
