"""What to hand over, to which tool, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.reading import RULES, Reading
from contrastmask.errors import ConfigError

# each tool's forms of a mask, the one that keeps most first
FORMS = {
    "labelstudio": ("masks", "polygons"),
    "yolo": ("polygons",),
    "cvat": ("masks", "polygons"),
    "fiftyone": ("masks", "polygons"),
}
CHOICES = {
    "without_mask": ("leave_out", "box"),
    "parts": ("largest", "joined"),
    "images": ("link", "copy", "none"),
    "boxes": ("mask", "given"),
}
SUMMARY = "export.json"


@dataclass(frozen=True)
class LabelStudioOptions:
    """For Label Studio.

    Attributes:
        url: what stands before an image's name in a task, as Label Studio reaches the images.
    """

    url: str = "/data/local-files/?d="


@dataclass(frozen=True)
class YoloOptions:
    """For YOLO's segmentation labels, whose one line an object is one polygon.

    Attributes:
        parts: of a mask of several parts or with holes the "largest" part's outline, or all parts and holes "joined" by
            lines without width.
        without_mask: an object that has a box alone is "leave_out" (listed), or its "box" stands for its mask.
        images: "link" puts links to the images beside the labels, "copy" copies, "none" leaves them to you.
        subset: name of the folders below ``images`` and ``labels``.
    """

    parts: str = "largest"
    without_mask: str = "leave_out"
    images: str = "link"
    subset: str = "train"

    def __post_init__(self) -> None:
        _check(self, "yolo", ("parts", "without_mask", "images"))
        if not self.subset or self.subset in (".", "..") or set(self.subset) & set("/\\:"):
            raise ConfigError(f"yolo.subset={self.subset!r} is no name of a folder")


@dataclass(frozen=True)
class FiftyOneOptions:
    """For FiftyOne, which cuts a mask at its box.

    Attributes:
        boxes: an object with a mask gets the box of its "mask", so that every pixel is kept, and the file's as an
            attribute; or its box is the "given" one.
    """

    boxes: str = "mask"

    def __post_init__(self) -> None:
        _check(self, "fiftyone", ("boxes",))


def _check(options: object, group: str, names: tuple[str, ...]) -> None:
    for name in names:
        if (value := getattr(options, name)) not in CHOICES[name]:
            raise ConfigError(f"{group}.{name}={value!r} is not one of {', '.join(CHOICES[name])}")


@dataclass(frozen=True)
class ExportOptions:
    """What to hand over.

    Attributes:
        annotations, images: the COCO-format file and the folder of its images; output: the folder to write.
        to: the tool. form: "masks" (every pixel) or "polygons"; None: the one that keeps most.
        overwrite: replace a folder that an earlier export wrote.
        repair, crowd, rectangles, nested, duplicates, empty_categories: as :class:`contrastmask.data.reading.Reading`.
        image_rules: how image files are found.

    Raises:
        ConfigError: an unknown choice; a form that the tool has not; the output is there.
    """

    annotations: Path
    images: Path
    output: Path
    to: str
    form: str | None = None
    overwrite: bool = False
    repair: bool = False
    crowd: str = "region"
    rectangles: str = "mask"
    nested: str = "part"
    duplicates: str = "keep"
    empty_categories: str = "keep"
    image_rules: ImageRules = PLAIN
    labelstudio: LabelStudioOptions = field(default_factory=LabelStudioOptions)
    yolo: YoloOptions = field(default_factory=YoloOptions)
    fiftyone: FiftyOneOptions = field(default_factory=FiftyOneOptions)

    def __post_init__(self) -> None:
        if self.to not in FORMS:
            raise ConfigError(f"to={self.to!r} is not one of {', '.join(FORMS)}")
        if self.form is not None and self.form not in FORMS[self.to]:
            raise ConfigError(f"form={self.form!r} is none that to={self.to} has: {', '.join(FORMS[self.to])}")
        _ = self.reading
        self.check_output()
        resolved = self.output.resolve()
        for name, read in (("data.annotations", self.annotations), ("data.images", self.images)):
            if read.resolve().is_relative_to(resolved):
                raise ConfigError(f"output={self.output} would replace what {name} names; choose another folder")

    def check_output(self) -> None:
        """Refuse to write where something is.

        Raises:
            ConfigError: there is something, and it is no earlier export or is not to be replaced.
        """
        if self.output.exists() or self.output.is_symlink():
            if not self.overwrite:
                raise ConfigError(f"{self.output} exists; overwrite=true replaces an earlier export")
            if not (self.output / SUMMARY).is_file() or self.output.is_symlink():
                raise ConfigError(f"{self.output} is no earlier export (it has no {SUMMARY}); choose another output")

    @property
    def masks(self) -> bool:
        """Whether masks go as pixels, not as polygons."""
        return (self.form or FORMS[self.to][0]) == "masks"

    @property
    def reading(self) -> Reading:
        """How the file is read: masks that a model made are handed over like people's."""
        rules = {name: getattr(self, name) for name in RULES}
        return Reading(**rules, predicted_masks="use", **vars(self.image_rules))
