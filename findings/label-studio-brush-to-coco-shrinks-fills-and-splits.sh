#!/usr/bin/env bash
# label-studio-sdk 2.1.2, pycocotools 2.0.11: brush masks in the export "Brush labels to COCO"
#
# Input: three brushes of one task, packed by the SDK's own `mask2rle`: a rectangle of 20 x 10 pixels, a ring of 20 x 20
# with a hole of 8 x 8, and one object of two parts, 10 x 10 each.
# Expected: three objects of 200, 336 and 200 pixels. Seen on 2026-11-28: four objects, as each part is one; outlines run
# through the middles of the outer pixels, so a COCO reader finds 19 x 9 = 171 pixels in the rectangle (IoU 0.86 with itself)
# and 9 x 9 = 81 in each part; and the ring's hole is filled (19 x 19 = 361). The brushes themselves are kept in the JSON
# export and come back exactly from it with `decode_rle`.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet label-studio-sdk==2.1.2 pycocotools==2.0.11 numpy==2.2.6
cd "$folder"
cat > find.py <<'PYTHON'
import json

import numpy as np
from label_studio_sdk.converter import Converter
from label_studio_sdk.converter.brush import decode_rle, mask2rle
from pycocotools import mask as coco

height, width = 48, 64
rectangle, ring, parts = (np.zeros((height, width), dtype=np.uint8) for _ in range(3))
rectangle[5:15, 5:25] = 255
ring[20:40, 5:25] = 255
ring[26:34, 11:19] = 0
parts[5:15, 35:45] = parts[25:35, 50:60] = 255
regions = []
for name, mask in (("rectangle", rectangle), ("ring", ring), ("parts", parts)):
    packed = mask2rle(mask)
    back = decode_rle(packed).reshape(height, width, 4)[..., 3]
    print(f"{name}: {int((mask > 0).sum())} pixels, decoded alike: {bool((back == mask).all())}")
    regions.append({"id": name, "type": "brushlabels", "from_name": "brush", "to_name": "image", "original_width": width,
                    "original_height": height, "value": {"format": "rle", "rle": packed, "brushlabels": [name]}})
task = {"id": 1, "data": {"image": "a.png"}, "annotations": [{"id": 1, "completed_by": 1, "result": regions}]}
json.dump([task], open("tasks.json", "w"))
labels = "".join(f'<Label value="{name}"/>' for name in ("rectangle", "ring", "parts"))
config = f'<View><Image name="image" value="$image"/><BrushLabels name="brush" toName="image">{labels}</BrushLabels></View>'
Converter(config, ".", download_resources=False).convert("tasks.json", "out", "BRUSH_TO_COCO", is_dir=False)
found = json.load(open("out/result_coco.json"))
names = {category["id"]: category["name"] for category in found["categories"]}
for row in sorted(found["annotations"], key=lambda row: (row["category_id"], row["bbox"])):
    runs = coco.merge(coco.frPyObjects([[float(v) for v in part] for part in row["segmentation"]], height, width))
    print(f"in the export, {names[row['category_id']]}: {int(coco.area(runs))} pixels")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
rectangle: 200 pixels, decoded alike: True
ring: 336 pixels, decoded alike: True
parts: 200 pixels, decoded alike: True
in the export, rectangle: 171 pixels
in the export, ring: 361 pixels
in the export, parts: 81 pixels
in the export, parts: 81 pixels
SEEN
