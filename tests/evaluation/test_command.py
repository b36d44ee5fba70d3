"""``contrastmask evaluate``: results files of any tool, judged as COCOeval does, or refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from contrastmask.__main__ import main
from contrastmask.data.records import Records
from contrastmask.evaluation.detections import to_coco_results
from contrastmask.evaluation.truth import Truth
from tests.evaluation.cocoeval import figures, same
from tests.evaluation.tiny_detections import shaken
from tests.tiny_coco import TinyCoco

Entries = list[dict[str, Any]]


@pytest.fixture
def found(records: Records, truth: Truth) -> dict[str, Entries]:
    """Entries of two results files, one a kind."""
    return {kind: to_coco_results(shaken(records), records.categories, truth, kind) for kind in ("mask", "box")}


def judged(folder: Path, tiny: TinyCoco, files: list[Entries], *words: str) -> dict[str, Any]:
    names = []
    for number, entries in enumerate(files):
        names.append(folder / f"{number}.json")
        names[-1].write_text(json.dumps(entries))
    output = folder / "out.json"
    assert main(["evaluate", *map(str, names), "--truth", str(tiny.annotations), "-o", str(output), *words]) == 0
    return json.loads(output.read_text())


def refused(folder: Path, tiny: TinyCoco, files: list[Any], capsys: pytest.CaptureFixture, *words: str) -> str:
    with pytest.raises(SystemExit):
        judged(folder, tiny, files, *words)
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("kinds", [("mask",), ("box",), ("mask", "box"), ("box", "mask")])
def test_figures_are_cocoevals(
    kinds: tuple[str, ...], tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries], capsys: pytest.CaptureFixture
) -> None:
    results = judged(tmp_path, tiny, [found[kind] for kind in kinds], "--split", "voc_nonvoc")
    for kind in kinds:
        assert same(results[kind]["all"], figures(tiny.annotations, found[kind], kind))
        assert same(results[kind]["novel"], figures(tiny.annotations, found[kind], kind, categories=[13, 38]))
    assert {"mask", "box"} & set(results) == set(kinds)
    said = capsys.readouterr().out
    assert "Detection, 12 images" in said
    assert "AP as COCOeval's own on this file" in said


def test_one_file_with_both(tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries]) -> None:
    both = [{**mask, **box} for mask, box in zip(found["mask"], found["box"], strict=True)]
    results = judged(tmp_path, tiny, [both], "--base", "cat, dog")
    for kind in ("mask", "box"):  # a mask's area is its own, though loadRes would take the box's
        assert same(results[kind]["all"], figures(tiny.annotations, found[kind], kind))
        assert same(results[kind]["base"], figures(tiny.annotations, found[kind], kind, categories=[17, 18]))


def test_polygons_and_uncompressed_runs(
    tmp_path: Path, tiny: TinyCoco, records: Records, found: dict[str, Entries]
) -> None:
    """Neither of which loadRes takes."""
    sizes = dict(zip(records.image_ids.tolist(), zip(records.heights.tolist(), records.widths.tolist(), strict=True),
                     strict=True))  # fmt: skip
    square = [[3.0, 4, 60, 4, 60, 50, 3, 50]]
    drawn, plain = [], []
    for number, entry in enumerate(found["mask"]):
        size = sizes[entry["image_id"]]
        if number % 2:
            drawn.append({**entry, "segmentation": square})
            rle = coco_mask.merge(coco_mask.frPyObjects(square, *size))
            plain.append({**entry, "segmentation": {**rle, "counts": rle["counts"].decode()}})
        else:
            flat = coco_mask.decode(entry["segmentation"]).ravel(order="F")
            edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
            counts = np.diff([0, *edges, size[0] * size[1]]).tolist()
            drawn.append({**entry, "segmentation": {"size": list(size), "counts": counts}})
            plain.append(entry)
    results = judged(tmp_path, tiny, [drawn])
    assert same(results["mask"]["all"], figures(tiny.annotations, plain, "mask"))


def test_images_without_a_detection(
    tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries], capsys: pytest.CaptureFixture
) -> None:
    ids = sorted({entry["image_id"] for entry in found["box"]})[:5]
    part = [entry for entry in found["box"] if entry["image_id"] in ids]
    whole = judged(tmp_path, tiny, [part])
    assert "7 of 12 images have no detection: their objects are missed" in capsys.readouterr().out
    assert same(whole["box"]["all"], figures(tiny.annotations, part, "box"))
    (tmp_path / "out.json").unlink()
    alone = judged(tmp_path, tiny, [part], "--images", "found")
    assert "partial, not comparable" in capsys.readouterr().out
    assert same(alone["box"]["all"], figures(tiny.annotations, part, "box", images=ids))
    assert alone["truth"]["image_ids"] == ids


@pytest.mark.parametrize(("kind", "title"), [("crop", "Masks in given boxes, 12 images"), ("pyramid", "Detection, 12")])
def test_boxes_that_a_run_was_given_are_no_detections(
    kind: str, title: str, tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries], capsys: pytest.CaptureFixture
) -> None:
    names = [category["name"] for category in tiny.content["categories"]]
    val = {"annotations_file": str(tiny.annotations), "categories": tiny.content["categories"]}
    split = {"name": "own", "base": names, "novel": []}
    (tmp_path / "data.json").write_text(json.dumps({"split": split, "val": val}))
    (tmp_path / "resolved.yaml").write_text(f"mask_branch: {{kind: {kind}}}\ndata: {{crowd: region}}")
    for name, entries in (("detections.json", found["mask"]), ("detections_boxes.json", found["box"])):
        (tmp_path / name).write_text(json.dumps(entries))
    assert main(["evaluate", str(tmp_path), "-o", str(tmp_path / "again.json")]) == 0
    results, said = json.loads((tmp_path / "again.json").read_text()), capsys.readouterr().out
    assert title in said
    assert same(results["mask"]["all"], figures(tiny.annotations, found["mask"], "mask"))
    given = kind == "crop"
    assert (("box" in results), results.get("in_given_boxes", False)) == (not given, given)
    assert ("box" in results["per_class"]["cat"], "the boxes were given to this run" in said) == (not given, given)


def test_other_tools_boxes_that_are_the_truths_own_are_told(
    tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries], capsys: pytest.CaptureFixture
) -> None:
    own = [
        {
            "score": 0.5,
            "bbox": [round(side, 2) for side in row["bbox"]],
            **{k: row[k] for k in ("image_id", "category_id")},
        }
        for row in tiny.content["annotations"]
    ]
    for entries, told in ((own, True), ([*own[1:], {**own[0], "bbox": [0, 0, 3, 3]}], False), (found["box"], False)):
        judged(tmp_path, tiny, [entries])
        assert ("every box is one of the truth's own" in capsys.readouterr().out) == told
        (tmp_path / "out.json").unlink()


def test_nothing_found_is_zero(tmp_path: Path, tiny: TinyCoco) -> None:
    results = judged(tmp_path, tiny, [[]])
    assert results["mask"]["all"]["AP"] == results["box"]["all"]["AP"] == 0.0


def test_masks_of_another_size_overlap_nothing(
    tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries], capsys: pytest.CaptureFixture
) -> None:
    first = found["mask"][0]["segmentation"]
    height, width = first["size"]
    first["size"] = [width, height]
    results = judged(tmp_path, tiny, [found["mask"]])
    assert "1 masks have another size than their image: they overlap nothing" in capsys.readouterr().out
    assert same(results["mask"]["all"], figures(tiny.annotations, found["mask"], "mask"))


def changed(key: str, value: Any) -> Callable[[Entries], None]:
    return lambda entries: entries[3].update({key: value})


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("box", changed("image_id", 4711), "1 of "),
        ("box", changed("image_id", 4711), "are of images that"),
        ("box", changed("image_id", [1]), "whose image_id is no id: entry 3"),
        ("box", changed("category_id", 99), "does not have (category_id 99; it has 1, 13, 17, 18, 38)"),
        ("box", changed("score", None), "whose score is no finite number: entry 3"),
        ("box", changed("score", float("nan")), "whose score is no finite number: entry 3"),
        ("box", changed("bbox", [1, 2, 3]), "not four finite numbers x, y, width, height: entry 3"),
        ("box", lambda entries: entries[3].pop("score"), "without score: entry 3"),
        ("box", lambda entries: entries[3].pop("bbox"), "without bbox and segmentation: entry 3"),
        ("box", lambda entries: entries.append(7), "no JSON object"),
        ("mask", changed("segmentation", None), "a segmentation that is no mask"),
        ("mask", changed("segmentation", {"size": [160, 240], "counts": "0"}), "no mask (run lengths that add up"),
        ("mask", changed("segmentation", [[1e308, 0, 9, 9, 0, 9]]), "endless or not finite"),
        ("box", lambda entries: [entry.update(image_id=str(entry["image_id"])) for entry in entries],
         "the same but for their type: str here, int there"),
        ("box", lambda entries: [entry.update(category_id=k % 5) for k, entry in enumerate(entries)],
         "They look like positions 0..4"),
    ],
)  # fmt: skip
def test_entries_that_cannot_be_judged(
    kind: str,
    change: Callable[[Entries], Any],
    message: str,
    tmp_path: Path,
    tiny: TinyCoco,
    found: dict[str, Entries],
    capsys: pytest.CaptureFixture,
) -> None:
    change(found[kind])
    error = refused(tmp_path, tiny, [found[kind]], capsys)
    assert message in error
    assert "0.json" in error


def test_what_is_unknown_may_be_left_out(
    tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries], capsys: pytest.CaptureFixture
) -> None:
    expected = figures(tiny.annotations, found["box"][2:], "box")
    found["box"][0]["category_id"], found["box"][1]["image_id"] = 99, 4711
    results = judged(tmp_path, tiny, [found["box"]], "--ignore-unknown")
    assert "2 detections of other images or categories are left out" in capsys.readouterr().out
    assert same(results["box"]["all"], expected)


def test_files_that_do_not_fit(
    tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries], capsys: pytest.CaptureFixture
) -> None:
    masks, boxes = found["mask"], found["box"]
    assert "not of the same detections" in refused(tmp_path, tiny, [masks, boxes[:-1]], capsys)
    assert "both have" in refused(tmp_path, tiny, [boxes, boxes], capsys)
    assert "or two" in refused(tmp_path, tiny, [masks, boxes, boxes], capsys)
    assert "a dict with annotations" in refused(tmp_path, tiny, [{"annotations": boxes}], capsys)
    assert "no class of the data: 'cow'" in refused(tmp_path, tiny, [boxes], capsys, "--base", "cow")
    (tmp_path / "out.json").write_text("mine")
    assert "not written over" in refused(tmp_path, tiny, [boxes], capsys)
    assert (tmp_path / "out.json").read_text() == "mine"


def test_folders_that_are_no_evaluated_run(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    def said() -> str:
        with pytest.raises(SystemExit):
            main(["evaluate", str(tmp_path)])
        return capsys.readouterr().err

    assert "no evaluation of detections has ended there" in said()
    (tmp_path / "detections.json").write_text("[]")
    assert "data.json does not exist" in said()
    (tmp_path / "data.json").write_text("{}")
    (tmp_path / "resolved.yaml").write_text("data: {crowd: region}")
    assert "is not as a run writes it" in said()


def test_a_truth_that_numbers_the_classes_otherwise_is_matched_by_name(
    tmp_path: Path, tiny: TinyCoco, found: dict[str, Entries]
) -> None:
    """A run knows the names of its classes: the category ids of its detections are those of its own file."""
    content = json.loads(tiny.annotations.read_text())
    names = {category["id"]: category["name"] for category in content["categories"]}
    run = tmp_path / "run"
    run.mkdir()
    (run / "detections.json").write_text(json.dumps(found["mask"]))
    (run / "resolved.yaml").write_text("data: {crowd: region}")
    split = {"name": "own", "base": list(names.values())[:2], "novel": list(names.values())[2:]}
    val = {"annotations_file": str(tiny.annotations), "categories": content["categories"]}
    (run / "data.json").write_text(json.dumps({"split": split, "val": val}))
    ids = sorted(names)
    other = dict(zip(ids, [*ids[1:], ids[0]], strict=True))  # every id is another class's
    for category in content["categories"]:
        category["id"] = other[category["id"]]
    for one in content["annotations"]:
        one["category_id"] = other[one["category_id"]]
    (tmp_path / "other.json").write_text(json.dumps(content))
    results = []
    for number, words in enumerate(([], ["--truth", str(tmp_path / "other.json")])):
        output = tmp_path / f"{number}.json"
        assert main(["evaluate", str(run), "-o", str(output), *words]) == 0
        results.append(json.loads(output.read_text())["mask"])
    assert results[1]["all"] == pytest.approx(results[0]["all"])
    assert results[0]["all"]["AP"] > 0.1
    assert results[1]["novel"] == pytest.approx(results[0]["novel"])
