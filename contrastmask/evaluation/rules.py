"""What becomes of the rows of an annotation file in an evaluation: one table for the code, ``results.json`` and docs.

COCOeval's own way where it runs; where it stops (``runs`` is False) a rule of this project, which then is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BOTH = ("box", "mask")
EXAMPLES = 5


@dataclass(frozen=True)
class Rule:
    """Attributes:
    kinds: the evaluations it concerns: ``box``, ``mask``.
    outcome: ``left out`` (not there at all), ``region`` (detections in it count neither for nor against), ``ignored``
        (its detection counts neither for nor against), ``missed`` (an object that nothing can find), ``counted``.
    runs: COCOeval runs on such a row and does the same; else it stops with an error, or would take it otherwise.
    text: what the row is, and what is done.
    """

    kinds: tuple[str, ...]
    outcome: str
    runs: bool
    text: str


RULES: dict[str, Rule] = {
    "image_no_id": Rule(BOTH, "left out", False, "images without a usable id"),
    "not_a_row": Rule(BOTH, "left out", False, "no JSON object"),
    "unknown_image": Rule(BOTH, "left out", True, "of an image that the file does not have"),
    "unknown_category": Rule(BOTH, "left out", True, "of a category that the file does not have"),
    "no_image": Rule(BOTH, "left out", False, "without an image_id"),
    "no_category": Rule(BOTH, "left out", False, "without a category_id"),
    "no_id": Rule(BOTH, "counted", False, "without an id that is a number: told apart by its place"),
    "repeated_id": Rule(
        BOTH, "counted", True, "whose id comes again: the last row of that id stands in its place, too"
    ),
    "repeated_lost": Rule(BOTH, "left out", True, "whose id comes again, at last in a row that is left out"),
    "repeated_image": Rule(
        ("mask",), "left out", False, "whose id comes again, at last in a row without image or mask"
    ),
    "zero_id": Rule(BOTH, "counted", True, "of id 0, by which COCOeval says unmatched: a detection of it is an error"),
    "ignore": Rule(BOTH, "counted", True, "marked ignore, which COCOeval overrides by iscrowd: an object"),
    "crowd": Rule(BOTH, "region", True, "with iscrowd"),
    "crowd_as_object": Rule(BOTH, "counted", False, "with iscrowd, but data.crowd=object takes it for an object"),
    "odd_crowd": Rule(
        BOTH, "ignored", True, "whose iscrowd is a text or a fraction that COCOeval takes for 0 and for true"
    ),
    "no_crowd": Rule(BOTH, "counted", False, "without a usable iscrowd: taken for 0"),
    "odd_area": Rule(BOTH, "ignored", True, "whose area is negative or over 10,000,000,000"),
    "no_area": Rule(BOTH, "counted", False, "without a usable area: measured on its mask, else its box"),
    "box_from_mask": Rule(("box",), "counted", False, "without a usable bbox: the box around its mask"),
    "no_box": Rule(("box",), "left out", False, "without a usable bbox and without a mask"),
    "predicted": Rule(("mask",), "region", False, "whose mask is a prediction: its box is a region"),
    "rectangle": Rule(("mask",), "region", False, "whose mask is its box, which data.rectangles=box takes for none"),
    "hole": Rule(("mask",), "counted", False, "with polygons inside others, which data.nested=hole takes for holes"),
    "no_mask": Rule(("mask",), "region", False, "without a mask: its box is a region"),
    "unsafe_mask": Rule(("mask",), "region", False, "whose outline is endless or not finite: its box is a region"),
    "size_of_picture": Rule(("mask",), "counted", False, "whose image has no usable size in the file: its picture's"),
    "no_size": Rule(("mask",), "region", False, "whose image has no usable height and width: its box is a region"),
    "neither": Rule(("mask",), "left out", False, "without a mask and without a usable bbox"),
    "other_size": Rule(("mask",), "missed", True, "whose run lengths have another size than its image"),
    "odd_runs": Rule(("mask",), "missed", True, "whose run lengths do not add up to their size"),
    "blank": Rule(("mask",), "missed", True, "whose mask has no pixel in its image"),
}


@dataclass
class Tally:
    """Rows counted under rules: rule → names of the rows (their ids, or "row N" where they have none)."""

    rows: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, rule: str, name: Any) -> None:
        """Count one row."""
        self.rows.setdefault(rule, []).append(name)

    def update(self, rows: Mapping[str, Iterable[Any]]) -> None:
        """Count rows in."""
        for rule, names in rows.items():
            self.rows.setdefault(rule, []).extend(names)

    def runs(self, kind: str) -> bool:
        """Whether COCOeval runs on what was counted and does the same."""
        return all(RULES[rule].runs or kind not in RULES[rule].kinds for rule in self.rows)

    def to_list(self) -> list[dict[str, Any]]:
        """Ready for JSON, in the table's order: rule, kinds, outcome, cocoeval, rows (their number), examples."""
        return [
            {
                "rule": rule.text,
                "kinds": list(rule.kinds),
                "outcome": rule.outcome,
                "cocoeval": rule.runs,
                "rows": len(self.rows[key]),
                "examples": [name if isinstance(name, (int, str)) else str(name) for name in self.rows[key][:EXAMPLES]],
            }
            for key, rule in RULES.items()
            if key in self.rows
        ]
