"""How an annotation file is to be read where there is more than one way."""

from __future__ import annotations

from dataclasses import dataclass

from contrastmask.errors import ConfigError

CHOICES: dict[str, tuple[str, ...]] = {
    "crowd": ("region", "object"),
    "rectangles": ("mask", "box"),
    "duplicates": ("keep", "join"),
    "empty_categories": ("keep", "drop"),
    "predicted_masks": ("ignore", "use"),
}


@dataclass(frozen=True)
class Reading:
    """The choices of one reading; the defaults take the file at its word.

    Attributes:
        repair: mend or drop rows that contradict the file, and count them, instead of stopping.
        crowd: rows with ``iscrowd`` 1 are "region"s (background in training, ignored in evaluation) or every one an
            "object"; CVAT, datumaro and supervision write painted masks so.
        rectangles: a mask that is its own box counts as "mask", or the row has a "box" alone.
        duplicates: of two rows for one object "keep" both, or "join" them: the one with the mask stays.
        empty_categories: classes without an annotation are "keep"-ed or "drop"-ped.
        predicted_masks: "ignore": a mask that its row calls predicted (``segmentation_predicted``) is no truth, its
            object has a box alone; "use": it counts like a drawn one. `Records.predicted` tells either way.

    Raises:
        ConfigError: a value that is none of its choices.
    """

    repair: bool = False
    crowd: str = "region"
    rectangles: str = "mask"
    duplicates: str = "keep"
    empty_categories: str = "keep"
    predicted_masks: str = "ignore"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ConfigError(f"data.{name}={value} is unknown; choose from {', '.join(choices)}")


AS_IT_IS = Reading()
