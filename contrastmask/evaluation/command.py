"""Judge detections from files, without a model.

    contrastmask evaluate RUN                                    # once more what a run of train.py or test.py found
    contrastmask evaluate results.json --truth instances.json    # what any tool has written, COCO's results format

A run's folder tells its annotation file, its split and how the file was read; options given here take their place.
Prints the tables of a run; -o keeps the figures as results.json.
"""

from __future__ import annotations

from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from contrastmask.arguments import Parser
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.reading import CHOICES
from contrastmask.data.splits import RULES, SplitRule
from contrastmask.errors import ConfigError, DataError
from contrastmask.evaluation.boxes_given import DRAWN, LIKELY, are_the_truths
from contrastmask.evaluation.coco_match import BACKENDS
from contrastmask.evaluation.description import sentences
from contrastmask.evaluation.results_file import ResultsFile, read_results
from contrastmask.evaluation.run_files import Evaluated, given_files, run_files
from contrastmask.evaluation.slices import evaluate
from contrastmask.evaluation.tables import format_tables
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_file import read_truth
from contrastmask.files.whole_file import write_json

BY_NAMES = tuple(rule for rule in RULES if rule != "as_annotated")  # that one needs the file of the training


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; the exit status.

    Raises:
        ContrastMaskError: what cannot be judged, and why.
    """
    options = _parser().parse_args(arguments)
    if options.output is not None and Path(options.output).exists():
        raise ConfigError(f"{options.output} exists, and is not written over: give -o another name")
    results, notes = judge(options)
    console = Console(soft_wrap=True)
    for table in format_tables(results):
        console.print(table)
    for line in [*sentences(results["truth"]), *notes]:
        console.print(line, markup=False, highlight=False)
    if options.output is not None:
        write_json(Path(options.output), results)
        console.print(f"results      {options.output}", markup=False, highlight=False)
    return 0


def judge(options: Namespace) -> tuple[dict[str, Any], list[str]]:
    """The results, as a run's ``results.json`` has them, and what a person should know beside them."""
    paths = [Path(word) for word in options.detections]
    asked = run_files(paths[0]) if len(paths) == 1 and paths[0].is_dir() else given_files(paths)
    _take_options(asked, options)
    truth = _truth(asked)
    notes = []
    if asked.sha256 and asked.sha256 != truth.sha256:
        notes.append(f"{truth.path} has changed since the run: the figures may be others than its own")
    found = read_results(asked.files, truth, asked.ids(truth), ignore_unknown=options.ignore_unknown)
    notes += found.notes
    kinds = found.kinds
    if asked.in_given_boxes:
        if "mask" not in kinds:
            raise DataError(
                f"{paths[0]} drew masks into given boxes, and its detections.json is gone: nothing to judge"
            )
        kinds = ("mask",)
        notes.append(DRAWN)
    elif are_the_truths(found, truth):
        notes.append(LIKELY)
    rule = SplitRule(options.split or "all", _names(options.base), _names(options.novel))
    classes, split, labels = asked.classes(truth, rule)
    foreign = np.flatnonzero(labels[found.places] < 0)
    if len(foreign):
        raise DataError(f"{len(foreign)} detections are of classes that the run's model does not have")
    image_ids, said = _images(asked, truth, found, options.images)
    positions = truth.positions(image_ids).tolist()
    results = evaluate(
        truth,
        found.predictions(truth, labels, positions),
        split,
        classes=classes,
        image_ids=image_ids,
        kinds=kinds,
        backend=options.evaluator,
    )
    return results | ({"in_given_boxes": True} if asked.in_given_boxes else {}), notes + said


def _parser() -> Parser:
    parser = Parser("contrastmask evaluate", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    say = parser.add_argument
    say("detections", nargs="+", metavar="RUN|FILE", help="a run's folder; one results file; or two, of the same "
        "detections: one with masks and one with boxes")  # fmt: skip
    say("--truth", metavar="FILE", help="annotation file in COCO's format; a run's own by default")
    say("--split", choices=BY_NAMES, help="groups of classes besides all of them (default: a run's own, else all)")
    say("--base", metavar="A,B", help="own list of base classes, the rest is novel")
    say("--novel", metavar="A,B", help="own list of novel classes, the rest is base")
    say("--images", choices=("all", "found"), default="all", help="judge all images of the file, as COCO does, or "
        "those with a detection (default: %(default)s)")  # fmt: skip
    say("--ignore-unknown", action="store_true", help="leave out detections of images and classes that the file lacks")
    for name in ("crowd", "rectangles", "nested"):
        say(f"--{name}", choices=CHOICES[name], help=f"as data.{name} of the other programs")
    say("--evaluator", choices=BACKENDS, default="arrays", help="what matches and counts; the figures are the same "
        "(default: %(default)s)")  # fmt: skip
    say("-o", "--output", metavar="FILE", help="write the results there, as JSON")
    return parser


def _take_options(asked: Evaluated, options: Namespace) -> None:
    if options.truth is not None:
        asked.truth = Path(options.truth)
    if asked.truth is None:
        raise ConfigError("whose objects are they? --truth names the annotation file that results files are judged by")
    if options.split or options.base or options.novel:
        asked.base = asked.novel = None
    given = {name: value for name in ("crowd", "rectangles", "nested") if (value := getattr(options, name)) is not None}
    asked.reading = replace(asked.reading, **given)


def _truth(asked: Evaluated) -> Truth:
    truth = read_truth(asked.truth, asked.reading)
    if not asked.reading.repair or None not in truth.sizes or asked.image_folder is None:
        return truth
    # a repair takes from the pictures what the file lacks
    records = load_annotations(asked.truth, asked.image_folder, asked.reading)
    sides = zip(records.heights.tolist(), records.widths.tolist(), strict=True)
    return read_truth(asked.truth, asked.reading, dict(zip(records.image_ids.tolist(), sides, strict=True)))


def _images(asked: Evaluated, truth: Truth, found: ResultsFile, choice: str) -> tuple[list[Any] | None, list[str]]:
    """The images to judge, None for all, and what is to be said of them."""
    if asked.image_ids is not None:
        return asked.image_ids, []
    seen = np.unique(found.positions).tolist()
    empty = len(truth.image_ids) - len(seen)
    if not empty:
        return None, []
    if choice == "found":
        return [truth.image_ids[position] for position in seen], []
    return None, [f"{empty} of {len(truth.image_ids)} images have no detection: their objects are missed"]


def _names(words: str | None) -> list[str] | None:
    return None if words is None else [name.strip() for name in words.split(",") if name.strip()]
