"""Objects as the crop branch gets them: from files to batches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.batches.crop_datamodule import CropDataModule
from contrastmask.data.batches.object_crops import CropOptions, ObjectCrops, held_out
from contrastmask.data.batches.sampler import Key
from contrastmask.data.learnable import require_usable, usable
from contrastmask.data.reading import Reading
from contrastmask.data.records import Records
from contrastmask.data.splits import VOC_CLASSES, SplitRule
from contrastmask.errors import DataError
from contrastmask.model.crops.planes import near_of
from contrastmask.model.crops.windows import windows_of
from tests.tiny_coco import write_tiny_coco

OPTIONS = CropOptions(64, 0.1, 0.1, 0.05, 0.5, 0.2, (123.0, 117.0, 104.0))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops")
    write_tiny_coco(folder, n_images=14, seed=1, name="train")
    write_tiny_coco(folder, n_images=3, seed=2, name="val")
    return folder


@pytest.fixture(scope="module")
def records(root: Path) -> Records:
    return load_annotations(root / "annotations" / "train.json", root / "train")


def module_of(root: Path, train: str = "train.json", **changes: object) -> CropDataModule:
    settings = {
        "crops": OPTIONS,
        "box_only": 0,
        "predicted": 3,
        "held_out": 0.0,
        "least_steps": 1,
        "epochs": 1,
        "batch_size": 4,
    }
    module = CropDataModule(
        root / "annotations" / train, root / "train", root / "annotations" / "val.json", root / "val",
        num_workers=0, **{"split": SplitRule("voc_nonvoc")} | settings | changes,
    )  # fmt: skip
    module.setup("fit")
    return module


def test_a_crop_as_it_is(records: Records) -> None:
    rows = usable(records, records.drawn)
    plain = ObjectCrops(records, rows, OPTIONS, varied=False)
    first, again = plain[Key(0, 0, 3)], plain[Key(5, 2, 3)]
    assert all(torch.equal(torch.as_tensor(first[name]), torch.as_tensor(again[name])) for name in first)
    assert torch.equal(first["given"], first["box"])
    assert first["crop"].shape == (3, 64, 64)
    # a tight box: the mask reaches its sides, give or take a cell, and goes no further
    cells = first["mask"].nonzero()
    low, high = cells.min(0).values.flip(0) / 32, (cells.max(0).values + 1).flip(0) / 32
    assert torch.allclose(torch.cat([low, high]), first["box"], atol=1.5 / 32)


def test_cells_at_an_edge_have_their_share(records: Records) -> None:
    rows = usable(records, records.drawn)
    plain = ObjectCrops(records, rows, OPTIONS, varied=False)
    for index, row in enumerate(rows):
        shares = plain[Key(0, 0, index)]["mask"].double() / 255
        window = windows_of(torch.from_numpy(records.boxes[row][None].copy()), OPTIONS.context)[0].double()
        cell = (window[2:] - window[:2]).prod() / 32**2
        assert float(shares.sum() * cell) == pytest.approx(records.mask(row).sum(), rel=0.01)
        assert ((shares > 0) & (shares < 1)).any()


def test_a_crop_is_decided_by_its_key(records: Records) -> None:
    rows = usable(records, records.drawn)
    one, other = ObjectCrops(records, rows, OPTIONS, seed=3), ObjectCrops(records, rows, OPTIONS, seed=3)
    assert torch.equal(one[Key(1, 0, 2)]["crop"], other[Key(1, 0, 2)]["crop"])
    assert not torch.equal(one[Key(1, 0, 2)]["crop"], other[Key(1, 1, 2)]["crop"])
    assert not torch.equal(one[Key(1, 0, 2)]["given"], one[Key(1, 0, 2)]["box"])


def test_neighbours_stand_where_they_are(records: Records) -> None:
    image = next(i for i in range(len(records.image_ids)) if np.diff(records.offsets)[i] > 1)
    row = int(records.offsets[image])
    wide = ObjectCrops(records, np.array([row]), OPTIONS._replace(context=2.0), varied=False)[Key(0, 0, 0)]
    others = [r for r in range(row + 1, int(records.offsets[image + 1])) if not records.crowd[r]]
    assert bool(others) == bool(near_of(wide["near"]).any())


def test_objects_that_teach_nothing_are_left_out(records: Records) -> None:
    assert not records.crowd[usable(records, records.drawn)].any()
    thin = records.boxes.copy()
    thin[:, 2] = thin[:, 0] + 3
    assert len(usable(replace(records, boxes=thin), records.drawn)) == 0


def test_whole_images_are_kept_apart(records: Records) -> None:
    rows = usable(records, records.drawn)
    learnt, apart = held_out(records, rows, 0.2, seed=0)
    assert sorted([*learnt, *apart]) == rows.tolist()
    assert len(apart) >= 0.2 * len(rows)
    assert not set(records.images_of(learnt)) & set(records.images_of(apart))
    assert [len(part) for part in held_out(records, rows[:3], 0.2, seed=0)] == [3, 0]  # too few images


def test_training_never_sees_what_is_kept_apart(root: Path) -> None:
    module = module_of(root, held_out=0.2)
    apart = {int(row) for batch in module.held_out_batches() for row in batch["row"]}
    seen = {int(row) for batch in module.train_dataloader() for row in batch["row"]}
    assert apart
    assert seen
    assert not apart & seen


def test_small_sets_are_passed_over_until_there_are_enough_steps(root: Path) -> None:
    module = module_of(root, least_steps=60, epochs=3)
    assert module.train_batches == len(module.train_dataloader())
    assert module.train_batches == pytest.approx(20, abs=3)  # whole passes
    assert len(list(module.train_dataloader())) == module.train_batches


def test_box_only_objects_ride_along(root: Path) -> None:
    module = module_of(root, box_only=2)
    for batch in module.train_dataloader():
        assert batch["has_mask"].tolist() == [True] * 4 + [False] * 2
        assert not batch["mask"][4:].any()


def test_novel_masks_are_not_there(root: Path) -> None:
    module = module_of(root)
    records = module.train_records
    rows = [int(row) for batch in module.train_dataloader() for row in batch["row"]]
    assert set(records.labels[rows]) <= set(module.split.base)


def test_nothing_to_learn_from(records: Records) -> None:
    assert require_usable(records).tolist() == usable(records, records.drawn).tolist()
    thin = replace(records, boxes=records.boxes[:, [0, 1, 0, 1]] + [0, 0, 3, 3])
    for left in (records.thin_masks(0), thin):
        with pytest.raises(DataError, match=r"no object is left that a crop branch can learn from.*at least 4"):
            require_usable(left)


def completed(root: Path) -> str:
    """The training file as a completion leaves it: novel objects with masks of a model, some told how sure."""
    content = json.loads((root / "annotations" / "train.json").read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    for place, row in enumerate(content["annotations"]):
        if names[row["category_id"]] not in VOC_CLASSES:
            row["segmentation_predicted"] = True
            if place % 3:
                row["segmentation_confidence"] = 0.25
    (root / "annotations" / "completed.json").write_text(json.dumps(content))
    return "completed.json"


def test_predicted_masks_ride_along_and_are_no_truth(root: Path) -> None:
    file, use = completed(root), Reading(predicted_masks="use")
    module = module_of(root, file, reading=use, box_only=1, held_out=0.2, split=SplitRule("as_annotated"))
    plain = module_of(root, file, box_only=1, held_out=0.2, split=SplitRule("as_annotated"))
    records = module.train_records
    assert module.split == plain.split  # a predicted mask makes no class a base class
    assert {module.class_names[i] for i in module.split.novel} == {"kite", "stop sign"}
    weights = set()
    for batch in module.train_dataloader():
        # every object has a mask in this file: none is box-only
        assert batch["has_mask"].tolist() == [True] * 7
        assert batch["predicted"].tolist() == [False] * 4 + [True] * 3
        assert batch["weight"][:4].tolist() == [1.0] * 4
        assert records.predicted[batch["row"][4:]].all()
        assert batch["mask"][4:].flatten(1).any(dim=1).all()
        weights |= set(batch["weight"][4:].tolist())
    assert weights == {0.25, 0.5}  # 0.5 where the row tells none
    apart, same = ([int(r) for b in m.held_out_batches() for r in b["row"]] for m in (module, plain))
    assert apart == same
    assert records.drawn[apart].all()
    told, before = (m.summary()["train"] for m in (module, plain))
    assert told["masks_given"] == before["masks_given"] == told["base"]["with_mask"]
    assert told["novel"]["with_mask"] == 0 < told["novel"]["with_predicted_mask"] == int(records.predicted.sum())
    assert told["masks_withheld"] == 0
    assert not module.val_records.predicted.any()


def test_trust_in_predicted_masks_can_be_changed(root: Path) -> None:
    file, use = completed(root), Reading(predicted_masks="use")
    for trust, expected in ((0.0, {1.0}), (2.0, {0.0625, 0.25})):
        module = module_of(root, file, reading=use, crops=OPTIONS._replace(trust=trust))
        assert {w for batch in module.train_dataloader() for w in batch["weight"][4:].tolist()} == expected
    for changes in ({"reading": use, "predicted": 0}, {}):
        sizes = {len(batch["row"]) for batch in module_of(root, file, **changes).train_dataloader()}
        assert sizes == {4}


@pytest.mark.filterwarnings("ignore:skipped")
def test_objects_of_images_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    """Another object takes their place in a step; of those held out none does."""
    write_tiny_coco(tmp_path, n_images=14, seed=1, name="train")
    write_tiny_coco(tmp_path, n_images=3, seed=2, name="val")
    module = module_of(tmp_path, on_bad="skip", held_out=0.3)
    records = module.train_records
    apart = [module.train_records.image_of(int(row)) for row in module._rows()[1]]
    lost = [records.image_of(int(module._rows()[0][0])), apart[0]]
    for image in lost:
        records.file_path(image).write_bytes(b"no picture")
    batches = list(module.train_dataloader())
    seen = {records.image_of(int(row)) for batch in batches for row in batch["row"]}
    assert seen
    assert not seen & set(lost)
    assert all(len(batch["row"]) == len(batches[0]["row"]) for batch in batches)
    held = [records.image_of(int(row)) for batch in module.held_out_batches() for row in batch["row"]]
    assert sorted(held) == sorted(image for image in apart if image not in lost)
    assert sorted(module.train_dataset.skipped_files) == sorted(records.file_path(image) for image in set(lost))
    with pytest.raises(DataError, match="png"):
        list(module_of(tmp_path).train_dataloader())
    for image in range(len(records.image_ids)):
        records.file_path(image).write_bytes(b"no picture")
    with pytest.raises(DataError, match="leaves no image to learn from"):
        list(module.train_dataloader())
