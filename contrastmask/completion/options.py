"""What to complete, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contrastmask.errors import ConfigError


@dataclass(frozen=True)
class CompletionOptions:
    """What to complete and how.

    Attributes:
        annotations, images: the COCO-format file and the folder of its images; output: the file to write.
        truth: a file with the same annotation ids and true masks, to judge the new ones by; None: nothing is judged.
        classes: names; None: every class.
        form: ``"rle"`` or ``"polygons"``.
        min_confidence: 0..1; a less confident mask is not written, its annotation listed.
        check: also predict where the file has masks, to report the overlap reached; nothing of it is written.
        overwrite: replace an existing output. repair: as :func:`load_annotations`.
        batch_size: images a group; num_workers: loader processes.
    """

    annotations: Path
    images: Path
    output: Path
    truth: Path | None = None
    classes: Sequence[str] | None = None
    form: str = "rle"
    min_confidence: float = 0.0
    check: bool = True
    overwrite: bool = False
    repair: bool = False
    batch_size: int = 1
    num_workers: int = 0

    def __post_init__(self) -> None:
        if self.form not in ("rle", "polygons"):
            raise ConfigError(f"form={self.form!r} is not one of rle, polygons")
        if self.batch_size < 1 or self.num_workers < 0:
            raise ConfigError("batch_size must be at least 1, num_workers at least 0")
        if not 0 <= self.min_confidence <= 1:
            raise ConfigError(f"min_confidence={self.min_confidence} must lie in 0..1")
        # an output beside a journal is its own run's, killed at the very end; a journal of another run is refused later
        if self.output.exists() and not self.overwrite and not self.journal.exists():
            raise ConfigError(f"{self.output} exists; overwrite=true replaces it")
        if self.output.resolve() == self.annotations.resolve():
            raise ConfigError(f"output={self.output} is the input itself; choose another name")

    @property
    def journal(self) -> Path:
        """Where finished work is kept until the output is written."""
        return self.output.with_name(f".{self.output.name}.journal")
