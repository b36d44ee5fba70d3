"""What an exported model tells of itself, as JSON under the key ``contrastmask`` of its metadata (docs/export.md)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from contrastmask.errors import CheckpointError

KEY = "contrastmask"
FORMAT = 1
CROPS = "crops"  # kinds: the crop branch
PYRAMID = "pyramid"  # the detector's backbone: image → feature pyramid
MASKS = "masks"  # the detector's heads: feature pyramid, boxes and labels → masks


@dataclass(frozen=True)
class About:
    """Of one file.

    Attributes:
        kind: what the graph is, :data:`CROPS`, :data:`PYRAMID` or :data:`MASKS`.
        version: of this project, that wrote it.
        categories: ``[{"id": int or None, "name": str}, …]`` in label order.
        mean: RGB, 0..255, what lies outside an image; normalisation itself is in the graph.
        side, context: of :data:`CROPS`: pixels of a crop, and share of a box's sides around it.
        short_side, long_side, divisor: of the detector: how images are resized, px, and what their sides are padded to.
        precision: ``fp32`` or ``int8``.
        format: of this description.
    """

    kind: str
    version: str
    categories: list[dict[str, Any]]
    mean: list[float]
    side: int = 0
    context: float = 0.0
    short_side: int = 0
    long_side: int = 0
    divisor: int = 0
    precision: str = "fp32"
    format: int = FORMAT

    def to_json(self) -> str:
        """For the file."""
        return json.dumps(asdict(self))


def read_about(text: str | None, path: Path) -> About:
    """The description in a file's metadata.

    Args:
        text: the metadata's value; None: it has none.

    Raises:
        CheckpointError: there is none, or it is of another form; what is wrong with it.
    """
    if text is None:
        raise CheckpointError(f"{path} does not tell what it is: it was not written by `contrastmask export`")
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: its description ({KEY} in the metadata) is damaged; export the model again")
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is of format {content.get('format')!r} (project {content.get('version')!r}), this program reads "
            f"{FORMAT}: export the model again, or take the program that wrote it"
        )
    wrong = [name for name, good in _checks(content).items() if not good]
    if wrong:
        raise CheckpointError(f"{path}: its description lacks or has wrong {', '.join(wrong)}; export the model again")
    known = {entry.name for entry in fields(About)}
    return About(**{name: value for name, value in content.items() if name in known})


def _checks(content: dict[str, Any]) -> dict[str, bool]:
    numbers = {name: content.get(name, 0) for name in ("side", "short_side", "long_side", "divisor")}
    checks = {name: type(value) is int and 0 <= value <= 2**16 for name, value in numbers.items()}
    kind, mean, categories = (content.get(name) for name in ("kind", "mean", "categories"))
    checks["kind"] = kind in (CROPS, PYRAMID, MASKS)
    checks["version"] = isinstance(content.get("version"), str)
    checks["mean"] = isinstance(mean, list) and len(mean) == 3 and all(_number(v) and 0 <= v <= 255 for v in mean)
    checks["categories"] = isinstance(categories, list) and all(
        isinstance(c, dict) and isinstance(c.get("name"), str) for c in categories
    )
    checks["context"] = _number(content.get("context", 0.0)) and 0 <= content.get("context", 0.0) <= 10
    checks["precision"] = content.get("precision", "fp32") in ("fp32", "int8")
    if kind == CROPS:
        checks["side"] = checks["side"] and numbers["side"] >= 32
    elif kind in (PYRAMID, MASKS):
        checks |= {name: checks[name] and numbers[name] > 0 for name in ("short_side", "long_side", "divisor")}
    return checks


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
