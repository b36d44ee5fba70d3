#!/usr/bin/env bash
# datumaro 1.13.12: fields of its own that a COCO annotation carries, through import and export
#
# Input: an annotation with `note` beside `segmentation`, the same under `attributes`, and `score`.
# Expected: all of them in the exported file, or none. Seen on 2026-11-28: `score` and what stands under `attributes` come
# out again, `note` beside them is gone without a word. Marks that should survive CVAT and datumaro belong under `attributes`.
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

os.makedirs("in/annotations")
os.makedirs("in/images/train")
Image.new("RGB", (64, 48)).save("in/images/train/a.png")
thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [6, 6, 29, 29], "area": 841, "iscrowd": 0,
         "segmentation": [[6, 6, 35, 6, 35, 35, 6, 35]],
         "note": "beside", "attributes": {"note": "under"}, "score": 0.5}
truth = {"info": {}, "licenses": [], "images": [{"id": 1, "width": 64, "height": 48, "file_name": "a.png"}],
         "categories": [{"id": 1, "name": "thing", "supercategory": ""}], "annotations": [thing]}
json.dump(truth, open("in/annotations/instances_train.json", "w"))
datumaro.Dataset.import_from("in", "coco_instances").export("out", "coco_instances", save_media=True)
(row,) = json.load(open(glob.glob("out/annotations/*.json")[0]))["annotations"]
for name in ("note", "attributes", "score"):
    print(f"{name}: {row.get(name, 'gone')}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
note: gone
attributes: {'note': 'under'}
score: 0.5
SEEN
