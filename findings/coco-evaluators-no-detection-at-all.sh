#!/usr/bin/env bash
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: the results of a model that found nothing
#
# Input: a results file that is an empty list, which is what a detector writes that found nothing.
# Expected: AP 0. Seen on 2026-11-28: faster-coco-eval and hotcoco say 0, pycocotools' loadRes raises IndexError, since it
# looks at the first result to know which kind of results it has. A training that is evaluated early ends with it.
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
thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30], "area": 900, "iscrowd": 0}
truth = {"images": [{"id": 1, "width": 100, "height": 100, "file_name": "a.png"}],
         "categories": [{"id": 1, "name": "thing"}], "annotations": [thing]}
json.dump(truth, open("truth.json", "w"))
json.dump([], open("found.json", "w"))
for name, (dataset, evaluation, cls) in EVALUATORS.items():
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = importlib.import_module(dataset).COCO("truth.json")
            judge = getattr(importlib.import_module(evaluation), cls)(coco, coco.loadRes("found.json"), "bbox")
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
        print(f"{name}: AP {judge.stats[0]:.0f}")
    except IndexError as error:
        print(f"{name}: IndexError")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
pycocotools: IndexError
faster-coco-eval: AP 0
hotcoco: AP 0
SEEN
