"""How much of what the contrastive encoder tells apart reaches the mask head.

The mask head sees the encoder's output F only as the enhanced map Y, each pixel a weighted mean of all pixels of the
box, through a 1x1 convolution and added to its own features X. Measured on validation objects in their true boxes: how
far the means of foreground and background lie apart in F and in Y, in shares of the length of the mean of all; and what
is added to X, split into a pattern over the box and a constant, in shares of X's own pattern. A constant tells the mask
head about the object as a whole; which of its pixels are foreground it cannot tell.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from contrastmask.study.objects import keep_means, objects_of, open_run

FILE = "branch_reach.json"


def measure(folder: Path) -> dict[str, dict[str, float | None]]:
    """Measure a finished run and keep the figures in its folder.

    Args:
        folder: with ``resolved.yaml`` and ``checkpoints/last.ckpt``.

    Returns:
        class name → ``objects``, their number, and means over them in percent (None where none can be judged):
        ``encoder`` and ``enhanced``, the distance of the means of foreground and background in F and Y;
        ``pattern`` and ``constant``, of what is added to X. Empty for a model without enhanced map.
    """
    _, predictor, dataset = open_run(folder)
    heads = predictor.detector.roi_heads
    rows: dict[str, list[dict[str, float]]] = {}
    if heads.contrastive_head is not None and heads.mask_head.fuse is not None:
        seen: dict[str, Tensor] = {}
        hooks = [
            _keep(heads.contrastive_head.encoder, seen, "encoder"),
            _keep(heads.mask_head.fuse, seen, "added"),
            heads.mask_head.register_forward_hook(lambda _, given, __: seen.__setitem__("own", given[0])),
        ]
        with torch.inference_mode():
            for found in objects_of(predictor, dataset):
                predictor.detector.explain([found.image], [found.boxes], [found.labels])
                seen["enhanced"] = heads.contrastive_head.enhance(seen["encoder"])
                masks = found.inside(seen["encoder"].shape[-1])
                for index, label in enumerate(found.labels.tolist()):
                    maps = {name: values[index].float() for name, values in seen.items()}
                    rows.setdefault(predictor.class_names[label], []).append(_figures(maps, masks[index]))
        for hook in hooks:
            hook.remove()
    return keep_means(folder / FILE, rows)


def _keep(layer: nn.Module, seen: dict[str, Tensor], name: str) -> torch.utils.hooks.RemovableHandle:
    return layer.register_forward_hook(lambda _, __, out: seen.__setitem__(name, out))


def _figures(maps: dict[str, Tensor], mask: Tensor) -> dict[str, float]:
    """Of one object; maps ``[C, S, S]``, mask bool ``[S, S]`` of the size of F. NaN where nothing is to judge."""
    own, added = maps["own"], maps["added"]
    pattern = _pattern(own)
    return {
        "encoder": _apart(maps["encoder"], mask),
        "enhanced": _apart(maps["enhanced"], mask),
        "pattern": float(_pattern(added) / pattern),
        "constant": float(added.mean((1, 2)).norm() / pattern),
    }


def _apart(features: Tensor, mask: Tensor) -> float:
    """NaN where the box has no foreground or no background."""
    difference = features[:, mask].mean(1) - features[:, ~mask].mean(1)
    return float(difference.norm() / features.mean((1, 2)).norm())


def _pattern(features: Tensor) -> Tensor:
    """Root mean square distance of the pixels of ``[C, S, S]`` from their mean."""
    return (features - features.mean((1, 2), keepdim=True)).square().sum(0).mean().sqrt()
