#!/usr/bin/env bash
# label-studio-sdk 2.1.2: a task that two people annotated, in the export COCO
#
# Input: ten tasks, an image and a polygon each; four of them were annotated by a second person, too,
# whose polygon lies 1 % of the width aside.
# Expected: ten images; the second annotations beside the first or left out. Seen on 2026-11-28: fourteen images. Each
# annotation of a task has a row of its own in `images`, with another id and the same `file_name`. So nothing looks twice in an
# image, and a split by image ids, here every other one for validation, has all four of these pictures on both sides.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet label-studio-sdk==2.1.2
cd "$folder"
cat > find.py <<'PYTHON'
import json

from label_studio_sdk.converter import Converter

CONFIG = ('<View><Image name="image" value="$image"/><PolygonLabels name="shape" toName="image"><Label value="thing"/>'
          "</PolygonLabels></View>")


def annotation(person, shift):
    points = [[10 + shift, 10], [40 + shift, 10], [40 + shift, 40], [10 + shift, 40]]
    region = {"id": "a", "type": "polygonlabels", "from_name": "shape", "to_name": "image", "original_width": 200,
              "original_height": 100, "value": {"points": points, "polygonlabels": ["thing"]}}
    return {"id": person, "completed_by": person, "result": [region]}


tasks = [{"id": task, "data": {"image": f"{task}.png"}, "annotations": [annotation(1, 0), annotation(2, 1)][: 1 + (task < 4)]}
         for task in range(10)]
json.dump(tasks, open("tasks.json", "w"))
Converter(CONFIG, ".", download_resources=False).convert("tasks.json", "out", "COCO", is_dir=False)
found = json.load(open("out/result.json"))
names = {row["id"]: row["file_name"] for row in found["images"]}
in_image = {id_: sum(row["image_id"] == id_ for row in found["annotations"]) for id_ in names}
print(f"{len(tasks)} tasks -> {len(names)} images of {len(set(names.values()))} files, "
      f"at most {max(in_image.values())} object in an image")
validation, training = ({names[id_] for id_ in list(names)[first::2]} for first in (0, 1))
print(f"files on both sides of a split by image ids: {len(validation & training)}")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
10 tasks -> 14 images of 10 files, at most 1 object in an image
files on both sides of a split by image ids: 4
SEEN
