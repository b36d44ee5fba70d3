"""Masks from Python: a checkpoint and arrays in, plain dictionaries of arrays out.

    from contrastmask import Predictor
    predictor = Predictor("last.ckpt")
    found = predictor.predict(image)                                    # detect and segment
    given = predictor.predict(image, boxes=[[10, 20, 90, 80]], labels=["dog"])   # segment given boxes
    both = Predictor("detector.ckpt", crops="crops.ckpt")               # its boxes, masks of a crop branch

Neither trainer nor configuration framework is imported; threads and devices are torch's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from contrastmask.assemble import COCO_SIDES, build_detector, build_segmenter, require_no_detector, segmenter_for
from contrastmask.checkpoints.plain_network import network_config
from contrastmask.checkpoints.read import load_weights, read_checkpoint
from contrastmask.data.batches.detector_cams import DetectorCams
from contrastmask.data.batches.transforms import AsItIs, TestTransform
from contrastmask.data.trained import training_file
from contrastmask.model.crops.detections import detect_with_crops
from contrastmask.model.crops.segmenter import CropSegmenter
from contrastmask.prediction.plain import plain_objects
from contrastmask.runtime.given import checked_boxes, checked_image, label_of
from contrastmask.runtime.model_file import SUFFIXES
from contrastmask.runtime.predictor import open_predictor

NO_BOXES = (
    "{} is a crop branch: it finds no boxes. Give it boxes: predict(boxes=…, labels=…), or task=complete; or give a "
    "detector its masks: crops=FILE beside the detector's checkpoint"
)
PYRAMID = "tta={} is of a crop branch; {} is a detector with masks of its own (crops=FILE gives it a crop branch's)"
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}  # of autocast


class Predictor:
    """A trained detector ready for images.

    Args:
        checkpoint: a file of ``train.py``, a converted one, or one in MMDetection's layout; or an exported model
            (``.onnx``, ``.xml``), for which a :class:`contrastmask.runtime.given_boxes.GivenBoxes` is returned.
        crops: a crop branch (``experiment=complete``), whose masks the detector's boxes then get; boxes, labels, scores
            and their order are the detector's own. Given boxes go to the crop branch alone.
        tta: of a crop branch: ``"flip"``, ``"scales"`` or ``"all"``: a mask is the mean of 2, 3 or 6.
        device: anything torch takes; None is ``"cuda"`` where there is one, else ``"cpu"``.
        short_side, long_side: pixels that images are resized to; None takes what the checkpoint was tested with.
        score: detections must exceed it; limit: detections per image; None takes the checkpoint's own.
        mask_limit, mask_score: the best so many, those of at least this score, get the detector's mask, others an empty
            one, which saves time; None takes the checkpoint's own.
        precision: ``"fp32"``, or ``"bf16"`` and ``"fp16"`` for autocast.
        allow: foreign objects that the file may hold (see :func:`contrastmask.checkpoints.read.read_checkpoint`).

    Attributes:
        finds_boxes: False for a crop branch, which segments given boxes only; any_class: of any class.
        class_names: of the K labels; categories: ``[{"id", "name"}, …]`` in label order.
        training_file: whose masks it learnt; base: names of the classes that had some; None where the file is silent.

    Raises:
        CheckpointError: a file cannot be read, does not describe a detector of this program, or ``crops`` and
            ``checkpoint`` are not a crop branch and a detector.
        ValueError: unknown ``precision`` or ``tta``, or one that a model of this kind does not have.
    """

    any_class = False  # whether it segments objects of classes that it does not know

    def __new__(cls, checkpoint: str | Path = "", *words: Any, **choices: Any) -> Any:
        """An exported model, ``.onnx`` or ``.xml``, is opened by its own runtime, with the same methods."""
        if Path(checkpoint).suffix in SUFFIXES:
            return open_predictor(checkpoint, *words, **choices)
        return super().__new__(cls)

    def __init__(
        self,
        checkpoint: str | Path,
        device: str | torch.device | None = None,
        *,
        crops: str | Path | None = None,
        tta: str = "none",
        short_side: int | None = None,
        long_side: int | None = None,
        score: float | None = None,
        limit: int | None = None,
        mask_limit: int | None = None,
        mask_score: float | None = None,
        precision: str = "fp32",
        allow: Sequence[str] = (),
    ) -> None:
        if precision not in ("fp32", *DTYPES):
            raise ValueError(f"precision is fp32, bf16 or fp16, not {precision!r}")
        read = read_checkpoint(checkpoint, allow=allow)
        config = network_config(read)
        chosen = {"score": score, "limit": limit, "mask_limit": mask_limit, "mask_score": mask_score}
        vars(config.model.roi).update((name, value) for name, value in chosen.items() if value is not None)
        self.finds_boxes, self.any_class = not read.crops, read.crops
        self.path, self.crops_path, self.tta = Path(checkpoint), crops and Path(crops), tta
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.crops = None if crops is None else segmenter_for(read, crops, tta=tta, allow=allow)
        if not self.finds_boxes:
            require_no_detector(config, checkpoint)
            detector = build_segmenter(config, pretrained=False, tta=tta)
        elif tta != "none" and crops is None:
            raise ValueError(PYRAMID.format(tta, checkpoint))
        else:
            detector = build_detector(config, read.classes, pretrained=False)
        load_weights(detector, read)
        self.precision, self.detector = precision, detector
        for part in filter(None, (detector, self.crops)):
            part.eval().to(self.device)
            if isinstance(part, CropSegmenter):
                part.lay_out(DTYPES.get(precision))
        self.categories = read.categories or [{"id": None, "name": f"class {i}"} for i in range(read.classes)]
        self.class_names = [c["name"] for c in self.categories]
        self.training_file, self.base = (training_file(read.settings), read.base) if crops is None else (None, None)
        self.transform = self._transform(read.sides or COCO_SIDES, short_side, long_side)
        self.given_transform = self.transform if self.crops is None else AsItIs()
        told = self.crops is not None and self.crops.network.cam
        self.cams = DetectorCams(self.detector, self.transform, self.class_names, self.path) if told else None

    def _transform(self, known: tuple[int, int], short: int | None, long: int | None) -> TestTransform | AsItIs:
        if self.finds_boxes:
            short, long = short or known[0], long or known[1]
            return TestTransform(short, max(long, short))
        if short or long:
            raise ValueError(f"{self.path} is a crop branch, which sees images at their own size: no sides to choose")
        return AsItIs()

    def predict(
        self, image: np.ndarray, *, boxes: Any = None, labels: Any = None, masks: bool = True
    ) -> dict[str, Any]:
        """Detect and segment the objects of one image, or segment those given.

        Args:
            image: uint8 ``[H, W, 3]``, RGB.
            boxes: ``[N, 4]`` xyxy in the image's pixels; together with ``labels``, N class names or numbers in 0..K-1.
            masks: whether to decode ``masks``; without them the memory does not depend on the image's size.

        Returns:
            N objects, detections best first, given ones in their order: ``boxes`` float32 ``[N, 4]`` xyxy, ``scores``
            float32 ``[N]`` in 0..1 (of given boxes: the mean foreground probability), ``labels`` int64 ``[N]``,
            ``names``, ``rles`` (COCO run lengths), ``masks`` bool ``[N, H, W]``, ``mask_probs`` float32
            ``[N, 28, 28]`` inside the box, ``confidence`` float32 ``[N]`` in 0..1, the overlap that a mask expects with
            the truth, ``cams`` float32 ``[N, 7, 7]``, unnormalised. The ``mask_probs`` of a crop branch, ``[N, S, S]``,
            lie in ``windows``, ``[N, 4]`` xyxy around the boxes; asked for given boxes it has no ``cams``, and its
            ``scores`` are the confidence.

        Raises:
            ValueError: a crop branch without boxes, an image or boxes of another form, boxes without area inside the
                image, or unknown labels.
        """
        given = None if boxes is None and labels is None else [(boxes, labels)]
        return self.predict_batch([image], given, masks=masks)[0]

    @torch.inference_mode()
    def predict_batch(
        self, images: Sequence[np.ndarray], given: Sequence[tuple[Any, Any]] | None = None, *, masks: bool = True
    ) -> list[dict[str, Any]]:
        """:meth:`predict` for several images in one pass; ``given``: boxes and labels of each image."""
        if not len(images):
            return []
        inputs, sizes, all_boxes, all_labels = [], [], [], []
        transform = self.transform if given is None else self.given_transform
        arrays = [torch.from_numpy(np.ascontiguousarray(checked_image(i).transpose(2, 0, 1))) for i in images]
        for number, pixels in enumerate(arrays):
            target: dict[str, Any] = {}
            if given is not None:
                boxes, labels = self._given(*given[number], pixels.shape[-2:])
                target["boxes"] = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=tuple(pixels.shape[-2:]))
                all_labels.append(labels.to(self.device))
            resized, target = transform(tv_tensors.Image(pixels), target)
            inputs.append(resized.as_subclass(Tensor).to(self.device))
            sizes.append(tuple(pixels.shape[-2:]))
            if given is not None:
                all_boxes.append(target["boxes"].as_subclass(Tensor).to(self.device))
        if given is not None:
            return self.begin_resized(inputs, sizes, all_boxes, all_labels, masks=masks)()
        if not self.finds_boxes:
            raise ValueError(NO_BOXES.format(self.path))
        with self._autocast():
            if self.crops is None:
                found = self.detector.predict(inputs, sizes)
            else:
                found = detect_with_crops(self.detector, self.crops, inputs, sizes, [a.to(self.device) for a in arrays])
        return [plain_objects(f, size, self.class_names, masks=masks) for f, size in zip(found, sizes, strict=True)]

    @torch.inference_mode()
    def begin_resized(
        self,
        images: Sequence[Tensor],
        original_sizes: Sequence[tuple[int, int]],
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        beside: Sequence[Tensor] | None = None,
        *,
        masks: bool = False,
    ) -> Callable[[], list[dict[str, Any]]]:
        """Put given boxes of images after ``given_transform`` through the network.

        Args:
            images: uint8 ``[3, h, w]`` network inputs; original_sizes: ``(H, W)`` of each as it was.
            boxes: per image ``[n, 4]`` xyxy in pixels of the network input; labels: per image ``[n]`` in 0..K-1.
            beside: per image ``[m, 4]``, boxes of other objects there; a crop branch is told of them.

        Returns:
            what does the rest, in any thread, and gives the objects of each image as :meth:`predict` returns them.
        """
        asked = self.detector if self.crops is None else self.crops
        tells = isinstance(asked, CropSegmenter) and beside is not None
        more: dict[str, Any] = {"beside": [b.to(self.device) for b in beside]} if tells else {}
        images, boxes, labels = ([part.to(self.device) for part in parts] for parts in (images, boxes, labels))
        if self.cams is not None:
            more["cams"] = [self.cams(*part) for part in zip(images, boxes, labels, strict=True)]
        with self._autocast():
            found = asked.segment(images, list(original_sizes), boxes, labels, **more)

        @torch.inference_mode()
        def finish() -> list[dict[str, Any]]:
            each = zip(found, original_sizes, strict=True)
            return [plain_objects(f, size, self.class_names, masks=masks) for f, size in each]

        return finish

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=DTYPES.get(self.precision), enabled=self.precision in DTYPES)

    def label(self, name: str | int) -> int:
        """The label of a class name, or of a label itself.

        Raises:
            ValueError: it is neither; the message lists the classes.
        """
        return label_of(name, self.class_names, self.path)

    def _given(self, boxes: Any, labels: Any, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        inside = torch.from_numpy(checked_boxes(boxes, labels, size))
        return inside, torch.tensor([self.label(name) for name in labels], dtype=torch.long)
