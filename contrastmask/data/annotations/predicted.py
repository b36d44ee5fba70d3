"""Which masks of a file a model made, and how sure it was: completing a data set marks them, and tools carry the marks
on as they can.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contrastmask.data.annotations.sieve import Sieve

PREDICTED = "segmentation_predicted"
CONFIDENCE = "segmentation_confidence"
SCORE = "score"
_YES = (True, 1, "1", "true", "True", "TRUE", "yes")


def predicted_rows(marks: list[Any], attributes: list[Any]) -> np.ndarray:
    """bool [A]: the row says so itself or under its `attributes`, where CVAT and datumaro keep such things.

    Args:
        marks, attributes: the rows' values of `segmentation_predicted` and `attributes`; None where missing.
    """
    if not any(marks) and not any(attributes):
        return np.zeros(len(marks), dtype=bool)
    inner = [value.get(PREDICTED) if type(value) is dict else None for value in attributes]
    return np.array([_says_yes(mark) or _says_yes(other) for mark, other in zip(marks, inner, strict=True)], dtype=bool)


def _says_yes(mark: Any) -> bool:
    return isinstance(mark, (bool, int, float, str)) and mark in _YES


def confidences(values: list[Any], attributes: list[Any], predicted: np.ndarray) -> np.ndarray:
    """float32 [A] in 0..1, the overlap with the truth that a predicted mask expects; NaN where the row tells none.

    Args:
        values, attributes: the rows' values of `segmentation_confidence` and `attributes`; None where missing.
        predicted: bool [A], of the rows that are asked.
    """
    found = np.full(len(values), np.nan, dtype=np.float32)
    for row in np.flatnonzero(predicted).tolist():
        inner = attributes[row].get(CONFIDENCE) if type(attributes[row]) is dict else None
        for value in (values[row], inner):
            if (number := _share(value)) is not None:
                found[row] = number
                break
    return found


def count_scored(scores: list[Any], drawn: np.ndarray, sieve: Sieve) -> None:
    """Warn of masks that are taken for a person's though their rows have a score, as a model's detections do.

    Args:
        scores: the rows' values of `score`. drawn: bool [A], the row has a mask that counts as a person's.
    """
    if any(scores):
        found = np.array([(number := _share(score)) is not None and 0 < number < 1 for score in scores], dtype=bool)
        reason = f"mask has a {SCORE} as detections have it: taken for a person's all the same"
        sieve.count("warning", found & drawn, reason, f"where a model made it, `{PREDICTED}: true` in its row says so")


def _share(value: Any) -> float | None:
    if not isinstance(value, (int, float, str)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None
