"""What is written for each tool, read back by its own rules: pixels, boxes, ids, confidence; and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image

from contrastmask.errors import ConfigError, DataError
from contrastmask.handover.export import export
from contrastmask.handover.options import ExportOptions, FiftyOneOptions, YoloOptions
from tests.handover.scene import BOX, CROWD, NAMES, PARTS, RING, TWO, WHOLE, H, Scene, W, drawn, write_scene

MASKS = {i for i in range(WHOLE, 20) if i != BOX}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return write_scene(tmp_path)


def hand_over(scene: Scene, to: str, **options: Any) -> tuple[Path, dict[str, Any]]:
    output = scene.annotations.parent / "out"
    return output, export(ExportOptions(scene.annotations, scene.images, output, to, **options))


def painted(region: dict[str, Any]) -> np.ndarray:
    """A brush's pixels, decoded bit by bit as its format says."""
    bits, place = "".join(f"{byte:08b}" for byte in region["value"]["rle"]), 0

    def read(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    total, width = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < total:
        same, length = read(1), 0
        length = 1 + read(sizes[read(2)])
        values += [read(width)] * length if same else [read(width) for _ in range(length)]
    return np.array(values).reshape(region["original_height"], region["original_width"], 4)[..., 3] > 0


def regions_of(output: Path) -> list[dict[str, Any]]:
    tasks = json.loads((output / "tasks.json").read_text())
    return [region for task in tasks for prediction in task["predictions"] for region in prediction["result"]]


def test_label_studio_masks(scene: Scene) -> None:
    output, summary = hand_over(scene, "labelstudio")
    regions = regions_of(output)
    # one region an object: a box beside a mask would come back as a second one
    assert sorted(int(region["id"]) for region in regions) == sorted({BOX, *MASKS} - {CROWD})
    for region in regions:
        if region["type"] == "brushlabels":
            np.testing.assert_array_equal(painted(region), scene.masks[int(region["id"])])
    box = next(region for region in regions if region["type"] == "rectanglelabels")
    assert box["id"] == str(BOX)
    assert [box["value"][k] for k in ("x", "width")] == pytest.approx([800 / W, 2000 / W])
    by_id = {int(region["id"]): region for region in regions}
    assert by_id[RING]["score"] == pytest.approx(0.6)
    assert "score" not in by_id[WHOLE]
    assert by_id[RING]["meta"]["bbox"] == [24.4, 9.3, 30.2, 28.9]
    assert (by_id[RING]["meta"]["segmentation_predicted"], by_id[WHOLE]["meta"]["segmentation_predicted"]) == (
        True,
        False,
    )
    tasks = json.loads((output / "tasks.json").read_text())
    assert [task["data"]["image"] for task in tasks] == [
        "/data/local-files/?d=a%2Bb%20%231.png", "/data/local-files/?d=sub%20folder/%C3%A4.png"
    ]  # fmt: skip
    assert tasks[0]["predictions"][0]["score"] == pytest.approx(0.5)  # the least certain of the image
    assert (summary["rows"], summary["written"], summary["left_out"]) == (9, 8, {"crowd region": [CROWD]})


def test_label_studio_polygons(scene: Scene) -> None:
    output, _ = hand_over(scene, "labelstudio", form="polygons")
    polygons: dict[int, list[list[float]]] = {}
    for region in regions_of(output):
        if region["type"] == "polygonlabels":
            points = np.array(region["value"]["points"]) * [W, H] / 100
            polygons.setdefault(region["meta"]["annotation_id"], []).append(points.ravel().tolist())
    assert set(polygons) == MASKS - {CROWD}
    for id_, parts in polygons.items():
        np.testing.assert_array_equal(drawn(parts), scene.masks[id_])
    ids = [region["id"] for region in regions_of(output)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("form", "tag"), [("masks", "BrushLabels"), ("polygons", "PolygonLabels")])
def test_label_config_has_the_classes_as_they_are(scene: Scene, form: str, tag: str) -> None:
    output, _ = hand_over(scene, "labelstudio", form=form)
    config = ElementTree.fromstring((output / "label_config.xml").read_text())
    controls = {control.get("name") for control in config if control.get("toName") == "image"}
    assert {region["from_name"] for region in regions_of(output)} <= controls
    for kind in (tag, "RectangleLabels"):
        assert sorted(label.get("value") for label in config.iter(kind) for label in label) == sorted(NAMES)


def yolo_lines(output: Path) -> list[tuple[int, np.ndarray]]:
    lines = [
        line for path in sorted((output / "labels" / "train").rglob("*.txt")) for line in path.read_text().split("\n")
    ]
    return [(int(line.split()[0]), np.array(line.split()[1:], dtype=float).reshape(-1, 2)) for line in lines if line]


def best(polygon: np.ndarray, scene: Scene) -> float:
    mask = drawn([(polygon * [W, H]).ravel().tolist()])
    return max(float((mask & m).sum() / (mask | m).sum()) for m in scene.masks.values())


def test_yolo_holds_one_part_and_says_what_is_lost(scene: Scene) -> None:
    output, summary = hand_over(scene, "yolo")
    assert summary["left_out"] == {"crowd region": [CROWD], "no mask": [BOX]}
    kite = summary["loss"]["kite"]  # a polygon that stays as it is, and the ring, whose hole is lost
    assert (kite["objects"], kite["parts_lost"], kite["holes_lost"]) == (2, 1, 1)
    assert kite["IoU"] == pytest.approx(50 * (1 + kite["IoU_least"] / 100))
    ring = scene.masks[RING]
    assert kite["IoU_least"] == pytest.approx(100 * ring.sum() / drawn([outline(output)]).sum(), abs=1.0)
    data = yaml.safe_load((output / "data.yaml").read_text())
    assert data["names"] == {0: "kite", 1: "dog & cat", 2: 'a "b" <c>'}
    link = output / "images" / "train" / "sub folder" / "ä.png"
    assert link.is_symlink()
    assert Image.open(link).size == (W, H)
    for _, polygon in yolo_lines(output):
        assert polygon.min() >= 0
        assert polygon.max() <= 1


def outline(output: Path) -> list[float]:
    rings = [polygon for label, polygon in yolo_lines(output) if label == 0 and len(polygon) > 8]
    return (max(rings, key=len) * [W, H]).ravel().tolist()


def test_yolo_joined_keeps_parts_and_holes(scene: Scene) -> None:
    yolo = YoloOptions(parts="joined", without_mask="box", images="none")
    output, summary = hand_over(scene, "yolo", yolo=yolo)
    lines = yolo_lines(output)
    assert len(lines) == 8
    assert [best(polygon, scene) for _, polygon in lines if len(polygon) != 4] == [1.0] * 5
    assert all(row["IoU_least"] == 100 and not row["parts_lost"] for row in summary["loss"].values())
    assert summary["changed"] == {"boxes written as polygons": 1}
    assert not (output / "images").exists()


def test_a_readers_whole_pixels_are_the_masks_corners(scene: Scene) -> None:
    """32-bit floats and a cut-off fraction, as Ultralytics reads: no corner moves by a pixel."""
    output, _ = hand_over(scene, "yolo", yolo=YoloOptions(parts="joined", images="none"))
    for _, polygon in yolo_lines(output):
        if len(polygon) > 12:  # along the pixels' edges
            place = polygon.astype(np.float32) * np.array([W, H], dtype=np.float32)
            assert (place - place.astype(int)).max() < 0.01


def test_yolo_refuses_two_images_of_one_label_file(scene: Scene) -> None:
    Image.new("RGB", (W, H)).save(scene.images / "a+b #1.jpg")
    scene.content["images"].append({"id": 9, "file_name": "a+b #1.jpg", "height": H, "width": W})
    scene.annotations.write_text(json.dumps(scene.content))
    for to in ("yolo", "cvat"):
        with pytest.raises(DataError, match=r"a\+b #1"):
            hand_over(scene, to)
        assert not (scene.annotations.parent / "out").exists()


def rows_of(path: Path) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in json.loads(path.read_text())["annotations"]}


@pytest.mark.parametrize("form", ["masks", "polygons"])
def test_cvat(scene: Scene, form: str) -> None:
    output, summary = hand_over(scene, "cvat", form=form)
    rows = rows_of(output / "annotations" / "instances_default.json")
    assert summary["written"] == 9
    for id_, mask in scene.masks.items():
        assert isinstance(rows[id_]["segmentation"], dict if form == "masks" or id_ == CROWD else list)
        np.testing.assert_array_equal(drawn(rows[id_]["segmentation"]), mask)
    assert rows[BOX]["segmentation"] == []  # its reader fails on null
    assert rows[RING]["bbox"] == [24.4, 9.3, 30.2, 28.9]
    assert rows[TWO]["attributes"] == {"occluded": True, "colour": "red", "annotation_id": str(TWO),
                                       "segmentation_predicted": True, "segmentation_confidence": "0.5"}  # fmt: skip
    labels = {label["name"]: label["attributes"] for label in json.loads((output / "labels.json").read_text())}
    assert set(labels) == set(NAMES)
    kinds = {entry["name"]: entry["input_type"] for entry in labels["dog & cat"]}
    assert kinds == {"annotation_id": "text", "segmentation_predicted": "checkbox", "segmentation_confidence": "text",
                     "colour": "text"}  # fmt: skip


def test_cvat_has_no_class_zero_and_no_attribute_that_is_no_text(scene: Scene) -> None:
    for category in scene.content["categories"]:
        category["id"] -= 2
    for row in scene.content["annotations"]:
        row["category_id"] -= 2
        row["attributes"] = {"predicted": {"size": [1, 1], "counts": "1"}, "is_crowd": False, "seen": True}
    scene.annotations.write_text(json.dumps(scene.content))
    output, summary = hand_over(scene, "cvat")
    content = json.loads((output / "annotations" / "instances_default.json").read_text())
    assert [c["id"] for c in content["categories"]] == [1, 2, 3]
    names = {c["id"]: c["name"] for c in content["categories"]}
    assert names[rows_of(output / "annotations" / "instances_default.json")[WHOLE]["category_id"]] == "kite"
    assert sum(summary["changed"].values()) == 3 + 9
    assert all(set(r["attributes"]) & {"is_crowd", "predicted"} == set() for r in content["annotations"])


@pytest.mark.parametrize("repair", [False, True])
def test_a_turned_box_or_the_upright_one_around_it(scene: Scene, repair: bool) -> None:
    [box] = [row for row in scene.content["annotations"] if row["id"] == BOX]
    box["attributes"] = {"rotation": 90.0, "occluded": False}
    scene.annotations.write_text(json.dumps(scene.content))
    output, _ = hand_over(scene, "cvat", repair=repair)
    found = rows_of(output / "annotations" / "instances_default.json")[BOX]
    assert found["bbox"] == ([12.5, 4.5, 11, 20] if repair else [8, 9, 20, 11])
    assert found["attributes"].get("rotation") == (None if repair else 90)


def test_fiftyone(scene: Scene) -> None:
    scene.content["annotations"][0]["attributes"] = {"label": "x", "a.b": 1, "fine": "y"}
    scene.annotations.write_text(json.dumps(scene.content))
    output, summary = hand_over(scene, "fiftyone")
    rows = rows_of(output / "labels.json")
    for id_, mask in scene.masks.items():
        np.testing.assert_array_equal(drawn(rows[id_]["segmentation"]), mask)
        x, y, w, h = map(round, rows[id_]["bbox"])
        assert mask[y : y + h, x : x + w].sum() == mask.sum()
    assert rows[RING]["given_bbox"] == [24.4, 9.3, 30.2, 28.9]
    assert (rows[RING]["score"], rows[RING]["segmentation_predicted"]) == (pytest.approx(0.6), True)
    assert "score" not in rows[WHOLE]
    assert rows[WHOLE]["fine"] == "y"
    assert not {"label", "a.b"} & set(rows[WHOLE])
    assert sum(summary["changed"].values()) == 3
    given = FiftyOneOptions(boxes="given")
    rows = rows_of(hand_over(scene, "fiftyone", overwrite=True, fiftyone=given)[0] / "labels.json")
    assert rows[RING]["bbox"] == [24.4, 9.3, 30.2, 28.9]


def test_an_output_that_is_there_is_refused(scene: Scene) -> None:
    output, _ = hand_over(scene, "cvat")
    before = sorted(os.listdir(output))
    with pytest.raises(ConfigError, match="overwrite=true"):
        hand_over(scene, "yolo")
    assert sorted(os.listdir(output)) == before
    hand_over(scene, "labelstudio", overwrite=True)
    assert "tasks.json" in os.listdir(output)
    mine = scene.annotations.parent / "mine"
    mine.mkdir()
    (mine / "work.txt").write_text("a person's")
    with pytest.raises(ConfigError, match="no earlier export"):
        export(ExportOptions(scene.annotations, scene.images, mine, "cvat", overwrite=True))
    (mine / "export.json").write_text("{}")
    with pytest.raises(ConfigError, match="would replace"):
        export(ExportOptions(mine / "work.txt", scene.images, mine, "cvat", overwrite=True))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"to": "coco"}, "labelstudio, yolo, cvat, fiftyone"),
        ({"to": "yolo", "form": "masks"}, "form='masks'"),
    ],
)
def test_unknown_words(scene: Scene, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        hand_over(scene, **options)


def test_nothing_is_left_of_a_failed_export(scene: Scene) -> None:
    (scene.images / "sub folder" / "ä.png").unlink()
    with pytest.raises(DataError, match="does not exist"):
        hand_over(scene, "yolo")
    assert sorted(os.listdir(scene.annotations.parent)) == ["images", "in.json"]


def test_parts_of_polygons_are_parts(scene: Scene) -> None:
    output, summary = hand_over(scene, "yolo", yolo=YoloOptions(images="copy"))
    assert summary["loss"]['a "b" <c>']["parts_lost"] == 2  # of two polygons, and of the noise
    assert not (output / "images" / "train" / "a+b #1.png").is_symlink()
    kept = max((scene.masks[PARTS] & drawn([(p * [W, H]).ravel().tolist()])).sum() for _, p in yolo_lines(output))
    assert kept < scene.masks[PARTS].sum()
