#!/usr/bin/env bash
# pycocowriter 0.5.6: `coco_merge` of two files whose images have the same names
#
# Input: two files of an image each, both called frame_000001.png, as two videos or two tasks of an annotation tool give: one of
# 64 x 48 pixels with a cat, one of 640 x 480 with a dog in its lower right corner. Each image has a licence of its own.
# Expected: two images, or an error. Seen on 2026-11-29: one image of 64 x 48 with both objects, the dog's box far beyond its edge.
# Where sizes are alike the dog is learnt on a picture that does not show it. Nothing is said. With other names there are two images
# and two licences, but the second image still names licence 1, the first one's: licences are numbered anew, and `license`, as
# COCO calls the field of an image, is not looked at.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pycocowriter==0.5.6
cd "$folder"
cat > find.py <<'PYTHON'
from pycocowriter.cocomerge import coco_merge


def file(name, width, height, thing, box):
    x, y, w, h = box
    row = {"id": 1, "image_id": 1, "category_id": 1, "bbox": box, "area": w * h, "iscrowd": 0,
           "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]}
    image = {"id": 1, "file_name": name, "width": width, "height": height, "license": 1}
    licence = {"id": 1, "name": f"licence of the {thing}", "url": ""}
    return {"images": [image], "annotations": [row], "categories": [{"id": 1, "name": thing}], "licenses": [licence]}


for names in (("frame_000001.png", "frame_000001.png"), ("a/frame_000001.png", "b/frame_000001.png")):
    made = coco_merge(file(names[0], 64, 48, "cat", [4, 4, 20, 20]), file(names[1], 640, 480, "dog", [444, 444, 20, 20]))
    classes = {row["id"]: row["name"] for row in made["categories"]}
    licences = {row["id"]: row["name"] for row in made["licenses"]}
    for image in made["images"]:
        objects = [(classes[row["category_id"]], row["bbox"]) for row in made["annotations"] if row["image_id"] == image["id"]]
        print(f"{image['file_name']}, {image['width']} x {image['height']}: {objects}, {licences[image['license']]}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py | tee seen.txt
diff seen.txt - <<'SEEN'
frame_000001.png, 64 x 48: [('cat', [4, 4, 20, 20]), ('dog', [444, 444, 20, 20])], licence of the cat
a/frame_000001.png, 64 x 48: [('cat', [4, 4, 20, 20])], licence of the cat
b/frame_000001.png, 640 x 480: [('dog', [444, 444, 20, 20])], licence of the cat
SEEN
