"""Objects cut out of an image and what a network is told of boxes: :mod:`contrastmask.model.crops`, with numpy alone.

N objects; S pixels on a side of what is cut out, G cells of a grid; boxes and windows xyxy.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

MOST = 2.0  # boxes over one place that make a difference


def windows_of(boxes: np.ndarray, context: float) -> np.ndarray:
    """``[N, 4]`` boxes with ``context`` of their sides around them, out to whole pixels; float32 ``[N, 4]``."""
    boxes = boxes.astype(np.float32)
    margin = np.float32(context) * (boxes[:, 2:] - boxes[:, :2])
    low = np.floor(boxes[:, :2] - margin)
    return np.concatenate([low, np.maximum(np.ceil(boxes[:, 2:] + margin), low + 1)], axis=1)


def cut_out(image: np.ndarray, windows: np.ndarray, side: int, fill: np.ndarray) -> np.ndarray:
    """What lies inside each window, resized to ``[S, S]`` without aliasing.

    Args:
        image: uint8 ``[H, W, 3]``. windows: ``[N, 4]`` of whole numbers. side: S.
        fill: ``[3]``, 0..255, of what lies outside the image.

    Returns:
        uint8 ``[N, 3, S, S]``.
    """
    cut = np.empty((len(windows), 3, side, side), dtype=np.uint8)
    for number, (left, top, right, bottom) in enumerate(windows.astype(int).tolist()):
        inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if inside.shape[:2] != (bottom - top, right - left):
            whole = np.empty((bottom - top, right - left, 3), dtype=np.uint8)
            whole[:] = fill.astype(np.uint8)
            y, x = max(-top, 0), max(-left, 0)
            whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
            inside = whole
        picture = Image.fromarray(np.ascontiguousarray(inside)).resize((side, side), Image.Resampling.BILINEAR)
        cut[number] = np.asarray(picture).transpose(2, 0, 1)
    return cut


def into_windows(boxes: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Boxes of the image in shares of windows, ``[..., 4]`` of shapes that broadcast; float32."""
    corner, sides = windows[..., :2], windows[..., 2:] - windows[..., :2]
    return np.concatenate([(boxes[..., :2] - corner) / sides, (boxes[..., 2:] - corner) / sides], axis=-1)


def neighbour_plane(boxes: np.ndarray, counts: np.ndarray, side: int) -> np.ndarray:
    """How many other boxes lie over each place of a crop, float32 ``[N, S, S]`` in 0..2.

    Args:
        boxes: ``[N, M, 4]``, the M boxes of the image in shares of each crop. counts: bool ``[N, M]``.
    """
    columns, rows = _covered(boxes, side)
    return np.minimum(np.matmul((rows * counts[..., None]).swapaxes(-1, -2), columns), np.float32(MOST))


def box_cells(boxes: np.ndarray, cells: int) -> np.ndarray:
    """Cells of a crop's grid that a box, ``[N, 4]`` in shares of the crop, touches; bool ``[N, G, G]``."""
    low, high = np.floor(boxes[:, :2] * cells), np.ceil(boxes[:, 2:] * cells)
    high = np.maximum(high, low + 1)
    place = np.arange(cells)
    across = (place >= low[:, :1]) & (place < high[:, :1])
    down = (place >= low[:, 1:]) & (place < high[:, 1:])
    return down[:, :, None] & across[:, None, :]


def mirrored_boxes(boxes: np.ndarray) -> np.ndarray:
    """``[N, 4]`` in shares of crops → those of the mirrored crops."""
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)


def _covered(boxes: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """``[..., S]`` of columns and of rows, the share of each that the boxes cover."""
    low = np.arange(side, dtype=np.float32)
    scaled = boxes.astype(np.float32) * np.float32(side)

    def along(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        return np.clip(np.minimum(low + 1, last[..., None]) - np.maximum(low, first[..., None]), 0, 1)

    return along(scaled[..., 0], scaled[..., 2]), along(scaled[..., 1], scaled[..., 3])
