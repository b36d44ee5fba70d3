"""What to complete, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contrastmask.completion.thresholds import NAMES, thresholds
from contrastmask.data.images.rules import PLAIN, ImageRules
from contrastmask.data.reading import RULES, Reading
from contrastmask.errors import ConfigError
from contrastmask.files.outputs import require_outputs

CHOICES = {"form": ("rle", "polygons"), "unreadable": ("keep", "complete"), "rejected": ("keep", "complete")}


# of reading a file that completion leaves open


@dataclass(frozen=True)
class CompletionOptions:
    """What to complete and how.

    Attributes:
        annotations, images: the COCO-format file and the folder of its images; output: the file to write.
        truth: a file of the same annotations with true masks, to judge the new ones by; None: nothing is judged.
        classes: names; None: every class.
        form: ``"rle"`` or ``"polygons"``; form_all: run lengths that the file has become polygons, too.
        as_score: the confidence also stands under ``score``.
        redo: masks that a model made before are made anew.
        unreadable: a segmentation that gives no mask but may be somebody's work: ``"keep"`` lists its row,
            ``"complete"`` puts a new mask in its place.
        rejected: rows whose mask a person rejected in a review: ``"keep"`` leaves and lists them, ``"complete"`` gives
            them a new mask.
        min_confidence, min_box_agreement: 0..1, or class name → 0..1 with ``"default"`` for the others; a mask that is
            less sure of itself, or whose own box has a smaller IoU with the given one, is not written, its annotation
            listed.
        check: also predict where the file has people's masks, to report the overlap reached; nothing of it is written.
        overwrite: replace an existing output.
        repair, crowd, rectangles, nested, duplicates, empty_categories: as :class:`contrastmask.data.reading.Reading`.
        image_rules: how image files are found and read.
        batch_size: images a group; num_workers: loader processes.
        shards, shard: N, and which of the N parts is made, 0..N-1; None with N over 1: the parts are joined.
    """

    annotations: Path
    images: Path
    output: Path
    truth: Path | None = None
    classes: Sequence[str] | None = None
    form: str = "rle"
    min_confidence: float | Mapping[str, float] | str = 0.0
    min_box_agreement: float | Mapping[str, float] | str = 0.0
    check: bool = True
    overwrite: bool = False
    repair: bool = False
    batch_size: int = 1
    num_workers: int = 0
    form_all: bool = False
    as_score: bool = False
    redo: bool = False
    unreadable: str = "keep"
    rejected: str = "keep"
    crowd: str = "region"
    rectangles: str = "mask"
    nested: str = "part"
    duplicates: str = "keep"
    empty_categories: str = "keep"
    image_rules: ImageRules = PLAIN
    shards: int = 1
    shard: int | None = None

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ConfigError(f"{name}={value!r} is not one of {', '.join(choices)}")
        if self.form_all and self.form != "polygons":
            raise ConfigError("form_all=true turns run lengths into polygons: it needs form=polygons")
        if self.batch_size < 1 or self.num_workers < 0:
            raise ConfigError("batch_size must be at least 1, num_workers at least 0")
        if self.shards < 1 or not (self.shard is None or 0 <= self.shard < self.shards):
            raise ConfigError(f"shard={self.shard} of shards={self.shards}: they are counted from 0 to N-1")
        if self.shards == 1:  # the whole
            object.__setattr__(self, "shard", None)
        for name in NAMES:
            thresholds(name, getattr(self, name))
        _ = self.reading
        if not self.output.name:
            raise ConfigError(f"output={self.output} names no file")
        read = {"the input itself": self.annotations, "the file that data.truth names": self.truth}
        require_outputs(self.output, (self.output, self.summary), read)
        # an output beside a journal is its own run's, killed at the very end; a journal of another run is refused later
        if self.output.exists() and not self.overwrite and not any(path.exists() for path in self.journals):
            raise ConfigError(f"{self.output} exists; overwrite=true replaces it")

    @property
    def reading(self) -> Reading:
        """How both files are read: a mask that a model made is no truth."""
        rules = {name: getattr(self, name) for name in RULES}
        return Reading(**rules, predicted_masks="ignore", **vars(self.image_rules))

    @property
    def journal(self) -> Path:
        """Where finished work of this call is kept until the output is written."""
        return self._journal_of(self.shard)

    @property
    def journals(self) -> list[Path]:
        """All journals that become the output: of every shard, or the one."""
        return [self._journal_of(shard) for shard in (range(self.shards) if self.shards > 1 else (None,))]

    @property
    def joins(self) -> bool:
        """Shards have been made, and this call joins them."""
        return self.shard is None and self.shards > 1

    @property
    def places(self) -> list[Path]:
        """What no other process may write meanwhile: a shard's own part; of a join the output and all parts."""
        if self.shard is not None:
            return [self.journal]
        return [self.output, *(self.journals if self.joins else [])]

    def _journal_of(self, shard: int | None) -> Path:
        part = "" if shard is None else f".shard-{shard}-of-{self.shards}"
        return self.output.with_name(f".{self.output.name}{part}.journal")

    @property
    def summary(self) -> Path:
        """Where the summary is written."""
        return self.output.with_suffix(".summary.json")
