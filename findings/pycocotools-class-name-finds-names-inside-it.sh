#!/usr/bin/env bash
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: the id of one class by its name
#
# Input: a file with the classes dog, hot dog, car, carrot, bear and teddy bear; `getCatIds(catNms="hot dog")`, a plain name
# where the documentation of pycocotools says "get cats for given cat names".
# Expected: the id of "hot dog". Seen on 2026-11-29: pycocotools gives those of "dog" and "hot dog", for "carrot" also "car", as
# it asks whether a class's name is part of the word that was given; faster-coco-eval gives nothing at all, since it compares
# with the word's letters; hotcoco gives "hot dog". None says a word. With `["hot dog"]`, a list, all three agree. Code that
# takes the first id of the answer (`getCatIds("hot dog")[0]`) works with dogs.
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

names = ["dog", "hot dog", "car", "carrot", "bear", "teddy bear"]
classes = [{"id": number, "name": name, "supercategory": "thing"} for number, name in enumerate(names, 1)]
image = {"id": 1, "width": 100, "height": 80, "file_name": "a.png"}
thing = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 30, 30], "area": 900, "iscrowd": 0}
with open("truth.json", "w") as file:
    json.dump({"images": [image], "annotations": [thing], "categories": classes}, file)
for program in (pycocotools.coco, faster_coco_eval, hotcoco):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = program.COCO("truth.json")
    for asked in ("hot dog", "carrot", ["hot dog"]):
        found = [coco.cats[number]["name"] for number in coco.getCatIds(catNms=asked)]
        print(f"{program.__name__}, asked for {asked!r}: {found}")
PYTHON
"$folder/venv/bin/python" find.py | tee seen.txt
diff seen.txt - <<'SEEN'
pycocotools.coco, asked for 'hot dog': ['dog', 'hot dog']
pycocotools.coco, asked for 'carrot': ['car', 'carrot']
pycocotools.coco, asked for ['hot dog']: ['hot dog']
faster_coco_eval, asked for 'hot dog': []
faster_coco_eval, asked for 'carrot': []
faster_coco_eval, asked for ['hot dog']: ['hot dog']
hotcoco, asked for 'hot dog': ['hot dog']
hotcoco, asked for 'carrot': ['carrot']
hotcoco, asked for ['hot dog']: ['hot dog']
SEEN
