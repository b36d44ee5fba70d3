"""Which masks of a file a model made: completing a data set marks them, and tools carry the mark on as they can."""

from __future__ import annotations

from typing import Any

import numpy as np

PREDICTED = "segmentation_predicted"
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
