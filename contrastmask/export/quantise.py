"""Eight-bit convolutions: ranges measured on the user's own objects, the loss on others of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contrastmask.data.annotations.load import load_annotations
from contrastmask.data.batches.object_crops import CropOptions, ObjectCrops
from contrastmask.data.batches.sampler import Key
from contrastmask.data.learnable import usable
from contrastmask.data.reading import Reading
from contrastmask.errors import ConfigError, DataError
from contrastmask.model.crops.planes import near_of
from contrastmask.prediction.predictor import Predictor
from contrastmask.runtime.model_file import ModelFile
from contrastmask.runtime.schema import KEY, About

BATCH = 8


class Sample(NamedTuple):
    """Objects of the user's own images.

    measured, judged: inputs of the graph, for ranges and for the loss; N and M objects.
    masks: bool ``[M, G, G]``, the true masks; None where the file has none.
    """

    measured: dict[str, np.ndarray]
    judged: dict[str, np.ndarray]
    masks: np.ndarray | None


def sample_of(predictor: Predictor, annotations: Path, images: Path, count: int, reading: Reading) -> Sample:
    """``count`` objects of a COCO-format file to measure on, and up to ``count`` others to judge by.

    Raises:
        DataError: the file cannot be used, or has fewer than 16 objects.
    """
    records = load_annotations(annotations, images, reading)
    segmenter = predictor.detector
    with_mask = usable(records, records.has_mask)
    rows = with_mask if len(with_mask) >= 16 else usable(records, np.ones_like(records.has_mask))
    if len(rows) < 16:
        raise DataError(f"{annotations}: {len(rows)} objects are too few to measure an int8 model on; 16 are the least")
    rows = np.random.default_rng(0).permutation(rows)
    half = min(count, len(rows) // 2)
    mean = tuple(float(v) for v in segmenter.mean.flatten())
    options = CropOptions(segmenter.side, segmenter.context, 0.0, 0.0, 0.0, 0.0, mean)
    measured, _ = _inputs(ObjectCrops(records, rows[:half], options, varied=False))
    judged, masks = _inputs(ObjectCrops(records, rows[half : 2 * half], options, varied=False))
    return Sample(measured, judged, masks if len(with_mask) >= 16 else None)


def quantised(path: Path, about: About, sample: Sample) -> list[str]:
    """Replace a crop graph's file by one with eight-bit convolutions; lines that say what it costs.

    Raises:
        ConfigError: onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise ConfigError("precision=int8 needs onnx and onnxruntime: pip install 'contrastmask[export]'") from error

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = _batches(sample.measured)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._batches, None)

    ready, small = path.with_suffix(".ready.onnx"), path.with_suffix(".int8.onnx")
    quant_pre_process(path, ready, skip_symbolic_shape=True)
    convolutions = [node.name for node in onnx.load(ready).graph.node if node.op_type == "Conv"]
    quantize_static(
        ready,
        small,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=[*convolutions[:2], convolutions[-1]],  # the pixels' own, and the logits'
    )
    model = onnx.load(small)
    onnx.helper.set_model_props(model, {KEY: about.to_json()})
    onnx.save(model, small)
    lines = _cost(path, small, sample)
    small.replace(path)
    ready.unlink()
    return lines


def _cost(full: Path, small: Path, sample: Sample) -> list[str]:
    found = [_run(ModelFile(path, "cpu"), sample.judged) for path in (full, small)]
    masks = [logits > 0 for logits, _ in found]
    sure = float(np.abs(found[0][1] - found[1][1]).max())
    lines = [
        f"int8: {len(masks[0])} objects that its ranges were not measured on: masks overlap the fp32 model's by "
        f"{100 * _overlap(*masks):.2f} %, confidence differs by at most {sure:.3f}"
    ]
    if sample.masks is not None:
        before, after = (100 * _overlap(mask, sample.masks) for mask in masks)
        lines.append(f"int8: IoU with the true masks of these objects, in their crops: {before:.2f} → {after:.2f} %")
    return lines


def _run(model: ModelFile, inputs: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    parts = [model.run(batch) for batch in _batches(inputs)]
    return np.concatenate([p["logits"] for p in parts]), np.concatenate([p["confidence"] for p in parts])


def _overlap(mine: np.ndarray, true: np.ndarray) -> float:
    both, either = (mine & true).sum(axis=(1, 2)), (mine | true).sum(axis=(1, 2))
    return float((both / np.maximum(either, 1)).mean())


def _batches(inputs: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    count = len(inputs["crops"])
    return iter([{n: v[i : i + BATCH] for n, v in inputs.items()} for i in range(0, count, BATCH)])


def _inputs(crops: ObjectCrops) -> tuple[dict[str, np.ndarray], np.ndarray]:
    samples: list[dict[str, Any]] = [crops[Key(0, 0, place)] for place in range(len(crops))]
    inputs = {
        "crops": np.stack([s["crop"].numpy() for s in samples]),
        "boxes": np.stack([s["given"].float().numpy() for s in samples]),
        "near": np.stack([near_of(s["near"]).numpy() for s in samples]),
    }
    return inputs, np.stack([s["mask"].numpy() > 0 for s in samples])
