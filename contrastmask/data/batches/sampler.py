"""Which images make which batch: a pure function of (seed, epoch), for every number of processes.

A *key* names one draw of one image; the data set derives the augmentation from it, so the order of work, the number of
workers and a restart change nothing. A *step* is what all processes together see at once: world_size x batch_size keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from contrastmask.errors import ConfigError


class Key(NamedTuple):
    """One draw of one image in training.

    epoch: 0-based; draw: how often the image was drawn before in this epoch (other passes, padding); index: position in
    the data set.
    """

    epoch: int
    draw: int
    index: int


def _check_shard(batch_size: int, rank: int, world_size: int) -> None:
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, got {batch_size}")
    if not 0 <= rank < world_size:
        raise ConfigError(f"rank must be in 0..world_size-1, got rank {rank} of {world_size}")


class GroupedBatchSampler:
    """Shuffled training batches of images of like aspect (wider than high, or not), sharded over processes.

    An epoch holds every image `repeats` times, shuffled as one set as MMDetection's RepeatDataset does. Each aspect
    group is padded to whole steps by wrapping around its own order, so every process gets the same number of batches; a
    padded key is a further draw of its image, augmented anew. MMDetection's group sampler pads by the same number; it
    deals whole batches out to processes, while here all processes of a step share one group and a step is the same set
    of images for 1 x 16, 2 x 8 or 8 x 2.

    `set_epoch` takes effect at the next `iter()`. The constructor's `epoch` matters on resume: the trainer may create
    the first iterator before it tells the epoch.

    Args:
        wide: bool [I], width > height of every image of the data set.
        batch_size: images per process.
        done: batches of the constructor's epoch that a training has had before it was cut off; iterating over that
            epoch begins behind them, its length stays. All of an epoch's are none of the next.

    Raises:
        ConfigError: no image, or a size, seed, epoch or rank out of range.
    """

    def __init__(
        self,
        wide: Sequence[bool] | np.ndarray,
        batch_size: int,
        *,
        seed: int,
        epoch: int = 0,
        repeats: int = 1,
        rank: int = 0,
        world_size: int = 1,
        done: int = 0,
    ) -> None:
        _check_shard(batch_size, rank, world_size)
        if repeats < 1:
            raise ConfigError(f"repeats must be at least 1, got {repeats}")
        if seed < 0:
            raise ConfigError(f"seed must not be negative, got {seed}")
        wide = np.asarray(wide, dtype=bool)
        if wide.size == 0:
            raise ConfigError("no training image is left: nothing to sample from")
        self.groups = [members for members in (np.flatnonzero(~wide), np.flatnonzero(wide)) if members.size]
        self.batch_size, self.seed, self.repeats = batch_size, seed, repeats
        self.rank, self.world_size = rank, world_size
        self._done = (int(epoch), done if done < len(self) else 0)
        self.set_epoch(epoch)

    @property
    def sampler(self) -> GroupedBatchSampler:
        """Itself: Lightning looks for `set_epoch` on a batch sampler's `sampler`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the 0-based epoch whose order the next `iter()` gives."""
        if epoch < 0:
            raise ConfigError(f"epoch must not be negative, got {epoch}")
        self.epoch = int(epoch)

    def __len__(self) -> int:
        """Batches of this process in an epoch (the same for all processes and epochs)."""
        per_step = self.batch_size * self.world_size
        return sum(math.ceil(self.repeats * members.size / per_step) for members in self.groups)

    def __iter__(self) -> Iterator[list[Key]]:
        # Not a generator: the order is fixed when the iterator is made, whatever set_epoch says afterwards.
        steps, epoch = self._steps(), self.epoch
        if epoch == self._done[0]:
            steps = steps[self._done[1] :]
        mine = steps[:, self.rank * self.batch_size : (self.rank + 1) * self.batch_size]
        return ([Key(epoch, int(draw), int(index)) for draw, index in batch] for batch in mine)

    def _steps(self) -> np.ndarray:
        """All processes' (draw, index) pairs of this epoch, int64 [steps, batch_size * world_size, 2]."""
        rng = np.random.default_rng((self.seed, self.epoch))
        per_step = self.batch_size * self.world_size
        groups = []
        for members in self.groups:
            size = self.repeats * members.size
            order = rng.permutation(size)
            lap, place = np.divmod(np.arange(math.ceil(size / per_step) * per_step), size)
            draw, member = np.divmod(order[place], members.size)
            pairs = np.stack([draw + lap * self.repeats, members[member]], axis=-1)
            groups.append(pairs.reshape(-1, per_step, 2))
        steps = np.concatenate(groups)
        return steps[rng.permutation(len(steps))]


class ShardBatchSampler:
    """Every image exactly once over all processes, in order: process r evaluates images r, r + world_size, ….

    Processes may get unequal numbers of batches, even none: nothing is repeated, as repeated images would count twice
    in AP. So nothing may be reduced over processes inside an evaluation step.
    """

    def __init__(self, size: int, batch_size: int = 1, *, rank: int = 0, world_size: int = 1) -> None:
        _check_shard(batch_size, rank, world_size)
        self.indices, self.batch_size = range(rank, size, world_size), batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.indices) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(0, len(self.indices), self.batch_size):
            yield list(self.indices[start : start + self.batch_size])
