#!/usr/bin/env bash
# albumentations 2.0.8: boxes and masks through `CoarseDropout`
#
# Input: an image of 100 x 100 pixels and a box of 20 x 20 whole pixels, at each of 1600 places that the hole (10 x 10 pixels in
# the lower right corner) does not reach; and a box of which a hole takes the right half, beside its mask.
# Expected: a box that lost nothing stays, and box and mask go on to be those of one object. Seen on 2026-11-29: of the 1600
# untouched boxes 121 are as they were, 1479 are a pixel aside or smaller: boxes are kept as shares of the image in single
# precision, and what comes back as 28.999998 loses its fraction. The box that is half covered shrinks to what is left; its mask
# stays whole.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet albumentations==2.0.8 opencv-python-headless==5.0.0.93
cd "$folder"
export NO_ALBUMENTATIONS_UPDATE=1
cat > find.py <<'PYTHON'
from collections import Counter

import albumentations
import numpy as np

SIDE = 100
IMAGE = np.full((SIDE, SIDE, 3), 255, np.uint8)


class Hole(albumentations.CoarseDropout):
    """The hole always lies at one place, so that nothing depends on chance."""

    def __init__(self, corners):
        super().__init__(p=1)
        self.corners = corners

    def get_params_dependent_on_data(self, params, data):
        return {"holes": np.array([self.corners]), "seed": 0}


def dropped(corners, boxes, masks):
    change = albumentations.Compose([Hole(corners)], bbox_params=albumentations.BboxParams(format="coco", label_fields=["n"]))
    made = change(image=IMAGE, bboxes=boxes, masks=masks, n=list(range(len(boxes))))
    return [[round(float(side), 3) for side in box] for box in made["bboxes"]], made["masks"]


seen = Counter()
for y in range(40):
    boxes = [[x, y, 20, 20] for x in range(40)]
    after, _ = dropped((90, 90, 100, 100), boxes, [np.zeros((SIDE, SIDE), np.uint8)])
    seen.update(tuple(b - a for a, b in zip(*pair)) for pair in zip(boxes, after))
print(f"untouched: {seen[0, 0, 0, 0]} as they were, {sum(seen.values()) - seen[0, 0, 0, 0]} others")
mask = np.zeros((SIDE, SIDE), np.uint8)
mask[40:60, 40:60] = 1
boxes, masks = dropped((50, 30, 70, 70), [[40, 40, 20, 20]], [mask])
columns = np.flatnonzero(np.asarray(masks[0]).any(axis=0))
print(f"half covered: box {boxes[0]}, mask from column {columns[0]} to {columns[-1]}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
untouched: 121 as they were, 1479 others
half covered: box [40.0, 40.0, 10.0, 20.0], mask from column 40 to 59
SEEN
