#!/usr/bin/env bash
# tidecv 1.0.1, pycocotools 2.0.11: AP of masks of an image with many objects, from both
#
# Input: an image with 150 objects, 50 of each of three classes, and a results file that has all of them exactly; the scores of
# the third class are a bit lower. Both read the same two files ("segm", and TIDE's `MASK`).
# Expected: AP 1, and no error. Seen on 2026-11-29: pycocotools has AP 1, as its limit of 100 detections is for each class of an
# image. TIDE takes the limit for the whole image, over all classes: AP 66.7 of 100, and 33.3 of it are "missed" objects,
# which are all in the results file. Its reader of ground truth sets the limit to 100, whatever results are given. With
# `max_dets` 150 it has 100. An analysis of crowded images of many classes so names errors that the model did not make.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet tidecv==1.0.1 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tidecv import TIDE, datasets

SIDE = 256
rows, found = [], []
for place in range(150):
    x, y, number = 16 * (place % 15), 16 * (place // 15), place // 50 + 1
    outline = [x, y, x + 10, y, x + 10, y + 10, x, y + 10]
    runs = coco_mask.merge(coco_mask.frPyObjects([outline], SIDE, SIDE))
    runs = {"size": [SIDE, SIDE], "counts": runs["counts"].decode()}
    rows.append({"id": place + 1, "image_id": 1, "category_id": number, "bbox": [x, y, 10, 10], "area": 100, "iscrowd": 0,
                 "segmentation": [outline]})
    found.append({"image_id": 1, "category_id": number, "bbox": [x, y, 10, 10], "segmentation": runs, "score": 1 - 0.1 * number})
truth = {"images": [{"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE}], "annotations": rows,
         "categories": [{"id": number, "name": name} for number, name in enumerate(("cat", "dog", "cow"), 1)]}
Path("truth.json").write_text(json.dumps(truth))
Path("found.json").write_text(json.dumps(found))
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO("truth.json")
    evaluator = COCOeval(coco, coco.loadRes("found.json"), "segm")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
print(f"pycocotools: AP {100 * evaluator.stats[0]:.1f}, AP50 {100 * evaluator.stats[1]:.1f}")
for limit in (None, 150):
    given = datasets.COCO("truth.json")
    if limit:
        given.max_dets = limit
    tide = TIDE()
    run = tide.evaluate(given, datasets.COCOResult("found.json"), mode=TIDE.MASK)
    errors = {kind: round(share, 1) for kind, share in tide.get_main_errors()[run.preds.name].items() if share}
    print(f"tidecv, limit of the ground truth {given.max_dets}: AP50 {run.ap:.1f}, errors {errors}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
pycocotools: AP 100.0, AP50 100.0
tidecv, limit of the ground truth 100: AP50 66.7, errors {'Miss': 33.3}
tidecv, limit of the ground truth 150: AP50 100.0, errors {}
SEEN
