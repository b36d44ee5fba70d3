"""100 masks into an image, ready for COCO: encode_masks beside torchvision's paste and pycocotools' encode.

``python -m benchmarks.masks [masks=100] [size=tiny]``

``peak``: memory of encode_masks by tracemalloc, of boxes that are the same in both images and lie in the smaller one:
it belongs to the boxes, not to the image.
"""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import torch
from pycocotools import mask as coco_mask
from torchvision.models.detection.roi_heads import paste_masks_in_image

from benchmarks.harness import arguments, hardware, interleaved, report
from contrastmask.model.masks import encode_masks, paste_masks


def peak_mib(count: int, box: float, size: tuple[int, int]) -> float:
    """Memory that encode_masks asks for at once, for ``count`` boxes within ``box`` pixels of the image's corner."""
    generator = torch.Generator().manual_seed(0)
    grids = torch.rand(count, 28, 28, generator=generator)
    corner = torch.rand(count, 2, generator=generator) * box / 2
    boxes = torch.cat([corner, corner + box / 2], dim=1)
    encode_masks(grids, boxes, size)
    tracemalloc.start()
    try:
        encode_masks(grids, boxes, size)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def main(argv: list[str]) -> None:
    """Time both at two image sizes and check our run lengths against full pasting."""
    options = arguments(argv, masks="100", size="full", out="outputs/benchmarks")
    sizes = [(48, 64)] if options["size"] == "tiny" else [(480, 640), (800, 1333)]
    rows = []
    for height, width in sizes:
        torch.manual_seed(0)
        count = int(options["masks"])
        grids = torch.nn.functional.interpolate(torch.rand(count, 1, 7, 7), size=28, mode="bicubic").clamp(0, 1)
        extent = torch.tensor([width, height]) * torch.rand(count, 2).mul(0.5).add(0.03)
        corner = torch.rand(count, 2) * (torch.tensor([width, height]) - extent)
        boxes = torch.cat([corner, corner + extent], dim=1)

        def ours(grids=grids, boxes=boxes, size=(height, width)) -> list:
            return encode_masks(grids[:, 0], boxes, size)

        def peer(grids=grids, boxes=boxes, size=(height, width)) -> list:
            bitmaps = (paste_masks_in_image(grids, boxes, size)[:, 0] >= 0.5).numpy().astype(np.uint8)
            return [coco_mask.encode(np.asfortranarray(bitmap)) for bitmap in bitmaps]

        decoded = np.stack([coco_mask.decode(rle) for rle in ours()]).astype(bool)
        identical = bool((decoded == paste_masks(grids[:, 0], boxes, (height, width)).numpy()).all())
        times = interleaved({"ours, s": ours, "torchvision + pycocotools, s": peer})
        ratio = times["torchvision + pycocotools, s"] / times["ours, s"]
        rows.append({"image": f"{width}x{height}", **times, "ratio": ratio, "same as full pasting": identical,
                     "peak, MiB": peak_mib(count, sizes[0][0] / 2, (height, width))})  # fmt: skip
    report("masks", hardware("cpu", "fp32"), rows, options["out"])


if __name__ == "__main__":
    main(sys.argv[1:])
