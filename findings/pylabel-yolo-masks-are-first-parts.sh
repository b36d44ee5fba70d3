#!/usr/bin/env bash
# pylabel 0.1.55: objects of several parts from a COCO file to YOLO's segmentation files
#
# Input: an object of two polygons, of 100 and 600 pixels, and one of a single polygon; both are valid COCO.
# Expected: all three polygons, or a word about the one that has no place. Seen on 2026-11-28: of each object the first polygon
# alone is written, without a word, here the smaller one, a seventh of the object. An object
# behind a pole loses all but the part that was drawn first.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pylabel==0.1.55 numpy==2.2.6 pandas==2.3.3
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json

from pylabel import importer


def rectangle(x, y, w, h):
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def area(corners):
    points = [(corners[i], corners[i + 1]) for i in range(0, len(corners), 2)]
    return abs(sum(a * d - b * c for (a, b), (c, d) in zip(points, points[1:] + points[:1], strict=True))) / 2


things = [
    {"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": box, "segmentation": parts,
     "area": sum(area(part) for part in parts)}
    for number, box, parts in (
        (1, [4, 4, 52, 20], [rectangle(4, 4, 10, 10), rectangle(26, 4, 30, 20)]),
        (2, [4, 30, 10, 10], [rectangle(4, 30, 10, 10)]),
    )
]
truth = {"images": [{"id": 1, "width": 64, "height": 48, "file_name": "a.png"}],
         "categories": [{"id": 1, "name": "thing"}], "annotations": things}
json.dump(truth, open("truth.json", "w"))
with contextlib.redirect_stdout(io.StringIO()) as said:
    data = importer.ImportCoco("truth.json", path_to_images="", name="data")
    data.export.ExportToYoloV5(output_path="out/labels", segmentation=True, cat_id_index=0)
print("said:", said.getvalue().strip() or "nothing")
for thing, line in zip(things, open("out/labels/a.txt").read().splitlines(), strict=True):
    shares = [float(v) for v in line.split()[1:]]
    corners = [v * (64, 48)[i % 2] for i, v in enumerate(shares)]
    print(f"object {thing['id']}: {len(thing['segmentation'])} polygons of {thing['area']:.0f} pixels -> "
          f"{len(corners) // 2} corners around {area(corners):.0f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
said: nothing
object 1: 2 polygons of 700 pixels -> 4 corners around 100
object 2: 1 polygons of 100 pixels -> 4 corners around 100
SEEN
