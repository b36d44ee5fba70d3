#!/usr/bin/env bash
# sahi 0.12.8, pycocotools 2.0.11: polygons of a COCO file, read and written again
#
# Input: a polygon with corners between pixels, and a ring as one polygon whose hole is joined to the outline by a line walked
# there and back, which every filling rule leaves empty; both are valid COCO, and so are their areas, 284 and 800.
# Expected: the same polygons. Seen on 2026-11-28, from `Coco.from_coco_dict_or_path(...).json`: the first one's corners are cut
# to whole pixels (5.5 -> 5, 20.5 -> 20: IoU 0.96 with itself); of the ring the outline alone is left, 900 pixels, beside an
# `area` of 800. Both rows have new ids.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet sahi==0.12.8 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import json

from pycocotools import mask
from sahi.utils.coco import Coco


def runs(polygons):
    return mask.merge(mask.frPyObjects([[float(v) for v in polygon] for polygon in polygons], 48, 64))


corners = [[5.5, 4.25, 30.0, 6.0, 22.0, 20.5, 7.0, 18.0]]
ring = [[10, 10, 40, 10, 40, 40, 10, 40, 10, 10, 20, 20, 20, 30, 30, 30, 30, 20, 20, 20, 10, 10]]
rows = [
    {"id": id_, "image_id": 1, "category_id": 1, "bbox": mask.toBbox(runs(polygons)).tolist(),
     "area": int(mask.area(runs(polygons))), "iscrowd": 0, "segmentation": polygons}
    for id_, polygons in ((51, corners), (52, ring))
]
truth = {"images": [{"id": 1, "width": 64, "height": 48, "file_name": "a.png"}],
         "categories": [{"id": 1, "name": "thing"}], "annotations": rows}
json.dump(truth, open("truth.json", "w"))
for before, after in zip(rows, Coco.from_coco_dict_or_path("truth.json").json["annotations"], strict=True):
    first, second = runs(before["segmentation"]), runs(after["segmentation"])
    overlap = mask.iou([second], [first], [0])[0][0]
    print(f"id {before['id']} -> {after['id']}, pixels {mask.area(first)} -> {mask.area(second)}, IoU {overlap:.2f}, "
          f"area {after['area']}, {after['segmentation']}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
id 51 -> 1, pixels 284 -> 285, IoU 0.96, area 285, [[5, 4, 30, 6, 22, 20, 7, 18]]
id 52 -> 2, pixels 800 -> 900, IoU 0.89, area 800, [[10, 40, 40, 40, 40, 10, 10, 10]]
SEEN
