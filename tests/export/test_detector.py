"""An exported detector: the two parts together give the masks of given boxes that the checkpoint gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

pytest.importorskip("onnxscript", reason="onnx and onnxscript are not installed (extra export)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra runtime)")

from contrastmask import Predictor
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.export.write import export
from tests.tiny_run import R18, run_train, tiny_data

pytestmark = pytest.mark.slow  # an export of each part takes half a minute
GIVEN = {"boxes": [[5, 5, 40, 30], [30, 10, 69, 49], [0, 0, 70, 50]], "labels": ["cat", "kite", "dog"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("export")
    short = ("schedule.epochs=1", "overlays=0", "evaluate_after=false")
    run_train(root / "run", *tiny_data(root / "data"), *R18, *short)
    (root / "run" / "checkpoints" / "last.ckpt").rename(root / "last.ckpt")
    lines = export(root / "last.ckpt", root / "exported")
    assert "proposals are not exported" in lines[-1]
    return root


def test_the_same_masks(root: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    true = Predictor(root / "last.ckpt", "cpu").predict(image, **GIVEN)
    for file in ("masks.onnx", "pyramid.onnx"):  # either opens both
        found = Predictor(root / "exported" / file).predict(image, **GIVEN)
        assert found.keys() == true.keys()
        for name in ("mask_probs", "scores", "confidence"):
            np.testing.assert_allclose(found[name], true[name], atol=0.02, err_msg=name)
        np.testing.assert_allclose(found["cams"], true["cams"], atol=0.02 * np.abs(true["cams"]).max())
        assert coco_mask.iou(found["rles"], true["rles"], [0] * 3).diagonal().min() > 0.95


def test_what_it_cannot(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="crop branch alone"):
        export(root / "last.ckpt", tmp_path / "small", precision="int8")
    (tmp_path / "masks.onnx").write_bytes((root / "exported" / "masks.onnx").read_bytes())
    with pytest.raises(CheckpointError, match="is missing beside it"):
        Predictor(tmp_path / "masks.onnx")
    (tmp_path / "pyramid.onnx").write_bytes((root / "exported" / "masks.onnx").read_bytes())
    with pytest.raises(CheckpointError, match="not of one model"):
        Predictor(tmp_path / "masks.onnx")
