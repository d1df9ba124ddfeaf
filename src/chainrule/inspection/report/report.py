"""`report`: the page of a run."""

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.differentiate import check_gradient
from chainrule.differentiate.check import GradientReport
from chainrule.errors import OptionError
from chainrule.html import element, page
from chainrule.inspection.diagnosis import Diagnosis, Watch, diagnose
from chainrule.inspection.drawings.figures import blank
from chainrule.inspection.report.cost import cost, drawn_network, reproducing
from chainrule.inspection.report.decisions import decisions
from chainrule.inspection.report.health import certificate, diagnosed, watched
from chainrule.inspection.report.subject import Subject, subject_of
from chainrule.inspection.report.summary import learning, summary
from chainrule.nn.network import Parameters, State
from chainrule.nn.objective import objective
from chainrule.train import Fit, Model, Problem, Report, Settings
from chainrule.train.session import beginning

__all__ = ["report", "watch_for"]

#: Examples that are diagnosed at the end, and by which the gradient is checked.
_DIAGNOSED, _CHECKED = 256, 16
_ENTRIES = 300
#: Looks of `Watch` over a run that does all its epochs.
_LOOKS = 16
_STYLE = """
main.chainrule{max-width:58rem}
.part>p,.part>ul,nav{max-width:46rem}
.chainrule.chainrule .part table{font-size:.85em}
.part tbody th,.part tfoot th,.chainrule.chainrule .part th code{white-space:nowrap}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:0 1.2em}
details{margin:.6em 0}
"""


def report(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    test: tuple[Any, Any] | None = None,
    run: Any = None,
    watch: Watch | None = None,
    title: str | None = None,
    about: Mapping[str, str] | None = None,
    command: str | None = None,
    made_from: Mapping[str, str] | None = None,
    batch_size: int = 32,
    parameters: Parameters | None = None,
    state: State | None = None,
    loss: Any = None,
    regularizers: tuple[Any, ...] = (),
) -> str:
    """Write a page on a trained network: what it is worth, how it got there, whether its gradient is right, its cost.

    Parameters
    ----------
    model : Network, Model, estimator or Pipeline
        The network, as `chainrule.backprop` takes it.
    X, y : array, or Problem
        What it was trained on, as `chainrule.backprop` takes them; or the `Problem` that `chainrule.train.train` was
        given, without `y` and `test`, since it holds all parts.
    test : tuple of X and y, optional
        Examples that it has not seen: the figures and the first sentence are about these.
    run : Fit, History, Report or fitted estimator, optional
        How it was trained. A `Report` of `chainrule.train.train` brings the gradient check of the starting values, the
        settings and the batch size. Without one there are no learning curves; an estimator is a run of its own.
    watch : Watch, optional
        The callback, after the run.
    title : str, optional
        What stands above.
    about : mapping of str to str, optional
        Further facts for the summary, such as where the data are from.
    command : str, optional
        What was typed to train it.
    made_from : mapping of str to str, optional
        Further facts for the last section, such as checksums of files.
    batch_size : int
        Examples of the step that is counted, where `run` does not say.
    parameters, state, loss, regularizers
        Of a network, as for `chainrule.backprop`.

    Returns
    -------
    str
        A page of HTML that opens from disk and fetches nothing.

    Raises
    ------
    OptionError
        Where matplotlib is not installed, or something is missing.
    DataError
        Where shapes do not fit.

    Examples
    --------
    >>> from chainrule import data
    >>> from chainrule.inspection.report import report
    >>> from chainrule.train import Options, prepare_problem, train
    >>> problem = prepare_problem(data.digits())
    >>> model, run = train(problem, Options(epochs=5, hidden=(16,)))
    >>> text = report(model, problem, run=run, title="Digits")
    >>> text.startswith("<!DOCTYPE html>"), "<h2" in text
    (True, True)
    """
    blank()  # raises where nothing can be drawn
    if watch is not None and not (isinstance(watch, Watch) and watch.epochs):
        raise OptionError("watch has to be a Watch that has looked: give it to the run as a callback")
    regularizers = tuple(regularizers)
    subject = subject_of(
        model, X, y, test, run, parameters=parameters, state=state, loss=loss, regularizers=regularizers
    )
    own = model.steps[-1][1] if hasattr(model, "named_steps") else model
    if run is None and hasattr(own, "loss_curve_"):
        run = own
    optimizer = None
    if isinstance(run, Report):
        batch_size = run.settings.batch_size or len(subject.parts["train"][0])
        optimizer = run.settings.transform(len(subject.parts["train"][0]))
    with np.errstate(all="ignore"):
        diagnosis, check = _diagnosis(subject), run.gradient if isinstance(run, Report) else _check(subject)
    where = "At the starting values" if isinstance(run, Report) else "At the values that were learned"
    seen = diagnosis.findings if watch is None else (*diagnosis.findings, *_only_then(watch, diagnosis))
    sections = {
        "Summary": summary(subject, run, about or {}, check, seen),
        "Learning": learning(run) if run is not None else [],
        "Decisions" if subject.classes is not None else "Predictions": decisions(subject),
        "Diagnosis over training": watched(watch, batch_size) if watch is not None else [],
        "Diagnosis at the end": diagnosed(diagnosis),
        "Gradient check": certificate(check, where),
        "Cost of a step": cost(subject, run, batch_size, optimizer),
        "Network": drawn_network(subject),
        "How to reproduce it": reproducing(command, _depends_on(model, made_from or {}), _interrupted(run)),
    }
    kept = {name: parts for name, parts in sections.items() if parts}
    links = [element("a", name, href=f"#{_anchor(name)}") for name in kept]
    content = [element("nav", *links, aria_label="sections")]
    content += [
        element("section", element("h2", name, id=_anchor(name)), *parts, class_="part") for name, parts in kept.items()
    ]
    return page(title or "A trained network", *content, style=_STYLE)


def watch_for(problem: Problem, settings: Settings) -> Watch:
    """Make the `Watch` for the training of a problem: about sixteen looks, the same ones on every machine."""
    begun = beginning(problem, settings)
    every = -(-settings.epochs // _LOOKS)
    return Watch(begun.network, *begun.examples, loss=begun.loss, regularizers=settings.regularizers, every=every)


def _diagnosis(subject: Subject) -> Diagnosis:
    inputs, targets, weights = subject.sample(_DIAGNOSED)
    return diagnose(
        subject.network,
        inputs,
        targets,
        parameters=subject.parameters,
        state=subject.state,
        loss=subject.minimised,
        regularizers=subject.regularizers,
        weights=weights,
    )


def _check(subject: Subject) -> GradientReport:
    minimised = objective(subject.network, subject.minimised, subject.regularizers)
    inputs, targets, _ = subject.sample(_CHECKED)
    x, t = inputs.astype(np.float64), targets.astype(np.float64)
    return check_gradient(
        lambda parameters: minimised(parameters, subject.state, x, t)[0], (subject.parameters,), entries=_ENTRIES
    )


def _only_then(watch: Watch, diagnosis: Diagnosis) -> list[Any]:
    """What was found over training and is not there at the end."""
    now = {(one.kind, one.layer) for one in diagnosis.findings}
    return [one for one in watch.findings if (one.kind, one.layer) not in now]


def _interrupted(run: Any) -> bool:
    fit = run.fit if isinstance(run, Report) else run
    return isinstance(fit, Fit) and fit.interrupted


def _depends_on(model: Any, made_from: Mapping[str, str]) -> dict[str, str]:
    from chainrule import __version__

    record = model.record if isinstance(model, Model) else None
    versions = {"chainrule": __version__, "numpy": np.__version__, "python": platform.python_version()}
    found = dict(made_from)
    if record is not None:
        versions |= record.versions
        if "seed" in record.settings:
            found["seed"] = str(record.settings["seed"])
        found["trained"] = record.date
    found["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    found["processor"] = f"{platform.machine()}, {platform.system()}"
    return {name: text for name, text in found.items() if text}


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
