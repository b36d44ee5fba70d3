"""Whether a model learnt from the very masks that it is compared with: such an overlap is no measure of new ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from contrastmask.completion.source_file import digest
from contrastmask.runtime.given_boxes import GivenBoxes

if TYPE_CHECKING:
    from contrastmask.prediction.predictor import Predictor

_CLASSES = 6  # that are named


def learnt_classes(predictor: Predictor | GivenBoxes, annotations: Path, names: Iterable[str]) -> list[str] | None:
    """Those of the classes ``names`` whose masks in the file the model learnt from; None where nothing tells.

    A checkpoint names the file that it was trained on and the classes that had masks there. A file is that one by its
    place or by its content; of another it is not known which objects the two share.
    """
    file = predictor.training_file
    if file is None or not _same(file, annotations):
        return None
    return [name for name in names if predictor.base is None or name in predictor.base]


def words_on(learnt: list[str] | None, file: str) -> str | None:
    """What is to be known of an overlap with the masks of ``file``; None where it is of classes held out."""
    measure = "task=complete on a file that it was not trained on, such as that of validation, tells"
    if learnt is None:
        return f"this IoU tells how good new masks are if the model was not trained on {file}; if it was, {measure}"
    if not learnt:
        return None
    named = ", ".join(learnt[:_CLASSES]) + (f" and {more} more" if (more := len(learnt) - _CLASSES) > 0 else "")
    return f"the model was trained on {file} and learnt from these masks ({named}): new ones may be worse. {measure}"


def _same(file: Path, other: Path) -> bool:
    try:
        if file.resolve() == other.resolve():
            return True
        return file.is_file() and file.stat().st_size == other.stat().st_size and digest(file) == digest(other)
    except (OSError, RuntimeError, ValueError):
        return False
