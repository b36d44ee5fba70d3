"""Several images in the crop branch at once on a CPU, each by threads of its own.

A crop branch's layers are too small to be shared out among cores; images are not. What is computed of an image does not
depend on how many are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch

from contrastmask.completion.in_order import Item, Result, in_order
from contrastmask.prediction.predictor import Predictor

MOST = 8  # images at once: each holds some 150 MB


def images_at_once(predictor: Predictor) -> int:
    """How many images are worth computing side by side: one for each of torch's threads, at most ``MOST``; 1 of a
    detector, whose layers keep all cores busy, and of a GPU."""
    apart = not predictor.finds_boxes and predictor.device.type == "cpu"
    return min(torch.get_num_threads(), MOST) if apart else 1


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], count: int) -> Iterator[Result]:
    """The results of ``count`` items at a time, in the order of the items; no more than twice as many are begun.

    Raises:
        whatever the work raises, when its turn comes; what is not begun by then never is.
    """
    if count == 1:
        yield from map(work, items)
        return
    with _threads_each(max(torch.get_num_threads() // count, 1)):
        yield from in_order(work, items, count, 2 * count - 1)


@contextmanager
def _threads_each(count: int) -> Iterator[None]:
    """So many of torch's threads for each thread that begins inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
