"""A run of the crop branch on a body of timm, and everything that works from its checkpoint alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from rich.console import Console

from contrastmask import Predictor
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.programs.build_crops import with_own_colours
from tests.composing import composed
from tests.programs.test_crops import train_crops
from tests.tiny_run import run_test, run_train, tiny_data

timm = pytest.importorskip("timm", reason="needs timm: pip install 'contrastmask[timm]'")
BODY = ("backbone=timm", "backbone.name=test_convnext")
GIVEN = {"boxes": [[5, 5, 40, 30], [30, 10, 69, 49]], "labels": ["cat", "kite"]}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...], Path]:
    root = tmp_path_factory.mktemp("timm")
    torch.manual_seed(1)
    weights = root / "body.pth"
    torch.save(timm.create_model("test_convnext").state_dict(), weights)
    data = tiny_data(root / "data", n_images=12)
    train_crops(root / "out", *data, *BODY, f"backbone.weights={weights}", "schedule.epochs=1")
    weights.unlink()  # nothing of what follows needs it
    return root / "out" / "checkpoints" / "last.ckpt", data, root / "out"


def test_the_run_says_its_body_and_its_colours(run: tuple[Path, tuple[str, ...], Path]) -> None:
    checkpoint, _, folder = run
    config = torch.load(checkpoint, weights_only=True)["contrastmask"]["config"]
    assert config["backbone"] == {
        **config["backbone"], "library": "timm", "name": "test_convnext", "mean": [127.5] * 3, "std": [127.5] * 3,
    }  # fmt: skip
    assert "test_convnext" in config["run_name"]
    results = json.loads((folder / "results.json").read_text())
    assert 0 < results["given_boxes"]["novel"]["IoU"] < 100


def test_it_is_evaluated_predicts_and_completes_by_itself(
    run: tuple[Path, tuple[str, ...], Path], tmp_path: Path
) -> None:
    checkpoint, data, folder = run
    again = run_test(tmp_path / "test", *data, f"ckpt_path={checkpoint}")
    results = json.loads((folder / "results.json").read_text())
    assert again["given_boxes"]["all"]["IoU"] == pytest.approx(results["given_boxes"]["all"]["IoU"], abs=1e-9)
    predictor = Predictor(checkpoint, "cpu")
    assert predictor.detector.mean.flatten().tolist() == [127.5] * 3
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    assert predictor.predict(image, **GIVEN)["mask_probs"].shape == (2, 32, 32)
    root = Path(data[0].removeprefix("data.root="))
    content = json.loads((root / "annotations" / "val.json").read_text())
    content["annotations"] = [{**row, "segmentation": [], "iscrowd": 0} for row in content["annotations"]]
    (tmp_path / "in.json").write_text(json.dumps(content))
    options = CompletionOptions(tmp_path / "in.json", root / "val", tmp_path / "out.json")
    assert complete(options, predictor, Console(quiet=True))["completed"] == len(content["annotations"])


def test_a_run_goes_on_on_the_same_body_alone(run: tuple[Path, tuple[str, ...], Path], tmp_path: Path) -> None:
    checkpoint, data, _ = run
    more = (*data, "schedule.epochs=2", "backbone.weights=null", f"ckpt_path={checkpoint}", "evaluate_after=false")
    train_crops(tmp_path / "on", *BODY, *more)
    assert torch.load(tmp_path / "on" / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 2
    with pytest.raises(CheckpointError, match=r"backbone\.name is 'test_convnext' there and 'test_resnet' here"):
        train_crops(tmp_path / "other", "backbone=timm", "backbone.name=test_resnet", *more)
    with pytest.raises(CheckpointError, match=r"backbone\.library is 'timm' there and 'torchvision' here"):
        train_crops(tmp_path / "r18", *more)
    start = [o for o in more if "ckpt_path" not in o]
    train_crops(tmp_path / "new", *BODY, *start, f"init_path={checkpoint}", "trainer.max_steps=1")
    with pytest.raises(CheckpointError, match="does not fit this model"):
        train_crops(tmp_path / "other", *start, f"init_path={checkpoint}")
    with pytest.raises(CheckpointError, match="holds a crop branch, no detector"):
        run_train(tmp_path / "detector", *data, f"init_path={checkpoint}")


def test_a_body_that_does_not_fit_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="strides 16 alone"):
        train_crops(
            tmp_path, "backbone=timm", "backbone.name=test_vit", "data.root=nowhere", "backbone.weights=none.pth"
        )


def test_colours_of_ones_own_stay() -> None:
    cfg = composed("experiment=complete", *BODY, "backbone.mean=[1,2,3]")
    assert OmegaConf.to_container(with_own_colours(cfg).backbone)["mean"] == [1, 2, 3]
    assert list(with_own_colours(cfg).backbone.std) == [127.5] * 3
    torchvisions = composed("experiment=complete")
    assert with_own_colours(torchvisions) is torchvisions


def test_a_checkpoint_where_timm_is_not_installed(
    run: tuple[Path, tuple[str, ...], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"test_convnext is one of timm's.*pip install 'contrastmask\[timm\]'"):
        Predictor(run[0], "cpu")


@pytest.mark.slow
def test_it_is_exported(run: tuple[Path, tuple[str, ...], Path], tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs onnx and onnxscript: pip install 'contrastmask[export]'")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install 'contrastmask[export]'")
    from contrastmask.export.write import export

    export(run[0], tmp_path / "model")
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    ours = Predictor(run[0], "cpu").predict(image, **GIVEN)
    theirs = Predictor(tmp_path / "model" / "crops.onnx").predict(image, **GIVEN)
    assert np.abs(ours["mask_probs"] - theirs["mask_probs"]).max() < 0.02
