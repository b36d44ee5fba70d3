"""How the image files of an annotation file are found and read where there is more than one way."""

from __future__ import annotations

from dataclasses import dataclass

from contrastmask.errors import ConfigError

EXIF = ("auto", "apply", "ignore")
AUTO, OWN = "auto", "own"


@dataclass(frozen=True)
class ImageRules:
    """The defaults take the file at its word.

    Attributes:
        strip_path: leading folders of every ``file_name`` that are left out (at most all of them: the last part stays);
            "auto": as many as it takes to find the file, or the one file of this name in any sub-folder; also without
            what Label Studio puts before the names of uploads.
        follow_links: links inside the image folder may lead out of it.
        exif: the camera's orientation is applied "auto"-matically where only then the size agrees with the annotation
            file's, always ("apply", what a viewer shows; sizes before the turn are exchanged), or never ("ignore").
        bit_depth: bits that the samples of 16-bit files use, 9 to 16; "own": each file's own maximum is white.

    Raises:
        ConfigError: another value.
    """

    strip_path: int | str = 0
    follow_links: bool = False
    exif: str = "auto"
    bit_depth: int | str = 16

    def __post_init__(self) -> None:
        if self.strip_path != AUTO and not (type(self.strip_path) is int and 0 <= self.strip_path <= 100):
            raise ConfigError(f"data.strip_path={self.strip_path} is neither a number of folders, 0 to 100, nor {AUTO}")
        if self.bit_depth != OWN and not (type(self.bit_depth) is int and 9 <= self.bit_depth <= 16):
            raise ConfigError(f"data.bit_depth={self.bit_depth} is neither a number of bits, 9 to 16, nor {OWN}")
        if self.exif not in EXIF:
            raise ConfigError(f"data.exif={self.exif} is unknown; choose from {', '.join(EXIF)}")


PLAIN = ImageRules()
