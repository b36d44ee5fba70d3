"""An exported crop branch: the same masks without torch, from files that say what they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from rich.console import Console

pytest.importorskip("onnxscript", reason="onnx and onnxscript are not installed (extra export)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra runtime)")

from contrastmask import Predictor
from contrastmask.__main__ import main
from contrastmask.completion.complete import complete
from contrastmask.completion.options import CompletionOptions
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.export.write import export
from contrastmask.runtime.given_boxes import GivenBoxes
from contrastmask.runtime.predictor import open_predictor
from tests.programs.test_crops import train_crops
from tests.tiny_run import R18, tiny_data

GIVEN = {"boxes": [[5, 5, 40, 30], [30, 10, 69, 49]], "labels": ["cat", "kite"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained crop branch, its data and its export."""
    root = tmp_path_factory.mktemp("export")
    data = tiny_data(root / "data", n_images=12)
    short = ("schedule.epochs=1", "overlays=0", "logger=none", "evaluate_after=false")
    train_crops(root / "run", *data, *R18, *short)
    (root / "run" / "checkpoints" / "last.ckpt").rename(root / "last.ckpt")
    lines = export(root / "last.ckpt", root / "exported")
    assert len(lines) == 1
    assert "greatest difference logits" in lines[0]
    return root


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)


def test_only_an_earlier_export_is_replaced(root: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(run)
    for name, said in (
        ("run", "it holds checkpoints, mine.txt"),
        ("file", "it is no folder"),
        ("link", "it is a link"),
    ):
        with pytest.raises(ConfigError, match=f"{name} is no earlier export: {said}; choose another output"):
            export(root / "last.ckpt", tmp_path / name, overwrite=True)
    assert (run / "mine.txt").read_text() == (tmp_path / "file").read_text() == "mine"
    shutil.copytree(root / "exported", tmp_path / "again")
    (tmp_path / "again" / "crops.onnx").write_bytes(b"")
    export(root / "last.ckpt", tmp_path / "again", overwrite=True)
    assert (tmp_path / "again" / "crops.onnx").stat().st_size > 1000


def test_the_same_masks(root: Path, image: np.ndarray) -> None:
    true = Predictor(root / "last.ckpt", "cpu").predict(image, **GIVEN)
    exported = Predictor(root / "exported" / "crops.onnx")
    assert isinstance(exported, GivenBoxes)
    assert exported.provider == "CPUExecutionProvider"
    found = exported.predict(image, **GIVEN)
    assert found.keys() == true.keys()
    assert found["names"] == true["names"]
    # crops differ by a rounding of the resize
    np.testing.assert_allclose(found["mask_probs"], true["mask_probs"], atol=5e-3)
    np.testing.assert_allclose(found["confidence"], true["confidence"], atol=1e-3)
    assert coco_mask.iou(found["rles"], true["rles"], [0, 0]).diagonal().min() > 0.98
    both = [Predictor(file, "cpu", tta="flip").predict(image, **GIVEN) for file in (exported.path, root / "last.ckpt")]
    np.testing.assert_allclose(both[0]["mask_probs"], both[1]["mask_probs"], atol=5e-3)
    none = exported.predict(image, boxes=[], labels=[])
    assert none["masks"].shape == (0, 50, 70)


def test_a_completion_by_it(root: Path, tmp_path: Path) -> None:
    content = json.loads((root / "data" / "annotations" / "val.json").read_text())
    for row in content["annotations"]:
        row.pop("segmentation")
        row["iscrowd"] = 0
    (tmp_path / "in.json").write_text(json.dumps(content))
    rows = {}
    for name, file in (("torch", root / "last.ckpt"), ("onnx", root / "exported" / "crops.onnx")):
        options = CompletionOptions(tmp_path / "in.json", root / "data" / "val", tmp_path / f"{name}.json")
        summary = complete(options, Predictor(file, "cpu"), Console(quiet=True))
        assert summary["completed"] == len(content["annotations"])
        rows[name] = json.loads((tmp_path / f"{name}.json").read_text())["annotations"]
    for mine, true in zip(rows["onnx"], rows["torch"], strict=True):
        assert mine["id"] == true["id"]
        assert mine["segmentation_confidence"] == pytest.approx(true["segmentation_confidence"], abs=2e-3)


def test_no_torch_is_imported(root: Path, tmp_path: Path) -> None:
    """What reads the file needs numpy, Pillow, pycocotools and onnxruntime."""
    program = f"""
import sys
class Never:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "pytorch_lightning", "hydra", "omegaconf", "onnx"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.split(".")[0])
sys.meta_path.insert(0, Never())
import numpy as np
from contrastmask import Predictor
predictor = Predictor({str(root / "exported" / "crops.onnx")!r})
image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
print(predictor.predict(image, boxes=[[5, 5, 40, 30]], labels=["cat"])["rles"][0]["counts"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    here = Predictor(root / "exported" / "crops.onnx").predict(image, boxes=[[5, 5, 40, 30]], labels=["cat"])
    assert done.stdout.strip() == here["rles"][0]["counts"]


@pytest.mark.slow
def test_eight_bits_say_what_they_cost(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    annotations = root / "data" / "annotations" / "train.json"
    words = [f"ckpt_path={root / 'last.ckpt'}", f"output={tmp_path / 'small'}", "precision=int8", "objects=8"]
    data = [f"data.annotations={annotations}", f"data.images={root / 'data' / 'train'}"]
    with pytest.raises(SystemExit):
        main(["export", *words])
    assert "data.annotations=FILE" in capsys.readouterr().err
    assert not main(["export", *words, *data])
    said = capsys.readouterr().out
    assert "IoU with the true masks of these objects" in said
    small = Predictor(tmp_path / "small" / "crops.onnx")
    assert small.precision == "int8"
    assert (tmp_path / "small" / "crops.onnx").stat().st_size < 0.5 * (root / "exported" / "crops.onnx").stat().st_size


def test_a_folder_is_not_replaced_unasked(root: Path) -> None:
    before = (root / "exported" / "crops.onnx").read_bytes()
    with pytest.raises(ConfigError, match="overwrite=true"):
        export(root / "last.ckpt", root / "exported")
    assert (root / "exported" / "crops.onnx").read_bytes() == before


def test_damaged_and_foreign_files(root: Path, tmp_path: Path, image: np.ndarray) -> None:
    import onnx

    whole = (root / "exported" / "crops.onnx").read_bytes()
    bad = tmp_path / "bad.onnx"
    for content in (whole[: len(whole) // 2], b"", b"no model at all" * 100):
        bad.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"bad\.onnx"):
            Predictor(bad)
    with pytest.raises(CheckpointError, match="does not exist"):
        Predictor(tmp_path / "absent.onnx")
    with pytest.raises(CheckpointError, match=r"is no exported model .* needs PyTorch"):
        open_predictor(root / "last.ckpt")
    model = onnx.load(root / "exported" / "crops.onnx")
    del model.metadata_props[:]
    onnx.save(model, bad)
    with pytest.raises(CheckpointError, match="does not tell what it is"):
        Predictor(bad)
    model = onnx.load(root / "exported" / "crops.onnx")
    about = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps({**about, "side": 96})
    onnx.save(model, bad)
    with pytest.raises(CheckpointError, match="cannot be run"):
        Predictor(bad).predict(image, **GIVEN)


def test_what_an_exported_model_cannot(root: Path, tmp_path: Path, image: np.ndarray) -> None:
    file = tmp_path / "crops.onnx"
    shutil.copy(root / "exported" / "crops.onnx", file)
    predictor = Predictor(file)
    with pytest.raises(ValueError, match="finds no boxes"):
        predictor.predict(image)
    with pytest.raises(ValueError, match="takes no score"):
        Predictor(file, score=0.5)
    with pytest.raises(ValueError, match="tta=none or flip"):
        Predictor(file, tta="scales")
    with pytest.raises(ValueError, match="bf16"):
        Predictor(file, precision="bf16")
    with pytest.raises(ConfigError, match="no device 'tpu'"):
        Predictor(file, "tpu")
    with pytest.raises(ValueError, match="no class"):
        predictor.predict(image, boxes=[[5, 5, 40, 30]], labels=["unicorn"])
    with pytest.raises(SystemExit):
        main(["predict", f"ckpt_path={file}", "source=*.png", f"output={tmp_path / 'found'}"])


def test_openvino(root: Path, tmp_path: Path, image: np.ndarray) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed (extra openvino)")
    lines = export(root / "last.ckpt", tmp_path / "exported", form="openvino")
    assert "OpenVINO CPU" in lines[-1]
    files = {path.name for path in (tmp_path / "exported").iterdir()}
    assert files == {"crops.xml", "crops.bin"}
    true = Predictor(root / "last.ckpt", "cpu").predict(image, **GIVEN)
    found = Predictor(tmp_path / "exported" / "crops.xml").predict(image, **GIVEN)
    np.testing.assert_allclose(found["mask_probs"], true["mask_probs"], atol=5e-3)
    data = [
        f"data.annotations={root / 'data' / 'annotations' / 'train.json'}",
        f"data.images={root / 'data' / 'train'}",
    ]
    words = [f"ckpt_path={root / 'last.ckpt'}", f"output={tmp_path / 'small'}", "format=openvino", "precision=int8"]
    assert not main(["export", *words, "objects=8", *data])
    assert Predictor(tmp_path / "small" / "crops.xml").predict(image, **GIVEN)["masks"].shape == (2, 50, 70)
    (tmp_path / "exported" / "crops.xml").write_text("<net>")
    with pytest.raises(CheckpointError, match=r"crops\.xml"):
        Predictor(tmp_path / "exported" / "crops.xml")
