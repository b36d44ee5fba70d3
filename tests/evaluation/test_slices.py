from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.records import Category, Records
from contrastmask.data.splits import Split
from contrastmask.errors import DataError
from contrastmask.evaluation.detections import to_coco_results
from contrastmask.evaluation.slices import evaluate
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_file import read_truth
from tests.evaluation.cocoeval import figures, same
from tests.evaluation.tiny_detections import NAMES, SPLIT, perfect, prediction, shaken
from tests.tiny_coco import TinyCoco, write_tiny_coco


@pytest.mark.parametrize("backend", ["arrays", "faster", "pycocotools"])
@pytest.mark.parametrize("kind", ["mask", "box"])
def test_slices_equal_coco_with_category_ids(
    tiny: TinyCoco, records: Records, truth: Truth, backend: str, kind: str
) -> None:
    predictions = shaken(records)
    found = evaluate(truth, predictions, SPLIT, backend=backend)
    results = to_coco_results(predictions, records.categories, truth, kind)
    groups = {"novel": [13, 38], "base": [1, 17, 18], "all": [1, 13, 17, 18, 38]}
    for name, category_ids in groups.items():
        assert 5 < found[kind][name]["AP"] < 95
        assert same(found[kind][name], figures(tiny.annotations, results, kind, categories=category_ids)), name
    for category, name in zip(records.categories, NAMES, strict=True):
        expected = figures(tiny.annotations, results, kind, categories=[category.id])
        assert same(found["per_class"][name][kind], {m: expected[m] for m in ("AP", "AP50", "AR")})


def test_counts_and_groups(tiny: TinyCoco, records: Records, truth: Truth) -> None:
    found = evaluate(truth, shaken(records), SPLIT)
    assert found["images"] == {"evaluated": 12, "of": 12}
    for category in tiny.content["categories"]:
        own = [a for a in tiny.content["annotations"] if a["category_id"] == category["id"] and not a["iscrowd"]]
        row = found["per_class"][category["name"]]
        assert (row["objects"], row["images"]) == (len(own), len({a["image_id"] for a in own}))
        assert row["group"] == ("novel" if category["id"] in (13, 38) else "base")
    json.dumps(found, allow_nan=False)


def test_perfect_detections_are_perfect(records: Records, truth: Truth) -> None:
    found = evaluate(truth, perfect(records), SPLIT)
    assert [found["mask"][g]["AP"] for g in ("novel", "base", "all")] == pytest.approx([100.0] * 3)


def test_tensors_are_as_good_as_arrays(records: Records, truth: Truth) -> None:
    predictions = shaken(records)
    tensors = [{k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in p.items()} for p in predictions]
    assert evaluate(truth, tensors, SPLIT) == evaluate(truth, predictions, SPLIT)
    for kind in ("mask", "box"):
        ours, theirs = (to_coco_results(p, records.categories, truth, kind) for p in (tensors, predictions))
        assert ours == theirs


def test_order_of_images_does_not_matter(records: Records, truth: Truth) -> None:
    predictions = shaken(records)
    assert evaluate(truth, predictions[::-1], SPLIT) == evaluate(truth, predictions, SPLIT)


@pytest.mark.parametrize("backend", ["arrays", "faster", "pycocotools"])
def test_nothing_found_is_zero(records: Records, truth: Truth, backend: str) -> None:
    empty = [prediction(records, row, [], [], []) for row in range(len(records.image_ids))]
    found = evaluate(truth, empty, SPLIT, backend=backend)
    for kind in ("mask", "box"):
        assert {g: found[kind][g]["AP"] for g in ("novel", "base", "all")} == {"novel": 0.0, "base": 0.0, "all": 0.0}
        assert all(row[kind]["AP"] == (0.0 if row["objects"] else None) for row in found["per_class"].values())


def test_no_image_at_all_is_none(truth: Truth) -> None:
    found = evaluate(truth, [], SPLIT, image_ids=[])
    assert set(found["mask"]["all"].values()) == {None}
    assert found["images"] == {"evaluated": 0, "of": 12}
    assert all(row["objects"] == 0 for row in found["per_class"].values())


@pytest.mark.parametrize("backend", ["arrays", "faster", "pycocotools"])
def test_only_the_images_seen_count(tiny: TinyCoco, records: Records, truth: Truth, backend: str) -> None:
    predictions = shaken(records)
    seen = [predictions[0]["image_id"]]
    found = evaluate(truth, predictions, SPLIT, image_ids=seen, backend=backend)
    assert found["images"] == {"evaluated": 1, "of": 12}
    for kind in ("mask", "box"):
        results = to_coco_results(predictions, records.categories, truth, kind)
        expected = figures(tiny.annotations, results, kind, categories=[13, 38], images=seen)
        assert same(found[kind]["novel"], expected)
    absent = [name for name, row in found["per_class"].items() if row["objects"] == 0]
    assert absent
    assert all(found["per_class"][name]["mask"] == {"AP": None, "AP50": None, "AR": None} for name in absent)
    present = [row["mask"]["AP"] for row in found["per_class"].values() if row["objects"]]
    assert found["mask"]["all"]["AP"] == pytest.approx(np.mean(present))


def test_images_without_prediction_count_as_missed(tiny: TinyCoco, records: Records, truth: Truth) -> None:
    """As COCOeval does: images that could not be read stay in the file, and so in the evaluation."""
    predictions = perfect(records)[:6]
    found = evaluate(truth, predictions, SPLIT)
    assert found["images"]["evaluated"] == 12
    assert found["truth"]["images_without_prediction"] == 6
    assert 0 < found["mask"]["all"]["AR"] < 90
    results = to_coco_results(predictions, records.categories, truth, "mask")
    assert same(found["mask"]["all"], figures(tiny.annotations, results, "mask"))


def test_objects_without_mask_are_ignored_for_masks(tmp_path: Path) -> None:
    """A detection in the box of an object whose mask nobody knows is neither right nor wrong; for boxes it counts."""
    whole = write_tiny_coco(tmp_path / "a", 8, seed=5)
    full = load_annotations(whole.annotations, whole.images)
    half = write_tiny_coco(tmp_path / "b", 8, seed=5)
    dogs = [a for a in half.content["annotations"] if a["category_id"] == 18]
    assert len(dogs) > 2
    del dogs[0]["segmentation"]
    half.rewrite(half.content)
    partial = read_truth(half.annotations)
    found, expected = (evaluate(t, perfect(full), SPLIT) for t in (partial, read_truth(whole.annotations)))
    assert found["mask"] == expected["mask"]
    assert found["box"] == expected["box"]
    assert found["truth"]["cocoeval"] == {"box": True, "mask": False}
    (rule,) = (row for row in found["truth"]["rules"] if row["outcome"] == "region" and not row["cocoeval"])
    assert (rule["rows"], rule["examples"], rule["kinds"]) == (1, [dogs[0]["id"]], ["mask"])
    # what lies beside the box, though, is an error that outranks the dogs
    shots = perfect(full)
    blank = np.zeros((int(full.heights[0]), int(full.widths[0])))
    blank[:3, :3] = 1
    shots[0] = prediction(full, 0, [blank], [3], [0.99])
    assert evaluate(partial, shots, SPLIT)["per_class"]["dog"]["mask"]["AP"] < 100


def test_a_class_without_any_mask_has_box_ap_only(tmp_path: Path) -> None:
    tiny = write_tiny_coco(tmp_path, 12, seed=3, missing_masks=("kite", "stop sign"))
    records, truth = load_annotations(tiny.annotations, tiny.images), read_truth(tiny.annotations)
    found = evaluate(truth, [prediction(records, row, [], [], []) for row in range(12)], SPLIT)
    assert set(found["mask"]["novel"].values()) == {None}
    assert found["box"]["novel"]["AP"] == 0.0
    assert found["mask"]["all"] == found["mask"]["base"]


def test_crowds_swallow_detections(records: Records, truth: Truth) -> None:
    crowd = int(np.flatnonzero(records.crowd)[0])
    row = int(np.searchsorted(records.offsets, crowd, side="right")) - 1
    predictions = perfect(records)
    inside = np.zeros((int(records.heights[row]), int(records.widths[row])))
    inside[:30, :30] = 1
    extra = prediction(records, row, [inside], [0], [0.95])
    for key in ("boxes", "scores", "labels"):
        predictions[row][key] = np.concatenate([predictions[row][key], extra[key]])
    predictions[row]["rles"] += extra["rles"]
    assert evaluate(truth, predictions, SPLIT)["per_class"]["person"]["mask"]["AP"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.append(p[0]), "predicted twice"),
        (lambda p: p[0].update(image_id=4711), "image 4711"),
        (lambda p: p[0].update(scores=p[0]["scores"][:-1]), "differ in length"),
        (lambda p: p[0].update(rles=p[0]["rles"][:-1]), "differ in length"),
        (lambda p: p[0].update(scores=p[0]["scores"] * np.nan), "not finite"),
        (lambda p: p[0].update(boxes=p[0]["boxes"] + np.inf), "not finite"),
        (lambda p: p[0].update(labels=p[0]["labels"] + 5), r"0\.\.4"),
    ],
)
def test_predictions_that_cannot_be_scored(records: Records, truth: Truth, change: Any, message: str) -> None:
    predictions = shaken(records)
    change(predictions)
    with pytest.raises(DataError, match=message):
        evaluate(truth, predictions, SPLIT)


def test_unknown_images_kinds_and_backends(truth: Truth) -> None:
    with pytest.raises(DataError, match="4711"):
        evaluate(truth, [], SPLIT, image_ids=[4711])
    with pytest.raises(ValueError, match="keypoints"):
        evaluate(truth, [], SPLIT, kinds=("keypoints",))
    with pytest.raises(ValueError, match="slow"):
        evaluate(truth, [], SPLIT, backend="slow")


# ------------------------------------------------------------------------------------- classes of model and of file


def test_classes_are_matched_by_name_where_ids_differ(tiny: TinyCoco, records: Records, truth: Truth) -> None:
    """The model's classes in another order and under other ids than the file's: the same figures."""
    predictions = shaken(records)
    expected = evaluate(truth, predictions, SPLIT)
    classes = [Category(100 - label, name) for label, name in enumerate(reversed(NAMES))]
    for found in predictions:
        found["labels"] = 4 - found["labels"]
    split = Split("own", tuple(reversed(NAMES)), (4, 2, 1), (3, 0))
    assert evaluate(truth, predictions, split, classes=classes) == expected
    ids = {entry["category_id"] for entry in to_coco_results(predictions, classes, truth, "mask")}
    assert ids <= {1, 13, 17, 18, 38}


def test_a_class_that_one_side_lacks(tiny: TinyCoco, records: Records, truth: Truth) -> None:
    """The figures are over the file's categories: what the model does not know is missed, what it alone knows said."""
    predictions = shaken(records)
    classes = [*records.categories[:4], Category(38, "zebra")]
    split = Split("own", tuple(c.name for c in classes), (0, 2, 3), (1, 4))
    found = evaluate(truth, predictions, split, classes=classes)
    results = to_coco_results(predictions, classes, truth, "mask")
    assert same(found["mask"]["all"], figures(tiny.annotations, results, "mask"))
    assert same(found["mask"]["novel"], figures(tiny.annotations, results, "mask", categories=[13]))
    assert found["per_class"]["kite"]["group"] == "unknown"
    assert found["per_class"]["kite"]["mask"]["AP"] == 0.0
    assert found["truth"]["classes_unknown"] == ["kite"]
    lost = sum(int((p["labels"] == 4).sum()) for p in predictions)
    assert found["truth"]["of_other_classes"] == lost > 0
    assert len(results) == found["truth"]["detections"] - lost
