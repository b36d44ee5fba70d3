"""Training and evaluation loaders over COCO-format files, for Lightning; knows no configuration object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.rank_zero import rank_zero_info
from torch.utils.data import DataLoader

from contrastmask.data.dataset import Batch, CocoDataset, collate
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Records
from contrastmask.data.records_cache import load_cached
from contrastmask.data.sampler import GroupedBatchSampler, ShardBatchSampler
from contrastmask.data.splits import Split, SplitRule, apply_split, resolve_split
from contrastmask.data.summary import summarise, summary_lines
from contrastmask.data.transforms import TestTransform, TrainTransform
from contrastmask.errors import DataError


class CocoDataModule(pl.LightningDataModule):
    """Two COCO-format subsets, one to train on and one to evaluate on (validation and test alike).

    Masks of novel classes are removed from the training records before a data set exists; the evaluation records keep
    theirs, they are the truth. The trainer must not replace the samplers (`use_distributed_sampler=False`).

    Args:
        train_annotations, val_annotations: COCO JSON files. train_images, val_images: their image folders.
        split: which classes are novel.
        short_sides, long_side, flip: see `TrainTransform`. test_short_side, test_long_side: see `TestTransform`.
        batch_size, eval_batch_size: images per process.
        num_workers: worker processes of each loader; 0 loads in the main process. The batches are the same.
        seed: not negative; with the epoch it decides order and augmentation.
        repeats: passes over the training set within one epoch (3x schedule: 3).
        reading: of both files where there is more than one way; predicted masks are never the truth to evaluate by.
        cache: folder for checked records of large annotation files, see `load_cached`; None keeps none.
        on_bad: "error" or "skip", what an unreadable image does, see `CocoDataset`.
        prepare: makes the files where they are generated rather than downloaded; run by one process per machine.
    """

    def __init__(
        self,
        train_annotations: str | Path,
        train_images: str | Path,
        val_annotations: str | Path,
        val_images: str | Path,
        *,
        split: SplitRule,
        short_sides: tuple[int, int] = (640, 800),
        long_side: int = 1333,
        flip: float = 0.5,
        test_short_side: int = 800,
        test_long_side: int = 1333,
        batch_size: int = 2,
        eval_batch_size: int = 1,
        num_workers: int = 2,
        seed: int = 0,
        repeats: int = 1,
        reading: Reading = AS_IT_IS,
        cache: Path | None = None,
        on_bad: Literal["error", "skip"] = "error",
        prepare: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.paths = {
            "train": (Path(train_annotations), Path(train_images)),
            "val": (Path(val_annotations), Path(val_images)),
        }
        self.split_rule = split
        self.train_transform = TrainTransform(short_sides, long_side, flip)
        self.test_transform = TestTransform(test_short_side, test_long_side)
        self.batch_size, self.eval_batch_size, self.num_workers = batch_size, eval_batch_size, num_workers
        self.seed, self.repeats, self.reading, self.on_bad, self.prepare = seed, repeats, reading, on_bad, prepare
        self.cache = cache
        # With fewer evaluation images than processes some have none, which Lightning refuses by default.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        self._split: Split | None = None
        self._withheld = 0
        self._records: dict[str, Records] = {}
        self._datasets: dict[str, CocoDataset] = {}

    def prepare_data(self) -> None:
        """Generate the files, where there is a generator."""
        if self.prepare is not None:
            self.prepare()

    def setup(self, stage: str | None = None) -> None:
        """Read what the stage needs, each file once. "validate" and "test" read the training file only where the split
        depends on it (rule "as_annotated").

        Raises:
            DataError: missing or malformed files; class tables that differ; nothing left to train on.
            ConfigError: the split names classes that the data lack.
        """
        evaluation_only = stage in ("validate", "test")
        sides = ["val"] if evaluation_only and not self._split_needs_annotations else ["train", "val"]
        new = [side for side in sides if side not in self._records]
        loaded = {side: self._load(side) for side in new}
        if "train" in loaded:
            complete = loaded["train"]
            self._split = resolve_split(self.split_rule, complete)
            loaded["train"] = apply_split(self._split, complete, self.split_rule.mask_share)
            self._withheld = _count_masks(complete) - _count_masks(loaded["train"])
        elif self._split is None:
            self._split = resolve_split(self.split_rule, loaded["val"])
        self._records.update(loaded)
        if len(self._records) == 2:
            _check_same_classes(self._records["train"], self._records["val"])
        for side in new:
            self._datasets[side] = self._make_dataset(side)
            rank_zero_info("\n".join(summary_lines(side, self._records[side], self._summary_of(side))))

    def _load(self, side: str) -> Records:
        reading = self.reading if side == "train" else replace(self.reading, predicted_masks="ignore")
        return load_cached(*self.paths[side], reading, folder=self.cache)

    @property
    def _split_needs_annotations(self) -> bool:
        rule = self.split_rule
        return rule.rule == "as_annotated" and rule.base is None and rule.novel is None

    def _make_dataset(self, side: str) -> CocoDataset:
        train = side == "train"
        transform = self.train_transform if train else self.test_transform
        dataset = CocoDataset(self._records[side], transform, train=train, seed=self.seed, on_bad=self.on_bad)
        if len(dataset) == 0:
            raise DataError(f"{self._records[side].path}: no image is left to {'train on' if train else 'evaluate'}")
        return dataset

    @property
    def split(self) -> Split:
        """Base and novel classes; known after `setup`."""
        if self._split is None:
            raise RuntimeError("the split is known after setup()")
        return self._split

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in label order."""
        return self.split.class_names

    @property
    def train_records(self) -> Records:
        """Training records, masks of novel classes removed."""
        return self._of(self._records, "train")

    @property
    def val_records(self) -> Records:
        """Evaluation records with all their masks."""
        return self._of(self._records, "val")

    @property
    def train_dataset(self) -> CocoDataset:
        """The training samples."""
        return self._of(self._datasets, "train")

    @property
    def val_dataset(self) -> CocoDataset:
        """The evaluation samples."""
        return self._of(self._datasets, "val")

    @staticmethod
    def _of(sides: dict[str, Any], side: str) -> Any:
        if side not in sides:
            raise RuntimeError(f"the {side} side is read by setup(), not for every stage")
        return sides[side]

    def train_dataloader(self) -> DataLoader[Batch]:
        """Aspect-grouped batches of this process, starting at the trainer's epoch (0 without a trainer)."""
        rank, world_size = self._shard()
        sampler = GroupedBatchSampler(
            self.train_dataset.wide,
            self.batch_size,
            seed=self.seed,
            # On resume the first iterator exists before the trainer tells the epoch (Lightning #21938).
            epoch=0 if self.trainer is None else self.trainer.current_epoch,
            repeats=self.repeats,
            rank=rank,
            world_size=world_size,
        )
        return self._loader(self.train_dataset, sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """This process's share of the evaluation images, none twice."""
        rank, world_size = self._shard()
        sampler = ShardBatchSampler(len(self.val_dataset), self.eval_batch_size, rank=rank, world_size=world_size)
        return self._loader(self.val_dataset, sampler)

    def test_dataloader(self) -> DataLoader[Batch]:
        """The same as `val_dataloader`."""
        return self.val_dataloader()

    def _shard(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _loader(self, dataset: CocoDataset, sampler: GroupedBatchSampler | ShardBatchSampler) -> DataLoader[Batch]:
        return DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
            # Making an iterator draws a seed for workers: not from the global generator, whose state the model uses.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def summary(self) -> dict[str, Any]:
        """The split's classes by name and, for each side read, what `summarise` gives; ready for JSON."""
        names = self.class_names
        return {
            "split": {
                "name": self.split.name,
                "base": [names[label] for label in self.split.base],
                "novel": [names[label] for label in self.split.novel],
            },
            **{side: self._summary_of(side) for side in self._records},
        }

    def _summary_of(self, side: str) -> dict[str, Any]:
        withheld = self._withheld if side == "train" else 0
        return summarise(self._records[side], self._datasets[side], self.split, withheld)


def _count_masks(records: Records) -> int:
    return int((records.has_mask & ~records.crowd).sum())


def _check_same_classes(train: Records, val: Records) -> None:
    """Labels are positions in the class table: the two tables must be equal."""
    ours, theirs = ({(c.id, c.name) for c in records.categories} for records in (train, val))
    if ours == theirs:
        return
    named = [
        f"{records.path} alone has " + ", ".join(f"{name!r} (id {id_})" for id_, name in sorted(difference))
        for records, difference in ((train, ours - theirs), (val, theirs - ours))
        if difference
    ]
    raise DataError("training and validation files list different categories: " + "; ".join(named))
