#!/usr/bin/env bash
# superannotate 4.6.2, pycocotools 2.0.11: `area` of boxes in SuperAnnotate's COCO export
#
# Input: three boxes of 20 x 20 pixels in SuperAnnotate's own format: near the top, in the middle and low in an image of 640 x 480.
# Expected: area 400 each, three small objects (under 32 x 32). Seen on 2026-11-28: 590, 4390 and 8190. `bbox` is right, but `area`
# is the width times the lower edge, less the upper edge: it grows as a box lies lower. COCO evaluation sorts objects by `area`:
# where the lower two are found, it tells a recall of 0 for small objects and of 1 for medium ones, of which there are none.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet superannotate==4.6.2 pycocotools==2.0.11
cd "$folder"
export HOME="$folder" SA_VERSION_CHECK=false SA_SKIP_METRICS=true
cat > find.py <<'PYTHON'
import contextlib
import io
import json
import os

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from superannotate import export_annotation

boxes = [{"type": "bbox", "classId": 1, "className": "thing", "groupId": 0, "probability": 100, "attributes": [],
          "points": {"x1": 100, "y1": top, "x2": 120, "y2": top + 20}} for top in (10, 210, 410)]
os.makedirs("in/classes")
json.dump([{"id": 1, "name": "thing", "color": "#ff0000", "attribute_groups": []}], open("in/classes/classes.json", "w"))
json.dump({"metadata": {"name": "a.png", "width": 640, "height": 480}, "instances": boxes, "tags": [], "comments": []},
          open("in/a.png.json", "w"))
with contextlib.redirect_stdout(io.StringIO()):
    export_annotation("in", "out", "COCO", "data", "Vector", "object_detection")
rows = json.load(open("out/data.json"))["annotations"]
for row in rows:
    print(f"bbox {row['bbox']}: area {row['area']}")
json.dump([{"image_id": row["image_id"], "category_id": 1, "bbox": row["bbox"], "score": 0.9} for row in rows[1:]],
          open("found.json", "w"))
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO("out/data.json")
    judge = COCOeval(coco, coco.loadRes("found.json"), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
print(f"the lower two found: AR {judge.stats[8]:.3f}, of small objects {judge.stats[9]:.3f}, of medium {judge.stats[10]:.3f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
bbox [100, 10, 20, 20]: area 590
bbox [100, 210, 20, 20]: area 4390
bbox [100, 410, 20, 20]: area 8190
the lower two found: AR 0.667, of small objects 0.000, of medium 1.000
SEEN
