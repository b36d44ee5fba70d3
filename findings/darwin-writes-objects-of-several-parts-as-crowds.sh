#!/usr/bin/env bash
# darwin-py 3.6.3 (V7 Darwin), pycocotools 2.0.11: an object of two parts and one with a hole in the export "coco"
#
# Input: in Darwin's own format an object of one path, one of two paths of 10 x 10 pixels each, a ring of two paths (20 x 20 with
# a hole of 8 x 8), and a box without a mask.
# Expected: three objects of 200, 200 and 336 pixels, and a box. Seen on 2026-11-28: the object of one path is right. Whatever has
# more paths is a run-length mask with `iscrowd` 1 and `area` 0, one row and one column larger than drawn (242 pixels; the ring
# 392), and its box, too, is a pixel wider and higher. So COCOeval ignores these objects, trainings that drop crowds lose them,
# and darwin-py's own reader of COCO skips them (in a log). The box has got a mask: the rectangle.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet darwin-py==3.6.3 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json
from pathlib import Path

from darwin.exporter import export_annotations
from darwin.exporter.formats import coco as darwin_coco
from darwin.importer.formats.coco import parse_path
from pycocotools.coco import COCO


def path(x, y, w, h):
    return [{"x": a, "y": b} for a, b in ((x, y), (x + w, y), (x + w, y + h), (x, y + h))]


def box(x, y, w, h):
    return {"x": x, "y": y, "w": w, "h": h}


def drawn(name, around, *paths):
    return {"id": name, "name": name, "bounding_box": around, **({"polygon": {"paths": paths}} if paths else {})}


things = [
    drawn("one path", box(4, 4, 20, 10), path(4, 4, 20, 10)),
    drawn("two parts", box(30, 4, 30, 10), path(30, 4, 10, 10), path(50, 4, 10, 10)),
    drawn("ring", box(4, 20, 20, 20), path(4, 20, 20, 20), path(10, 26, 8, 8)),
    drawn("box", box(40, 30, 8, 12)),
]
slot = {"type": "image", "slot_name": "0", "width": 64, "height": 48, "thumbnail_url": "",
        "source_files": [{"file_name": "a.png", "url": ""}]}
item = {"name": "a.png", "path": "/", "slots": [slot], "source_info": {
    "item_id": "1", "dataset": {"name": "data", "slug": "data"}, "team": {"name": "team", "slug": "team"}}}
Path("in").mkdir()
Path("out").mkdir()
Path("in/a.json").write_text(json.dumps({"version": "2.0", "schema_ref": "", "item": item, "annotations": things}))
with contextlib.redirect_stdout(io.StringIO()):
    export_annotations(darwin_coco.export, [Path("in/a.json")], Path("out"))
    coco = COCO("out/output.json")
for row in coco.dataset["annotations"]:
    name = coco.cats[row["category_id"]]["name"]
    pixels = int(coco.annToMask(row).sum())
    print(f"{name}: iscrowd {row['iscrowd']}, area {row['area']:.0f}, pixels {pixels}, bbox {row['bbox']}")
(again,) = parse_path(Path("out/output.json"))
print("read again by darwin-py:", [thing.annotation_class.name for thing in again.annotations])
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
one path: iscrowd 0, area 200, pixels 200, bbox [4, 4, 20, 10]
two parts: iscrowd 1, area 0, pixels 242, bbox [30, 4, 31, 11]
ring: iscrowd 1, area 0, pixels 392, bbox [4, 20, 21, 21]
box: iscrowd 0, area 96, pixels 96, bbox [40, 30, 8, 12]
read again by darwin-py: ['one path', 'box']
SEEN
