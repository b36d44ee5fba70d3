#!/usr/bin/env bash
# datumaro 1.13.12, pycocotools 2.0.11: a COCO file whose annotations are numbered from 0, through import and export
#
# Input: three objects of one image, ids 0, 1 and 2 (Label Studio's COCO export numbers so); the first has two parts.
# Expected: three objects again. Seen on 2026-11-28: five. Datumaro holds polygons and box of an object together by a group of
# the annotation's number, and 0 is its word for "no group": so each part of the first object becomes an object of its own, and
# its box a third one, without a mask. What has no id then gets some from the highest on, which is given already: 2 stands in the
# file twice, and `COCO.anns` of pycocotools holds one of the two.
# With the ids 1, 2 and 3 all three come back.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet datumaro==1.13.12 pycocotools==2.0.11 pillow==12.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import glob
import io
import json
import os

import datumaro
from PIL import Image
from pycocotools.coco import COCO


def square(x, y):
    return [x, y, x + 10, y, x + 10, y + 10, x, y + 10]


for first in (1, 0):
    os.makedirs(f"in{first}/annotations")
    os.makedirs(f"in{first}/images/train")
    Image.new("RGB", (64, 48)).save(f"in{first}/images/train/a.png")
    things = [
        {"id": first + place, "image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": parts, "bbox": box,
         "area": 100 * len(parts)}
        for place, (parts, box) in enumerate([
            ([square(0, 0), square(20, 0)], [0, 0, 30, 10]),
            ([square(40, 0)], [40, 0, 10, 10]),
            ([square(40, 20)], [40, 20, 10, 10]),
        ])
    ]
    truth = {"info": {}, "licenses": [], "images": [{"id": 1, "width": 64, "height": 48, "file_name": "a.png"}],
             "categories": [{"id": 1, "name": "thing", "supercategory": ""}], "annotations": things}
    json.dump(truth, open(f"in{first}/annotations/instances_train.json", "w"))
    datumaro.Dataset.import_from(f"in{first}", "coco_instances").export(f"out{first}", "coco_instances")
    (file,) = glob.glob(f"out{first}/annotations/*.json")
    rows = json.load(open(file))["annotations"]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(file)
    print(f"numbered from {first}: {len(things)} -> {len(rows)} objects, of which COCO.anns holds {len(coco.anns)}")
    for row in rows:
        print(f"  id {row['id']}, polygons {len(row['segmentation'])}, bbox {row['bbox']}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
numbered from 1: 3 -> 3 objects, of which COCO.anns holds 3
  id 1, polygons 2, bbox [0.0, 0.0, 30.0, 10.0]
  id 2, polygons 1, bbox [40.0, 0.0, 10.0, 10.0]
  id 3, polygons 1, bbox [40.0, 20.0, 10.0, 10.0]
numbered from 0: 3 -> 5 objects, of which COCO.anns holds 4
  id 2, polygons 1, bbox [0.0, 0.0, 10.0, 10.0]
  id 3, polygons 1, bbox [20.0, 0.0, 10.0, 10.0]
  id 4, polygons 0, bbox [0.0, 0.0, 30.0, 10.0]
  id 1, polygons 1, bbox [40.0, 0.0, 10.0, 10.0]
  id 2, polygons 1, bbox [40.0, 20.0, 10.0, 10.0]
SEEN
