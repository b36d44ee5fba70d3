"""One image through the detector, R-50 at 800x1216 with 100 detections, beside torchvision's Mask R-CNN.

``python -m benchmarks.inference [device=cuda] [precision=bf16] [size=tiny] [profile=true]``

Ours has the weights of the golden figures, with which it fills its 100 detections; torchvision's are random, class
weights drawn wide so that scores pass its threshold.
Columns: seconds, ratio to the peer, multiply-adds, and the share of the rate that a large matrix product reaches here.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn
from torchvision.models.detection import maskrcnn_resnet50_fpn

from benchmarks.harness import DTYPES, arguments, hardware, interleaved, multiply_adds, product_rate, report
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
    """Time both, and the parts of ours that a trained model skips."""
    options = arguments(argv, size="full", profile="false", out="outputs/benchmarks")
    device, precision = options["device"], options["precision"]
    height, width = (64, 96) if options["size"] == "tiny" else (800, 1216)
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, device=device)
    if options["size"] == "tiny":
        ours, peer = tiny(CLASSES).eval().to(device), peer_detector(device)
        peer.transform.min_size, peer.transform.max_size = (height,), width
    else:
        ours, peer = detector("r50").eval().to(device), peer_detector(device)
    heads = ours.roi_heads
    refined: list[int] = []
    heads.box_head.reg_convs.register_forward_pre_hook(lambda _, args: refined.append(len(args[0])))
    pooled = torch.rand(PROPOSALS, heads.box_head.reg_convs[0].in_channels, 7, 7, device=device)

    works = {
        "ours": lambda: ours.predict([image], [(height, width)]),
        "torchvision": lambda: peer([image / 255]),
        "refinement of every proposal": lambda: heads.box_head.refine(pooled),
    }
    peak = product_rate(device, precision)
    with torch.inference_mode(), torch.autocast(device, DTYPES[precision], enabled=precision != "fp32"):
        found = {"ours": len(works["ours"]()[0]["boxes"]), "torchvision": len(works["torchvision"]()[0]["boxes"])}
        part = refined[0] / PROPOSALS
        counted = {name: multiply_adds(work) for name, work in works.items()}
        times = interleaved(works, device)
        if options["profile"] == "true":
            _profile(works["ours"])
    rows: list[dict[str, Any]] = [
        {
            "work": name,
            "s": seconds,
            "peer / this": times["torchvision"] / seconds,
            "detections": found.get(name, ""),
            "GMAC": counted[name] / 1e9,
            "share of the product's rate": counted[name] / seconds / peak,
        }
        for name, seconds in times.items()
    ]
    header = {**hardware(device, precision), "image": f"{width}x{height}", "proposals refined": f"{100 * part:.0f} %"}
    report("inference", header, rows, options["out"])


def _profile(work: Any) -> None:
    with torch.profiler.profile() as profile:
        work()
    print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=15, max_name_column_width=40))


if __name__ == "__main__":
    main(sys.argv[1:])
