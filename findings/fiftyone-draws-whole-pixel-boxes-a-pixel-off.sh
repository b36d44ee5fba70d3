#!/usr/bin/env bash
# fiftyone 1.22.1: a mask in a box of whole pixels, drawn into its image again
#
# Input: an object of 5 x 4 pixels at every place of images of usual widths; its box as FiftyOne keeps it, in shares of the
# image's sides, and a mask of just these 5 x 4 pixels. No database is needed.
# Expected of `Detection.to_segmentation`: the same 20 pixels. Seen on 2026-11-28: at 41 of 300 places it is another mask, as the
# share times the side is 28.999999999999996 where 29 was meant, and its fraction is cut off: the mask moves or is resized by a
# pixel. With boxes that begin a thousandth of a pixel later all of them are right.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet fiftyone==1.22.1
cd "$folder"
export HOME="$folder" FIFTYONE_DO_NOT_TRACK=true
cat > find.py <<'PYTHON'
import numpy as np
from fiftyone.core.labels import Detection

for later in (0.0, 1e-3):
    wrong = places = 0
    for width in (70, 333, 427, 500, 640):
        for x in range(60):
            box = [(x + later) / width, (3 + later) / 20, 5 / width, 4 / 20]
            drawn = Detection(label="a", bounding_box=box, mask=np.ones((4, 5), dtype=bool)).to_segmentation(
                frame_size=(width, 20)
            )
            meant = np.zeros((20, width), dtype=bool)
            meant[3:7, x : x + 5] = True
            places += 1
            wrong += bool(((drawn.mask > 0) != meant).any())
    print(f"box {later} px later: {wrong} of {places} masks are others")
PYTHON
"$folder/venv/bin/python" -W ignore find.py 2> /dev/null | tee seen.txt
diff seen.txt - <<'SEEN'
box 0.0 px later: 41 of 300 masks are others
box 0.001 px later: 0 of 300 masks are others
SEEN
