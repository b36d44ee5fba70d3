#!/usr/bin/env bash
# cocojson 0.1.1: `merge` of two COCO files, of chosen classes alone (`cids`, `-c` of its command line)
#
# Input: two files of an image each with the classes cat, dog and cow, numbered 1, 2 and 3, and an object of each.
# Expected: with the classes 1 and 2 chosen, four objects. Seen on 2026-11-29: none, in a file of two images and two classes, and
# nothing is said. If 1 and 2 are chosen of the second file and all of the first, the objects of the first are all there and of
# the second none. With 1 and 3 chosen it ends in KeyError. Without a choice all six are there.
# Why: for each object it is asked whether the class is chosen that stood last in the list of classes, not the object's own. So a
# choice without the last class takes every object away, and the images go on as images without objects.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet cocojson==0.1.1 pillow==12.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

from cocojson.tools import merge
from PIL import Image

NAMES = ("cat", "dog", "cow")
for file in ("first", "second"):
    Path(file).mkdir()
    Image.new("RGB", (64, 48)).save(f"{file}/1.png")
    rows = [{"id": number, "image_id": 1, "category_id": number, "bbox": [4, 10 * number, 8, 8], "area": 64, "iscrowd": 0,
             "segmentation": [[4, 10 * number, 12, 10 * number, 12, 10 * number + 8, 4, 10 * number + 8]]} for number in (1, 2, 3)]
    classes = [{"id": number, "name": name} for number, name in enumerate(NAMES, 1)]
    images = [{"id": 1, "file_name": "1.png", "width": 64, "height": 48}]
    Path(f"{file}.json").write_text(json.dumps({"images": images, "categories": classes, "annotations": rows}))
for chosen in (None, [[1, 2], [1, 2]], [[1, 2, 3], [1, 2]], [[1, 3], [1, 3]]):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            merge(["first.json", "second.json"], ["first", "second"], "merged", cids=chosen)
    except KeyError as error:
        print(f"chosen {chosen}: KeyError {error}")
        continue
    made = json.loads(Path("merged/merged.json").read_text())
    names = {row["id"]: row["name"] for row in made["categories"]}
    objects = [(row["image_id"], names[row["category_id"]]) for row in made["annotations"]]
    print(f"chosen {chosen}: {len(made['images'])} images, classes {list(names.values())}, objects {objects}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
chosen None: 2 images, classes ['cat', 'dog', 'cow'], objects [(1, 'cat'), (1, 'dog'), (1, 'cow'), (2, 'cat'), (2, 'dog'), (2, 'cow')]
chosen [[1, 2], [1, 2]]: 2 images, classes ['cat', 'dog'], objects []
chosen [[1, 2, 3], [1, 2]]: 2 images, classes ['cat', 'dog', 'cow'], objects [(1, 'cat'), (1, 'dog'), (1, 'cow')]
chosen [[1, 3], [1, 3]]: KeyError 2
SEEN
