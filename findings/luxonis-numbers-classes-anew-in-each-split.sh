#!/usr/bin/env bash
# luxonis-ml 0.10.2: a COCO dataset of two splits through `LuxonisParser` and `LuxonisDataset.export`
#
# Input: a train and a valid file in Roboflow's layout with the classes 1 cat and 2 dog in both. Each image has a cat and a dog;
# in the files of train the cat comes first, in those of valid the dog.
# Expected: two files in which a number means the same class. Seen on 2026-11-29: train has 1 cat and 2 dog, valid has 1 dog and 2
# cat, since each file numbers its classes in the order in which its objects come. Who trains by one and scores by the other
# has every class wrong. A class without an object in a split is not in its file at all. And of the two images of valid one
# is in test now, which the reader does by itself where there was no test. Nothing is said of the numbers.
# (The package's base folder is set to a temporary one; half a gigabyte is loaded.)
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "luxonis-ml[data]==0.10.2"
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import io
import json
import os
from pathlib import Path

os.environ["LUXONISML_BASE_PATH"] = str(Path("base").absolute())

import numpy as np
from luxonis_ml.data import LuxonisParser
from luxonis_ml.enums import DatasetType
from PIL import Image

WIDTH, HEIGHT = 64, 48
NUMBERS = {"cat": 1, "dog": 2, "cow": 3}
ORDERS = {"train": [("cat", "dog"), ("cat", "dog", "cow")], "valid": [("dog", "cat"), ("dog", "cat")]}
noise = np.random.default_rng(0)
for split, orders in ORDERS.items():
    Path("given", split).mkdir(parents=True)
    images, rows = [], []
    for number, order in enumerate(orders, 1):
        name = f"{split}_{number}.png"
        Image.fromarray(noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)).save(Path("given", split, name))
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        for place, thing in enumerate(order):
            x, y, w, h = 4, 4 + 14 * place, 20, 10
            rows.append({"id": len(rows) + 1, "image_id": number, "category_id": NUMBERS[thing], "bbox": [x, y, w, h],
                         "area": w * h, "iscrowd": 0, "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]})
    classes = [{"id": number, "name": name} for name, number in NUMBERS.items()]
    Path("given", split, "_annotations.coco.json").write_text(
        json.dumps({"images": images, "categories": classes, "annotations": rows}))
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    dataset = LuxonisParser("given", dataset_name="given", dataset_type=DatasetType.COCO).parse()
    dataset.export("made", dataset_type=DatasetType.COCO)
for split in ("train", "valid", "test"):
    made = json.loads(Path("made", "given", split, "_annotations.coco.json").read_text())
    classes = {row["id"]: row["name"] for row in made["categories"]}
    numbers = [row["category_id"] for row in made["annotations"]]
    print(f"{split}: images {len(made['images'])}, classes {classes}, numbers of objects {numbers}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
train: images 2, classes {1: 'cat', 2: 'dog', 3: 'cow'}, numbers of objects [1, 2, 1, 2, 3]
valid: images 1, classes {1: 'dog', 2: 'cat'}, numbers of objects [1, 2]
test: images 1, classes {1: 'dog', 2: 'cat'}, numbers of objects [1, 2]
SEEN
