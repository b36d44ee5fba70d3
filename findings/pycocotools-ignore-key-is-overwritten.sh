#!/usr/bin/env bash
# pycocotools 2.0.11: `"ignore": 1` in an annotation has no effect on COCOeval
#
# Input: two objects, one of them marked `ignore: 1` (LVIS's and other COCO-style files have the key, and COCOeval's own
# source reads it); one detection that finds the other object.
# Expected: the marked object is not missed, AP 1. Seen on 2026-11-28: AP 0.505, as if the mark were not there; with
# `iscrowd: 1` in its place AP is 1.
# Why: while it prepares, COCOeval first takes the key over and then replaces it by whether the object is a crowd.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def thing(number, box, **marks):
    return {"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0, **marks}


for marks in ({}, {"ignore": 1}, {"iscrowd": 1}):
    truth = {"images": [{"id": 1, "width": 100, "height": 100, "file_name": "a.png"}],
             "categories": [{"id": 1, "name": "thing"}],
             "annotations": [thing(1, [10, 10, 30, 30]), thing(2, [60, 60, 20, 20], **marks)]}
    found = [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30], "score": 0.9}]
    json.dump(truth, open("truth.json", "w"))
    json.dump(found, open("found.json", "w"))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("truth.json")
        judge = COCOeval(coco, coco.loadRes("found.json"), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    print(f"{marks or 'no mark'}: AP {judge.stats[0]:.3f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
no mark: AP 0.505
{'ignore': 1}: AP 0.505
{'iscrowd': 1}: AP 1.000
SEEN
