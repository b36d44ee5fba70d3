"""timm's networks as bodies of the crop branch: which fit, what they are told, and whose weights they take."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from contrastmask.checkpoints.timm_weights import load_timm_body, timm_state
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.model.crops.network import CropNetwork
from contrastmask.model.crops.timm_body import TimmBody, colours_of

SIDE = 64


timm = pytest.importorskip("timm", reason="needs timm: pip install 'contrastmask[timm]'")


@pytest.mark.parametrize(
    ("name", "strides"),
    [("test_convnext", [4, 8, 16, 32]), ("test_resnet", [2, 4, 8, 16, 32]), ("test_efficientnet", [2, 4, 8, 16, 32])],
)
def test_masks_have_half_of_the_crops_side_whatever_the_stem(name: str, strides: list[int]) -> None:
    torch.manual_seed(0)
    network = CropNetwork(timm=name, channels=16).eval()
    assert network.body.strides == strides
    crops, planes = torch.randn(2, 3, SIDE, SIDE), torch.zeros(2, 2, SIDE, SIDE)
    with torch.no_grad():
        said = network(crops, planes)
        # a pretrained body sees what it was trained to see: the planes tell it nothing at first
        ours, theirs = network.body(torch.cat([crops, planes + 1], 1)), network.body.net.eval()
        for place in network.body._told:
            above, _, leaf = place.rpartition(".")
            setattr(theirs.get_submodule(above), leaf, theirs.get_submodule(place).pixels)
        plain = theirs(crops)[-len(ours) :]
    assert said.logits.shape == said.features.shape[:1] + said.features.shape[2:] == (2, SIDE // 2, SIDE // 2)
    assert said.quality.shape == (2,)
    assert all(torch.equal(one, other) for one, other in zip(ours, plain, strict=True))


def test_planes_learn_at_the_full_rate_and_the_rest_of_the_body_slowly() -> None:
    network = CropNetwork(timm="test_convnext", channels=16)
    slow = {id(p) for p in network.pretrained_parameters()}
    fast = [name for name, p in network.body.named_parameters() if id(p) not in slow]
    assert fast == ["net.stem_0.planes.weight"]
    network(torch.randn(2, 3, SIDE, SIDE), torch.rand(2, 2, SIDE, SIDE)).logits.sum().backward()
    assert network.body.net.stem_0.planes.weight.grad.any()
    resnet = CropNetwork(18, channels=16)
    assert len(list(resnet.pretrained_parameters())) == len(list(resnet.body.parameters()))


def test_batch_norm_of_the_body_is_fixed() -> None:
    norms = [m for m in CropNetwork(timm="test_resnet", channels=8).body.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(m.training for m in norms)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("test_vit", "levels at strides 16 alone, the crop branch needs 4, 8, 16 and 32"),
        ("swin_tiny_patch4_window7_224", "does not take crops of every size.*224"),
        ("test_mambaout", "levels .*the crop branch needs"),
        ("convnext_tinny", r"no such network; near it: .*convnext_tiny"),
        ("test_convnext.mine", "Invalid pretrained tag"),
        ("hf-hub:somebody/something", "no such network"),
        ("local-dir:somewhere", "no such network"),
    ],
)
def test_what_does_not_fit_is_told(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CropNetwork(timm=name)


def test_colours_are_those_of_the_weights() -> None:
    assert colours_of("test_convnext") == ([127.5] * 3, [127.5] * 3)
    assert colours_of("convnext_tiny") == ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])


def save(path: Path, name: str, **choices: object) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    net = timm.create_model(name, **choices)
    torch.save(net.state_dict(), path)
    return net.state_dict()


@pytest.mark.parametrize("name", ["test_convnext", "test_resnet", "test_efficientnet"])
def test_a_file_of_timms_is_loaded_whatever_its_classifier(name: str, tmp_path: Path) -> None:
    given = save(tmp_path / "body.pth", name, num_classes=7)
    body = TimmBody(name, 2)
    load_timm_body(body, name, timm_state(str(tmp_path / "body.pth"), name), "body.pth")
    theirs = timm.create_model(name, features_only=True).eval()
    assert set(body.pretrained()) == {n.replace(".", "_") for n in theirs.state_dict()}
    theirs.load_state_dict({n: given[_as_given(n, given)] for n in theirs.state_dict()})
    image = torch.randn(1, 3, SIDE, SIDE)
    with torch.no_grad():
        ours = body.eval()(torch.cat([image, torch.rand(1, 2, SIDE, SIDE)], dim=1))
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs(image), strict=True))


def _as_given(name: str, given: dict[str, torch.Tensor]) -> str:
    return next(n for n in given if n.replace(".", "_") == name.replace(".", "_"))


def test_safetensors_too(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.torch").save_file
    given = save(tmp_path / "body.pth", "test_convnext")
    save_file(given, tmp_path / "model.safetensors")
    state = timm_state(str(tmp_path / "model.safetensors"), "test_convnext")
    assert state.keys() == given.keys()


def test_another_networks_file_is_refused_by_its_tensors(tmp_path: Path) -> None:
    given = save(tmp_path / "body.pth", "test_convnext")
    body = TimmBody("test_convnext", 2)
    before = {k: v.clone() for k, v in body.pretrained().items()}
    less = {n: v for n, v in given.items() if n != "stem.0.bias"}
    for state, said in (
        (less, r"file \(as timm's test_convnext\) is not this body: missing stem\.0\.bias"),
        ({**given, "stem.9.weight": torch.zeros(1)}, r"unknown stem\.9\.weight"),
        (
            {**given, "stem.0.weight": torch.zeros(24, 4, 4, 4)},
            r"stem\.0\.weight is \(24, 4, 4, 4\), not \(24, 3, 4, 4\)",
        ),
        ({**given, "stem.0.bias": torch.full((24,), torch.nan)}, r"stem\.0\.bias has values that are not finite"),
    ):
        with pytest.raises(CheckpointError, match=said):
            load_timm_body(body, "test_convnext", state, "file")
    assert all(torch.equal(before[k], v) for k, v in body.pretrained().items())
    with pytest.raises(CheckpointError, match="does not exist"):
        timm_state(str(tmp_path / "none.pth"), "test_convnext")


def test_what_cannot_be_downloaded_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **choices: object) -> None:
        assert choices["pretrained"]
        raise OSError("no network")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(CheckpointError, match=r"cannot get timm's weights of test_convnext: no network\. .*FILE"):
        timm_state("imagenet", "test_convnext")
