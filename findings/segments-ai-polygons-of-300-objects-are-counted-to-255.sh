#!/usr/bin/env bash
# segments-ai 1.33.0: an image of 300 objects in the export "polygon"
#
# Input: a release file of one image with 300 painted objects of 10 x 10 pixels, numbered from 1; images are served from this
# machine, as the SDK loads them by address.
# Expected: 300 objects with an outline each. Seen on 2026-11-29: objects 1 to 44 have two outlines, their own and that of the
# object 256 further on, and objects 256 to 300 have none, since the image of numbers is cut to 8 bits first. Nothing is said.
# The export "coco-instance" of the same release has all 300, 100 pixels each.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet segments-ai==1.33.0 scikit-image==0.26.0 opencv-python-headless==5.0.0.93 \
  pillow==12.3.0 pycocotools==2.0.11
cd "$folder"
cat > find.py <<'PYTHON'
import contextlib
import functools
import http.server
import io
import json
import os
import threading
from collections import Counter

import numpy as np
from PIL import Image
from segments.dataset import SegmentsDataset
from segments.utils import export_dataset


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


numbers = np.zeros((400, 400), np.int64)
for number in range(300):
    y, x = 20 * (number // 20) + 2, 20 * (number % 20) + 2
    numbers[y : y + 10, x : x + 10] = number + 1
os.mkdir("served")
painted = np.stack([numbers % 256, numbers // 256, 0 * numbers, 0 * numbers + 255], axis=-1).astype(np.uint8)
Image.fromarray(painted).save("served/painted.png")
Image.new("RGB", (400, 400)).save("served/a.png")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory="served"))
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
label = {"label_status": "LABELED", "attributes": {
    "format_version": "0.1", "annotations": [{"id": number, "category_id": 1} for number in range(1, 301)],
    "segmentation_bitmap": {"url": f"{address}/painted.png"}}}
sample = {"uuid": "a", "name": "a.png", "metadata": {}, "attributes": {"image": {"url": f"{address}/a.png"}},
          "labels": {"ground-truth": label}}
release = {"name": "v1", "dataset": {
    "name": "data", "owner": "team", "task_type": "segmentation-bitmap", "labelsets": [{"name": "ground-truth"}],
    "task_attributes": {"format_version": "0.1", "categories": [{"id": 1, "name": "cell"}]}, "samples": [sample]}}
with open("release.json", "w") as file:
    json.dump(release, file)
with contextlib.redirect_stdout(io.StringIO()):
    dataset = SegmentsDataset("release.json", segments_dir=None)
    polygons = json.load(open(export_dataset(dataset, ".", export_format="polygon")[0]))["annotations"]
    coco = json.load(open(export_dataset(dataset, ".", export_format="coco-instance")[0]))["annotations"]
for count in (2, 1, 0):
    rows = [row["id"] for row in polygons if len(row["polygons"]) == count]
    print(f"polygon: {count} outlines: {len(rows)} objects, {rows[0]} to {rows[-1]}")
print("polygon: object 1 starts at", [outline[0] for outline in polygons[0]["polygons"]])
print("coco-instance: objects of each area:", dict(Counter(row["area"] for row in coco)))
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
polygon: 2 outlines: 44 objects, 1 to 44
polygon: 1 outlines: 211 objects, 45 to 255
polygon: 0 outlines: 45 objects, 256 to 300
polygon: object 1 starts at [[322, 242], [2, 2]]
coco-instance: objects of each area: {100: 300}
SEEN
