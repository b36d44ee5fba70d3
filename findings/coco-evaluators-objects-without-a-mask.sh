#!/usr/bin/env bash
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: masks scored where an object of the file has a box alone
#
# Input: two objects, the second with a box and no mask: its `segmentation` is an empty list, or the key is not there (files
# that were made for detection are so). The detections are two masks: all of the first object, and the lower half of the
# second one's box or all of it.
# Expected: an error, or the second object left out, as nobody knows its mask.
# Seen on 2026-11-28: pycocotools raises an error. The other two take the empty list for an object that no mask can find, and
# AP is 0.505 for any model. Without the key faster-coco-eval raises an error, and hotcoco takes the box as the object's mask:
# AP is 1 for a model that fills the box and 0.554 for one that fills half of it. None of the two says a word.
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


def found(x, y, w, h):
    (runs,) = mask.frPyObjects([[float(v) for v in (x, y, x + w, y, x + w, y + h, x, y + h)]], 100, 100)
    return {"image_id": 1, "category_id": 1, "score": 0.9, "segmentation": {**runs, "counts": runs["counts"].decode()}}


def thing(number, x, y, **more):
    return {"id": number, "image_id": 1, "category_id": 1, "bbox": [x, y, 30, 30], "area": 900, "iscrowd": 0, **more}


first = thing(1, 10, 10, segmentation=[[10, 10, 40, 10, 40, 40, 10, 40]])
for kind, second in (("empty list", thing(2, 60, 60, segmentation=[])), ("no key", thing(2, 60, 60))):
    truth = {"images": [{"id": 1, "width": 100, "height": 100, "file_name": "a.png"}],
             "categories": [{"id": 1, "name": "thing"}], "annotations": [first, second]}
    json.dump(truth, open("truth.json", "w"))
    for part, box in (("half", (60, 75, 30, 15)), ("all", (60, 60, 30, 30))):
        json.dump([found(10, 10, 30, 30), found(*box)], open("found.json", "w"))
        for name, (dataset, evaluation, cls) in EVALUATORS.items():
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    coco = importlib.import_module(dataset).COCO("truth.json")
                    judge = getattr(importlib.import_module(evaluation), cls)(coco, coco.loadRes("found.json"), "segm")
                    judge.evaluate()
                    judge.accumulate()
                    judge.summarize()
                print(f"{kind}, {part} of the box, {name}: AP {judge.stats[0]:.3f}")
            except (IndexError, KeyError) as error:
                print(f"{kind}, {part} of the box, {name}: {type(error).__name__}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
empty list, half of the box, pycocotools: IndexError
empty list, half of the box, faster-coco-eval: AP 0.505
empty list, half of the box, hotcoco: AP 0.505
empty list, all of the box, pycocotools: IndexError
empty list, all of the box, faster-coco-eval: AP 0.505
empty list, all of the box, hotcoco: AP 0.505
no key, half of the box, pycocotools: KeyError
no key, half of the box, faster-coco-eval: KeyError
no key, half of the box, hotcoco: AP 0.554
no key, all of the box, pycocotools: KeyError
no key, all of the box, faster-coco-eval: KeyError
no key, all of the box, hotcoco: AP 1.000
SEEN
