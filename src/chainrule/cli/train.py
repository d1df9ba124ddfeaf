"""`chainrule train`: from a file to a model file, with what came of it in print."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from shlex import quote
from typing import Any, Literal

import numpy as np

from chainrule.cli.comparing import Compared, check_comparing, cross_validated, for_search, searched
from chainrule.cli.exit_codes import INTERRUPTED
from chainrule.cli.inputs import model_path, read
from chainrule.cli.output import describe_network, describe_weights, named_lines, scores_table, sentence
from chainrule.cli.report import check_report, searched_for, write_report
from chainrule.data import Dataset, Text, leaks
from chainrule.data.table import counted
from chainrule.errors import ModelFileError, OptionError
from chainrule.inspection.report.report import watch_for
from chainrule.inspection.words import describe_ending
from chainrule.nn import Network
from chainrule.train import (
    Checkpoint,
    Model,
    Options,
    Problem,
    Record,
    Report,
    Scores,
    Settings,
    check_checkpoint,
    check_place,
    choose,
    load,
    prepare_problem,
    progress,
    save,
)
from chainrule.train import train as train_on

__all__ = ["train"]


def train(arguments: argparse.Namespace) -> int:
    """Train on the data, save the model, print what it is worth.

    Returns
    -------
    int
        0, or `INTERRUPTED` where Ctrl-C ended training early.
    """
    options = _options(arguments)
    check_comparing(arguments)
    output = Path(arguments.output) if arguments.output else model_path(arguments.data)
    _check_output(output)
    checkpoint = _checkpoint(arguments, output)
    page = check_report(arguments, output)
    dataset = _dataset(arguments)
    quiet = arguments.quiet
    if arguments.search is not None:
        options = for_search(arguments, options, len(dataset.table))
    elif arguments.cv is not None and arguments.test is None:
        options = replace(options, test=0.0)
    problem = prepare_problem(dataset, options)
    for note in _notes(dataset, problem, options):
        print(f"note: {note}", file=sys.stderr, flush=True)
    compared, searches = Compared(options, {}, {}), {}
    if arguments.search is not None:
        if not quiet:
            print(named_lines(_data_lines(arguments.data, problem), width=8))
        compared = searched(arguments, dataset, problem, options)
        problem = prepare_problem(dataset, compared.options)
        searches = {"search": f"the best of {arguments.search}: {searched_for(options, compared.options)}"}
    options = compared.options
    settings = choose(problem, options)
    network = settings.network(problem.train[0].shape[1], problem.outputs)
    # What these refuse is refused before anything is printed.
    network.check_trainable()
    settings.transform(len(problem.train[0]))
    if not quiet:
        lines = _network_lines(network, settings)
        if arguments.search is None:
            lines = _data_lines(arguments.data, problem) | lines
        print(f"{named_lines(lines, width=8)}\n", flush=True)
    watch = None if page is None else watch_for(problem, settings)
    if arguments.search is None and arguments.cv is not None:
        compared = cross_validated(arguments, dataset, options)
    model, report = train_on(
        problem,
        options,
        callbacks=() if watch is None else (watch,),
        progress=None if quiet else progress(sys.stderr),
        checkpoint=checkpoint,
        resume=arguments.resume,
        on_divergence=arguments.on_divergence or "raise",
    )
    model = _with_origin(model, arguments, compared)
    save(model, output)
    if not report.gradient.ok:
        print(report.gradient, file=sys.stderr)
    if not quiet:
        print(f"{_outcome(problem, report, compared.results)}\n\nsaved {output}", flush=True)
    if page is not None and watch is not None:
        about = _data_lines(Path(arguments.data).name, problem) | _network_lines(network, settings) | searches
        write_report(page, model, problem, report, watch, arguments, output, about)
        if not quiet:
            print(f"report {page}")
    return INTERRUPTED if report.fit.interrupted or compared.interrupted else 0


def _options(arguments: argparse.Namespace) -> Options:
    """Choose what was given, and leave the rest to the defaults of `Options`."""
    given = {**vars(arguments), "output": arguments.output_activation, "batch_size": arguments.batch}
    chosen: dict[str, Any] = {
        field.name: given[field.name] for field in fields(Options) if given.get(field.name) is not None
    }
    if arguments.class_weight is not None:
        chosen["class_weight"] = _class_weight(arguments.class_weight)
    return Options(**chosen)


def _class_weight(given: list[str | tuple[str, float]]) -> Literal["balanced"] | dict[str, float]:
    if given == ["balanced"]:
        return "balanced"
    weights: dict[str, float] = {}
    for pair in given:
        if isinstance(pair, str):
            raise OptionError("--class-weight: give balanced alone, or a weight for each of some classes")
        if pair[0] in weights:
            raise OptionError(f"--class-weight: {pair[0]} has two weights, {weights[pair[0]]:g} and {pair[1]:g}")
        weights[pair[0]] = pair[1]
    return weights


def _check_output(path: Path) -> None:
    """Raise where the model could not be written, or would replace something that is no model."""
    check_place(path)
    if path.exists() and path.stat().st_size:
        try:
            load(path)
        except ModelFileError as error:
            raise ModelFileError(f"{error}; it is not overwritten: remove it, or name another file with -o") from None


def _checkpoint(arguments: argparse.Namespace, output: Path) -> Checkpoint | None:
    """The checkpoint that was asked for; raise where it could not be written, or training not go on from it."""
    if arguments.checkpoint is None:
        for option in ("resume", "checkpoint_every"):
            if getattr(arguments, option):
                raise OptionError(f"--{option.replace('_', '-')} needs the file: give it with --checkpoint FILE")
        return None
    place = Path(arguments.checkpoint)
    for other, what in ((output, "the model"), (Path(arguments.data), "the data")):
        if place.resolve() == other.resolve():
            raise OptionError(f"--checkpoint {place}: there goes {what} already; name another file")
    checkpoint = Checkpoint(place, every=arguments.checkpoint_every)
    if not check_checkpoint(checkpoint, arguments.resume) and arguments.resume:
        print(f"note: {place}: there is no checkpoint yet, training starts", file=sys.stderr, flush=True)
    return checkpoint


def _dataset(arguments: argparse.Namespace) -> Dataset:
    dropped, texts = arguments.drop or (), arguments.text or ()
    dataset = read(arguments.data, arguments.target or (), texts)
    for name in texts:
        if not isinstance(dataset.table[name], Text):
            raise OptionError(f"--text {name}: only the columns of a CSV file can be taken as text")
    for name in dropped:
        if name in dataset.targets:
            raise OptionError(f"--drop {name}: this is the target")
    test = dataset.test
    if test is not None:
        test = test.without([name for name in dropped if name in test])
    return replace(dataset, table=dataset.table.without(dropped), test=test)


def _with_origin(model: Model, arguments: argparse.Namespace, compared: Compared) -> Model:
    """Add to the record what the data were called (not in which folder), what was dropped, and how it was compared."""
    origin = {"data": Path(arguments.data).resolve().name, "dropped": arguments.drop}
    record = model.record or Record()
    settings, results = origin | record.settings | compared.settings, record.results | compared.results
    return replace(model, record=replace(record, settings=settings, results=results))


def _notes(dataset: Dataset, problem: Problem, options: Options) -> Iterator[str]:
    """What a user should know of the data, with the option that changes it."""
    advice = {
        str(leak): f"; to leave it out: --drop {quote(leak.column)}" for leak in leaks(dataset.table, dataset.targets)
    }
    for note in problem.notes:
        yield note + advice.get(note, "")
    classes, (name, *_) = problem.preparation.classes, problem.preparation.target_names
    guessed = options.kind is None and not isinstance(dataset.table[name], Text)
    if guessed and classes is not None and len(classes) > 2:
        yield (
            f"the {len(classes)} different whole numbers of the target {name!r} are taken as classes; to learn them as "
            "numbers: --kind numbers"
        )


def _data_lines(name: str, problem: Problem) -> dict[str, str]:
    inputs, _, target = str(problem.preparation).partition("\ntarget: ")
    parts = {"train": problem.train, "validate": problem.validation, "test": problem.test}
    rows = [f"{len(part[0]):,} to {purpose}" for purpose, part in parts.items() if part is not None]
    return {"data": f"{name}: {', '.join(rows)}", "inputs": inputs, "target": target}


def _network_lines(network: Network, settings: Settings) -> dict[str, str]:
    lines = {"network": f"{describe_network(network)}, {settings.dtype}", "training": _training(settings)}
    if settings.class_weights is not None:
        lines["weights"] = describe_weights(settings.class_weights)
    return lines


def _training(settings: Settings) -> str:
    parts = [
        f"loss {settings.loss}",
        f"{settings.optimizer} at rate {settings.rate:g} ({settings.schedule})",
        "" if settings.momentum is None else f"momentum {settings.momentum:g}",
        "all rows a step" if settings.batch_size is None else f"{counted(settings.batch_size, 'row')} a step",
        f"at most {counted(settings.epochs, 'epoch')}",
        "" if settings.patience is None else f"patience {settings.patience}",
        *(f"{name} {value:g}" for name in ("l1", "l2", "clip") if (value := getattr(settings, name))),
        f"seed {settings.seed}",
    ]
    return ", ".join(filter(None, parts))


def _outcome(problem: Problem, report: Report, compared: dict[str, Scores]) -> str:
    fit, gradient, preparation, settings = report.fit, report.gradient, problem.preparation, report.settings
    weighted = settings.class_weights is not None
    ending = describe_ending(fit.ended, fit.state.epoch)
    if fit.state.best is not None:
        ending += f"; the weights are those of epoch {fit.state.best.epoch}, the best on the validation rows"
    baseline = preparation.decode(problem.center[np.newaxis])[0]
    if preparation.classes is None:
        means = zip(preparation.target_names, baseline, strict=True)
        meaning = f"the mean of the training rows: {', '.join(f'{name} {mean:.4g}' for name, mean in means)}"
    else:
        meaning = f"the most frequent class of the training rows: {preparation.target_names[0]} {baseline}"
    checked = f"{len(gradient.entries):,} of {gradient.size:,} derivatives compared with central differences"
    verdict = f"{'passed' if gradient.ok else 'FAILED'}, largest relative error {gradient.largest_error:.1e}"
    if fit.history.halvings:
        epochs = ", ".join(str(halving.epoch) for halving in fit.history.halvings)
        ending += f"; the rate was halved {counted(len(fit.history.halvings), 'time')} (in epoch {epochs})"
    of = " of the weighted objective" if weighted else ""
    dropped = ", with units left out" if any(settings.dropout) else ""
    lines = [
        f"{sentence(ending)}\n",
        f"{scores_table(report.results | compared, balanced=weighted)}\n",
        sentence(f"baseline: {meaning}"),
        sentence(f"gradient check{of}{dropped}: {verdict} ({checked})"),
    ]
    for name in compared:
        text = f"{name}: the mean over folds, each of them tested with a network that was trained on the others"
        lines.append(sentence(text))
    if weighted:
        lines.append(
            sentence("class weights: in the loss of training and validation; in the table all rows count alike")
        )
    if fit.interpreted is not None:
        lines.append(f"steps were interpreted: {fit.interpreted}")
    return "\n".join(lines)
