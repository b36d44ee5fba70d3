#!/usr/bin/env bash
# superannotate 4.6.2: its own COCO export, read by its own COCO import
#
# Input, in SuperAnnotate's own format: two polygons of 10 x 10 pixels in one group, which are the two parts of one object.
# Expected: one group of two polygons again. Seen on 2026-11-28, from `export_annotation` and then `import_annotation`, both for
# instance segmentation: the COCO file has one object of two polygons, as it should; read again they are two polygons without a
# group, two objects. The import makes groups only of rows that share an id, which COCO forbids. An object with a box and no
# mask, added to the file here, is left out. Nothing is said of either. Box and area of the export are a row and a column larger
# than its polygons (242 for 200 pixels).
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet superannotate==4.6.2
cd "$folder"
export HOME="$folder" SA_VERSION_CHECK=false SA_SKIP_METRICS=true
cat > find.py <<'PYTHON'
import contextlib
import io
import json
import os
from pathlib import Path

from superannotate import export_annotation, import_annotation


def square(x, y):
    return [x, y, x + 10, y, x + 10, y + 10, x, y + 10]


parts = [{"type": "polygon", "classId": 1, "className": "thing", "points": square(x, 4), "groupId": 7, "probability": 100,
          "attributes": []} for x in (0, 20)]
os.makedirs("before/classes")
json.dump([{"id": 1, "name": "thing", "color": "#ff0000", "attribute_groups": []}], open("before/classes/classes.json", "w"))
json.dump({"metadata": {"name": "a.png", "width": 64, "height": 48}, "instances": parts, "tags": [], "comments": []},
          open("before/a.png.json", "w"))
with contextlib.redirect_stdout(io.StringIO()):
    export_annotation("before", "coco", "COCO", "data", "Vector", "instance_segmentation")
coco = json.loads(Path("coco/data.json").read_text())
for row in coco["annotations"]:
    print(f"COCO: {len(row['segmentation'])} polygons, bbox {row['bbox']}, area {row['area']}")
boxed = {"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [40, 20, 10, 10], "area": 100, "segmentation": []}
coco["annotations"].append(boxed)
os.mkdir("in")
Path("in/data.json").write_text(json.dumps(coco))
with contextlib.redirect_stdout(io.StringIO()):
    import_annotation("in", "after", "COCO", "data", "Vector", "instance_segmentation")
for row in json.loads(Path("after/a.png.json").read_text())["instances"]:
    print(f"read again: {row['type']} at x {row['points'][0]:.0f}, group {row.get('groupId', 'none')}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
COCO: 2 polygons, bbox [0, 4, 31, 11], area 242
read again: polygon at x 0, group none
read again: polygon at x 20, group none
SEEN
