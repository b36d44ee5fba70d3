"""The two annotation files of a data set as training and evaluation use them: checked, split, masks withheld.

Needs no torch: what only looks at the data starts at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from contrastmask.data.annotations.cache import load_cached
from contrastmask.data.annotations.categories import match_classes
from contrastmask.data.learnable import bare_classes, lost, require_masks, require_usable
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Records
from contrastmask.data.report import Report
from contrastmask.data.splits import Split, SplitRule, apply_split, resolve_split
from contrastmask.data.trained import Trained, differences, trained_split
from contrastmask.data.training_images import training_images
from contrastmask.errors import CheckpointError, DataError

Side = Literal["train", "val"]


class Subsets:
    """One subset to train on and one to evaluate on, read when asked for and each file once.

    Masks of novel classes are taken out of the training records; the evaluation records keep theirs, they are the
    truth.

    Args:
        train_annotations, val_annotations: COCO JSON files. train_images, val_images: their image folders.
        split: which classes are novel.
        reading: of both files where there is more than one way; predicted masks are never the truth to evaluate by.
        cache: folder for checked records of large annotation files, see `load_cached`; None keeps none.
        prepare: makes the files where they are generated rather than downloaded.
        trained: the classes of a checkpoint to evaluate: the labels are then its own, and so is the split that the
            training file would have told.
        by_crops: a training is one of a crop branch, which learns masks from drawn ones alone.
        load: reads a file, as `load_cached` does, which is the default; for several subsets of the same files.

    Attributes:
        records: what has been read, by side. images: int64 [I'] positions in the records of the images that are used.
        left_out: reason → number of images left out of training.
        withheld: masks that the training file has and the split took away.
        notes: where the split of the data is another than the checkpoint's.
    """

    def __init__(
        self,
        train_annotations: str | Path,
        train_images: str | Path,
        val_annotations: str | Path,
        val_images: str | Path,
        *,
        split: SplitRule,
        reading: Reading = AS_IT_IS,
        cache: Path | None = None,
        prepare: Callable[[], None] | None = None,
        trained: Trained | None = None,
        by_crops: bool = False,
        load: Callable[..., Records] | None = None,
    ) -> None:
        self.paths: dict[str, tuple[Path, Path]] = {
            "train": (Path(train_annotations), Path(train_images)),
            "val": (Path(val_annotations), Path(val_images)),
        }
        self.split_rule, self.cache, self.prepare, self.trained = split, cache, prepare, trained
        self.by_crops, self.load = by_crops, load or load_cached
        self.readings = {"train": reading, "val": replace(reading, predicted_masks="ignore")}
        self.records: dict[str, Records] = {}
        self.images: dict[str, np.ndarray] = {}
        self.left_out: dict[str, dict[str, int]] = {}
        self.withheld = 0
        self.notes: list[str] = []
        self._split: Split | None = None

    @property
    def split(self) -> Split:
        """Base and novel classes; known after `read`."""
        if self._split is None:
            raise RuntimeError("the split is known after reading")
        return self._split

    def read(self, *, evaluation_only: bool = False) -> list[Side]:
        """Read what is not read yet; an evaluation needs the training file only where the split depends on it (rule
        "as_annotated").

        Returns:
            the sides that are new.

        Raises:
            DataError: missing or malformed files; classes of val that training does not have; nothing left to train or
                evaluate on, with what was lost.
            ConfigError: the split names classes that the data lack.
            CheckpointError: the data have objects of classes that the checkpoint does not know.
        """
        sides: list[Side] = ["val"] if evaluation_only and not self._split_needs_annotations else ["train", "val"]
        new = [side for side in sides if side not in self.records]
        loaded = self._load(new)
        split, withheld = self._split, self.withheld
        if "train" in loaded:
            complete = loaded["train"]
            split = resolve_split(self.split_rule, complete, by_crops=self.by_crops)
            if not evaluation_only and (self.split_rule.mask_share > 0 or self.by_crops):
                require_masks(split.base, complete, by_crops=self.by_crops)
            complete = _with_bare_classes(complete, split, self.split_rule)
            loaded["train"] = apply_split(split, complete, self.split_rule.mask_share)
            if not evaluation_only and self.by_crops:
                require_usable(loaded["train"])
            withheld = _count_masks(complete) - _count_masks(loaded["train"])
        elif split is None:
            split = self._given_split or resolve_split(self.split_rule, loaded["val"])
        records = {**self.records, **loaded}
        if len(records) == 2:
            train = records["train"]
            matched = match_classes(records["val"], train.class_names, str(train.path))
            if matched is not self.records.get("val"):  # also where it was read before under labels of its own
                new = [*dict.fromkeys([*new, "val"])]
                loaded["val"] = records["val"] = matched
            if "val" in new:
                loaded["val"] = records["val"] = _with_shared_images(records["val"], train)
        self.notes = [] if self.trained is None else differences(split, self.trained, self.split_rule)
        chosen = {side: _used_images(side, loaded[side]) for side in new}
        # only now: what has failed is read anew when asked for again
        self._split, self.withheld, self.records = split, withheld, records
        self.images |= {side: images for side, (images, _) in chosen.items()}
        self.left_out |= {side: left_out for side, (_, left_out) in chosen.items()}
        return new

    def _load(self, sides: list[Side]) -> dict[str, Records]:
        loaded: dict[str, Records] = {}
        for side in sides:
            if side == "val" and "train" in loaded and self._is_one_file:
                loaded["val"] = loaded["train"]
            else:
                loaded[side] = self.load(*self.paths[side], self.readings[side], folder=self.cache)
                if self.trained is not None:
                    names, whose = self.trained.class_names, self.trained.whose
                    loaded[side] = match_classes(loaded[side], names, whose, CheckpointError)
        return loaded

    @property
    def _given_split(self) -> Split | None:
        return None if self.trained is None else trained_split(self.split_rule, self.trained)

    @property
    def _is_one_file(self) -> bool:
        return self.paths["train"] == self.paths["val"] and self.readings["train"] == self.readings["val"]

    @property
    def _split_needs_annotations(self) -> bool:
        rule = self.split_rule
        return self._given_split is None and rule.rule == "as_annotated" and not rule.own


def _used_images(side: Side, records: Records) -> tuple[np.ndarray, dict[str, int]]:
    if side == "train":
        images, left_out = training_images(records)
    else:
        images, left_out = np.arange(len(records.image_ids)), {}
    if len(images) == 0:
        what = "train on" if side == "train" else "evaluate"
        raise DataError(f"{records.path}: no image is left to {what}", lost(records))
    return images, left_out


def _count_masks(records: Records) -> int:
    return int((records.has_mask & ~records.crowd).sum())


def _with_shared_images(records: Records, train: Records) -> Records:
    """The records, their report with a warning of the images that training sees, too."""
    if records.image_root.resolve() != train.image_root.resolve():
        return records
    learnt = {train.file_name(i) for i in range(len(train.image_ids))}
    shared = [i for i in range(len(records.image_ids)) if records.file_name(i) in learnt]
    report = records.report.merge(Report())
    reason = "that are in the training file, too: what is measured on them tells little of others"
    report.add("warning", "image", reason, records.image_ids[shared])
    return replace(records, report=report)


def _with_bare_classes(records: Records, split: Split, rule: SplitRule) -> Records:
    """The records, their report with a warning of base classes that have not one mask."""
    report = records.report.merge(Report())
    reason = "base, but without a single mask: their objects are learnt as boxes, as if they were novel"
    remedy = f"{rule.to_annotated} takes them for novel"
    report.add("warning", "category", reason, bare_classes(split.base, records), remedy=remedy)
    return replace(records, report=report)
