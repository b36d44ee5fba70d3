#!/usr/bin/env bash
# X-AnyLabeling 4.2.1 (x-anylabeling-cvhub): an image on which some objects have a mask and some a box alone
#
# Input: three objects of a class, the first with a mask and a box, the others with boxes alone, as a COCO file; and the same
# drawn in the tool, a polygon and two rectangles in one label file. The tool's own command line converts them.
# Expected: three objects, in some mode. Seen on 2026-11-29: there are the modes "segment" and "detect". From COCO "segment" keeps
# the first object alone, and "detect" keeps three boxes and no mask; both write to the same file for an image, so the second
# run takes the place of the first. What was drawn as polygon and rectangles goes to COCO as one object in "segment" and two in
# "detect", never as three: the box of a polygon is not written in "detect" either. Both runs end with a tick. YOLO's files are so
# too. Who hands over masks of some classes and boxes of the others has to join two files by hand, whose ids both begin with 0.
# (The package brings Qt and more; more than a gigabyte is loaded.)
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "x-anylabeling-cvhub[cpu]==4.2.1" pillow==12.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT = 64, 48
MODES = ("segment", "detect")


def convert(task, mode, *arguments):
    tool = Path(sys.executable).with_name("xanylabeling")
    command = [tool, "convert", "--task", task, "--mode", mode, "--classes", "classes.txt", *arguments]
    return "✓" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


Path("images").mkdir()
Image.new("RGB", (WIDTH, HEIGHT)).save("images/a.png")
Path("classes.txt").write_text("thing\n")
boxes = [[4, 4, 20, 10], [30, 4, 20, 10], [4, 30, 20, 10]]
corners = [[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in boxes]
outlines = [[[number for point in corners[0] for number in point]], [], []]
rows = [{"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": 200, "iscrowd": 0, "segmentation": outline}
        for number, (box, outline) in enumerate(zip(boxes, outlines), 1)]
truth = {"images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
         "categories": [{"id": 1, "name": "thing"}], "annotations": rows}
Path("truth.json").write_text(json.dumps(truth))
for mode in MODES:
    done = convert("coco2xlabel", mode, "--labels", "truth.json", "--output", "read")
    shapes = [shape["shape_type"] for shape in json.loads(Path("read/a.json").read_text())["shapes"]]
    print(f"three objects of COCO read in {mode}: {', '.join(shapes)}; tick {done}")
kinds = ("polygon", "rectangle", "rectangle")
shapes = [{"label": "thing", "shape_type": kind, "points": points, "group_id": None, "flags": {}, "attributes": {}}
          for kind, points in zip(kinds, corners)]
drawn = {"version": "4.2.1", "flags": {}, "shapes": shapes, "imagePath": "a.png", "imageData": None, "imageHeight": HEIGHT,
         "imageWidth": WIDTH}
Path("drawn").mkdir()
Path("drawn/a.json").write_text(json.dumps(drawn))
for mode in MODES:
    done = convert("xlabel2coco", mode, "--images", "images", "--labels", "drawn", "--output", f"coco_{mode}")
    (file,) = Path(f"coco_{mode}").glob("*.json")
    rows = [(row["id"], len(row["segmentation"])) for row in json.loads(file.read_text())["annotations"]]
    print(f"polygon and two rectangles to {file.name}: ids and polygons {rows}; tick {done}")
    convert("xlabel2yolo", mode, "--images", "images", "--labels", "drawn", "--output", f"yolo_{mode}")
    lines = Path(f"yolo_{mode}/a.txt").read_text().splitlines()
    print(f"polygon and two rectangles to YOLO in {mode}: numbers per line {[len(line.split()) for line in lines]}")
PYTHON
"$folder/venv/bin/python" find.py | tee seen.txt
diff seen.txt - <<'SEEN'
three objects of COCO read in segment: polygon; tick True
three objects of COCO read in detect: rectangle, rectangle, rectangle; tick True
polygon and two rectangles to coco_instance_segmentation.json: ids and polygons [(0, 1)]; tick True
polygon and two rectangles to YOLO in segment: numbers per line [9]
polygon and two rectangles to coco_detection.json: ids and polygons [(0, 0), (1, 0)]; tick True
polygon and two rectangles to YOLO in detect: numbers per line [5, 5]
SEEN
