"""The command line that goes on with a run is its own, taken as it stands by a shell and by Hydra."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from contrastmask.programs import claimed_folder, going_on
from tests.composing import composed


def test_it_repeats_every_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run of (today), no. 1"
    given = (
        "experiment=complete", "data.root='/our set'", "split.novel=[cat,'traffic light']", "notes='it \\'is\\' $HOME'",
        "trainer.max_steps=7", "++seed=3", "init_path=start.ckpt", "~callbacks.lr", "hydra.verbose=true",
        "hydra.run.dir=elsewhere", "hydra.job_logging.version=1",
    )  # fmt: skip
    composed(*given, folder=folder)
    words = shlex.split(going_on.goes_on(folder))
    assert words[:2] == ["python", "train.py"]
    last = folder / "checkpoints" / "last.ckpt"
    kept = [word for word in given if not word.startswith(("init_path", "hydra"))]
    assert words[2 : 2 + len(kept)] == kept
    assert words[2 + len(kept) : -2] == ["hydra.verbose=true", "hydra.job_logging.version=1"]
    again = composed(*words[2:], folder=folder)
    assert (again.ckpt_path, again.init_path) == (str(last), None)
    assert again.notes == "it 'is' $HOME"
    assert again.split.novel == ["cat", "traffic light"]
    assert (again.trainer.max_steps, again.seed) == (7, 3)
    # of a run that was itself gone on with: the new checkpoint in the place of the old one
    assert shlex.split(going_on.goes_on(folder)) == words
    assert str(HydraConfig.get().run.dir) == str(folder)
    claimed_folder._refuse(folder, last, "train")


def test_choices_of_the_users_own_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    composed(folder=tmp_path)
    sources = [{"provider": "command-line", "path": "/our own/conf"}, {"provider": "main", "path": "/conf"}]
    hydra = {"runtime": {"config_sources": sources}, "overrides": {"hydra": [], "task": ["split=ours"]}}
    monkeypatch.setattr(going_on.HydraConfig, "get", lambda: OmegaConf.create(hydra))
    words = shlex.split(going_on.goes_on(tmp_path))
    assert words[2:5] == ["--config-dir", "/our own/conf", "split=ours"]
