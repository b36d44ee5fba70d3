"""Predict on images: COCO results, pictures, one PNG per instance."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pycocotools import mask as coco_mask
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.data import DataLoader

from contrastmask.data.batches.workers import worker_start
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.errors import CheckpointError, ConfigError, DataError
from contrastmask.files.whole_file import make_output_folder, write_whole
from contrastmask.pictures.overlays import overlay, save_png
from contrastmask.prediction.image_sources import SourceDataset, SourceImage, find_images, pictures_of
from contrastmask.prediction.predictor import NO_BOXES, Predictor
from contrastmask.spoken import Pulse


@dataclass(frozen=True)
class DetectionOptions:
    """What to predict on, and what to write into the folder ``output``.

    Attributes:
        source, images: as :func:`find_images`.
        overlays: draw every image with its objects; overlay_score: those of at least this score.
        instance_masks: one black-and-white PNG per object. overwrite: replace existing results.
        image_rules: how image files are found and read.
        batch_size: images of the same size go through the model together, at most so many; num_workers: loaders.
    """

    source: str
    output: Path
    images: Path | None = None
    overlays: bool = True
    overlay_score: float = 0.3
    instance_masks: bool = False
    overwrite: bool = False
    batch_size: int = 1
    num_workers: int = 0
    image_rules: ImageRules = PLAIN

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.num_workers < 0:
            raise ConfigError("batch_size must be at least 1, num_workers at least 0")


def detect(options: DetectionOptions, predictor: Predictor, console: Console | None = None) -> dict[str, Any]:
    """Write ``predictions.json`` (COCO results), ``images.json`` (ids and files, what was skipped), and pictures.

    Category ids are the source file's where it is a COCO-format file with the model's classes, else the checkpoint's,
    else label + 1; ``images.json`` lists them.

    Returns:
        ``{"images": number predicted on, "objects": number found, "drawn": of them, of at least
        ``overlay_score``, "skipped": {file: what is wrong with it}, "without_pictures": images whose pictures could not
        be written}``.

    Raises:
        ConfigError: a model that finds no boxes, nothing to predict on, or results that would be overwritten.
        CheckpointError: a COCO-format source lacks classes that the model has.
        DataError: no image of a COCO-format source can be read, the output folder cannot be written, or the disk is
            full.
    """
    console = console or Console()
    if not predictor.finds_boxes:
        raise ConfigError(NO_BOXES.format(predictor.path))
    results_file = options.output / "predictions.json"
    if results_file.exists() and not options.overwrite:
        raise ConfigError(f"{results_file} exists; overwrite=true replaces it, or choose another output=DIR")
    rules = options.image_rules
    images, categories = find_images(options.source, options.images, output=options.output, rules=rules)
    for line in pictures_of(images, rules, options.source).lines("warning"):
        console.print(line, markup=False, soft_wrap=True)
    make_output_folder(options.output)
    ids = _category_ids(predictor, categories, options.source)
    loader = DataLoader(
        SourceDataset(images, rules), options.batch_size, num_workers=options.num_workers, collate_fn=list,
        worker_init_fn=worker_start(),
    )  # fmt: skip
    results: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    drawn = lost = 0
    columns = (
        TextColumn("images"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("images", total=len(images), rate="")
        pulse = Pulse("predicting", len(images), "images", tell=partial(console.print, markup=False))
        for batch in loader:
            good = [(images[index], pixels) for index, pixels, _ in batch if pixels is not None]
            for index, _, problem in batch:
                if problem is not None:
                    skipped[images[index].name] = problem
                    console.print(f"skipped: {problem}", markup=False, style="red")
            for (image, pixels), found in zip(
                good, predictor.predict_batch([p for _, p in good], masks=False), strict=True
            ):
                results += _results(image, found, ids)
                drawn += int((found["scores"] >= options.overlay_score).sum())
                try:
                    _pictures(options, predictor, image, pixels, found)
                except (OSError, DataError) as error:  # pictures can be drawn again, what was found must not be lost
                    if not lost:
                        console.print(f"pictures cannot be written: {error}", markup=False, style="red", soft_wrap=True)
                    lost += 1
            if not console.is_terminal:  # where no bar is shown
                pulse.add(len(batch))
            speed = progress.tasks[0].speed
            progress.update(task, advance=len(batch), rate=f"{speed:.2f}/s" if speed else "")
    about = {
        "images": [{"id": i.id, "file_name": i.name} for i in images if i.name not in skipped],
        "categories": [{"id": n, "name": name} for n, name in zip(ids, predictor.class_names, strict=True)],
        "skipped": skipped,
    }
    write_whole(options.output / "images.json", json.dumps(about, indent=1) + "\n")
    write_whole(results_file, json.dumps(results))
    done = len(images) - len(skipped)
    return {
        "images": done,
        "objects": len(results),
        "drawn": drawn,
        "skipped": skipped,
        "without_pictures": lost,
    }


def _category_ids(predictor: Predictor, categories: dict[str, int] | None, source: str) -> list[int]:
    if categories is not None:
        if missing := [name for name in predictor.class_names if name not in categories]:
            raise CheckpointError(
                f"{predictor.path} knows {', '.join(missing)}, {source} has only {', '.join(categories)}; "
                "predict on the folder of images instead: the results then have the checkpoint's own category ids"
            )
        return [categories[name] for name in predictor.class_names]
    own = [category["id"] for category in predictor.categories]
    return own if None not in own else list(range(1, len(own) + 1))


def _results(image: SourceImage, found: dict[str, Any], ids: list[int]) -> list[dict[str, Any]]:
    boxes = found["boxes"].astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    columns = zip(boxes.tolist(), found["labels"].tolist(), found["scores"].tolist(), found["rles"], strict=True)
    return [
        {"image_id": image.id, "category_id": ids[label], "bbox": box, "score": score, "segmentation": rle}
        for box, label, score, rle in columns
    ]


def _in_a_name(label: str) -> str:
    """A class name as a part of a file name that every file system takes."""
    return re.sub(r"[^\w.-]", "_", label)[:60]


def _pictures(
    options: DetectionOptions, predictor: Predictor, image: SourceImage, pixels: np.ndarray, found: dict[str, Any]
) -> None:
    name = Path(image.name)
    if options.overlays:
        shown = np.flatnonzero(found["scores"] >= options.overlay_score)
        picture = overlay(
            torch.from_numpy(pixels).permute(2, 0, 1).contiguous(),
            found["boxes"][shown],
            found["labels"][shown],
            [found["rles"][i] for i in shown],
            class_names=predictor.class_names,
            scores=found["scores"][shown],
        )
        save_png(options.output / "overlays" / name.with_name(name.name + ".png"), picture)
    if options.instance_masks:
        for number, (label, rle) in enumerate(zip(found["names"], found["rles"], strict=True)):
            mask = torch.from_numpy(coco_mask.decode(rle)).mul(255).expand(3, -1, -1)
            file = f"{name.name}.{number:03d}.{_in_a_name(label)}.png"
            save_png(options.output / "masks" / name.with_name(file), mask)
