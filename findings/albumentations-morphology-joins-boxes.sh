#!/usr/bin/env bash
# albumentations 2.0.8: `Morphological` on an image of several boxes
#
# Input: three objects of 30 x 20 pixels far from each other, as boxes and as masks; a dilation or an erosion by 3 x 3 pixels,
# which moves an edge by one pixel. The same with the first object alone.
# Expected: each box grows or shrinks by a pixel on each side, as its mask does. Seen on 2026-11-29: masks are right. With a
# dilation a box spans itself and its neighbours in the list; with an erosion all boxes are gone where there are two or more,
# while their masks are still there. One box alone keeps its width and changes its height. Nothing is said.
# Why: boxes are drawn as a stack of masks, and the stack is worked on as if objects were rows and rows columns of one picture.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet albumentations==2.0.8 opencv-python-headless==5.0.0.93
cd "$folder"
export NO_ALBUMENTATIONS_UPDATE=1
cat > find.py <<'PYTHON'
import albumentations
import numpy as np

SIDE = 128


def drawn(x, y, w, h):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[y : y + h, x : x + w] = 1
    return mask


def around(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)]


things = [[8, 8, 30, 20], [64, 32, 30, 20], [16, 96, 30, 20]]
for operation in ("dilation", "erosion"):
    for boxes in (things, things[:1]):
        change = albumentations.Compose(
            [albumentations.Morphological(scale=(3, 3), operation=operation, p=1)],
            bbox_params=albumentations.BboxParams(format="coco", label_fields=["numbers"]), seed=0)
        made = change(image=np.zeros((SIDE, SIDE, 3), np.uint8), masks=[drawn(*box) for box in boxes], bboxes=boxes,
                      numbers=list(range(len(boxes))))
        print(f"{operation} of {len(boxes)}: around the masks {[around(mask) for mask in made['masks']]}")
        print(f"{operation} of {len(boxes)}: boxes {[[round(float(side)) for side in box] for box in made['bboxes']]}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
dilation of 3: around the masks [[7, 7, 32, 22], [63, 31, 32, 22], [15, 95, 32, 22]]
dilation of 3: boxes [[8, 7, 86, 45], [8, 8, 86, 108], [16, 32, 78, 85]]
dilation of 1: around the masks [[7, 7, 32, 22]]
dilation of 1: boxes [[8, 7, 30, 22]]
erosion of 3: around the masks [[9, 9, 28, 18], [65, 33, 28, 18], [17, 97, 28, 18]]
erosion of 3: boxes []
erosion of 1: around the masks [[9, 9, 28, 18]]
erosion of 1: boxes [[8, 9, 30, 18]]
SEEN
