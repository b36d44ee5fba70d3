#!/usr/bin/env bash
# labelformat 0.1.17, pycocotools 2.0.11: a COCO file of instances, read and written again
#
# Input: an object with a polygon and a crowd region, by `COCOInstanceSegmentationInput` and `COCOInstanceSegmentationOutput`;
# and an object whose mask is run lengths, with `iscrowd` 0, which COCO allows.
# Expected: rows that COCO programs read. Seen on 2026-11-29: the rows have no `id` and no `area`, and `iscrowd` is true or
# false, not 1 or 0; `COCO` of pycocotools ends in a KeyError with the file, and had it ids, COCOeval would with `area`. Run
# lengths are taken for polygons unless `iscrowd` is 1: a ValueError about a letter that is no number.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet labelformat==0.1.17 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

from labelformat.formats import COCOInstanceSegmentationInput, COCOInstanceSegmentationOutput
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

BEFORE = 100 * 40 + 10  # pixels of an image of 200 x 100 before the region of 10 x 20, column by column
RUNS = {"size": [100, 200], "counts": [BEFORE, *[20, 80] * 9, 20, 20000 - BEFORE - 9 * 100 - 20]}
polygon = {"segmentation": [[10, 10, 30, 10, 30, 30, 10, 30]], "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
crowd = {"segmentation": RUNS, "bbox": [40, 10, 10, 20], "area": 200, "iscrowd": 1}
for name, rows in (("polygon and crowd", [polygon, crowd]), ("run lengths of an object", [{**crowd, "iscrowd": 0}])):
    truth = {"images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}], "categories": [{"id": 1, "name": "thing"}],
             "annotations": [{"id": number, "image_id": 1, "category_id": 1, **row} for number, row in enumerate(rows, 1)]}
    Path("truth.json").write_text(json.dumps(truth))
    try:
        COCOInstanceSegmentationOutput(output_file=Path("made.json")).save(COCOInstanceSegmentationInput("truth.json"))
    except ValueError as error:
        print(f"{name}: {error}")
        continue
    made = json.loads(Path("made.json").read_text())
    print(f"{name}: keys {sorted(made['annotations'][0])}, iscrowd {[row['iscrowd'] for row in made['annotations']]}")
    for what in ("COCO", "COCOeval"):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                coco = COCO("made.json")
                judge = COCOeval(coco, coco.loadRes([{"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "score": 1}]), "bbox")
                judge.evaluate()
        except KeyError as error:
            print(f"{name}, {what}: KeyError {error}")
        for number, row in enumerate(made["annotations"], 1):
            row["id"] = number
        Path("made.json").write_text(json.dumps(made))
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
polygon and crowd: keys ['bbox', 'category_id', 'image_id', 'iscrowd', 'segmentation'], iscrowd [False, True]
polygon and crowd, COCO: KeyError 'id'
polygon and crowd, COCOeval: KeyError 'area'
run lengths of an object: could not convert string to float: 's'
SEEN
