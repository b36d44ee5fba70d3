"""What a new mask must reach to be written: one number, or one a class."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from contrastmask.errors import ConfigError

DEFAULT = "default"
# a name, quoted where it holds a comma, and what stands behind its last colon
ENTRY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^,]+?))\s*:\s*([^\s,:]+)\s*(?:,|$)""")
NAMES = ("min_confidence", "min_box_agreement")


def thresholds(name: str, value: Any) -> dict[str, float]:
    """A setting as class name → 0..1; ``"default"`` holds for the classes that are not named, 0 where it is missing.

    Args:
        name: of the setting, for messages. value: a number, a mapping of class names to numbers, or such a mapping as
            text (``"{default: 0.6, Möwe: 0.8}"``): a command line takes few signs in a name outside quotes.

    Raises:
        ConfigError: something else, or a number outside 0..1.
    """
    found = _mapping(name, value) if isinstance(value, (str, Mapping)) else {DEFAULT: value}
    table = {}
    for key, number in found.items():
        setting = f"{name}={number}" if not isinstance(value, (str, Mapping)) else f"{name}: {key}: {number}"
        try:
            table[_text(key)] = limit = float("nan") if isinstance(number, bool) else float(number)
        except (TypeError, ValueError):
            raise ConfigError(f"{setting} is no number") from None
        if not (math.isfinite(limit) and 0 <= limit <= 1):
            raise ConfigError(f"{setting} must lie in 0..1")
    return {DEFAULT: 0.0, **table}


def of_classes(name: str, value: Any, class_names: Sequence[str]) -> np.ndarray:
    """:func:`thresholds` in label order, float64 [K].

    Raises:
        ConfigError: as :func:`thresholds`, or a class that there is not.
    """
    table = thresholds(name, value)
    for key in table:
        if key not in class_names and key != DEFAULT:
            near = get_close_matches(key, class_names, n=1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise ConfigError(f"{name}: no class {key}{meant}; the file has {', '.join(class_names)}")
    return np.array([table.get(label, table[DEFAULT]) for label in class_names])


def _mapping(name: str, value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    text = value.strip()
    found, place, inner = {}, 0, text[1:-1].strip()
    while text.startswith("{") and text.endswith("}") and (entry := ENTRY.match(inner, place)):
        double, single, plain, number = entry.groups()
        key = re.sub(r"\\(.)", r"\1", double) if double is not None else single if single is not None else plain
        found[key], place = number, entry.end()
    if not found or place < len(inner):
        raise ConfigError(f"{name}={value} is neither a number nor {{default: 0.6, CLASS: 0.8}}")
    return found


def _text(key: Any) -> str:
    """A class name of digits, or one that reads like a value, as people write it."""
    return str(key).lower() if isinstance(key, bool) else str(key)
