#!/usr/bin/env bash
# kili-formats 1.6.0 (what Kili's SDK 26.2.4 exports with), pycocotools 2.0.11: an object with a hole in the export "coco"
#
# Input, in Kili's own label format: a ring of 20 x 20 pixels with a hole of 8 x 8 (the outline and, after it, the hole), and a
# box of 10.2 x 10 pixels that somebody drew as a box.
# Expected: an object of 336 pixels, and a box without a mask. Seen on 2026-11-29: the hole is one more polygon of
# `segmentation`, which in COCO is one more part of the object: read by pycocotools the ring is full, 400 pixels, beside an
# `area` of 336. The box has a mask, the rectangle, and its `bbox` is rounded to whole pixels while the rectangle is not.
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


def outline(x, y, w, h):
    corners = ((x, y), (x, y + h), (x + w, y + h), (x + w, y))
    return {"normalizedVertices": [{"x": a / WIDTH, "y": b / HEIGHT} for a, b in corners]}


def drawn(name, tool, *outlines):
    return {"boundingPoly": list(outlines), "categories": [{"name": name, "confidence": 100}], "type": tool, "mid": name}


Image.new("RGB", (WIDTH, HEIGHT)).save("a.png")
classes = {name: {"name": name, "children": []} for name in ("RING", "BOX")}
job = {"content": {"categories": classes, "input": "radio"}, "tools": ["semantic", "rectangle"], "mlTask": "OBJECT_DETECTION"}
things = [drawn("RING", "semantic", outline(4, 4, 20, 20), outline(10, 10, 8, 8)),
          drawn("BOX", "rectangle", outline(40.4, 10, 10.2, 10))]
asset = {"externalId": "a.png", "content": "a.png", "jsonContent": "",
         "latestLabel": {"jsonResponse": {"JOB": {"annotations": things}}}}
made = convert_from_kili_to_coco_format({"JOB": job}, [asset], "title", "IMAGE", None, merged=False)
with open("made.json", "w") as file:
    json.dump(made, file)
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO("made.json")
for row in coco.dataset["annotations"]:
    name, pixels = coco.cats[row["category_id"]]["name"], int(coco.annToMask(row).sum())
    print(f"{name}: bbox {row['bbox']}, area {row['area']:.0f}, pixels {pixels}, iscrowd {row['iscrowd']}")
    for part in row["segmentation"]:
        print(f"{name}: polygon {[round(number, 1) for number in part]}")
PYTHON
"$folder/venv/bin/python" find.py | tee seen.txt
diff seen.txt - <<'SEEN'
RING: bbox [4, 4, 20, 20], area 336, pixels 400, iscrowd 0
RING: polygon [4.0, 4.0, 4.0, 24.0, 24.0, 24.0, 24.0, 4.0]
RING: polygon [10.0, 10.0, 10.0, 18.0, 18.0, 18.0, 18.0, 10.0]
BOX: bbox [40, 10, 11, 10], area 102, pixels 110, iscrowd 0
BOX: polygon [40.4, 10.0, 40.4, 20.0, 50.6, 20.0, 50.6, 10.0]
SEEN
