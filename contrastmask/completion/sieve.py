"""New masks through the sieve: figures that tell a doubtful one, what is left out, how the figures are spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from contrastmask.completion.options import CompletionOptions
from contrastmask.completion.thresholds import of_classes
from contrastmask.data.annotations.predicted import CONFIDENCE
from contrastmask.data.records import Records
from contrastmask.data.segmentation.figures import SIDES, MaskFigures, measure_masks

AGREEMENT, COMPONENTS, LARGEST, FILLED, TOUCHES = FIGURES = (
    "segmentation_box_agreement",
    "segmentation_components",
    "segmentation_largest_share",
    "segmentation_box_filled",
    "segmentation_touches",
)
LESS_CONFIDENT = "less confident than asked"
LESS_AGREEMENT = "agrees less with its box than asked"
SIFTED = (LESS_CONFIDENT, LESS_AGREEMENT)
DIGITS = 4
SHARES = {"confidence": CONFIDENCE, "box_agreement": AGREEMENT, "largest_share": LARGEST, "box_filled": FILLED}
QUANTILES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
BINS = 20
MANY = 4  # parts that are counted together


class Sieve:
    """The least confidence and agreement with the box that each class asks for.

    Raises:
        ConfigError: a class that there is not, or a number outside 0..1.
    """

    def __init__(self, options: CompletionOptions, records: Records) -> None:
        self.confidence, self.agreement = (
            of_classes(name, getattr(options, name), records.class_names).tolist()
            for name in ("min_confidence", "min_box_agreement")
        )

    def reason(self, label: int, attributes: dict[str, Any]) -> str | None:
        """Why a mask is not written; None where it is."""
        if attributes[CONFIDENCE] < self.confidence[label]:
            return LESS_CONFIDENT
        return LESS_AGREEMENT if attributes[AGREEMENT] < self.agreement[label] else None


def figures_of(records: Records, found: dict[int, tuple[dict[str, Any], float]]) -> dict[int, dict[str, Any]]:
    """What the file says of each mask: position in the records → attributes, rounded as they are written.

    Args:
        found: position in the records → (checked COCO run lengths, confidence).
    """
    positions = list(found)
    heights = records.heights[records.images_of(np.array(positions, dtype=np.int64))]
    measured = measure_masks([found[a][0]["counts"] for a in positions], heights, records.boxes[positions])
    rows = attributes_of(measured)
    return {a: {CONFIDENCE: found[a][1], **row} for a, row in zip(positions, rows, strict=True)}


def attributes_of(measured: MaskFigures) -> list[dict[str, Any]]:
    """The figures of N masks under the names that they have in a file."""
    shares = [
        getattr(measured, name).round(DIGITS).tolist() for name in ("box_agreement", "largest_share", "box_filled")
    ]
    touches = [
        " ".join(side for side, is_met in zip(SIDES, row, strict=True) if is_met) for row in measured.touches.tolist()
    ]
    rows = zip(shares[0], measured.components.tolist(), shares[1], shares[2], touches, strict=True)
    return [dict(zip(FIGURES, row, strict=True)) for row in rows]


def distributions(labels: np.ndarray, rows: list[dict[str, Any]], class_names: list[str]) -> dict[str, dict[str, Any]]:
    """How the figures of masks are spread, in ``"all"`` and by class name in ``"classes"``; ``{}`` without a mask.

    Args:
        labels: int64 [N]. rows: N dictionaries of :func:`figures_of`.

    Returns:
        ``masks``; of each of ``confidence``, ``box_agreement``, ``largest_share`` and ``box_filled`` the ``quantiles``
        (least, 5, 25, 50, 75, 95 percent, greatest) and a ``histogram`` of 20 bins over 0..1; ``components`` → masks;
        ``sides_touched`` (0 to 4) → masks.
    """
    if not rows:
        return {}
    shares = {name: np.array([row[key] for row in rows]) for name, key in SHARES.items()}
    parts = np.minimum([row[COMPONENTS] for row in rows], MANY)
    sides = np.array([len(row[TOUCHES].split()) for row in rows])

    def of(chosen: np.ndarray) -> dict[str, Any]:
        counted = np.bincount(parts[chosen], minlength=MANY + 1)[1:].tolist()
        reached = np.bincount(sides[chosen], minlength=len(SIDES) + 1).tolist()
        return {
            "masks": int(chosen.sum()),
            **{figure: _spread(values[chosen]) for figure, values in shares.items()},
            "components": {str(n) if n < MANY else f"{n} or more": count for n, count in enumerate(counted, 1)},
            "sides_touched": {str(n): count for n, count in enumerate(reached)},
        }

    classes = {name: of(labels == label) for label, name in enumerate(class_names) if (labels == label).any()}
    return {"all": of(np.ones(len(rows), dtype=bool)), "classes": classes}


def _spread(values: np.ndarray) -> dict[str, list[float] | list[int]]:
    return {
        "quantiles": np.quantile(values, QUANTILES).round(DIGITS).tolist(),
        "histogram": np.histogram(values, BINS, (0, 1))[0].tolist(),
    }
