"""What is wrong with a run's masks in given boxes: the order of the pixels, or where the line between them is drawn.

A mask branch can rank the pixels of a novel object well and still call too few of them foreground. So beside the IoU at
0.5 stand the IoU at the threshold that suits the object best, the area under the ROC curve, and the area itself.
Ground-truth boxes and classes, true masks, on the grid of the mask head's output.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from contrastmask.study.objects import keep_means, objects_of, open_run, probabilities_of, roc_area

FILE = "mask_truth.json"
THRESHOLDS = torch.arange(0.02, 1.0, 0.02)


def measure(folder: Path) -> dict[str, dict[str, float | None]]:
    """Measure a finished run and keep the figures in its folder.

    Args:
        folder: with ``resolved.yaml`` and ``checkpoints/last.ckpt``.

    Returns:
        class name → ``objects``, their number, and means over them in percent (None where none can be judged):
        ``area`` and ``predicted area``, shares of the box; ``IoU`` at 0.5; ``best IoU`` over thresholds, the object's
        own; ``auc``, how often a cell of the mask has a higher probability than one outside it.
    """
    _, predictor, dataset = open_run(folder)
    rows: dict[str, list[dict[str, float]]] = {}
    with torch.inference_mode():
        for found in objects_of(predictor, dataset):
            probabilities = probabilities_of(predictor, found)
            masks = found.inside(probabilities.shape[-1])
            for label, probs, mask in zip(found.labels.tolist(), probabilities, masks, strict=True):
                rows.setdefault(predictor.class_names[label], []).append(_figures(probs, mask))
    return keep_means(folder / FILE, rows)


def _figures(probs: Tensor, mask: Tensor) -> dict[str, float]:
    """Of one object; probabilities ``[S, S]``, mask bool ``[S, S]``. NaN where nothing is to judge."""
    chosen = probs >= torch.cat([torch.tensor([0.5]), THRESHOLDS]).to(probs)[:, None, None]
    ious = (chosen & mask).sum((1, 2)) / (chosen | mask).sum((1, 2))
    return {
        "area": float(mask.float().mean()),
        "predicted area": float(chosen[0].float().mean()),
        "IoU": float(ious[0]),
        "best IoU": float(ious.max()),
        "auc": roc_area(probs, mask),
    }
