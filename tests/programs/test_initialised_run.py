"""`train.py init_path=FILE`: a training that starts from the fitting parts of another model's file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from contrastmask.checkpoints.mmdetection import to_mmdetection
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.programs.build import build_initialised, typed
from tests.composing import composed
from tests.tiny_run import MODEL, PROGRAM, R18, run_train, tiny_data

CLASSES = ["person", "dog"]


def start(path: Path, *overrides: str):
    return build_initialised(typed(composed(*MODEL, *R18, *PROGRAM, f"init_path={path}", *overrides)), CLASSES)


def test_the_first_weights_of_a_run_are_those_of_the_file(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data")
    run_train(tmp_path / "first", *data, "trainer.max_steps=1", "evaluate_after=false")
    weights = tmp_path / "first" / "checkpoints" / "last.ckpt"
    # nothing moves at this rate, so that what was loaded can be read from the end
    run_train(tmp_path / "next", *data, f"init_path={weights}", "seed=5", "schedule.lr=1e-30", "trainer.max_steps=1",
              "evaluate_after=false")  # fmt: skip
    before = torch.load(weights, weights_only=True)["state_dict"]
    after = torch.load(tmp_path / "next" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    trained = [name for name in before if name.startswith("detector.") and name.endswith(("weight", "bias"))]
    assert len(trained) > 50
    assert all(torch.allclose(before[name], after[name], rtol=0, atol=1e-20) for name in trained)


def test_a_file_with_the_body_needs_no_other_weights_and_keeps_it_frozen(tmp_path: Path) -> None:
    torch.save(resnet18().state_dict(), tmp_path / "body.pth")
    detector = start(tmp_path / "body.pth", "backbone.weights=imagenet", "backbone.require_weights=true")
    assert not detector.backbone.body.conv1.weight.requires_grad
    assert torch.equal(detector.backbone.body.conv1.weight, torch.load(tmp_path / "body.pth")["conv1.weight"])


def test_a_file_without_the_body_leaves_it_its_usual_start(tmp_path: Path) -> None:
    torch.save(resnet18().state_dict(), tmp_path / "body.pth")
    own = start(tmp_path / "body.pth", "mask_head=fcn")  # MMDetection's layout knows the released one alone
    heads = {k: v for k, v in to_mmdetection(own.state_dict()).items() if not k.startswith("backbone.")}
    torch.save(heads, tmp_path / "heads.pth")
    detector = start(tmp_path / "heads.pth")  # MODEL starts its body from scratch: nothing may be frozen
    assert all(p.requires_grad for p in detector.parameters())
    assert torch.equal(detector.backbone.fpn.layer_blocks[0][0].weight, own.backbone.fpn.layer_blocks[0][0].weight)
    assert not torch.equal(detector.backbone.body.conv1.weight, own.backbone.body.conv1.weight)


def test_the_mask_branch_alone_is_trained_and_the_detector_stays_as_it_was(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "data")
    run_train(tmp_path / "first", *data, "split.mask_share=0", "trainer.max_steps=1", "evaluate_after=false")
    weights = tmp_path / "first" / "checkpoints" / "last.ckpt"
    run_train(tmp_path / "next", *data, f"init_path={weights}", "model.trains=masks", "trainer.max_steps=2",
              "evaluate_after=false")  # fmt: skip
    before = torch.load(weights, weights_only=True)["state_dict"]
    after = torch.load(tmp_path / "next" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    branch = ("detector.roi_heads.mask_head.", "detector.roi_heads.contrastive_head.")
    given = [name for name in before if name.startswith("detector.") and not name.startswith(branch)]
    assert len(given) > 50
    assert all(torch.equal(before[name], after[name]) for name in given)  # statistics of its BatchNorms among them
    assert not torch.equal(*(w["detector.roi_heads.mask_head.logits.weight"] for w in (before, after)))


def test_a_detector_that_is_to_stay_must_be_whole(tmp_path: Path) -> None:
    torch.save(resnet18().state_dict(), tmp_path / "body.pth")
    with pytest.raises(CheckpointError, match=r"body\.pth is no whole detector .*rpn\.head not in the file"):
        start(tmp_path / "body.pth", "model.trains=masks")
    with pytest.raises(ConfigError, match="of a detector that is given: init_path=FILE"):
        build_initialised(typed(composed(*MODEL, *PROGRAM, "model.trains=masks")), CLASSES)


def test_misuse_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="init_path starts a training, ckpt_path resumes one"):
        typed(composed("init_path=a.pth", "ckpt_path=b.ckpt"))
    with pytest.raises(CheckpointError, match=r"missing\.pth"):
        start(tmp_path / "missing.pth")
