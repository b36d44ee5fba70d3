"""Overrides that cannot be composed: one to three short lines that say what, what is near and the way out."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf

from contrastmask.check import main as check
from contrastmask.conf_folder import CONF
from contrastmask.errors import ConfigError
from contrastmask.programs import (
    audit_config,
    config,
    export_config,
    model_export_config,
    predict_config,
    review_config,
)
from contrastmask.programs.composing import FULL_ERROR, composed, run
from contrastmask.programs.foreign_objects import check_arguments
from contrastmask.programs.launch import job
from contrastmask.programs.option_words import options_first

BAD = {
    "shedule=3x": "no setting shedule (did you mean schedule?)",
    "data.rot=x": "no setting data.rot (did you mean data.root",
    "model.foo=5": "no setting model.foo",
    "lr=0.1": "did you mean schedule.lr",
    "max_steps=3": "did you mean trainer.max_steps?",
    "trainer.max_step=3": "did you mean trainer.max_steps",
    "hydra.foo=3": "no setting hydra.foo",
    "~shedule": "did you mean schedule?",
    "~model.cam": "cannot be taken away",
    "schedule=3y": "there are 1x, 3x, complete, demo",
    "backbone=x9": "there are r101, r18, r50, timm, x101, x50",
    "experiment=dem": "(did you mean demo?)",
    "schedule.lr=abc": "schedule.lr=abc: a number is wanted",
    "seed=1.5": "seed=1.5: a whole number is wanted",
    "data.repair=maybe": "true or false is wanted",
    "split.base=cat": "a list is wanted: split.base=[cat]",
    "model.roi=3": "it holds settings",
    "data.shapes.size=5": "data.shapes is null with these choices",
    "split.base=[a": "a bracket is not closed",
    "notes='abc": "a quote is not closed",
    "data.root=/x y/z(1)": "'data.root=\"/x y/z(1)\"'",
    "data.root=a,b": "-m in front",
    "foo": "KEY=VALUE is wanted",
    "=3": "KEY=VALUE is wanted",
}
OTHERS = {  # program and word → what it is called there
    "predict data.root=/d": "no setting data.root; here it is data.annotations=FILE.json data.images=DIR; --help",
    "predict data.root=/d data.train_annotations=t.json data.train_images=i": "data.annotations=/d/t.json "
    "data.images=/d/i;",
    "audit data.val_images=i data.val_annotations=v.json": "data.annotations=v.json data.images=i;",
    "review data.root=/d": "data.annotations=FILE.json data.images=DIR",
    "review split=as_annotated": "the file and its images alone",
    "export_annotations data.train_images=/i": "data.annotations=FILE.json data.images=/i",
    "export data.val_annotations=/v.json": "data.annotations=/v.json data.images=DIR",
    "predict split=as_annotated": "no setting split; the checkpoint tells its classes",
    "predict experiment=complete": "here it is task=complete",
    "train data.annotations=x": "here it is data.root=DIR data.train_annotations=FILE.json "
    "data.val_annotations=FILE.json",
    "test data.images=x": "here it is data.root=DIR data.val_images=DIR;",
    "train output=x": "here it is hydra.run.dir=DIR",
    "test device=cpu": "trainer.accelerator=cpu",
    "train task=complete": "`contrastmask predict` has it",
    "predict checkpoint=x": "here it is ckpt_path=FILE",
    "predict rot=x": "no setting rot;",
}
ADDED = {
    "+model.foo=5": "no setting model.foo",
    "+schedul=1x": "did you mean schedule?",
    "+data.foo.bar=3": "no setting data.foo",
    "+model.roi.nsm=0.5": "did you mean model.roi.nms",
    "~seed": "took away seed",
    "seed=${foo}": "seed: Interpolation key 'foo' not found",
}


PLAIN = ("logger=none", "callbacks=none", "trainer.default_root_dir=null")  # nothing that asks for a run folder


def ran(program: str, task, *words: str) -> None:
    run(program, task, words)


def never(cfg: DictConfig) -> None:
    raise AssertionError("the task was begun")


@pytest.mark.parametrize("word", BAD)
def test_what_cannot_be_composed(word: str, capsys: pytest.CaptureFixture) -> None:
    config.register()
    with pytest.raises(SystemExit) as end:
        ran("train", never, word)
    said = capsys.readouterr().err
    assert end.value.code == 1
    assert BAD[word] in said
    assert said.startswith("ConfigError: ")
    assert said.count("\n") <= 3
    with pytest.raises(ConfigError) as error:
        composed("test", [word])
    assert BAD[word].split(" (did")[0] in str(error.value)


@pytest.mark.parametrize("words", OTHERS)
def test_the_words_of_another_program(words: str) -> None:
    program, *overrides = words.split()
    for schema in (config, predict_config, audit_config, review_config, export_config, model_export_config):
        schema.register()
    with pytest.raises(ConfigError) as error:
        composed(program, overrides)
    assert OTHERS[words] in str(error.value)
    assert "hydra." not in str(error.value).replace("hydra.run.dir", "")


def test_the_way_out_of_signs_in_a_value_works(tmp_path: Path) -> None:
    config.register()
    with pytest.raises(ConfigError) as error:
        composed("train", ["data.root=/a (1)/b{2}, c"])
    advised = str(error.value).splitlines()[-1].strip().strip("'")
    assert composed("train", [advised]).data.root == "/a (1)/b{2}, c"


@pytest.mark.parametrize("word", ADDED)
def test_keys_that_are_added_or_taken_away_are_refused_before_any_work(word: str) -> None:
    config.register()
    with pytest.raises(ConfigError) as error:
        config.typed(composed("train", [word, "run_name=x", *PLAIN]))
    assert ADDED[word] in str(error.value)


def test_predict_refuses_them_too() -> None:
    predict_config.register()
    with pytest.raises(ConfigError, match=r"no setting shrot_side .did you mean short_side"):
        predict_config.typed(composed("predict", ["ckpt_path=a", "output=b", "+shrot_side=3"]))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("+trainer.max_step=3", "trainer.max_step is no argument of pytorch_lightning.Trainer (did you mean max_steps"),
        ("+callbacks.last.nothing=1", "callbacks.last.nothing is no argument"),
        ("callbacks.best._target_=nowhere.Best", "cannot be had"),
    ],
)
def test_arguments_of_other_peoples_objects_are_known_before_any_work(word: str, said: str) -> None:
    config.register()
    with pytest.raises(ConfigError) as error:
        check_arguments(composed("train", [word, "logger=wandb"]))
    assert said in str(error.value)
    check_arguments(composed("train", ["+trainer.logger=null", "+callbacks.speed._partial_=false"]))


def test_check_says_the_same_and_helps(capsys: pytest.CaptureFixture) -> None:
    assert check(["data.rot=x"]) == 1
    assert "did you mean data.root" in capsys.readouterr().out
    assert check(["--no-image", "--nothing"]) == 1
    with pytest.raises(SystemExit) as end:
        check(["--help"])
    assert end.value.code == 0
    assert "--no-images" in capsys.readouterr().out


def test_everything_is_shown_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    config.register()
    monkeypatch.setenv(FULL_ERROR, "1")
    with pytest.raises(ConfigCompositionException, match="shedule"):
        ran("train", never, "shedule=3x")
    with pytest.raises(ConfigCompositionException):
        composed("train", ["shedule=3x"])


def test_a_task_sees_the_users_own_environment_and_its_errors_pass(tmp_path, monkeypatch, capsys) -> None:
    config.register()
    monkeypatch.delenv(FULL_ERROR, raising=False)
    words = (f"hydra.run.dir={tmp_path}/run", "hydra/job_logging=none", "hydra/hydra_logging=none")

    def fails(cfg: DictConfig) -> None:
        assert FULL_ERROR not in os.environ
        raise ZeroDivisionError("a fault of ours")

    def refuses(cfg: DictConfig) -> None:
        raise ConfigError("a fault of theirs")

    with pytest.raises(ZeroDivisionError, match="a fault of ours") as error:
        ran("train", fails, *words)
    assert FULL_ERROR not in os.environ
    assert "run_job" not in [entry.name for entry in error.traceback]
    with pytest.raises(SystemExit):
        ran("train", refuses, *words)
    assert "ConfigError: a fault of theirs\n" in capsys.readouterr().err


def test_further_processes_repeat_the_command_and_the_users_own_choices(tmp_path: Path, monkeypatch) -> None:
    config.register()
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 7\n")
    seen = []

    def task(cfg: DictConfig) -> None:
        with job(("train",)):
            seen.append((cfg.seed, list(sys.argv)))

    monkeypatch.setattr(sys, "argv", ["/bin/contrastmask", "untouched"])
    quiet = ("hydra/job_logging=none", "hydra/hydra_logging=none", f"hydra.run.dir={tmp_path}/run")
    ran("train", task, "experiment=mine", "--config-dir", str(tmp_path), *quiet)
    ((seed, repeated),) = seen
    assert seed == 7
    assert repeated[:2] == ["/bin/contrastmask", "train"]
    assert repeated[2:6] == ["--config-name", "train", "--config-dir", str(tmp_path)]
    assert "experiment=mine" in repeated
    assert sys.argv == ["/bin/contrastmask", "untouched"]


def test_options_may_stand_anywhere() -> None:
    assert options_first(["a=1", "-m", "b=2,3"]) == ["-m", "a=1", "b=2,3"]
    assert options_first(["a=1", "--cfg", "job", "b=2", "--config-dir=x"]) == [
        *("--cfg", "job", "--config-dir", "x"),
        *("a=1", "b=2"),
    ]
    with pytest.raises(ConfigError, match="no option -j"):
        options_first(["-j", "3"])


def test_help_has_the_users_own_choices(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config.register()
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nseed: 7\n")
    ran("train", never, "--help", "--config-dir", str(tmp_path), "experiment=mine", "data.batch_size=3")
    said = capsys.readouterr().out
    assert re.search(r"^experiment: .*\bdemo, mine\b", said, re.MULTILINE)
    assert "seed: 7" in said
    assert "batch_size: 3" in said
    assert "$" not in said.replace("${", "")


def test_the_words_that_are_offered_survive_a_shell() -> None:
    word = "data.root=/a = b, [c] 'd' \"e\""
    with pytest.raises(ConfigError) as error:
        composed("train", [word])
    [offered] = shlex.split(str(error.value).splitlines()[-1])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        read = compose("train", [offered])
    assert OmegaConf.to_container(read)["data"]["root"] == word.partition("=")[2]
