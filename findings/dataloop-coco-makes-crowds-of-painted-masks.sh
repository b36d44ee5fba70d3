#!/usr/bin/env bash
# dtlpy 1.126.5 (Dataloop's SDK), pycocotools 2.0.11: annotations drawn in Dataloop as COCO rows
#
# Input, by the SDK's own classes: a painted ring of 20 x 20 pixels with a hole of 8 x 8, a polygon of 20 x 10, a box of 20 x 10,
# a box of 40 x 10 turned by 90 degrees, and an ellipse. They go through `Converter.to_coco`, which is what the export of a dataset
# writes each row with; no account is needed.
# Expected: five objects, or a word about those that have no place. Seen on 2026-11-29: the ring has its 336 pixels, but is a
# crowd, which COCOeval ignores, and its box is 19 x 19, last less first pixel. The polygon's `area` is 231 for 200 pixels. The
# turned box is written as it was before the turn. The mask of boxes is a list with an empty polygon, which pycocotools
# cannot read. The ellipse raises an error, which the export writes to a log, and is not in the file.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet dtlpy==1.126.5 pycocotools==2.0.11 opencv-python-headless==5.0.0.93
cd "$folder"
cat > find.py <<'PYTHON'
from types import SimpleNamespace

import dtlpy
import numpy as np
from dtlpy.utilities.converter import Converter
from pycocotools import mask as coco_mask

WIDTH, HEIGHT = 64, 48


def pixels(segmentation):
    try:
        if isinstance(segmentation, list):
            segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, HEIGHT, WIDTH))
        return int(coco_mask.area(segmentation))
    except Exception as error:
        return f"{segmentation} ({error})"


ring = np.zeros((HEIGHT, WIDTH), np.uint8)
ring[4:24, 4:24] = 1
ring[10:18, 10:18] = 0
corners = np.array([[30, 4], [50, 4], [50, 14], [30, 14]])
things = [dtlpy.Segmentation(geo=ring, label="painted ring"), dtlpy.Polygon(geo=corners, label="polygon"),
          dtlpy.Box(left=30, top=30, right=50, bottom=40, label="box"),
          dtlpy.Box(left=10, top=30, right=50, bottom=40, angle=90, label="turned box"),
          dtlpy.Ellipse(x=20, y=20, rx=10, ry=5, angle=0, label="ellipse")]
image = SimpleNamespace(width=WIDTH, height=HEIGHT)
for thing in things:
    try:
        row = Converter.to_coco(dtlpy.Annotation.new(annotation_definition=thing), item=image)
    except Exception as error:
        print(f"{thing.label}: {error}")
        continue
    print(f"{thing.label}: bbox {row['bbox']}, area {row['area']:.0f}, iscrowd {row['iscrowd']}, pixels {pixels(row['segmentation'])}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
painted ring: bbox [4.0, 4.0, 19.0, 19.0], area 336, iscrowd 1, pixels 336
polygon: bbox [30.0, 4.0, 20.0, 10.0], area 231, iscrowd 0, pixels 200
box: bbox [30.0, 30.0, 20.0, 10.0], area 200, iscrowd 0, pixels [[]] (input type is not supported.)
turned box: bbox [10.0, 30.0, 40.0, 10.0], area 400, iscrowd 0, pixels [[]] (input type is not supported.)
ellipse: Unable to convert annotation of type ellipse to coco
SEEN
