"""An exported crop branch beside the checkpoint: objects a second, start to the first mask, memory, and what is lost.

``python -m benchmarks.export [ckpt_path=FILE] [root=DIR] [objects=16] [threads=1] [size=tiny]``

Without ``ckpt_path`` a crop branch of random weights is timed. ``root``: COCO's layout; the overlap with the true masks
of its validation images is then measured in the whole picture, by each file. int8 is measured and judged on ``root``'s
objects and left out without it. The peers of a row take turns in one process; start and memory are of a process each.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from benchmarks.harness import arguments, hardware, interleaved, report
from benchmarks.processes import printed
from contrastmask import Predictor
from contrastmask.assemble import build_segmenter
from contrastmask.checkpoints.network import NetworkConfig
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.images.plain import read_plain
from contrastmask.data.reading import AS_IT_IS
from contrastmask.data.records import Records
from contrastmask.errors import plain_errors
from contrastmask.evaluation.coco_match import truth_rle
from contrastmask.export.quantise import Sample, sample_of
from contrastmask.export.write import export
from contrastmask.runtime.model_file import ModelFile

# what one process does: opens a file, segments a box of a picture, tells its time and its memory
FIRST = """
import sys, time
start = time.perf_counter(), time.process_time()
import numpy as np
from PIL import Image
from contrastmask import Predictor
image = np.asarray(Image.open(sys.argv[2]))
Predictor(sys.argv[1], "cpu").predict(image, boxes=[[5, 5, 60, 60]], labels=[0])
wall, work = time.perf_counter() - start[0], time.process_time() - start[1]
mark = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(wall, work, int(mark.split()[1]) / 1024)
"""


@plain_errors
def main(argv: list[str]) -> None:
    """Export, time, judge."""
    words = arguments(
        argv, ckpt_path="", root="", objects="16", threads="1", size="full", images="206", out="outputs/benchmarks"
    )
    threads, count = int(words["threads"]), int(words["objects"])
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(
            words["ckpt_path"] or random_crop_branch(Path(folder) / "random.ckpt", words["size"] == "tiny")
        )
        files = _files(checkpoint, Path(folder), words["root"])
        rows = _rates(files, count, threads)
        for row, (name, file) in zip(rows, files.items(), strict=True):
            if words["size"] != "tiny" and "bf16" not in name:
                row |= _first(file, Path(folder))
            if words["root"] and "bf16" not in name:
                row |= _judged(file, Path(words["root"]), int(words["images"]))
        header = hardware("cpu", "fp32") | {"threads": threads, "objects": count} | _versions()
        report("export", header, rows, words["out"])


def _files(checkpoint: Path, folder: Path, root: str) -> dict[str, Path]:
    files = {"torch fp32": checkpoint, "torch bf16": checkpoint}
    forms = {"onnx": "onnxruntime"} | ({"openvino": "OpenVINO"} if "openvino" in _versions() else {})
    for form, name in forms.items():
        for precision in ("fp32", "int8") if root else ("fp32",):
            target = folder / f"{form}-{precision}"
            if precision == "int8":
                export(checkpoint, target, form=form, precision=precision, sample=partial(_sample, Path(root)))
            else:
                export(checkpoint, target, form=form)
            files[f"{name} {precision}"] = target / ("crops.onnx" if form == "onnx" else "crops.xml")
    return files


def _sample(root: Path, predictor: Predictor) -> Sample:
    return sample_of(predictor, root / "annotations" / "instances_train2017.json", root / "train2017", 96, AS_IT_IS)


def _rates(files: dict[str, Path], count: int, threads: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    side = Predictor(next(iter(files.values())), "cpu").detector.side
    crops = rng.integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    boxes = np.tile(np.array([[0.08, 0.08, 0.92, 0.92]], dtype=np.float32), (count, 1))
    near = rng.random((count, side, side)).astype(np.float32)
    feeds = {"crops": crops, "boxes": boxes, "near": near}
    peers: dict[str, Callable[[], Any]] = {}
    for name, file in files.items():
        if name.startswith("torch"):
            peers[name] = _eager(Predictor(file, "cpu").detector, feeds, half="bf16" in name)
        else:
            model = ModelFile(file, "cpu", threads)
            peers[name] = lambda model=model: model.run(feeds)
    times = interleaved(peers)
    eager = times["torch fp32"]
    return [{"file": n, "objects/s": count / t, "times torch fp32": eager / t} for n, t in times.items()]


def _eager(segmenter: torch.nn.Module, feeds: dict[str, np.ndarray], *, half: bool) -> Callable[[], Any]:
    given = [torch.from_numpy(value) for value in feeds.values()]

    def work() -> Any:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            return segmenter(*given)

    return work


def _first(file: Path, folder: Path) -> dict[str, float]:
    picture = folder / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)).save(picture)
    runs = []
    for _ in range(3):  # the first reads the packages from the disk
        line = printed(f"the first mask of {file.name}", FIRST, str(file), str(picture))
        runs.append([float(word) for word in line.split()])
    wall, work, peak = np.min(runs, axis=0)
    return {"first mask, s": float(wall), "CPU s": float(work), "peak MiB": float(peak)}


def _judged(file: Path, root: Path, images: int) -> dict[str, float]:
    records: Records = load_annotations(root / "annotations" / "instances_val2017.json", root / "val2017")
    predictor, overlaps = Predictor(file, "cpu"), []
    for image in range(min(images, len(records.image_ids))):
        rows = np.arange(records.offsets[image], records.offsets[image + 1])
        rows = rows[records.has_mask[rows] & ~records.crowd[rows]]
        if not len(rows):
            continue
        names = [records.class_names[label] for label in records.labels[rows]]
        found = predictor.predict(read_plain(records, image), boxes=records.boxes[rows], labels=names, masks=False)
        true = [truth_rle(records, image, int(row)) for row in rows]
        overlaps += [coco_mask.iou([a], [b], [0])[0, 0] for a, b in zip(found["rles"], true, strict=True)]
    return {"IoU": 100 * float(np.mean(overlaps)), "judged": len(overlaps)}


def random_crop_branch(path: Path, tiny: bool) -> Path:
    """A checkpoint of a crop branch that has learnt nothing."""
    from omegaconf import OmegaConf

    from tests.composing import composed

    torch.manual_seed(0)
    small = ("mask_branch.side=64", "mask_branch.channels=8") if tiny else ()
    cfg = composed("experiment=complete", "backbone.weights=null", *small, "data.root=none")
    plain = OmegaConf.to_container(cfg, resolve=False)
    network = NetworkConfig()
    for name, value in plain["mask_branch"].items():
        if name != "lessons":
            setattr(network.mask_branch, name, value)
    for group in ("backbone", "model"):
        for name, value in plain[group].items():
            if not isinstance(value, dict):
                setattr(getattr(network, group), name, value)
    segmenter = build_segmenter(network, pretrained=False)
    groups = {name: plain[name] for name in ("backbone", "model", "loss", "mask_branch")}
    about = {"format": 1, "config": groups, "categories": [{"id": 1, "name": "object"}]}
    torch.save({"state_dict": {f"detector.{n}": v for n, v in segmenter.state_dict().items()}, "contrastmask": about},
               path)  # fmt: skip
    return path


def _versions() -> dict[str, str]:
    found = {}
    for name in ("onnxruntime", "openvino"):
        try:
            found[name] = __import__(name).__version__
        except ImportError:
            continue
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
