#!/usr/bin/env bash
# hotcoco 1.3.0: COCO instances to "CVAT for images 1.1" and back, by `to_cvat` and `from_cvat`
#
# Input: an object of two polygons; one whose mask is run lengths; a crowd region; and, for the way back alone, CVAT's own
# box of 40 x 10 pixels turned by 90 degrees. CVAT's format has a place for each: groups, `mask`, and `rotation`.
# Expected: three objects again with their masks, or a word about what has no place. Seen on 2026-11-29: four objects. The two
# polygons are two objects without a group, the run lengths are gone and their box alone is written, and the crowd is a box of
# a single object. The count that `to_cvat` returns speaks of boxes and of nothing skipped. The turned box is read as it was before
# the turn.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet hotcoco==1.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import json
from pathlib import Path

import hotcoco


def outline(x, y, w, h):
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def runs(x, y, w, h):
    """Run lengths of a rectangle in an image of 100 x 80 pixels, column by column."""
    counts = [80 * x + y] + [h, 80 - h] * (w - 1) + [h]
    return {"size": [80, 100], "counts": [*counts, 8000 - sum(counts)]}


things = [{"bbox": [4, 4, 20, 20], "area": 320, "iscrowd": 0, "segmentation": [outline(4, 4, 8, 20), outline(16, 4, 8, 20)]},
          {"bbox": [40, 4, 10, 10], "area": 100, "iscrowd": 0, "segmentation": runs(40, 4, 10, 10)},
          {"bbox": [60, 4, 30, 20], "area": 600, "iscrowd": 1, "segmentation": runs(60, 4, 30, 20)}]
truth = {"images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 80}], "categories": [{"id": 1, "name": "thing"}],
         "annotations": [{"id": n, "image_id": 1, "category_id": 1, **row} for n, row in enumerate(things, 1)]}
Path("truth.json").write_text(json.dumps(truth))
print("to_cvat:", dict(sorted(hotcoco.COCO("truth.json").to_cvat("made.xml").items())))
Path("turned.xml").write_text(
    "<annotations><version>1.1</version><meta><task><labels><label><name>thing</name></label></labels></task></meta>"
    '<image id="0" name="a.png" width="100" height="80"><box label="thing" occluded="0" xtl="10" ytl="35" xbr="50" ybr="45"'
    ' rotation="90.0" z_order="0"></box></image></annotations>')
for name in ("made.xml", "turned.xml"):
    coco = hotcoco.COCO.from_cvat(name)
    for row in coco.dataset["annotations"]:
        print(f"{name}: box {row['bbox']}, crowd {row['iscrowd']}, polygons {len(row.get('segmentation', []))}")
    print(f"{name}: warnings {coco.load_warnings}")
PYTHON
"$folder/venv/bin/python" find.py | tee seen.txt
diff seen.txt - <<'SEEN'
to_cvat: {'boxes': 2, 'images': 1, 'polygons': 2, 'skipped_degenerate': 0, 'skipped_no_geometry': 0}
made.xml: box [4.0, 4.0, 8.0, 20.0], crowd 0, polygons 1
made.xml: box [16.0, 4.0, 8.0, 20.0], crowd 0, polygons 1
made.xml: box [40.0, 4.0, 10.0, 10.0], crowd 0, polygons 0
made.xml: box [60.0, 4.0, 30.0, 20.0], crowd 0, polygons 0
made.xml: warnings []
turned.xml: box [10.0, 35.0, 40.0, 10.0], crowd 0, polygons 0
turned.xml: warnings []
SEEN
