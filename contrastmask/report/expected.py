"""What the report reads of a run's files, and what is left of one that is damaged.

A pattern is a type, or its mapping of keys to patterns (``EACH`` stands for every key), or a list of one pattern.
Keys that a pattern does not name are not read.
"""

from __future__ import annotations

from typing import Any

EACH = "*"
NUMBER = float  # an int or float below LARGEST in size; no bool
LARGEST = 1e15  # beyond it, or not finite: no figure that a chart can hold
_METRICS = {EACH: NUMBER}
_GROUPS = {"base": _METRICS, "novel": _METRICS, "all": _METRICS}
_GIVEN = {**_METRICS, "reliability": [{"objects": NUMBER, "said": NUMBER, "true": NUMBER}]}
_SIDE = {"images_used": NUMBER, "base": _METRICS, "novel": _METRICS}

RESULTS = {
    "mask": _GROUPS,
    "box": _GROUPS,
    "given_boxes": dict.fromkeys(_GROUPS, _GIVEN),
    "per_class": {EACH: {"group": str, "objects": NUMBER, "mask": _METRICS}},
    "images": {"evaluated": NUMBER, "of": NUMBER},
}
VERSIONS = {"packages": {EACH: str}, "git": str, "gpus": [str], "platform": str}
DATA = {"train": _SIDE, "val": _SIDE, "split": {"base": [str], "novel": [str]}}
GALLERY = {
    "classes": str,
    "found": NUMBER,
    "missed": NUMBER,
    "objects": [
        {"kind": str, "iou": NUMBER, "class": str, "score": NUMBER, "image_id": (int, str), "files": {EACH: str}},
    ],
}


def prune(value: Any, pattern: Any, place: str = "") -> tuple[Any, list[str]]:
    """What of ``value`` has the pattern's shape, and the places of what has not.

    None is taken as absent, and not told. Of a list the items stay that have every key of the pattern.

    Args:
        value: what JSON or YAML gave.
        pattern: the shape wanted.
        place: name of ``value`` in what is told.
    """
    if isinstance(pattern, dict):
        if not isinstance(value, dict):
            return None, [place]
        kept, told = {}, []
        for key, item in value.items():
            inner = pattern.get(key, pattern.get(EACH))
            if inner is None or item is None or not isinstance(key, str):
                continue
            part, wrong = prune(item, inner, f"{place}.{key}" if place else key)
            told += wrong
            if part is not None:
                kept[key] = part
        return kept, told
    if isinstance(pattern, list):
        if not isinstance(value, list):
            return None, [place]
        found = [prune(item, pattern[0], f"{place}[{i}]") for i, item in enumerate(value)]
        whole = [_whole(part, pattern[0]) for part, _ in found]
        told = [line for _, wrong in found for line in wrong]
        told += [f"{place}[{i}]" for i, ok in enumerate(whole) if not ok and not found[i][1]]
        return [part for (part, _), ok in zip(found, whole, strict=True) if ok], told
    if pattern is NUMBER:
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST
    else:
        right = isinstance(value, pattern)
    return (value, []) if right else (None, [place])


def _whole(part: Any, pattern: Any) -> bool:
    return part is not None and (not isinstance(pattern, dict) or all(key in part for key in pattern))
