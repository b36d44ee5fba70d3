"""Own data end to end, as a new user goes: check, train, test, complete, open with pycocotools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from tests.tiny_coco import write_tiny_coco
from tests.tiny_run import MODEL, PROGRAM

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_check_train_test_complete_and_open(tmp_path: Path) -> None:
    files = []
    for name, seed in (("train", 1), ("val", 2)):  # category ids have holes
        tiny = write_tiny_coco(tmp_path, n_images=6, seed=seed, name=name, missing_masks=("cat", "kite"))
        for i, image in enumerate(tiny.content["images"]):
            old, image["file_name"] = image["file_name"], f"camera {i % 2}/{image['file_name']}"
            (tiny.images / f"camera {i % 2}").mkdir(exist_ok=True)
            (tiny.images / old).rename(tiny.images / image["file_name"])
        tiny.rewrite(tiny.content)
        files += [f"data.{name}_annotations=annotations/{name}.json", f"data.{name}_images={name}"]
    data = [f"data.root={tmp_path}", *files, "split=as_annotated"]

    def run(*command: str) -> str:
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False,
                              env=os.environ | {"OMP_NUM_THREADS": "1"})  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "ready to train" in run("-m", "contrastmask.check", *data)
    out = tmp_path / "out"
    run("train.py", *MODEL, *PROGRAM, *data, "trainer.max_steps=2", f"hydra.run.dir={out}", "logger=none")
    checkpoint = out / "checkpoints" / "last.ckpt"
    run("test.py", *PROGRAM, *data, f"ckpt_path={checkpoint}", f"hydra.run.dir={tmp_path / 'test'}")
    assert (tmp_path / "test" / "results.json").is_file()
    source, target = tmp_path / "annotations" / "val.json", tmp_path / "completed.json"
    run("predict.py", "task=complete", f"ckpt_path={checkpoint}", f"data.annotations={source}", "num_workers=0",
        f"data.images={tmp_path / 'val'}", f"output={target}", "form=polygons")  # fmt: skip
    coco, before = COCO(str(target)), json.loads(source.read_text())
    new = [a for a in coco.anns.values() if a.get("segmentation_predicted")]
    assert {coco.cats[a["category_id"]]["name"] for a in new} <= {"cat", "kite"}
    without = [a for a in before["annotations"] if not a.get("segmentation")]
    left = json.loads((tmp_path / "completed.summary.json").read_text())["left"]
    assert len(new) == len(without) - sum(map(len, left.values())) > 0
    for annotation in new:
        assert coco.annToMask(annotation).any()
