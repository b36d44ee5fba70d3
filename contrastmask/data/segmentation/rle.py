"""COCO's compressed run lengths, read in numpy: pycocotools reads past the end of a malformed string, this does not.

A string is a sequence of signed numbers, each of one to six characters `48 + bits`: five payload bits, lowest first,
and 0x20 where another character follows; the number's last character carries its sign in 0x10. Numbers are run
lengths, zeros first, column by column; from the fourth on each is the difference to the run two before
(`rleToString` of cocoapi's maskApi.c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contrastmask.data.columns import blocks, offsets_of

# 30 bits hold every run and difference of an image of up to 2**29 pixels.
MAX_CHARACTERS = 6


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of S strings, one after another.

    Attributes:
        values: int64 [R], lengths. position: int64 [R], within the string; odd: ones. owner: int64 [R], the string.
        offsets: int64 [S+1], where each string's runs start and the last end.
        ok: bool [S], False for an empty or malformed string or one with a negative run: its runs mean nothing.
    """

    values: np.ndarray
    position: np.ndarray
    owner: np.ndarray
    offsets: np.ndarray
    ok: np.ndarray

    @property
    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        """int64 [S] each: the sum of all runs (must be H·W), and of the runs of ones, the area."""
        ones = np.where(self.position % 2 == 1, self.values, 0)
        return tuple(np.diff(offsets_of(values)[self.offsets]) for values in (self.values, ones))


def run_sums(text: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each string [S]: whether it is well formed, bool; the sum of its runs and its area as `Runs.sums`, int64."""
    ok, pixels, area = (np.zeros(len(offsets) - 1, dtype=kind) for kind in (bool, np.int64, np.int64))
    for block in blocks(offsets):
        runs = read_runs(*part(text, offsets, block))
        ok[block], (pixels[block], area[block]) = runs.ok, runs.sums
    return ok, pixels, area


def part(text: np.ndarray, offsets: np.ndarray, block: slice) -> tuple[np.ndarray, np.ndarray]:
    """A block's own text and offsets."""
    ends = offsets[block.start : block.stop + 1]
    return text[ends[0] : ends[-1]], ends - ends[0]


def read_runs(text: np.ndarray, offsets: np.ndarray) -> Runs:
    """Decode many compressed strings at once.

    Args:
        text: uint8 [N], the strings' bytes one after another.
        offsets: int64 [S+1], where each string starts and the last ends.
    """
    count = len(offsets) - 1
    owner = np.repeat(np.arange(count), np.diff(offsets))
    ok = np.diff(offsets) > 0
    if len(text) == 0:
        none = np.empty(0, dtype=np.int64)
        return Runs(none, none, none, np.zeros(count + 1, dtype=np.int64), ok)
    bits = text.astype(np.int64) - 48
    ok[owner[(bits < 0) | (bits > 63)]] = False
    bits &= 63
    ends = (bits & 32) == 0
    # A string that stops in the middle of a number must not run into its neighbour.
    last = offsets[1:][np.diff(offsets) > 0] - 1
    ok[owner[last[~ends[last]]]] = False
    ends[last] = True

    stop = np.flatnonzero(ends)
    start = np.concatenate([[0], stop[:-1] + 1])
    length = stop - start + 1
    number_owner = owner[stop]
    ok[number_owner[length > MAX_CHARACTERS]] = False
    place = np.minimum(np.arange(len(bits)) - np.repeat(start, length), MAX_CHARACTERS)
    values = np.add.reduceat((bits & 31) << (5 * place), start)
    values -= ((bits[stop] & 16) > 0) * (np.int64(1) << (5 * np.minimum(length, MAX_CHARACTERS + 1)))

    number_offsets = offsets_of(np.bincount(number_owner, minlength=count))
    position = np.arange(len(values)) - number_offsets[number_owner]
    runs = _undo_differences(values, position)
    ok[number_owner[runs < 0]] = False
    return Runs(runs, position, number_owner, number_offsets, ok)


def _undo_differences(values: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Runs from numbers: two running sums a string, over its positions 1, 3, 5, … and 2, 4, 6, …"""
    runs = values.copy()
    for first in (1, 2):
        chain = np.flatnonzero((position >= first) & ((position - first) % 2 == 0))
        if len(chain) == 0:
            continue
        total = np.cumsum(values[chain])
        begins = position[chain] == first
        before = (total - values[chain])[begins]
        runs[chain] = total - before[np.cumsum(begins) - 1]
    return runs
