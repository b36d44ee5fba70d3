"""Files as other programs write them: where the tensors are, prefixes, averaged copies, names of the classes."""

from __future__ import annotations

import argparse
import shlex
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from torchvision.models import resnet18
from torchvision.models.detection import maskrcnn_resnet50_fpn

from contrastmask.checkpoints.convert import main
from contrastmask.checkpoints.initialisation import load_initialisation
from contrastmask.checkpoints.mmdetection import to_mmdetection
from contrastmask.checkpoints.packing import named_tensors
from contrastmask.checkpoints.read import read_checkpoint
from contrastmask.checkpoints.tensor_files import read_tensors
from contrastmask.errors import CheckpointError
from tests.detectors import build, tiny

NAMES = ("person", "kite", "dog", "cow", "bus")


class HistoryBuffer:
    """As MMEngine's log buffers: an object among the plain values."""

    def __init__(self) -> None:
        self.values = np.arange(3.0)


@pytest.fixture(scope="module")
def theirs() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return to_mmdetection(tiny(len(NAMES)).state_dict())


def saved(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "meta",
    [
        {"CLASSES": NAMES},
        {"dataset_meta": {"classes": NAMES, "palette": [(1, 2, 3)]}, "epoch": 12},
        {"dataset_meta": {"CLASSES": list(NAMES)}},
    ],
)
def test_mmdetections_files_bring_their_class_names(theirs: dict[str, Tensor], tmp_path: Path, meta: dict) -> None:
    path = saved({"meta": meta, "state_dict": theirs, "message_hub": {}}, tmp_path / "epoch_12.pth")
    assert [c["name"] for c in read_checkpoint(path).categories] == list(NAMES)
    report = load_initialisation(tiny(5), path, class_names=[*NAMES[:4], "car"])
    assert report.not_used["roi_heads.box_head.fc_cls"] == "the file's classes are others"
    assert main(["convert", str(path), str(tmp_path / "a.ckpt")]) == 0
    assert [c["name"] for c in read_checkpoint(tmp_path / "a.ckpt").categories] == list(NAMES)


def test_the_advice_for_mmengines_files_works_as_it_is_printed(theirs: dict[str, Tensor], tmp_path: Path) -> None:
    folder = tmp_path / "my runs"
    folder.mkdir()
    content = {"meta": {"dataset_meta": {"classes": NAMES}}, "state_dict": theirs, "message_hub": HistoryBuffer()}
    path = saved(content, folder / "epoch_12.ckpt")
    with pytest.raises(CheckpointError, match="HistoryBuffer") as raised:
        read_checkpoint(path)
    command = shlex.split(str(raised.value).split("`")[1])
    assert command[:3] == ["python", "-m", "contrastmask.checkpoints"]
    assert main(command[3:]) == 0
    assert [c["name"] for c in read_checkpoint(command[5]).categories] == list(NAMES)
    assert Path(command[5]) != path


def reference(kind: str) -> dict[str, Any]:
    """What torchvision's references/detection/train.py saves."""
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4)
    state: dict[str, Any] = OrderedDict(model.state_dict())
    if kind == "parallel":
        state = {f"module.{name}": value for name, value in state.items()}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return {"model": state, "optimizer": optimizer.state_dict(), "lr_scheduler": {"milestones": [16, 22]},
            "args": argparse.Namespace(lr=0.02, data_path="coco", lr_steps=[16, 22]), "epoch": 25}  # fmt: skip


@pytest.mark.parametrize("kind", ["single", "parallel"])
def test_torchvisions_reference_checkpoints_start_a_training(tmp_path: Path, kind: str) -> None:
    content = reference(kind)
    path = saved(content, tmp_path / "model_25.pth")
    report = load_initialisation(build("r50", 3), path)
    parts = {"backbone.body", "backbone.fpn", "rpn.head", "roi_heads.mask_head.convs", "roi_heads.mask_head.upsample"}
    assert set(report.used) == parts
    with pytest.raises(CheckpointError, match=r"no checkpoint of this program.*init_path="):
        read_checkpoint(path)


def test_another_models_file_is_converted_to_plain_tensors(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    body = resnet18().state_dict()
    path = saved({"state_dict": body, "extra": HistoryBuffer()}, tmp_path / "body.pth")
    with pytest.raises(CheckpointError) as raised:
        read_tensors(path)
    command = shlex.split(str(raised.value).split("`")[1])
    assert main(command[3:]) == 0
    assert "init_path=" in capsys.readouterr().out
    found = torch.load(command[5], weights_only=True)["state_dict"]
    assert all(torch.equal(found[name], value) for name, value in body.items())
    # its tensors have no place in MMDetection's layout of a ContrastMask
    assert main(["convert", command[5], str(tmp_path / "x.pth"), "--layout", "mmdetection"]) == 1


def wrapped(state: dict[str, Tensor], kind: str) -> dict[str, Any]:
    other = {name: torch.zeros_like(value) for name, value in state.items()}
    if kind == "averaged":
        average = AveragedModel(torch.nn.Linear(2, 2))
        assert {"n_averaged", "module.weight", "module.bias"} == set(average.state_dict())
        return {"model_ema": {"n_averaged": torch.tensor(3), **{f"module.{n}": v for n, v in state.items()}}}
    prefixes = {"module": "module.", "compiled": "_orig_mod.module.", "lightning": "model."}
    if kind in prefixes:
        return {"state_dict": {prefixes[kind] + name: value for name, value in state.items()}}
    return {
        "mmcv": {"state_dict": {**state, **{"ema_" + n.replace(".", "_"): v for n, v in other.items()}}},
        "mmengine": {"state_dict": state, "ema_state_dict": {f"module.{n}": v for n, v in other.items()}},
        "beside": {"state_dict": {**state, **{f"ema.{n}": v for n, v in other.items()}}},
        "two models": {**{f"model.{n}": v for n, v in state.items()},
                       **{f"ema_model.{n}": v for n, v in other.items()}, "initted": torch.tensor(True)},
        "nested": {"model": {"state_dict": state}},
        "bare": state,
        "preprocessor": {"state_dict": {"data_preprocessor.mean": torch.zeros(3, 1, 1), **state}},
    }[kind]  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    ["averaged", "module", "compiled", "lightning", "mmcv", "mmengine", "beside", "two models", "nested", "bare",
     "preprocessor"],
)  # fmt: skip
def test_wrappers_and_averaged_copies(theirs: dict[str, Tensor], tmp_path: Path, kind: str) -> None:
    checkpoint = read_checkpoint(saved(wrapped(theirs, kind), tmp_path / "a.pth"))
    assert checkpoint.classes == len(NAMES)
    found = to_mmdetection(checkpoint.state)
    assert found.keys() == theirs.keys()
    assert all(torch.equal(found[name], value) for name, value in theirs.items())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"state_dict": {"a": torch.ones(1), 3: torch.ones(1)}}, "3 are not tensors"),
        ({"state_dict": {"a": torch.ones(1, dtype=torch.complex64)}}, "a is a complex tensor"),
        ({"state_dict": {"a": torch.ones(2).to_sparse()}}, "a is a sparse_coo tensor"),
        ({"state_dict": {"a": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}}, "a is a quantised"),
        ({"state_dict": {}, "epoch": 3}, "no named tensors; it has state_dict, epoch"),
        ({}, "no named tensors"),
    ],
)
def test_what_is_no_weights_is_said(tmp_path: Path, content: dict, said: str) -> None:
    path = saved(content, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match=rf"a\.pth.*{said}"):
        named_tensors(read_tensors(path), path)
