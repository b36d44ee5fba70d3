"""What to audit, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.reading import RULES, Reading
from contrastmask.errors import ConfigError
from contrastmask.files.outputs import require_outputs


@dataclass(frozen=True)
class AuditOptions:
    """What to audit.

    Attributes:
        annotations, images: the COCO-format file and the folder of its images; output: the JSON file to write.
        classes: names; None: every class.
        predicted: also judge masks that a model made.
        other_classes: also ask a model that finds objects which classes it finds in the boxes.
        shown: objects on the sheet, the likeliest first.
        overwrite: replace an existing output.
        repair, crowd, rectangles, nested, duplicates, empty_categories: as :class:`contrastmask.data.reading.Reading`.
        image_rules: how image files are found and read.
        batch_size: images a group; num_workers: loader processes.

    Raises:
        ConfigError: a value out of its range; the output is there, or is the input.
    """

    annotations: Path
    images: Path
    output: Path
    classes: Sequence[str] | None = None
    predicted: bool = False
    other_classes: bool = True
    shown: int = 100
    overwrite: bool = False
    batch_size: int = 1
    num_workers: int = 0
    repair: bool = False
    crowd: str = "region"
    rectangles: str = "mask"
    nested: str = "part"
    duplicates: str = "keep"
    empty_categories: str = "keep"
    image_rules: ImageRules = PLAIN

    def __post_init__(self) -> None:
        _ = self.reading
        if self.batch_size < 1 or self.num_workers < 0 or self.shown < 0:
            raise ConfigError("batch_size must be at least 1, num_workers and shown at least 0")
        if not self.output.name:
            raise ConfigError(f"output={self.output} names no file")
        if self.output.suffix.lower() in (".html", ".htm"):
            raise ConfigError(f"output={self.output} is the JSON file's name; the sheet stands beside it, as .html")
        require_outputs(self.output, (self.output, self.sheet), {"the input itself": self.annotations})
        for written in (self.output, self.sheet):
            if written.exists() and not self.overwrite and not self.journal.exists():
                raise ConfigError(f"{written} exists; overwrite=true replaces it")

    @property
    def reading(self) -> Reading:
        """How the file is read."""
        rules = {name: getattr(self, name) for name in RULES}
        return Reading(**rules, predicted_masks="use" if self.predicted else "ignore", **vars(self.image_rules))

    @property
    def journal(self) -> Path:
        """Where finished work is kept until the output is written."""
        return self.output.with_name(f".{self.output.name}.journal")

    @property
    def sheet(self) -> Path:
        """Where the sheet is written."""
        return self.output.with_suffix(".html")
