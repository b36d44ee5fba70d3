#!/usr/bin/env bash
# sahi 0.12.8, pycocotools 2.0.11: painted masks and crowds (run lengths) through `Coco` and `slice_coco`
#
# Input: an image of 200 x 100 pixels with a triangle of 210 pixels as run lengths, whose box is 20 x 20, once as an object and
# once as a crowd region; it lies within the first of two slices. `slice_coco` cuts image and annotations.
# Expected: the triangle, 210 pixels, and `iscrowd` as it was, or a word. Seen on 2026-11-29: reading drops run lengths and the
# mark of a crowd, so that `Coco` has a box without a mask, an ordinary object with the box's area; slicing then writes a mask
# again, the whole rectangle, 400 pixels. What was a crowd to be ignored is one more object, which a model learns as a
# rectangle.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet sahi==0.12.8 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from sahi.slicing import slice_coco
from sahi.utils.coco import Coco

Path("images").mkdir()
Image.new("RGB", (200, 100)).save("images/a.png")
triangle = np.zeros((100, 200), np.uint8, order="F")
for row in range(20):
    triangle[40 + row, 40 : 41 + row] = 1
runs = {"size": [100, 200], "counts": coco_mask.encode(triangle)["counts"].decode()}
for crowd in (0, 1):
    truth = {"images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}], "categories": [{"id": 1, "name": "thing"}],
             "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [40, 40, 20, 20], "area": 210,
                              "iscrowd": crowd, "segmentation": runs}]}
    Path("truth.json").write_text(json.dumps(truth))
    with contextlib.redirect_stdout(io.StringIO()):
        (read,) = Coco.from_coco_dict_or_path("truth.json").json["annotations"]
        sliced, _ = slice_coco("truth.json", "images", "sliced", output_dir=f"sliced_{crowd}", slice_height=100, slice_width=100,
                               overlap_height_ratio=0, overlap_width_ratio=0)
    print(f"iscrowd {crowd}, read: iscrowd {read['iscrowd']}, area {read['area']}, segmentation {read['segmentation']}")
    for row in sliced["annotations"]:
        pixels = int(coco_mask.area(coco_mask.merge(coco_mask.frPyObjects(row["segmentation"], 100, 100))))
        print(f"iscrowd {crowd}, sliced: iscrowd {row['iscrowd']}, area {row['area']}, pixels {pixels}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
iscrowd 0, read: iscrowd 0, area 400, segmentation []
iscrowd 0, sliced: iscrowd 0, area 400, pixels 400
iscrowd 1, read: iscrowd 0, area 400, segmentation []
iscrowd 1, sliced: iscrowd 0, area 400, pixels 400
SEEN
