#!/usr/bin/env bash
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: `params.maxDets` for images with more than 100 objects
#
# Input: an image of 150 objects, and a results file that finds all of them exactly; three limits of detections per image, the
# last of which is the one for AP: [1, 10, 100] as COCO has it, [10, 100, 300] for crowded images, and [1, 10, 20].
# Expected: AP of 0.663, 1 and 0.139, each beside AP50, AP75 and AP of small objects of the same value. Seen on 2026-11-29: so
# it is in faster-coco-eval and hotcoco. In pycocotools all move but the first: AP stays 0.663 at the limit of 300, beside AP50
# and AP75 of 1, and is -1 at the limit of 20, as if there were no object at all.
# Why: the first figure alone is asked for at a limit of 100 by number, not at the last limit. Programs that call it take that
# over (torchmetrics' `map` with `max_detection_thresholds`).
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pycocotools==2.0.11 faster-coco-eval==1.8.0 hotcoco==1.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json

import faster_coco_eval
import hotcoco
import pycocotools.coco
import pycocotools.cocoeval

boxes = [[20 * (n % 15), 20 * (n // 15), 10, 10] for n in range(150)]
truth = {"images": [{"id": 1, "width": 300, "height": 200, "file_name": "a.png"}], "categories": [{"id": 1, "name": "thing"}],
         "annotations": [{"id": n, "image_id": 1, "category_id": 1, "bbox": box, "area": 100, "iscrowd": 0}
                         for n, box in enumerate(boxes, 1)]}
found = [{"image_id": 1, "category_id": 1, "bbox": box, "score": 1 - n / 1000} for n, box in enumerate(boxes)]
with open("truth.json", "w") as file:
    json.dump(truth, file)
with open("found.json", "w") as file:
    json.dump(found, file)
programs = {"pycocotools": (pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval),
            "faster-coco-eval": (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
            "hotcoco": (hotcoco.COCO, hotcoco.COCOeval)}
for name, (read, evaluation) in programs.items():
    for limits in ([1, 10, 100], [10, 100, 300], [1, 10, 20]):
        with contextlib.redirect_stdout(io.StringIO()):
            coco = read("truth.json")
            judge = evaluation(coco, coco.loadRes("found.json"), "bbox")
            judge.params.maxDets = limits
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        ap, ap50, ap75, small = (f"{value:.3f}" for value in list(judge.stats)[:4])
        print(f"{name}, limits {limits}: AP {ap}, AP50 {ap50}, AP75 {ap75}, small {small}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | grep " AP " | grep -v "IoU=" | tee seen.txt
diff seen.txt - <<'SEEN'
pycocotools, limits [1, 10, 100]: AP 0.663, AP50 0.663, AP75 0.663, small 0.663
pycocotools, limits [10, 100, 300]: AP 0.663, AP50 1.000, AP75 1.000, small 1.000
pycocotools, limits [1, 10, 20]: AP -1.000, AP50 0.139, AP75 0.139, small 0.139
faster-coco-eval, limits [1, 10, 100]: AP 0.663, AP50 0.663, AP75 0.663, small 0.663
faster-coco-eval, limits [10, 100, 300]: AP 1.000, AP50 1.000, AP75 1.000, small 1.000
faster-coco-eval, limits [1, 10, 20]: AP 0.139, AP50 0.139, AP75 0.139, small 0.139
hotcoco, limits [1, 10, 100]: AP 0.663, AP50 0.663, AP75 0.663, small 0.663
hotcoco, limits [10, 100, 300]: AP 1.000, AP50 1.000, AP75 1.000, small 1.000
hotcoco, limits [1, 10, 20]: AP 0.139, AP50 0.139, AP75 0.139, small 0.139
SEEN
