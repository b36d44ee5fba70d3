#!/usr/bin/env bash
# supervisely 6.74.51, pycocotools 2.0.11: objects drawn in Supervisely as COCO instances
#
# Input, by the SDK's own classes: a polygon of 20 x 20 pixels with a hole of 8 x 8, the same ring painted, a box of 20 x 10
# pixels, and a turned box. A box of Supervisely names its first and last pixel.
# Expected from `sly_ann_to_coco`: two rings of 336 pixels, a box 20 x 10, and something for the turned one. Seen on 2026-11-29:
# of the polygon the outline alone is written, 400 pixels, beside an `area` of 336. `bbox` of the painted ring is 19 x 19 around
# 20 x 20 pixels, and that of the box 19 x 9 beside an `area` of 200: last less first pixel. The turned box is not in the file.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet supervisely==6.74.51 pycocotools==2.0.11
cd "$folder"
export HOME="$folder"
cat > find.py <<'PYTHON'
import numpy as np
import supervisely as sly
from pycocotools import mask as coco_mask
from supervisely.convert.image.coco.coco_helper import sly_ann_to_coco

WIDTH, HEIGHT = 64, 48


def outline(x, y, w, h):
    return [sly.PointLocation(row, column) for column, row in ((x, y), (x + w, y), (x + w, y + h), (x, y + h))]


painted = np.zeros((HEIGHT, WIDTH), bool)
painted[4:24, 30:50] = True
painted[10:18, 36:44] = False
shapes = {"polygon": sly.Polygon(outline(4, 4, 20, 20), [outline(10, 10, 8, 8)]), "painted": sly.Bitmap(painted),
          "box": sly.Rectangle(top=30, left=4, bottom=39, right=23),
          "turned": sly.OrientedBBox(top=30, left=34, bottom=39, right=53, angle=45)}
labels = [sly.Label(shape, sly.ObjClass(name, type(shape))) for name, shape in shapes.items()]
names = list(shapes)
rows, _ = sly_ann_to_coco(sly.Annotation((HEIGHT, WIDTH), labels), 1, {name: n for n, name in enumerate(names)})
for row in rows:
    pixels = "none"
    if row["segmentation"]:
        runs = coco_mask.frPyObjects(row["segmentation"], HEIGHT, WIDTH)
        pixels = int(coco_mask.area(coco_mask.merge(runs) if isinstance(runs, list) else runs))
    print(f"{names[row['category_id']]}: bbox {row['bbox']}, area {row['area']:.0f}, pixels of the mask: {pixels}")
print("missing:", sorted(set(names) - {names[row["category_id"]] for row in rows}))
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
polygon: bbox [4, 4, 20, 20], area 336, pixels of the mask: 400
box: bbox [4, 30, 19, 9], area 200, pixels of the mask: none
painted: bbox [30, 4, 19, 19], area 336, pixels of the mask: 336
missing: ['turned']
SEEN
