"""How an annotation file is to be read where there is more than one way."""

from __future__ import annotations

from dataclasses import dataclass

from contrastmask.errors import ConfigError

CHOICES: dict[str, tuple[str, ...]] = {
    "predicted_masks": ("ignore", "use"),
}


@dataclass(frozen=True)
class Reading:
    """The choices of one reading; the defaults take the file at its word.

    Attributes:
        repair: mend or drop rows that contradict the file, and count them, instead of stopping.
        predicted_masks: "ignore": a mask that its row calls predicted (``segmentation_predicted``) is no truth, its
            object has a box alone; "use": it counts like a drawn one. `Records.predicted` tells either way.

    Raises:
        ConfigError: a value that is none of its choices.
    """

    repair: bool = False
    predicted_masks: str = "ignore"

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ConfigError(f"data.{name}={value} is unknown; choose from {', '.join(choices)}")


AS_IT_IS = Reading()
