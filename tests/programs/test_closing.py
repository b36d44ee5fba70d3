"""The commands that a run ends with: each is taken as it stands, by a shell and by Hydra."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import DictConfig

from contrastmask.programs import closing, predict_config
from contrastmask.programs.closing import command, what_next
from contrastmask.programs.config import typed
from contrastmask.programs.incomplete import Incomplete
from tests.composing import composed

WORDS = ("data.val_annotations=val.json", "data.repair=true", "split=nonvoc_voc", "data.flip=0.3")
TRAIN = ("annotations/instances_train2017.json", "train2017")
VAL = ("val.json", "val2017")


def hints(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    *more: str,
    there: tuple[str, ...] = (*TRAIN, *VAL),
    lacking: Incomplete | None = None,
    crops: str | None = None,
    finds_boxes: bool = True,
    sees: bool = False,
) -> dict[str, list[str]]:
    """What a line does → its words. ``there``: the files and folders below ``root``."""
    for name in there:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    given = [f"data.root='{root}'", *WORDS, *more]
    config = typed(composed(*given))
    monkeypatch.setattr(closing, "given_words", lambda: given)
    run = root / "run"
    head, *lines = what_next(run, run / "last.ckpt", crops, config, finds_boxes=finds_boxes, sees=sees, lacking=lacking)
    assert head == "next:"
    told = [shlex.split(line, comments=True) for line in lines]
    assert {words[0] for words in told} == {"python"}
    return {"complete" if "task=complete" in words else Path(words[1]).stem: words[2:] for words in told}


def taken(program: str, words: list[str]) -> DictConfig:
    predict_config.register()
    return composed(*words, program=program)


def test_they_are_for_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "our (own) set, no. 1"
    file = Incomplete(root / TRAIN[0], root / TRAIN[1], {"repair": True, "strip_path": 1})
    told = hints(root, monkeypatch, lacking=file)
    again = taken("test", told["test"])
    assert again.ckpt_path == str(root / "run" / "last.ckpt")
    assert (again.data.root, again.data.val_annotations) == (str(root), "val.json")
    assert (again.data.repair, again.data.flip, again.split.name) == (True, 0.3, "nonvoc_voc")
    assert any(word.startswith("data.train_annotations=") for word in told["test"])
    found = taken("predict", told["predict"])
    assert (found.source, found.output) == (str(root / "val2017"), str(root / "run" / "found"))
    completed = taken("predict", told["complete"])
    assert completed.data.annotations == str(root / "annotations" / "instances_train2017.json")
    assert completed.output == str(root / "run" / "completed.json")
    assert (completed.data.repair, completed.data.strip_path) == (True, 1)


def test_a_file_that_is_not_there_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = hints(tmp_path, monkeypatch, there=VAL)
    assert not [word for word in told["test"] if "train" in word.rsplit("/", 1)[-1]]
    assert "complete" not in told  # nothing lacks a mask


def test_a_crop_branch_and_the_detector_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Incomplete(tmp_path / VAL[0], tmp_path / VAL[1], {})
    pair = hints(tmp_path, monkeypatch, crops="crops.ckpt", lacking=file)
    mine = str(tmp_path / "run" / "last.ckpt")
    for words in pair["test"], pair["predict"]:
        assert {f"ckpt_path={mine}", "crops=crops.ckpt"} <= set(words)
    assert "ckpt_path=crops.ckpt" in pair["complete"]
    pair = hints(tmp_path, monkeypatch, crops="crops.ckpt", sees=True, lacking=file)
    assert {f"ckpt_path={mine}", "crops=crops.ckpt"} <= set(pair["complete"])
    alone = hints(tmp_path, monkeypatch, "experiment=complete", finds_boxes=False, lacking=file)
    assert f"ckpt_path={mine}" in alone["test"]
    assert f"ckpt_path={mine}" in alone["complete"]
    assert "predict" not in alone  # there is no detector to find boxes
    seer = "mask_branch.cam=seer.ckpt"
    told = hints(tmp_path, monkeypatch, "experiment=complete", seer, finds_boxes=False, lacking=file)
    for words in (told["test"], told["predict"], told["complete"]):
        assert {"ckpt_path=seer.ckpt", f"crops={mine}"} <= set(words)


@pytest.mark.parametrize(
    ("program", "inside"),
    [("train", "python train.py"), ("predict", "python predict.py"), ("report", "python -m contrastmask.report"),
     ("review", "python -m contrastmask review")],
)  # fmt: skip
def test_a_line_starts_its_program_where_it_is_printed(
    program: str, inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["main/train.py"])
    monkeypatch.chdir(closing.CHECKOUT)
    assert command(program, "x", "why") == f"{inside} x   # why"
    monkeypatch.chdir(tmp_path)
    line = command(program, "--help").replace("python ", f"{shlex.quote(sys.executable)} ", 1)
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(line, shell=True, cwd=tmp_path, env=bare, capture_output=True, text=True)
    assert (done.returncode, program in done.stdout) == (0, True), done.stderr
    monkeypatch.setattr(sys, "argv", ["/usr/bin/contrastmask", program])
    assert command(program, "x") == f"contrastmask {program} x"
    monkeypatch.setattr(closing, "CHECKOUT", None)
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert command(program, "x") == f"contrastmask {program} x"
