"""Ids, and references to them: whole numbers as a rule; where a repair is asked for, also text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contrastmask.data.columns import INT64_MAX, integers

_FIRST_FREE = 1
READS_TEXT = "data.repair=true reads text in place of numbers"


@dataclass(frozen=True, eq=False)
class Keys:
    """The ids of a list.

    Attributes:
        ids: int64 [N]; 0 where there is none. ok: bool [N]. as_text: bool [N], the file has text for a number.
        texts: text that is no number → the number that stands for it.
    """

    ids: np.ndarray
    ok: np.ndarray
    as_text: np.ndarray
    texts: dict[str, int] = field(default_factory=dict)


def read_keys(values: Sequence[Any], *, text: bool) -> Keys:
    """Ids from a column of the file; with `text` strings are ids, too: "12" is 12, "a/b" a number that is free."""
    ids, ok = integers(values)
    as_text, texts = np.zeros(len(ok), dtype=bool), {}
    if text and not ok.all():
        odd = [i for i in np.flatnonzero(~ok).tolist() if type(values[i]) is str and values[i].strip()]
        for i in odd:
            number = whole_number(values[i])
            if number is not None:
                ids[i], ok[i], as_text[i] = number, True, True
        free = free_ids(ids[ok])
        for i in odd:
            if not ok[i]:
                if values[i] not in texts:
                    texts[values[i]] = free + len(texts)
                ids[i], as_text[i] = texts[values[i]], True
        ok = ok | as_text
    return Keys(ids, ok, as_text, texts)


def read_references(
    values: Sequence[Any], keys: Keys, *, text: bool, names: Mapping[str, int] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A column that refers to `keys`: int64 [N], ok bool [N], and bool [N] where it is text.

    Args:
        text: numbers may be text, and text that is an id; also one of `names`, which stands for its number.
    """
    ids, ok = integers(values)
    as_text = np.zeros(len(ok), dtype=bool)
    if text and not ok.all():
        for i in np.flatnonzero(~ok).tolist():
            if type(values[i]) is str:
                number = whole_number(values[i])
                number = keys.texts.get(values[i]) if number is None else number
                number = (names or {}).get(values[i]) if number is None else number
                if number is not None:
                    ids[i], ok[i], as_text[i] = number, True, True
    return ids, ok, as_text


def whole_number(text: str) -> int | None:
    """The whole number that a text says, or None."""
    text = text.strip()
    if not text.isascii() or not text.lstrip("+-").isdigit() or len(text) > 20:
        return None
    try:
        number = int(text)
    except ValueError:  # "+-1"
        return None
    return number if abs(number) <= INT64_MAX else None


def free_ids(taken: np.ndarray) -> int:
    """A number from which on none is taken."""
    top = int(taken.max(initial=0))
    if top < INT64_MAX // 2:
        return max(top + 1, _FIRST_FREE)
    # the largest id leaves no room above it: the widest gap between two others does
    known = np.unique(np.append(taken, 0))
    gap = int(np.argmax(np.diff(known.astype(np.float64))))
    return int(known[gap]) + 1
