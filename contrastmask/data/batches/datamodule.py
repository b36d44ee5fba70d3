"""Training and evaluation loaders over COCO-format files, for Lightning; knows no configuration object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from contrastmask.data.batches.dataset import Batch, CocoDataset, collate
from contrastmask.data.batches.finite import check_finite
from contrastmask.data.batches.sampler import GroupedBatchSampler, ShardBatchSampler
from contrastmask.data.batches.transforms import TestTransform, TrainTransform
from contrastmask.data.batches.workers import worker_start
from contrastmask.data.reading import AS_IT_IS, Reading
from contrastmask.data.records import Records
from contrastmask.data.splits import Split, SplitRule
from contrastmask.data.subsets import Subsets
from contrastmask.data.summary import summarise, summary_lines
from contrastmask.data.trained import Trained
from contrastmask.spoken import say


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
        trained, by_crops: the classes of a checkpoint to evaluate, and whether a crop branch learns, see `Subsets`.
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
        trained: Trained | None = None,
        by_crops: bool = False,
    ) -> None:
        super().__init__()
        files = (train_annotations, train_images, val_annotations, val_images)
        self.subsets = Subsets(
            *files, split=split, reading=reading, cache=cache, prepare=prepare, trained=trained, by_crops=by_crops
        )
        self.train_transform = TrainTransform(short_sides, long_side, flip)
        self.test_transform = TestTransform(test_short_side, test_long_side)
        self.batch_size, self.eval_batch_size, self.num_workers = batch_size, eval_batch_size, num_workers
        self.seed, self.repeats, self.on_bad = seed, repeats, on_bad
        # With fewer evaluation images than processes some have none, which Lightning refuses by default.
        self.allow_zero_length_dataloader_with_multiple_devices = True
        self._datasets: dict[str, CocoDataset] = {}

    def prepare_data(self) -> None:
        """Generate the files, where there is a generator."""
        if self.subsets.prepare is not None:
            self.subsets.prepare()

    def setup(self, stage: str | None = None) -> None:
        """Read what the stage needs, each file once. "validate" and "test" read the training file only where the split
        depends on it (rule "as_annotated").

        Raises:
            DataError: missing or malformed files; class tables that differ; nothing left to train on.
            ConfigError: the split names classes that the data lack.
        """
        for side in self.subsets.read(evaluation_only=stage in ("validate", "test")):
            self._datasets[side] = self._make_dataset(side)
            say("\n".join(summary_lines(side, self.subsets.records[side], self._summary_of(side))))
        for note in self.subsets.notes:
            say(note)

    def _make_dataset(self, side: str) -> CocoDataset:
        train = side == "train"
        transform = self.train_transform if train else self.test_transform
        return CocoDataset(self.subsets.records[side], transform, train=train, seed=self.seed, on_bad=self.on_bad)

    @property
    def split(self) -> Split:
        """Base and novel classes; known after `setup`."""
        return self.subsets.split

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in label order."""
        return self.split.class_names

    @property
    def categories(self) -> list[dict[str, Any]]:
        """`[{"id", "name"}, …]` in label order: the training file's where it has been read, else the evaluation's."""
        records = self.subsets.records.get("train") or self.val_records
        return [{"id": category.id, "name": category.name} for category in records.categories]

    @property
    def train_records(self) -> Records:
        """Training records, masks of novel classes removed."""
        return self._of(self.subsets.records, "train")

    @property
    def val_records(self) -> Records:
        """Evaluation records with all their masks."""
        return self._of(self.subsets.records, "val")

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
        return self._loader(self.train_dataset, self._train_sampler(self._epoch()))

    @property
    def train_batches(self) -> int:
        """Training batches of this process in an epoch; no loader is made to know it."""
        return len(self._train_sampler(0))

    def _train_sampler(self, epoch: int) -> GroupedBatchSampler:
        wide = self.train_dataset.wide
        return GroupedBatchSampler(wide, self.batch_size, repeats=self.repeats, **self._sampling(epoch))

    def _sampling(self, epoch: int) -> dict[str, int]:
        """What a training's samplers have in common."""
        rank, world_size = self._shard()
        return {"seed": self.seed, "epoch": epoch, "rank": rank, "world_size": world_size, "done": self._done()}

    def _epoch(self) -> int:
        """0-based, that the training is about to begin or goes on with; 0 without a trainer."""
        # On resume the first iterator exists before the trainer tells the epoch (Lightning #21938).
        # of a checkpoint from an epoch's end current_epoch is still that one here
        return 0 if self.trainer is None else self.trainer.fit_loop.epoch_progress.current.processed

    def val_dataloader(self) -> DataLoader[Batch]:
        """This process's share of the evaluation images, none twice."""
        rank, world_size = self._shard()
        sampler = ShardBatchSampler(len(self.val_dataset), self.eval_batch_size, rank=rank, world_size=world_size)
        return self._loader(self.val_dataset, sampler)

    def test_dataloader(self) -> DataLoader[Batch]:
        """The same as `val_dataloader`."""
        return self.val_dataloader()

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """The batch, still on the host, as the network can take it.

        Raises:
            NotFiniteError: images or boxes are not finite.
        """
        return check_finite(batch)

    def _done(self) -> int:
        """Batches of the epoch that a resumed training has had before it was cut off."""
        if self.trainer is None or not self.trainer.fit_loop.restarting:
            return 0
        return self.trainer.fit_loop.epoch_loop.batch_progress.current.ready

    def _shard(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _loader(self, dataset: Dataset, sampler: Any, collate_fn: Callable[..., Any] = collate) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=collate_fn,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=worker_start(),
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
                "notes": list(self.subsets.notes),
            },
            **{side: self._summary_of(side) for side in self.subsets.records},
        }

    def _summary_of(self, side: str) -> dict[str, Any]:
        withheld = self.subsets.withheld if side == "train" else 0
        return summarise(self.subsets.records[side], self._datasets[side], self.split, withheld)
