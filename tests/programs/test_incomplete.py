"""Which file a run proposes to complete: one that is there and lacks masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contrastmask.checkpoints.read import Checkpoint
from contrastmask.data.splits import SplitRule
from contrastmask.data.subsets import Subsets
from contrastmask.programs.incomplete import incomplete, of_training
from tests.tiny_coco import write_tiny_coco

BARE = ("cat", "kite")
CLASSES = [{"id": None, "name": name} for name in ("person", "stop sign", "cat", "dog", "kite")]


def subsets(root: Path, rule: str, *, training: bool, **bare: tuple[str, ...]) -> Subsets:
    """Read subsets whose classes ``bare[side]`` have no masks; ``training``: a training's, not an evaluation's."""
    sides = [
        write_tiny_coco(root, seed=i, name=n, missing_masks=bare.get(n, ())) for i, n in enumerate(("train", "val"))
    ]
    found = Subsets(*(p for side in sides for p in (side.annotations, side.images)), split=SplitRule(rule))
    found.read(evaluation_only=not training)
    return found


def checkpoint(root: Path, **split: Any) -> Checkpoint:
    """A crop branch that was trained on ``root``'s file by ``split``."""
    data = {
        "root": str(root),
        "train_annotations": "annotations/train.json",
        "train_images": "train",
        "crowd": "object",
    }
    settings = {"data": data, "split": {"rule": "as_annotated", "base": None, "novel": None, **split}}
    network = {"mask_branch": {"kind": "crop"}}
    base = ("person", "stop sign", "dog")
    return Checkpoint(root / "last.ckpt", "contrastmask", {}, network, CLASSES, base=base, settings=settings)


def test_a_training_proposes_its_own_file(tmp_path: Path) -> None:
    found = incomplete(
        subsets(tmp_path, "as_annotated", training=True, train=BARE, val=BARE), {"repair": True, "flip": 0.5}
    )
    assert found is not None
    assert (found.annotations, found.images) == (tmp_path / "annotations" / "train.json", tmp_path / "train")
    assert found.reading == {"repair": True}


def test_masks_that_the_split_withheld_are_not_lacking(tmp_path: Path) -> None:
    assert incomplete(subsets(tmp_path, "voc_nonvoc", training=True), {}) is None


def test_an_evaluation_proposes_the_checkpoints_file_or_its_own(tmp_path: Path) -> None:
    data = subsets(tmp_path, "voc_nonvoc", training=False, train=BARE, val=BARE)
    own = incomplete(data, {})
    assert own is not None
    assert own.annotations == tmp_path / "annotations" / "val.json"
    of = of_training(checkpoint(tmp_path))
    found = incomplete(data, {}, of)
    assert found is of is not None
    assert found.annotations == tmp_path / "annotations" / "train.json"
    assert found.reading == {"crowd": "object"}


@pytest.mark.parametrize("split", [{"rule": "voc_nonvoc"}, {"novel": ["cat"]}])
def test_of_a_split_that_says_nothing_of_the_file_none_is_known(tmp_path: Path, split: dict[str, Any]) -> None:
    write_tiny_coco(tmp_path)
    assert of_training(checkpoint(tmp_path, **split)) is None
    assert of_training(checkpoint(tmp_path)) is not None


def test_a_file_that_has_gone_is_not_proposed(tmp_path: Path) -> None:
    assert of_training(checkpoint(tmp_path)) is None
