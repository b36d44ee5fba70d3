"""Which object is shown next: the objects that a person asked for, in the order that they asked for."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from contrastmask.errors import ConfigError
from contrastmask.review.decisions import Decisions
from contrastmask.review.objects import Objects
from contrastmask.review.options import ORDERS, SOURCES
from contrastmask.review.states import PENDING, STATES

LOOKED_AT = 60.0  # seconds that an object which one window shows is kept from others


@dataclass(frozen=True)
class Wish:
    """What a window asks for.

    Attributes:
        order: one of ``ORDERS``; reverse: the last first.
        label: of the class; -1: all. state: position in ``STATES``; -1: all. source: one of ``SOURCES``.
        low, high: 0..1, confidence of the objects, ends included; those without a confidence are there with 0 to 1.
    """

    order: str
    reverse: bool = False
    label: int = -1
    state: int = PENDING
    source: str = "all"
    low: float = 0.0
    high: float = 1.0

    @classmethod
    def read(cls, words: Mapping[str, Any], classes: int) -> Wish:
        """From the values of a form, where a missing one is the default.

        Raises:
            ConfigError: a value that there is not.
        """
        try:
            wish = cls(
                str(words["order"]),
                str(words.get("reverse", "")).lower() in ("1", "true", "on"),
                int(words.get("label", -1)),
                int(words.get("state", PENDING)),
                str(words.get("source", "all")),
                float(words.get("low", 0)),
                float(words.get("high", 1)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"what was asked for cannot be read: {error}") from None
        sound = wish.order in ORDERS and wish.source in SOURCES and math.isfinite(wish.low + wish.high)
        if not (sound and -1 <= wish.label < classes and -1 <= wish.state < len(STATES)):
            raise ConfigError("there is no such order, class, state or source")
        return wish

    def words(self) -> dict[str, Any]:
        """The values as a form has them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Queue:
    """The objects of a file in any order, without those that another window is looking at."""

    def __init__(self, objects: Objects, decisions: Decisions, seed: int) -> None:
        self.objects, self.decisions, self.seed = objects, decisions, seed
        self._orders: dict[str, np.ndarray] = {}
        self._looked_at: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def order(self, name: str) -> np.ndarray:
        """Places of all objects that can be asked about, int64; what has no figure comes last."""
        with self._lock:
            if name not in self._orders:
                shown = np.flatnonzero(self.objects.shown)
                place = self.objects.records.rows[shown]
                key = self._key(name)[shown]
                self._orders[name] = place[np.lexsort([place, *key.reshape(len(shown), -1).T[::-1]])]
            return self._orders[name]

    def _key(self, name: str) -> np.ndarray:
        """[A] or, the first column counting most, [A, C]: small ones first."""
        records, objects = self.objects.records, self.objects
        if name == "class":
            return np.stack([records.labels, objects.confidence], axis=1)
        if name == "random":
            return np.random.default_rng(self.seed).permutation(len(records.rows))
        return {
            "confidence": lambda: objects.confidence,
            "suspicion": lambda: -objects.suspicion,
            "agreement": lambda: objects.agreement,
            "size": lambda: records.areas,
            "file": lambda: records.rows,
        }[name]()

    def matching(self, wish: Wish) -> np.ndarray:
        """bool [count of rows]: the row is among what is asked for."""
        objects = self.objects
        chosen = objects.of_source(wish.source).copy()
        if wish.label >= 0:
            chosen &= objects.records.labels == wish.label
        if (wish.low, wish.high) != (0, 1):
            chosen &= (objects.confidence >= wish.low) & (objects.confidence <= wish.high)
        found = np.zeros(objects.count, dtype=bool)
        found[objects.records.rows[chosen]] = True
        if wish.state >= 0:
            found &= self.decisions.state == wish.state
        return found

    def step(self, wish: Wish, window: str, place: int | None = None, *, back: bool = False) -> int | None:
        """The object before or behind the one at ``place``, or the first; from the end it goes on at the beginning.

        Args:
            window: who asks. What others look at is passed over unless there is nothing else.
        """
        order = self.order(wish.order)
        order = order[::-1] if wish.reverse else order
        here = np.flatnonzero(order == place) if place is not None else []
        at = int(here[0]) if len(here) else (0 if back else -1)
        order = np.roll(order, -at)[::-1] if back else np.roll(order, -at - 1)
        found = order[self.matching(wish)[order]]
        found = found[found != place]
        with self._lock:
            now = time.monotonic()
            taken = {p for w, (p, since) in self._looked_at.items() if w != window and now - since < LOOKED_AT}
            free = found[~np.isin(found, list(taken))] if taken else found
            chosen = next(iter((free if len(free) else found)[:1].tolist()), None)
        return chosen

    def look(self, window: str, place: int | None) -> None:
        """Note what a window shows now."""
        with self._lock:
            now = time.monotonic()
            self._looked_at = {w: seen for w, seen in self._looked_at.items() if now - seen[1] < LOOKED_AT}
            if place is not None:
                self._looked_at[window] = place, now

    def surer(self, place: int) -> list[int]:
        """Places of the undecided masks of the object's class and source that are as sure as it or surer, itself first.

        It is empty where nothing is known of its confidence.
        """
        objects, a = self.objects, self.objects.at(place)
        chosen = objects.shown & (objects.records.labels == objects.records.labels[a])
        chosen &= (objects.confidence >= objects.confidence[a]) & (objects.predicted == objects.predicted[a])
        rows = objects.records.rows[chosen]
        rows = rows[(self.decisions.state[rows] == PENDING) & (rows != place)]
        return [place, *rows.tolist()] if objects.confidence[a] >= 0 else []

    def counts(self, wish: Wish) -> dict[str, int]:
        """Objects by state among those of the wish's source (``all`` of them), how many are ``asked`` for, and how many
        masks of any source are ``accepted_in_file`` and ``rejected_in_file``."""
        said = dict(zip(STATES, self._by_state("all"), strict=True))
        of_source = self._by_state(wish.source)
        return {
            **dict(zip(STATES, of_source, strict=True)),
            "all": sum(of_source),
            "asked": int(self.matching(wish).sum()),
            **{f"{state}_in_file": said[state] for state in ("accepted", "rejected")},
        }

    def _by_state(self, source: str) -> list[int]:
        chosen = self.matching(Wish("file", state=-1, source=source))
        return np.bincount(self.decisions.state[chosen], minlength=len(STATES)).tolist()
