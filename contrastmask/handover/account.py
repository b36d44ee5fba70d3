"""What became of every row: written, left out and why, changed and how; and what a form cannot hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

CROWD = "crowd region"
PAINTED = "crowd region that looks like an object"
NO_MASK = "no mask"


@dataclass
class Loss:
    """How far the masks of one class differ from the file's.

    Attributes:
        objects: of the class that were written with a mask. several_parts, holes: of them, masks that lost some.
        overlaps: IoU of each written mask with the file's.
    """

    objects: int = 0
    several_parts: int = 0
    holes: int = 0
    overlaps: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As numbers; the overlaps in percent: of all objects, and of the one that lost most."""
        found = self.overlaps or [1.0]
        return {
            "objects": self.objects,
            "parts_lost": self.several_parts,
            "holes_lost": self.holes,
            "IoU": 100 * sum(found) / len(found),
            "IoU_least": 100 * min(found),
        }


@dataclass
class Account:
    """What is told at the end.

    Attributes:
        written: rows. left_out: reason → ids. changed: what was changed → number. loss: class name → Loss.
    """

    written: int = 0
    left_out: dict[str, list[Any]] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    loss: dict[str, Loss] = field(default_factory=dict)

    def leave(self, reason: str, id_: Any) -> None:
        """A row is not in what was written."""
        self.left_out.setdefault(reason, []).append(id_)

    def of_class(self, name: str) -> Loss:
        """The class's losses."""
        return self.loss.setdefault(name, Loss())
