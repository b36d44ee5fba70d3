"""Masks drawn from their run lengths no farther than they reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from contrastmask.data.columns import offsets_of
from contrastmask.data.segmentation.rle import read_runs

Spans = tuple[np.ndarray, np.ndarray]  # int64 [R] each: where the runs of ones start and end, column by column


def read_spans(rles: Sequence[dict[str, Any]]) -> list[Spans | None]:
    """Of each mask; None where its run lengths are malformed or do not add up to its size."""
    counts = [rle["counts"].encode() if type(rle["counts"]) is str else rle["counts"] for rle in rles]
    text = np.frombuffer(b"".join(counts), dtype=np.uint8)
    runs = read_runs(text, offsets_of(np.array([len(part) for part in counts], dtype=np.int64)))
    pixels = np.array([rle["size"][0] * rle["size"][1] for rle in rles], dtype=np.int64)
    sound = runs.ok & (runs.sums[0] == pixels)
    ends = np.cumsum(runs.values)
    ends -= np.append(0, ends)[runs.offsets[:-1]][runs.owner]
    drawn = (runs.position % 2 == 1) & (runs.values > 0)
    bounds = np.searchsorted(runs.owner[drawn], np.arange(len(rles) + 1))
    stop, start = ends[drawn], (ends - runs.values)[drawn]
    return [
        (start[first:last], stop[first:last]) if ok else None
        for ok, first, last in zip(sound.tolist(), bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]


def draw_together(one: Spans, other: Spans, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Two masks of an image, bool ``[H', W']`` each, the rectangle around both; empty where neither has a pixel."""
    both = [spans for spans in (one, other) if len(spans[0])]
    if not both:
        nothing = np.zeros((0, 0), dtype=bool)
        return nothing, nothing
    left = int(min(start[0] for start, _ in both)) // height
    right = int(max(stop[-1] - 1 for _, stop in both)) // height
    drawn = []
    for start, stop in (one, other):
        flat = np.zeros((right + 1 - left) * height, dtype=bool)
        for begin, end in zip((start - left * height).tolist(), (stop - left * height).tolist(), strict=True):
            flat[begin:end] = True
        drawn.append(flat.reshape(-1, height))
    rows = np.flatnonzero((drawn[0] | drawn[1]).any(axis=0))
    part = slice(rows[0], rows[-1] + 1)
    return drawn[0][:, part].T, drawn[1][:, part].T
