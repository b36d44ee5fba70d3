"""Two rows for one object: Label Studio writes its box and its mask as objects of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from contrastmask.data.annotations.sieve import Sieve

SAME = 0.95  # IoU of two boxes of one class in one image
NEIGHBOURS = 4  # rows after a row, by left edge, that are compared with it
REASON = "of the same class and box as another of their image: two rows for one object"


def find_doubles(
    boxes: np.ndarray, image: np.ndarray, label: np.ndarray, considered: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows for one object: positions of the earlier and the later row, int64 [D] each.

    Args:
        boxes: float64 [A, 4], xyxy. image, label: int64 [A]. considered: bool [A].
    """
    rows = np.flatnonzero(considered)
    group = image[rows] * (1 + label.max(initial=0)) + label[rows]
    rows = rows[np.lexsort((boxes[rows, 0], group))]
    box, group, firsts, seconds = boxes[rows], np.stack([image[rows], label[rows]]), [], []
    for step in range(1, min(NEIGHBOURS, len(rows) - 1) + 1):
        at = np.flatnonzero((group[:, :-step] == group[:, step:]).all(axis=0))
        one, other = box[at], box[at + step]
        near = np.abs(one - other).max(axis=1) <= 0.06 * (one[:, 2:] - one[:, :2]).max(axis=1)
        at, one, other = at[near], one[near], other[near]
        same = at[_iou(one, other) >= SAME]
        firsts.append(np.minimum(rows[same], rows[same + step]))
        seconds.append(np.maximum(rows[same], rows[same + step]))
    if not firsts:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(firsts), np.concatenate(seconds)


def _iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    side = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    both = np.clip(side, 0, None).prod(axis=1)
    return both / ((one[:, 2:] - one[:, :2]).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1) - both)


def settle_doubles(
    boxes: np.ndarray,
    image: np.ndarray,
    has_mask: np.ndarray,
    considered: np.ndarray,
    same_mask: Callable[[int, int], bool],
    sieve: Sieve,
    *,
    join: bool,
) -> None:
    """Count doubled rows; with `join` drop one of each pair: the one without a mask, else the later.

    Of two masks that differ none is dropped: they may be two people's work.

    Args:
        same_mask: whether two rows have the very same segmentation.
    """
    first, second = find_doubles(boxes, image, sieve.label, considered)
    if len(first) == 0:
        return
    spare = np.zeros(len(boxes), dtype=bool)
    masks = has_mask[first].astype(int) + has_mask[second]
    spare[np.where(has_mask[first], second, first)[masks == 1]] = True
    spare[second[masks == 0]] = True
    both = np.zeros(len(boxes), dtype=bool)
    for one, other in zip(first[masks == 2].tolist(), second[masks == 2].tolist(), strict=True):
        (spare if same_mask(one, other) else both)[other] = True
    if join:
        sieve.drop(spare, REASON + ", joined")
    else:
        sieve.count("warning", spare, REASON, "data.duplicates=join keeps one of them, the one with a mask")
    remedy = "neither is left out; mend the file"
    sieve.count("warning", both & ~spare, "of the same class and box as another, with another mask", remedy)
