"""What a data set holds after checking and splitting: numbers for JSON, lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from contrastmask.data.records import Records
from contrastmask.data.splits import Split

if TYPE_CHECKING:  # the numbers need no torch
    from contrastmask.data.batches.dataset import CocoDataset


def summarise(records: Records, dataset: CocoDataset, split: Split, withheld: int = 0) -> dict[str, Any]:
    """Counts of one side of the data, ready for JSON.

    Args:
        records: as the data set uses them, after the split.
        withheld: masks that the file has and the split took away.

    Returns:
        annotations_file; categories (id and name, in label order); images (in the file) and images_used,
        images_left_out (reason → number), images_skipped (paths unreadable so far), annotations, crowd; masks_given,
        masks_withheld; per base and novel: objects, with_mask and, where there are any to learn from,
        with_predicted_mask (crowds not counted; a predicted mask counts there alone); records (what checking dropped
        and repaired).
    """
    objects = ~records.crowd
    novel = np.isin(records.labels, split.novel)

    def count(side: np.ndarray) -> dict[str, int]:
        found = {"objects": int(side.sum()), "with_mask": int((side & records.drawn).sum())}
        predicted = int((side & records.has_mask & records.predicted).sum())
        return found | ({"with_predicted_mask": predicted} if predicted else {})

    return {
        "annotations_file": str(records.path),
        "categories": [{"id": category.id, "name": category.name} for category in records.categories],
        "images": len(records.image_ids),
        "images_used": len(dataset),
        "images_left_out": dict(dataset.left_out),
        "images_skipped": [str(path) for path in dataset.skipped_files],
        "annotations": len(records.ann_ids),
        "crowd": int(records.crowd.sum()),
        "masks_given": int((objects & records.drawn).sum()),
        "masks_withheld": withheld,
        "base": count(objects & ~novel),
        "novel": count(objects & novel),
        "records": records.report.to_dict(),
    }


def summary_lines(side: str, records: Records, summary: dict[str, Any]) -> list[str]:
    """The same for the terminal, with the checking's own report at the end."""
    reasons = [f"{number} {reason}" for reason, number in summary["images_left_out"].items() if number]
    left_out = f" (left out: {', '.join(reasons)})" if reasons else ""
    lines = [f"{side}: {summary['images_used']} of {summary['images']} images of {records.path}{left_out}"]
    for kind in ("base", "novel"):
        predicted = summary[kind].get("with_predicted_mask")
        more = f", {predicted} with a predicted one" if predicted else ""
        lines.append(f"  {kind}: {summary[kind]['objects']} objects, {summary[kind]['with_mask']} with a mask{more}")
    if summary["masks_withheld"]:
        lines.append(f"  {summary['masks_withheld']} masks of novel classes withheld by the split")
    return lines + [f"  {line}" for line in records.report.lines()]
