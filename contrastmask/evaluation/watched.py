"""Which figure tells the best checkpoint: the first of a list that there is. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from contrastmask.data.records import Records
from contrastmask.data.splits import Split
from contrastmask.evaluation.judged import Judged

LOSS = "epoch/loss"  # the one figure that is better when it is smaller
# logged names, the wanted one first, and what they are called
WATCHED = {
    "val/mask/novel/AP": "mask AP of the novel classes",
    "val/mask/all/AP": "mask AP of all classes",
    "val/box/all/AP": "box AP of all classes",
    LOSS: "the training loss",
}
# of a network that finds no boxes
WATCHED_GIVEN = {
    "val/given_boxes/novel/IoU": "IoU of masks in given boxes of the novel classes",
    "val/given_boxes/all/IoU": "IoU of masks in given boxes of all classes",
    LOSS: WATCHED[LOSS],
}
NAMES = WATCHED | WATCHED_GIVEN
_VAL = "the validation file"
_NEEDED = {
    **dict.fromkeys(("val/mask/novel/AP", "val/given_boxes/novel/IoU"), f"masks of novel classes in {_VAL}"),
    **dict.fromkeys(("val/mask/all/AP", "val/given_boxes/all/IoU"), f"masks in {_VAL}"),
    "val/box/all/AP": f"objects in {_VAL}",
}
# of Lightning's settings, those that decide whether a training is evaluated before its end
DECIDING = ("limit_val_batches", "check_val_every_n_epoch", "max_epochs")


def first_figure(names: Iterable[str], watched: Iterable[str] = WATCHED) -> str | None:
    """The first of ``watched`` that is among ``names``."""
    known = set(names)
    return next((name for name in watched if name in known), None)


def expected_figure(truth: Records | Judged, split: Split, watched: Iterable[str] = WATCHED) -> str:
    """What the best checkpoint will be chosen by, where all images of ``truth`` are evaluated.

    Args:
        truth: the validation records, predicted masks left out; of a detector what COCOeval finds in their file.
        watched: :data:`WATCHED`, or :data:`WATCHED_GIVEN` of a network that finds no boxes.
    """
    objects = ~truth.crowd
    with_mask = objects & truth.has_mask
    found = {LOSS}
    if objects.any():
        found.add("val/box/all/AP")
    if with_mask.any():
        found |= {"val/mask/all/AP", "val/given_boxes/all/IoU"}
    if (with_mask & np.isin(truth.labels, split.novel)).any():
        found |= {"val/mask/novel/AP", "val/given_boxes/novel/IoU"}
    return first_figure(found, watched) or LOSS


def unjudged(
    limit_val_batches: float | None = None, check_val_every_n_epoch: int | None = None, max_epochs: int | None = None
) -> str | None:
    """Why a training with these of Lightning's settings is never evaluated before its end; None where it is.

    (``max_steps`` and ``max_time`` may end it before its first evaluation, too; that is not foretold.)
    """
    if limit_val_batches == 0:
        return "trainer.limit_val_batches=0: no evaluation during the training"
    every, epochs = check_val_every_n_epoch, max_epochs
    if every is None or epochs is None or not 0 <= epochs < every:  # -1: without end
        return None
    return f"trainer.check_val_every_n_epoch={every}: no evaluation within the {epochs} epochs of the training"


def rarely(check_val_every_n_epoch: int | None = None) -> str | None:
    """What a shorter training than the evaluations' distance in epochs would follow; None where each is looked at."""
    if check_val_every_n_epoch is None or check_val_every_n_epoch < 2:
        return None
    return f"evaluated every {check_val_every_n_epoch} epochs, a shorter training goes by {NAMES[LOSS]}"


def explained(name: str, watched: Iterable[str] = WATCHED, why: str | None = None) -> str:
    """``name`` in words, and what a better figure needs that is not there, or ``why`` there is none."""
    listed = list(watched)
    lacking = listed[: listed.index(name)] if why is None else []
    if lacking:
        other = NAMES.get(lacking[-1], lacking[-1])
        why = f"{other} needs {_NEEDED[lacking[-1]]}" if lacking[-1] in _NEEDED else f"there is no {other}"
    return f"the best checkpoint is chosen by {NAMES.get(name, name)}" + (f"; {why}" if why else "")
