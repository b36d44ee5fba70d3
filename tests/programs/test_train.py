"""Train, evaluate, resume: the programs from files to files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from contrastmask.errors import CheckpointError, ConfigError, DataError
from tests.identical import assert_equal_checkpoints
from tests.tiny_coco import write_tiny_coco
from tests.tiny_run import MODEL, NO_CHECKPOINTS, R18, run_test, run_train, tiny_data


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A finished run of two epochs, and the overrides that name its data."""
    root = tmp_path_factory.mktemp("run")
    data = tiny_data(root / "data")
    run_train(
        root / "out",
        *data,
        "schedule.epochs=2",
        "notes=a sentence",
        "evaluate=given_boxes",
        "trainer.log_every_n_steps=1",
    )
    return root / "out", data


def test_a_run_folder_holds_everything(run: tuple[Path, tuple[str, ...]]) -> None:
    folder, _ = run
    results = json.loads((folder / "results.json").read_text())
    for kind in ("mask", "box"):
        for group in ("novel", "base", "all"):
            assert {"AP", "AP50", "AP75", "APs", "APm", "APl", "AR"} <= set(results[kind][group])
    assert set(results["per_class"]) == {"person", "stop sign", "cat", "dog", "kite"}
    assert results["per_class"]["kite"]["group"] == "novel"
    assert {"IoU", "filled_box_IoU", "boundary_IoU"} <= set(results["given_boxes"]["novel"])
    assert results["images"] == {"evaluated": 3, "of": 3}
    assert results["notes"] == "a sentence"
    masks, boxes = (json.loads((folder / name).read_text()) for name in ("detections.json", "detections_boxes.json"))
    assert [set(masks[0]), set(boxes[0])] == [
        {"image_id", "category_id", "score", shape} for shape in ("segmentation", "bbox")
    ]
    assert masks[0]["category_id"] in (1, 13, 17, 18, 38)
    assert isinstance(masks[0]["segmentation"]["counts"], str)
    for mask, box in zip(masks, boxes, strict=True):
        assert all(mask[key] == box[key] for key in ("image_id", "category_id", "score"))
    assert {p.name for p in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert yaml.safe_load((folder / "resolved.yaml").read_text())["notes"] == "a sentence"
    assert json.loads((folder / "versions.json").read_text())["packages"]["hydra-core"].startswith("1.3")
    assert json.loads((folder / "data.json").read_text())["train"]["annotations"] > 0
    overlays = list((folder / "overlays").glob("*.png"))
    assert len(overlays) == 2
    assert min(Image.open(overlays[0]).size) > 50


def test_losses_and_rates_are_recorded_in_csv(run: tuple[Path, tuple[str, ...]]) -> None:
    folder, _ = run
    header = next((folder / "csv").rglob("metrics.csv")).read_text().splitlines()[0]
    for name in ("train/loss_mask", "train/loss_contrastive", "epoch/loss", "val/mask/novel/AP", "lr"):
        assert name in header


def test_a_checkpoint_evaluates_to_the_same_figures(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    folder, data = run
    results = run_test(
        tmp_path,
        *data,
        f"ckpt_path={folder}/checkpoints/last.ckpt",
        "evaluate=given_boxes",
        "model.roi.score=0.0",
        "model.roi.limit=5",
    )
    expected = json.loads((folder / "results.json").read_text())
    assert json.loads((tmp_path / "results.json").read_text()) == {**expected, "notes": ""}
    assert results["mask"] == expected["mask"]


def test_a_test_says_what_was_trained(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    """Its own settings of network and schedule have no effect: the run folder keeps the checkpoint's."""
    folder, data = run
    run_test(
        tmp_path, *data, f"ckpt_path={folder}/checkpoints/last.ckpt", "trainer.limit_test_batches=1", "schedule=3x"
    )
    trained, tested = (yaml.safe_load((place / "resolved.yaml").read_text()) for place in (folder, tmp_path))
    assert tested["schedule"] == trained["schedule"]
    assert tested["backbone"]["width_per_group"] == trained["backbone"]["width_per_group"] == 4
    assert tested["model"]["mask_head"] == trained["model"]["mask_head"]
    assert tested["run_name"] == trained["run_name"]


def test_a_part_of_the_images_is_said_to_be_a_part(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    folder, data = run
    results = run_test(tmp_path, *data, f"ckpt_path={folder}/checkpoints/last.ckpt", "trainer.limit_test_batches=2")
    assert results["images"] == {"evaluated": 2, "of": 3}


def test_checkpoints_load_safely_and_say_what_they_are(run: tuple[Path, tuple[str, ...]]) -> None:
    content = torch.load(run[0] / "checkpoints" / "last.ckpt", weights_only=True)
    about = content["contrastmask"]
    assert [c["id"] for c in about["categories"]] == [1, 13, 17, 18, 38]
    assert about["config"]["backbone"]["name"] == "r50"
    assert content["state_dict"]["epoch"].item() == 1


def test_a_checkpoint_carries_its_split(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    folder, _ = run
    checkpoint = folder / "checkpoints" / "last.ckpt"
    split = {"name": "voc_nonvoc", "base": ["person", "cat", "dog"], "novel": ["stop sign", "kite"]}
    assert torch.load(checkpoint, weights_only=True)["contrastmask"]["split"] == split
    other = write_tiny_coco(tmp_path / "data", n_images=2, name="val")  # no training file, ids of its own
    content = {**other.content, "categories": [{**c, "id": 90 - c["id"]} for c in other.content["categories"]]}
    content["annotations"] = [{**a, "category_id": 90 - a["category_id"]} for a in content["annotations"]]
    other.rewrite(content)
    data = (f"data.root={tmp_path}/data", "data.val_annotations=annotations/val.json", "data.val_images=val")
    run_test(tmp_path / "one", *data, "split=as_annotated", f"ckpt_path={checkpoint}")
    said = json.loads((tmp_path / "one" / "data.json").read_text())["split"]
    assert (said["base"], said["novel"], said["notes"]) == (split["base"], split["novel"], [])
    run_test(tmp_path / "two", *data, "split.novel=[cat,kite]", f"ckpt_path={checkpoint}")
    notes = json.loads((tmp_path / "two" / "data.json").read_text())["split"]["notes"]
    assert [note.split("last.ckpt: ")[1] for note in notes] == [
        "base here, but trained without masks: stop sign; novel here, but trained with masks: cat. "
        "split=as_annotated without split.base and split.novel takes that of the training"
    ]


def test_other_classes_are_named(run: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    folder, _ = run
    other = write_tiny_coco(tmp_path / "data", n_images=3, name="val")
    content = {**other.content, "categories": [dict(c) for c in other.content["categories"]]}
    content["categories"][2]["name"] = "tiger"
    other.rewrite(content)
    data = (f"data.root={tmp_path}/data", "data.val_annotations=annotations/val.json", "data.val_images=val")
    with pytest.raises(CheckpointError, match=r"tiger.*cat"):
        run_test(tmp_path / "out", *data, "split.novel=[kite]", f"ckpt_path={folder}/checkpoints/last.ckpt")


def test_resumed_training_equals_uninterrupted_training_bit_for_bit(tmp_path: Path) -> None:
    data = (
        *tiny_data(tmp_path / "data"),
        "trainer.limit_val_batches=1",
        "data.batch_size=2",
        "schedule.warmup_steps=3",
        "schedule.milestones=[1,3]",
        "evaluate_after=false",
        "logger=none",
    )
    run_train(tmp_path / "whole", *data, "schedule.epochs=4")
    run_train(tmp_path / "first", *data, "schedule.epochs=2")
    first = tmp_path / "first" / "checkpoints" / "last.ckpt"
    run_train(tmp_path / "second", *data, "schedule.epochs=4", f"ckpt_path={first}")
    assert_equal_checkpoints(tmp_path / "whole", tmp_path / "second")


def test_withheld_masks_leave_no_trace(tmp_path: Path) -> None:
    """With other polygons in place of every novel object's, all losses and weights are bit-identical."""
    data = (
        *tiny_data(tmp_path / "data"),
        "schedule.epochs=2",
        "trainer.limit_val_batches=0",
        "evaluate_after=false",
        "trainer.log_every_n_steps=1",
        "callbacks.best=null",
    )
    run_train(tmp_path / "a", *data)
    path = tmp_path / "data" / "annotations" / "train.json"
    content = json.loads(path.read_text())
    changed = [a for a in content["annotations"] if a["category_id"] in (13, 38)]
    assert changed
    for annotation in changed:
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + w / 2, y, x, y + h / 2]]
    path.write_text(json.dumps(content))
    run_train(tmp_path / "b", *data)
    assert_equal_checkpoints(tmp_path / "a", tmp_path / "b")
    logs = [logged_figures(tmp_path / run) for run in "ab"]
    assert sum("train/loss_contrastive" in row for row in logs[0]) >= 4
    assert logs[0] == logs[1]
    # the same change to base masks does leave one
    for annotation in content["annotations"]:
        if annotation["category_id"] in (1, 17, 18) and not annotation["iscrowd"]:
            x, y, w, h = annotation["bbox"]
            annotation["segmentation"] = [[x, y, x + w / 2, y, x, y + h / 2]]
    path.write_text(json.dumps(content))
    run_train(tmp_path / "c", *data, NO_CHECKPOINTS)
    assert logged_figures(tmp_path / "c") != logs[0]


def test_a_run_that_stops_in_its_first_epoch_is_evaluated_with_the_weights_it_has(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data")
    results = run_train(tmp_path / "out", *data, "trainer.max_steps=1", "data.batch_size=1")
    assert results["images"]["evaluated"] == 3
    last = tmp_path / "out" / "checkpoints" / "last.ckpt"
    again = run_test(tmp_path / "again", *data, f"ckpt_path={last}", "model.roi.score=0.0", "model.roi.limit=5")
    assert all(again[kind] == results[kind] for kind in ("box", "mask"))


@pytest.mark.parametrize(
    "overrides",
    [
        # those that do not touch each other go together
        ("model=mask_rcnn", "split=all", *R18),
        ("model.cam=false", "mask_head=deep"),
        ("model.contrastive=false", "split=nonvoc_voc"),
        ("model.enhance=false", "mask_head=fcn", "split.base=[cat,dog]"),
        ("model.mask_rois=positives", "loss=paper", "split=as_annotated"),
        ("loss.query=own", "model.box_head.class_agnostic=true"),
        ("loss.hard_keys=false", "loss.box_only=false", "trainer.accumulate_grad_batches=2"),
        ("split.mask_share=0",),
        ("schedule=3x", "logger=none"),
        ("callbacks=none", "trainer.precision=bf16-mixed"),
        ("trainer.gradient_clip_val=5", "trainer.precision=bf16-mixed"),
    ],
    ids=",".join,
)
def test_switches_run_a_step_and_an_evaluation(overrides: tuple[str, ...], tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data", missing_masks=["kite"])
    results = run_train(
        tmp_path / "out",
        *data,
        "trainer.max_steps=1",
        "trainer.limit_val_batches=1",
        "schedule.epochs=1",
        "evaluate_after=true",
        "trainer.limit_test_batches=1",
        NO_CHECKPOINTS,
        *overrides,
    )
    assert results["images"]["evaluated"] == 1


def test_errors_say_the_way_out(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data")
    with pytest.raises(DataError, match=r"instances_train2017\.json"):
        run_train(tmp_path / "out", f"data.root={tmp_path}/nowhere")
    with pytest.raises(ConfigError, match=r"(?s)dgo.*dog"):
        run_train(tmp_path / "out", *data, "split.base=[dgo]")
    with pytest.raises(CheckpointError, match="does not exist"):
        run_train(tmp_path / "out", *data, "ckpt_path=nothing.ckpt")
    with pytest.raises(CheckpointError, match="does not exist"):
        run_test(tmp_path / "out", *data, "ckpt_path=nothing.ckpt")
    with pytest.raises(ConfigError, match="needs ckpt_path"):
        run_test(tmp_path / "out", *data)


def logged_figures(run: Path) -> list[dict[str, str]]:
    """The rows of the run's CSV log without what the machine decides: speed and memory."""
    with next((run / "csv").rglob("metrics.csv")).open() as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if v and not k.startswith(("speed/", "memory/"))} for row in rows]


def test_the_tiny_model_is_an_ordinary_setting_of_the_same_model() -> None:
    assert not any(override.startswith("+") for override in MODEL)
