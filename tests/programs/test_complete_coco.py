"""experiment=complete_coco, made for a GPU and COCO, for two steps on the tiny set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contrastmask import Predictor
from contrastmask.programs.train import train
from tests.composing import composed
from tests.tiny_run import tiny_data


@pytest.mark.slow
def test_the_settings_for_coco_train(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data", n_images=12)
    small = ("backbone.weights=null", "data.batch_size=3", "data.num_workers=1", "trainer.max_steps=2")
    cpu = ("trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "overlays=1", "evaluate_after=true")
    cfg = composed("experiment=complete_coco", "split=voc_nonvoc", *data, *small, *cpu, folder=tmp_path / "out")
    results = train(cfg, tmp_path / "out")
    assert 0 < results["given_boxes"]["novel"]["IoU"] < 100
    log = (tmp_path / "out" / "resolved.yaml").read_text()
    for setting in ("side: 192", "depth: 50", "precision: bf16-mixed", "epochs: 12"):
        assert setting in log, setting
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    found = Predictor(tmp_path / "out" / "checkpoints" / "last.ckpt", "cpu").predict(
        image, boxes=[[5, 5, 40, 30]], labels=["cat"]
    )
    assert found["mask_probs"].shape == (1, 96, 96)
