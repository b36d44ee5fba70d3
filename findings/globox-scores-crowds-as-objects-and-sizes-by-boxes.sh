#!/usr/bin/env bash
# globox 2.9.0, pycocotools 2.0.11: the COCO figures of one pair of files from both
#
# Input: an object whose mask has 900 pixels in a box of 34 x 34 = 1156, and a crowd region; the detections are the object's box
# and one box inside the crowd. Everything is read from the same two COCO files, by globox's `from_coco` and `from_results`.
# Expected: the figures of COCO's rules, AP 1 and AP of small objects 1, which pycocotools has. Seen on 2026-11-28: globox's
# `COCOEvaluator` has AP 0.252, since `iscrowd` is not read: the crowd is one more object, missed, and what was found in it
# is wrong. Without the crowd both have AP 1, but the object is small for pycocotools, by its `area`, and medium for globox,
# by its box. Files that globox writes again have `iscrowd` 0 in every row.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet globox==2.9.0 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json

from globox import AnnotationSet, COCOEvaluator
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 34, 34], "area": 900, "iscrowd": 0}
crowd = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [60, 60, 100, 100], "area": 10000, "iscrowd": 1}
found = [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 34, 34], "score": 0.9},
         {"image_id": 1, "category_id": 1, "bbox": [80, 80, 20, 20], "score": 0.95}]
for name, rows, results in (("with the crowd", [thing, crowd], found), ("without it", [thing], found[:1])):
    truth = {"images": [{"id": 1, "width": 200, "height": 200, "file_name": "a.png"}],
             "categories": [{"id": 1, "name": "thing"}], "annotations": rows}
    json.dump(truth, open("truth.json", "w"))
    json.dump(results, open("found.json", "w"))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("truth.json")
        judge = COCOeval(coco, coco.loadRes("found.json"), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    print(f"{name}, pycocotools: AP {judge.stats[0]:.3f}, small {judge.stats[3]:.0f}, medium {judge.stats[4]:.0f}")
    truths = AnnotationSet.from_coco("truth.json")
    other = COCOEvaluator(ground_truths=truths, predictions=truths.from_results("found.json"))
    print(f"{name}, globox: AP {other.ap():.3f}, small {other.ap_small():.0f}, medium {other.ap_medium():.0f}")
    truths.save_coco("again.json", label_to_id={"thing": 1})
    print(f"{name}, written again: iscrowd {[row['iscrowd'] for row in json.load(open('again.json'))['annotations']]}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
with the crowd, pycocotools: AP 1.000, small 1, medium -1
with the crowd, globox: AP 0.252, small nan, medium 1
with the crowd, written again: iscrowd [0, 0]
without it, pycocotools: AP 1.000, small 1, medium -1
without it, globox: AP 1.000, small nan, medium 1
without it, written again: iscrowd [0]
SEEN
