"""A start that fails leaves nothing behind; a run that has begun keeps what it has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from contrastmask.__main__ import main
from contrastmask.errors import ConfigError
from contrastmask.programs import config
from contrastmask.programs.composing import run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    config.register()
    return tmp_path


@pytest.mark.parametrize("words", [(), ("-m", "seed=1,2"), ("hydra.run.dir=a/b/c",)])
@pytest.mark.parametrize("program", ["train", "test"])
def test_a_start_that_fails_leaves_no_folder(here: Path, program: str, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as end:
        main([program, "ckpt_path=gone.ckpt", *words])
    assert end.value.code == 1
    assert list(here.iterdir()) == []


def test_a_folder_that_was_there_stays(here: Path) -> None:
    (here / "outputs" / "mine").mkdir(parents=True)
    with pytest.raises(SystemExit):
        main(["train", "data.root=gone"])
    assert list(here.rglob("*")) == [here / "outputs", here / "outputs" / "mine"]
    with pytest.raises(SystemExit):
        main(["train", "data.root=gone", "hydra.run.dir=outputs/mine"])
    assert (here / "outputs" / "mine").is_dir()


@pytest.mark.parametrize("name", ["resolved.yaml", "train.log"])
def test_what_has_begun_stays(here: Path, name: str) -> None:
    def fails(cfg: DictConfig) -> None:
        (Path(HydraConfig.get().runtime.output_dir) / name).write_text("what was said")
        raise ConfigError("later")

    with pytest.raises(SystemExit):
        run("train", fails, ["hydra.run.dir=a"])
    assert (here / "a" / name).read_text() == "what was said"
    assert (here / "a" / ".hydra" / "config.yaml").is_file()


def test_what_ends_well_stays(here: Path) -> None:
    run("train", lambda cfg: None, ["hydra.run.dir=a"])
    assert (here / "a" / ".hydra" / "config.yaml").is_file()
