"""`predict.py`: sources, results, pictures, files that cannot be read."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from contrastmask import Predictor
from contrastmask.errors import CheckpointError, ConfigError, DataError
from contrastmask.prediction.detection import DetectionOptions, detect
from contrastmask.prediction.image_sources import SourceDataset, find_images

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def model(stepped_checkpoint: Path) -> Path:
    return stepped_checkpoint


@pytest.fixture
def photos(model: Path, tmp_path: Path) -> Path:
    """A folder with a sub-folder, an image of another mode, a broken image and a text file."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    images = sorted((model.parents[2] / "data" / "val").iterdir())
    shutil.copy(images[0], folder / "a.png")
    Image.open(images[1]).convert("L").save(folder / "more" / "a.jpg")
    (folder / "b.png").write_bytes(images[0].read_bytes()[:60])
    (folder / "notes.txt").write_text("no image")
    return folder


def test_sources(photos: Path, model: Path) -> None:
    names = [image.name for image in find_images(photos)[0]]
    assert names == ["a.png", "b.png", "more/a.jpg"]
    assert [i.name for i in find_images(photos / "a.png")[0]] == ["a.png"]
    assert [i.name for i in find_images(str(photos / "**" / "a.*"))[0]] == ["a.png", "more/a.jpg"]
    data = model.parents[2] / "data"
    found, categories = find_images(data / "annotations" / "val.json", data / "val")
    content = json.loads((data / "annotations" / "val.json").read_text())
    assert [(i.id, i.name) for i in found] == [(i["id"], i["file_name"]) for i in content["images"]]
    assert categories == {c["name"]: c["id"] for c in content["categories"]}
    for nothing in (photos / "gone", photos / "*.gif", photos.parent / "empty"):
        (photos.parent / "empty").mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match=r"the source .*gone does not exist|no image there"):
            find_images(nothing)
    with pytest.raises(ConfigError, match=r"data\.images=DIR"):
        find_images(data / "annotations" / "val.json")


def test_a_turned_photograph_is_shown_upright(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    images, _ = find_images(tmp_path)
    _, shown, problem = SourceDataset(images)[0]
    assert problem is None
    np.testing.assert_array_equal(shown, np.rot90(pixels, -1))


def test_results_and_pictures(model: Path, photos: Path) -> None:
    predictor = Predictor(model, device="cpu")
    out = photos.parent / "found"
    options = DetectionOptions(str(photos), out, instance_masks=True, overlay_score=0.0, batch_size=3)
    summary = detect(options, predictor)
    assert list(summary["skipped"]) == ["b.png"]
    about = json.loads((out / "images.json").read_text())
    assert [i["file_name"] for i in about["images"]] == ["a.png", "more/a.jpg"]
    assert about["skipped"] == summary["skipped"]
    results = json.loads((out / "predictions.json").read_text())
    assert len(results) == summary["objects"] > 0
    assert summary["drawn"] == len(results)
    none = DetectionOptions(str(photos), photos.parent / "none", overlays=False, overlay_score=1.0)
    assert detect(none, predictor)["drawn"] == 0
    assert {r["image_id"] for r in results} <= {i["id"] for i in about["images"]}
    assert {r["category_id"] for r in results} <= {c["id"] for c in about["categories"]}
    with Image.open(photos / "a.png") as image:
        assert results[0]["segmentation"]["size"] == [image.height, image.width]
    assert (out / "overlays" / "a.png.png").is_file()
    assert (out / "overlays" / "more" / "a.jpg.png").is_file()
    mine = [r for r in results if r["image_id"] == about["images"][0]["id"]]
    drawn = sorted((out / "masks").glob("a.png.*.png"))
    assert len(drawn) == len(mine)
    mask = np.array(Image.open(drawn[0]))[..., 0] > 0
    np.testing.assert_array_equal(mask, coco_mask.decode(mine[0]["segmentation"]).astype(bool))
    with pytest.raises(ConfigError, match="overwrite=true"):
        detect(options, predictor)


def test_an_output_that_cannot_be_written_is_said_before_the_work(model: Path, photos: Path) -> None:
    (photos.parent / "taken").write_text("a file, where a folder is needed")
    predictor = Predictor(model, device="cpu")
    predictor.predict_batch = lambda *_, **__: pytest.fail("worked in vain")
    with pytest.raises(DataError, match=r"taken.* cannot be written .*another output"):
        detect(DetectionOptions(str(photos), photos.parent / "taken" / "found"), predictor)


def test_a_full_disk_leaves_no_half_picture(model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("contrastmask.pictures.overlays.os.replace", full)
    out = photos.parent / "found"
    # pictures are done without; the first file that is not is named
    with pytest.raises(DataError, match=r"images\.json cannot be written \(No space left"):
        detect(DetectionOptions(str(photos / "a.png"), out), Predictor(model, device="cpu"))
    assert [p for p in out.rglob("*") if p.is_file()] == []


def test_category_ids_are_the_source_files(model: Path, tmp_path: Path) -> None:
    data = model.parents[2] / "data"
    content = json.loads((data / "annotations" / "val.json").read_text())
    for category in content["categories"]:
        category["id"] += 500
    for row in content["annotations"]:
        row["category_id"] += 500
    (tmp_path / "other.json").write_text(json.dumps(content))
    options = DetectionOptions(str(tmp_path / "other.json"), tmp_path / "out", data / "val", overlays=False)
    detect(options, Predictor(model, device="cpu"))
    results = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert {r["category_id"] for r in results} <= {c["id"] for c in content["categories"]}
    content["categories"][0]["name"] = "unicorn"
    (tmp_path / "other.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="unicorn"):
        detect(DetectionOptions(str(tmp_path / "other.json"), tmp_path / "o2", data / "val"), Predictor(model))


def test_the_program(model: Path, photos: Path) -> None:
    """Exit status 1 and the file's name where one could not be read; a missing setting is named."""
    command = [sys.executable, str(ROOT / "predict.py"), f"ckpt_path={model}", "num_workers=0"]

    def run(*more: str) -> subprocess.CompletedProcess:
        return subprocess.run([*command, *more], capture_output=True, text=True, cwd=photos.parent, check=False)

    done = run(f"source={photos}", "output=found", "overlays=false")
    assert done.returncode == 1, done.stderr
    assert "b.png" in done.stdout
    assert (photos.parent / "found" / "predictions.json").is_file()
    assert sorted(p.name for p in photos.parent.iterdir()) == ["found", "photos"]
    wrong = run("task=segment", "output=x")
    assert wrong.returncode == 1
    assert "detect, complete" in wrong.stderr
    assert "Traceback" not in wrong.stderr
