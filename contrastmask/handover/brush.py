"""Label Studio's run lengths of a brush: an RGBA picture row by row, packed bit by bit.

The head is the number of values (32 bits), the bits of a value less one (5) and four sizes of run lengths less one
(4 bits each). Each run is 1 bit "one value", 2 bits that choose a size, the run's length less one in that size, and the
value. Format: the ``rle-pack`` package of thi.ng/umbrella, which Label Studio's editor decodes with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

_CHANNELS = 4
_VALUE_BITS = 8
_SIZES = np.array([3, 4, 8, 16])
_LONGEST = 2**16
_PAINTED = 255


def brush_of_runs(rle: dict[str, Any]) -> list[int]:
    """A mask as Label Studio's ``rle``: bytes 0..255.

    Args:
        rle: compressed run lengths ``{"size": [H, W], "counts": str}`` that have been checked.
    """
    height, width = rle["size"]
    left, top, w, h = map(int, coco_mask.toBbox(rle).tolist())
    inside = coco_mask.decode(rle)[top : top + h, left : left + w]
    row, column = np.nonzero(np.diff(np.pad(inside, ((0, 0), (1, 1))).astype(np.int8), axis=1))  # paint begins, ends
    edges = ((row + top) * width + column + left) * _CHANNELS
    # a run that reaches the right side goes on at the left one: its end and the next beginning are one place
    places, times = np.unique(edges, return_counts=True)
    edges = places[times == 1]
    total = height * width * _CHANNELS
    lengths = np.diff(np.concatenate([[0], edges, [total]]))
    values = np.where(np.arange(len(lengths)) % 2 == 1, _PAINTED, 0)
    painted = lengths > 0
    return _packed(total, lengths[painted], values[painted])


def _packed(total: int, lengths: np.ndarray, values: np.ndarray) -> list[int]:
    pieces = -(-lengths // _LONGEST)
    values = np.repeat(values, pieces)
    last = np.cumsum(pieces) - 1
    length = np.full(len(values), _LONGEST)
    length[last] = lengths - (pieces - 1) * _LONGEST
    size = np.searchsorted(2**_SIZES, length)  # the smallest that holds length - 1
    bits = _SIZES[size]
    code = ((((1 << 2) + size) << bits) + length - 1 << _VALUE_BITS) + values
    head = [(total, 32), (_VALUE_BITS - 1, 5), *((int(s) - 1, 4) for s in _SIZES)]
    codes = np.concatenate([[number for number, _ in head], code])
    counts = np.concatenate([[count for _, count in head], 3 + bits + _VALUE_BITS])
    place = np.arange(32)
    shift = counts[:, None] - 1 - place
    table = (codes[:, None] >> np.maximum(shift, 0)) & 1
    return np.packbits(table[shift >= 0].astype(np.uint8)).tolist()
