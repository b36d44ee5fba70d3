"""How well foreground and background of novel objects lie apart in a run's features.

The paper explains its gain by this: with contrast, foreground of all classes gathers, away from background. Measured
so: base objects give one direction, the mean over objects of (mean foreground feature - mean background feature); along
it every novel object's pixels are ordered, and the area under the ROC curve says how often a foreground pixel comes
before a background one of the same box. 50 percent is chance. Ground-truth boxes and classes, true masks.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.functional.classification import binary_auroc

from contrastmask.data.batches.dataset import CocoDataset
from contrastmask.files.whole_file import write_whole
from contrastmask.prediction.predictor import Predictor
from contrastmask.study.objects import objects_of, open_run

FILE = "separation.json"
FEWEST = 5  # cells of either side that an object needs


def measure(folder: Path, novel: Collection[str]) -> dict[str, dict[str, float]]:
    """Measure a finished run and keep the figures in its folder.

    Args:
        folder: with ``resolved.yaml`` and ``checkpoints/last.ckpt``; novel: names of the classes called novel.

    Returns:
        ``{"head" | "encoder" | "projected": {"novel": percent, "base": percent}}``: the mask head's features before the
        upsampling, the contrastive encoder's and the projector's; the latter two where the model has them.
    """
    _, predictor, dataset = open_run(folder)
    features, inside, labels = _pixels(predictor, dataset)
    is_novel = np.isin([predictor.class_names[k] for k in labels], list(novel))
    figures = {name: _separation(found, inside[found[0].shape[-1]], is_novel) for name, found in features.items()}
    write_whole(folder / FILE, json.dumps(figures))
    return figures


@torch.inference_mode()
def _pixels(
    predictor: Predictor, dataset: CocoDataset
) -> tuple[dict[str, list[Tensor]], dict[int, list[Tensor]], list[int]]:
    """Features ``[C, S, S]`` by layer, true masks ``[S, S]`` by S, and labels, of all objects with masks."""
    heads = predictor.detector.roi_heads
    layers: dict[str, nn.Module] = {"head": heads.mask_head.convs}
    if heads.contrastive_head is not None:
        layers["encoder"] = heads.contrastive_head.encoder
        if heads.contrastive_head.projector is not None:
            layers["projected"] = heads.contrastive_head.projector
    seen: dict[str, Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out.float().cpu()))
        for name, layer in layers.items()
    ]
    features: dict[str, list[Tensor]] = {name: [] for name in layers}
    inside: dict[int, list[Tensor]] = {14: [], 28: []}
    labels: list[int] = []
    for objects in objects_of(predictor, dataset):
        seen.clear()
        predictor.detector.explain([objects.image], [objects.boxes], [objects.labels])
        for size, found in inside.items():
            found += list(objects.inside(size))
        for name, values in seen.items():
            features[name] += list(values)
        labels += objects.labels.tolist()
    for hook in hooks:
        hook.remove()
    return {name: found for name, found in features.items() if found}, inside, labels


def _separation(features: list[Tensor], inside: list[Tensor], is_novel: np.ndarray) -> dict[str, float]:
    usable = [min(int(m.sum()), int((~m).sum())) >= FEWEST for m in inside]
    apart = [
        f[:, m].mean(1) - f[:, ~m].mean(1)
        for f, m, use, novel in zip(features, inside, usable, is_novel, strict=True)
        if use and not novel
    ]
    direction = torch.stack(apart).mean(0)
    areas = np.array([
        float(binary_auroc(_ranks(torch.tensordot(direction, f, 1)), m.flatten().long())) if use else np.nan
        for f, m, use in zip(features, inside, usable, strict=True)
    ])  # fmt: skip
    return {g: 100 * float(np.nanmean(areas[side])) for g, side in (("novel", is_novel), ("base", ~is_novel))}


def _ranks(values: Tensor) -> Tensor:
    """The order of values in 0..1: torchmetrics would squash large ones by a sigmoid, and ties with them."""
    _, place = torch.unique(values.flatten(), return_inverse=True)
    return place / max(int(place.max()), 1)
