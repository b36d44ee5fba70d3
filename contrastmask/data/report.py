"""What checking a data set dropped, repaired, left without a mask or found doubtful: counts, classes, examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["warning", "dropped", "repaired", "without_mask", "noted"]

OUTCOMES: dict[str, str] = {
    "warning": "warning",
    "dropped": "dropped",
    "repaired": "repaired",
    "without_mask": "kept without mask",
    "noted": "noted",
}
PLURALS = {"category": "categories"}
EXAMPLES = 5
CLASSES = 6  # a line names the classes with the most rows


@dataclass
class Entry:
    """One reason: how many rows it met, of which classes, the ids of the first few, and the way out."""

    count: int = 0
    examples: list[int | str] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)
    remedy: str = ""


class Report:
    """Counts by outcome, subject ("annotation", "image", "category") and reason, in the order in which they were found.

    Outcomes: "warning" (used as it is, and probably not what is meant), "dropped" (the row is gone), "repaired" (a
    value was changed), "without_mask" (box and class are used, the mask is not) and "noted" (used as it is, worth
    knowing).
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], Entry] = {}

    def add(
        self,
        outcome: Outcome,
        subject: str,
        reason: str,
        ids: Iterable[int | str],
        *,
        classes: Mapping[str, int] | None = None,
        remedy: str = "",
        count: int | None = None,
    ) -> None:
        """Count every id under a reason; adding none leaves no trace.

        Args:
            ids: numbers or, where a row has none that tells, text such as "row 3".
            classes: how many of the rows are of which class.
            remedy: the way out, a clause that a line ends with.
            count: of the rows, where `ids` are examples alone.
        """
        if outcome not in OUTCOMES:
            raise ValueError(f"outcome must be one of {', '.join(OUTCOMES)}, got {outcome!r}")
        ids = ids if isinstance(ids, Sized) and hasattr(ids, "__getitem__") else list(ids)
        if len(ids) == 0:
            return
        entry = self._entries.setdefault((outcome, subject, reason), Entry())
        entry.count += len(ids) if count is None else count
        entry.classes.update(classes or {})
        entry.remedy = entry.remedy or remedy
        room = max(0, EXAMPLES - len(entry.examples))
        entry.examples += [item if isinstance(item, str) else int(item) for item in ids[:room]]

    def restore(self, content: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Take in what :meth:`to_dict` gave."""
        for outcome, rows in content.items():
            for row in rows:
                self._entries[(outcome, row["subject"], row["reason"])] = Entry(
                    row["count"], list(row["examples"]), Counter(row.get("classes", {})), row.get("remedy", "")
                )

    def update(self, other: Report) -> None:
        """Count in what another report has found."""
        for key, entry in other._entries.items():
            mine = self._entries.setdefault(key, Entry())
            mine.count += entry.count
            mine.classes.update(entry.classes)
            mine.remedy = mine.remedy or entry.remedy
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

    def lines(self, *outcomes: Outcome) -> list[str]:
        """One line a reason for the terminal, of these outcomes or of all; none where nothing was found."""
        order = {outcome: position for position, outcome in enumerate(OUTCOMES)}
        return [
            f"{OUTCOMES[outcome]}: {_subjects(entry.count, subject)}, {reason} ({_details(entry)})"
            + (f": {entry.remedy}" if entry.remedy else "")
            for (outcome, subject, reason), entry in sorted(self._entries.items(), key=lambda item: order[item[0][0]])
            if not outcomes or outcome in outcomes
        ]

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Outcome → list of {subject, reason, count, examples} and, where known, {classes, remedy}; every outcome is a
        key. Ready for JSON."""
        result: dict[str, list[dict[str, Any]]] = {outcome: [] for outcome in OUTCOMES}
        for (outcome, subject, reason), entry in self._entries.items():
            row = {"subject": subject, "reason": reason, "count": entry.count, "examples": list(entry.examples)}
            if entry.classes:
                row["classes"] = dict(entry.classes)
            if entry.remedy:
                row["remedy"] = entry.remedy
            result[outcome].append(row)
        return result

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __repr__(self) -> str:
        return f"Report({'; '.join(self.lines()) or 'nothing found'})"


def _subjects(count: int, subject: str) -> str:
    return f"{count} {subject if count == 1 else PLURALS.get(subject, subject + 's')}"


def _details(entry: Entry) -> str:
    shown = ", ".join(str(item) for item in entry.examples)
    ids = f"{'id' if entry.count == 1 else 'ids'} {shown}{', …' if entry.count > len(entry.examples) else ''}"
    if all(isinstance(item, str) for item in entry.examples):
        ids = ids.split(" ", 1)[1]
    if not entry.classes:
        return ids
    most = entry.classes.most_common(CLASSES)
    more = len(entry.classes) - len(most)
    named = ", ".join(f"{name} {count}" for name, count in most)
    return f"{named}{f', and {more} more classes' if more else ''}; {ids}"
