"""A completion's masks by an exported model: no torch; the next images are read while one is segmented."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from contrastmask.completion.in_order import in_order
from contrastmask.completion.pieces import piece_of
from contrastmask.data.images.plain import read_plain
from contrastmask.data.records import Records
from contrastmask.errors import DataError
from contrastmask.runtime.given_boxes import GivenBoxes

Begun = tuple[int, np.ndarray, Callable[[], dict[str, Any]]]  # image, rows of the records, what gives their masks


def segmented(
    predictor: GivenBoxes,
    records: Records,
    groups: Sequence[list[int]],
    chosen: np.ndarray,
    labels: np.ndarray,
    num_workers: int,
) -> Iterator[Callable[[], dict[str, Any]]]:
    """As :func:`contrastmask.completion.with_torch.segmented`; ``num_workers``: threads that read images."""
    images = (image for group in groups for image in group)
    pictures = in_order(partial(_read, records), images, max(num_workers, 1), 2 + num_workers)
    with closing(pictures):
        for group in groups:
            begun = []
            for image in group:
                pixels = next(pictures)
                if pixels is not None:
                    begun.append((image, *_segment(predictor, records, image, pixels, chosen, labels)))
            yield partial(_piece, records, group, begun)


def _piece(records: Records, group: list[int], begun: list[Begun]) -> dict[str, Any]:
    return piece_of(records, group, ((image, rows, finish()) for image, rows, finish in begun))


def _read(records: Records, image: int) -> np.ndarray | None:
    try:
        return read_plain(records, image)
    except DataError:  # who misses it tells why
        return None


def _segment(
    predictor: GivenBoxes, records: Records, image: int, pixels: np.ndarray, chosen: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, Callable[[], dict[str, Any]]]:
    rows = np.arange(records.offsets[image], records.offsets[image + 1])
    rows = rows[~records.crowd[rows]]
    asked, others = rows[chosen[rows]], rows[~chosen[rows]]
    known = labels[records.labels[asked]]
    return asked, predictor.begin(pixels, records.boxes[asked], known, records.boxes[others])
