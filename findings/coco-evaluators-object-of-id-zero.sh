#!/usr/bin/env bash
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: an object whose annotation id is 0
#
# Input: one image, one object with id 0 (unique, and JSON allows it), one detection that is exactly its box.
# Expected: AP 1 from all three. Seen on 2026-11-28: pycocotools and faster-coco-eval say 0, hotcoco says 1.
# With the id 1 instead of 0 all three say 1.
# Why: the first two note beside a detection the id of the object that it found, and read 0 as "found none", so the
# detection counts as a false positive. Files of tools that number annotations from 0 lose one object each.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pycocotools==2.0.11 faster-coco-eval==1.8.0 hotcoco==1.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import importlib
import io
import json

EVALUATORS = {
    "pycocotools": ("pycocotools.coco", "pycocotools.cocoeval", "COCOeval"),
    "faster-coco-eval": ("faster_coco_eval", "faster_coco_eval", "COCOeval_faster"),
    "hotcoco": ("hotcoco", "hotcoco", "COCOeval"),
}
for number in (1, 0):
    thing = {"id": number, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30], "area": 900, "iscrowd": 0}
    truth = {"images": [{"id": 1, "width": 100, "height": 100, "file_name": "a.png"}],
             "categories": [{"id": 1, "name": "thing"}], "annotations": [thing]}
    found = [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30], "score": 0.9}]
    json.dump(truth, open("truth.json", "w"))
    json.dump(found, open("found.json", "w"))
    for name, (dataset, evaluation, cls) in EVALUATORS.items():
        with contextlib.redirect_stdout(io.StringIO()):
            coco = importlib.import_module(dataset).COCO("truth.json")
            judge = getattr(importlib.import_module(evaluation), cls)(coco, coco.loadRes("found.json"), "bbox")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        print(f"id {number}, {name}: AP {judge.stats[0]:.0f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
id 1, pycocotools: AP 1
id 1, faster-coco-eval: AP 1
id 1, hotcoco: AP 1
id 0, pycocotools: AP 0
id 0, faster-coco-eval: AP 0
id 0, hotcoco: AP 1
SEEN
