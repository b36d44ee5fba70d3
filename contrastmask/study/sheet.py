"""One picture of what the runs of a table make of the same objects: photograph, true mask, each run's probabilities."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from contrastmask.study.objects import objects_of, open_run, probabilities_of
from contrastmask.study.plots import new_figure, save_figure


def write_sheet(path: Path, runs: Mapping[str, Path], classes: Collection[str], columns: int = 16) -> None:
    """Draw the first ``columns`` validation objects of these classes, class by class in turn, in their true boxes.

    Args:
        path: of the PNG; runs: name of a row → folder of a finished run, all of the same data.

    Raises:
        ValueError: no object of these classes.
        ConfigError: matplotlib is not installed.
    """
    rows: dict[str, list[Tensor]] = {}
    for name, folder in runs.items():
        photographs, truths, rows[name] = _objects(folder, classes, columns)
    if not photographs:
        raise ValueError(f"no object of {', '.join(classes)} in the validation images")
    rows = {"image": photographs, "true mask": truths, **rows}
    figure = new_figure(1.2 + 0.8 * len(photographs), 0.8 * len(rows))
    axes = figure.subplots(len(rows), len(photographs), squeeze=False)
    for line, (name, pictures) in zip(axes, rows.items(), strict=True):
        for axis, picture in zip(line, pictures, strict=True):
            axis.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1, aspect="auto")
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    save_figure(figure, path, dpi=90)


@torch.inference_mode()
def _objects(folder: Path, classes: Collection[str], columns: int) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Crops ``[S, S, 3]``, true masks and probabilities ``[S, S]`` in 0..1, in turns over the classes."""
    _, predictor, dataset = open_run(folder)
    wanted = {name: -(-columns // len(classes)) for name in classes}
    found: dict[str, list[tuple[Tensor, Tensor, Tensor]]] = {name: [] for name in classes}
    for objects in objects_of(predictor, dataset):
        probs = probabilities_of(predictor, objects)
        truth = objects.inside(probs.shape[-1]).float()
        for k, label in enumerate(objects.labels.tolist()):
            name = predictor.class_names[label]
            if len(found.get(name, ())) < wanted.get(name, 0):
                found[name].append((_crop(objects.image, objects.boxes[k]), truth[k], probs[k]))
        if all(len(found[name]) == count for name, count in wanted.items()):
            break
    turns = [rows[i] for i in range(max(wanted.values())) for rows in found.values() if i < len(rows)][:columns]
    crops, truths, made = ([turn[part] for turn in turns] for part in range(3))
    return crops, truths, made


def _crop(image: Tensor, box: Tensor, side: int = 64) -> Tensor:
    """What a box ``[4]`` holds of a uint8 image ``[3, h, w]``, enlarged to ``[side, side, 3]`` in 0..1."""
    x1, y1 = box[:2].floor().long().tolist()
    x2, y2 = box[2:].ceil().long().tolist()
    part = image[None, :, y1:y2, x1:x2].float() / 255
    return F.interpolate(part, size=(side, side), mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
