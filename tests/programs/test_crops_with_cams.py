"""A crop branch that is told where a detector has seen its class: trained so, used beside a detector, never without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from contrastmask import Predictor
from contrastmask.__main__ import main
from contrastmask.assemble import build_detector_cams
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.batches.sampler import Key
from contrastmask.data.learnable import usable
from contrastmask.data.reading import Reading
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.prediction.detection import DetectionOptions, detect
from contrastmask.programs.branches import branch_of
from contrastmask.programs.config import typed
from contrastmask.study.objects import open_run
from tests.composing import composed
from tests.programs.test_crops import CROP, TINY, train_crops
from tests.programs.test_processes import finish, program
from tests.tiny_run import run_test, run_train, tiny_data

SHORT = ("callbacks=none", "logger=none", "evaluate_after=false")
GIVEN = {"boxes": [[5, 5, 40, 30], [30, 10, 139.5, 49]], "labels": ["cat", "kite"]}
ROOT = Path(__file__).parents[2]
# one of two processes: its maps as a file, the images that it read on the standard output
SHARING = """
import json, sys
from datetime import timedelta
from pathlib import Path
import numpy as np
import torch
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from contrastmask.assemble import build_detector_cams
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.batches import detector_cams
from contrastmask.data.learnable import usable
from contrastmask.data.reading import Reading

number, (detector, data, folder) = int(sys.argv[1]), sys.argv[2:]
dist.init_process_group(
    "gloo", init_method=f"file://{folder}/store", rank=number, world_size=2, timeout=timedelta(seconds=120)
)
records = load_annotations(f"{data}/annotations/train.json", f"{data}/train", Reading())
seen, read = [], detector_cams.read_image_of
detector_cams.read_image_of = lambda records, image: seen.append(image) or read(records, image)
cams = build_detector_cams(detector).of_records(
    records, usable(records, ~records.crowd), torch.device("cpu"), shard=(number, 2), gather=DDPStrategy().all_gather
)
np.save(f"{folder}/{number}.npy", cams)
print(json.dumps(seen))
dist.destroy_process_group()
"""


class Two:
    """A detector, and a crop branch that was trained with its maps."""

    def __init__(self, root: Path) -> None:
        self.data = tiny_data(root / "data", n_images=12)
        run_train(root / "detector", *self.data, "trainer.max_steps=2", *SHORT)
        self.detector, self.crops = (root / part / "checkpoints" / "last.ckpt" for part in ("detector", "crops"))
        self.words = (*self.data, f"mask_branch.cam={self.detector}")
        self.results = train_crops(root / "crops", *self.words, "schedule.epochs=1")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Two:
    return Two(tmp_path_factory.mktemp("cams"))


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (90, 140, 3), dtype=np.uint8)


def test_training_learns_from_the_maps_and_keeps_the_detector_out(two: Two) -> None:
    content = torch.load(two.crops, weights_only=True)
    planes = content["state_dict"]["detector.network.planes.weight"]
    assert planes.shape == (64, 3, 7, 7)
    assert planes[:, 2].any()  # it was zero at first
    assert not any("backbone" in name or "rpn" in name for name in content["state_dict"])
    assert 0 < two.results["given_boxes"]["novel"]["IoU"] < 100


def test_beside_a_detector_it_says_what_training_said(two: Two, tmp_path: Path) -> None:
    both = run_test(
        tmp_path / "both", *two.data, f"ckpt_path={two.detector}", f"crops={two.crops}", "evaluate=given_boxes"
    )
    for name in ("IoU", "boundary_IoU", "AP"):
        expected = two.results["given_boxes"]["all"][name]
        assert both["given_boxes"]["all"][name] == pytest.approx(expected, abs=0.02), name


def test_predictor_and_program(two: Two, tmp_path: Path) -> None:
    both = Predictor(two.detector, "cpu", crops=two.crops)
    found = both.predict(picture())
    assert np.array_equal(found["boxes"], Predictor(two.detector, "cpu").predict(picture())["boxes"])
    given = both.predict(picture(), **GIVEN)
    # the maps are of the labels: other labels, other maps, other masks of the same boxes
    others = both.predict(picture(), **{**GIVEN, "labels": ["dog", "person"]})
    assert not np.array_equal(given["mask_probs"], others["mask_probs"])
    flipped = Predictor(two.detector, "cpu", crops=two.crops, tta="flip").predict(picture(), **GIVEN)
    assert 0 < np.abs(flipped["mask_probs"] - given["mask_probs"]).max() < 0.5
    images = Path(two.data[0].removeprefix("data.root=")) / "val"
    detect(DetectionOptions(str(images), tmp_path), both, Console(quiet=True))
    assert json.loads((tmp_path / "predictions.json").read_text())


def test_the_two_complete_a_file(two: Two, tmp_path: Path) -> None:
    root = Path(two.data[0].removeprefix("data.root="))
    content = json.loads((root / "annotations" / "val.json").read_text())
    content["annotations"] = [{**row, "segmentation": [], "iscrowd": 0} for row in content["annotations"]]
    (tmp_path / "in.json").write_text(json.dumps(content))
    both = Predictor(two.detector, "cpu", crops=two.crops)
    options = CompletionOptions(tmp_path / "in.json", root / "val", tmp_path / "out.json")
    summary = complete(options, both, Console(quiet=True))
    assert summary["completed"] == len(content["annotations"])
    image = content["images"][0]
    written = json.loads((tmp_path / "out.json").read_text())["annotations"][0]
    with Image.open(root / "val" / image["file_name"]) as file:
        names = {c["id"]: c["name"] for c in content["categories"]}
        rows = [r for r in content["annotations"] if r["image_id"] == image["id"]]
        (found,) = both.predict_batch(
            [np.array(file.convert("RGB"))],
            [
                (
                    [[x, y, x + w, y + h] for x, y, w, h in (r["bbox"] for r in rows)],
                    [names[r["category_id"]] for r in rows],
                )
            ],
        )
    assert written["segmentation_confidence"] == pytest.approx(float(found["confidence"][0]), abs=1e-3)


def test_without_a_detector_it_is_refused(two: Two, tmp_path: Path) -> None:
    said = r"was trained with a detector's class activation maps .*give the detector as ckpt_path and crops="
    with pytest.raises(CheckpointError, match=said):
        Predictor(two.crops, "cpu")
    with pytest.raises(CheckpointError, match=said):
        run_test(tmp_path, *two.data, f"ckpt_path={two.crops}")


@pytest.mark.parametrize("name", ["audit", "export", "whole_completion"])
def test_benchmarks_refuse_it_in_one_sentence(
    two: Two, name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = two.data[0].removeprefix("data.root=")
    more = {
        "audit": [f"root={root}"],
        "export": [],
        "whole_completion": [f"annotations={root}/annotations/val.json", f"images={root}/val", "earlier=none"],
    }
    with pytest.raises(SystemExit) as end:
        import_module(f"benchmarks.{name}").main([f"ckpt_path={two.crops}", f"out={tmp_path}", *more[name]])
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "class activation maps" in said
    assert said.count("\n") == 1


def test_an_audit_takes_both(two: Two, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = two.data[0].removeprefix("data.root=")
    words = (f"{root}/annotations/val.json", f"data.images={root}/val", f"output={tmp_path / 'out.json'}")
    more = ("device=cpu", "num_workers=0", "other_classes=false")
    assert not main(["audit", *words, f"ckpt_path={two.detector}", f"crops={two.crops}", *more])
    assert "masks judged" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["audit", *words, f"ckpt_path={two.crops}", *more, "overwrite=true"])
    assert "cannot do without: give the detector as ckpt_path" in capsys.readouterr().err


def test_the_study_does_not_look_into_a_crop_branch(two: Two) -> None:
    with pytest.raises(ConfigError, match="is a run of the crop branch: `measure` and `look` are of a detector's"):
        open_run(two.crops.parents[1])


def test_what_is_no_detector_of_these_data_is_told(two: Two, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a crop branch; class activation maps are a detector's"):
        train_crops(tmp_path, *two.data, f"mask_branch.cam={two.crops}")
    with pytest.raises(ConfigError, match=r"mask_branch\.cam is of mask_branch=crop"):
        typed(composed(f"mask_branch.cam={two.detector}"))
    root = Path(two.data[0].removeprefix("data.root="))
    for name in ("train", "val"):
        content = json.loads((root / "annotations" / f"{name}.json").read_text())
        content["categories"] = [{**c, "name": c["name"].upper()} for c in content["categories"]]
        (root / "annotations" / f"{name}_upper.json").write_text(json.dumps(content))
    upper = ("data.train_annotations=annotations/train_upper.json", "data.val_annotations=annotations/val_upper.json")
    with pytest.raises(CheckpointError, match=r"knows the classes person, .*the data have PERSON"):
        train_crops(tmp_path, *two.words, *upper, "split.base=[CAT,DOG]")


def test_maps_of_records_are_those_of_the_detector_and_follow_the_mirror(two: Two) -> None:
    root = Path(two.data[0].removeprefix("data.root="))
    records = load_annotations(root / "annotations" / "train.json", root / "train", Reading())
    cams, rows = build_detector_cams(two.detector), np.arange(3)
    kept = cams.of_records(records, rows, torch.device("cpu"))
    assert kept.shape == (len(records.labels), 7, 7)
    assert kept[:3].any(axis=(1, 2)).all()
    assert not kept[3:].any()
    config = typed(composed(*CROP, *TINY, *two.words, "data.flip=1", "mask_branch.jitter=0"))
    data = branch_of(config).datamodule(config, None)
    data.prepare_data()
    data.setup("fit")
    data._known_cams = kept
    sample = data._objects(rows)[Key(0, 0, 0)]
    assert torch.equal(sample["cam"], torch.from_numpy(kept[0]).flip(-1))


@pytest.mark.parametrize("processes", [2, 3])
def test_who_shares_the_images_has_the_maps_of_one(two: Two, processes: int) -> None:
    root = Path(two.data[0].removeprefix("data.root="))
    records = load_annotations(root / "annotations" / "train.json", root / "train", Reading())
    rows, device, parts = usable(records, ~records.crowd)[:-1], torch.device("cpu"), {}
    cams, meeting = build_detector_cams(two.detector), Barrier(processes)

    def of(rank: int) -> np.ndarray:
        def gather(found: torch.Tensor) -> torch.Tensor:
            parts[rank] = found
            meeting.wait(timeout=60)
            return torch.stack([parts[number] for number in range(processes)])

        return cams.of_records(records, rows, device, shard=(rank, processes), gather=gather)

    alone = cams.of_records(records, rows, device)
    with ThreadPoolExecutor(processes) as pool:
        assert all(np.array_equal(found, alone) for found in pool.map(of, range(processes)))
    assert all(len(part) < len(rows) for part in parts.values())
    assert cams.of_records(records, rows[:0], device).shape == alone.shape


@pytest.mark.slow
def test_processes_share_the_images_and_have_the_maps_of_one(two: Two, tmp_path: Path) -> None:
    """Two processes over gloo as a run starts them; what each has read, and the maps it ends with."""
    (tmp_path / "worker.py").write_text(SHARING)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    words = [str(two.detector), two.data[0].removeprefix("data.root="), str(tmp_path)]
    workers = [
        subprocess.Popen(
            [sys.executable, str(tmp_path / "worker.py"), str(number), *words],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    told = [worker.communicate(timeout=240) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], told
    read = [json.loads(out) for out, _ in told]
    assert not set(read[0]) & set(read[1])
    assert abs(len(read[0]) - len(read[1])) <= 1
    root = Path(words[1])
    records = load_annotations(root / "annotations" / "train.json", root / "train", Reading())
    rows = usable(records, ~records.crowd)
    alone = build_detector_cams(two.detector).of_records(records, rows, torch.device("cpu"))
    assert sorted({*read[0], *read[1]}) == sorted({records.image_of(row) for row in rows.tolist()})
    for number in range(2):
        assert np.array_equal(np.load(tmp_path / f"{number}.npy"), alone)


@pytest.mark.slow
def test_a_run_of_two_processes_has_the_maps(two: Two, tmp_path: Path) -> None:
    words = (*CROP, *two.words, "schedule.epochs=1", "trainer=ddp", "trainer.accelerator=cpu")
    (said,) = finish(program(*words, f"hydra.run.dir={tmp_path}/run", model=()))
    assert said.count("once before the training") == 1
    planes = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert planes["detector.network.planes.weight"][:, 2].any()


@pytest.mark.slow
def test_a_run_with_maps_goes_on(two: Two, tmp_path: Path) -> None:
    on = ("schedule.epochs=2", f"ckpt_path={two.crops}", *SHORT)
    train_crops(tmp_path / "on", *two.words, *on)
    with pytest.raises(CheckpointError, match=r"mask_branch\.cam is .* there and None here"):
        train_crops(tmp_path / "off", *two.data, *on)
