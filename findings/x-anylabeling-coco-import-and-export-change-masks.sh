#!/usr/bin/env bash
# X-AnyLabeling 4.2.1 (x-anylabeling-cvhub), pycocotools 2.0.11: masks of a COCO file into the tool and out again
#
# Input: a square of 20 x 20 pixels as run lengths; a ring of 336 pixels whose hole is cut in by a slit, so that its outline
# passes two points twice, as tools write holes that have no word for them; an object of two parts; a crowd region. The tool's
# own command line converts them, `coco2xlabel` and then `xlabel2coco`, with nothing done in between.
# Expected: the same masks. Seen on 2026-11-29: the square is 361 pixels, as its outline runs through the middle of the pixels
# of its edge. Points that an outline passes a second time are left out, so the slit of the ring becomes a wedge: 252 pixels.
# The crowd is an ordinary object. Boxes of all polygons come out a row and a column larger; `area` of the ring is 271 and that of
# the parts 210, which is neither the mask nor what was given. Ids begin with 0. Nothing is said. The parts alone keep their mask.
# (The package brings Qt and more; more than a gigabyte is loaded.)
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "x-anylabeling-cvhub[cpu]==4.2.1" pillow==12.3.0 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

WIDTH, HEIGHT = 64, 48


def rectangle(x, y, w, h):
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def pixels(segmentation):
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, HEIGHT, WIDTH))
    return int(coco_mask.area(segmentation))


def convert(*arguments):
    tool = Path(sys.executable).with_name("xanylabeling")
    subprocess.run([tool, "convert", "--mode", "segment", "--classes", "classes.txt", *arguments], check=True, capture_output=True)


square = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
square[4:24, 4:24] = 1
runs = {"size": [HEIGHT, WIDTH], "counts": coco_mask.encode(square)["counts"].decode()}
ring = [34, 4, 54, 4, 54, 24, 34, 24, 34, 4, 40, 10, 40, 18, 48, 18, 48, 10, 40, 10, 34, 4]
objects = [("square", [4, 4, 20, 20], 0, runs), ("ring", [34, 4, 20, 20], 0, [ring]),
           ("parts", [30, 30, 25, 10], 0, [rectangle(30, 30, 10, 10), rectangle(45, 30, 10, 10)]),
           ("crowd", [4, 30, 20, 10], 1, [rectangle(4, 30, 20, 10)])]
names = [name for name, *_ in objects]
rows = [{"id": number, "image_id": 1, "category_id": number, "bbox": box, "area": pixels(mask), "iscrowd": crowd,
         "segmentation": mask} for number, (_, box, crowd, mask) in enumerate(objects, 1)]
truth = {"images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}], "annotations": rows,
         "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)]}
Path("truth.json").write_text(json.dumps(truth))
Path("classes.txt").write_text("\n".join(names) + "\n")
Path("images").mkdir()
Image.new("RGB", (WIDTH, HEIGHT)).save("images/a.png")
convert("--task", "coco2xlabel", "--labels", "truth.json", "--output", "labels")
convert("--task", "xlabel2coco", "--images", "images", "--labels", "labels", "--output", "made")
made = json.loads(Path("made/coco_instance_segmentation.json").read_text())
for title, file in (("given", truth), ("made", made)):
    classes = {row["id"]: row["name"] for row in file["categories"]}
    for row in file["annotations"]:
        print(f"{title}: {row['id']} {classes[row['category_id']]}, pixels {pixels(row['segmentation'])}, area {row['area']:.0f}, "
              f"bbox {[int(number) for number in row['bbox']]}, iscrowd {row['iscrowd']}")
PYTHON
"$folder/venv/bin/python" find.py | tee seen.txt
diff seen.txt - <<'SEEN'
given: 1 square, pixels 400, area 400, bbox [4, 4, 20, 20], iscrowd 0
given: 2 ring, pixels 336, area 336, bbox [34, 4, 20, 20], iscrowd 0
given: 3 parts, pixels 200, area 200, bbox [30, 30, 25, 10], iscrowd 0
given: 4 crowd, pixels 200, area 200, bbox [4, 30, 20, 10], iscrowd 1
made: 0 square, pixels 361, area 361, bbox [4, 4, 20, 20], iscrowd 0
made: 1 ring, pixels 252, area 271, bbox [34, 4, 21, 21], iscrowd 0
made: 2 parts, pixels 200, area 210, bbox [30, 30, 26, 11], iscrowd 0
made: 3 crowd, pixels 200, area 200, bbox [4, 30, 21, 11], iscrowd 0
SEEN
