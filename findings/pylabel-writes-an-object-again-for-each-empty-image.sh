#!/usr/bin/env bash
# pylabel 0.1.55, pycocotools 2.0.11: images without objects in a COCO file, read and written again
#
# Input: two images with an object each, and three images without one (background is usual in detection data).
# Expected: two objects again. Seen on 2026-11-28: five. For each image without an object the row of the object before is written
# once more, with the same id and in the same image as that one, so all the copies lie on one object. A detector that finds
# both objects exactly has AP 1 on the file before and 0.406 on the file after, as it finds each object once. (pylabel numbers
# the rows from 0, which pycocotools takes for "none found"; so that this is no part of it, they are raised by 1 here.)
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pylabel==0.1.55 pycocotools==2.0.11 numpy==2.2.6 pandas==2.3.3
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pylabel import importer

things = [{"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "bbox": [10, 10, 30, 20], "area": 600,
           "segmentation": [[10, 10, 40, 10, 40, 30, 10, 30]]} for number in (1, 2)]
truth = {"images": [{"id": number, "width": 64, "height": 48, "file_name": f"{number}.png"} for number in range(1, 6)],
         "categories": [{"id": 1, "name": "thing"}], "annotations": things}
found = [{"image_id": row["image_id"], "category_id": 1, "bbox": row["bbox"], "score": 0.9} for row in things]
json.dump(truth, open("before.json", "w"))
json.dump(found, open("found.json", "w"))
with contextlib.redirect_stdout(io.StringIO()):
    importer.ImportCoco("before.json", path_to_images="", name="data").export.ExportToCoco("after.json", cat_id_index=1)
for name in ("before.json", "after.json"):
    data = json.load(open(name))
    rows = data["annotations"]
    if name == "after.json":
        for row in rows:
            row["id"] += 1
        json.dump(data, open(name, "w"))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(name)
        judge = COCOeval(coco, coco.loadRes("found.json"), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    print(f"{name}: (id, image) {[(row['id'], row['image_id']) for row in rows]}, AP {judge.stats[0]:.3f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
before.json: (id, image) [(1, 1), (2, 2)], AP 1.000
after.json: (id, image) [(1, 1), (2, 2), (2, 2), (2, 2), (2, 2)], AP 0.406
SEEN
