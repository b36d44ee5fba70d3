"""The commands that a run ends with: each is taken as it stands, by a shell and by Hydra."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from omegaconf import DictConfig

from contrastmask.programs import closing, predict_config
from contrastmask.programs.closing import what_next
from contrastmask.programs.config import typed
from tests.composing import composed

WORDS = ("data.val_annotations=val.json", "data.repair=true", "split=nonvoc_voc", "data.flip=0.3")


def hints(
    root: Path, monkeypatch: pytest.MonkeyPatch, *more: str, crops: str | None = None, finds_boxes: bool = True
) -> dict[str, list[str]]:
    """Program (predict twice: what it does) → its words."""
    given = [f"data.root='{root}'", *WORDS, *more]
    config = typed(composed(*given))
    monkeypatch.setattr(closing, "given_words", lambda: given)
    run = root / "run"
    head, *lines = what_next(run, run / "last.ckpt", crops, config, finds_boxes=finds_boxes)
    assert head == "next:"
    told = [shlex.split(line, comments=True) for line in lines]
    assert [words[0] for words in told] == ["python"] * 4
    return dict(zip(("report", "test", "find", "complete"), (words[2:] for words in told), strict=True))


def taken(program: str, words: list[str]) -> DictConfig:
    predict_config.register()
    return composed(*words, program=program)


def test_they_are_for_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "our (own) set, no. 1"
    told = hints(root, monkeypatch)
    again = taken("test", told["test"])
    assert again.ckpt_path == str(root / "run" / "last.ckpt")
    assert (again.data.root, again.data.val_annotations) == (str(root), "val.json")
    assert (again.data.repair, again.data.flip, again.split.name) == (True, 0.3, "nonvoc_voc")
    found = taken("predict", told["find"])
    assert (found.source, found.output) == (str(root / "val2017"), str(root / "run" / "found"))
    completed = taken("predict", told["complete"])
    assert completed.data.annotations == str(root / "annotations" / "instances_train2017.json")
    assert completed.output == str(root / "run" / "completed.json")


def test_a_crop_branch_and_the_detector_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = hints(tmp_path, monkeypatch, crops="crops.ckpt")
    assert "crops=crops.ckpt" in pair["test"]
    assert "crops=crops.ckpt" in pair["find"]
    assert "ckpt_path=crops.ckpt" in pair["complete"]
    alone = hints(tmp_path, monkeypatch, "experiment=complete", finds_boxes=False)
    mine = str(tmp_path / "run" / "last.ckpt")
    assert f"ckpt_path={mine}" in alone["test"]
    assert f"ckpt_path={mine}" in alone["complete"]
    assert [*alone["find"][:2]] == ["ckpt_path=DETECTOR.ckpt", f"crops={mine}"]
    told = hints(tmp_path, monkeypatch, "experiment=complete", "mask_branch.cam=seer.ckpt", finds_boxes=False)
    for words in (told["test"], told["find"], told["complete"]):
        assert {"ckpt_path=seer.ckpt", f"crops={mine}"} <= set(words)
