"""``python -m contrastmask.check``: what training would meet, without training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contrastmask import check
from contrastmask.check import main
from tests.tiny_run import tiny_data

CASES = Path(__file__).parent / "cases"


def test_good_data_are_ready(tmp_path, capsys: pytest.CaptureFixture) -> None:
    assert main([*tiny_data(tmp_path, missing_masks=["kite"]), "split=as_annotated"]) == 0
    said = capsys.readouterr().out
    assert "ready to train" in said
    assert "kite" in said
    assert "novel" in said


def test_predicted_masks_are_counted_beside_the_drawn_ones(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    file = tmp_path / "annotations" / "train.json"
    content = json.loads(file.read_text())
    kite = next(c["id"] for c in content["categories"] if c["name"] == "kite")
    kites = [row for row in content["annotations"] if row["category_id"] == kite and not row.get("iscrowd")]
    for row in kites:
        row |= {"segmentation_predicted": True, "segmentation_confidence": 0.5}
    file.write_text(json.dumps(content))
    for use, told in (("ignore", " 0 "), ("use", f" 0 + {len(kites)} predicted ")):
        assert main([*data, "split=as_annotated", "--no-images", f"data.predicted_masks={use}"]) == 0
        line = next(line for line in capsys.readouterr().out.splitlines() if " kite " in line and "novel" in line)
        assert told in line


def test_bad_images_are_listed_and_make_the_status(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    (tmp_path / "train" / "000100.png").write_bytes(b"<html>")
    (tmp_path / "val" / "000107.png").unlink()
    assert main([*data]) == 1
    said = capsys.readouterr().out
    assert "000100.png" in said
    assert f"{tmp_path}/val/000107.png: the image file does not exist\n" in said
    assert "2 image files" in said
    assert main([*data, "data.on_bad=skip"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2] == "2 image files cannot be used"
    assert said[-1].startswith("ready to train without these 2 image files")
    assert main([*data, "--no-images"]) == 0
    for picture in (tmp_path / "train").iterdir():
        picture.write_bytes(b"<html>")
    capsys.readouterr()
    assert main([*data, "data.on_bad=skip"]) == 1  # nothing is left
    assert "ready" not in capsys.readouterr().out


def case(name: str) -> list[str]:
    files = [f"data.{side}_annotations={name}.{side}.json" for side in ("train", "val")]
    return [
        f"data.root={CASES}",
        *files,
        "data.train_images=.",
        "data.val_images=.",
        "split=as_annotated",
        "--no-images",
    ]


def test_warnings_are_counted_at_the_end(capsys: pytest.CaptureFixture) -> None:
    assert main(case("boxes-as-rectangle-polygons")) == 0
    said = capsys.readouterr().out
    assert (
        "train: warning: 4 annotations, mask is its own box, many or all of a class (kite 4; ids 3, 6, 9, 12): " in said
    )
    assert "images not looked at; 1 warning above: look at it first" in said
    assert main([*case("boxes-as-rectangle-polygons"), "data.rectangles=box"]) == 0
    said = capsys.readouterr().out
    assert "kept without mask: 4 annotations, mask is its own box (kite 4; ids 3, 6, 9, 12)" in said
    assert "above" not in said


@pytest.mark.parametrize("experiment", [[], ["experiment=complete"]])
@pytest.mark.parametrize(
    ("name", "reason", "way"),
    [
        ("bbox-two-corners", "12 annotations, box is two corners x1, y1, x2, y2, not x, y, width, height in pixels (",
         "data.repair=true reads the file's boxes so; or write them in pixels"),
        ("polygons-in-percent", "8 annotations, mask does not lie in its box: polygons are in percent of the image (",
         "data.repair=true scales them to fit their boxes; or write them in pixels"),
    ],
)  # fmt: skip
def test_a_fault_of_nearly_all_rows_stops_with_that_one_reason(
    name: str, reason: str, way: str, experiment: list[str], capsys: pytest.CaptureFixture
) -> None:
    assert main([*case(name), *experiment]) == 1
    said = capsys.readouterr().out
    [line] = [line for line in said.splitlines() if not line.startswith("val: ")]
    assert f"train.json: {reason}" in line
    assert line.endswith(way)
    assert "warning" not in said
    assert main([*case(name), *experiment, "data.repair=true"]) == 0
    assert "images not looked at" in capsys.readouterr().out


def test_an_error_has_what_was_lost_beside_it(capsys: pytest.CaptureFixture) -> None:
    assert main(case("flat-polygons")) == 1
    said = capsys.readouterr().out
    assert "no object of a base class has a mask, so there is nothing to learn masks from. None of its 12" in said
    assert "\ntrain: kept without mask: 8 annotations, segmentation is neither polygons" in said
    assert "data.repair=true reads what can only mean one mask" in said
    assert "split=all" not in said
    assert main([*case("flat-polygons"), "data.crowd=perhaps"]) == 1
    assert "data.crowd=perhaps is unknown; choose from region, object" in capsys.readouterr().out


def test_what_an_error_has_beside_it_is_said_once(capsys: pytest.CaptureFixture, tmp_path) -> None:
    data = case("flat-polygons")
    assert main([*data, "split=voc_nonvoc"]) == 1
    said = capsys.readouterr().out
    for side in ("train", "val"):
        line = f"{side}: kept without mask: "
        assert said.count(line) == len([row for row in said.splitlines() if row.startswith(line)])
    assert "\n  " not in said
    # of a file that is left out of nothing, what is lost of val stands there alone, too
    content = json.loads((CASES / "mixed.val.json").read_text())
    content["images"] = [{**image, "height": -1} for image in content["images"]]
    (tmp_path / "val.json").write_text(json.dumps(content))
    assert main([*case("mixed"), f"data.val_annotations={tmp_path}/val.json", "data.repair=true"]) == 1
    said = capsys.readouterr().out
    assert said.count("no image is left after dropping faulty ones") == 1
    assert said.count("without positive integer height and width") == 1


def test_what_the_best_checkpoint_follows_is_said_before(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    assert main([*data, "--no-images"]) == 0
    said = capsys.readouterr().out
    assert "chosen by mask AP of the novel classes; with experiment=complete (split as_annotated) by IoU of" in said
    assert said.count("best checkpoint") == 1
    assert main([*data, "--no-images", "experiment=complete", "split=voc_nonvoc"]) == 0
    said = capsys.readouterr().out
    assert "the best checkpoint is chosen by IoU of masks in given boxes of the novel classes" in said
    assert said.count("best checkpoint") == 1
    for overrides, said in (
        ([], "mask AP of the novel classes"),
        (["trainer.limit_val_batches=0"], "the training loss"),
    ):
        assert main([*data, "--no-images", *overrides]) == 0
        assert f"the best checkpoint is chosen by {said}" in capsys.readouterr().out


def test_a_training_that_ends_before_its_first_evaluation_follows_the_loss(
    tmp_path, capsys: pytest.CaptureFixture
) -> None:
    data = [*tiny_data(tmp_path), "--no-images"]
    why = "trainer.check_val_every_n_epoch=6: no evaluation within the 5 epochs of the training"
    loss, figure = f"the best checkpoint is chosen by the training loss; {why}", "IoU of masks in given boxes"
    assert main([*data, "experiment=complete", "schedule.epochs=5"]) == 0
    assert f"\n{loss}" in capsys.readouterr().out
    # a detector is evaluated after each epoch, the crop branch with the same words after the sixth
    assert main([*data, "schedule.epochs=5"]) == 0
    said = capsys.readouterr().out
    assert "\nthe best checkpoint is chosen by mask AP" in said
    assert f"; with experiment=complete (split as_annotated) by the training loss ({why})\n" in said
    # who looks without saying how long the training will be reads what a short one goes by
    rare = "(evaluated every 6 epochs, a shorter training goes by the training loss)\n"
    assert main(data) == 0
    said = capsys.readouterr().out
    assert "with experiment=complete (split as_annotated) by IoU" in said
    assert said.count(rare) == 1
    assert main([*data, "experiment=complete"]) == 0
    assert rare in capsys.readouterr().out
    assert main([*data, "experiment=complete", "schedule.epochs=4", "trainer.check_val_every_n_epoch=1"]) == 0
    said = capsys.readouterr().out
    assert f"chosen by {figure}" in said
    assert "evaluated every" not in said
    for enough in ("schedule.epochs=6", "trainer.max_epochs=-1"):
        assert main([*data, "experiment=complete", enough]) == 0
        assert f"\nthe best checkpoint is chosen by {figure}" in capsys.readouterr().out
    # what does not go with it is no fault of these settings
    assert main([*data, "mask_branch=pyramid", "experiment=demo", "data=coco", "backbone=r18"]) == 0
    assert "experiment=complete" not in capsys.readouterr().out


def own_names(folder: Path, *drawn: str) -> list[str]:
    """Data of classes of own names, of which these have masks."""
    names = {"person": "worker", "cat": "drum", "dog": "pallet", "kite": "bench", "stop sign": "bin"}
    data = tiny_data(folder, missing_masks=[name for name, own in names.items() if own not in drawn])
    for file in (folder / "annotations").glob("*.json"):
        content = json.loads(file.read_text())
        for category in content["categories"]:
            category["name"] = names[category["name"]]
        file.write_text(json.dumps(content))
    return [*data, "--no-images"]


def test_the_split_that_a_file_of_own_classes_needs_is_named_first(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = own_names(tmp_path, "worker", "drum")
    assert main(data) == 1
    first, *rest = capsys.readouterr().out.splitlines()
    assert (
        "). split=as_annotated takes the classes that have no mask for novel; or name them yourself (split.b" in first
    )
    assert "split=all" not in first
    assert all(line.startswith(("train: ", "val: ")) for line in rest[:-1])
    assert rest[-1] == "with experiment=complete, whose split is as_annotated, training starts"
    for words in (["experiment=complete"], ["split=as_annotated"]):
        assert main([*data, *words]) == 0
    capsys.readouterr()
    assert main([*data, "split=all"]) == 0
    assert ": split=as_annotated takes them for novel\n" in capsys.readouterr().out
    assert main([*data, "split.base=[worker,bench]"]) == 0
    assert ": split=as_annotated without split.base and split.novel takes them for novel\n" in capsys.readouterr().out


def test_what_the_crop_branch_would_follow_is_said_with_its_split(tmp_path, capsys: pytest.CaptureFixture) -> None:
    assert main([*tiny_data(tmp_path, missing_masks=["kite"]), "--no-images"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "with experiment=complete" in line]
    assert "; with experiment=complete (split as_annotated) by IoU of masks" in line


def test_files_are_read_once_though_the_crop_branch_has_another_split(tmp_path, monkeypatch) -> None:
    read, original = [], check.load_cached
    monkeypatch.setattr(check, "load_cached", lambda path, *a, **k: read.append(path.name) or original(path, *a, **k))
    data = [*tiny_data(tmp_path, missing_masks=["kite"]), "--no-images"]
    assert main(data) == 0
    assert sorted(read) == ["train.json", "val.json"]
    read.clear()
    assert main(own_names(tmp_path / "own", "worker", "drum")) == 1
    assert sorted(read) == ["train.json", "val.json"]


def test_a_crop_branch_that_would_stop_hides_no_figure(tmp_path, capsys: pytest.CaptureFixture) -> None:
    assert main([*tiny_data(tmp_path), "--no-images", "split.mask_share=0"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("the best checkpoint is chosen by") for line in lines)
    assert any(line.startswith("with experiment=complete training stops: ") for line in lines)


def test_no_novel_class_is_said(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    assert main([*data, "--no-images", "split=as_annotated"]) == 0
    assert "no class is novel: objects without mask are learnt from as boxes" in capsys.readouterr().out
    assert main([*data, "--no-images"]) == 0
    assert "no class is novel" not in capsys.readouterr().out


def test_where_train_fails_val_is_told_all_the_same(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)
    train, val = (tmp_path / "annotations" / f"{side}.json" for side in ("train", "val"))
    content = json.loads(val.read_text())
    del content["annotations"][0]["segmentation"]
    val.write_text(json.dumps(content))
    train.write_text("{}")
    assert main([*data, "--no-images"]) == 1
    said = capsys.readouterr().out
    assert f"DataError: {train}" in said
    assert "val: kept without mask: 1 annotation, no segmentation" in said
    val.unlink()
    assert main([*data, "--no-images"]) == 1
    said = capsys.readouterr().out
    assert said.count(f"{train}") == 1
    assert f"DataError: val: the annotation file {val} does not exist" in said


def test_what_is_not_there_is_told_once_with_its_side(tmp_path, capsys: pytest.CaptureFixture) -> None:
    data = tiny_data(tmp_path)

    def said(*words: str) -> str:
        assert main([*data, *words, "--no-images", "split=as_annotated"]) == 1
        return capsys.readouterr().out

    wrong = said(f"data.root={tmp_path}x")
    assert wrong == f"DataError: data.root: the folder {tmp_path}x does not exist; did you mean {tmp_path.name}?\n"
    wrong = said("data.train_annotations=annotations/trian.json")
    assert wrong.startswith("DataError: train: the annotation file ")
    assert "annotations/trian.json does not exist; did you mean train.json?\n" in wrong
    assert wrong.count("trian") == 1
    assert "cocodataset" not in wrong
    wrong = said("data.train_images=pictures", "data.val_images=pictures")
    assert wrong.count("the image folder") == 1
    wrong = said(f"data.val_annotations=./{tmp_path.relative_to('/')}/annotations/val.json")
    assert "val: the annotation file" in wrong


def test_a_path_that_repeats_the_root(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    tiny_data(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    assert main(["data.root=set", "data.train_annotations=set/annotations/train.json"]) == 1
    way_out = "data.train_annotations= starts at data.root=set: data.train_annotations=annotations/train.json"
    assert way_out in capsys.readouterr().out


def test_cocos_layout_is_told_where_nobody_named_files(tmp_path, capsys: pytest.CaptureFixture) -> None:
    assert main([f"data.root={tmp_path}"]) == 1
    said = capsys.readouterr().out
    assert "instances_train2017.json does not exist: there is no folder" in said
    assert said.count("https://cocodataset.org") == said.count("data=shapes needs no download") == 1


def test_pictures_of_both_sides_are_told(tmp_path, capsys: pytest.CaptureFixture) -> None:
    root, annotations, images, *_ = tiny_data(tmp_path)
    content = json.loads((tmp_path / "annotations" / "train.json").read_text())
    content["images"] = content["images"][:2]
    ids = [picture["id"] for picture in content["images"]]
    content["annotations"] = [row for row in content["annotations"] if row["image_id"] in ids]
    (tmp_path / "annotations" / "part.json").write_text(json.dumps(content))
    for name, number in (("part", 2), ("train", 4)):  # some of them, and one file for both sides
        val = [f"data.val_annotations=annotations/{name}.json", "data.val_images=train"]
        assert main([root, annotations, images, *val, "split=as_annotated", "--no-images"]) == 0
        assert f"val: warning: {number} images, that are in the training file, too" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said", "figure"),
    [
        ({"iscrowd": "0"}, "annotations, whose iscrowd is a text or a fraction", "the training loss"),
        (
            {"category_id": "kite"},
            "annotations, of a category that the file does not have: left out",
            "the training loss",
        ),
        (
            {"segmentation": [1, 1, 30, 1, 30, 30]},
            "annotations, mask is there as mended alone: none in",
            "box AP of all classes",
        ),
        ({}, "", "mask AP of all classes"),
    ],
)
def test_what_is_mended_in_val_is_no_truth_and_that_is_told(
    tmp_path, capsys: pytest.CaptureFixture, change: dict, said: str, figure: str
) -> None:
    data = tiny_data(tmp_path)
    file = tmp_path / "annotations" / "val.json"
    content = json.loads(file.read_text())
    content["annotations"] = [row | change for row in content["annotations"] if not row["iscrowd"]]
    for row in content["annotations"]:
        row["bbox"] = [1, 1, 29, 29] if "segmentation" in change else row["bbox"]
    file.write_text(json.dumps(content))
    assert main([*data, "--no-images", "split=as_annotated", "data.repair=true"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [follows] = [line for line in lines if line.startswith("the best checkpoint is chosen by")]
    assert follows.startswith(f"the best checkpoint is chosen by {figure}")
    warned = [line for line in lines if "which take the file as it lies there" in line]
    assert len(warned) == bool(said)
    if said:
        assert said in warned[0]
        assert warned[0].endswith("mend the file itself")
        assert "warning" in lines[-1]


def test_what_a_crop_branch_cannot_learn_from_is_said_with_ways_out_that_are_its_own(
    tmp_path, capsys: pytest.CaptureFixture
) -> None:
    data = [*tiny_data(tmp_path), "--no-images", "experiment=complete", "split=all"]
    assert main([*data, "split.mask_share=0"]) == 1
    assert "no object is left that a crop branch can learn from: with a drawn mask" in capsys.readouterr().out
    file = tmp_path / "annotations" / "train.json"
    content = json.loads(file.read_text())
    for change in ({"segmentation": []}, {"bbox": [3, 3, 2, 2], "segmentation": [[3, 3, 5, 3, 5, 5, 3, 5]]}):
        rows = [{**row, "iscrowd": 0, **change} for row in content["annotations"]]
        file.write_text(json.dumps({**content, "annotations": rows}))
        assert main(data) == 1
        said = capsys.readouterr().out
        assert "a crop branch needs masks that people drew" in said
        assert "split.mask_share=0 trains" not in said
        assert "ready to train" not in said
