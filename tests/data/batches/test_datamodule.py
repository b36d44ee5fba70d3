"""From two annotation files to the batches that a trainer sees."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from contrastmask.data import subsets
from contrastmask.data.batches import datamodule as module_under_test
from contrastmask.data.batches.datamodule import CocoDataModule
from contrastmask.data.reading import Reading
from contrastmask.data.splits import SplitRule
from contrastmask.data.trained import Trained
from contrastmask.errors import DataError
from tests.identical import identical
from tests.tiny_coco import TinyCoco, write_tiny_coco

NOVEL = ("stop sign", "kite")


@pytest.fixture
def train(tmp_path: Path) -> TinyCoco:
    return write_tiny_coco(tmp_path, n_images=9, seed=0, name="train")


@pytest.fixture
def val(tmp_path: Path) -> TinyCoco:
    return write_tiny_coco(tmp_path, n_images=5, seed=1, name="val")


def make(train: TinyCoco, val: TinyCoco, rule: SplitRule | None = None, **kwargs) -> CocoDataModule:
    small = {"short_sides": (40, 56), "long_side": 96, "test_short_side": 48, "test_long_side": 96, "num_workers": 0}
    split = rule or SplitRule("voc_nonvoc")
    return CocoDataModule(
        train.annotations, train.images, val.annotations, val.images, split=split, **{**small, **kwargs}
    )


def ready(*args, **kwargs) -> CocoDataModule:
    data = make(*args, **kwargs)
    data.setup("fit")
    return data


def trainer_at(epoch: int, rank: int = 0, world_size: int = 1) -> SimpleNamespace:
    """As much of a trainer as a loader asks."""
    loop = SimpleNamespace(restarting=False, epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=epoch)))
    return SimpleNamespace(global_rank=rank, world_size=world_size, fit_loop=loop)


def test_novel_masks_are_withheld_from_training_and_kept_for_evaluation(train, val):
    data = ready(train, val)
    assert [data.class_names[label] for label in data.split.novel] == list(NOVEL)
    novel = np.isin(data.train_records.labels, data.split.novel)
    assert novel.any()
    assert not data.train_records.has_mask[novel].any()
    assert data.train_records.has_mask[~novel].all()
    assert np.isin(data.val_records.labels, data.split.novel).any()
    assert data.val_records.has_mask.all()


def test_replacing_every_novel_segmentation_changes_no_training_sample(train, val):
    def batches() -> list:
        return list(ready(train, val, repeats=2).train_dataloader())

    before = batches()
    content = copy.deepcopy(train.content)
    novel_ids = {c["id"] for c in content["categories"] if c["name"] in NOVEL}
    changed = [a for a in content["annotations"] if a["category_id"] in novel_ids]
    assert len(changed) >= 3
    for row in changed:
        x, y, w, h = row["bbox"]
        row["segmentation"] = [[x, y, x + w / 2, y, x, y + h / 2]]
    train.rewrite(content)
    assert identical(before, batches())

    # The same replacement of base segmentations is seen: the comparison can fail.
    base = next(a for a in content["annotations"] if a["category_id"] not in novel_ids and not a["iscrowd"])
    x, y, w, h = base["bbox"]
    base["segmentation"] = [[x, y, x + w / 2, y, x, y + h / 2]]
    train.rewrite(content)
    assert not identical(before, batches())


def test_batches_and_their_sharding(train, val):
    whole = ready(train, val, batch_size=4, eval_batch_size=2)
    together = [t["index"] for _, targets in whole.train_dataloader() for t in targets]
    assert set(together) == set(range(9))

    shards = []
    for rank in range(2):
        data = ready(train, val, batch_size=2, eval_batch_size=2)
        data.trainer = trainer_at(0, rank, world_size=2)
        shards.append(data)
    steps = zip(*(data.train_dataloader() for data in shards), strict=True)
    assert [t["index"] for step in steps for _, targets in step for t in targets] == together

    evaluated = [[t["image_id"] for _, targets in d.val_dataloader() for t in targets] for d in shards]
    ids = [row["id"] for row in val.content["images"]]
    assert evaluated == [ids[0::2], ids[1::2]]
    assert [t["image_id"] for _, targets in whole.test_dataloader() for t in targets] == ids


def test_the_loader_starts_at_the_trainers_epoch(train, val):
    data = ready(train, val)
    data.trainer = trainer_at(3)
    loader = data.train_dataloader()
    assert {key.epoch for batch in loader.batch_sampler for key in batch} == {3}


def test_loading_leaves_the_global_generator_alone(train, val):
    data = ready(train, val)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    for loader in (data.train_dataloader(), data.val_dataloader()):
        list(loader)
    assert torch.equal(state, torch.get_rng_state())


def test_files_are_read_once(train, val, monkeypatch):
    read = []
    original = subsets.load_cached
    monkeypatch.setattr(subsets, "load_cached", lambda path, *a, **k: read.append(path) or original(path, *a, **k))
    data = make(train, val)
    for stage in ("fit", "validate", "test", "fit"):
        data.setup(stage)
    assert sorted(read) == sorted([train.annotations, val.annotations])
    read.clear()
    both = ready(train, train)
    assert read == [train.annotations]
    novel = np.isin(both.val_records.labels, both.split.novel)
    assert both.val_records.has_mask[novel].all()
    assert not both.train_records.has_mask[novel].any()


def test_evaluation_alone_needs_no_training_file(train, val):
    train.annotations.unlink()
    data = make(train, val)
    data.setup("test")
    assert len(list(data.test_dataloader())) == 5
    assert [data.class_names[label] for label in data.split.novel] == list(NOVEL)
    with pytest.raises(RuntimeError, match="train"):
        _ = data.train_records
    with pytest.raises(DataError):
        data.setup("fit")


def test_as_annotated_takes_its_split_from_the_training_file(tmp_path, val):
    train = write_tiny_coco(tmp_path, n_images=9, missing_masks=["cat"])
    data = make(train, val, SplitRule("as_annotated"))
    data.setup("test")
    assert [data.class_names[label] for label in data.split.novel] == ["cat"]
    assert data.val_records.has_mask.all()


def test_classes_are_matched_by_name(train, val):
    content = copy.deepcopy(val.content)
    number = {c["id"]: 7 * i + 3 for i, c in enumerate(reversed(content["categories"]))}
    gone = next(c["id"] for c in content["categories"] if c["name"] == "stop sign")
    content["categories"] = [{**c, "id": number[c["id"]]} for c in content["categories"] if c["id"] != gone]
    content["categories"].append({"id": 1, "name": "unused"})
    content["annotations"] = [a for a in content["annotations"] if a["category_id"] != gone]
    for row in content["annotations"]:
        row["category_id"] = number[row["category_id"]]
    before = ready(train, val)
    names = before.class_names
    val.rewrite(content)
    data = ready(train, val)
    assert data.class_names == names
    assert [c.name for c in data.val_records.categories] == list(names)
    ids = {c["name"]: c["id"] for c in content["categories"]}
    assert all(ids.get(c.name, c.id) == c.id for c in data.val_records.categories)
    assert len({c.id for c in data.val_records.categories}) == len(names)
    kept = before.val_records.labels[before.val_records.labels != names.index("stop sign")]
    assert data.val_records.labels.tolist() == kept.tolist()
    noted = {entry["reason"]: entry["examples"] for entry in data.val_records.report.to_dict()["noted"]}
    assert next(v for k, v in noted.items() if "does not have, without objects" in k) == ["unused"]
    assert next(v for k, v in noted.items() if "nothing to judge" in k) == ["stop sign"]
    assert [c["id"] for c in data.categories] == [c.id for c in data.train_records.categories]


def test_val_read_first_gets_the_labels_of_training(train, val):
    content = copy.deepcopy(val.content)
    content["categories"] = [{**c, "id": 100 - c["id"]} for c in content["categories"]]
    for row in content["annotations"]:
        row["category_id"] = 100 - row["category_id"]
    val.rewrite(content)
    data = make(train, val)
    data.setup("test")
    assert data.val_records.class_names[0] == "kite"
    data.setup("fit")
    assert data.val_records.class_names == data.train_records.class_names
    assert data.val_dataset.records is data.val_records


def test_a_checkpoint_brings_its_split_and_labels(train, val):
    train.annotations.unlink()
    trained = Trained(("kite", "dog", "cat", "stop sign", "person"), "last.ckpt", base=("dog", "cat"))
    data = make(train, val, SplitRule("as_annotated"), trained=trained)
    data.setup("test")
    assert data.class_names == trained.class_names
    assert [data.class_names[label] for label in data.split.base] == ["dog", "cat"]
    assert data.summary()["split"]["notes"] == []
    assert data.categories[0] == {"id": 38, "name": "kite"}
    data = make(train, val, SplitRule("voc_nonvoc"), trained=trained)
    data.setup("test")
    assert data.summary()["split"]["notes"] == [
        "split voc_nonvoc differs from the training of last.ckpt: base here, but trained without masks: person. "
        "split=as_annotated takes that of the training"
    ]
    own = make(train, val, SplitRule("as_annotated", novel=["kite", "stop sign"]), trained=trained)
    own.setup("test")
    (note,) = own.summary()["split"]["notes"]
    assert note.endswith(": person. split=as_annotated without split.base and split.novel takes that of the training")
    with pytest.raises(DataError, match=r"does not exist"):
        make(train, val, SplitRule("as_annotated"), trained=replace(trained, base=None)).setup("test")


def test_predicted_masks_are_learnt_on_demand_and_never_judged_by(train, val):
    cat = next(c["id"] for c in train.content["categories"] if c["name"] == "cat")
    for side in (train, val):
        content = copy.deepcopy(side.content)
        for row in content["annotations"]:
            if row["category_id"] == cat:
                row["segmentation_predicted"] = True
        side.rewrite(content)
    rule = SplitRule("as_annotated")
    for use in ("ignore", "use"):
        data = ready(train, val, rule, reading=Reading(predicted_masks=use))
        assert [data.class_names[label] for label in data.split.novel] == ["cat"]
        for records, learnt in ((data.train_records, use == "use"), (data.val_records, False)):
            cats = records.labels == data.class_names.index("cat")
            assert cats.any()
            assert (records.has_mask[cats] == learnt).all()
            assert records.predicted[cats].all()
        for side in ("train", "val"):
            counted = json.dumps(data.summary()[side]["records"])
            assert "mask is a prediction, not a person's" in counted
            assert '"classes": {"cat": ' in counted


def test_class_tables_must_agree(train, val):
    content = copy.deepcopy(val.content)
    content["categories"] = [{**c, "name": "hound"} if c["name"] == "dog" else c for c in content["categories"]]
    val.rewrite(content)
    with pytest.raises(DataError, match=r"'hound' \(\d+ objects\).*has 'dog'.*matched by name"):
        ready(train, val)


def test_nothing_left_to_train_on(train, val):
    train.rewrite({**train.content, "annotations": []})
    with pytest.raises(DataError, match=r"train\.json"):
        ready(train, val)


def test_summary_counts_what_the_file_holds(train, val):
    data = ready(train, val)
    summary = data.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert summary["split"]["novel"] == list(NOVEL)
    names = {c["id"]: c["name"] for c in train.content["categories"]}
    objects = [a for a in train.content["annotations"] if not a["iscrowd"]]
    novel = [a for a in objects if names[a["category_id"]] in NOVEL]
    side = summary["train"]
    assert (side["images"], side["images_used"], side["crowd"]) == (9, 9, 1)
    assert side["annotations"] == len(objects) + 1
    assert side["masks_given"] == len(objects) - len(novel)
    assert side["masks_withheld"] == len(novel) > 0
    assert side["novel"] == {"objects": len(novel), "with_mask": 0}
    assert side["base"] == {"objects": len(objects) - len(novel), "with_mask": len(objects) - len(novel)}
    assert summary["val"]["masks_withheld"] == 0
    assert summary["val"]["images"] == 5


def test_repair_reaches_the_reader_and_the_summary(train, val):
    content = copy.deepcopy(train.content)
    content["annotations"][0]["category_id"] = 999
    train.rewrite(content)
    with pytest.raises(DataError):
        ready(train, val)
    summary = ready(train, val, reading=Reading(repair=True)).summary()["train"]
    assert summary["annotations"] == len(content["annotations"]) - 1
    assert "categories" in json.dumps(summary["records"])


def test_the_report_is_printed_once(train, val, monkeypatch):
    printed = []
    monkeypatch.setattr(module_under_test, "say", printed.append)
    data = ready(train, val)
    data.setup("validate")
    assert len(printed) == 2
    assert "train: 9 of 9 images" in printed[0]
    assert "withheld" in printed[0]
    assert "val: 5 of 5 images" in printed[1]


def test_prepare_makes_the_files(tmp_path):
    made = []

    def prepare() -> None:
        made.append([write_tiny_coco(tmp_path, 3, seed, name=name) for seed, name in enumerate(("train", "val"))])

    paths = {side: (tmp_path / "annotations" / f"{side}.json", tmp_path / side) for side in ("train", "val")}
    data = CocoDataModule(*paths["train"], *paths["val"], split=SplitRule("all"), prepare=prepare)
    data.prepare_data()
    data.setup("fit")
    assert len(made) == 1
    assert data.split.novel == ()
    assert data.train_records.has_mask.all()
