"""Items worked at side by side come in their order, and no more are begun than said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from contrastmask.completion.side_by_side import MOST, images_at_once, side_by_side


@pytest.fixture(autouse=True)
def _four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_order(count: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item**2

    assert list(side_by_side(work, range(20), count)) == [item**2 for item in range(20)]


def test_items_are_worked_at_together_by_threads_of_their_own() -> None:
    both, threads = threading.Barrier(2, timeout=20), []

    def work(_: int) -> None:
        threads.append(torch.get_num_threads())
        both.wait()

    list(side_by_side(work, range(6), 2))
    assert threads == [2] * 6
    assert torch.get_num_threads() == 4


def test_few_are_begun_before_they_are_asked_for() -> None:
    begun: list[int] = []
    found = side_by_side(begun.append, range(100), 2)
    for _ in range(5):
        next(found)
    assert len(begun) <= 5 + 4
    found.close()
    assert len(begun) <= 5 + 4


def test_an_error_ends_it_in_its_turn() -> None:
    done: list[int] = []

    def work(item: int) -> int:
        if item == 3:
            raise FloatingPointError("no numbers")
        return item

    with pytest.raises(FloatingPointError, match="no numbers"):
        done.extend(side_by_side(work, range(50), 2))
    assert done == [0, 1, 2]
    assert torch.get_num_threads() == 4


def test_what_is_worth_it() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert images_at_once(SimpleNamespace(finds_boxes=False, device=cpu)) == 4
    assert images_at_once(SimpleNamespace(finds_boxes=False, device=gpu)) == 1
    assert images_at_once(SimpleNamespace(finds_boxes=True, device=cpu)) == 1
    torch.set_num_threads(100)
    assert images_at_once(SimpleNamespace(finds_boxes=False, device=cpu)) == MOST
