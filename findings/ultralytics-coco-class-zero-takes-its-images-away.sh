#!/usr/bin/env bash
# ultralytics 8.4.190: `convert_coco` for own classes that are numbered from 0
#
# Input: two images and the classes 0 and 1, as Label Studio and labelme2coco number them; the first image has an object of
# each, the second one of class 1. Converted with `cls91to80=False`, which is the setting for classes other than COCO's own.
# Expected: classes 0 and 1 in the label files, or an error. Seen on 2026-11-29: 1 is taken from every number, so the files have
# the classes -1 and 0. The library's own reader, which training begins with, then leaves out every image that has an object of
# the first class, as a corrupt one, with all that is in it; what is left of the second class has the first one's number. With
# `cls91to80` as it is by default the same file ends in an error.
# (The package brings torch; some gigabytes are loaded.)
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet ultralytics==8.4.190
cd "$folder"
export HOME="$folder" YOLO_CONFIG_DIR="$folder"
cat > find.py <<'PYTHON'
import json
from pathlib import Path

from PIL import Image
from ultralytics.data.converter import convert_coco
from ultralytics.data.utils import verify_image_label


def thing(number, image, kind, x):
    outline = [x, 5, x + 10, 5, x + 10, 15, x, 15]
    return {"id": number, "image_id": image, "category_id": kind, "bbox": [x, 5, 10, 10], "segmentation": [outline],
            "area": 100, "iscrowd": 0}


names = ((1, "a.png"), (2, "b.png"))
truth = {"images": [{"id": number, "file_name": name, "width": 100, "height": 50} for number, name in names],
         "annotations": [thing(1, 1, 0, 10), thing(2, 1, 1, 50), thing(3, 2, 1, 10)],
         "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]}
Path("coco").mkdir()
Path("coco/train.json").write_text(json.dumps(truth))
convert_coco("coco", "made", use_segments=True, cls91to80=False)
for name in ("a", "b"):
    Image.new("RGB", (100, 50)).save(f"made/images/{name}.png")
    label = f"made/labels/train/{name}.txt"
    print(f"SEEN {name}: classes {[line.split()[0] for line in Path(label).read_text().splitlines()]}")
    *values, message = verify_image_label((f"made/images/{name}.png", label, "", False, 2, 0, 0, False))
    print(f"SEEN {name}: read as", "left out, " + " ".join(message.split()) if values[0] is None else f"{len(values[1])} object")
try:
    convert_coco("coco", "again", use_segments=True)
except TypeError as error:
    print("SEEN by default:", error)
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | sed -n 's/^SEEN //p' | tee seen.txt
diff seen.txt - <<'SEEN'
a: classes ['-1', '0']
a: read as left out, made/images/a.png: ignoring corrupt image/label: negative label values [ -1]
b: classes ['0']
b: read as 1 object
by default: must be real number, not NoneType
SEEN
