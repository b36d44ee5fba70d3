#!/usr/bin/env bash
# supervision 0.31.2, pycocotools 2.0.11: the polygon of a COCO file as a mask
#
# Input: a square polygon from 6 to 35 pixels on both axes, and the same pixels as run lengths.
# Expected: 29 x 29 = 841 pixels, which is what pycocotools makes of the polygon. Seen on 2026-11-28: supervision's
# `DetectionDataset.from_coco(force_masks=True)` makes 30 x 30 = 900 of the polygon (the pixels on its right and lower edge
# are in), and 841 of the run lengths. For an object of 29 px that is IoU 0.93 with itself.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet supervision==0.31.2 pycocotools==2.0.11 pillow==13.0.0
cd "$folder"
cat > find.py <<'PYTHON'
import json
import os

import supervision
from PIL import Image
from pycocotools import mask

os.mkdir("images")
Image.new("RGB", (64, 48)).save("images/a.png")
polygon = [[6, 6, 35, 6, 35, 35, 6, 35]]
runs = mask.frPyObjects([[float(v) for v in polygon[0]]], 48, 64)[0]
print("pycocotools, polygon:", int(mask.area(runs)))
decoded = mask.decode(runs).flatten(order="F").tolist()
counts, last = [0], 0
for pixel in decoded:
    if pixel != last:
        counts.append(0)
        last = pixel
    counts[-1] += 1
for name, segmentation, crowd in (("polygon", polygon, 0), ("run lengths", {"size": [48, 64], "counts": counts}, 1)):
    thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [6, 6, 29, 29], "area": 841, "iscrowd": crowd,
             "segmentation": segmentation}
    truth = {"images": [{"id": 1, "width": 64, "height": 48, "file_name": "a.png"}],
             "categories": [{"id": 1, "name": "thing"}], "annotations": [thing]}
    json.dump(truth, open("truth.json", "w"))
    data = supervision.DetectionDataset.from_coco("images", "truth.json", force_masks=True)
    print(f"supervision, {name}:", int(next(iter(data))[2].mask.sum()))
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
pycocotools, polygon: 841
supervision, polygon: 900
supervision, run lengths: 841
SEEN
