"""One image through the detector, R-50 at 800x1216 with 100 detections, beside torchvision's Mask R-CNN.

``python -m benchmarks.inference [device=cuda] [precision=bf16] [size=tiny] [profile=true]``

Ours has the weights of the golden figures, with which it fills its 100 detections; torchvision's are random, class
weights drawn wide so that scores pass its threshold. "released order" is our detector with the released code's order
of work (``released_order.py``); with fp32, its detections and ours are compared one by one. Columns: seconds, ratios to
the peers, multiply-adds, and the share of the rate that a large matrix product reaches here.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import maskrcnn_resnet50_fpn

from benchmarks.harness import (
    DTYPES,
    arguments,
    hardware,
    interleaved,
    multiply_adds,
    print_profile,
    product_rate,
    report,
)
from benchmarks.released_order import released_order
from tests.detectors import tiny
from tests.parity.golden import detector

CLASSES, PROPOSALS = 80, 1000


def peer_detector(device: str) -> nn.Module:
    """torchvision's Mask R-CNN, the same backbone and counts."""
    torch.manual_seed(0)
    peer = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=CLASSES + 1)
    _spread(peer.roi_heads.box_predictor.cls_score)
    return peer.eval().to(device)


def _spread(layer: nn.Linear) -> None:
    """Class weights under which a few classes of a RoI pass the threshold, as with a trained model."""
    with torch.no_grad():
        layer.weight.normal_().mul_(8 / layer.weight.shape[1] ** 0.5)
        layer.bias.normal_()


def main(argv: list[str]) -> None:
    """Time all, check that ours and the released order find the same, and profile both on request."""
    options = arguments(argv, size="full", profile="false", out="outputs/benchmarks")
    device, precision = options["device"], options["precision"]
    height, width = (64, 96) if options["size"] == "tiny" else (800, 1216)
    torch.manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, device=device)
    if options["size"] == "tiny":
        ours, peer = tiny(CLASSES).eval().to(device), peer_detector(device)
        peer.transform.min_size, peer.transform.max_size = (height,), width
    else:
        ours, peer = detector("r50").eval().to(device), peer_detector(device)
    refined: list[int] = []

    def predict() -> dict[str, Tensor]:
        return ours.predict([image], [(height, width)])[0]

    def as_released() -> dict[str, Tensor]:
        with released_order():
            return predict()

    works = {"ours": predict, "released order": as_released, "torchvision": lambda: peer([image / 255])[0]}
    peak = product_rate(device, precision)
    with torch.inference_mode(), torch.autocast(device, DTYPES[precision], enabled=precision != "fp32"):
        # the warm-up serves for everything that is counted
        head = ours.roi_heads.box_head
        watch = head.fc_reg.register_forward_pre_hook(lambda _, args: refined.append(len(args[0])))
        found = {name: work() for name, work in works.items()}
        watch.remove()
        counted = {name: multiply_adds(work) for name, work in works.items()}
        times = interleaved(works, device, warmup=0)
        if options["profile"] == "true":
            for name in ("released order", "ours"):
                print_profile(name, works[name], device)
    rows: list[dict[str, Any]] = [
        {
            "work": name,
            "s": seconds,
            "released order / this": times["released order"] / seconds,
            "torchvision / this": times["torchvision"] / seconds,
            "detections": len(found[name]["boxes"]),
            "GMAC": counted[name] / 1e9,
            "share of the product's rate": counted[name] / seconds / peak,
        }
        for name, seconds in times.items()
    ]
    header = {**hardware(device, precision), "image": f"{width}x{height}", "refined": f"{refined[0]} proposals"}
    if precision == "fp32":
        header["apart"] = " ".join(f"{k} {v:.0e}" for k, v in apart(found["ours"], found["released order"]).items())
    report("inference", header, rows, options["out"])


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> dict[str, float]:
    """Greatest differences of two lists of detections, each of one beside the likest of the other.

    Raises:
        ValueError: one of them has a detection that the other lacks.
    """
    if len(one["boxes"]) != len(other["boxes"]):
        raise ValueError(f"{len(one['boxes'])} and {len(other['boxes'])} detections")
    distance = (one["boxes"][:, None] - other["boxes"]).abs().amax(dim=2)
    distance += 1e4 * (one["labels"][:, None] != other["labels"])
    place = distance.argmin(dim=1)
    if len(place.unique()) != len(place):
        raise ValueError("two detections stand for the same one of the other list")
    names = {"boxes": "boxes, px:", "scores": "scores:", "mask_probs": "masks:"}
    return {said: float((one[n] - other[n][place]).abs().max()) for n, said in names.items() if len(place)}


if __name__ == "__main__":
    main(sys.argv[1:])
