#!/usr/bin/env bash
# datumaro 1.13.12: a task in CVAT's own format ("CVAT for images 1.1"), imported and exported as COCO instances
#
# Input: one image with five objects: a box, a polygon, a box turned by 90 degrees, an ellipse and a painted mask.
# Expected: five objects in the COCO file, which has a place for each, or a word about what has none. Seen on 2026-11-28: three,
# and nothing is said. The ellipse is not read at all. The turned box is read, as a kind of its own that the COCO exporter does
# not take. The painted mask, one object of 20 pixels, has `iscrowd` 1, so of five objects a COCO evaluation counts two.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet datumaro==1.13.12 pillow==12.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import glob
import json
import os

import datumaro
from PIL import Image

SHAPES = """
<box label="box" occluded="0" xtl="2" ytl="2" xbr="22" ybr="12" z_order="0"></box>
<polygon label="polygon" occluded="0" points="2,20;12,20;12,30;2,30" z_order="0"></polygon>
<box label="turned box" occluded="0" xtl="30" ytl="30" xbr="50" ybr="36" rotation="90.0" z_order="0"></box>
<ellipse label="ellipse" occluded="0" cx="40" cy="10" rx="8" ry="5" z_order="0"></ellipse>
<mask label="painted" occluded="0" rle="0, 20" left="54" top="20" width="5" height="4" z_order="0"></mask>
"""
names = ["box", "polygon", "turned box", "ellipse", "painted"]
labels = "".join(f"<label><name>{name}</name><attributes></attributes></label>" for name in names)
os.makedirs("in/images")
Image.new("RGB", (64, 48)).save("in/images/a.png")
with open("in/annotations.xml", "w") as file:
    file.write(
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><id>1</id><name>task</name>'
        f"<size>1</size><mode>annotation</mode><labels>{labels}</labels></task></meta>"
        f'<image id="0" name="a.png" width="64" height="48">{SHAPES}</image></annotations>'
    )
data = datumaro.Dataset.import_from("in", "cvat")
(item,) = data
print("read:", ", ".join(f"{names[thing.label]} ({thing.type.name})" for thing in item.annotations))
data.export("out", "coco_instances")
found = json.load(open(glob.glob("out/annotations/*.json")[0]))
classes = {row["id"]: row["name"] for row in found["categories"]}
for row in sorted(found["annotations"], key=lambda row: row["category_id"]):
    print(f"written: {classes[row['category_id']]}, bbox {row['bbox']}, area {row['area']:.0f}, iscrowd {row['iscrowd']}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> said.txt | tee seen.txt
echo "lines about it: $(grep -ciE "ellipse|rotat|skip|ignor|unknown|unsupported" said.txt || true)" | tee -a seen.txt
diff seen.txt - <<'SEEN'
read: box (bbox), polygon (polygon), turned box (rotated_bbox), painted (mask)
written: box, bbox [2.0, 2.0, 20.0, 10.0], area 200, iscrowd 0
written: polygon, bbox [2.0, 20.0, 10.0, 10.0], area 100, iscrowd 0
written: painted, bbox [54.0, 20.0, 5.0, 4.0], area 20, iscrowd 1
lines about it: 0
SEEN
