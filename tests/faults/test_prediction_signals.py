"""Signals and a full disk while objects are found, drawn and completed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.files.interruption import Ended, listening
from contrastmask.prediction import detection
from contrastmask.prediction.detection import DetectionOptions, detect
from contrastmask.prediction.predictor import Predictor
from contrastmask.programs import predict as program
from contrastmask.programs.commands import predict
from tests.completion.filled_boxes import QUIET, FilledBoxes
from tests.data.coco_rows import H, W, content, image
from tests.tiny_coco import TinyCoco, write_tiny_coco


@pytest.fixture(scope="session")
def model(stepped_checkpoint: Path) -> Path:
    return stepped_checkpoint


class Asked(FilledBoxes):
    """Asks the process to end while it works on the second group of images."""

    signum = signal.SIGTERM

    def masks_of(self, *args: object, **more: object) -> list:
        found = super().masks_of(*args, **more)  # type: ignore[arg-type]
        if self.calls == 2:
            os.kill(os.getpid(), self.signum)
        return found


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_completion_goes_on_from_what_was_done(signum: int, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from PIL import Image
    from rich.console import Console

    rows = [{"id": n, "image_id": n, "category_id": 18, "bbox": [5, 5, 20, 20], "iscrowd": 0} for n in (1, 2, 3)]
    data = content(rows, [image(n) for n in (1, 2, 3)])
    for picture in data["images"]:
        Image.new("RGB", (W, H)).save(tmp_path / picture["file_name"])
    (tmp_path / "in.json").write_text(json.dumps(data))
    (tmp_path / "model").write_text("")
    options = CompletionOptions(tmp_path / "in.json", tmp_path, tmp_path / "out.json")
    asked = Asked(tmp_path / "model")
    asked.signum = signum
    with pytest.raises(Ended) as end, listening():
        complete(options, asked, Console(width=300))  # type: ignore[arg-type]
    assert end.value.code == 128 + signum
    assert "1 groups of images are kept" in capsys.readouterr().out
    assert [p.name for p in tmp_path.glob("*out*")] == [".out.json.journal"], "the lock has fallen"
    again = FilledBoxes(tmp_path / "model")
    assert complete(options, again, QUIET)["completed"] == 3  # type: ignore[arg-type]
    assert again.calls == 2


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_program_that_completes_tells_by_its_status(
    signum: int, model: Path, pictures: TinyCoco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in pictures.content["annotations"]:
        row.pop("segmentation")
        row["iscrowd"] = 0
    pictures.rewrite(pictures.content)
    begin, calls = Predictor.begin_resized, []

    def asked(self: Predictor, *args: object, **more: object) -> object:
        calls.append(True)
        if len(calls) == 1:
            os.kill(os.getpid(), signum)
        return begin(self, *args, **more)  # type: ignore[arg-type]

    words = ["task=complete", f"ckpt_path={model}", f"data.annotations={pictures.annotations}", "num_workers=0"]
    words += [f"data.images={pictures.images}", f"output={tmp_path}/out.json"]
    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "begin_resized", asked)
        with pytest.raises(SystemExit) as end:
            predict(words)
    assert end.value.code == 128 + signum
    assert not (tmp_path / "out.json").exists()
    predict(words)
    rows = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert len(rows) == len(pictures.content["annotations"])
    assert all("segmentation" in row for row in rows)


@pytest.fixture
def pictures(tmp_path: Path) -> TinyCoco:
    return write_tiny_coco(tmp_path / "data", n_images=2)


def options(pictures: TinyCoco, folder: Path) -> DetectionOptions:
    return DetectionOptions(str(pictures.images), folder, None)


def test_a_disk_full_of_pictures_costs_no_results(
    model: Path, pictures: TinyCoco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(detection, "save_png", full)
    summary = detect(options(pictures, tmp_path / "found"), Predictor(model, "cpu"))
    assert summary["without_pictures"] == summary["images"] == 2
    assert capsys.readouterr().out.count("No space left") == 1
    assert len(json.loads((tmp_path / "found" / "images.json").read_text())["images"]) == 2
    words = [f"ckpt_path={model}", f"source={pictures.images}", f"output={tmp_path}/again", "num_workers=0"]
    with pytest.raises(SystemExit) as end:
        predict(words)
    assert end.value.code == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_drawing_that_is_asked_to_end(
    signum: int,
    model: Path,
    pictures: TinyCoco,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def asked(*_: object) -> None:
        os.kill(os.getpid(), signum)

    monkeypatch.setattr(detection, "save_png", asked)
    words = [f"ckpt_path={model}", f"source={pictures.images}", f"output={tmp_path}/found", "num_workers=0"]
    with pytest.raises(SystemExit) as end:
        predict(words)
    assert end.value.code == 128 + signum
    assert f"predict ended by {signal.Signals(signum).name}" in capsys.readouterr().err
    assert not (tmp_path / "found" / "predictions.json").exists()
    assert program is not None
