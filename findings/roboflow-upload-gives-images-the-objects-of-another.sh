#!/usr/bin/env bash
# roboflow 1.7.3: a folder of COCO files on its way to Roboflow, as `parsefolder` reads it for an upload
#
# Input: COCO's own layout, folders train2017 and val2017 of an image 0001.png each, and a folder annotations with a file for each:
# train's image has a cat, val's a dog. Beside them a folder "more" of two images, latest_1.png and first_1.png, with a file.
# Expected: val's image with a dog, for validation, and two images of one split. Seen on 2026-11-29: both images 0001.png have the
# cat, as an image is looked for by its name in one file after the other; the dog is nowhere. Both are for training: an image is
# for validation only if its path has "valid" in it. And latest_1.png is for testing, as its name ends in "test". Nothing is said.
# Nothing is sent to anybody here, and no account is needed: `parsefolder` is what an upload of a dataset begins with.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet roboflow==1.7.3
cd "$folder"
cat > find.py <<'PYTHON'
import json
from pathlib import Path

from PIL import Image
from roboflow.util.folderparser import parsefolder

NUMBERS = {"cat": 1, "dog": 2}


def write(file, folder, things):
    images, rows = [], []
    for number, (name, thing) in enumerate(things.items(), 1):
        path = Path("given", folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48)).save(path)
        images.append({"id": number, "file_name": name, "width": 64, "height": 48})
        rows.append({"id": number, "image_id": number, "category_id": NUMBERS[thing], "bbox": [4, 4, 10, 10], "area": 100,
                     "iscrowd": 0, "segmentation": [[4, 4, 14, 4, 14, 14, 4, 14]]})
    classes = [{"id": number, "name": name} for name, number in NUMBERS.items()]
    Path("given/annotations").mkdir(parents=True, exist_ok=True)
    Path("given/annotations", file).write_text(
        json.dumps({"info": {}, "licenses": [], "images": images, "categories": classes, "annotations": rows}))


write("instances_train2017.json", "train2017", {"0001.png": "cat"})
write("instances_val2017.json", "val2017", {"0001.png": "dog"})
write("more.json", "more", {"latest_1.png": "dog", "first_1.png": "dog"})
for image in parsefolder("given")["images"]:
    held = json.loads(image["annotationfile"]["rawText"])
    names = {row["id"]: row["name"] for row in held["categories"]}
    print(f"{image['file']}: split {image['split']}, objects {[names[row['category_id']] for row in held['annotations']]}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> said.txt | tee seen.txt
diff seen.txt - <<'SEEN'
/more/first_1.png: split train, objects ['dog']
/more/latest_1.png: split test, objects ['dog']
/train2017/0001.png: split train, objects ['cat']
/val2017/0001.png: split train, objects ['cat']
SEEN
