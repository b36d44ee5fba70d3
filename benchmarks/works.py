"""Pieces of work for ``benchmarks.builds``: read what is needed, do one thing, tell seconds, peak memory and result.

Runs with the package of any build since evaluation has had its own truth; the first three need no torch.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CLASSES_BASE = 20


def evaluation(folder: str, *words: str) -> dict[str, Any]:
    """Boxes and masks; words: backend=NAME, images=N of the first ones alone."""
    from contrastmask.evaluation.slices import evaluate
    from contrastmask.evaluation.truth_file import read_truth

    options = dict(word.split("=") for word in words)
    truth = read_truth(Path(folder) / "truth.json")
    predictions = pickle.loads((Path(folder) / "predictions.pickle").read_bytes())
    more: dict[str, Any] = {"backend": options["backend"]} if "backend" in options else {}
    if "images" in options:
        predictions = predictions[: int(options["images"])]
        more["image_ids"] = [prediction["image_id"] for prediction in predictions]
    split = _split(truth.class_names)
    return _timed(lambda: evaluate(truth, predictions, split, **more))


def given_boxes(folder: str) -> dict[str, Any]:
    """Masks in true boxes: IoU, boundary IoU, AP; the masks are detections that lie near."""
    from contrastmask.data.annotations.load import load_annotations
    from contrastmask.evaluation.given_boxes import given_box_scores

    records = load_annotations(Path(folder) / "truth.json", folder)
    predictions = []
    for image, found in enumerate(pickle.loads((Path(folder) / "predictions.pickle").read_bytes())):
        rows = np.arange(records.offsets[image], records.offsets[image + 1])
        rles = [{"size": list(rle["size"]), "counts": rle["counts"].decode()} for rle in found["rles"][: len(rows)]]
        predictions.append({
            "image_id": found["image_id"], "ann_ids": records.ann_ids[rows], "labels": records.labels[rows],
            "scores": found["scores"][: len(rows)], "boxes": records.boxes[rows], "rles": rles,
        })  # fmt: skip
    split = _split(records.class_names)
    return _timed(lambda: given_box_scores(records, predictions, split))


def reading(path: str) -> dict[str, Any]:
    """An annotation file, cold."""
    from contrastmask.data.annotations.load import load_annotations

    return _timed(lambda: len(load_annotations(path, Path(path).parent).ann_ids))


def completion(checkpoint: str, folder: str, images: str, precision: str, threads: str) -> dict[str, Any]:
    """``in.json`` of the folder, from the checkpoint's file to the written one; the result is a digest of that, and
    the name of a copy in the folder."""
    import torch
    from rich.console import Console

    from contrastmask import Predictor
    from contrastmask.completion.complete import complete
    from contrastmask.completion.options import CompletionOptions

    torch.set_num_threads(int(threads))
    output = Path(folder) / "out.json"
    options = CompletionOptions(Path(folder) / "in.json", Path(images), output, overwrite=True, num_workers=2)

    def run() -> str:
        complete(options, Predictor(checkpoint, "cpu", precision=precision), Console(quiet=True))
        return hashlib.sha256(output.read_bytes()).hexdigest()

    told = _timed(run)
    shutil.copy(output, output.with_name(f"{told['result']}.json"))
    return told


def training_step(positives: str, size: str, threads: str) -> dict[str, Any]:
    """A training step of the R-50 as ``benchmarks.step`` has it, forward and backward, after one that warms up."""
    import torch

    from benchmarks.step import detector_of, step_of

    torch.set_num_threads(int(threads))
    step = step_of(detector_of(size, int(positives)), int(positives), size, "cpu", "fp32")
    step()
    return _timed(step)


def detection(size: str, threads: str) -> dict[str, Any]:
    """An image through the detector as ``benchmarks.inference`` has it, after one that warms up."""
    import torch

    from tests.detectors import tiny
    from tests.parity.golden import detector

    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    height, width = (64, 96) if size == "tiny" else (800, 1216)
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8)
    found = (tiny(80) if size == "tiny" else detector("r50")).eval()

    def run() -> int:
        return len(found.predict([image], [(height, width)])[0]["boxes"])

    with torch.inference_mode():
        run()
        return _timed(run)


def _split(names: list[str]) -> Any:
    from contrastmask.data.splits import Split

    count = len(names)
    base = min(CLASSES_BASE, count)
    return Split("own", tuple(names), tuple(range(base)), tuple(range(base, count)))


def _timed(run: Callable[[], Any]) -> dict[str, Any]:
    before, processor, start = peak_mib(), time.process_time(), time.perf_counter()
    result = run()
    told = {"s": time.perf_counter() - start, "CPU s": time.process_time() - processor}
    return {**told, "peak, MiB": peak_mib(), "before, MiB": before, "result": result}


def peak_mib() -> float:
    """As ``harness.peak_mib``, which needs torch."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    WORKS = {
        "evaluation": evaluation,
        "given_boxes": given_boxes,
        "reading": reading,
        "completion": completion,
        "training_step": training_step,
        "detection": detection,
    }
    print(json.dumps(WORKS[sys.argv[1]](*sys.argv[2:])))
