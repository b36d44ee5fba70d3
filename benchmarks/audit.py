"""How many of the masks that were spoilt on purpose an audit puts first.

``python -m benchmarks.audit ckpt_path=FILE [crops=FILE] [root=../shared/data/coco] [boxes=given|masks]
[seeds=5] [first=10]``

100 masks of the photographs are spoilt in six ways by turns: shifted by a tenth of the box, a neighbour's mask, half of
it on one side, the box filled, an outline of seven corners, merged with a neighbour's. A mask is spoilt only where that
leaves an overlap of at most 0.9 with itself. ``boxes=given``: the box stays a person's own; ``boxes=masks``: it follows
the mask, as where a tool takes it from there. Figures are means over the seeds: of the first 100 and 300 objects those
that were spoilt, beside random order and the lowest overlap with the model's mask first; then the ways among the first
100. Without ``ckpt_path`` a stand-in takes the model's place, shifted true masks with a confidence that knows some of
it: it tries the command and says nothing of a model.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from rich.console import Console

from benchmarks.harness import arguments, hardware, report
from contrastmask.audit.measures import Found, measure
from contrastmask.audit.models_masks import predict_masks
from contrastmask.audit.signs import signs_of
from contrastmask.completion.polygons import parts_of_runs
from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.records import Records
from contrastmask.data.segmentation.check import rasterise
from contrastmask.errors import plain_errors
from contrastmask.files.journal import Journal
from contrastmask.prediction.predictor import Predictor
from tests.tiny_coco import write_tiny_coco

WAYS = ("shifted", "neighbour's", "part", "filled box", "coarse", "merged")
SPOILT, FIRST, MORE = 100, 100, 300
CORNERS, SHIFT, CHANGED = 7, 0.1, 0.9


@plain_errors
def main(argv: list[str]) -> None:
    """Spoil, audit, count."""
    options = arguments(argv, ckpt_path="", crops="", root="../shared/data/coco", boxes="given", seeds="5", first="10",
                        out="outputs/benchmarks")  # fmt: skip
    if options["boxes"] not in ("given", "masks"):
        raise SystemExit(f"boxes={options['boxes']} is neither given nor masks")
    predictor = None
    if options["ckpt_path"]:
        predictor = Predictor(options["ckpt_path"], options["device"], crops=options["crops"] or None)
    seeds = range(int(options["first"]), int(options["first"]) + int(options["seeds"]))
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), Path(options["root"])
        file, images = root / "annotations" / "instances_val2017.json", root / "val2017"
        if not file.is_file():
            tiny = write_tiny_coco(folder / "tiny", 40)
            file, images = tiny.annotations, tiny.images
        content = json.loads(file.read_text())
        truth = load_annotations(file, images)
        judged = truth.has_mask & ~truth.crowd
        found = _predicted(predictor, truth, judged, folder)
        counted = [_one(seed, content, truth, judged, found, predictor, folder, options["boxes"]) for seed in seeds]
    header = hardware(options["device"], options["precision"]) | {
        "model": Path(options["ckpt_path"]).name or "stand-in", "boxes": options["boxes"], "masks": int(judged.sum()),
        "seeds": f"{seeds[0]}..{seeds[-1]}",
    }  # fmt: skip
    names = list(counted[0])
    rows = [{"order": n, **{k: float(np.mean([c[n][k] for c in counted])) for k in counted[0][n]}} for n in names]
    report("audit", header, rows, options["out"])


def _one(
    seed: int,
    content: dict[str, Any],
    truth: Records,
    judged: np.ndarray,
    found: Found,
    predictor: Predictor | None,
    folder: Path,
    boxes: str,
) -> dict[str, dict[str, float]]:
    """Order → figures, of one seed."""
    spoilt = _spoil(truth, np.flatnonzero(judged), np.random.default_rng(seed))
    changed = {**content, "annotations": list(content["annotations"])}
    for a, (_, mask) in spoilt.items():
        row = dict(changed["annotations"][place := int(truth.rows[a])], segmentation=_runs(mask))
        if boxes == "masks":
            row["bbox"] = coco_mask.toBbox(row["segmentation"]).tolist()
        changed["annotations"][place] = row
    path = folder / f"{seed}.json"
    path.write_text(json.dumps(changed))
    records = load_annotations(path, truth.image_root)
    if not np.array_equal(records.rows, truth.rows):
        raise SystemExit("a spoilt mask changed which rows can be read")
    if boxes == "masks":  # of the others in those images, too: a model may be told of its neighbours' boxes
        touched = np.isin(records.images_of(np.arange(len(judged))), records.images_of(np.array(sorted(spoilt))))
        found = {**found, **_predicted(predictor, records, judged & touched, folder)}
    measures = measure(records, found)
    signs = signs_of(measures)
    orders = {
        "random": np.random.default_rng(seed).random(len(measures.positions)),
        "lowest overlap first": -measures.overlap,
        "lowest overlap by confidence": (1 - measures.overlap) * measures.confidence,
        "overlap below what is usual": signs.overlap,
        "the same, place and shape": signs.overlap + signs.beside + signs.covers + signs.rectangle,
        "suspicion": signs.suspicion,
    }
    return {name: _figures(order, measures.positions, spoilt) for name, order in orders.items()}


def _figures(order: np.ndarray, positions: np.ndarray, spoilt: dict[int, tuple[str, np.ndarray]]) -> dict[str, float]:
    ranked = positions[np.argsort(-order, kind="stable")].tolist()
    first, more = set(ranked[:FIRST]), set(ranked[:MORE])
    figures = {
        f"of the first {FIRST}, %": 100 * sum(a in first for a in spoilt) / FIRST,
        f"found in {MORE}, %": 100 * sum(a in more for a in spoilt) / len(spoilt),
    }
    for way in WAYS:
        of_way = [a for a, (how, _) in spoilt.items() if how == way]
        figures[way] = 100 * sum(a in first for a in of_way) / max(len(of_way), 1)
    return figures


def _predicted(predictor: Predictor | None, records: Records, chosen: np.ndarray, folder: Path) -> Found:
    if predictor is None:
        return {a: _stand_in(records, a) for a in np.flatnonzero(chosen).tolist()}
    settings = SimpleNamespace(annotations=records.path, batch_size=1, num_workers=0)
    journal = Journal(folder / f"{records.path.stem}.journal", {})
    pieces = predict_masks(settings, predictor, records, chosen, journal, Console(stderr=True))
    journal.close(remove=True)
    position = {place: a for a, place in enumerate(records.rows.tolist())}
    masks = {position[place]: (counts, sure) for piece in pieces for place, counts, sure in piece["masks"]}
    size = {a: [int(records.heights[i]), int(records.widths[i])] for a in masks for i in [records.image_of(a)]}
    return {a: ({"size": size[a], "counts": counts}, sure) for a, (counts, sure) in masks.items()}


def _stand_in(records: Records, a: int) -> tuple[dict[str, Any], float]:
    random = np.random.default_rng(a)
    mask = records.mask(a).astype(bool)
    moved = _moved(mask, records.boxes[a], 0.25 * random.random(), random)
    overlap = (mask & moved).sum() / max((mask | moved).sum(), 1)
    return _runs(moved if moved.any() else mask), float(np.clip(overlap + random.normal(0, 0.15), 0.05, 0.95))


def _spoil(truth: Records, judged: np.ndarray, random: np.random.Generator) -> dict[int, tuple[str, np.ndarray]]:
    """Position → the way and the mask that is left, ways by turns."""
    spoilt: dict[int, tuple[str, np.ndarray]] = {}
    images = truth.images_of(judged)
    for n in random.permutation(len(judged)).tolist():
        if len(spoilt) == min(SPOILT, len(judged) // 4):
            break
        a, way = int(judged[n]), WAYS[len(spoilt) % len(WAYS)]
        mask = truth.mask(a).astype(bool)
        left = _spoilt(way, truth, a, mask, judged[images == images[n]], random)
        if left is not None and left.any() and (left & mask).sum() <= CHANGED * (left | mask).sum():
            spoilt[a] = (way, left)
    return spoilt


def _spoilt(
    way: str, truth: Records, a: int, mask: np.ndarray, beside: Sequence[int], random: np.random.Generator
) -> np.ndarray | None:
    box = truth.boxes[a].astype(np.float64)
    if way == "shifted":
        return _moved(mask, box, SHIFT, random)
    if way == "filled box":
        left, top, right, bottom = np.round(box).astype(int).tolist()
        filled = np.zeros_like(mask)
        filled[top:bottom, left:right] = True
        return filled
    if way == "part":
        axis, low = random.integers(2), bool(random.integers(2))
        places = np.indices(mask.shape)[axis]
        middle = np.median(places[mask])
        return mask & ((places < middle) if low else (places >= middle))
    if way == "coarse":
        return _coarse(mask, random)
    others = [b for b in np.asarray(beside).tolist() if b != a]
    if not others:
        return None
    centre = truth.boxes[others].astype(np.float64).reshape(-1, 2, 2).mean(axis=1) - box.reshape(2, 2).mean(axis=0)
    other = truth.mask(others[int(np.abs(centre).sum(axis=1).argmin())]).astype(bool)
    return other if way == "neighbour's" else mask | other


def _moved(mask: np.ndarray, box: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """The mask moved by a share of its box's sides, both ways at once."""
    step = np.round(share * (box[2:] - box[:2])).astype(int) * random.choice([-1, 1], 2)
    y, x = np.nonzero(mask)
    y, x = y + step[1], x + step[0]
    inside = (y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1])
    moved = np.zeros_like(mask)
    moved[y[inside], x[inside]] = True
    return moved


def _coarse(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Seven corners, evenly along the outline of the part that reaches farthest."""
    rings = [np.array(part[0], dtype=np.float64).reshape(-1, 2) for part in parts_of_runs(_runs(mask))]
    ring = max(rings, key=lambda r: float(np.ptp(r, axis=0).prod()))
    closed = np.concatenate([ring, ring[:1]])
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = (np.arange(CORNERS) + random.random()) / CORNERS * length[-1]
    points = np.stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)], axis=1)
    return rasterise([points.ravel().tolist()], *mask.shape).astype(bool)


def _runs(mask: np.ndarray) -> dict[str, Any]:
    found = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": found["counts"].decode("ascii")}


if __name__ == "__main__":
    main(sys.argv[1:])
