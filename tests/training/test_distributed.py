from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from contrastmask.training.distributed import gather_predictions, rank, share, world_size

ROOT = Path(__file__).parents[2]
CASES = [
    # the images of rank 0 and 1, the merged ids, the scores: an image seen by both keeps the first rank's prediction
    (([5, 3, 9], [4, 3]), [3, 4, 5, 9], [3.0, 4.25, 5.0, 9.0]),
    (([], [8, 2]), [2, 8], [2.25, 8.25]),
    (([], []), [], []),
]
WORKER = """
import json, sys
import numpy as np
import torch.distributed as dist
from contrastmask.training.distributed import gather_predictions, rank, share, world_size

number, store, cases = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
dist.init_process_group("gloo", init_method=f"file://{store}", rank=number, world_size=2)
assert (rank(), world_size()) == (number, 2)
found = []
for images in cases:
    local = [{"image_id": i, "scores": np.full(2, i + 0.25 * number)} for i in images[number]]
    everywhere = gather_predictions(local)
    found.append({
        "images": [p["image_id"] for p in everywhere],
        "scores": [p["scores"][0] for p in everywhere],
        "at_one": [p["image_id"] for p in gather_predictions(local, to=1)],
        "told": share({"AP": 12.5} if number == 0 else None),
    })
print(json.dumps(found))
dist.destroy_process_group()
"""


def test_two_processes_merge_in_a_fixed_order(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    cases = json.dumps([images for images, _, _ in CASES])
    workers = [
        subprocess.Popen(
            [sys.executable, str(script), str(number), str(tmp_path / "store"), cases],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    outputs = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], [errors for _, errors in outputs]
    first, second = (json.loads(out) for out, _ in outputs)
    for (_, images, scores), zero, one in zip(CASES, first, second, strict=True):
        for found in (zero, one):
            assert (found["images"], found["scores"], found["told"]) == (images, scores, {"AP": 12.5})
        assert (zero["at_one"], one["at_one"]) == ([], images)


def test_one_process_needs_no_group() -> None:
    local = [{"image_id": i, "scores": np.ones(i)} for i in (7, 2, 7)]
    assert (rank(), world_size()) == (0, 1)
    assert [p["image_id"] for p in gather_predictions(local)] == [2, 7]
    assert gather_predictions(local, to=0)[1] is local[0]
    assert gather_predictions([]) == []
    assert share(3) == 3
