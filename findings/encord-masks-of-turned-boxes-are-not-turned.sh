#!/usr/bin/env bash
# encord 0.1.211, pycocotools 2.0.11: turned boxes and polygons of several parts in Encord's COCO export
#
# Input, in Encord's own label format: a box of 40 x 10 pixels turned by 90 degrees about its middle; one polygon with corners
# between pixels, (5.5, 50.5) to (25.5, 60.5); and an object of two polygons of 10 x 10 pixels, the first from (5.5, 65.5) on.
# Expected: the mask of the box is the turned one, 10 x 40 pixels, and polygons keep their corners. Seen on 2026-11-28: `bbox`
# and `segmentation` of the turned box are both as before the turn (IoU 0.14 with the right ones), `iscrowd` is 0, and the angle
# stands under `attributes` alone, which no COCO reader turns a mask by. The one polygon is right. The two polygons are drawn
# with their corners cut to whole pixels and with one row and one column more each, 242 pixels for 200, and are a crowd.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet encord==0.1.211 pycocotools==2.0.11 numpy==2.2.6 shapely==2.2.0 \
    opencv-python-headless==4.12.0.88
cd "$folder"
cat > find.py <<'PYTHON'
from encord.objects import OntologyStructure, Shape
from encord.utilities.coco.exporter import CocoExporter
from pycocotools import mask

WIDTH, HEIGHT = 100, 80
ontology = OntologyStructure()
kinds = {shape: ontology.add_object(name=shape.value, shape=shape) for shape in (Shape.ROTATABLE_BOUNDING_BOX, Shape.POLYGON)}


def corners(x, y, w, h):
    return [(a / WIDTH, b / HEIGHT) for a, b in ((x, y), (x + w, y), (x + w, y + h), (x, y + h))]


def thing(name, shape, **more):
    return {"objectHash": name, "featureHash": kinds[shape].feature_node_hash, "shape": shape.value,
            "manualAnnotation": True, **more}


def drawn(name, *parts):
    first = {str(i): {"x": x, "y": y} for i, (x, y) in enumerate(parts[0])}
    rings = [[[v for corner in part for v in corner]] for part in parts]
    return thing(name, Shape.POLYGON, polygon=first, polygons=rings)


box = {"x": 30 / WIDTH, "y": 30 / HEIGHT, "w": 40 / WIDTH, "h": 10 / HEIGHT, "theta": 90}
things = [
    thing("turned box", Shape.ROTATABLE_BOUNDING_BOX, rotatableBoundingBox=box),
    drawn("one polygon", corners(5.5, 50.5, 20, 10)),
    drawn("two polygons", corners(5.5, 65.5, 10, 10), corners(30.5, 65.5, 10, 10)),
]
image = {"data_hash": "a", "data_title": "a.png", "data_type": "image/png", "data_link": "", "width": WIDTH, "height": HEIGHT,
         "labels": {"objects": things, "classifications": []}}
labels = {"data_title": "a.png", "data_type": "image", "data_units": {"a": image}, "object_actions": {},
          "classification_answers": {}, "object_answers": {row["objectHash"]: {"classifications": []} for row in things}}
for row in CocoExporter([labels], ontology).export()["annotations"]:
    shape = row["segmentation"]
    runs = shape if isinstance(shape, dict) else mask.merge(mask.frPyObjects(shape, HEIGHT, WIDTH))
    print(f"{row['attributes']['encord_track_uuid']}: bbox {[round(float(v), 3) for v in row['bbox']]}, "
          f"mask {mask.toBbox(runs).tolist()}, {int(mask.area(runs))} pixels, iscrowd {row['iscrowd']}, "
          f"rotation {row['attributes'].get('rotation')}")
    if row["attributes"].get("rotation"):
        print(f"  IoU with the turned one {mask.iou([[45.0, 15.0, 10.0, 40.0]], [row['bbox']], [0])[0][0]:.2f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
turned box: bbox [30.0, 30.0, 40.0, 10.0], mask [30.0, 30.0, 40.0, 10.0], 400 pixels, iscrowd 0, rotation 90.0
  IoU with the turned one 0.14
one polygon: bbox [5.5, 50.5, 20.0, 10.0], mask [6.0, 51.0, 20.0, 10.0], 200 pixels, iscrowd 0, rotation None
two polygons: bbox [5.0, 65.0, 36.0, 11.0], mask [5.0, 65.0, 36.0, 11.0], 242 pixels, iscrowd 1, rotation None
SEEN
