"""`chainrule.minimize`: every method of SciPy on trees, with the derivatives that it takes."""

import collections
import dataclasses
import inspect

import numpy as np
import pytest
from scipy import optimize

import chainrule
from chainrule import minimize
from chainrule.bridges.scipy_minimize import _SECOND, _WITHOUT_GRADIENT
from chainrule.errors import OptionError, TraceError

Pair = collections.namedtuple("Pair", ["x", "y"])
METHODS = [
    name.lower()
    for name in (
        *("Nelder-Mead", "Powell", "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "COBYLA", "COBYQA", "SLSQP"),
        *("trust-constr", "dogleg", "trust-ncg", "trust-krylov", "trust-exact"),
    )
]
#: Near enough that every method gets to the minimum soon; the Hessian is positive definite, as dogleg asks for.
START = np.array([1.05, 1.1, 1.2])


@dataclasses.dataclass(frozen=True)
class Rates:
    up: object
    down: object


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def bowl(p, target, *, weight=1.0):
    """Strictly convex, least where `rates` is `target` and `level` is 0.5."""
    return (
        np.sum(np.cosh(p["rates"].up - target))
        + weight * np.sum((p["rates"].down - target[0]) ** 2)
        + (p["level"] - 0.5) ** 2 * (1 + np.sum(p["rates"].up ** 2))
    )


def tree():
    return {"rates": Rates(np.zeros((1, 2)), np.float32(0.3)), "level": 0.0}


TARGET = np.array([0.4, -0.2])


def test_the_methods_are_those_of_scipy():
    text = inspect.getdoc(optimize.minimize)
    listed = text[text.index("method : str") : text.index("jac :")]
    named = {line.split("'")[1].lower() for line in listed.splitlines() if line.strip().startswith("- '")}
    assert named == {*METHODS}
    assert {*_SECOND, *_WITHOUT_GRADIENT} <= named


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    def test_rosenbrock(self, method):
        found = minimize(rosenbrock, START, method=method)
        assert isinstance(found, optimize.OptimizeResult)
        # COBYLA creeps along the valley.
        np.testing.assert_allclose(found.x, 1, atol=0.25 if method == "cobyla" else 2e-3)

    def test_tree(self, method):
        found = minimize(bowl, tree(), (TARGET,), method, kwargs={"weight": 2.0}, tol=1e-7)
        assert type(found.x) is dict
        assert type(found.x["rates"]) is Rates
        assert found.x["rates"].up.shape == (1, 2)
        assert found.x["rates"].down.dtype == np.float32
        assert type(found.x["level"]) is float
        np.testing.assert_allclose(found.x["rates"].up, TARGET[None], atol=3e-4)
        assert found.x["level"] == pytest.approx(0.5, abs=3e-4)
        gradient = found.get("grad" if method == "trust-constr" else "jac")
        if method in _WITHOUT_GRADIENT:
            assert gradient is None
        else:
            assert type(gradient["rates"]) is Rates
            assert abs(gradient["level"]) < 1e-3

    def test_one_evaluation_at_each_point(self, method):
        """Value and gradient come from one run of the function; only second derivatives run it again."""
        points = []

        def f(x):
            points.append(chainrule.value(x).tobytes())
            return rosenbrock(x)

        found = minimize(f, START, method=method, compiled=False)
        np.testing.assert_allclose(found.x, 1, atol=0.3)
        assert len({*points}) <= found.nfev
        if method not in _SECOND:
            # Differences would take three more at each point; Powell and TNC come back to a point now and then.
            assert len(points) <= found.nfev + 1

    def test_same_as_scipy_with_derivatives_by_hand(self, method):
        given = {} if method in _WITHOUT_GRADIENT else {"jac": optimize.rosen_der}
        by_hand = {"hess": optimize.rosen_hess, "hessp": optimize.rosen_hess_prod}
        given |= {_SECOND[method]: by_hand[_SECOND[method]]} if method in _SECOND else {}
        wanted = optimize.minimize(optimize.rosen, START, method=method, **given)
        found = minimize(rosenbrock, START, method=method)
        assert found.nfev == wanted.nfev
        assert found.get("nit") == wanted.get("nit")
        np.testing.assert_allclose(found.x, wanted.x, atol=1e-6)


class TestChoice:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({}, "Optimization terminated successfully."),
            ({"bounds": [(0, 2)] * 3}, "CONVERGENCE"),
            ({"constraints": {"type": "eq", "fun": lambda x: x[0] - 1}}, "Optimization terminated successfully"),
        ],
    )
    def test_without_a_method(self, options, message):
        found = minimize(rosenbrock, START, **options)
        assert message in found.message
        np.testing.assert_allclose(found.x, 1, atol=1e-3)

    def test_no_constraints(self):
        assert "hess_inv" in minimize(rosenbrock, START, constraints=[])

    def test_a_method_of_ones_own(self):
        def newton(fun, x0, args, jac, hess, hessp, **options):
            x = x0
            for _ in range(options["steps"]):
                x = x - np.linalg.solve(hess(x), jac(x))
            np.testing.assert_allclose(hessp(x, x), hess(x) @ x)
            return optimize.OptimizeResult(x=x, fun=fun(x), jac=jac(x))

        found = minimize(bowl, tree(), (TARGET,), newton, options={"steps": 8})
        assert found.x["level"] == pytest.approx(0.5, abs=1e-6)
        assert type(found.jac["rates"]) is Rates

    def test_unknown(self):
        with pytest.raises(ValueError, match="Unknown solver bfsg"):
            minimize(rosenbrock, START, method="bfsg")


class TestCallback:
    @pytest.mark.parametrize("method", [name for name in METHODS if name not in ("tnc", "cobyla", "slsqp")])
    def test_by_name(self, method):
        seen = []

        def tell(intermediate_result):
            seen.append(intermediate_result)

        minimize(bowl, tree(), (TARGET,), method, callback=tell, tol=1e-3)
        assert seen
        assert all(type(one.x["rates"]) is Rates for one in seen)
        assert seen[-1].fun <= seen[0].fun

    @pytest.mark.parametrize("method", ["bfgs", "tnc", "cobyla", "slsqp"])
    def test_of_the_point(self, method):
        seen = []
        found = minimize(bowl, tree(), (TARGET,), method, callback=lambda p: seen.append(p["rates"].up))
        # None of them shows memory that SciPy goes on to write into.
        assert len({one.tobytes() for one in seen}) > 3
        np.testing.assert_allclose(seen[-1], found.x["rates"].up, atol=1e-3)

    def test_of_point_and_state(self):
        seen = []

        def tell(p, state):
            seen.append((p["level"], state.x["level"], state.grad["level"]))
            return len(seen) == 3

        found = minimize(bowl, tree(), (TARGET,), "trust-constr", callback=tell)
        assert len(seen) == 3
        assert all(a == b for a, b, _ in seen)
        assert "callback" in found.message

    def test_that_stops(self):
        def stop(intermediate_result):
            raise StopIteration

        assert minimize(rosenbrock, START, callback=stop).nit == 1

    def test_that_is_none(self):
        with pytest.raises(OptionError, match="callback should be a function, but is int"):
            minimize(rosenbrock, START, callback=3)


class TestStart:
    def test_one_number(self):
        found = minimize(lambda x: (x - 2) ** 2, 0, bounds=(None, 1.5))
        assert type(found.x) is float
        assert found.x == 1.5

    def test_a_list_of_numbers(self):
        found = minimize(rosenbrock, [1.3, 1])
        assert isinstance(found.x, np.ndarray)
        np.testing.assert_allclose(found.x, 1, atol=1e-4)

    def test_data_in_another_order_of_memory(self):
        X = np.asfortranarray(np.random.default_rng(0).normal(size=(20, 2)))
        found = minimize(lambda w, X: np.sum((X @ w - X[:, 0]) ** 2), np.zeros(2), (X,))
        np.testing.assert_allclose(found.x, [1, 0], atol=1e-6)


class TestErrors:
    @pytest.mark.parametrize("method", ["BFGS", "Nelder-Mead"])
    def test_the_start(self, method):
        with pytest.raises(OptionError, match="f is nan at x0"), np.errstate(invalid="ignore"):
            minimize(lambda x: np.sum(np.log(x)), np.array([1.0, -1.0]), method=method)
        with pytest.raises(OptionError, match="f is inf at x0"), np.errstate(divide="ignore"):
            minimize(lambda x: np.sum(1 / x), np.array([1.0, 0.0]), method=method)

    def test_the_slope_at_the_start(self):
        told = r"the derivative of f by x0\['w'\]\[1, 0\] is inf at x0"
        with pytest.raises(OptionError, match=told), np.errstate(divide="ignore"):
            minimize(lambda p: p["b"] + np.sum(np.sqrt(p["w"])), {"b": 1.0, "w": np.array([[1.0], [0.0]])})

    @pytest.mark.parametrize("method", ["BFGS", "trust-constr"])
    def test_no_number(self, method):
        with pytest.raises(TraceError, match=r"<lambda> returned an array of shape \(3,\); a gradient needs one real"):
            minimize(lambda x: x**2, START, method=method)

    def test_no_number_and_no_gradient(self):
        with pytest.raises(OptionError, match=r"f returned an array of shape \(3,\) at x0; minimize needs one"):
            minimize(lambda x: x**2, START, method="Powell")

    def test_parameters(self):
        with pytest.raises(OptionError, match=r"x0\['k'\] has dtype int64"):
            minimize(rosenbrock, {"k": np.arange(3)})
        with pytest.raises(OptionError, match="args should be a tuple"):
            minimize(rosenbrock, START, START)

    @pytest.mark.parametrize("compiled", [True, False])
    def test_the_users_own_pass(self, compiled):
        calls = []

        def stopped(x):
            calls.append(x)
            if len(calls) > 4:
                raise KeyboardInterrupt
            return np.sum(x**2)

        def tell(x):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            minimize(stopped, START, callback=tell, compiled=compiled)
