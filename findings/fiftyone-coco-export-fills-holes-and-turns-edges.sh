#!/usr/bin/env bash
# fiftyone 1.22.1, pycocotools 2.0.11: masks of detections in the export COCO
#
# Input: three detections with a mask each: a rectangle of 20 x 10 pixels, a ring of 20 x 20 with a hole of 8 x 8, and one
# object of two parts, 10 x 10 each. They go through `COCOObject.from_label`, which is what the exporter writes rows with; no
# database is needed.
# Expected: 200, 336 and 200 pixels, and these numbers as `area`. Seen on 2026-11-29: the hole is one more polygon, which in
# COCO is one more part, so that the ring is full; outlines run between the pixels of edge and background and are then
# simplified by up to two pixels, so that straight edges come out slanted: 190, 367 and 168 pixels (IoU with themselves 0.95,
# 0.76 and 0.84). `area` is that of the box, 200, 400 and 1196, so the object of two parts is no small one for COCO evaluation.
# With `tolerance=0` edges are straight, the ring is full as before. With the attribute `iscrowd` the mask is kept as run
# lengths, exactly, and is a crowd.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet fiftyone==1.22.1 pycocotools==2.0.11
cd "$folder"
export HOME="$folder" FIFTYONE_DO_NOT_TRACK=1
cat > find.py <<'PYTHON'
import fiftyone.core.labels as labels
import numpy as np
from fiftyone.core.metadata import ImageMetadata
from fiftyone.utils.coco import COCOObject
from pycocotools import mask as coco_mask

WIDTH, HEIGHT = 64, 48


def pixels(segmentation):
    runs = coco_mask.frPyObjects(segmentation, HEIGHT, WIDTH)
    return coco_mask.decode(coco_mask.merge(runs) if isinstance(runs, list) else runs) > 0


def boxes(*corners):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for x, y, w, h in corners:
        mask[y : y + h, x : x + w] ^= True
    return mask


drawn = {"rectangle": boxes((4, 4, 20, 10)), "ring": boxes((4, 4, 20, 20), (10, 10, 8, 8)),
         "two parts": boxes((4, 4, 10, 10), (40, 20, 10, 10))}
for name, mask in drawn.items():
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    y, x, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    box = [x / WIDTH, y / HEIGHT, (right - x) / WIDTH, (bottom - y) / HEIGHT]
    for how, extra, options in (("as it is", {}, {}), ("tolerance 0", {}, {"tolerance": 0}), ("crowd", {"iscrowd": 1}, {})):
        label = labels.Detection(label=name, bounding_box=box, mask=mask[y:bottom, x:right], **extra)
        row = COCOObject.from_label(label, ImageMetadata(width=WIDTH, height=HEIGHT), **options).to_anno_dict()
        again = pixels(row["segmentation"])
        overlap = (again & mask).sum() / (again | mask).sum()
        print(f"{name} of {mask.sum()} pixels, {how}: area {row['area']:.0f}, pixels {again.sum()}, IoU {overlap:.2f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
rectangle of 200 pixels, as it is: area 200, pixels 190, IoU 0.95
rectangle of 200 pixels, tolerance 0: area 200, pixels 199, IoU 0.99
rectangle of 200 pixels, crowd: area 200, pixels 200, IoU 1.00
ring of 336 pixels, as it is: area 400, pixels 367, IoU 0.76
ring of 336 pixels, tolerance 0: area 400, pixels 399, IoU 0.84
ring of 336 pixels, crowd: area 400, pixels 336, IoU 1.00
two parts of 200 pixels, as it is: area 1196, pixels 168, IoU 0.84
two parts of 200 pixels, tolerance 0: area 1196, pixels 198, IoU 0.99
two parts of 200 pixels, crowd: area 1196, pixels 200, IoU 1.00
SEEN
