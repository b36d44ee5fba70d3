"""What exported models have in common: masks of given boxes, by the API of :class:`contrastmask.Predictor`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from contrastmask.runtime.given import checked_boxes, checked_image, label_of
from contrastmask.runtime.model_file import ModelFile
from contrastmask.runtime.pasting import encode


class GivenBoxes:
    """What exported models have in common; a subclass says what masks boxes have.

    Attributes:
        path: of the file. about: what it tells of itself. provider: what runs it. precision: ``fp32`` or ``int8``.
        finds_boxes: False: boxes are given to it. crops: None, as no crop branch stands beside it. tta: as asked for.
        class_names: of the K labels; categories: ``[{"id", "name"}, …]`` in label order.
    """

    finds_boxes = False
    any_class = True  # whether it segments objects of classes that it does not know
    training_file: Path | None = None  # an exported model does not say what it learnt from
    base: tuple[str, ...] | None = None

    def __init__(self, path: Path, model: ModelFile, tta: str = "none") -> None:
        self.tta, self.crops = tta, None
        self.path, self.about, self.provider = path, model.about, model.provider
        self.precision = model.about.precision
        self.categories = model.about.categories
        self.class_names = [category["name"] for category in model.about.categories]

    def label(self, name: str | int) -> int:
        """The label of a class name, or of a label itself.

        Raises:
            ValueError: it is neither; the message lists the classes.
        """
        return label_of(name, self.class_names, self.path)

    def predict(
        self, image: np.ndarray, *, boxes: Any = None, labels: Any = None, masks: bool = True
    ) -> dict[str, Any]:
        """Segment the given objects of one image; arguments and results as of :class:`contrastmask.Predictor`.

        Raises:
            ValueError: an image or boxes of another form, no boxes, boxes without area inside the image, or unknown
                labels.
        """
        if boxes is None and labels is None:
            raise ValueError(f"{self.path}: an exported model finds no boxes; give boxes and labels")
        image = checked_image(image)
        inside = checked_boxes(boxes, labels, image.shape[:2])
        known = np.array([self.label(name) for name in labels], dtype=np.int64)
        return self.begin(image, inside, known, masks=masks)()

    def predict_batch(
        self, images: Sequence[np.ndarray], given: Sequence[tuple[Any, Any]] | None = None, *, masks: bool = True
    ) -> list[dict[str, Any]]:
        """:meth:`predict` for several images."""
        pairs = [(None, None)] * len(images) if given is None else given
        return [
            self.predict(image, boxes=boxes, labels=labels, masks=masks)
            for image, (boxes, labels) in zip(images, pairs, strict=True)
        ]

    def begin(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        labels: np.ndarray,
        beside: np.ndarray | None = None,
        *,
        masks: bool = False,
    ) -> Callable[[], dict[str, Any]]:
        """Put boxes that are known to be sound through the network.

        Args:
            image: uint8 ``[H, W, 3]``. boxes: float32 ``[N, 4]`` xyxy. labels: int64 ``[N]``, -1 for unknown classes.
            beside: ``[M, 4]``, boxes of other objects, which no mask is asked of: a crop branch is told of them.

        Returns:
            what does the rest, in any thread, and gives the objects as :meth:`predict` returns them.
        """
        size = (int(image.shape[0]), int(image.shape[1]))
        boxes = boxes.astype(np.float32)
        near = boxes[:0] if beside is None else beside.astype(np.float32)
        found = {"boxes": boxes, "labels": labels, **self._found(image, boxes, labels, near)}

        def finish() -> dict[str, Any]:
            frame = found.get("windows", boxes).astype(np.float64)
            found["rles"] = encode(found["mask_probs"].astype(np.float32), frame, size)
            found["names"] = ["" if i < 0 else self.class_names[i] for i in labels.tolist()]
            if masks:
                shown = [coco_mask.decode(rle).astype(bool) for rle in found["rles"]]
                found["masks"] = np.stack(shown) if shown else np.zeros((0, *size), dtype=bool)
            return found

        return finish

    def _found(self, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, beside: np.ndarray) -> dict[str, Any]:
        """``scores``, ``confidence`` ``[N]``, ``mask_probs`` ``[N, S, S]``, and ``windows`` where not the boxes are
        their frame."""
        raise NotImplementedError


def sigmoid(values: np.ndarray) -> np.ndarray:
    """float32, of values far out, too."""
    return 1 / (1 + np.exp(-np.clip(values.astype(np.float32), -60, 60)))
