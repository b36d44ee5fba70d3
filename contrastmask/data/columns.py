"""Columns of untrusted JSON values as arrays with a flag each: what could not be read is 0 (or NaN) and not `ok`.

Columns of the expected types take a fast path in C; a single odd value sends its column through a Python loop.
Ragged arrays are values [N] with offsets [R+1]: row r is `values[offsets[r]:offsets[r + 1]]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

INT64_MAX = 2**63 - 1
LONG_ROWS = 8  # values a row from which on rows are copied one by one, without an index of every value
BLOCK = 1 << 15  # values that are worked on at once


def integers(values: Sequence[Any] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 [N] and ok bool [N]. Whole floats (480.0) count as integers; booleans, strings and the rest do not.

    Here and below an array is a column that has been read before: it is as it shall be.
    """
    if isinstance(values, np.ndarray):
        return values.copy(), np.ones(len(values), dtype=bool)
    if set(map(type, values)) == {int}:
        try:
            return np.array(values, dtype=np.int64), np.ones(len(values), dtype=bool)
        except OverflowError:
            pass
    result, ok = np.zeros(len(values), dtype=np.int64), np.zeros(len(values), dtype=bool)
    for i, value in enumerate(values):
        if type(value) is int or (type(value) is float and value.is_integer()):
            ok[i] = abs(value) <= INT64_MAX
            result[i] = int(value) if ok[i] else 0
    return result, ok


def numbers(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """float64 [N]; whatever is not a number is NaN."""
    if isinstance(values, np.ndarray):
        return values
    if set(map(type, values)) <= {int, float}:
        try:
            return np.array(values, dtype=np.float64)
        except OverflowError:
            pass
    return np.array([_number(value) for value in values], dtype=np.float64)


_FLAGS = {"0": False, "0.0": False, "false": False, "": False, "null": False, "none": False, "nan": False,
          "1": True, "1.0": True, "true": True}  # fmt: skip


def flags(values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flags of a column of 0, 1, true, false or nothing, also where they are written as text.

    Returns:
        value bool [N]; ok bool [N]; odd bool [N], understood, but not as JSON writes it: text, or not a number.
    """
    try:
        if set(values) <= {0, 1, None}:
            value = np.fromiter(map(bool, values), dtype=bool, count=len(values))
            return value, np.ones(len(values), dtype=bool), np.zeros(len(values), dtype=bool)
    except TypeError:  # lists and objects have no hash
        pass
    value, ok, odd = (np.zeros(len(values), dtype=bool) for _ in range(3))
    for i, item in enumerate(values):
        if item is None or (isinstance(item, (int, float)) and item in (0, 1)):
            value[i], ok[i] = bool(item), True
        elif isinstance(item, float) and item != item:
            ok[i] = odd[i] = True
        elif isinstance(item, str) and (meant := _FLAGS.get(item.strip().lower())) is not None:
            value[i], ok[i], odd[i] = meant, True, True
    return value, ok, odd


def quadruples(values: Sequence[Any] | np.ndarray, *, text: bool = False) -> np.ndarray:
    """float64 [N, 4]; a value that is no list of four numbers gives a row with NaN.

    Args:
        text: numbers may be text, the list JSON within JSON or an object of left, top, width and height.
    """
    if isinstance(values, np.ndarray):
        return values
    lists_of_four = set(map(type, values)) == {list} and set(map(len, values)) == {4}
    if lists_of_four and set(map(type, chain.from_iterable(values))) <= {int, float}:
        try:
            return np.fromiter(chain.from_iterable(values), np.float64, 4 * len(values)).reshape(-1, 4)
        except OverflowError:
            pass
    if text:
        values = [_as_list(value) for value in values]
    rows = [
        [_number(x, text) for x in value] if type(value) is list and len(value) == 4 else [np.nan] * 4
        for value in values
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


_SIDES = (("x", "left"), ("y", "top"), ("width", "w"), ("height", "h"))


def _as_list(value: Any) -> Any:
    """A box that is JSON as text, or an object of its four numbers, as a list."""
    if type(value) is str and len(value) < 1000:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if type(value) is dict and len(value) == 4:
        return [next((value[key] for key in keys if key in value), None) for keys in _SIDES]
    return value


def _number(value: Any, text: bool = False) -> float:
    if type(value) not in (int, float) and not (text and type(value) is str):
        return np.nan
    try:
        return float(value)
    except (OverflowError, ValueError):
        return np.nan


def positions_in(table: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each value [N] stands in a table of unique values [T]: position int64 [N] and found bool [N]."""
    if len(table) == 0:
        return np.zeros(len(values), dtype=np.int64), np.zeros(len(values), dtype=bool)
    order = np.argsort(table, kind="stable")
    place = order[np.searchsorted(table, values, sorter=order).clip(max=len(table) - 1)]
    return place, table[place] == values


def repeats(values: np.ndarray) -> np.ndarray:
    """bool [N]: the value has occurred before."""
    result = np.ones(len(values), dtype=bool)
    result[np.unique(values, return_index=True)[1]] = False
    return result


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """int64 [R+1] from the rows' lengths [R]."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])


def blocks(offsets: np.ndarray, size: int = BLOCK) -> Iterator[slice]:
    """The rows of a ragged array in groups of about so many values, each at least one row.

    What is made of all values of a large file at once takes many times its memory; what fits into the processor's
    cache is worked on several times as fast.

    Args:
        offsets: int64 [R+1], where each row starts and the last ends.
    """
    first, count = 0, len(offsets) - 1
    while first < count:
        last = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
        last = min(max(last, first + 1), count)
        yield slice(first, last)
        first = last


def take_rows(
    values: np.ndarray, offsets: np.ndarray, rows: np.ndarray, keep: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a ragged array in the given order, copied: values and offsets. Where `keep` is False the row is empty."""
    lengths = np.diff(offsets)[rows]
    if keep is not None:
        lengths = np.where(keep, lengths, 0)
    taken = offsets_of(lengths)
    if taken[-1] > LONG_ROWS * len(rows):
        starts = offsets[rows] * values.itemsize
        ends = starts + lengths * values.itemsize
        data = memoryview(np.ascontiguousarray(values)).cast("B")
        pieces = [data[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.frombuffer(b"".join(pieces), dtype=values.dtype), taken
    where = np.repeat(offsets[rows] - taken[:-1], lengths) + np.arange(taken[-1])
    return values[where], taken
