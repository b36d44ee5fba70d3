#!/usr/bin/env bash
# kwcoco 0.9.1, kwimage 0.12.0, pycocotools 2.0.11: masks to COCO polygons and back
#
# Input: a square of 20 x 20 pixels and a ring of that size with a hole of 8 x 8, as masks, written into a kwcoco file as its own
# "new" polygons and made COCO's by `conform(legacy=True)`, which fills in what is missing; and a COCO polygon of 20 x 20 as a mask.
# Expected: 400, 336 and 400 pixels, boxes of 20 x 20, and these areas. Seen on 2026-11-29: outlines run through the middle of the
# pixels of the edge, so COCO draws 19 x 19 = 361 pixels of the square; box and area are 19 x 19, too. The ring is full (of the hole
# a warning tells), 361 pixels beside an area of 282, which neither of the two has. The other way a COCO polygon of 20 x 20
# becomes a mask of 21 x 21. Within kwimage, mask to polygon and back, nothing changes, so that nothing shows there.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet kwcoco==0.9.1 kwimage==0.12.0 pycocotools==2.0.11 opencv-python-headless==5.0.0.93
cd "$folder"
cat > find.py <<'PYTHON'
import kwcoco
import kwimage
import numpy as np
from pycocotools import mask as coco_mask

WIDTH, HEIGHT = 64, 48
square = np.zeros((HEIGHT, WIDTH), np.uint8)
square[4:24, 4:24] = 1
ring = square.copy()
ring[10:18, 10:18] = 0
dataset = kwcoco.CocoDataset()
image = dataset.add_image(file_name="a.png", width=WIDTH, height=HEIGHT)
thing = dataset.add_category("thing")
masks = {"square": kwimage.Mask(square, "c_mask"), "ring": kwimage.Mask(ring, "c_mask")}
for mask in masks.values():
    dataset.add_annotation(image, thing, bbox=mask.box().to_coco(), segmentation=mask.to_multi_polygon().to_coco("new"))
dataset.conform(legacy=True)
for (name, mask), row in zip(masks.items(), dataset.dataset["annotations"]):
    outlines = row["segmentation"]
    pixels = coco_mask.area(coco_mask.merge(coco_mask.frPyObjects(outlines, HEIGHT, WIDTH)))
    again = mask.to_multi_polygon().to_mask(dims=(HEIGHT, WIDTH)).area
    print(f"{name}: bbox {[int(number) for number in row['bbox']]}, area {row['area']:.0f}, polygons {len(outlines)}, "
          f"pixels in COCO {pixels}, within kwimage {again:.0f}")
given = kwimage.Segmentation.coerce([[4, 4, 24, 4, 24, 24, 4, 24]], dims=(HEIGHT, WIDTH))
print(f"COCO polygon of 400 pixels as a mask: {given.to_mask(dims=(HEIGHT, WIDTH)).area:.0f}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
square: bbox [4, 4, 19, 19], area 361, polygons 1, pixels in COCO 361, within kwimage 400
ring: bbox [4, 4, 19, 19], area 282, polygons 1, pixels in COCO 361, within kwimage 336
COCO polygon of 400 pixels as a mask: 441
SEEN
