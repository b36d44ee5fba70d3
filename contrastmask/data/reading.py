"""How an annotation file is to be read where there is more than one way."""

from __future__ import annotations

from dataclasses import dataclass

from contrastmask.data.images.rules import ImageRules
from contrastmask.errors import ConfigError

CHOICES: dict[str, tuple[str, ...]] = {
    "crowd": ("region", "object"),
    "rectangles": ("mask", "box"),
    "nested": ("part", "hole"),
    "duplicates": ("keep", "join"),
    "empty_categories": ("keep", "drop"),
    "predicted_masks": ("ignore", "accepted", "use"),
}
# what a person chooses wherever a file is read; predicted masks mean another thing to each program
RULES = ("repair", "crowd", "rectangles", "nested", "duplicates", "empty_categories")


@dataclass(frozen=True)
class Reading:
    """The choices of one reading; the defaults take the file at its word.

    Attributes:
        repair: mend or drop rows that contradict the file, and count them, instead of stopping.
        crowd: rows with ``iscrowd`` 1 are "region"s (background in training, ignored in evaluation) or every one an
            "object"; CVAT, datumaro and supervision write painted masks so.
        rectangles: a mask that is its own box counts as "mask", or the row has a "box" alone.
        nested: a polygon inside another of its object is a "part", which changes nothing, or a "hole"; Kili and
            FiftyOne write holes so.
        duplicates: of two rows for one object "keep" both, or "join" them: the one with the mask stays.
        empty_categories: classes without an annotation are "keep"-ed or "drop"-ped.
        predicted_masks: "ignore": a mask that its row calls predicted (``segmentation_predicted``) is no truth, its
            object has a box alone; "accepted": unless a person accepted it in a review; "use": it is learnt from. It is
            still no truth: it makes no class a base class, and no split withholds it. `Records.predicted` tells either
            way.
        strip_path, follow_links, exif, bit_depth: of the image files, as :class:`ImageRules`.

    Raises:
        ConfigError: a value that is none of its choices.
    """

    repair: bool = False
    crowd: str = "region"
    rectangles: str = "mask"
    nested: str = "part"
    duplicates: str = "keep"
    empty_categories: str = "keep"
    predicted_masks: str = "ignore"
    strip_path: int | str = 0
    follow_links: bool = False
    exif: str = "auto"
    bit_depth: int | str = 16

    @property
    def image_rules(self) -> ImageRules:
        """How the image files are found and read."""
        return ImageRules(self.strip_path, self.follow_links, self.exif, self.bit_depth)

    def __post_init__(self) -> None:
        _ = self.image_rules
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ConfigError(f"data.{name}={value} is unknown; choose from {', '.join(choices)}")


AS_IT_IS = Reading()
