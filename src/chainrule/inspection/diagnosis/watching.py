"""`Watch`: a diagnosis over a training run, as a callback."""

import copy
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.inspection.diagnosis.diagnosis import Diagnosis, diagnosis_of
from chainrule.inspection.diagnosis.findings import Finding, listed, noise_text, per_cent, short
from chainrule.inspection.notation import Notation
from chainrule.inspection.notations import notation_of
from chainrule.inspection.opened import opened
from chainrule.inspection.text import render_table
from chainrule.nn.layers import check_size
from chainrule.nn.network import Network, Parameters
from chainrule.train import TrainState

__all__ = ["Watch"]

#: A layer has stopped where it moves less than this part of what the one that moves most does, both relative to
#: their sizes.
_STOPPED = 0.01
#: And where it has moved at least ten times as far before.
_DROPPED = 0.1


class Watch:
    """Diagnose a network while it trains: a callback for `chainrule.train.fit` and for the estimators.

    At every look it diagnoses a fixed sample and notes how far each layer has moved since the look before. By default
    it looks as often as a few per cent of the run's time allow.

    Parameters
    ----------
    model : Network, estimator or Pipeline
        The network that `fit` is given; or the estimator whose parameter `callbacks` this is, or a pipeline that ends
        in it.
    X, y : array
        The examples, as `chainrule.diagnose` takes them.
    loss, regularizers
        For a network, as `chainrule.diagnose` takes them.
    examples : int
        How many of the examples are looked at: a sample that is drawn once, with seed 0.
    every : int, optional
        Look after every so many epochs, and after the first. By default after the first, and then as often as `share`
        allows; which epochs these are depends on the machine.
    share : float
        Part of the run's time that the looks after the first may take where `every` is not given.
    notation : str or Notation
        A key of `chainrule.inspection.NOTATIONS`, for what is shown.

    Attributes
    ----------
    epochs : tuple of int
        The epochs after which it looked.
    diagnoses : tuple of Diagnosis
        What it saw.

    Raises
    ------
    OptionError
        For numbers out of their range.

    Examples
    --------
    >>> import numpy as np
    >>> from chainrule import inspection, nn, optim, train
    >>> network = nn.Network.of(2, hidden=(8,), output="sigmoid")
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> y = (X[:, :1] * X[:, 1:] > 0).astype(float)
    >>> watch = inspection.Watch(network, X, y, loss="binary_cross_entropy", every=10)
    >>> run = train.fit(network, network.initialize(0), "binary_cross_entropy", X, y, optimizer=optim.adam(0.01),
    ...                 epochs=30, callbacks=[watch])
    >>> watch.epochs
    (1, 10, 20, 30)
    >>> watch.arrays()["saturated"].shape  # looks, layers
    (4, 2)
    """

    def __init__(
        self,
        model: Any,
        X: Any,
        y: Any,
        *,
        loss: Any = None,
        regularizers: Sequence[Any] = (),
        examples: int = 256,
        every: int | None = None,
        share: float = 0.03,
        notation: str | Notation = "chainrule",
    ) -> None:
        self._model, self._loss, self._regularizers = model, loss, tuple(regularizers)
        self._every = None if every is None else check_size("every", every)
        if not 0 < share < 1:
            raise OptionError(f"share has to be a part of the run's time, above 0 and below 1, found {share!r}")
        self._share, self._notation = share, notation_of(notation)
        self._X, self._y = _sample(X, y, check_size("examples", examples))
        self._forget()

    def _forget(self) -> None:
        self.epochs: tuple[int, ...] = ()
        self.diagnoses: tuple[Diagnosis, ...] = ()
        self._took: tuple[float, ...] = ()
        self._moved: tuple[NDArray[Any], ...] = ()
        self._last: Parameters | None = None

    def __call__(self, state: TrainState) -> None:
        """Look, where it is time to."""
        epoch = state.epoch
        if self.epochs and epoch <= self.epochs[-1]:
            self._go_back(epoch)
        if self.epochs and not self._is_due(state):
            return
        self.look(state)

    def look(self, state: TrainState) -> None:
        """Diagnose a state, such as the last one of a run, which need not be one that it has looked at.

        Parameters
        ----------
        state : TrainState
            A state at the end of an epoch after those that were looked at.
        """
        if self.epochs and state.epoch == self.epochs[-1]:
            return
        begun = time.perf_counter()
        self._look(state)
        self._took += (time.perf_counter() - begun,)

    def _go_back(self, epoch: int) -> None:
        """Forget what came after an epoch that is done again; everything where another run starts."""
        kept = sum(one < epoch for one in self.epochs)
        if not kept:
            self._forget()
            return
        self.epochs, self.diagnoses, self._moved = self.epochs[:kept], self.diagnoses[:kept], self._moved[:kept]
        self._took = self._took[:kept]
        self._last = None

    def _is_due(self, state: TrainState) -> bool:
        if self._every is not None:
            return state.epoch % self._every == 0
        # The time of an epoch is without that of callbacks. The first look, which also loads what looking needs, says
        # little about the later ones.
        spent = sum(row.seconds for row in state.history.rows)
        return sum(self._took[1:]) + min(self._took) <= self._share * spent

    def _look(self, state: TrainState) -> None:
        parts = self._opened(state)
        found = diagnosis_of(parts, self._notation)
        moved = np.full(len(found.layers), np.nan)
        if self._last is not None:
            moved = _movement(self._last, parts.parameters) / (state.epoch - self.epochs[-1])
        self.epochs += (state.epoch,)
        self.diagnoses += (found,)
        self._moved += (moved,)
        self._last = parts.parameters

    def _opened(self, state: TrainState) -> Any:
        if isinstance(self._model, Network):
            return opened(
                self._model,
                self._X,
                self._y,
                parameters=state.parameters,
                state=state.network_state,
                loss=self._loss,
                regularizers=self._regularizers,
            )
        model, X = self._model, self._X
        steps = getattr(model, "steps", None)
        if steps and hasattr(model, "named_steps"):
            X, model = (model[:-1].transform(X) if len(steps) > 1 else X), steps[-1][1]
        if not hasattr(model, "_take"):
            raise OptionError(
                "model has to be the Network, or the MLPClassifier or MLPRegressor of chainrule.estimators, or the "
                f"Pipeline that ends in one, which is trained, found a {type(model).__name__}"
            )
        if not hasattr(model, "n_features_in_"):
            raise OptionError(
                f"the {type(model).__name__} that Watch was given is not the one that is being fitted, but perhaps the "
                "one that a search has cloned: fit that one itself"
            )
        # The estimator's own attributes stay what they are while it is being fitted.
        twin = copy.copy(model)
        twin._take(state)
        return opened(twin, X, self._y)

    @property
    def seconds(self) -> float:
        """Time that the looks have taken."""
        return sum(self._took)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that was seen, for drawings.

        Returns
        -------
        dict of str to array
            ``epoch``, shape (looks,); ``objective``, ``gradient`` and ``noise_scale`` of the whole network, as ``whole
            objective`` and so on, shape (looks,); all names of `Diagnosis.arrays`, and ``moved``, shape (looks,
            layers): how far the parameters moved since the look before, relative to their size, for each epoch; NaN at
            the first.
        """
        looks = [one.arrays() for one in self.diagnoses]
        made = {"epoch": np.array(self.epochs, np.int64)}
        for name in ("objective", "gradient", "noise_scale"):
            made[f"whole {name}"] = np.array([getattr(one, name) for one in self.diagnoses])
        if looks:
            made |= {name: np.stack([one[name] for one in looks]) for name in looks[0]}
            made["moved"] = np.stack(self._moved)
        return made

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What stood out at any look, with the epochs; and layers that stopped while others moved."""
        seen: dict[tuple[str, int | None], list[tuple[int, Finding]]] = {}
        for k, one in enumerate(self.diagnoses):
            for finding in one.findings:
                seen.setdefault((finding.kind, finding.layer), []).append((k, finding))
        found = [self._over_time(looks) for looks in seen.values()]
        return (*found, *self._stopped())

    def _over_time(self, looks: list[tuple[int, Finding]]) -> Finding:
        first, (last, finding) = looks[0][0], looks[-1]
        if last < len(self.epochs) - 1:
            epochs = f"epochs {self.epochs[first]} to {self.epochs[last]}"
            when = f"in {epochs if last > first else f'epoch {self.epochs[first]}'}, and no longer"
        else:
            when = f"since epoch {self.epochs[first]}" if first else "from the first epoch on"
        return replace(finding, text=f"{when}: {finding.text}")

    def _stopped(self) -> list[Finding]:
        moved = np.array(self._moved[1:])
        if not len(moved) or not np.any(np.isfinite(moved)):
            return []
        most = np.nanmax(moved, axis=1)
        other = int(np.nanargmax(moved[-1]))
        found = []
        for k, own in enumerate(moved.T):
            slow = own < _STOPPED * most
            if not slow[-1]:
                continue
            since = len(slow) - int(np.argmin(slow[::-1])) if not slow.all() else 0
            if np.median(own / np.maximum(most, np.finfo(float).tiny)) < _STOPPED:
                what = "hardly moves"
            elif own[-1] <= _DROPPED * np.max(own[:since]):
                what = f"stopped moving after epoch {self.epochs[since]}"
            else:
                continue
            text = (
                f"{what}: {short(own[-1])} of its size an epoch, where layer {self._notation.number(other + 1)} moves "
            )
            text += short(most[-1])
            found.append(Finding("stopped", k + 1, text, "look at its sensitivities and slopes", self._notation))
        return found

    def table(self) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
        """A row for each look: the whole network, and the first layer against the last.

        Returns
        -------
        title : str
            How often it looked, and what that cost.
        heads : tuple of str
            Of the columns; those without a number are left out. ``flat at most`` and ``dead at most`` are those of the
            worst hidden layer, ``first / last`` is the first layer's sensitivities over the last's, ``moved least`` and
            ``moved most`` what a layer moves in an epoch relative to its size.
        rows : list of tuples of str
            One for each look.
        """
        title = f"{len(self.epochs)} look{'' if len(self.epochs) == 1 else 's'} at {len(self._X)} examples"
        heads = (
            *("epoch", "objective", "gradient", "noise scale", "flat at most", "dead at most", "first / last"),
            *("moved least", "moved most"),
        )
        rows: list[tuple[str, ...]] = []
        for epoch, one, moved in zip(self.epochs, self.diagnoses, self._moved, strict=True):
            own = one.arrays()
            last = one.layers[-1].sensitivity
            rows.append(
                (
                    str(epoch),
                    short(one.notation.objective_factor(one.loss, one.total) * one.objective),
                    short(one.notation.objective_factor(one.loss, one.total) * one.gradient),
                    noise_text(one.noise_scale, one.examples),
                    _most(own["saturated"][:-1]),
                    _most(own["dead"][:-1]),
                    short(one.layers[0].sensitivity / last) if last else "",
                    *(("", "") if np.all(np.isnan(moved)) else (short(np.nanmin(moved)), short(np.nanmax(moved)))),
                )
            )
        kept = [k for k, head in enumerate(heads) if not rows or head == "epoch" or any(row[k] for row in rows)]
        return title, tuple(heads[k] for k in kept), [tuple(row[k] for k in kept) for row in rows]

    def __str__(self) -> str:
        title, heads, rows = self.table()
        shown = render_table(title, heads, rows, numbers=range(len(heads)), narrow=True)
        return f"{shown}\n{listed(self.findings)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from chainrule.inspection.diagnosis.html import watch_html

        return watch_html(self)


def _most(shares: NDArray[Any]) -> str:
    return per_cent(float(np.nanmax(shares))) if np.any(np.isfinite(shares)) else ""


def _sample(X: Any, y: Any, examples: int) -> tuple[Any, Any]:
    """So many of the examples, in the order that they have."""
    n = len(y)
    if n <= examples:
        return X, y
    rows = np.sort(np.random.default_rng(0).choice(n, examples, replace=False))
    return tuple(x.iloc[rows] if hasattr(x, "iloc") else np.asarray(x)[rows] for x in (X, y))  # type: ignore[return-value]


def _movement(before: Parameters, now: Parameters) -> NDArray[Any]:
    """Length of the change of each layer's parameters over their length; NaN for a layer without any."""
    found = np.full(len(now), np.nan)
    for k, (old, new) in enumerate(zip(before, now, strict=True)):
        size = np.sqrt(sum(float(np.sum(np.square(x, dtype=np.float64))) for x in new.values()))
        if size > 0:
            change = sum(float(np.sum(np.square(new[name] - old[name], dtype=np.float64))) for name in new)
            found[k] = np.sqrt(change) / size
    return found
