"""What is said of each mask: how suspect it is, and in words why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contrastmask.audit.measures import Found, Measures
from contrastmask.audit.other_class import Other
from contrastmask.audit.signs import Signs, signs_of
from contrastmask.data.records import Records

_SPEAKS = 1.0  # usual distances from which a sign is named


@dataclass(frozen=True)
class Verdict:
    """Of one mask: ``position`` in the records, ``place`` in the file's list; ``suspicion`` in 0..1; ``reason``; the
    overlap with the model's mask, 0..1, and that mask."""

    position: int
    place: int
    suspicion: float
    reason: str
    overlap: float
    model: dict[str, Any]


def verdicts_of(records: Records, measures: Measures, found: Found, other: Other) -> list[Verdict]:
    """One a mask, the likeliest wrong first."""
    surer = np.array([other[a][1] if a in other else 0.0 for a in measures.positions.tolist()])
    signs = signs_of(measures, surer)
    suspicion = signs.suspicion
    return [
        Verdict(
            a := int(measures.positions[n]),
            int(records.rows[a]),
            float(suspicion[n]),
            _reason(records, measures, signs, other, n),
            float(measures.overlap[n]),
            found[a][0],
        )
        for n in np.argsort(-suspicion, kind="stable").tolist()
    ]


def _reason(records: Records, m: Measures, signs: Signs, other: Other, n: int) -> str:
    """The signs that speak, the loudest first; empty where none does."""
    a = int(m.positions[n])
    said = [
        (
            signs.overlap[n],
            f"overlaps the model's mask by {_percent(m.overlap[n])}, where {_percent(signs.usual[n])} is usual "
            f"(the model is {_percent(m.confidence[n])} sure)",
        ),
        (signs.box[n], f"its own box overlaps the given one by {_percent(m.agreement[n])}"),
        (signs.rectangle[n], "is a filled rectangle"),
    ]  # fmt: skip
    for weight, other_one, text in (
        (signs.beside[n], m.neighbour[n], "lies on another object's place"),
        (signs.covers[n], m.covered[n], "covers another object's mask"),
    ):
        if other_one >= 0:
            name = records.class_names[records.labels[other_one]]
            said.append((weight, f"{text} ({name}, id {records.ann_ids[other_one]})"))
    if a in other:
        said.append((signs.other_class[n], f"the model takes it for {other[a][0]}"))
    return "; ".join(text for weight, text in sorted(said, key=lambda pair: -pair[0]) if weight >= _SPEAKS)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
