"""ImageNet bodies: from a file, strictly; from torchvision where there are any; what happens where there are none."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision

from contrastmask.assemble import build_detector
from contrastmask.checkpoints.pretrained import body_state, load_body
from contrastmask.errors import CheckpointError
from contrastmask.model.backbone import ResNetFPN
from contrastmask.programs.build import typed
from tests.composing import composed

R18 = (18, 1, 64)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A ResNet-18 in torchvision's layout, classifier included, in half precision."""
    torch.manual_seed(7)
    path = tmp_path / "r18.pth"
    torch.save(
        {k: v.half() if v.is_floating_point() else v for k, v in torchvision.models.resnet18().state_dict().items()},
        path,
    )
    return path


def test_a_file_is_loaded_strictly_and_in_float32(weights: Path) -> None:
    body = ResNetFPN(18, channels=8).body
    state = body_state(str(weights), *R18)
    assert not any(name.startswith("fc.") for name in state)
    load_body(body, state, "file")
    expected = torch.load(weights, weights_only=True)
    assert torch.equal(body["conv1"].weight, expected["conv1.weight"].float())
    assert body["conv1"].weight.dtype == torch.float32


def test_another_body_is_refused_by_name(weights: Path) -> None:
    with pytest.raises(CheckpointError, match=r"missing layer1\.0\.conv3\.weight"):
        load_body(ResNetFPN(50, channels=8).body, body_state(str(weights), *R18), "file")


def test_a_file_with_objects_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "made_by": Path("x")}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match="safely"):
        body_state(str(tmp_path / "bad.pth"), *R18)
    with pytest.raises(CheckpointError, match="does not exist"):
        body_state(str(tmp_path / "none.pth"), *R18)


def test_torchvision_has_no_resnext_101_32x4d() -> None:
    with pytest.raises(CheckpointError, match=r"backbone\.weights=FILE"):
        body_state("imagenet", 101, 32, 4)


@pytest.mark.parametrize("required", [True, False])
def test_without_a_network_the_start_is_loud_or_refused(
    required: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    config = typed(
        composed("backbone=r18", f"backbone.require_weights={str(required).lower()}", "model.fpn_channels=8")
    )
    if required:
        with pytest.raises(CheckpointError, match="cannot download"):
            build_detector(config, 3)
        return
    detector = build_detector(config, 3)
    assert "RANDOM WEIGHTS" in caplog.text
    # random features are neither frozen nor normalised by statistics of nothing
    assert all(p.requires_grad for p in detector.backbone.parameters())
    assert detector.train().backbone.body["bn1"].training


def test_pretrained_bodies_are_frozen_as_released(weights: Path) -> None:
    config = typed(composed("backbone=r18", f"backbone.weights={weights}", "model.fpn_channels=8"))
    body = build_detector(config, 3).train().backbone.body
    frozen = {n.split(".")[0] for n, p in body.named_parameters() if not p.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1"}
    assert body["layer2"][0].bn1.weight.requires_grad
    assert not any(m.training for m in body.modules() if isinstance(m, torch.nn.BatchNorm2d))
