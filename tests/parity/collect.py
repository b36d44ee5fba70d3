"""Cut the released model's figures down to what the tests of this folder compare.

    python tests/parity/collect.py FOLDER

FOLDER holds the figures as computed with the released code (``infer_r50_img0.npz``, …). Of long arrays every n-th value
is kept, of mask probabilities 16 bits; inputs and weights are left out, the recipes draw them again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden"
INFER = {"infer_r50_0": "infer_r50_img0", "infer_r50_1": "infer_r50_img1", "infer_x101_0": "infer_x101_32x4d_img0",
         "infer_x101_1": "infer_x101_32x4d_img1"}  # fmt: skip
BACKBONE = {"backbone_r101": "backbone_r101", "backbone_x50": "backbone_x50_32x4d"}
LEVELS = [f"fpn{i}" for i in range(5)]


def thinned(source: dict[str, np.ndarray], name: str, step: int) -> dict[str, Any]:
    """Every ``step``-th value of a sample ``{name}_sub``, its stride, and the whole array's summary."""
    stride = f"{name}_stride" if f"{name}_stride" in source else f"{name.removeprefix('rois_')}_stride"
    kept = {f"{name}_sub": source[f"{name}_sub"][::step], f"{name}_stride": source[stride] * step}
    summary = f"{name}_summ"
    return kept | ({summary: source[summary]} if summary in source else {})


def chosen(source: dict[str, np.ndarray], *names: str) -> dict[str, Any]:
    """The named arrays."""
    return {name: source[name] for name in names}


def inference(source: dict[str, np.ndarray], rles: list[dict[str, Any]]) -> dict[str, Any]:
    """Pyramid, proposals, detections, their CAMs and masks."""
    kept = chosen(source, "x_summ", "proposals", "det_bboxes", "det_labels", "det_cams")
    for level in LEVELS:
        kept |= thinned(source, level, 4)
    for name in ("rois_cls_score", "bbox_pred"):
        kept |= thinned(source, name, 8)
    kept["mask_prob"] = np.round(source["mask_prob"] * 65535).astype(np.uint16)
    kept["rle_counts"] = np.array([rle["counts"] for rle in rles])
    return kept


def backbone(source: dict[str, np.ndarray]) -> dict[str, Any]:
    """Body, pyramid, the first proposals, detections."""
    kept = chosen(source, "proposals_top20", "det_bboxes", "det_labels")
    for level in LEVELS:
        kept |= thinned(source, level, 4)
    return kept


def training(source: dict[str, np.ndarray]) -> dict[str, Any]:
    """Everything but the objects' masks, which are drawn again, and most of the logits."""
    long = ("mask_pred", "cls_score", "bbox_pred")
    left_out = ("gt_masks", "roi_neg_boxes", "roi_pos_boxes", "edges", "rpn_top20", "x_summ", *long)
    kept = {name: value for name, value in source.items() if not name.startswith(left_out)}
    for name in long:
        kept |= thinned(source, name, 8)
    return kept


def contrastive_head(source: dict[str, np.ndarray]) -> dict[str, Any]:
    """Outputs in both modes, drawn keys, terms, gradients."""
    long = ("eval_x_enhance", "eval_x_pro", "train_x_enhance", "train_x_pro", "grad_x")
    left_out = (*(f"{name}_s" for name in long), "cams", "masks", "edges", "in_x")
    kept = {name: value for name, value in source.items() if not name.startswith(left_out)}
    for name in long:
        kept |= thinned(source, name, 8)
    for name, value in kept.items():
        if value.dtype == np.uint8 and value.ndim == 3:
            kept[name] = np.packbits(value.reshape(len(value), -1), axis=1)
    return kept | chosen(source, "grad_x_pro_summ")


def mask_head(source: dict[str, np.ndarray]) -> dict[str, Any]:
    """Fused features, logits, loss, gradients."""
    kept = {name: value for name, value in source.items() if not name.startswith(("fused", "cams7", "masks"))}
    return kept | thinned(source, "fused", 8)


def main(folder: Path) -> None:
    """Write all files of figures."""

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(folder / f"{name}.npz") as file:
            return dict(file)

    files = {
        ours: inference(read(name), json.loads((folder / f"{name}_rle.json").read_text()))
        for ours, name in INFER.items()
    }
    files |= {ours: backbone(read(name)) for ours, name in BACKBONE.items()}
    files |= {name: training(read(name)) for name in ("train_fixed", "train_rpn")}
    box_head = {k: v for k, v in read("cam").items() if not k.startswith("in_")}
    files |= {
        "box_head": box_head,
        "contrastive_head": contrastive_head(read("clhead")),
        "mask_head": mask_head(read("maskhead")),
    }
    for name, figures in files.items():
        np.savez_compressed(GOLDEN / f"{name}.npz", **figures)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
