#!/usr/bin/env bash
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: the same masks in a results file, with and without their boxes
#
# Input: one small object, found exactly, and one false mask, a triangle of 816 pixels whose box has 1560; both are scored as
# masks ("segm"). One results file has `segmentation` alone, the other `bbox` beside it: the boxes of the same masks.
# Expected: the same figures. Seen on 2026-11-28, all three alike: AP of small objects is 0.500 without boxes and 1.000 with
# them, AP is 0.500 both times.
# Why: `loadRes` takes the area of a result from its box where it has one, and by that area a false detection is one of a
# medium object (over 1024), which the figure for small ones leaves out. AP by size of two programs can be compared only
# when both write boxes or neither.
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

from pycocotools import mask

EVALUATORS = {
    "pycocotools": ("pycocotools.coco", "pycocotools.cocoeval", "COCOeval"),
    "faster-coco-eval": ("faster_coco_eval", "faster_coco_eval", "COCOeval_faster"),
    "hotcoco": ("hotcoco", "hotcoco", "COCOeval"),
}
SQUARE, TRIANGLE = [10, 10, 40, 10, 40, 40, 10, 40], [50, 50, 91, 50, 50, 90]


def found(polygon, score):
    (runs,) = mask.frPyObjects([[float(v) for v in polygon]], 100, 100)
    print(f"score {score}: {int(mask.area(runs))} pixels, box {mask.toBbox(runs).tolist()}")
    return {"image_id": 1, "category_id": 1, "score": score, "segmentation": {**runs, "counts": runs["counts"].decode()}}


thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30], "area": 900, "iscrowd": 0,
         "segmentation": [SQUARE]}
truth = {"images": [{"id": 1, "width": 100, "height": 100, "file_name": "a.png"}],
         "categories": [{"id": 1, "name": "thing"}], "annotations": [thing]}
json.dump(truth, open("truth.json", "w"))
masks = [found(SQUARE, 0.5), found(TRIANGLE, 0.9)]
both = [{**row, "bbox": mask.toBbox(row["segmentation"]).tolist()} for row in masks]
for kind, rows in (("masks", masks), ("masks and boxes", both)):
    json.dump(rows, open("found.json", "w"))
    for name, (dataset, evaluation, cls) in EVALUATORS.items():
        with contextlib.redirect_stdout(io.StringIO()):
            coco = importlib.import_module(dataset).COCO("truth.json")
            judge = getattr(importlib.import_module(evaluation), cls)(coco, coco.loadRes("found.json"), "segm")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        print(f"{kind}, {name}: AP {judge.stats[0]:.3f}, of small objects {judge.stats[3]:.3f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
score 0.5: 900 pixels, box [10.0, 10.0, 30.0, 30.0]
score 0.9: 816 pixels, box [50.0, 50.0, 40.0, 39.0]
masks, pycocotools: AP 0.500, of small objects 0.500
masks, faster-coco-eval: AP 0.500, of small objects 0.500
masks, hotcoco: AP 0.500, of small objects 0.500
masks and boxes, pycocotools: AP 0.500, of small objects 1.000
masks and boxes, faster-coco-eval: AP 0.500, of small objects 1.000
masks and boxes, hotcoco: AP 0.500, of small objects 1.000
SEEN
