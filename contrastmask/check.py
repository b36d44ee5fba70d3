"""Look at a data set as training would, without training.

    contrastmask check data.root=DIR split=as_annotated [--no-images]

Takes the settings of the training, whose ``--help`` lists them. Prints what is there, what would be dropped or
repaired and why, and the image files that cannot be used; the exit status is 1 where training would stop.
"""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from functools import cache

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contrastmask.arguments import Parser
from contrastmask.data.annotations.cache import load_cached
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.data.splits import Split
from contrastmask.data.subsets import Subsets
from contrastmask.errors import ContrastMaskError, plain_errors
from contrastmask.evaluation.judged import judged_as
from contrastmask.evaluation.watched import (
    DECIDING,
    LOSS,
    NAMES,
    WATCHED,
    WATCHED_GIVEN,
    expected_figure,
    explained,
    rarely,
    unjudged,
)
from contrastmask.programs.composing import composed
from contrastmask.programs.config import Config, register, typed
from contrastmask.programs.data_options import subset_options
from contrastmask.programs.looked_at import cannot_be_used, look_at_images
from contrastmask.programs.named_files import check_named_data, check_root

NO_NOVEL = (
    "no class is novel: objects without mask are learnt from as boxes, and no figure will tell how good masks are of "
    "classes that have none; split.novel=[CLASS,…] holds out the masks of some classes to measure it"
)


@plain_errors
def main(arguments: list[str]) -> int:
    """Check the data that ``arguments`` (overrides of ``train.py``) describe; the exit status."""
    console = Console()
    subsets = None
    try:
        overrides, images = _words(arguments)
        config = _config(overrides)
        check_root(config, ("train", "val"))
        load = cache(load_cached)  # the files are read once, whatever is asked of them
        subsets = Subsets(**subset_options(config), load=load)
        if subsets.prepare is not None:
            subsets.prepare()
        check_named_data(config, ("train", "val"))
        subsets.read()
    except ContrastMaskError as error:
        rest = [] if subsets is None else _rest(subsets, error)
        told = {line for _, line in rest}
        beside = [f"  {line}" for line in error.lines if line not in told]
        said = "\n".join([f"{type(error).__name__}: {error.message}", *beside])
        console.print(said, markup=False, style="red", soft_wrap=True)
        for side, line in rest:
            _print_line(console, side, line)
        if subsets is not None:
            _print_starts_completing(console, config, overrides, load)
        return 1
    console.print(_classes(subsets))
    if not subsets.split.novel:
        console.print(NO_NOVEL, soft_wrap=True, markup=False)
    looked, reports = [], []
    for side, records in subsets.records.items():
        found = look_at_images(records, side, console) if images else None
        if found and found.fault:
            _print_line(console, side, found.fault.line)
        if not (found and found.fault and found.fault.of_sizes):
            _print_lines(console, side, records.report)
            reports.append(records.report)
        if found:
            _print_lines(console, side, found.report)
            for line in found.lines:
                # a path must come out in one piece to be copied
                console.print(f"{side}: {line}", markup=False, soft_wrap=True)
            reports.append(found.report)
            looked.append(found)
    if "val" in subsets.records:
        reports.append(_print_figures(console, config, overrides, subsets, load))
    skip = config.data.on_bad == "skip"
    bad = sum(side.bad for side in looked)
    if bad:
        console.print(cannot_be_used(looked, skip=skip), markup=False, soft_wrap=True)
    if bad and (not skip or any(side.lost for side in looked)):
        return 1
    warnings = sum(len(report.lines("warning")) for report in reports)
    ask = f"; {warnings} warning{'s' * (warnings > 1)} above: look at {'them' if warnings > 1 else 'it'} first"
    without = f" without {f'these {bad} image files' if bad > 1 else 'this image file'}" if bad else ""
    not_seen = "" if images else ", images not looked at"
    console.print(f"ready to train{without}{not_seen}{ask if warnings else ''}", soft_wrap=True)
    return 0


def _words(arguments: list[str]) -> tuple[list[str], bool]:
    parser = Parser("contrastmask check", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings, as for contrastmask train")
    parser.add_argument("--no-images", action="store_true", help="leave the image files unread")
    given = parser.parse_intermixed_args(arguments)
    return given.overrides, not given.no_images


def _config(overrides: list[str]) -> Config:
    register()
    # without a run there is no run folder, which these groups write to
    return typed(composed("train", [*overrides, "logger=none", "callbacks=none", "trainer.default_root_dir=null"]))


def _rest(subsets: Subsets, stopped: ContrastMaskError) -> list[tuple[str, str]]:
    """What there is to say of the two files, (side, line), where training would stop with this error."""
    # what has been said, and what it was said of with the file's side before it
    known = {error.message for error in (stopped, stopped.__cause__) if isinstance(error, ContrastMaskError)}
    rest = []
    for side, (path, folder) in subsets.paths.items():
        try:
            report = subsets.load(path, folder, subsets.readings[side], folder=subsets.cache).report
        except ContrastMaskError as error:
            if error.message not in known:
                rest.append((side, f"{type(error).__name__}: {error}"))
            continue
        rest += [(side, line) for line in report.lines()]
    return rest


def _print_figures(
    console: Console, config: Config, overrides: list[str], subsets: Subsets, load: Callable[..., Records]
) -> Report:
    """What the best checkpoint will be chosen by; of a detector's settings also with the crop branch."""
    records, crop = subsets.records["val"], config.mask_branch.kind == "crop"
    truth, report = (records, Report()) if crop else judged_as(records, subsets.readings["val"])
    _print_lines(console, "val", report)
    figure, watched, why, rare = _watched(config, truth, subsets.split)
    said, stops = explained(figure, watched, why) + (f" ({rare})" if rare else ""), ""
    if (completing := _completing(config, overrides)) is not None:
        own, other = subsets, ""
        try:
            if completing.split != config.split:
                own, other = Subsets(**subset_options(completing), load=load), f" (split {completing.split.name})"
                own.read()
            figure, _, its_why, rare = _watched(completing, own.records["val"], own.split)
            reason = rare if its_why == why else its_why
            said += f"; with experiment=complete{other} by {NAMES[figure]}" + (f" ({reason})" if reason else "")
        except ContrastMaskError as error:
            stops = f"with experiment=complete training stops: {error}"
    for line in filter(None, (said, stops)):
        console.print(line, markup=False, soft_wrap=True)
    return report


def _watched(config: Config, records: Records, split: Split) -> tuple[str, dict[str, str], str | None, str | None]:
    """What the best checkpoint will be chosen by, of which figures, and why the training is never evaluated or what a
    shorter one would go by."""
    why = unjudged(**{name: config.trainer.get(name) for name in DECIDING})
    watched = WATCHED_GIVEN if config.mask_branch.kind == "crop" else WATCHED
    return (
        LOSS if why else expected_figure(records, split, watched),
        watched,
        why,
        None if why else rarely(config.trainer.get("check_val_every_n_epoch")),
    )


def _print_starts_completing(
    console: Console, config: Config, overrides: list[str], load: Callable[..., Records]
) -> None:
    """Where the split stops a detector's training and not the crop branch's, whose split is another: that."""
    completing = _completing(config, overrides)
    if completing is None or completing.split == config.split:
        return
    try:
        Subsets(**subset_options(completing), load=load).read()
    except ContrastMaskError:
        return
    text = f"with experiment=complete, whose split is {completing.split.name}, training starts"
    console.print(text, markup=False, soft_wrap=True)


def _completing(config: Config, overrides: list[str]) -> Config | None:
    """A detector's settings with the crop branch's experiment; None for a crop branch's own, and where they do not go
    together."""
    if config.mask_branch.kind == "crop":
        return None
    others = [word for word in overrides if word.lstrip("+").partition("=")[0] != "experiment"]
    try:
        completing = _config([*others, "experiment=complete"])
    except ContrastMaskError:
        return None
    return completing if completing.mask_branch.kind == "crop" else None


def _classes(subsets: Subsets) -> Table:
    split = subsets.split
    table = Table(title=Text(f"split {split.name}", "table.title"), caption="masks: those that training may see")
    for column in ("class", "side", "train objects", "masks", "val objects", "masks"):
        table.add_column(column, justify="left" if column in ("class", "side") else "right")
    columns = []
    for records in subsets.records.values():
        objects = ~records.crowd
        number, drawn, made = (
            np.bincount(records.labels[chosen], minlength=len(split.class_names)).tolist()
            for chosen in (objects, objects & records.drawn, objects & records.has_mask & records.predicted)
        )
        columns += [number, [f"{n} + {more} predicted" if more else n for n, more in zip(drawn, made, strict=True)]]
    novel = set(split.novel)
    for label, name in enumerate(split.class_names):
        counts = [str(column[label]) for column in columns]
        table.add_row(Text(name), "novel" if label in novel else "base", *counts)
    return table


def _print_lines(console: Console, side: str, report: Report) -> None:
    for line in report.lines():
        _print_line(console, side, line)


def _print_line(console: Console, side: str, line: str) -> None:
    style = "yellow" if line.startswith("warning") else "red" if line.partition(" ")[0].endswith("Error:") else None
    console.print(f"{side}: {line}", markup=False, soft_wrap=True, style=style)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
