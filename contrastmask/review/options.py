"""What to review, and how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.reading import RULES, Reading
from contrastmask.errors import ConfigError
from contrastmask.files.outputs import require_outputs

ORDERS = ("confidence", "suspicion", "agreement", "class", "size", "random", "file")
SOURCES = ("all", "model", "person")


@dataclass(frozen=True)
class ReviewOptions:
    """What to review and how.

    Attributes:
        annotations, images: the COCO-format file and the folder of its images.
        output: the file that finishing writes; None: ``NAME.reviewed.json`` beside the file. The journal of decisions
            lies beside it.
        before: an earlier form of the file, whose masks are shown beside the present ones; None: there is none.
        order: of the queue, one of ``ORDERS``; None: suspicion where the file has it, else confidence.
        reverse: the last first. seed: of the random order.
        source: whose masks are asked about first, one of ``SOURCES``; None: the model's where the file has any.
        overwrite: finishing replaces a file that it has not written itself.
        repair, crowd, rectangles, nested, duplicates, empty_categories: as
            :class:`contrastmask.data.reading.Reading`; what the reading leaves out is not asked about.
        image_rules: how image files are found and read.

    Raises:
        ConfigError: a value that is none of its choices, or an output that would replace what is read.
    """

    annotations: Path
    images: Path
    output: Path | None = None
    before: Path | None = None
    order: str | None = None
    reverse: bool = False
    seed: int = 0
    source: str | None = None
    overwrite: bool = False
    repair: bool = False
    crowd: str = "region"
    rectangles: str = "mask"
    nested: str = "part"
    duplicates: str = "keep"
    empty_categories: str = "keep"
    image_rules: ImageRules = PLAIN

    def __post_init__(self) -> None:
        for name, choices in (("order", ORDERS), ("source", SOURCES)):
            if (value := getattr(self, name)) is not None and value not in choices:
                raise ConfigError(f"{name}={value} is unknown; choose from {', '.join(choices)}")
        _ = self.reading
        if not self.target.name:
            raise ConfigError(f"output={self.target} names no file")
        read = {"the input itself": self.annotations, "the file that data.before names": self.before}
        require_outputs(self.target, (self.target, self.summary, self.journal), read)

    @property
    def reading(self) -> Reading:
        """How the file is read: a mask counts, whoever made it."""
        rules = {name: getattr(self, name) for name in RULES}
        return Reading(**rules, predicted_masks="use", **vars(self.image_rules))

    @property
    def target(self) -> Path:
        """The file that finishing writes."""
        return self.annotations.with_suffix(".reviewed.json") if self.output is None else self.output

    @property
    def summary(self) -> Path:
        """Where the lists of accepted and rejected objects are written."""
        return self.target.with_suffix(".summary.json")

    @property
    def journal(self) -> Path:
        """Where decisions are kept."""
        return self.target.with_suffix(".journal")
