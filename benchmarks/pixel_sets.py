"""Pixel sets and their draw for all RoIs at once, beside the released algorithm's way: RoI by RoI in numpy.

``python -m benchmarks.pixel_sets [device=cuda] [rois=128,512]``

The twin follows the released procedure step by step (numeric gradient, disk of radius 2 around every edge cell, index
lists, Python's random.sample), written anew. Beside times the program counts, with device=cuda, how often the host
waits for the device (torch's sync debug mode raises at the first).
"""

from __future__ import annotations

import math
import random
import sys

import numpy as np
import torch
from scipy import ndimage

from benchmarks.harness import arguments, hardware, interleaved, report
from contrastmask.losses.pixel_sets import pixel_sets, sample_keys

DISK = np.hypot(*np.mgrid[-1:2, -1:2]) < 2


def inputs(rois: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """CAMs, masks (smooth blobs of half the box) and which half of the RoIs has one."""
    rng = np.random.default_rng(0)
    fields = ndimage.gaussian_filter(rng.normal(size=(2, rois, 28, 28)), (0, 0, 4, 4))
    masks = fields[0] > np.median(fields[0], axis=(1, 2), keepdims=True)
    return torch.from_numpy(fields[1]).float(), torch.from_numpy(masks), torch.arange(rois) % 2 == 0


def one_by_one(cams: torch.Tensor, masks: torch.Tensor, has_mask: torch.Tensor, ratio: float = 0.3) -> list:
    """The sets of every RoI as index lists, drawn; on the CPU, as the released code does it on every device."""
    found = []
    for cam, mask, known in zip(cams.cpu(), masks.cpu(), has_mask.cpu(), strict=True):
        cam = ((cam - cam.min()) / (cam.max() - cam.min())).numpy()
        mask = mask.numpy()
        if known:
            edge = np.hypot(*np.gradient(mask.astype(np.float32))) != 0
            near = ndimage.binary_dilation(edge, DISK)
            ring = near & ~edge
            sets = [mask & ~ring, ~mask & ~near, mask & ring, ~mask & ring]
        else:
            sets = [cam > np.float32(0.9), cam < np.float32(0.1)] * 2
        lists = [np.argwhere(s).tolist() for s in sets]
        if min(map(len, lists)) < 5:
            continue
        found.append([random.sample(rows, math.ceil(np.float32(ratio) * np.float32(len(rows)))) for rows in lists])
    return found


def main(argv: list[str]) -> None:
    """Time both at several numbers of RoIs and compare the number of pixels drawn."""
    options = arguments(argv, rois="128,512", out="outputs/benchmarks")
    device = options["device"]
    rows = []
    for rois in map(int, options["rois"].split(",")):
        given = [part.to(device) for part in inputs(rois)]

        def ours(given=given) -> object:
            return sample_keys(pixel_sets(*given), 0.3)

        def peer(given=given) -> list:
            return one_by_one(*given)

        theirs = sum(len(rows) for roi in peer() for rows in roi)
        same = int(sum(s.sum() for s in ours()[2:6])) == theirs
        times = interleaved({"ours, s": ours, "RoI by RoI, s": peer}, device, warmup=2)
        row = {"RoIs": rois, **times, "ratio": times["RoI by RoI, s"] / times["ours, s"], "as many pixels": same}
        if torch.device(device).type == "cuda":
            row["host waits"] = _waits(ours)
        rows.append(row)
    report("pixel_sets", hardware(device, "fp32"), rows, options["out"])


def _waits(work) -> bool:
    torch.cuda.set_sync_debug_mode("error")
    try:
        work()
    except RuntimeError:
        return True
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return False


if __name__ == "__main__":
    main(sys.argv[1:])
