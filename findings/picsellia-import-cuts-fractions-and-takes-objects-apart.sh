#!/usr/bin/env bash
# picsellia 6.37.0, picsellia-annotations 0.14.0: a COCO file on its way into Picsellia
#
# Input: a square of 8 x 8 pixels with corners between pixels, (4.9, 4.9) to (12.9, 12.9), which COCO draws as the pixels 5 to 12;
# an object of two polygons of 10 x 10; a crowd region. The SDK's own `parse_coco_file` and `read_annotations` read them for a
# dataset of segmentation; what the second one gives is what is sent to the platform. No account is needed.
# Expected: three objects, the square where it was, and the crowd marked as one. Seen on 2026-11-29: four objects. Fractions are
# cut off, so the square goes a pixel up and left, IoU 0.62 with itself. The two polygons are two objects, and nothing says that
# they belong together. The crowd is an object as the others. Boxes for a dataset of detection lose their fractions, too.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet picsellia==6.37.0 picsellia-annotations==0.14.0 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import json
from pathlib import Path

from picsellia.sdk.label import Label
from picsellia.services.coco_importer import parse_coco_file, read_annotations
from picsellia.types.enums import InferenceType
from pycocotools import mask as coco_mask

WIDTH, HEIGHT = 64, 48


def rectangle(x, y, w, h):
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def drawn(polygon):
    return coco_mask.merge(coco_mask.frPyObjects([polygon], HEIGHT, WIDTH))


square = rectangle(4.9, 4.9, 8, 8)
things = [([4.9, 4.9, 8, 8], 0, [square]), ([34, 4, 26, 10], 0, [rectangle(34, 4, 10, 10), rectangle(50, 4, 10, 10)]),
          ([34, 24, 20, 10], 1, [rectangle(34, 24, 20, 10)])]
rows = [{"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": 200, "iscrowd": crowd, "segmentation": outlines}
        for number, (box, crowd, outlines) in enumerate(things, 1)]
truth = {"images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}], "annotations": rows,
         "categories": [{"id": 1, "name": "thing"}]}
Path("truth.json").write_text(json.dumps(truth))
label = Label.__new__(Label)
label._id = "thing"
read = parse_coco_file("truth.json").annotations
(image,) = read_annotations(InferenceType.SEGMENTATION, read, {1: label}, {1: ("a", None)})
for thing in image["polygons"]:
    print(f"polygon {thing.pop('polygon')}, beside it {thing}")
(image,) = read_annotations(InferenceType.SEGMENTATION, read[:1], {1: label}, {1: ("a", None)})
cut = [number for point in image["polygons"][0]["polygon"] for number in point]
print(f"square: IoU with itself {coco_mask.iou([drawn(square)], [drawn(cut)], [0])[0][0]:.2f}")
(image,) = read_annotations(InferenceType.OBJECT_DETECTION, read[:1], {1: label}, {1: ("a", None)})
print(f"square as a box: {[image['rectangles'][0][key] for key in 'xywh']}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
polygon [[4, 4], [12, 4], [12, 12], [4, 12]], beside it {'label_id': 'thing', 'text': None, 'attributes': None}
polygon [[34, 4], [44, 4], [44, 14], [34, 14]], beside it {'label_id': 'thing', 'text': None, 'attributes': None}
polygon [[50, 4], [60, 4], [60, 14], [50, 14]], beside it {'label_id': 'thing', 'text': None, 'attributes': None}
polygon [[34, 24], [54, 24], [54, 34], [34, 34]], beside it {'label_id': 'thing', 'text': None, 'attributes': None}
square: IoU with itself 0.62
square as a box: [4, 4, 8, 8]
SEEN
