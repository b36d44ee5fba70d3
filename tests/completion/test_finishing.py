"""Masks become run lengths while the network goes on: order, errors, and what is kept when the work is ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from contrastmask.completion.finishing import BEHIND, finished

Begun = Iterator[tuple[int, Callable[[], dict[str, Any]]]]


def begun(count: int, *, fails: int | None = None, ends: int | None = None) -> Begun:
    """Pieces 0, 1, …; finishing the one of number ``fails`` raises, beginning that of ``ends``, too."""

    def finish(number: int) -> dict[str, Any]:
        if number == fails:
            raise FloatingPointError(f"piece {number}")
        return {"number": number, "thread": threading.current_thread()}

    for number in range(count):
        if number == ends:
            raise KeyboardInterrupt
        yield number, lambda number=number: finish(number)


def test_every_piece_in_order_by_another_thread_and_kept_by_this_one() -> None:
    kept = []
    pieces = list(finished(begun(20), lambda number, piece: kept.append((number, threading.current_thread()))))
    assert [number for number, _ in pieces] == [number for number, _ in kept] == list(range(20))
    assert {thread for _, thread in kept} == {threading.current_thread()}
    assert threading.current_thread() not in {piece["thread"] for _, piece in pieces}


def test_the_network_goes_on_meanwhile_but_not_far() -> None:
    go, asked = threading.Event(), []

    def slow() -> Begun:
        for number in range(10):
            asked.append(number)
            if number == BEHIND:
                go.set()
            yield number, lambda: {"was told to go on": go.wait(20)}

    work = finished(slow(), lambda *_: None)
    assert next(work) == (0, {"was told to go on": True})
    assert len(asked) <= BEHIND + 1
    work.close()


@pytest.mark.parametrize("ends", [0, 1, 2, 7])
def test_what_was_begun_is_kept_before_the_work_ends(ends: int) -> None:
    kept: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        list(finished(begun(9, ends=ends), lambda number, _: kept.append(number)))
    assert kept == list(range(ends))


def test_what_was_begun_is_kept_when_nobody_asks_for_more() -> None:
    kept: list[int] = []
    with closing(finished(begun(9), lambda number, _: kept.append(number))) as pieces:
        next(pieces)
    assert kept[0] == 0
    assert kept == list(range(len(kept)))


def test_an_error_of_one_piece_is_raised_and_the_others_are_kept() -> None:
    kept: list[int] = []
    with pytest.raises(FloatingPointError, match="piece 3"):
        list(finished(begun(9, fails=3), lambda number, _: kept.append(number)))
    assert kept[:3] == [0, 1, 2]
    assert 3 not in kept


def test_an_error_of_keeping_is_raised_itself() -> None:
    def full(number: int, _: object) -> None:
        raise OSError(f"no room for {number}")

    with pytest.raises(OSError, match="no room for 0"):
        list(finished(begun(9), full))
