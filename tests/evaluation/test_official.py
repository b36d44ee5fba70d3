"""``evaluate`` against pycocotools on the annotation file as it lies on the disk, odd rows and all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from contrastmask.data.splits import Split
from contrastmask.evaluation.slices import evaluate
from contrastmask.evaluation.truth import Truth
from contrastmask.evaluation.truth_file import read_truth
from tests.evaluation.cocoeval import figures, same

CASES = json.loads((Path(__file__).parent / "official.json").read_text())["cases"]
KINDS = ("box", "mask")
BACKENDS = ("arrays", "faster", "pycocotools")


def predictions_of(truth: Truth, detections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A results file's entries as the model would have given them."""
    labels = {category.id: label for label, category in enumerate(truth.categories)}
    found = []
    for image_id in truth.image_ids:
        mine = [d for d in detections if d["image_id"] == image_id]
        boxes = np.array([d["bbox"] for d in mine], dtype=np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        found.append(
            {
                "image_id": image_id,
                "boxes": boxes,
                "scores": np.array([d["score"] for d in mine]),
                "labels": np.array([labels[d["category_id"]] for d in mine], dtype=np.int64),
                "rles": [d["segmentation"] for d in mine],
            }
        )
    return found


def split_of(truth: Truth) -> Split:
    """The first category base, the others novel."""
    return Split("own", tuple(truth.class_names), (0,), tuple(range(1, len(truth.categories))))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_kept_figures_of_odd_files(case: dict[str, Any], backend: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(case["truth"]))
    truth = read_truth(path)
    found = evaluate(truth, predictions_of(truth, case["detections"]), split_of(truth), backend=backend)
    for kind in KINDS:
        assert same(found[kind]["all"], figures(path, case["detections"], kind))
        for name, value in case[kind].items():  # kept to five places
            assert found[kind]["all"][name] == (None if value is None else pytest.approx(value, abs=6e-6)), (kind, name)
    assert found["truth"]["cocoeval"] == {"box": True, "mask": True}


# ------------------------------------------------------------------------------------------- files nobody would write

SIDES = st.integers(12, 40)
NUMBERS = st.sampled_from([-900, -3, -0.5, 0, 0.25, 1, 2, 4, 7.5, 8, 10, 12, 16, 20, 33, 41, 130])


def square(x: float, y: float, w: float, h: float) -> list[float]:
    return [x, y, x + w, y, x + w, y + h, x, y + h]


@st.composite
def segmentations(draw: Any, height: int, width: int, box: list[float]) -> Any:
    kind = draw(
        st.sampled_from(["box", "box", "polygon", "two", "runs", "text", "blank", "other size", "no mask", "odd"])
    )
    if kind == "box":
        return [square(*box)]
    if kind == "polygon":
        return [draw(st.lists(NUMBERS, min_size=5, max_size=9))]
    if kind == "two":
        return [square(*box), draw(st.lists(NUMBERS, min_size=0, max_size=8))]
    if kind in ("runs", "text"):
        cells = draw(st.lists(st.booleans(), min_size=6, max_size=6))
        mask = np.zeros((height, width), dtype=np.uint8, order="F")
        for i, cell in enumerate(cells):
            mask[(i // 3) * height // 2 : (i // 3 + 1) * height // 2, (i % 3) * 7 : (i % 3 + 1) * 7] = cell
        if kind == "text":
            return {"size": [height, width], "counts": coco_mask.encode(mask)["counts"].decode()}
        flat = mask.ravel(order="F")
        edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
        return {"size": [height, width], "counts": np.diff([0, *edges, height * width]).tolist()}
    if kind == "blank":
        return draw(
            st.sampled_from([[[1, 1, 5, 5, 9, 9]], {"size": [height, width], "counts": [height * width]},
                             {"size": [height, width], "counts": []}, {"size": [height, width], "counts": ""}])
        )  # fmt: skip
    if kind == "other size":
        return {"size": [width + 1, height], "counts": [3, 40, (width + 1) * height - 43]}
    if kind == "no mask":
        return draw(
            st.sampled_from([None, [], [[]], [[1, 2, 3, 4]], [1, 2, 3, 4, 5, 6], {}, "abc", 7, [[[1, 2], [3, 4]]]])
        )
    return draw(
        st.sampled_from([[["1", "2", "20", "2", "20", "9"]], [[True, 2, 9, 2, 9, 8]], [[1, 2, 9, 2, 9, 8], None],
                         [{"size": [height, width], "counts": [5, 9, height * width - 14]}],
                         {"size": [height], "counts": [1]}, {"size": [height, width], "counts": [-1, 2]},
                         {"size": [height, width], "counts": None}, {"counts": [1, 2]}])
    )  # fmt: skip


@st.composite
def files(draw: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A COCO file whose rows are mostly sound, and detections mostly of them."""
    images = [
        {"id": number, "height": draw(SIDES), "width": draw(SIDES)}
        for number in draw(st.lists(st.integers(-1, 5), min_size=1, max_size=3, unique=True))
    ]
    categories = [{"id": n, "name": f"class {n}"} for n in draw(st.sampled_from([[1], [0, 3], [7, 5, 6]]))]
    annotations, detections = [], []
    odd_file = draw(st.sampled_from([False, False, True]))  # else nothing that COCOeval would stop at
    for _ in range(draw(st.integers(0, 7))):
        image = draw(st.sampled_from(images))
        about = {"image_id": image["id"], "category_id": draw(st.sampled_from(categories))["id"]}
        box = draw(st.lists(NUMBERS, min_size=4, max_size=4)) if draw(st.booleans()) else [4, 4, 8, 8]
        segmentation = draw(segmentations(image["height"], image["width"], box))
        row = {
            "id": draw(st.one_of(st.integers(0, 3), st.integers(4, 400))),
            **about,
            "bbox": box,
            "area": draw(
                st.sampled_from([0, 1, 64, 64.5, 1024, 1025, 9216, 9217, -4, 2e10, float("inf"), float("nan")])
            ),
            "iscrowd": draw(st.sampled_from([0, 0, 0, 0, 0, 1, True, "0", "1", 0.5, 2])),
            "segmentation": segmentation,
        }
        for key, value in draw(st.lists(ODDITIES if odd_file else MILD, max_size=1)):
            if value is GONE:
                row.pop(key)
            else:
                row[key] = value
        annotations.append(row)
        for _ in range(draw(st.integers(0, 2))):
            shift = draw(st.sampled_from([0, 0, 0, 1, 3]))
            detections.append(
                detection(image, about, [box[0] + shift, *box[1:]], draw(st.sampled_from([0.5, 0.5, 0.9])))
            )
    for _ in range(draw(st.integers(0, 2))):
        about = {"image_id": draw(st.sampled_from(images))["id"], "category_id": categories[0]["id"]}
        image = next(i for i in images if i["id"] == about["image_id"])
        detections.append(detection(image, about, [2, 2, 9, 9], 0.7))
    return {"images": images, "annotations": annotations, "categories": categories}, detections


GONE = object()
MILD = st.sampled_from([("ignore", 1), ("image_id", 77), ("category_id", 77), ("bbox", ["1", "2", "9", "9"]),
                        ("bbox", [None, 2, 9, 9]), ("id", None), ("id", 0), ("id", "7")])  # fmt: skip
ODDITIES = st.sampled_from([("area", GONE), ("area", None), ("iscrowd", GONE), ("iscrowd", None), ("iscrowd", -1),
                            ("bbox", GONE), ("bbox", []), ("bbox", [1, 2, 3]), ("segmentation", GONE), ("id", GONE),
                            ("id", [1]), ("image_id", GONE), ("category_id", None), ("ignore", 1), ("bbox", None),
                            ("segmentation_predicted", True)])  # fmt: skip


def detection(image: dict[str, Any], about: dict[str, Any], box: list[float], score: float) -> dict[str, Any]:
    x, y, w, h = box
    mask = np.zeros((image["height"], image["width"]), dtype=np.uint8, order="F")
    mask[max(0, int(y)) : max(0, int(y + h)), max(0, int(x)) : max(0, int(x + w))] = 1
    rle = coco_mask.encode(mask)
    rle["counts"] = rle["counts"].decode()
    return {**about, "bbox": [x, y, abs(w), abs(h)], "score": score, "segmentation": rle}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(drawn=files())
def test_equal_to_cocoeval_wherever_it_runs(drawn: tuple[dict[str, Any], list[dict[str, Any]]], tmp_path: Path) -> None:
    content, detections = drawn
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(content))
    truth = read_truth(path)
    split, predictions = split_of(truth), predictions_of(truth, detections)
    first = [truth.image_ids[0]]
    found = {backend: evaluate(truth, predictions, split, backend=backend) for backend in BACKENDS}
    part = {backend: evaluate(truth, predictions, split, image_ids=first, backend=backend) for backend in BACKENDS}
    json.dumps(found, allow_nan=False)
    ids = [category.id for category in truth.categories]
    predicted = any(row.get("segmentation_predicted") for row in content["annotations"])
    for kind in KINDS:
        try:
            expected = {"all": figures(path, detections, kind)}
        except Exception:
            assert not any(of["truth"]["cocoeval"][kind] for of in found.values())
            continue
        if kind == "mask" and predicted:  # where COCOeval takes a model's mask for the truth
            continue
        # a row that stands in the place of one of another class is there only while that class is
        repeated = any("id comes again" in row["rule"] for row in found["arrays"]["truth"]["rules"])
        for side in ("base", "novel"):
            chosen = [ids[label] for label in getattr(split, side)]
            if chosen and not repeated:
                expected[side] = figures(path, detections, kind, categories=chosen)
        of_first = figures(path, detections, kind, images=first)
        for backend in BACKENDS:
            assert found[backend]["truth"]["cocoeval"][kind]
            for group, figured in expected.items():
                assert same(found[backend][kind][group], figured), (backend, kind, group, figured)
            assert same(part[backend][kind]["all"], of_first), (backend, kind)
