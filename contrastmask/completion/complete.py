"""Masks for the annotations that have none: each from its own box and class, everything else in the file untouched.

Images go through the model in fixed groups, and every group's masks are kept in a journal as soon as they are there: a
killed run, started again, goes on at the next group and writes the same file. :mod:`contrastmask.completion.shards`
tells how the groups are shared among several processes.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from contrastmask.completion.completed_file import write_completed
from contrastmask.completion.finishing import finished
from contrastmask.completion.learnt import learnt_classes
from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.pieces import of_pieces, pictures_of
from contrastmask.completion.plan import Plan, asked_classes, make_plan
from contrastmask.completion.progress import progress
from contrastmask.completion.readable import groups_ahead, keeping, require_some_read
from contrastmask.completion.shards import identity_of, own_groups, read_shards
from contrastmask.completion.sieve import Sieve
from contrastmask.completion.source_file import SourceFile, digest
from contrastmask.data.annotations.load import load_with_losses
from contrastmask.data.images.looking_ahead import Kinds, joined
from contrastmask.data.reading import RULES
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.errors import CheckpointError, ConfigError, DataError
from contrastmask.files.interruption import Ended
from contrastmask.files.journal import Journal
from contrastmask.files.lock import held
from contrastmask.runtime.given_boxes import GivenBoxes

if TYPE_CHECKING:
    from contrastmask.prediction.predictor import Predictor


def complete(
    options: CompletionOptions, predictor: Predictor | GivenBoxes, console: Console | None = None
) -> dict[str, Any]:
    """Write ``options.output``, and a summary beside it; or make one shard of that, or join the shards.

    What is written is described in :mod:`contrastmask.completion.completed_file`; no row that has a mask is changed.

    Returns:
        the summary, see :func:`contrastmask.completion.summary.summarise`; of a shard, which writes no output, only
        ``groups`` of images, ``masks`` and ``unreadable``.

    Raises:
        DataError: the file cannot be used or changed meanwhile, another process writes the output, or a journal beside
            it is of another run.
        CheckpointError: a class to complete is unknown to the model.
        ConfigError: an unknown class name in ``classes`` or a threshold; a detector with a crop branch beside it that
            has no use for one.
    """
    console = console or Console()
    if predictor.crops is not None and predictor.cams is None:
        raise ConfigError(
            f"given boxes are a crop branch's own work: ckpt_path={predictor.crops_path} completes a file, "
            "without crops="
        )
    # a shard keeps others from its own part alone, a join from all
    with ExitStack() as stack:
        for place in options.places:
            stack.enter_context(held(place))
        source = SourceFile(options.annotations)
        records, gone = load_with_losses(options.annotations, options.images, options.reading)
        _warn(console, records.report)
        asked, sieve = asked_classes(options, records), Sieve(options, records)
        plan = make_plan(options, records, gone, source.rows(), asked)
        labels = labels_of(options, predictor, records, plan.chosen)
        identity, groups = _identity(options, predictor, source), _groups(options, records, plan)
        if options.joins:
            journals, pieces = read_shards(options, identity, len(groups))
            _warn(console, of_pieces(pieces))
        else:
            journal = Journal(options.journal, identity_of(identity, options.shard, options.shards))
            journals = [journal]
            pictures = groups_ahead(options, records, groups, journal)
            _warn(console, joined([*map(pictures_of, journal.pieces.values()), *pictures.values()]))
            try:
                pieces = _predict(options, predictor, records, plan, groups, labels, journal, pictures, console)
            except Ended:
                kept = f"{len(journal.pieces)} groups of images are kept in {options.journal}"
                console.print(f"{kept}: the same command goes on from there", markup=False, soft_wrap=True)
                raise
        for journal in journals:
            journal.sync()
        if options.shard is not None:
            journals[0].close()
            return _told(records, pieces)
        require_some_read(options.annotations, records, pieces, journals)
        try:
            learnt = learnt_classes(predictor, options.annotations, records.class_names)
            summary = write_completed(options, records, plan, source, pieces, sieve, learnt, console)
        except DataError as error:
            kept = ", ".join(str(journal.path) for journal in journals)
            raise DataError(f"{error}. The masks are kept in {kept}: mend it and start again") from error
        for journal in journals:
            journal.close(remove=True)
    return summary


def _warn(console: Console, report: Report) -> None:
    for line in report.lines("warning", "dropped", "repaired"):
        console.print(line, markup=False, soft_wrap=True)


def _groups(options: CompletionOptions, records: Records, plan: Plan) -> list[list[int]]:
    """Positions of the images that go through the model together; shards do not change them."""
    images = np.unique(records.images_of(np.flatnonzero(plan.chosen))).tolist()
    return [images[i : i + options.batch_size] for i in range(0, len(images), options.batch_size)]


def _told(records: Records, pieces: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "groups": len(pieces),
        "masks": sum(len(piece["masks"]) for piece in pieces),
        "unreadable": [records.file_name(i) for piece in pieces for i in piece["unreadable"]],
    }


def _predict(
    options: CompletionOptions,
    predictor: Predictor | GivenBoxes,
    records: Records,
    plan: Plan,
    groups: list[list[int]],
    labels: np.ndarray,
    journal: Journal,
    pictures: dict[int, Kinds],
    console: Console,
) -> list[dict[str, Any]]:
    """A piece (:func:`contrastmask.completion.pieces.piece_of`) of every group asked for, the journal's first."""
    chosen = plan.chosen
    of_image = np.bincount(records.images_of(np.flatnonzero(chosen)), minlength=len(records.image_ids))
    own = own_groups(options, len(groups))
    rest = [number for number in own if number not in journal.pieces]
    objects = [int(of_image[group].sum()) for group in groups]
    done, total = (sum(objects[n] for n in numbers) for numbers in (journal.pieces, own))
    if journal.pieces:
        console.print(f"going on after {len(journal.pieces)} of {len(own)} groups of images")
    if isinstance(predictor, GivenBoxes):
        from contrastmask.completion.with_runtime import segmented
    else:
        from contrastmask.completion.with_torch import segmented
    begun = segmented(predictor, records, [groups[n] for n in rest], chosen, labels, options.num_workers)
    # closed here, so that what was begun is kept before anybody counts it
    with closing(finished(zip(rest, begun, strict=True), keeping(journal, records, console, pictures))) as pieces:
        for _ in progress(pieces, console, objects, done, total):
            pass
    return [journal.pieces[number] for number in own]


def labels_of(
    options: CompletionOptions, predictor: Predictor | GivenBoxes, records: Records, chosen: np.ndarray
) -> np.ndarray:
    """The model's label of each of the file's classes, -1 where it has none: a crop branch asks for no class."""
    known = {name: label for label, name in enumerate(predictor.class_names)}
    labels = np.array([known.get(name, -1) for name in records.class_names], dtype=np.int64)
    needed = [records.class_names[label] for label in np.unique(records.labels[chosen]).tolist()]
    missing = [name for name in needed if name not in known]
    if missing and not predictor.any_class:
        raise CheckpointError(
            f"{predictor.path} does not know {', '.join(missing)} of {options.annotations}; it has "
            f"{', '.join(predictor.class_names)}. classes=[…] completes some classes only"
        )
    return labels


def _identity(options: CompletionOptions, predictor: Predictor | GivenBoxes, source: SourceFile) -> dict[str, Any]:
    return {
        "journal": 3,
        "annotations": source.digest,
        "checkpoint": digest(Path(predictor.path)),
        "classes": None if options.classes is None else sorted(options.classes),
        **{
            name: getattr(options, name)
            for name in ("check", "redo", "unreadable", "rejected", "batch_size", "overwrite")
        },
        **{name: getattr(options, name) for name in RULES},
        "image_rules": vars(options.image_rules),
        "network": network_of(predictor),
    }


def network_of(predictor: Predictor | GivenBoxes) -> dict[str, Any]:
    """What decides the masks besides the checkpoint."""
    if isinstance(predictor, GivenBoxes):
        return {"precision": predictor.precision, "provider": predictor.provider, "tta": predictor.tta}
    sides = [predictor.transform.short_side, predictor.transform.long_side]
    crops = {} if predictor.crops is None else {"crops": digest(predictor.crops_path)}
    return {
        "sides": sides, "precision": predictor.precision, "tta": predictor.tta, "device": predictor.device.type, **crops
    }  # fmt: skip
