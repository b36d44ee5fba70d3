"""Masks as COCO polygons along their pixels' edges: parts and holes are kept, at a cost that follows the runs alone.

No pixel is drawn. The top and the foot of every run of a column are edges of the outline, one to the right and one to
the left, foreground on their right hand. Where an edge ends on a line between two columns, the outline goes up or down
that line to where another one starts: sorted along the line, ends and starts stand in pairs. Many masks at once cost
little more than their edges.

R runs of all masks, each within one column; E = 2R edges, first the tops, then the feet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from contrastmask.data.columns import offsets_of
from contrastmask.data.segmentation.rle import read_runs

_TOGETHER = 128  # masks

Polygons = list[list[int]]  # one [x0, y0, x1, y1, …] a part
Part = list[list[int]]  # its outline, then its holes


def polygons_of_runs(mask: dict[str, Any]) -> Polygons:
    """:func:`polygons_of_many` for one mask."""
    return _outlines([mask])[0]


def polygons_of_many(masks: Iterable[dict[str, Any]]) -> Iterator[Polygons]:
    """The outlines of masks, one after the other, as COCO stores them.

    COCO has no holes and takes the union of an annotation's polygons. A hole is therefore made part of the outline
    around it by a slit without width, walked once in each direction: it encloses nothing, and every filling rule
    (even-odd as pycocotools', or non-zero winding) leaves the hole empty. Pixels that touch at a corner only are
    different parts.

    Args:
        masks: compressed run lengths that have been checked, ``{"size": [H, W], "counts": str}``.

    Returns:
        of each mask one ``[x0, y0, x1, y1, …]`` a part, whole numbers of pixels; nothing for an empty mask.
    """
    left = iter(masks)
    while together := list(islice(left, _TOGETHER)):
        yield from _outlines(together)


def parts_of_runs(mask: dict[str, Any]) -> list[Part]:
    """Each part of a mask as its outline and, after it, its holes: closed rings ``[x0, y0, x1, y1, …]``.

    Args:
        mask: as for :func:`polygons_of_many`.
    """
    return _parts_of([mask])[0]


def _outlines(masks: Sequence[dict[str, Any]]) -> list[Polygons]:
    return [[_with_slits(part) for part in parts] for parts in _parts_of(masks)]


def _parts_of(masks: Sequence[dict[str, Any]]) -> list[list[Part]]:
    owner, column, top, foot, line, tall = _runs(masks)
    found: list[list[Part]] = [[] for _ in masks]
    if len(owner) == 0:
        return found
    order, begins = _walks(_following(line, top, foot, tall).tolist())
    rings = np.repeat(np.arange(len(begins)), np.diff([*begins, len(order)]))
    y = np.concatenate([top, foot])[order]
    # an edge goes on straight where the next one has its height: the corners between them are none
    before, after = np.arange(-1, len(order) - 1), np.arange(1, len(order) + 1)
    last = np.append(begins[1:], len(order)) - 1
    before[begins], after[last] = last, begins
    runs = len(owner)
    is_foot = order >= runs
    x = column[order % runs]
    corners = np.stack([np.stack([x + is_foot, x + ~is_foot], axis=1), np.stack([y, y], axis=1)], axis=2)
    kept = np.stack([y[before] != y, y[after] != y], axis=1)
    flat = corners[kept].ravel().tolist()
    ends = (2 * offsets_of(np.add.reduceat(kept.sum(axis=1), begins))).tolist()
    part = _parts(order, begins, rings, y, is_foot, runs)
    of_mask = owner[order[begins] % runs].tolist()
    places: dict[int, Part] = {}
    for ring, around in enumerate(part):
        if ring == around:
            places[ring] = [flat[ends[ring] : ends[ring + 1]]]
            found[of_mask[ring]].append(places[ring])
    for ring, around in enumerate(part):
        if ring != around:
            places[around].append(flat[ends[ring] : ends[ring + 1]])
    return found


def _with_slits(part: Part) -> list[int]:
    path, *holes = part
    for hole in holes:
        path = [*path, *path[:2], *hole, *hole[:2]]
    return [*path, *path[:2]] if holes else path


def _runs(masks: Sequence[dict[str, Any]]) -> tuple[np.ndarray, ...]:
    """Of every run ``[R]``: its mask, column, first row, row behind its last, and the line on its left.

    Lines between columns are numbered through all masks. Last, more than the height of any mask.
    """
    text = "".join(mask["counts"] for mask in masks)
    lengths = np.array([len(mask["counts"]) for mask in masks])
    height, width = np.array([mask["size"] for mask in masks], dtype=np.int64).T
    runs = read_runs(np.frombuffer(text.encode("ascii"), dtype=np.uint8), offsets_of(lengths))
    total = offsets_of(runs.values)
    stop = total[1:] - total[runs.offsets[runs.owner]]
    start = stop - runs.values
    drawn = (runs.position % 2 == 1) & (runs.values > 0)
    owner, start, stop = runs.owner[drawn], start[drawn], stop[drawn]
    # no background between two of them: they are one
    apart = (start[1:] != stop[:-1]) | (owner[1:] != owner[:-1])
    first, last = np.append(True, apart)[: len(owner)], np.append(apart, True)[: len(owner)]
    owner, start, stop = owner[first], start[first], stop[last]
    tall = height[owner]
    left, right = start // tall, (stop - 1) // tall
    columns = right - left + 1
    each = np.repeat(np.arange(len(owner)), columns)
    column = left[each] + np.arange(len(each)) - offsets_of(columns)[each]
    top = np.where(column == left[each], (start - left * tall)[each], 0)
    foot = np.where(column == right[each], (stop - right * tall)[each], tall[each])
    line = offsets_of(width + 1)[owner[each]] + column
    return owner[each], column, top, foot, line, int(height.max()) + 1


def _following(line: np.ndarray, top: np.ndarray, foot: np.ndarray, tall: int) -> np.ndarray:
    """Of every edge ``[E]`` the one that follows it.

    Where one run ends and another begins at one height of a line, ends come first: the walk stays at its own part.
    """
    runs = len(line)
    heights = np.concatenate([top, foot])
    is_top = np.repeat([1, 0], runs)
    # tops and feet of all runs on the line left of them, then on the line right of them
    place = np.concatenate([(np.tile(line + side, 2) * tall + heights) * 2 + is_top for side in (0, 1)])
    one, other = np.argsort(place, kind="stable").reshape(-1, 2).T
    partner = np.empty(4 * runs, dtype=np.int64)
    partner[one], partner[other] = other, one
    # a top starts on its left line and ends on its right one, a foot the other way round
    found = partner[np.concatenate([np.arange(2 * runs, 3 * runs), np.arange(runs, 2 * runs)])]
    return np.where(found < runs, found, found - 2 * runs)


def _walks(following: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The closed walks along ``following``, one behind the other ``[E]``, and where each begins."""
    order: list[int] = []
    begins = []
    for first in range(len(following) // 2):  # every walk has a top
        edge = following[first]
        if edge < 0:  # walked
            continue
        begins.append(len(order))
        order.append(first)
        following[first] = -1
        while edge != first:
            order.append(edge)
            after = following[edge]
            following[edge] = -1
            edge = after
    return np.array(order), np.array(begins)


def _parts(
    order: np.ndarray, begins: np.ndarray, rings: np.ndarray, y: np.ndarray, is_foot: np.ndarray, runs: int
) -> list[int]:
    """Of each ring the outline of its part: its own number, or, of a hole, what lies around it.

    Above a hole's highest edge lies a run of its part; that run's top is of the part's outline, or of a hole of it that
    begins higher up.
    """
    hole = np.add.reduceat(np.where(is_foot, -y, y), begins) > 0
    part = list(range(len(begins)))
    places = np.flatnonzero(is_foot & hole[rings])
    if len(places) == 0:
        return part
    places = places[np.lexsort((y[places], rings[places]))]
    numbers, highest = np.unique(rings[places], return_index=True)
    ring_of = np.empty(len(order), dtype=np.int64)
    ring_of[order] = rings
    above = dict(zip(numbers.tolist(), ring_of[order[places[highest]] - runs].tolist(), strict=True))
    for number in above:
        around = above[number]
        while around in above:
            around = above[around]
        part[number] = around
    return part
