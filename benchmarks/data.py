"""Start-up on a COCO-sized annotation file, cold and from the cache, and samples a second of one worker.

``python -m benchmarks.data [images=118000] [objects=860000] [root=../shared/data/coco] [earlier=COMMIT|none]``

The annotation file is generated: polygons of 24 corners, seven objects an image. Reading it cold stands beside an
earlier build (``benchmarks.builds``), with the peak of memory in shares of the file's size. Samples: our training data
set beside torchvision's reference pipeline for detection (CocoDetection, polygons to bitmaps, flip, resize) on the
photographs below ``root``, one process with one thread as a loader's worker has it, the same short side; without
``root`` that row is left out. Memory: what each of four forked workers has of its own once it has read all records.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torchvision import tv_tensors
from torchvision.datasets import CocoDetection
from torchvision.transforms import v2

from benchmarks.builds import EARLIER, beside, builds
from benchmarks.harness import arguments, hardware, interleaved, report
from contrastmask.data.annotations.cache import load_cached
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.batches.dataset import CocoDataset
from contrastmask.data.batches.transforms import TrainTransform
from contrastmask.data.records import Records
from contrastmask.errors import plain_errors

SIZE, CLASSES, CORNERS, SHORT, LONG = (480, 640), 80, 24, 800, 1333
WORKERS = 4


def write_annotations(path: Path, images: int, objects: int) -> None:
    """A file of COCO's size and form."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rows = []
    for number in range(objects):
        radius, centre = rng.uniform(5, 100), rng.uniform(100, 380, 2)
        outline = (centre + radius * rng.uniform(0.7, 1, (CORNERS, 1)) * circle).round(2)
        low, high = outline.min(0), outline.max(0)
        rows.append({
            "segmentation": [outline.ravel().tolist()], "area": float(np.prod(high - low)), "iscrowd": 0,
            "image_id": number % images + 1, "bbox": [*low.tolist(), *(high - low).tolist()],
            "category_id": int(rng.integers(CLASSES)) + 1, "id": number + 1,
        })  # fmt: skip
    content = {
        "images": [{"id": i, "file_name": f"{i:012d}.jpg", "height": SIZE[0], "width": SIZE[1]}
                   for i in range(1, images + 1)],
        "categories": [{"id": k + 1, "name": f"class {k}"} for k in range(CLASSES)],
        "annotations": rows,
    }  # fmt: skip
    path.write_text(json.dumps(content))


def own_memory(records: Records) -> float:
    """MiB of a forked worker's own (private pages), after it has read everything; mean of the workers."""
    pipes = []
    for _ in range(WORKERS):
        told, tell = os.pipe()
        waits, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            sum(int(v.view(np.uint8).sum()) for v in vars(records).values() if isinstance(v, np.ndarray) and v.size)
            for row in range(0, len(records.ann_ids), 7):
                if records.has_mask[row]:
                    records.segmentation(row)
            private = sum(
                int(line.split()[1]) for line in Path("/proc/self/smaps_rollup").read_text().splitlines()
                if line.startswith(("Private_Clean", "Private_Dirty"))
            )  # fmt: skip
            os.write(tell, str(private).encode())
            os.read(waits, 1)
            os._exit(0)
        os.close(waits)
        pipes.append((child, told, go))
    sizes = [int(os.read(told, 64)) for _, told, _ in pipes]
    for child, _, go in pipes:
        os.write(go, b".")  # not closed: later children hold copies of this end
        os.waitpid(child, 0)
    return sum(sizes) / len(sizes) / 1024


class Reference(CocoDetection):
    """torchvision's detection reference: polygons to bitmaps, boxes, then random flip and resize."""

    def __init__(self, images: Path, annotations: Path) -> None:
        super().__init__(str(images), str(annotations))
        self.change = v2.Compose([
            v2.ToImage(), v2.RandomHorizontalFlip(), v2.Resize(SHORT, max_size=LONG, antialias=True),
            v2.ToDtype(torch.float, scale=True),
        ])  # fmt: skip

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, rows = super().__getitem__(index)
        width, height = image.size
        rows = [row for row in rows if not row["iscrowd"]]
        masks = [coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(r["segmentation"], height, width)))
                 for r in rows]  # fmt: skip
        boxes = torch.tensor([r["bbox"] for r in rows], dtype=torch.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        stacked = torch.from_numpy(np.stack(masks)) if masks else torch.zeros((0, height, width), dtype=torch.uint8)
        target = {
            "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width)),
            "masks": tv_tensors.Mask(stacked),
            "labels": torch.tensor([r["category_id"] for r in rows]),
        }
        return self.change(image, target)


def start_up(images: int, objects: int, earlier: str, repeats: int) -> list[dict[str, Any]]:
    """Cold, beside an earlier build; first with a cache, then from it."""
    with tempfile.TemporaryDirectory() as folder:
        path, cache = Path(folder) / "train.json", Path(folder) / "cache"
        write_annotations(path, images, objects)
        size = path.stat().st_size / 2**20
        rows = []

        def row(what: str, work: Callable[[], Records]) -> Records:
            start = time.perf_counter()
            records = work()
            rows.append({"work": what, "s": time.perf_counter() - start, "objects": len(records.ann_ids)})
            return records

        with builds(earlier) as found:
            cold, told = beside(found, "reading", str(path), repeats=repeats)
        shares = {f"{build}, peak / file": cold[f"{build}, peak, MiB"] / size for build in told}
        rows.append({"work": f"read and check {size:.0f} MiB", "objects": told["ours"]["result"], **cold, **shares})
        row("the same, and keep it", lambda: load_cached(path, folder, folder=cache, smallest=0))
        records = row("from the cache, content verified", lambda: load_cached(path, folder, folder=cache, smallest=0))
        rows.append({"work": "a forked worker's own memory", "MiB": own_memory(records)})
    return rows


def samples(root: Path, count: int) -> dict[str, Any]:
    """Seconds for the same photographs through both pipelines."""
    annotations, images = root / "annotations" / "instances_train2017.json", root / "train2017"
    ours = CocoDataset(load_annotations(annotations, images), TrainTransform((SHORT, SHORT), LONG), train=True, seed=0)
    theirs = Reference(images, annotations)
    count = min(count, len(ours), len(theirs))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = interleaved(
        {
            "ours": lambda: [ours[i] for i in range(count)],
            "torchvision": lambda: [theirs[i] for i in range(count)],
        }
    )
    torch.set_num_threads(threads)
    return {
        "work": f"{count} photographs at short side {SHORT}", "s": times["ours"], "samples/s": count / times["ours"],
        "torchvision / ours": times["torchvision"] / times["ours"],
    }  # fmt: skip


@plain_errors
def main(argv: list[str]) -> None:
    """Print and keep the table."""
    options = arguments(argv, images="118000", objects="860000", photographs="40", root="../shared/data/coco",
                        earlier=EARLIER, repeats="5", out="outputs/benchmarks")  # fmt: skip
    rows = start_up(int(options["images"]), int(options["objects"]), options["earlier"], int(options["repeats"]))
    if options["root"] and Path(options["root"]).is_dir():
        rows.append(samples(Path(options["root"]), int(options["photographs"])))
    report("data", hardware("cpu", "fp32"), rows, options["out"])


if __name__ == "__main__":
    main(sys.argv[1:])
