"""From a checkpoint to a folder of graphs: written, run once beside torch, and only then published."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from contrastmask import __version__
from contrastmask.errors import CheckpointError, ConfigError
from contrastmask.export.formats import save_onnx, to_openvino
from contrastmask.export.graphs import CropGraph, MasksGraph, PyramidGraph
from contrastmask.export.quantise import Sample, quantised
from contrastmask.files.whole_folder import replace_folder
from contrastmask.prediction.predictor import Predictor
from contrastmask.runtime.model_file import ModelFile
from contrastmask.runtime.schema import CROPS, MASKS, PYRAMID, About

OPSET = 18  # onnxruntime 1.32 has RoiAlign for 16 to 21
TOLERANCE = 1e-3  # greatest difference of logits and confidence to torch's; beyond it nothing is published
FORMATS = {"onnx": ".onnx", "openvino": ".xml"}


def export(
    checkpoint: Path,
    output: Path,
    *,
    form: str = "onnx",
    precision: str = "fp32",
    sample: Callable[[Predictor], Sample] | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write a folder of a model's graphs: ``crops``, or ``pyramid`` and ``masks`` of a detector.

    Args:
        form: ``"onnx"`` or ``"openvino"``. precision: ``"fp32"`` or ``"int8"`` (the crop branch alone).
        sample: for int8: objects of the user's own images, given the model.
        overwrite: replace ``output``, which else must not exist.

    Returns:
        what there is to say, a line each.

    Raises:
        CheckpointError: the checkpoint cannot be read, or a graph's results differ from torch's.
        DataError: another process writes ``output``, or there is no room.
        ConfigError: ``output`` exists, or is something else than an earlier export; a package is missing, or the
            precision is not to be had for this model.
    """

    def check() -> None:
        if output.name and output.exists() and not overwrite:
            raise ConfigError(f"{output} exists; overwrite=true replaces it, or choose another output=DIR")
        if foreign := _foreign(output):
            raise ConfigError(f"{output} is no earlier export: {foreign}; choose another output=DIR")

    check()  # before any work
    predictor = Predictor(checkpoint, "cpu")
    if precision == "int8" and predictor.finds_boxes:
        raise ConfigError("precision=int8 is there for the crop branch alone; export a detector's parts as fp32")
    lines: list[str] = []

    def write(folder: Path) -> None:
        for kind, graph, inputs, shapes in _parts(predictor):
            path = folder / f"{kind}.onnx"
            about = _about(predictor, kind)
            save_onnx(_traced(graph, inputs, shapes), path, about)
            lines.append(_compared(path, graph, inputs))
            if precision == "int8":
                lines.extend(quantised(path, replace(about, precision="int8"), sample(predictor)))
            if form == "openvino":
                path = to_openvino(path, replace(about, precision=precision))
                if precision == "fp32":
                    lines.append(_compared(path, graph, inputs))

    replace_folder(output, write, check)
    if predictor.finds_boxes:
        lines.append(
            "a detector's proposals are not exported (their number depends on the image, and torch's exporter stops at "
            "batched_nms): give the boxes, or find them with the checkpoint itself"
        )
    return lines


def _foreign(output: Path) -> str | None:
    """What shows that something is no folder of graphs that may be replaced; None where it is one, or nothing."""
    if output.is_symlink():
        return "it is a link"
    if not output.name:
        return "it has no name of its own"
    if not output.is_dir():
        return "it is no folder" if output.exists() else None
    known = {f"{kind}{suffix}" for kind in (CROPS, PYRAMID, MASKS) for suffix in (".onnx", ".xml", ".bin")}
    other = sorted({path.name for path in output.iterdir()} - known)
    return f"it holds {', '.join(other[:3])}" if other else None


def _parts(predictor: Predictor) -> list[tuple[str, nn.Module, tuple[Tensor, ...], tuple[Any, ...]]]:
    """Kind, graph, example inputs and which of their sides are free."""
    generator = torch.Generator().manual_seed(0)
    objects = Dim("objects", min=1)
    if not predictor.finds_boxes:
        segmenter = predictor.detector
        side = segmenter.side
        crops = torch.randint(0, 256, (3, 3, side, side), dtype=torch.uint8, generator=generator)
        boxes = torch.tensor([[0.1, 0.1, 0.9, 0.9]]).repeat(3, 1)
        near = torch.rand((3, side, side), generator=generator)
        return [(CROPS, CropGraph(segmenter), (crops, boxes, near), ({0: objects},) * 3)]
    detector = predictor.detector
    step = max(detector.divisor, 32)
    height, width = 4 * step, 5 * step
    image = torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator)
    size = torch.tensor([height - 5, width - 3])
    pyramid, masks = PyramidGraph(detector), MasksGraph(detector)
    rows, columns = Dim("rows", min=2), Dim("columns", min=2)
    with torch.no_grad():
        levels = pyramid(image, size)
    boxes = torch.tensor([[3.0, 5.0, 60.0, 50.0], [10.0, 10.0, 120.0, 90.0], [0.0, 0.0, 20.0, 20.0]])
    labels = torch.arange(3) % len(predictor.class_names)
    free = tuple({2: step // stride * rows, 3: step // stride * columns} for stride in (4, 8, 16, 32))
    return [
        (PYRAMID, pyramid, (image, size), ({1: step * rows, 2: step * columns}, None)),
        (MASKS, masks, (*levels, boxes, labels), (*free, {0: objects}, {0: objects})),
    ]


def _about(predictor: Predictor, kind: str) -> About:
    about = About(
        kind=kind,
        version=__version__,
        categories=[{"id": c["id"], "name": c["name"]} for c in predictor.categories],
        mean=[float(v) for v in predictor.detector.mean.flatten()],
    )
    if kind == CROPS:
        segmenter = predictor.detector
        return replace(about, side=segmenter.side, context=float(segmenter.context))
    transform = predictor.transform
    divisor = max(predictor.detector.divisor, 32)
    return replace(about, short_side=transform.short_side, long_side=transform.long_side, divisor=divisor)


def _traced(graph: nn.Module, inputs: tuple[Tensor, ...], shapes: tuple[Any, ...]) -> Any:
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError("the export needs onnx and onnxscript: pip install 'contrastmask[export]'") from error
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    # the exporter talks about itself
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        return torch.onnx.export(
            graph.eval(),
            inputs,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(graph.takes),
            output_names=list(graph.gives),
            dynamic_shapes=shapes,
            verbose=False,
        )


def _compared(path: Path, graph: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    """The file's results beside torch's, for the inputs that it was traced with.

    Raises:
        CheckpointError: they differ.
    """
    try:
        opened = ModelFile(path, "cpu")
    except ConfigError as error:  # no runtime here: the file is none the worse for it
        return f"{path.name}: not run ({error})"
    with torch.no_grad():
        wanted = dict(zip(graph.gives, graph(*inputs), strict=True))
    found = opened.run({name: value.numpy() for name, value in zip(graph.takes, inputs, strict=True)})
    differences = {name: float(np.abs(found[name] - value.numpy()).max()) for name, value in wanted.items()}
    said = ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
    if not max(differences.values()) <= TOLERANCE:
        raise CheckpointError(f"{path.name} differs from torch by {said}: nothing is written")
    return f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB, run by {opened.provider}; greatest difference {said}"
