from __future__ import annotations

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from rich.console import Console

from contrastmask.data.annotations import load_annotations
from contrastmask.data.records import Records
from contrastmask.data.splits import Split
from contrastmask.errors import DataError
from contrastmask.evaluation.boundary import boundary_iou, boundary_width
from contrastmask.evaluation.coco_match import box_rle, truth_rle
from contrastmask.evaluation.slices import METRICS, evaluate, given_box_scores, to_coco_results
from contrastmask.evaluation.tables import format_tables
from tests.tiny_coco import TinyCoco, write_tiny_coco

NAMES = ("person", "stop sign", "cat", "dog", "kite")
SPLIT = Split(name="voc_nonvoc", class_names=NAMES, base=(0, 2, 3), novel=(1, 4))
# where COCOeval.summarize() puts each metric
STATS = {"AP": 0, "AP50": 1, "AP75": 2, "APs": 3, "APm": 4, "APl": 5, "AR": 8, "ARs": 9, "ARm": 10, "ARl": 11}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyCoco:
    return write_tiny_coco(tmp_path_factory.mktemp("coco"), 12, seed=3, size=(160, 240), name="val")


@pytest.fixture(scope="module")
def records(tiny: TinyCoco) -> Records:
    return load_annotations(tiny.annotations, tiny.images)


def rows_of(records: Records, row: int) -> range:
    return range(int(records.offsets[row]), int(records.offsets[row + 1]))


def prediction(records: Records, row: int, bitmaps: list, labels: list, scores: list, **more: Any) -> dict[str, Any]:
    size = [int(records.heights[row]), int(records.widths[row])]
    rles = [coco_mask.encode(np.asfortranarray(bitmap, dtype=np.uint8)) for bitmap in bitmaps]
    boxes = np.array([coco_mask.toBbox(rle) for rle in rles], dtype=np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return {
        "image_id": int(records.image_ids[row]),
        "boxes": boxes,
        "scores": np.array(scores, dtype=np.float32),
        "labels": np.array(labels, dtype=np.int64),
        "rles": [{"size": size, "counts": rle["counts"].decode()} for rle in rles],
        **more,
    }


def shaken(records: Records, seed: int = 0) -> list[dict[str, Any]]:
    """Objects moved a little, some missed, some of a wrong class, and rectangles that are nothing."""
    random, predictions = np.random.default_rng(seed), []
    for row, (height, width) in enumerate(zip(records.heights, records.widths, strict=True)):
        bitmaps, labels, scores = [], [], []
        for a in rows_of(records, row):
            for _ in range(2):
                if random.random() < 0.7:
                    bitmaps.append(np.roll(records.mask(a), random.integers(-4, 5, 2), (0, 1)))
                    labels.append(records.labels[a] if random.random() < 0.8 else random.integers(5))
                    scores.append(random.choice([0.5, 0.6, 0.7, 0.8, 0.9]))  # ties on purpose
        for _ in range(3):
            y, x = random.integers(height - 20), random.integers(width - 20)
            bitmaps.append(np.zeros((height, width)))
            bitmaps[-1][y : y + random.integers(5, 60), x : x + 20] = 1
            labels.append(random.integers(5))
            scores.append(random.choice([0.1, 0.3, 0.6]))
        predictions.append(prediction(records, row, bitmaps, labels, scores))
    return predictions


def perfect(records: Records, **more: Any) -> list[dict[str, Any]]:
    predictions = []
    for row in range(len(records.image_ids)):
        chosen = [a for a in rows_of(records, row) if not records.crowd[a]]
        masks, labels = [records.mask(a) for a in chosen], records.labels[chosen]
        predictions.append(
            prediction(records, row, masks, labels, [0.9] * len(chosen), ann_ids=records.ann_ids[chosen])
        )
    return predictions


def reference(content: dict, results: list[dict], kind: str, classes: list[int], images: list[int]) -> list[float]:
    """COCO's own twelve figures, in percent."""
    results = copy.deepcopy(results)
    for result in results:
        # with a box in it, COCO would take the box's area for the mask's
        result.pop("bbox" if kind == "segm" else "segmentation")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(content)
        truth.createIndex()
        scorer = COCOeval(truth, truth.loadRes(results), kind)
        scorer.params.catIds, scorer.params.imgIds = classes, images
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return (100 * scorer.stats).tolist()


def close(found: dict[str, float | None], stats: list[float]) -> bool:
    expected = {name: stats[place] for name, place in STATS.items()}
    return all(
        found[name] is None if value == -100 else found[name] == pytest.approx(value, abs=1e-9)
        for name, value in expected.items()
    )


# --------------------------------------------------------------------------------------------------- detections


@pytest.mark.parametrize("backend", ["faster", "pycocotools"])
@pytest.mark.parametrize(("kind", "coco_kind"), [("mask", "segm"), ("box", "bbox")])
def test_slices_equal_coco_with_category_ids(
    tiny: TinyCoco, records: Records, backend: str, kind: str, coco_kind: str
) -> None:
    predictions = shaken(records)
    found = evaluate(records, predictions, SPLIT, backend=backend)
    results, images = to_coco_results(predictions, records), records.image_ids.tolist()
    groups = {"novel": [13, 38], "base": [1, 17, 18], "all": [1, 13, 17, 18, 38]}
    for name, category_ids in groups.items():
        assert 5 < found[kind][name]["AP"] < 95
        assert close(found[kind][name], reference(tiny.content, results, coco_kind, category_ids, images)), name
    for category, name in zip(records.categories, NAMES, strict=True):
        stats = reference(tiny.content, results, coco_kind, [category.id], images)
        figures = found["per_class"][name][kind]
        assert figures == {m: pytest.approx(stats[STATS[m]], abs=1e-9) for m in ("AP", "AP50", "AR")}


def test_counts_and_groups(tiny: TinyCoco, records: Records) -> None:
    found = evaluate(records, shaken(records), SPLIT)
    assert found["images"] == {"evaluated": 12, "of": 12}
    for category in tiny.content["categories"]:
        own = [a for a in tiny.content["annotations"] if a["category_id"] == category["id"] and not a["iscrowd"]]
        row = found["per_class"][category["name"]]
        assert (row["objects"], row["images"]) == (len(own), len({a["image_id"] for a in own}))
        assert row["group"] == ("novel" if category["id"] in (13, 38) else "base")
    json.dumps(found, allow_nan=False)


def test_perfect_detections_are_perfect(records: Records) -> None:
    found = evaluate(records, perfect(records), SPLIT)
    assert [found["mask"][g]["AP"] for g in ("novel", "base", "all")] == pytest.approx([100.0] * 3)


def test_tensors_are_as_good_as_arrays(records: Records) -> None:
    predictions = shaken(records)
    tensors = [{k: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in p.items()} for p in predictions]
    assert evaluate(records, tensors, SPLIT) == evaluate(records, predictions, SPLIT)
    assert to_coco_results(tensors, records) == to_coco_results(predictions, records)


def test_order_of_images_does_not_matter(records: Records) -> None:
    predictions = shaken(records)
    assert evaluate(records, predictions[::-1], SPLIT) == evaluate(records, predictions, SPLIT)


@pytest.mark.parametrize("backend", ["faster", "pycocotools"])
def test_nothing_found_is_zero(records: Records, backend: str) -> None:
    empty = [prediction(records, row, [], [], []) for row in range(len(records.image_ids))]
    found = evaluate(records, empty, SPLIT, backend=backend)
    for kind in ("mask", "box"):
        assert {g: found[kind][g]["AP"] for g in ("novel", "base", "all")} == {"novel": 0.0, "base": 0.0, "all": 0.0}
        assert all(row[kind]["AP"] == (0.0 if row["objects"] else None) for row in found["per_class"].values())


def test_no_image_at_all_is_none(records: Records) -> None:
    found = evaluate(records, [], SPLIT)
    assert set(found["mask"]["all"].values()) == {None}
    assert found["images"] == {"evaluated": 0, "of": 12}
    assert all(row["objects"] == 0 for row in found["per_class"].values())


@pytest.mark.parametrize("backend", ["faster", "pycocotools"])
def test_only_the_images_seen_count(tiny: TinyCoco, records: Records, backend: str) -> None:
    predictions = shaken(records)
    seen = predictions[:1]
    found = evaluate(records, seen, SPLIT, backend=backend)
    assert found["images"] == {"evaluated": 1, "of": 12}
    assert found == evaluate(records, predictions, SPLIT, image_ids=[seen[0]["image_id"]], backend=backend)
    stats = reference(tiny.content, to_coco_results(seen, records), "segm", [13, 38], [seen[0]["image_id"]])
    assert close(found["mask"]["novel"], stats)
    absent = [name for name, row in found["per_class"].items() if row["objects"] == 0]
    assert absent
    assert all(found["per_class"][name]["mask"] == {"AP": None, "AP50": None, "AR": None} for name in absent)
    present = [row["mask"]["AP"] for row in found["per_class"].values() if row["objects"]]
    assert found["mask"]["all"]["AP"] == pytest.approx(np.mean(present))


def test_an_image_seen_without_prediction_counts_as_missed(records: Records) -> None:
    predictions = perfect(records)
    found = evaluate(records, predictions[:6], SPLIT, image_ids=records.image_ids)
    assert found["images"]["evaluated"] == 12
    assert 0 < found["mask"]["all"]["AR"] < 90


def test_objects_without_mask_are_ignored_for_masks(tmp_path: Path) -> None:
    """A detection in the box of an object whose mask nobody knows is neither right nor wrong; for boxes it counts."""
    whole = write_tiny_coco(tmp_path / "a", 8, seed=5)
    full = load_annotations(whole.annotations, whole.images)
    half = write_tiny_coco(tmp_path / "b", 8, seed=5)
    dogs = [a for a in half.content["annotations"] if a["category_id"] == 18]
    assert len(dogs) > 2
    del dogs[0]["segmentation"]
    half.rewrite(half.content)
    partial = load_annotations(half.annotations, half.images)
    assert int((~partial.has_mask).sum()) == 1
    found, expected = (evaluate(r, perfect(full), SPLIT) for r in (partial, full))
    assert found["mask"] == expected["mask"]
    assert found["box"] == expected["box"]
    # what lies beside the box, though, is an error that outranks the dogs
    shots = perfect(full)
    blank = np.zeros((int(full.heights[0]), int(full.widths[0])))
    blank[:3, :3] = 1
    shots[0] = prediction(full, 0, [blank], [3], [0.99])
    assert evaluate(partial, shots, SPLIT)["per_class"]["dog"]["mask"]["AP"] < 100


def test_a_class_without_any_mask_has_box_ap_only(tmp_path: Path) -> None:
    tiny = write_tiny_coco(tmp_path, 12, seed=3, missing_masks=("kite", "stop sign"))
    records = load_annotations(tiny.annotations, tiny.images)
    found = evaluate(records, [prediction(records, row, [], [], []) for row in range(12)], SPLIT)
    assert set(found["mask"]["novel"].values()) == {None}
    assert found["box"]["novel"]["AP"] == 0.0
    assert found["mask"]["all"] == found["mask"]["base"]


def test_crowds_swallow_detections(tiny: TinyCoco, records: Records) -> None:
    crowd = int(np.flatnonzero(records.crowd)[0])
    row = int(np.searchsorted(records.offsets, crowd, side="right")) - 1
    predictions = perfect(records)
    inside = np.zeros((int(records.heights[row]), int(records.widths[row])))
    inside[:30, :30] = 1
    extra = prediction(records, row, [inside], [0], [0.95])
    for key in ("boxes", "scores", "labels"):
        predictions[row][key] = np.concatenate([predictions[row][key], extra[key]])
    predictions[row]["rles"] += extra["rles"]
    assert evaluate(records, predictions, SPLIT)["per_class"]["person"]["mask"]["AP"] == pytest.approx(100)


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
def test_predictions_that_cannot_be_scored(records: Records, change: Any, message: str) -> None:
    predictions = shaken(records)
    change(predictions)
    with pytest.raises(DataError, match=message):
        evaluate(records, predictions, SPLIT)


def test_unknown_images_kinds_and_backends(records: Records) -> None:
    with pytest.raises(DataError, match="4711"):
        evaluate(records, [], SPLIT, image_ids=[4711])
    with pytest.raises(ValueError, match="keypoints"):
        evaluate(records, [], SPLIT, kinds=("keypoints",))
    with pytest.raises(ValueError, match="slow"):
        evaluate(records, [], SPLIT, backend="slow")


# --------------------------------------------------------------------------------------------------- given boxes


def given_boxes(records: Records, draw: Any) -> list[dict[str, Any]]:
    predictions = perfect(records)
    for row, found in enumerate(predictions):
        chosen = [a for a in rows_of(records, row) if not records.crowd[a]]
        found["rles"] = [draw(row, a) for a in chosen]
    return predictions


def test_true_masks_in_given_boxes(records: Records) -> None:
    found = given_box_scores(records, given_boxes(records, lambda row, a: truth_rle(records, row, a)), SPLIT)
    for group in ("novel", "base", "all"):
        assert (found[group]["IoU"], found[group]["AP"]) == (100.0, pytest.approx(100.0))
        assert found[group]["boundary_IoU"] == 100.0
        assert 40 < found[group]["filled_box_IoU"] < 90
    assert found["all"]["objects"] == int((~records.crowd).sum())
    assert found["novel"]["objects"] + found["base"]["objects"] == found["all"]["objects"]
    assert found["per_class"]["kite"]["group"] == "novel"
    assert found["per_class"]["kite"]["objects"] == int((records.labels == 4).sum())
    assert found["images"] == {"evaluated": 12, "of": 12}
    json.dumps(found, allow_nan=False)


def test_filled_boxes_score_what_is_said_of_them(records: Records) -> None:
    def fill(row: int, a: int) -> dict[str, Any]:
        return box_rle(records.boxes[a], int(records.heights[row]), int(records.widths[row]))

    found = given_box_scores(records, given_boxes(records, fill), SPLIT)
    ious, boundaries = [], []
    for row in range(12):
        for a in rows_of(records, row):
            if not records.crowd[a] and records.labels[a] in SPLIT.novel:
                box, mask = coco_mask.decode(fill(row, a)).astype(bool), records.mask(a).astype(bool)
                ious.append(100 * (box & mask).sum() / (box | mask).sum())
                boundaries.append(100 * boundary_iou(box, mask, boundary_width(*mask.shape)))
    assert found["novel"]["boundary_IoU"] == pytest.approx(np.mean(boundaries))
    assert found["novel"]["IoU"] == found["novel"]["filled_box_IoU"] == pytest.approx(np.mean(ious))


def test_crowds_and_objects_without_mask_are_not_judged_in_given_boxes(records: Records) -> None:
    hidden = records.withhold([4])
    crowd = int(np.flatnonzero(records.crowd)[0])
    predictions = perfect(records)
    target = predictions[records.image_of(crowd)]
    wrong = prediction(records, records.image_of(crowd), [np.eye(*records.mask(crowd).shape)], [0], [0.9])
    for key in ("boxes", "scores", "labels"):
        target[key] = np.concatenate([target[key], wrong[key]])
    target["rles"] += wrong["rles"]
    target["ann_ids"] = np.append(target["ann_ids"], records.ann_ids[crowd])
    found = given_box_scores(hidden, predictions, SPLIT)
    assert found["per_class"]["person"]["IoU"] == 100.0
    assert found["per_class"]["person"]["objects"] == int(((records.labels == 0) & ~records.crowd).sum())
    assert (found["per_class"]["kite"]["objects"], found["per_class"]["kite"]["IoU"]) == (0, None)


def test_given_boxes_without_objects(records: Records) -> None:
    found = given_box_scores(records, [], SPLIT)
    nothing = dict.fromkeys(("IoU", "filled_box_IoU", "boundary_IoU", "AP", "AP50"))
    assert found["all"] == {**nothing, "objects": 0}


def test_given_boxes_of_wrong_annotations(records: Records) -> None:
    predictions = perfect(records)
    predictions[0]["ann_ids"] = predictions[0]["ann_ids"] + 100_000
    with pytest.raises(DataError, match="annotation 101"):
        given_box_scores(records, predictions, SPLIT)


# ------------------------------------------------------------------------------------------------------- outputs


def test_coco_results_are_results_of_the_file(tiny: TinyCoco, records: Records) -> None:
    predictions = shaken(records)
    results = json.loads(json.dumps(to_coco_results(predictions, records)))
    assert len(results) == sum(len(p["scores"]) for p in predictions)
    first, source = results[0], predictions[0]
    assert first["image_id"] == source["image_id"]
    assert first["category_id"] == records.categories[source["labels"][0]].id
    left, top, right, bottom = source["boxes"][0].tolist()
    assert first["bbox"] == [left, top, right - left, bottom - top]
    assert coco_mask.toBbox(first["segmentation"]).tolist() == first["bbox"]


def test_tables_show_the_figures(records: Records) -> None:
    results = evaluate(records, shaken(records)[:2], SPLIT)
    results["given_boxes"] = given_box_scores(records, perfect(records), SPLIT)
    console = Console(width=80, file=io.StringIO())
    for table in format_tables(results):
        console.print(table)
    text = console.file.getvalue()
    assert "2 images of 12" in text
    assert f"{results['mask']['novel']['AP']:.1f}" in text
    assert all(metric in text for metric in METRICS)
    assert "…" not in text
    assert "None" not in text
