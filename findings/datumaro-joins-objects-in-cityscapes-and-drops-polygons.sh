#!/usr/bin/env bash
# datumaro 1.13.12: objects of a COCO file in the exports "voc" and "cityscapes"
#
# Input: four objects of 200 pixels in one image: a cat of two polygons of 10 x 10, a cat of one, a dog of one, and a dog that has
# a box alone. They are exported as they are, and after datumaro's own `polygons_to_masks`.
# Expected: masks of three objects, or a word about what was left out. Seen on 2026-11-29: as they are no mask is written at all:
# there is no picture of objects in either. After the transform VOC has four, as each polygon is an object; and Cityscapes' picture
# of instances has two, all cats in one and the dog, as it is drawn with the numbers of classes. Nothing is said of any of it.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet datumaro==1.13.12 pillow==12.3.0
cd "$folder"
cat > find.py <<'PYTHON'
import json
from pathlib import Path

import numpy as np
from datumaro.components.dataset import Dataset
from PIL import Image

WIDTH, HEIGHT = 64, 48
PICTURES = {"voc": "SegmentationObject/a.png", "cityscapes": "gtFine/train/a_gtFine_instanceIds.png"}


def rectangle(x, y, w, h):
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def objects(picture):
    if not picture.exists():
        return "no picture"
    colours = np.asarray(Image.open(picture)).reshape(HEIGHT * WIDTH, -1)
    numbers, pixels = np.unique(colours, axis=0, return_counts=True)
    return f"objects of {sorted(int(count) for number, count in zip(numbers, pixels) if number.any())} pixels"


Path("given/images/train").mkdir(parents=True)
Path("given/annotations").mkdir()
Image.new("RGB", (WIDTH, HEIGHT)).save("given/images/train/a.png")
things = [(1, [34, 4, 26, 10], [rectangle(34, 4, 10, 10), rectangle(50, 4, 10, 10)]),
          (1, [4, 4, 20, 10], [rectangle(4, 4, 20, 10)]), (2, [34, 24, 20, 10], [rectangle(34, 24, 20, 10)]), (2, [4, 30, 20, 10], [])]
rows = [{"id": number, "image_id": 1, "category_id": category, "bbox": box, "area": 200, "iscrowd": 0, "segmentation": outlines}
        for number, (category, box, outlines) in enumerate(things, 1)]
truth = {"images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}], "annotations": rows,
         "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}
Path("given/annotations/instances_train.json").write_text(json.dumps(truth))
for drawn in (False, True):
    for name, picture in PICTURES.items():
        dataset = Dataset.import_from("given", "coco_instances")
        if drawn:
            dataset.transform("polygons_to_masks")
        made = Path(f"made_{name}_{drawn}")
        dataset.export(str(made), name, save_media=True)
        print(f"{name}, {'after polygons_to_masks' if drawn else 'as they are'}: {objects(made / picture)}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> said.txt | tee seen.txt
diff seen.txt - <<'SEEN'
voc, as they are: no picture
cityscapes, as they are: no picture
voc, after polygons_to_masks: objects of [100, 100, 200, 200] pixels
cityscapes, after polygons_to_masks: objects of [200, 400] pixels
SEEN
