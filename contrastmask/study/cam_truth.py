"""How right the class activation map is about objects, as far as the contrastive loss trusts it.

For an object without mask the loss takes CAM > 1 - delta as foreground and CAM < delta as background. Whether it can
learn masks of novel classes from that hangs on these pixels: measured on validation objects, in their ground-truth
boxes and with their true classes, as in training, against the true masks.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from contrastmask.losses.cam import minmax_normalize, upsample_cam
from contrastmask.study.objects import keep_means, objects_of, open_run, roc_area

FILE = "cam_truth.json"
SIZE = 28  # cells on a side of a box, as in the loss


def measure(folder: Path) -> dict[str, dict[str, float | None]]:
    """Measure a finished run and keep the figures in its folder.

    Args:
        folder: with ``resolved.yaml`` and ``checkpoints/last.ckpt``.

    Returns:
        class name → ``objects``, their number, and means over them in percent (None where none can be judged):
        ``inside``, the share of a box's cells inside the mask; ``foreground`` and ``background``, the shares of the
        cells taken as such that are; ``auc``, how often a cell of the mask has a higher CAM than one outside it.
    """
    config, predictor, dataset = open_run(folder)
    rows: dict[str, list[dict[str, float]]] = {}
    with torch.inference_mode():
        for found in objects_of(predictor, dataset):
            _, features = predictor.detector.extract([found.image])
            cams = predictor.detector.roi_heads.cams_of(features, [found.boxes], [found.labels])
            cams = minmax_normalize(upsample_cam(cams, SIZE))
            for label, cam, mask in zip(found.labels.tolist(), cams, found.inside(SIZE), strict=True):
                rows.setdefault(predictor.class_names[label], []).append(_figures(cam, mask, config.loss.delta))
    return keep_means(folder / FILE, rows)


def _figures(cam: Tensor, mask: Tensor, delta: float) -> dict[str, float]:
    """Of one object; CAM ``[S, S]`` in 0..1, mask bool ``[S, S]``. NaN where nothing is to judge."""
    high, low = cam > 1 - delta, cam < delta
    return {
        "inside": float(mask.float().mean()),
        "foreground": float(mask[high].float().mean()),
        "background": float((~mask[low]).float().mean()),
        "auc": roc_area(cam, mask),
    }
