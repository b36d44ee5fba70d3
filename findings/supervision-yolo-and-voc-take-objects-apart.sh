#!/usr/bin/env bash
# supervision 0.31.2: masks of several parts from a dataset to YOLO's and Pascal VOC's files
#
# Input: one detection whose mask has two parts of 10 x 10 pixels, as an object behind a pole has, and one of a single part.
# Expected of `DetectionDataset.as_yolo` and `as_pascal_voc`: two objects, or a word. Seen on 2026-11-29: three. Each part is a
# line, or an `object`, of its own, with a box of its own, and nothing says which belong together. Read again by `from_yolo` there
# are three detections, so counts are wrong, and a detector that finds the whole object finds neither half of it. `as_coco` of
# the same dataset has two objects, with the mask of parts as run lengths.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet supervision==0.31.2 opencv-python-headless==5.0.0.93
cd "$folder"
cat > find.py <<'PYTHON'
import json
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import supervision as sv

masks = np.zeros((2, 48, 64), bool)
masks[0, 4:14, 4:14] = masks[0, 4:14, 20:30] = True
masks[1, 24:44, 4:24] = True
Path("images").mkdir()
cv2.imwrite("images/a.png", np.zeros((48, 64, 3), np.uint8))
things = sv.Detections(xyxy=sv.mask_to_xyxy(masks), mask=masks, class_id=np.array([0, 1]))
dataset = sv.DetectionDataset(classes=["pole", "ball"], images=["images/a.png"], annotations={"images/a.png": things})
dataset.as_yolo(annotations_directory_path="yolo", data_yaml_path="yolo.yaml")
print("as_yolo: classes of the lines", [line.split()[0] for line in Path("yolo/a.txt").read_text().splitlines()])
(again,) = sv.DetectionDataset.from_yolo("images", "yolo", "yolo.yaml", force_masks=True).annotations.values()
print("from_yolo: pixels of the masks", [int(mask.sum()) for mask in again.mask])
dataset.as_pascal_voc(annotations_directory_path="voc")
print("as_pascal_voc: objects", [thing.findtext("name") for thing in ElementTree.parse("voc/a.xml").iter("object")])
dataset.as_coco(annotations_path="coco.json")
print("as_coco: areas", [row["area"] for row in json.loads(Path("coco.json").read_text())["annotations"]])
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
as_yolo: classes of the lines ['0', '0', '1']
from_yolo: pixels of the masks [100, 100, 400]
as_pascal_voc: objects ['pole', 'pole', 'ball']
as_coco: areas [200.0, 400.0]
SEEN
