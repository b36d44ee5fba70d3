"""What the truth of an evaluation was, in numbers and in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from contrastmask.evaluation.coco_match import MAX_DETECTIONS
from contrastmask.evaluation.truth import Truth


def describe(
    truth: Truth,
    images: np.ndarray,
    rows: np.ndarray,
    kinds: Sequence[str],
    by_image: Mapping[int, dict[str, Any]],
    places: np.ndarray,
) -> dict[str, Any]:
    """The part ``truth`` of the results, ready for JSON.

    Args:
        images: positions of the evaluated ones; rows: of their objects. by_image: the predictions by position.
        places: of the model's classes among the file's categories, -1 where the file lacks one.

    Returns:
        ``file``; ``sha256`` of its bytes; ``images``, ``annotations``, ``categories``: what it holds; ``cocoeval``:
        kind → whether COCOeval runs on the evaluated part of it and the figures are its own; ``rules``: what was done
        with which rows, where that is not plain (:meth:`Tally.to_list`); ``images_without_prediction``: evaluated, but
        never seen by the model; ``image_ids`` of the evaluated ones, None where they are all; ``max_detections`` of an
        image and class that count; ``detections``: all of them, ``over_max`` beyond that number, ``of_other_classes``
        that the file lacks; ``crowded``: pairs of image and class with more objects than ``max_detections``, which
        cannot all be found; ``classes_unknown``: the file's that the model does not have.
    """
    tally = truth.tally(rows, kinds)
    labels = [np.asarray(by_image[i]["labels"]) for i in images.tolist() if i in by_image]
    judged = [places[found] for found in labels]
    over = sum(int((np.bincount(p[p >= 0]) - MAX_DETECTIONS).clip(0).sum()) for p in judged if len(p))
    counted = rows[~truth.ignored[rows]]
    _, objects = np.unique(np.stack([truth.images[counted], truth.places[counted]]), axis=1, return_counts=True)
    known = set(places.tolist())
    return {
        "file": str(truth.path),
        "sha256": truth.sha256,
        "images": len(truth.image_ids),
        "annotations": truth.annotations,
        "categories": len(truth.categories),
        "cocoeval": {kind: tally.runs(kind) for kind in kinds},
        "rules": tally.to_list(),
        "images_without_prediction": sum(i not in by_image for i in images.tolist()),
        "image_ids": None if len(images) == len(truth.image_ids) else [truth.image_ids[i] for i in images.tolist()],
        "max_detections": MAX_DETECTIONS,
        "detections": sum(map(len, labels)),
        "over_max": over,
        "of_other_classes": sum(int((p < 0).sum()) for p in judged),
        "crowded": int((objects > MAX_DETECTIONS).sum()),
        "classes_unknown": [name for place, name in enumerate(truth.class_names) if place not in known],
    }


def sentences(description: Mapping[str, Any]) -> list[str]:
    """What of :func:`describe` a person should read below the figures; the first line always is there."""
    own = [kind for kind, runs in description["cocoeval"].items() if runs]
    other = [kind for kind, runs in description["cocoeval"].items() if not runs]
    said = f"{' and '.join(own)} AP as COCOeval's own on this file" if own else ""
    if other:
        said += f"{'; ' if own else ''}{' and '.join(other)} AP by the rules below, where COCOeval stops"
    lines = [f"truth {description['file']}: {said} (docs/evaluation.md)"]
    for row in description["rules"]:
        if row["outcome"] == "counted" and row["cocoeval"]:
            continue
        shown = ", ".join(map(str, row["examples"]))
        more = ", …" if row["rows"] > len(row["examples"]) else ""
        for_what = "" if len(row["kinds"]) == 2 else f", for {row['kinds'][0]} AP alone,"
        lines.append(f"  {row['rows']} rows{for_what} {row['rule']}; {row['outcome']} ({shown}{more})")
    most = description["max_detections"]
    notes = {
        "images_without_prediction": "images that the model has not seen: their objects are missed",
        "over_max": f"detections beyond the best {most} of an image and class, which do not count (COCO's rule)",
        "crowded": f"times more objects of a class in an image than the {most} detections that count",
        "of_other_classes": "detections of classes that the file does not have, which do not count",
    }
    lines += [f"  {description[key]} {text}" for key, text in notes.items() if description[key]]
    if names := description["classes_unknown"]:
        lines.append(f"  classes of the file that the model does not have: {', '.join(names[:10])}"
                     f"{', …' if len(names) > 10 else ''}; their objects are missed")  # fmt: skip
    return lines
