"""Work in two halves: while the network has the next group of images, the last one's masks become run lengths.

The second half runs in one thread of its own, in order, and never more than ``BEHIND`` groups behind: what waits
does not grow with the file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

Piece = dict[str, Any]
BEHIND = 2  # groups that wait to be finished; one would make the network wait for a group of many objects


def finished(
    begun: Iterable[tuple[int, Callable[[], Piece]]], keep: Callable[[int, Piece], None]
) -> Iterator[tuple[int, Piece]]:
    """Finish pieces in the order in which they were begun, and keep each in the thread that asks.

    What ends the work (a signal, an error of the network) ends it after the pieces that were begun before: they are
    finished and kept first.

    Args:
        begun: number of a piece, and what finishes it in any thread. keep: called with every finished piece, in order.

    Raises:
        whatever beginning, finishing or keeping a piece raises, when its turn comes.
    """
    waiting: deque[tuple[int, Future[Piece]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="finishing") as thread:

        def first() -> tuple[int, Piece]:
            number, future = waiting.popleft()
            piece = future.result()
            keep(number, piece)
            return number, piece

        try:
            for number, finish in begun:
                waiting.append((number, thread.submit(finish)))
                while waiting and (len(waiting) > BEHIND or waiting[0][1].done()):
                    yield first()
            while waiting:
                yield first()
        except BaseException:
            with suppress(Exception):  # the first trouble is told
                while waiting:
                    first()
            raise
