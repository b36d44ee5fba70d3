"""What checking a data set dropped, repaired or left without a mask: counts and a few example ids for each reason."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["dropped", "repaired", "without_mask", "noted"]

OUTCOMES: dict[str, str] = {
    "dropped": "dropped",
    "repaired": "repaired",
    "without_mask": "kept without mask",
    "noted": "noted",
}
EXAMPLES = 5


@dataclass
class Entry:
    """One reason: how many rows it met and the ids of the first few."""

    count: int = 0
    examples: list[int | str] = field(default_factory=list)


class Report:
    """Counts by outcome, subject ("annotation", "image") and reason, in the order in which they were found.

    Outcomes: "dropped" (the row is gone), "repaired" (a value was changed), "without_mask" (box and class are used, the
    mask is not) and "noted" (used as it is, worth knowing).
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], Entry] = {}

    def add(self, outcome: Outcome, subject: str, reason: str, ids: Iterable[int | str]) -> None:
        """Count every id under a reason; adding none leaves no trace."""
        if outcome not in OUTCOMES:
            raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, got {outcome!r}")
        ids = ids if isinstance(ids, Sized) and hasattr(ids, "__getitem__") else list(ids)
        if len(ids) == 0:
            return
        entry = self._entries.setdefault((outcome, subject, reason), Entry())
        entry.count += len(ids)
        room = max(0, EXAMPLES - len(entry.examples))
        entry.examples += [item if isinstance(item, str) else int(item) for item in ids[:room]]

    def restore(self, outcome: Outcome, subject: str, reason: str, count: int, examples: list[int | str]) -> None:
        """Take in an entry that :meth:`to_dict` gave."""
        self._entries[(outcome, subject, reason)] = Entry(count, list(examples))

    def update(self, other: Report) -> None:
        """Count in what another report has found."""
        for key, entry in other._entries.items():
            mine = self._entries.setdefault(key, Entry())
            mine.count += entry.count
            mine.examples = [*mine.examples, *entry.examples][:EXAMPLES]

    def merge(self, other: Report) -> Report:
        """A new report with the counts of both; neither is changed."""
        merged = Report()
        merged.update(self)
        merged.update(other)
        return merged

    def count(self, outcome: Outcome | None = None, reason: str | None = None) -> int:
        """Rows counted under an outcome, a reason, both, or at all."""
        return sum(
            entry.count
            for (its_outcome, _, its_reason), entry in self._entries.items()
            if outcome in (None, its_outcome) and reason in (None, its_reason)
        )

    def lines(self) -> list[str]:
        """One line a reason for the terminal; none where nothing was found."""
        order = {outcome: position for position, outcome in enumerate(OUTCOMES)}
        return [
            f"{OUTCOMES[outcome]}: {entry.count} {subject}{'s' * (entry.count != 1)}, {reason} ({_examples(entry)})"
            for (outcome, subject, reason), entry in sorted(self._entries.items(), key=lambda item: order[item[0][0]])
        ]

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Outcome → list of {subject, reason, count, examples}; every outcome is a key. Ready for JSON."""
        result: dict[str, list[dict[str, Any]]] = {outcome: [] for outcome in OUTCOMES}
        for (outcome, subject, reason), entry in self._entries.items():
            row = {"subject": subject, "reason": reason, "count": entry.count, "examples": list(entry.examples)}
            result[outcome].append(row)
        return result

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __repr__(self) -> str:
        return f"Report({'; '.join(self.lines()) or 'nothing found'})"


def _examples(entry: Entry) -> str:
    shown = ", ".join(str(item) for item in entry.examples)
    return f"{'id' if entry.count == 1 else 'ids'} {shown}{', …' if entry.count > len(entry.examples) else ''}"
