"""From files to samples: their form, what is left out, and what decides the augmentation."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.batches.dataset import CocoDataset, collate
from contrastmask.data.batches.sampler import GroupedBatchSampler, Key
from contrastmask.data.batches.transforms import TestTransform, TrainTransform
from contrastmask.data.records import Records
from contrastmask.data.training_images import NO_ANNOTATION, TOO_SMALL
from contrastmask.errors import ConfigError, DataError
from tests.identical import identical
from tests.tiny_coco import TinyCoco, write_tiny_coco

SAME_SIZE = TrainTransform((64, 64), 96, flip=0.0)
AUGMENT = TrainTransform((40, 80), 120, flip=0.5)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyCoco:
    return write_tiny_coco(tmp_path, n_images=6, seed=3)


def read(tiny: TinyCoco) -> Records:
    return load_annotations(tiny.annotations, tiny.images)


def test_sample_has_the_promised_form(tiny):
    dataset = CocoDataset(read(tiny), AUGMENT, train=True)
    assert len(dataset) == 6
    for index in range(len(dataset)):
        image, target = dataset[Key(0, 0, index)]
        objects, size = len(target["labels"]), image.shape[-2:]
        assert type(image) is torch.Tensor
        assert all(type(v) in (torch.Tensor, int, tuple) for v in target.values())
        assert (image.dtype, image.shape[0]) == (torch.uint8, 3)
        assert (target["boxes"].dtype, tuple(target["boxes"].shape)) == (torch.float32, (objects, 4))
        assert (target["labels"].dtype, target["has_mask"].dtype) == (torch.int64, torch.bool)
        assert (target["ann_ids"].dtype, tuple(target["ann_ids"].shape)) == (torch.int64, (objects,))
        assert target["masks"].dtype == torch.uint8
        assert tuple(target["masks"].shape) == (int(target["has_mask"].sum()), *size)
        assert int(target["masks"].max()) == 1
        row = tiny.content["images"][index]
        assert (target["image_id"], target["index"]) == (row["id"], index)
        assert target["original_size"] == (row["height"], row["width"])


def test_pixels_and_labels_are_those_of_the_file(tiny):
    dataset = CocoDataset(read(tiny), SAME_SIZE, train=True)
    image, target = dataset[0]
    row = tiny.content["images"][0]
    pixels = np.asarray(Image.open(tiny.images / row["file_name"]))
    np.testing.assert_array_equal(image.permute(1, 2, 0).numpy(), pixels)
    rows = [a for a in tiny.content["annotations"] if a["image_id"] == row["id"]]
    ids = [c["id"] for c in tiny.content["categories"]]
    assert target["ann_ids"].tolist() == [a["id"] for a in rows]
    assert target["labels"].tolist() == [ids.index(a["category_id"]) for a in rows]
    expected = [[x, y, x + w, y + h] for x, y, w, h in (a["bbox"] for a in rows)]
    torch.testing.assert_close(target["boxes"], torch.tensor(expected))


def test_masks_move_with_their_boxes(tiny):
    dataset = CocoDataset(read(tiny), AUGMENT, train=True)
    seen = 0
    for key in (Key(e, 0, i) for e in range(4) for i in range(len(dataset))):
        target = dataset[key][1]
        for box, mask in zip(target["boxes"], target["masks"], strict=True):
            ys, xs = mask.nonzero(as_tuple=True)
            around = torch.stack([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            assert (box - around).abs().max() <= 3.0, (key, box, around)
            seen += 1
    assert seen > 30


def test_crowds_are_left_out_but_their_image_stays(tiny):
    content = copy.deepcopy(tiny.content)
    crowded = content["images"][1]["id"]
    rows = [a for a in content["annotations"] if a["image_id"] == crowded]
    assert sum(a["iscrowd"] for a in rows) == 1
    full = CocoDataset(read(tiny), SAME_SIZE, train=True)
    assert len(full[1][1]["labels"]) == len(rows) - 1

    content["annotations"] = [a for a in content["annotations"] if a["image_id"] != crowded or a["iscrowd"]]
    tiny.rewrite(content)
    negatives = CocoDataset(read(tiny), SAME_SIZE, train=True)
    assert len(negatives) == 6
    image, target = negatives[1]
    assert target["image_id"] == crowded
    assert tuple(target["boxes"].shape) == (0, 4)
    assert tuple(target["masks"].shape) == (0, *image.shape[-2:])


def test_images_without_annotation_or_too_small_are_left_out_and_counted(tiny):
    content = copy.deepcopy(tiny.content)
    first, second = content["images"][0], content["images"][2]
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] != first["id"]]
    second["height"] = 31
    Image.new("RGB", (second["width"], 31)).save(tiny.images / second["file_name"])
    for row in content["annotations"]:
        if row["image_id"] == second["id"]:
            row["bbox"], row["segmentation"], row["area"] = [2, 2, 20, 20], [[2, 2, 22, 2, 22, 22]], 200
    tiny.rewrite(content)
    train = CocoDataset(read(tiny), SAME_SIZE, train=True)
    assert train.left_out == {NO_ANNOTATION: 1, TOO_SMALL: 1}
    kept = [train[i][1]["image_id"] for i in range(len(train))]
    assert kept == [row["id"] for row in content["images"] if row["id"] not in (first["id"], second["id"])]
    assert len(train.wide) == len(train) == 4

    evaluation = CocoDataset(read(tiny), TestTransform(64, 96), train=False)
    assert len(evaluation) == 6
    assert len(evaluation[0][1]["labels"]) == 0


def test_masks_exist_only_where_the_record_may_show_one(tmp_path):
    tiny = write_tiny_coco(tmp_path, n_images=6, seed=3, missing_masks=["cat", "kite"])
    records = read(tiny).withhold([0])
    dataset = CocoDataset(records, SAME_SIZE, train=True)
    shown, hidden = 0, 0
    for index in range(len(dataset)):
        _, target = dataset[index]
        names = [records.class_names[label] for label in target["labels"]]
        expected = [name in ("stop sign", "dog") for name in names]
        assert target["has_mask"].tolist() == expected
        assert len(target["masks"]) == sum(expected)
        shown, hidden = shown + sum(expected), hidden + len(expected) - sum(expected)
    assert shown > 3
    assert hidden > 3


def test_evaluation_gives_all_objects_and_decodes_no_mask(tiny, monkeypatch):
    def decode(self: Records, row: int) -> np.ndarray:
        raise AssertionError("a mask was decoded")

    monkeypatch.setattr(Records, "mask", decode)
    dataset = CocoDataset(read(tiny), TestTransform(64, 96), train=False)
    objects = 0
    for index in range(len(dataset)):
        _, target = dataset[index]
        assert "masks" not in target
        assert target["has_mask"].all()
        objects += len(target["ann_ids"])
    assert objects == sum(not a["iscrowd"] for a in tiny.content["annotations"])
    with pytest.raises(AssertionError, match="decoded"):
        CocoDataset(read(tiny), SAME_SIZE, train=True)[0]


def test_augmentation_depends_on_seed_epoch_draw_and_index_alone(tiny):
    records = read(tiny)
    dataset = CocoDataset(records, AUGMENT, train=True, seed=5)
    key = Key(2, 1, 3)
    first = dataset[key]
    torch.manual_seed(1)
    np.random.seed(1)
    state = torch.get_rng_state()
    dataset[Key(7, 0, 0)]
    assert torch.equal(state, torch.get_rng_state())
    assert identical(CocoDataset(records, AUGMENT, train=True, seed=5)[key], first)

    def sizes(seed: int, epoch: int, draw: int) -> list[tuple]:
        data = CocoDataset(records, AUGMENT, train=True, seed=seed)
        return [tuple(data[Key(epoch, draw, i)][0].shape) for i in range(len(data))]

    base = sizes(0, 0, 0)
    assert base == sizes(0, 0, 0)
    assert base != sizes(1, 0, 0)
    assert base != sizes(0, 1, 0)
    assert base != sizes(0, 0, 1)


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_change_nothing(tiny, persistent):
    dataset = CocoDataset(read(tiny), AUGMENT, train=True, seed=1)

    def batches(workers: int) -> list:
        sampler = GroupedBatchSampler(dataset.wide, 2, seed=1, repeats=2)
        loader = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=workers,
            persistent_workers=persistent and workers > 0,
        )
        epochs = []
        for epoch in range(2):
            sampler.set_epoch(epoch)
            epochs.append(list(loader))
        return epochs

    alone, helped = batches(0), batches(2)
    assert identical(alone, helped)
    assert not identical(alone[0], alone[1])


def truncate(tiny: TinyCoco, number: int) -> Path:
    path = tiny.images / tiny.content["images"][number]["file_name"]
    path.write_bytes(path.read_bytes()[:200])
    return path


def test_an_unreadable_image_is_an_error_with_its_path(tiny):
    path = truncate(tiny, 2)
    dataset = CocoDataset(read(tiny), SAME_SIZE, train=True)
    with pytest.raises(DataError, match=path.name):
        dataset[2]
    assert dataset.skipped_files == []


def test_on_bad_skip_warns_once_notes_the_file_and_shortens_the_batch(tiny):
    path = truncate(tiny, 2)
    dataset = CocoDataset(read(tiny), SAME_SIZE, train=True, on_bad="skip")
    with pytest.warns(UserWarning, match=path.name) as caught:
        samples = [dataset[2], dataset[2]]
    assert samples == [None, None]
    assert sum("skipped" in str(warning.message) for warning in caught) == 1
    assert dataset.skipped_files == [path]
    images, targets = collate([dataset[1], None, dataset[3]])
    assert [t["index"] for t in targets] == [1, 3]
    assert len(images) == 2
    assert collate([None]) == ([], [])


@pytest.mark.filterwarnings("ignore:skipped")
def test_what_workers_skip_is_known_here(tiny):
    path = truncate(tiny, 4)
    dataset = CocoDataset(read(tiny), TestTransform(64, 96), train=False, on_bad="skip")
    batches = list(DataLoader(dataset, batch_size=1, collate_fn=collate, num_workers=2))
    assert [len(images) for images, _ in batches] == [1, 1, 1, 1, 0, 1]
    assert dataset.skipped_files == [path]


def test_unknown_on_bad_is_refused(tiny):
    with pytest.raises(ConfigError, match="on_bad"):
        CocoDataset(read(tiny), SAME_SIZE, train=True, on_bad="ignore")


def test_tiny_coco_is_reproducible(tmp_path):
    one, two = (write_tiny_coco(tmp_path / n, n_images=3, seed=1) for n in "ab")
    assert one.content == two.content
    for row in one.content["images"]:
        assert (one.images / row["file_name"]).read_bytes() == (two.images / row["file_name"]).read_bytes()
    assert one.content != write_tiny_coco(tmp_path / "c", n_images=3, seed=2).content
