"""Which objects the gallery shows, and what it writes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.records import Records
from contrastmask.pictures.gallery import Found, choose, match_objects, write_gallery
from tests.detectors import tiny
from tests.tiny_coco import write_tiny_coco
from tests.tiny_run import NO_CHECKPOINTS, run_train, tiny_data


@pytest.fixture
def records(tmp_path: Path) -> Records:
    tiny_set = write_tiny_coco(tmp_path, n_images=3)
    return load_annotations(tiny_set.annotations, tiny_set.images)


def perfect(records: Records) -> list[dict]:
    """The truth as detections of score 0.5."""
    predictions = []
    for row, image_id in enumerate(records.image_ids.tolist()):
        objects = [a for a in range(records.offsets[row], records.offsets[row + 1]) if not records.crowd[a]]
        rles = [coco_mask.encode(np.asfortranarray(records.mask(a))) for a in objects]
        predictions.append(
            {
                "image_id": image_id,
                "boxes": torch.from_numpy(records.boxes[objects]),
                "labels": torch.from_numpy(records.labels[objects]),
                "scores": torch.full((len(objects),), 0.5),
                "rles": rles,
            }
        )
    return predictions


def test_the_highest_score_of_the_class_on_the_box_decides(records: Records) -> None:
    predictions = perfect(records)
    labels = range(len(records.categories))
    found, missed = match_objects(records, predictions, labels)
    assert missed == 0
    assert len(found) == int((~records.crowd).sum())
    assert all(f.iou == 1.0 for f in found)
    first = predictions[0]
    # of another class: not found; a better one with an empty mask: found, without overlap
    first["labels"] = (first["labels"] + 1) % len(records.categories)
    found, missed = match_objects(records, predictions, labels)
    assert missed > 0
    second = predictions[1]
    empty = coco_mask.encode(np.zeros(second["rles"][0]["size"], np.uint8, order="F"))
    for key in ("boxes", "labels", "scores"):
        second[key] = torch.cat([second[key], second[key][:1]])
    second["scores"][-1] = 0.9
    second["rles"].append(empty)
    found, _ = match_objects(records, predictions, labels)
    assert found[-1].iou == 0.0
    assert found[-1].detection == len(second["rles"]) - 1
    assert [f.iou for f in found] == sorted((f.iou for f in found), reverse=True)


def test_best_median_and_worst_without_repetition() -> None:
    found = [Found(1 - i / 20, i, i, 0, 0) for i in range(20)]
    chosen = choose(found, 3)
    assert [f.row for kind, f in chosen if kind == "best"] == [0, 1, 2]
    assert [f.row for kind, f in chosen if kind == "median"] == [9, 10, 11]
    assert [f.row for kind, f in chosen if kind == "worst"] == [17, 18, 19]
    for n in range(9):
        rows = [f.row for _, f in choose(found[:n], 3)]
        assert len(rows) == len(set(rows)) == n


def test_all_classes_are_shown_where_no_object_of_the_novel_ones_has_a_mask(records: Records, tmp_path: Path) -> None:
    label = int(records.labels[0])
    others = dataclasses.replace(records, crowd=records.crowd | (records.labels == label))
    told = {}
    for name, shown in (("truth", records), ("none", others)):
        write_gallery(tmp_path / name, None, SimpleNamespace(records=shown), perfect(records), [label])
        told[name] = json.loads((tmp_path / name / "gallery.json").read_text())
    assert (told["truth"]["classes"], told["none"]["classes"]) == ("novel", "all")
    assert {item["class"] for item in told["truth"]["objects"]} == {records.class_names[label]}
    assert told["none"]["objects"]
    assert records.class_names[label] not in {item["class"] for item in told["none"]["objects"]}


def test_a_test_run_leaves_pictures_that_open(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data", n_images=2)
    words = ("schedule.epochs=1", "trainer.limit_val_batches=0", "model.roi.limit=40", NO_CHECKPOINTS)
    run_train(tmp_path / "out", *data, *words)
    folder = tmp_path / "out" / "gallery"
    content = json.loads((folder / "gallery.json").read_text())
    assert content["objects"]
    for item in content["objects"]:
        assert set(item["files"]) == {"truth", "prediction", "error", "cam", "similarity"}
        for file in item["files"].values():
            with Image.open(folder / file) as picture:
                assert max(picture.size) >= 200
    assert content["found"] + content["missed"] > 0


def test_similarity_is_one_on_a_uniform_object_and_absent_without_projector() -> None:
    torch.manual_seed(0)
    boxes = [torch.tensor([[4.0, 4.0, 50.0, 40.0], [10.0, 8.0, 60.0, 60.0]])]
    labels = [torch.tensor([0, 1])]
    image = torch.full((3, 64, 64), 90, dtype=torch.uint8)
    (seen,) = tiny().eval().explain([image], boxes, labels)
    assert seen["cams"].shape == (2, 7, 7)
    assert seen["similarity"].shape == (2, 28, 28)
    assert seen["similarity"].abs().max() <= 1 + 1e-5
    (plain,) = tiny(contrastive=False, enhance=False).eval().explain([image], boxes, labels)
    assert plain["similarity"] is None


def test_similarity_follows_the_mask() -> None:
    """Pixels inside the mask are, on average, closer to a query made of them than those outside."""
    torch.manual_seed(0)
    heads = tiny().eval()
    image = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    _, features = heads.extract([image])
    boxes = [torch.tensor([[4.0, 4.0, 60.0, 60.0]])]
    with torch.no_grad():
        probs = torch.zeros(1, 28, 28)
        probs[0, :10] = 1.0
        similar = heads.roi_heads.foreground_similarity(features, boxes, probs)[0]
        opposite = heads.roi_heads.foreground_similarity(features, boxes, 1 - probs)[0]
        assert similar[:10].mean() - similar[10:].mean() > opposite[:10].mean() - opposite[10:].mean()
