#!/usr/bin/env bash
# kili-formats 1.6.0 (what Kili's SDK 26.2.4 exports with), pycocotools 2.0.11: two videos of a project in the export "coco"
#
# Input, in Kili's own label format: two videos of three frames each, an object in every frame.
# Expected: six images and six objects, one in each. Seen on 2026-11-29: six images, whose ids are 2, 3, 4 and again 2, 3, 4, as
# frames are counted anew in each video from the number of videos on. `COCO` of pycocotools holds three images, those of the
# second video, with two objects each, one of them from the first. In the merged export (one file for all jobs) there is no object
# at all: the name of the job is looked for among the numbers of the frames. Nothing is said of either.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "kili-formats[coco,image]==1.6.0" pillow==12.3.0 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json

from kili_formats import convert_from_kili_to_coco_format
from PIL import Image
from pycocotools.coco import COCO

WIDTH, HEIGHT = 64, 48


def drawn(x, y, w, h):
    corners = ((x, y), (x, y + h), (x + w, y + h), (x + w, y))
    vertices = [{"x": a / WIDTH, "y": b / HEIGHT} for a, b in corners]
    return {"boundingPoly": [{"normalizedVertices": vertices}], "categories": [{"name": "THING"}], "type": "semantic", "mid": "m"}


Image.new("RGB", (WIDTH, HEIGHT)).save("frame.png")
job = {"content": {"categories": {"THING": {"name": "thing", "children": []}}, "input": "radio"},
       "tools": ["semantic"], "mlTask": "OBJECT_DETECTION"}
videos = [{"externalId": name, "content": "", "jsonContent": ["frame.png"] * 3,
           "latestLabel": {"jsonResponse": {str(n): {"JOB": {"annotations": [drawn(left + n, 4, 10, 10)]}} for n in range(3)}}}
          for name, left in (("first", 4), ("second", 40))]
for name, merged in (("a file for each job", False), ("merged", True)):
    made = convert_from_kili_to_coco_format({"JOB": job}, videos, "title", "VIDEO", None, merged=merged)
    print(f"{name}: image ids {[row['id'] for row in made['images']]}, objects {len(made['annotations'])}")
    with open("made.json", "w") as file:
        json.dump(made, file)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("made.json")
    for number, image in coco.imgs.items():
        print(f"{name}, read: {image['file_name']}, objects at x = {[round(row['bbox'][0]) for row in coco.imgToAnns[number]]}")
PYTHON
"$folder/venv/bin/python" find.py | tee seen.txt
diff seen.txt - <<'SEEN'
a file for each job: image ids [2, 3, 4, 2, 3, 4], objects 6
a file for each job, read: data/second_1.png, objects at x = [4, 40]
a file for each job, read: data/second_2.png, objects at x = [5, 41]
a file for each job, read: data/second_3.png, objects at x = [6, 42]
merged: image ids [2, 3, 4, 2, 3, 4], objects 0
merged, read: data/second_1.png, objects at x = []
merged, read: data/second_2.png, objects at x = []
merged, read: data/second_3.png, objects at x = []
SEEN
