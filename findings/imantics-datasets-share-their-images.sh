#!/usr/bin/env bash
# imantics 0.1.12 (the library that COCO Annotator is built on): two COCO files read in one program
#
# Input: a file of one image, train.png, with a cat, and one of one image, val.png, with two dogs. Images and objects of both are
# numbered from 1 on, as the files of two splits are; then the same with an image id of its own for each.
# Expected: two datasets of one image each. Seen on 2026-11-29: after the second file is read both datasets hold the same, one
# image, val.png, with three objects: the cat of the first image lies on the second, and train.png is nowhere. With an id for each
# image both datasets have both images and all three objects. The first dataset was right before the second file was read.
# Why: what a dataset holds belongs to the class of all datasets, not to each. So train and validation are mixed, too.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet imantics==0.1.12
cd "$folder"
cat > find.py <<'PYTHON'
import sys

from imantics import Dataset

BOXES = {"train.png": (1, [[4, 4, 10, 10]]), "val.png": (2, [[24, 4, 10, 10], [44, 4, 10, 10]])}


def file(name, number):
    category, boxes = BOXES[name]
    rows = [{"id": place, "image_id": number, "category_id": category, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0,
             "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]} for place, (x, y, w, h) in enumerate(boxes, 1)]
    return {"images": [{"id": number, "file_name": name, "path": name, "width": 64, "height": 48}], "annotations": rows,
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}


def told(title, dataset):
    held = dataset.coco()
    images = {row["id"]: row["path"] for row in held["images"]}
    names = {row["id"]: row["name"] for row in held["categories"]}
    objects = [(images[row["image_id"]], names[row["category_id"]]) for row in held["annotations"]]
    print(f"{title}: images {list(images.values())}, objects {objects}")


numbers = [int(word) for word in sys.argv[1:]]
print(f"ids of the images {numbers}")
train = Dataset.from_coco(file("train.png", numbers[0]), "train")
told("train alone", train)
val = Dataset.from_coco(file("val.png", numbers[1]), "val")
told("train, after val was read", train)
told("val", val)
PYTHON
for numbers in "1 1" "1 2"; do
    "$folder/venv/bin/python" -W ignore find.py $numbers
done | tee seen.txt
diff seen.txt - <<'SEEN'
ids of the images [1, 1]
train alone: images ['train.png'], objects [('train.png', 'cat')]
train, after val was read: images ['val.png'], objects [('val.png', 'cat'), ('val.png', 'dog'), ('val.png', 'dog')]
val: images ['val.png'], objects [('val.png', 'cat'), ('val.png', 'dog'), ('val.png', 'dog')]
ids of the images [1, 2]
train alone: images ['train.png'], objects [('train.png', 'cat')]
train, after val was read: images ['train.png', 'val.png'], objects [('train.png', 'cat'), ('val.png', 'dog'), ('val.png', 'dog')]
val: images ['train.png', 'val.png'], objects [('train.png', 'cat'), ('val.png', 'dog'), ('val.png', 'dog')]
SEEN
