"""Batches partition the data set over passes and processes, and depend on (seed, epoch) alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contrastmask.data.batches.sampler import GroupedBatchSampler, Key, ShardBatchSampler
from contrastmask.errors import ConfigError

case = st.fixed_dictionaries(
    {
        "wide": st.lists(st.booleans(), min_size=1, max_size=40),
        "batch_size": st.integers(1, 5),
        "seed": st.integers(0, 2**40),
        "epoch": st.integers(0, 50),
        "repeats": st.integers(1, 3),
        "world_size": st.integers(1, 4),
    }
)


def ranks(wide, batch_size, world_size, **kwargs) -> list[list[list[Key]]]:
    """Every process's batches."""
    return [
        list(GroupedBatchSampler(wide, batch_size, rank=rank, world_size=world_size, **kwargs))
        for rank in range(world_size)
    ]


@settings(max_examples=150, deadline=None)
@given(case)
def test_every_image_once_per_pass_over_all_processes(settings_):
    wide, repeats = np.array(settings_["wide"]), settings_["repeats"]
    batches = ranks(**settings_)
    keys = [key for rank in batches for batch in rank for key in batch]
    assert len(set(keys)) == len(keys)
    assert {key.epoch for key in keys} == {settings_["epoch"]}
    # Draws below `repeats` are the passes: each holds every image exactly once. The rest is padding.
    passes = Counter((key.draw, key.index) for key in keys if key.draw < repeats)
    assert passes == Counter((draw, index) for draw in range(repeats) for index in range(len(wide)))
    per_step = settings_["batch_size"] * settings_["world_size"]
    for group in (False, True):
        drawn = [key for key in keys if wide[key.index] == group]
        members = int((wide == group).sum())
        assert len(drawn) == -(-members * repeats // per_step) * per_step
        # Wrap-around: no image is drawn twice more than another.
        counts = Counter(key.index for key in drawn)
        assert not counts or max(counts.values()) - min(counts.values()) <= repeats


@settings(max_examples=60, deadline=None)
@given(case)
def test_processes_step_together_in_one_aspect_group(settings_):
    wide = settings_["wide"]
    batches = ranks(**settings_)
    lengths = {len(rank) for rank in batches}
    sampler = GroupedBatchSampler(**{k: v for k, v in settings_.items() if k != "world_size"}, world_size=1)
    assert len(lengths) == 1
    if settings_["world_size"] == 1:
        assert lengths == {len(sampler)}
    for step in zip(*batches, strict=True):
        assert all(len(batch) == settings_["batch_size"] for batch in step)
        assert len({wide[key.index] for batch in step for key in batch}) == 1


@settings(max_examples=60, deadline=None)
@given(case)
def test_a_step_is_the_same_set_for_any_split_over_processes(settings_):
    total = settings_["batch_size"] * settings_["world_size"]
    rest = {k: v for k, v in settings_.items() if k not in ("batch_size", "world_size", "wide")}
    many = [[key for batch in step for key in batch] for step in zip(*ranks(**settings_), strict=True)]
    assert many == list(GroupedBatchSampler(settings_["wide"], total, **rest))


@settings(max_examples=60, deadline=None)
@given(case)
def test_order_is_a_function_of_seed_and_epoch(settings_):
    wide, batch_size = settings_["wide"], settings_["batch_size"]
    common = {k: settings_[k] for k in ("seed", "repeats", "world_size")}
    walked = GroupedBatchSampler(wide, batch_size, **common)
    list(walked)
    walked.set_epoch(settings_["epoch"])
    resumed = GroupedBatchSampler(wide, batch_size, **common, epoch=settings_["epoch"])
    assert list(walked) == list(resumed) == list(resumed)


def test_epochs_and_seeds_differ():
    def order(seed: int, epoch: int) -> list[list[int]]:
        return [[key.index for key in batch] for batch in GroupedBatchSampler([True] * 40, 4, seed=seed, epoch=epoch)]

    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)
    assert order(0, 0) != sorted(order(0, 0))


def test_the_iterator_keeps_its_epoch_when_the_next_is_set():
    sampler = GroupedBatchSampler([True] * 8, 2, seed=0)
    iterator = iter(sampler)
    sampler.set_epoch(3)
    assert {key.epoch for batch in iterator for key in batch} == {0}
    assert {key.epoch for batch in sampler for key in batch} == {3}


@pytest.mark.parametrize(
    "bad",
    [
        {"wide": []},
        {"batch_size": 0},
        {"repeats": 0},
        {"seed": -1},
        {"epoch": -1},
        {"rank": 2, "world_size": 2},
    ],
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ConfigError):
        GroupedBatchSampler(**{"wide": [True], "batch_size": 1, "seed": 0, **bad})


@given(st.integers(0, 50), st.integers(1, 4), st.integers(1, 5))
def test_evaluation_shards_hold_every_image_once(size, batch_size, world_size):
    shards = [ShardBatchSampler(size, batch_size, rank=r, world_size=world_size) for r in range(world_size)]
    batches = [list(shard) for shard in shards]
    assert [len(shard) for shard in shards] == [len(b) for b in batches]
    assert sorted(i for shard in batches for batch in shard for i in batch) == list(range(size))
    assert all(batch == sorted(batch) and 1 <= len(batch) <= batch_size for shard in batches for batch in shard)


def test_what_an_epoch_has_had_is_left_out_of_it_alone() -> None:
    wide = [True, False, True, True, False, True]
    whole, rest = (GroupedBatchSampler(wide, 2, seed=3, epoch=5, done=done) for done in (0, 2))
    assert list(rest) == list(whole)[2:]
    assert len(rest) == len(whole)
    whole.set_epoch(6)
    rest.set_epoch(6)
    assert list(rest) == list(whole)
    assert list(GroupedBatchSampler(wide, 2, seed=3, epoch=6, done=len(whole))) == list(whole)
