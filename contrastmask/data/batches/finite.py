"""Numbers that no network can take: images and boxes that are not finite."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Batch = tuple[list[Tensor], list[dict[str, Any]]]


class NotFiniteError(FloatingPointError):
    """A batch holds NaN or infinity.

    Args:
        what: image and field. batch: it.
    """

    def __init__(self, what: str, batch: Batch) -> None:
        super().__init__(what)
        self.batch = batch


def check_finite(batch: Batch) -> Batch:
    """The batch, all of whose images and boxes are finite.

    RoIAlign takes a NaN box for an address: versions of torchvision end the process. To be asked where the batch is on
    the host: a GPU is waited for.

    Raises:
        NotFiniteError: one is not; the message names the image.
    """
    for image, target in zip(*batch, strict=True):
        for name, value in (("pixels", image), ("boxes", target.get("boxes"))):
            if value is not None and value.is_floating_point() and not torch.isfinite(value).all():
                raise NotFiniteError(f"the {name} of image {target.get('image_id')} are not finite", batch)
    return batch
