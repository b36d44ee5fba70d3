"""A resolved.yaml that a run of an earlier version kept still starts a training."""

from __future__ import annotations

from pathlib import Path

from omegaconf import OmegaConf

from contrastmask.programs.moved_names import under_todays_names
from contrastmask.programs.train import train
from tests.composing import composed
from tests.tiny_run import MODEL, PROGRAM, tiny_data

# callbacks of conf/callbacks/default.yaml as they were when the package had no wings
KEPT = """
best:
  _target_: pytorch_lightning.callbacks.ModelCheckpoint
  dirpath: {folder}/checkpoints
  filename: best
  monitor: val/mask/novel/AP
  mode: max
  save_top_k: 1
  enable_version_counter: false
  auto_insert_metric_name: false
last:
  _target_: pytorch_lightning.callbacks.ModelCheckpoint
  dirpath: {folder}/checkpoints
  filename: last
  save_top_k: 1
  save_on_train_epoch_end: true
  enable_version_counter: false
  auto_insert_metric_name: false
speed:
  _target_: contrastmask.tracking.Speed
"""


def test_a_kept_run_starts_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    overrides = (
        *tiny_data(tmp_path / "data"),
        "trainer.max_epochs=1",
        "evaluate_after=false",
        "trainer.log_every_n_steps=1",
    )
    cfg = composed(*MODEL, *PROGRAM, *overrides, folder=folder)
    OmegaConf.update(cfg, "callbacks", OmegaConf.create(KEPT.format(folder=folder)), merge=False)
    train(cfg, folder)
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    assert "speed/images_per_second" in (folder / "csv" / "metrics.csv").read_text()
    assert cfg.callbacks.speed._target_ == "contrastmask.tracking.Speed"  # the record stays what it was


def test_settings_of_today_are_handed_through() -> None:
    cfg = composed()
    assert under_todays_names(cfg) is cfg
